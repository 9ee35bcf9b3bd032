/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Doors: the processes between a peer's bytes and an engine, one for each TCP connection.
 *
 * What is said over a door's channel, all of it documents:
 *
 *   to it    {start: {how: "connect", host, port, hello: {...}}} or
 *            {start: {how: "accept", address, hello: {...}}} with the TCP connection;
 *            both with site, node, user, key and cert (paths), sites (the directory of pins);
 *            hello: set, direction ("send" or "receive"), generation
 *   from it  {peer: {site, node, fingerprint, set, direction, generation, version, ...}} when the
 *            peer is authenticated and has said hello (how "accept") or welcome (how "connect")
 *   to it    {go: {...our hello...}} with the data's descriptor, or {refuse: NAME, text}
 *   from it  {failed: text} before it ends, where it knows why
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

/* A set wants a connection: a source's is made, with growing waits, while it is wanted. */
void dpl_door_want(struct dpl_set *set);
/* Ends a set's connection, and no other is made. */
void dpl_door_close(struct dpl_set *set, const char *why);
/* The engine ended; its door ends with it. */
void dpl_door_engine_gone(struct dpl_set *set);
/* The set ends. */
void dpl_door_forget(struct dpl_set *set);

#endif
