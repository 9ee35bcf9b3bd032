/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Documents of the kind "set": made and changed by commands, checked against the host.
 *
 *   side        "source" (made here) or "target" (accepted from another site)
 *   rules       of a source: the text of daemon/core/rules.h
 *   from        of a target: the site that may send it
 *   map         of a target: a list of {source, target}: absolute directories; empty: one to one
 *   role        serving, standby
 *   generation  a number
 *   begun       of a source: true when a person has connected it: mirrors begin by themselves
 *   mirror_wish of a source: the mirror that a person asked for, until it has ended
 *   mirror_stopped  of a source: true after "mirror stop": none begins by itself
 *   equal       true when a person said that the replica equals the source where the journal
 * begins; used up by the next session that follows off         true after "disconnect" created
 * seconds since 1970
 */
#ifndef DPL_PARENT_SET_DOC_H
#define DPL_PARENT_SET_DOC_H

#include "daemon/parent/daemon.h"

/* From the arguments of "set create" and "set accept". The caller owns *doc_r. */
int dpl_set_doc_create(const struct dpl_daemon *daemon, const struct dpl_doc *args,
                       struct dpl_doc **doc_r, struct dpl_err *err);
int dpl_set_doc_accept(const struct dpl_daemon *daemon, const struct dpl_doc *args,
                       struct dpl_doc **doc_r, struct dpl_err *err);
/* A copy with the rules of "set add" or without those of "set remove". */
int dpl_set_doc_add(const struct dpl_set *set, const struct dpl_doc *args, struct dpl_doc **doc_r,
                    struct dpl_err *err);
int dpl_set_doc_remove(const struct dpl_set *set, const struct dpl_doc *args,
                       struct dpl_doc **doc_r, struct dpl_err *err);
/* The roots of a source's rules, as a list. The caller owns it. */
struct dpl_doc *dpl_set_doc_roots(const struct dpl_doc *doc);

#endif
