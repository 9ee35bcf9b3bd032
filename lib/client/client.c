/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/client/client.h"

#include "lib/base/clock.h"
#include "lib/ctl/doc.h"

#include <errno.h>
#include <poll.h>
#include <qb/qbipcc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLICE_MS   100 /* after that long a signal is noticed */
#define CONNECT_MS 10000

struct dpl_client {
    qb_ipcc_connection_t *ipc;
    const volatile sig_atomic_t *stop;
    int32_t last_id;
};

const char *dpl_client_socket(const char *instance, char *name, size_t room)
{
    g_snprintf(name, room, "doppel%s%s", instance ? "-" : "", instance ? instance : "");
    return name;
}

static int check_server(struct dpl_client *client, struct dpl_err *err)
{
    pid_t pid;
    uid_t uid = (uid_t)-1;
    gid_t gid;
    if (qb_ipcc_auth_get(client->ipc, &pid, &uid, &gid) < 0 || (uid != 0 && uid != geteuid()))
        return dpl_err_set(err, DPL_E_PERM, "who answers for doppeld is user %u, not root",
                           (unsigned)uid);
    return DPL_OK;
}

static int connect_error(int sys_errno, const char *name, struct dpl_err *err)
{
    switch (sys_errno) {
    case EACCES:
    case EPERM:
        return dpl_err_set(err, DPL_E_PERM,
                           "doppeld refuses this user: it must be root, or in the group "
                           "doppel-admin or doppel-monitor");
    case ECONNREFUSED:
    case ENOENT:
        return dpl_err_set(err, DPL_E_NOT_RUNNING, "doppeld does not run (nobody is at \"%s\")",
                           name);
    default:
        return dpl_err_sys(err, sys_errno, "connect to doppeld at \"%s\"", name);
    }
}

/* Waits until the daemon has answered that we want to connect. */
static int wait_answer(const struct dpl_client *client, int fd, int64_t timeout_ms,
                       struct dpl_err *err)
{
    int64_t deadline = dpl_clock_now_ns(&dpl_clock_system) + timeout_ms * 1000000;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int left_ms = dpl_clock_left_ms(&dpl_clock_system, deadline);
        int n = poll(&p, 1, left_ms < SLICE_MS ? left_ms : SLICE_MS);
        if (n > 0)
            return DPL_OK;
        if (n < 0 && errno != EINTR)
            return dpl_err_sys(err, errno, "wait for doppeld");
        if (client->stop && *client->stop)
            return dpl_err_set(err, DPL_E_INTERRUPTED, "interrupted");
        if (left_ms == 0)
            return dpl_err_set(err, DPL_E_TIMEOUT, "doppeld takes no connection in %lld ms",
                               (long long)timeout_ms);
    }
}

/* A connection that it could not make libqb frees itself. */
static int connect_within(struct dpl_client *client, const char *name, int64_t timeout_ms,
                          struct dpl_err *err)
{
    int fd = -1;
    qb_ipcc_connection_t *ipc = qb_ipcc_connect_async(name, DPL_CLIENT_MESSAGE_MAX, &fd);
    if (!ipc)
        return connect_error(errno, name, err);
    int rc = wait_answer(client, fd, timeout_ms, err);
    if (rc < 0) {
        qb_ipcc_disconnect(ipc);
        return rc;
    }
    rc = qb_ipcc_connect_continue(ipc);
    if (rc != 0)
        return connect_error(abs(rc), name, err);
    client->ipc = ipc;
    return DPL_OK;
}

int dpl_client_open(const char *instance, const volatile sig_atomic_t *stop,
                    struct dpl_client **client_r, struct dpl_err *err)
{
    return dpl_client_open_within(instance, stop, CONNECT_MS, client_r, err);
}

int dpl_client_open_within(const char *instance, const volatile sig_atomic_t *stop,
                           int64_t timeout_ms, struct dpl_client **client_r, struct dpl_err *err)
{
    char name[64];
    struct dpl_client *client = g_new0(struct dpl_client, 1);
    dpl_client_socket(instance, name, sizeof name);
    client->stop = stop;
    int rc = connect_within(client, name, timeout_ms, err);
    if (rc == DPL_OK)
        rc = check_server(client, err);
    if (rc < 0) {
        dpl_client_close(client);
        return rc;
    }
    *client_r = client;
    return DPL_OK;
}

