/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/ctl/server.h"

#include "lib/client/client.h"

#include <errno.h>
#include <qb/qbipcs.h>
#include <string.h>

enum { CONNECTIONS_MAX = 64 };

struct dpl_server {
    qb_loop_t *loop;
    qb_ipcs_service_t *service;
    struct dpl_rights rights;
    dpl_server_fn *fn;
    void *self;
};

/* Of each connection, until libqb has destroyed it. */
struct peer {
    enum dpl_right right;
    uid_t uid;
    pid_t pid;
    bool closed;
};

struct request {
    struct dpl_request public;
    qb_ipcs_connection_t *connection; /* referenced */
    struct peer *peer;                /* the connection's */
    int32_t id;
};

static void answer(struct request *r, int code, const char *text, struct dpl_doc *result)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    g_autofree uint8_t *data = NULL;
    size_t size = 0;
    struct qb_ipc_response_header head = {.id = r->id};
    dpl_doc_set_int(doc, "code", code);
    if (text)
        dpl_doc_set_text(doc, "text", text);
    if (result)
        dpl_doc_set(doc, "result", result);
    if (dpl_doc_encode(doc, &data, &size, NULL) < 0 ||
        size > DPL_CLIENT_MESSAGE_MAX - sizeof head) {
        g_autoptr(dpl_doc_auto) small = dpl_doc_new();
        g_clear_pointer(&data, g_free);
        dpl_doc_set_int(small, "code", DPL_E_TOO_LARGE);
        dpl_doc_set_text(small, "text", "the answer is too large");
        dpl_doc_encode(small, &data, &size, NULL);
    }
    head.size = (int32_t)(sizeof head + size);
    struct iovec parts[] = {{&head, sizeof head}, {data, size}};
    if (!r->peer->closed)
        qb_ipcs_response_sendv(r->connection, parts, 2);
}

static void request_free(struct request *r)
{
    dpl_doc_free(r->public.args);
    qb_ipcs_connection_unref(r->connection);
    g_free(r);
}

bool dpl_request_alive(const struct dpl_request *request)
{
    return !((const struct request *)request)->peer->closed;
}

void dpl_request_done(struct dpl_request *request, struct dpl_doc *result)
{
    answer((struct request *)request, 0, NULL, result);
    request_free((struct request *)request);
}

void dpl_request_fail(struct dpl_request *request, const struct dpl_err *err)
{
    answer((struct request *)request, err->code ? err->code : DPL_E_FAILED, err->text, NULL);
    request_free((struct request *)request);
}

static int32_t on_accept(qb_ipcs_connection_t *c, uid_t uid, gid_t gid)
{
    struct dpl_server *server = qb_ipcs_connection_service_context_get(c);
    struct qb_ipcs_connection_stats stats = {0};
    struct qb_ipcs_stats all = {0};
    qb_ipcs_connection_stats_get(c, &stats, 0);
    qb_ipcs_stats_get(server->service, &all, 0);
    enum dpl_right right = dpl_rights_of(&server->rights, stats.client_pid, uid, gid);
    if (right == DPL_RIGHT_NONE)
        return -EACCES;
    if (all.active_connections >= CONNECTIONS_MAX)
        return -EBUSY;
    struct peer *peer = g_new0(struct peer, 1);
    *peer = (struct peer){.right = right, .uid = uid, .pid = stats.client_pid};
    qb_ipcs_context_set(c, peer);
    qb_ipcs_connection_auth_set(c, uid, gid, 0600);
    return 0;
}

/* data is memory that the client can still write to: it is copied before it is looked at. */
static int decode(struct request *r, const struct peer *peer, const void *data, size_t size,
                  struct dpl_err *err)
{
    g_autofree void *own = g_memdup2(data, size);
    g_autoptr(dpl_doc_auto) doc = NULL;
    int rc = dpl_doc_decode(own, size, &doc, err);
    if (rc < 0)
        return rc;
    const char *words = dpl_doc_text(doc, "command");
    const struct dpl_doc *args = dpl_doc_get(doc, "args");
    r->public.command = words ? dpl_command_find(words) : NULL;
    if (!r->public.command || r->public.command->place != DPL_PLACE_DAEMON)
        return dpl_err_set(err, DPL_E_UNIMPLEMENTED, "this doppeld knows no command \"%s\"",
                           words ? words : "");
    if (r->public.command->right > peer->right)
        return dpl_err_set(err, DPL_E_PERM,
                           "\"%s\" is for root and the group doppel-admin; you may only look",
                           words);
    rc = dpl_command_check(r->public.command, args, err);
    if (rc == DPL_OK)
        r->public.args = args ? dpl_doc_copy(args) : dpl_doc_new();
    return rc;
}

