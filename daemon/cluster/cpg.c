/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/cluster/cpg.h"

#include <corosync/cmap.h>
#include <corosync/cpg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { JOIN_TRIES = 100, JOIN_WAIT_US = 50000 };

struct dpl_cpg {
    cpg_handle_t handle;
    const struct dpl_cpg_fns *fns;
    void *self;
    GQueue out; /* of GBytes */
};

static int fail(struct dpl_err *err, cs_error_t rc, const char *what)
{
    return dpl_err_set(err, DPL_E_NOT_RUNNING, "corosync: %s: %s", what, cs_strerror(rc));
}

static struct dpl_cpg *of(cpg_handle_t handle)
{
    void *context = NULL;
    return cpg_context_get(handle, &context) == CS_OK ? context : NULL;
}

static void on_message(cpg_handle_t handle, const struct cpg_name *group, uint32_t node,
                       uint32_t pid, void *data, size_t size)
{
    struct dpl_cpg *cpg = of(handle);
    g_autoptr(dpl_doc_auto) doc = NULL;
    (void)group;
    (void)pid;
    if (cpg && dpl_doc_decode(data, size, &doc, NULL) == DPL_OK)
        cpg->fns->message(cpg->self, node, doc);
}

/* A node counts once, also while an old process of it has not gone quite. */
static void on_members(cpg_handle_t handle, const struct cpg_name *group,
                       const struct cpg_address *members, size_t count,
                       const struct cpg_address *left, size_t left_count,
                       const struct cpg_address *joined, size_t joined_count)
{
    struct dpl_cpg *cpg = of(handle);
    uint32_t ids[DPL_CPG_MEMBERS_MAX];
    size_t n = 0;
    (void)group;
    (void)left;
    (void)left_count;
    (void)joined;
    (void)joined_count;
    for (size_t i = 0; i < count && n < DPL_CPG_MEMBERS_MAX; i++) {
        size_t k = 0;
        while (k < n && ids[k] != members[i].nodeid)
            k++;
        if (k == n)
            ids[n++] = members[i].nodeid;
    }
    if (cpg)
        cpg->fns->members(cpg->self, ids, n);
}

static int join(struct dpl_cpg *cpg, const char *group, struct dpl_err *err)
{
    struct cpg_name name = {0};
    cs_error_t rc = CS_ERR_TRY_AGAIN;
    name.length = (uint32_t)g_strlcpy(name.value, group, sizeof name.value);
    if (name.length >= sizeof name.value)
        return dpl_err_set(err, DPL_E_PARAM, "\"%s\" is too long for a group", group);
    for (int i = 0; i < JOIN_TRIES && rc == CS_ERR_TRY_AGAIN; i++) {
        rc = cpg_join(cpg->handle, &name);
        if (rc == CS_ERR_TRY_AGAIN)
            usleep(JOIN_WAIT_US);
    }
    return rc == CS_OK ? DPL_OK : fail(err, rc, "join its group");
}

int dpl_cpg_open(const char *group, const struct dpl_cpg_fns *fns, void *self,
                 struct dpl_cpg **cpg_r, struct dpl_err *err)
{
    cpg_callbacks_t callbacks = {on_message, on_members};
    struct dpl_cpg *cpg = g_new0(struct dpl_cpg, 1);
    cpg->fns = fns;
    cpg->self = self;
    g_queue_init(&cpg->out);
    cs_error_t rc = cpg_initialize(&cpg->handle, &callbacks);
    if (rc != CS_OK) {
        g_free(cpg);
        return fail(err, rc, "it does not answer");
    }
    cpg_context_set(cpg->handle, cpg);
    int code = join(cpg, group, err);
    if (code < 0)
        dpl_cpg_close(cpg);
    else
        *cpg_r = cpg;
    return code;
}

void dpl_cpg_close(struct dpl_cpg *cpg)
{
    GBytes *bytes;
    if (!cpg)
        return;
    cpg_finalize(cpg->handle);
    while ((bytes = g_queue_pop_head(&cpg->out)) != NULL)
        g_bytes_unref(bytes);
    g_free(cpg);
}

