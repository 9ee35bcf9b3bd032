/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Documents of the kind "set": made and changed by commands, checked against the host.
 *
 *   side        "source" while the role is serving, released or superseded, else "target"
 *   rules       of a source: the text of daemon/core/rules.h
 *   peer        of a source: the other site, from a failover, or by its connection's parameters in
 *               a cluster
 *   from        of a target: the site that may send it
 *   map         a list of {source, target}: absolute directories there and here; empty: one to one
 *   peer_rules  of a target: the rules of its source, in that site's paths, as last heard
 *   role        and all that belongs to it: only set_become.h changes these (core/set_role.h)
 *   generation  of the role; never goes down
 *   failing_over  {generation, procedure, settle, down, heard_ms}: a failover to this site that was
 *               not raised yet; of a source that is said to be down, when it was heard all the same
 *               (down: true or false where a failover of this site made it, else not there)
 *   tried       the highest generation that was pending or given up here: none is used twice
 *   released_for  the generation for which this site let go
 *   ceded       the generation that it gave away: it serves again only by the other site's answer
 *   restore_required  true where a site serves since a failover, until the failback's end
 *   held        true where a set that serves waits for a person
 *   life        of a target: the generation with which it began to stand by; 0: it was accepted
 *   set_aside   of a target: true from there until it equals its source for the first time
 *   look_changed  of a target: {number, since_ms}: what was changed here is looked for (kept.h)
 *   parted_ms   of a site that took over, and then of the one that stands by for it: until when, by
 *               the clock of the old source, all came to the site that took over
 *   cold        {why, next}: it serves by its role, and is held since the whole cluster was down
 *   on_superseded  of a source in a cluster: its connection's parameter
 *   begun       of a source: true when a person has connected it: mirrors begin by themselves
 *   mirror_wish of a source: the mirror that a person asked for, until it has ended
 *   mirror_stopped  of a source: true after "mirror stop": none begins by itself
 *   equal       true when a person said that the replica equals the source where the journal
 *               begins; used up by the next session that follows
 *   off         true after "disconnect"
 *   created     seconds since 1970
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
/* Whether the pairs of a map, {source: there, target: here}, may be used by this set here: REFUSED.
 * No pairs: whether there is a root to write beneath. */
int dpl_set_doc_check_map(const struct dpl_daemon *daemon, const char *name,
                          const struct dpl_doc *map, struct dpl_err *err);
/* From here on it is connected, and a mirror that is needed begins by itself. */
void dpl_set_doc_connect(struct dpl_doc *doc);
/* The roots of a source's rules, as a list. The caller owns it. */
struct dpl_doc *dpl_set_doc_roots(const struct dpl_doc *doc);

#endif
