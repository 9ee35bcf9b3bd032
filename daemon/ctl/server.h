/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The control socket: libqb IPC, in the daemon's loop.
 *
 * Who has no right is refused at its connect, before a byte of it is read. A request is checked
 * against the table of commands and against the right of its connection, then given to the handler,
 * which answers it now or later, once.
 */
#ifndef DPL_CTL_SERVER_H
#define DPL_CTL_SERVER_H

#include "daemon/ctl/rights.h"

#include <qb/qbloop.h>

struct dpl_server;

struct dpl_request {
    const struct dpl_command *command;
    struct dpl_doc *args; /* as the command's row says; never NULL */
    uid_t uid;
    pid_t pid;
};

/* Owns the request until it is answered. */
typedef void dpl_server_fn(void *self, struct dpl_request *request);

int dpl_server_new(qb_loop_t *loop, const char *socket, dpl_server_fn *fn, void *self,
                   struct dpl_server **server_r, struct dpl_err *err);
/* Looks the groups up again. */
void dpl_server_reload(struct dpl_server *server);
/* Requests that are not answered yet must be answered before. */
void dpl_server_free(struct dpl_server *server);

/* Whether anybody still waits for the answer. */
bool dpl_request_alive(const struct dpl_request *request);
/* Answers and frees the request. Takes result, which may be NULL. */
void dpl_request_done(struct dpl_request *request, struct dpl_doc *result);
void dpl_request_fail(struct dpl_request *request, const struct dpl_err *err);

#endif
