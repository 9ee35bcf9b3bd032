/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What agents and tools say to doppeld.
 *
 * A client is one connection; it belongs to one thread. A call sends a command of the table in
 * lib/ctl/command.tbl.h and waits for its answer. The daemon is believed only when it runs as root,
 * or as the caller.
 */
#ifndef DPL_CLIENT_CLIENT_H
#define DPL_CLIENT_CLIENT_H

#include "lib/base/err.h"

#include <signal.h>
#include <stdint.h>

struct dpl_client;
struct dpl_doc;

enum { DPL_CLIENT_MESSAGE_MAX = 1 << 20 };

/* The name of the socket of an instance, NULL being the one without a name. */
const char *dpl_client_socket(const char *instance, char *name, size_t room);

/* NOT_RUNNING when no daemon answers; PERM when it refuses us, or cannot be believed. *stop, where
 * stop is not NULL, ends a call with INTERRUPTED soon after a handler of a signal has set it. */
int dpl_client_open(const char *instance, const volatile sig_atomic_t *stop,
                    struct dpl_client **client_r, struct dpl_err *err);
/* The same, and TIMEOUT where a daemon is there and does not take the connection in that time: one
 * that is halted (dpl_client_open waits for ten seconds). */
int dpl_client_open_within(const char *instance, const volatile sig_atomic_t *stop,
                           int64_t timeout_ms, struct dpl_client **client_r, struct dpl_err *err);
void dpl_client_close(struct dpl_client *client);

/* The answer's code, with its sentence in err; 0 with the result, which the caller owns, in
 * *result_r (NULL if there is none). TIMEOUT after timeout_ms without an answer. After that, and
 * after INTERRUPTED, the client can only be closed. args may be NULL. */
int dpl_client_call(struct dpl_client *client, const char *command, const struct dpl_doc *args,
                    int64_t timeout_ms, struct dpl_doc **result_r, struct dpl_err *err);

#endif
