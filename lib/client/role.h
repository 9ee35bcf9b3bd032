/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The role of a set at this site, for agents: from this node's own copy of the store, which is a
 * file, so it is answered at once, also where doppeld is dead or the cluster has no quorum.
 */
#ifndef DPL_CLIENT_ROLE_H
#define DPL_CLIENT_ROLE_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum dpl_role {
    DPL_ROLE_UNKNOWN, /* a word that this version does not know */
    DPL_ROLE_STANDBY,
    DPL_ROLE_SERVING,
    DPL_ROLE_RELEASED,
    DPL_ROLE_SUPERSEDED,
};

/* Beneath the runtime directory: a file for each set that an agent has asked doppeld for. */
#define DPL_ASKED_DIR "asked"

struct dpl_role_now {
    enum dpl_role role;
    char text[32];      /* the role as it is stored */
    bool source;        /* the set was made here, not accepted from another site */
    char root[4096];    /* one of its roots, where it is a source */
    int64_t generation; /* that every failover and failback raises */
};

/* state_dir is that of doppel.conf(5). PARAM_HERE: this node's store has no such set; CORRUPT and
 * the like: its file cannot be read, with the file's name. */
int dpl_role_read(const char *state_dir, const char *set, struct dpl_role_now *now_r,
                  struct dpl_err *err);
/* The same, and REFUSED, with the role that was found, unless it is this one. *now_r, which may be
 * NULL, is set where the set was found. */
int dpl_role_want(const char *state_dir, const char *set, enum dpl_role wanted,
                  struct dpl_role_now *now_r, struct dpl_err *err);
/* Why an agent's start failed that nobody but doppeld can help: how its reason begins. */
#define DPL_NO_DAEMON "doppeld does not run on this node"
/* Whether a text, as Pacemaker keeps it of a start that failed, is that refusal of an agent which
 * wants the set in another role. */
bool dpl_role_is_refusal(const char *text, const char *set);
const char *dpl_role_text(enum dpl_role role);

#endif