int dpl_cpg_fd(const struct dpl_cpg *cpg)
{
    int fd = -1;
    return cpg_fd_get(cpg->handle, &fd) == CS_OK ? fd : -1;
}

int dpl_cpg_dispatch(struct dpl_cpg *cpg, struct dpl_err *err)
{
    cs_error_t rc = cpg_dispatch(cpg->handle, CS_DISPATCH_ALL);
    return rc == CS_OK || rc == CS_ERR_TRY_AGAIN ? DPL_OK : fail(err, rc, "it went away");
}

int dpl_cpg_flush(struct dpl_cpg *cpg, struct dpl_err *err)
{
    while (!g_queue_is_empty(&cpg->out)) {
        GBytes *bytes = g_queue_peek_head(&cpg->out);
        gsize size;
        const void *data = g_bytes_get_data(bytes, &size);
        struct iovec part = {(void *)(uintptr_t)data, size};
        cs_error_t rc = cpg_mcast_joined(cpg->handle, CPG_TYPE_AGREED, &part, 1);
        if (rc == CS_ERR_TRY_AGAIN)
            return 1;
        if (rc != CS_OK)
            return fail(err, rc, "send a message");
        g_bytes_unref(g_queue_pop_head(&cpg->out));
    }
    return DPL_OK;
}

int dpl_cpg_send(struct dpl_cpg *cpg, const struct dpl_doc *message, struct dpl_err *err)
{
    uint8_t *data = NULL;
    size_t size = 0;
    int rc = dpl_doc_encode(message, &data, &size, err);
    if (rc < 0)
        return rc;
    if (size > DPL_CPG_MESSAGE_MAX) {
        g_free(data);
        return dpl_err_set(err, DPL_E_TOO_LARGE, "a message of %zu bytes", size);
    }
    g_queue_push_tail(&cpg->out, g_bytes_new_take(data, size));
    rc = dpl_cpg_flush(cpg, err);
    return rc < 0 ? rc : DPL_OK;
}

/* The name of a node at a place of corosync's list of nodes. */
static char *node_name(cmap_handle_t cmap, unsigned at, uint32_t id, bool own)
{
    char key[64], *name = NULL;
    struct utsname host;
    snprintf(key, sizeof key, "nodelist.node.%u.name", at);
    if (cmap_get_string(cmap, key, &name) == CS_OK) {
        char *copy = g_strdup(name);
        free(name);
        return copy;
    }
    return own && uname(&host) == 0 ? g_strdup(host.nodename) : g_strdup_printf("node %u", id);
}

int dpl_cpg_nodes(struct dpl_doc **doc_r, struct dpl_err *err)
{
    struct dpl_doc *doc = dpl_doc_new(), *nodes = dpl_doc_set_list(doc, "nodes");
    cmap_handle_t cmap;
    uint32_t own = 0, id;
    char key[64];
    struct utsname host;
    cs_error_t rc = cmap_initialize(&cmap);
    if (rc != CS_OK) {
        dpl_doc_free(doc);
        return fail(err, rc, "its configuration cannot be read");
    }
    rc = cmap_get_uint32(cmap, "runtime.votequorum.this_node_id", &own);
    dpl_doc_set_int(doc, "id", own);
    dpl_doc_set_text(doc, "name", uname(&host) == 0 ? host.nodename : "localhost");
    for (unsigned i = 0; i < DPL_CPG_MEMBERS_MAX; i++) {
        snprintf(key, sizeof key, "nodelist.node.%u.nodeid", i);
        if (cmap_get_uint32(cmap, key, &id) != CS_OK)
            break;
        g_autofree char *name = node_name(cmap, i, id, id == own);
        dpl_doc_add_text(nodes, name);
        if (id == own)
            dpl_doc_set_text(doc, "name", name);
    }
    cmap_finalize(cmap);
    if (rc == CS_OK) {
        *doc_r = doc;
        return DPL_OK;
    }
    dpl_doc_free(doc);
    return fail(err, rc, "this node's id is not known");
}
