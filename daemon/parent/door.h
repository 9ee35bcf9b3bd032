/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Doors: the processes between a peer's bytes and an engine, one for each TCP connection.
 *
 * What is said over a door's channel stands in daemon/priv/door.h: we tell it what to do ({start}),
 * it says who is there ({peer}), we answer {go} with the data's descriptor, or {refuse}.
 *
 * A door is not trusted: the site that it names counts because the door alone has seen the
 * certificate, and it may only reach the set that this site was permitted to send. Doors of peers
 * that are not known yet are bounded in number and in time.
 */
#ifndef DPL_PARENT_DOOR_H
#define DPL_PARENT_DOOR_H

#include "daemon/parent/daemon.h"

/* Listens, where the configuration has a port. */
int dpl_doors_begin(struct dpl_daemon *daemon, struct dpl_err *err);
void dpl_doors_end(struct dpl_daemon *daemon);
/* A socket for what a new configuration names, -1 where it is the port that is there; then listens
 * on it, with the settings being the new ones. */
int dpl_doors_prepare(const struct dpl_daemon *daemon, const struct dpl_conf *conf, int *fd_r,
                      struct dpl_err *err);
int dpl_doors_listen(struct dpl_daemon *daemon, int fd, struct dpl_err *err);

/* Somebody is trusted, or may ask for a set, who was not: who was sent away may come at once. */
void dpl_doors_forgive(struct dpl_daemon *daemon);

/* Exchanges offers with a site, at these addresses (NULL: those that are known), and answers the
 * request then. */
int dpl_door_pair(struct dpl_daemon *daemon, const char *site, const struct dpl_doc *addresses,
                  struct dpl_request *request, struct dpl_err *err);

/* What every door is told: who we are, and whom we trust. */
void dpl_door_put_ours(struct dpl_doc *start, const struct dpl_daemon *daemon);
/* The answer to the question that it brought (talk.h). */
void dpl_door_answer(struct dpl_door *door, const struct dpl_doc *answer);

/* What a set's door is told of the configuration: while it is the same, a connection may stay. */
struct dpl_doc *dpl_door_options(const struct dpl_set *set);
/* What went over the network since the daemon's start. */
struct dpl_wire dpl_door_wire(const struct dpl_set *set);

/* A set wants a connection: a source's is made, with growing waits, while it is wanted. */
void dpl_door_want(struct dpl_set *set);
/* The same, without the wait that failures have brought. */
void dpl_door_soon(struct dpl_set *set);
/* Ends a set's connection, and no other is made. */
void dpl_door_close(struct dpl_set *set, const char *why);
/* The engine ended; its door ends with it. */
void dpl_door_engine_gone(struct dpl_set *set);
/* The set ends. */
void dpl_door_forget(struct dpl_set *set);

#endif