static int32_t on_message(qb_ipcs_connection_t *c, void *data, size_t size)
{
    struct dpl_server *server = qb_ipcs_connection_service_context_get(c);
    struct peer *peer = qb_ipcs_context_get(c);
    struct qb_ipc_request_header head; /* lies unaligned in the shared ring */
    struct dpl_err err = {0};
    if (size < sizeof head)
        return 0; /* no id to answer to */
    memcpy(&head, data, sizeof head);
    if (head.size < (int32_t)sizeof head || (size_t)head.size > size)
        return 0;
    struct request *r = g_new0(struct request, 1);
    qb_ipcs_connection_ref(c);
    *r = (struct request){.public = {.uid = peer->uid, .pid = peer->pid},
                          .connection = c,
                          .peer = peer,
                          .id = head.id};
    if (decode(r, peer, (const char *)data + sizeof head, (size_t)head.size - sizeof head, &err) <
        0)
        dpl_request_fail(&r->public, &err);
    else
        server->fn(server->self, &r->public);
    return 0;
}

static int32_t on_closed(qb_ipcs_connection_t *c)
{
    struct peer *peer = qb_ipcs_context_get(c);
    if (peer)
        peer->closed = true;
    return 0;
}

static void on_destroyed(qb_ipcs_connection_t *c)
{
    g_free(qb_ipcs_context_get(c));
}

static qb_loop_t *the_loop; /* libqb's poll functions have no context of ours */

static int32_t job_add(enum qb_loop_priority p, void *data, qb_loop_job_dispatch_fn fn)
{
    return qb_loop_job_add(the_loop, p, data, fn);
}

static int32_t poll_add(enum qb_loop_priority p, int32_t fd, int32_t events, void *data,
                        qb_ipcs_dispatch_fn_t fn)
{
    return qb_loop_poll_add(the_loop, p, fd, events, data, fn);
}

static int32_t poll_mod(enum qb_loop_priority p, int32_t fd, int32_t events, void *data,
                        qb_ipcs_dispatch_fn_t fn)
{
    return qb_loop_poll_mod(the_loop, p, fd, events, data, fn);
}

static int32_t poll_del(int32_t fd)
{
    return qb_loop_poll_del(the_loop, fd);
}

int dpl_server_new(qb_loop_t *loop, const char *socket, dpl_server_fn *fn, void *self,
                   struct dpl_server **server_r, struct dpl_err *err)
{
    static struct qb_ipcs_service_handlers handlers = {.connection_accept = on_accept,
                                                       .msg_process = on_message,
                                                       .connection_closed = on_closed,
                                                       .connection_destroyed = on_destroyed};
    static struct qb_ipcs_poll_handlers poll_handlers = {job_add, poll_add, poll_mod, poll_del};
    struct dpl_server *server = g_new0(struct dpl_server, 1);
    *server = (struct dpl_server){.loop = loop, .fn = fn, .self = self};
    the_loop = loop;
    dpl_rights_init(&server->rights);
    server->service = qb_ipcs_create(socket, 0, QB_IPC_SHM, &handlers);
    if (!server->service) {
        g_free(server);
        return dpl_err_set(err, DPL_E_NO_MEMORY, "the control socket cannot be made");
    }
    qb_ipcs_service_context_set(server->service, server);
    qb_ipcs_poll_handlers_set(server->service, &poll_handlers);
    qb_ipcs_enforce_buffer_size(server->service, DPL_CLIENT_MESSAGE_MAX);
    int rc = qb_ipcs_run(server->service); /* on failure libqb has released the service */
    if (rc < 0) {
        g_free(server);
        return dpl_err_sys(err, -rc, "the control socket \"%s\"", socket);
    }
    *server_r = server;
    return DPL_OK;
}

void dpl_server_reload(struct dpl_server *server)
{
    dpl_rights_init(&server->rights);
}

void dpl_server_free(struct dpl_server *server)
{
    if (!server)
        return;
    qb_ipcs_destroy(server->service);
    g_free(server);
}
