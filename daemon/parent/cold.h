/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A cluster that starts cold holds the sets that it served last until the other site says that it
 * does not serve them, or a person does. Called by roles.c, at the node that sets the roles; on a
 * stand-alone server by cold_alone.c.
 *
 * Why a set is held stands in its document ("cold": {why, next}), so every node can say so.
 */
#ifndef DPL_PARENT_COLD_H
#define DPL_PARENT_COLD_H

#include "daemon/parent/daemon.h"

/* A set that serves by its role, and has no role in Pacemaker yet. True: it has to wait. It is
 * called again whenever something may have changed. */
bool dpl_cold_holds(struct dpl_set *set);
/* A set that was imported, or otherwise waits for a person alone. */
void dpl_cold_waits_for_person(struct dpl_set *set);
/* It is not held, or not any more. */
void dpl_cold_over(struct dpl_set *set);
/* Why it is held, and the command that helps; NULL: it is not. */
const char *dpl_cold_why(const struct dpl_set *set);
const char *dpl_cold_next(const struct dpl_set *set);

/* cold_alone.c: a stand-alone server that runs services by itself. */
/* Its document was found at the daemon's start; before its services begin. */
void dpl_cold_loaded(struct dpl_set *set);
/* Its role or its generation is another than before, or it is new. */
void dpl_cold_role_changed(struct dpl_set *set);
/* It serves no more here: the daemon's next start is a cold one. */
int dpl_cold_forget(const struct dpl_set *set, struct dpl_err *err);
/* The sets were found, and the store can be changed. */
void dpl_cold_begin(struct dpl_daemon *daemon);
/* The other site has answered, or has not. */
void dpl_cold_review(struct dpl_set *set);
/* Whether its services stay as they are for now. */
bool dpl_cold_keeps_services(const struct dpl_set *set);

/* confirm.c, "site confirm": lets a set serve here, if the other site does not say that it does. */
void dpl_confirm(struct dpl_set *set, struct dpl_request *request);

#endif
