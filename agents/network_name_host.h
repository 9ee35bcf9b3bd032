/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The host's own name (uname -n), given and taken back, where the cluster does not live by it.
 */
#ifndef DPL_AGENTS_NETWORK_NAME_HOST_H
#define DPL_AGENTS_NETWORK_NAME_HOST_H

#include "agents/network_name_state.h"

#define NN_COROSYNC_CONF "/etc/corosync/corosync.conf"

/* Whether the host may have the name, by the text of corosync.conf: PARAM_HERE, and why, when
 * Pacemaker would take it for that of a node. */
int nn_host_check_text(const char *host, const char *corosync_conf, struct dpl_err *err);
/* The same by this host's file; without one there is no cluster to break. */
int nn_host_check(const char *host, struct dpl_err *err);
/* Gives the name, and notes the former one in the state before. */
int nn_host_take(const char *host, struct nn_state *state, struct dpl_err *err);
/* Takes it back, if the host still has it: 1; 0 if it has another by now. */
int nn_host_give_back(const struct nn_state *state, struct dpl_err *err);
/* Whether the host has the name that was given: what it has instead, or NULL. Borrowed. */
const char *nn_host_differs(const struct nn_state *state);

#endif