void dpl_client_close(struct dpl_client *client)
{
    if (!client)
        return;
    if (client->ipc)
        qb_ipcc_disconnect(client->ipc);
    g_free(client);
}

static int send_request(struct dpl_client *client, const char *command, const struct dpl_doc *args,
                        struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    g_autofree uint8_t *data = NULL;
    size_t size;
    dpl_doc_set_text(doc, "command", command);
    if (args)
        dpl_doc_set(doc, "args", dpl_doc_copy(args));
    int rc = dpl_doc_encode(doc, &data, &size, err);
    if (rc < 0)
        return rc;
    struct qb_ipc_request_header head = {0};
    if (size > DPL_CLIENT_MESSAGE_MAX - sizeof head)
        return dpl_err_set(err, DPL_E_TOO_LARGE, "the request is too large (%zu bytes)", size);
    head.id = ++client->last_id;
    head.size = (int32_t)(sizeof head + size);
    struct iovec parts[] = {{&head, sizeof head}, {data, size}};
    ssize_t sent;
    do
        sent = qb_ipcc_sendv(client->ipc, parts, 2);
    while (sent == -EAGAIN);
    return sent < 0 ? dpl_err_set(err, DPL_E_NOT_RUNNING, "doppeld went away") : DPL_OK;
}

/* The bytes of an answer. Returns their number. */
static ssize_t receive(struct dpl_client *client, void *buffer, int64_t timeout_ms,
                       struct dpl_err *err)
{
    int64_t deadline = dpl_clock_now_ns(&dpl_clock_system) + timeout_ms * 1000000;
    for (;;) {
        int left_ms = dpl_clock_left_ms(&dpl_clock_system, deadline);
        ssize_t n = qb_ipcc_recv(client->ipc, buffer, DPL_CLIENT_MESSAGE_MAX,
                                 left_ms < SLICE_MS ? left_ms : SLICE_MS);
        if (n >= 0)
            return n;
        if (client->stop && *client->stop)
            return dpl_err_set(err, DPL_E_INTERRUPTED, "interrupted");
        if (n != -EAGAIN && n != -ETIMEDOUT && n != -EINTR)
            return dpl_err_set(err, DPL_E_NOT_RUNNING, "doppeld went away");
        if (left_ms == 0)
            return dpl_err_set(err, DPL_E_TIMEOUT, "doppeld did not answer in %lld ms",
                               (long long)timeout_ms);
    }
}

static int take_answer(const struct qb_ipc_response_header *head, size_t size, int32_t id,
                       struct dpl_doc **result_r, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) doc = NULL;
    if (size < sizeof *head || head->size < 0 || (size_t)head->size != size || head->id != id)
        return dpl_err_set(err, DPL_E_CORRUPT, "doppeld's answer makes no sense");
    int rc = dpl_doc_decode(head + 1, size - sizeof *head, &doc, err);
    if (rc < 0)
        return rc;
    int64_t code = dpl_doc_int(doc, "code", DPL_E_CORRUPT);
    const char *text = dpl_doc_text(doc, "text");
    const struct dpl_doc *result = dpl_doc_get(doc, "result");
    if (result_r)
        *result_r = result ? dpl_doc_copy(result) : NULL;
    if (code < 0 && code > -10000)
        return dpl_err_set(err, (int)code, "%s", text ? text : dpl_err_text((int)code));
    return DPL_OK;
}

int dpl_client_call(struct dpl_client *client, const char *command, const struct dpl_doc *args,
                    int64_t timeout_ms, struct dpl_doc **result_r, struct dpl_err *err)
{
    g_autofree struct qb_ipc_response_header *answer = g_malloc(DPL_CLIENT_MESSAGE_MAX);
    if (result_r)
        *result_r = NULL;
    int rc = send_request(client, command, args, err);
    if (rc < 0)
        return rc;
    ssize_t size = receive(client, answer, timeout_ms, err);
    return size < 0 ? (int)size : take_answer(answer, (size_t)size, client->last_id, result_r, err);
}
