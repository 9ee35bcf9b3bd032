/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/node.h"

#include "daemon/parent/change.h"
#include "daemon/parent/log.h"
#include "lib/tls/keys.h"

#include <string.h>
#include <time.h>

enum { SOON_MS = 1000, LOOK_MS = 6 * 3600 * 1000 };

struct dpl_nodes {
    struct dpl_daemon *daemon;
    struct dpl_timer timer;
};

static struct dpl_keys_at keys_at(const struct dpl_daemon *daemon)
{
    const struct dpl_conf *conf = daemon->settings.conf;
    return (struct dpl_keys_at){dpl_conf_text(conf, "tls", "key"),
                                dpl_conf_text(conf, "tls", "cert")};
}

static int64_t now_s(void)
{
    return (int64_t)time(NULL);
}

/* By the name that corosync gives it. */
static const char *own_name(const struct dpl_daemon *daemon)
{
    return dpl_group_name(dpl_store_group(daemon->store));
}

static const struct dpl_doc *node_doc(const struct dpl_daemon *daemon, const char *node,
                                      struct dpl_store_version *version_r)
{
    struct dpl_store_item item;
    *version_r = (struct dpl_store_version){0};
    if (dpl_store_get(daemon->store, "node", node, &item, NULL) < 0)
        return NULL;
    *version_r = item.version;
    return item.doc;
}

/* This node's key stands in the store, so that it can be signed. */
static void ask(struct dpl_daemon *daemon)
{
    struct dpl_keys_at at = keys_at(daemon);
    struct dpl_store_version version;
    g_autofree char *public = NULL;
    struct dpl_err err = {0};
    const struct dpl_doc *have = node_doc(daemon, own_name(daemon), &version);
    if (dpl_keys_public(&at, &public, &err) < 0) {
        dpl_log(LOG_WARNING, "this node's key: %s", err.text);
        return;
    }
    if (g_strcmp0(dpl_doc_text(have, "public"), public) == 0)
        return;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_text(doc, "public", public);
    dpl_doc_set_int(doc, "asked_s", now_s());
    dpl_change(daemon, "node", own_name(daemon), &version, doc, NULL, NULL);
}

/* What was signed for this node is taken. */
static void take(struct dpl_daemon *daemon)
{
    struct dpl_keys_at at = keys_at(daemon);
    struct dpl_store_version version;
    struct dpl_err err = {0};
    const char *cert = dpl_doc_text(node_doc(daemon, own_name(daemon), &version), "cert");
    int rc = cert ? dpl_keys_take(&at, cert, &err) : 0;
    if (rc < 0)
        dpl_log(LOG_WARNING, "this node's certificate: %s", err.text);
    else if (rc > 0)
        dpl_log(LOG_NOTICE, "this node has a new certificate");
}

/* Signs the key of a node; the request (or nobody) is answered when the store has it. */
static int sign(struct dpl_daemon *daemon, const char *node, struct dpl_request *request,
                struct dpl_err *err)
{
    struct dpl_keys_at at = keys_at(daemon);
    struct dpl_store_version version;
    g_autofree char *chain = NULL;
    const struct dpl_doc *have = node_doc(daemon, node, &version);
    const char *public = dpl_doc_text(have, "public");
    if (!public)
        return dpl_err_set(err, DPL_E_NOT_FOUND,
                           "node \"%s\" has not shown its key: doppeld must have run there, as a "
                           "node of this cluster",
                           node);
    int rc = dpl_keys_sign(&at, node, public, now_s(), &chain, err);
    if (rc == DPL_E_NOT_FOUND)
        return dpl_err_set(err, rc,
                           "the site's authority is not on this node: type this where doppel site "
                           "init was typed");
    if (rc < 0)
        return rc;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(have);
    dpl_doc_set_text(doc, "cert", chain);
    dpl_change(daemon, "node", node, &version, doc, request, NULL);
    return DPL_OK;
}

static int64_t days_left(const struct dpl_doc *doc)
{
    const char *cert = dpl_doc_text(doc, "cert");
    struct dpl_cert_info info;
    return cert && dpl_cert_info(cert, &info, NULL) == DPL_OK ? dpl_cert_days_left(&info, now_s())
                                                              : -1;
}

/* Certificates that end are signed again where the authority lies. */
static void renew(struct dpl_daemon *daemon)
{
    g_auto(GStrv) names = dpl_store_list(daemon->store, "node");
    for (size_t i = 0; names[i]; i++) {
        struct dpl_store_version version;
        const struct dpl_doc *doc = node_doc(daemon, names[i], &version);
        if (dpl_doc_text(doc, "cert") && days_left(doc) < DPL_CERT_RENEW_DAYS &&
            sign(daemon, names[i], NULL, NULL) == DPL_OK)
            dpl_log(LOG_NOTICE, "the certificate of node \"%s\" was made anew", names[i]);
    }
}

/* A node that has the authority signs for itself ("site init"). */
static bool has_authority(const struct dpl_daemon *daemon)
{
    struct dpl_keys_at at = keys_at(daemon);
    struct dpl_keys keys = {0};
    bool has = dpl_keys_load(&at, &keys, NULL) == DPL_OK && keys.site_cert;
    dpl_keys_clear(&keys);
    return has;
}

static void look(void *self)
{
    struct dpl_nodes *nodes = self;
    struct dpl_daemon *daemon = nodes->daemon;
    dpl_timer_set(&nodes->timer, daemon->loop, LOOK_MS, look, nodes);
    if (daemon->stopping || !dpl_store_ready(daemon->store))
        return;
    if (has_authority(daemon))
        renew(daemon);
    else
        ask(daemon);
    take(daemon);
}

static void look_soon(void *self)
{
    struct dpl_nodes *nodes = self;
    if (!nodes->daemon->stopping)
        dpl_timer_set(&nodes->timer, nodes->daemon->loop, SOON_MS, look, nodes);
}

static void on_change(void *self, const struct dpl_store_item *item)
{
    const struct dpl_nodes *nodes = self;
    if (strcmp(item->kind, "node") == 0 && strcmp(item->name, own_name(nodes->daemon)) == 0)
        look_soon(self);
}

void dpl_nodes_begin(struct dpl_daemon *daemon)
{
    if (!daemon->settings.cluster)
        return;
    struct dpl_nodes *nodes = g_new0(struct dpl_nodes, 1);
    nodes->daemon = daemon;
    daemon->nodes = nodes;
    dpl_store_watch(daemon->store, on_change, nodes);
    dpl_store_watch_state(daemon->store, look_soon, nodes);
}

void dpl_nodes_end(struct dpl_daemon *daemon)
{
    if (!daemon->nodes)
        return;
    dpl_timer_clear(&daemon->nodes->timer);
    g_free(daemon->nodes);
    daemon->nodes = NULL;
}

static void add(struct dpl_daemon *daemon, const char *node, struct dpl_request *request)
{
    struct dpl_err err = {0};
    if (sign(daemon, node, request, &err) < 0)
        dpl_request_fail(request, &err);
}

static void remove_node(struct dpl_daemon *daemon, const char *node, struct dpl_request *request)
{
    const struct dpl_group *group = dpl_store_group(daemon->store);
    struct dpl_store_version version;
    struct dpl_err err = {0};
    if (!node_doc(daemon, node, &version))
        dpl_err_set(&err, DPL_E_NOT_FOUND, "there is no node \"%s\"", node);
    else if (dpl_group_present(group, node))
        dpl_err_set(&err, DPL_E_REFUSED,
                    "node \"%s\" is there: end doppeld on it first, and take it out of the cluster",
                    node);
    if (err.code < 0)
        dpl_request_fail(request, &err);
    else
        dpl_change(daemon, "node", node, &version, NULL, request, NULL);
}

/* The names of all that are known, in their order. */
static char **all_names(const struct dpl_daemon *daemon)
{
    const char *const *members = dpl_group_era_members(dpl_store_group(daemon->store));
    g_auto(GStrv) named = dpl_store_list(daemon->store, "node");
    GPtrArray *all = g_ptr_array_new();
    for (size_t i = 0; members[i]; i++)
        g_ptr_array_add(all, g_strdup(members[i]));
    for (size_t i = 0; named[i]; i++)
        if (!g_strv_contains(members, named[i]))
            g_ptr_array_add(all, g_strdup(named[i]));
    g_ptr_array_add(all, NULL);
    return (char **)g_ptr_array_free(all, FALSE);
}

static void check(struct dpl_daemon *daemon, struct dpl_request *request)
{
    const struct dpl_group *group = dpl_store_group(daemon->store);
    struct dpl_doc *result = dpl_doc_new(), *list = dpl_doc_set_list(result, "nodes");
    g_auto(GStrv) names = all_names(daemon);
    for (size_t i = 0; names[i]; i++) {
        struct dpl_doc *row = dpl_doc_add_tree(list);
        struct dpl_store_version version;
        const struct dpl_doc *doc = node_doc(daemon, names[i], &version);
        dpl_doc_set_text(row, "node", names[i]);
        dpl_doc_set_bool(row, "present", dpl_group_present(group, names[i]));
        dpl_doc_set_bool(row, "member", g_strv_contains(dpl_group_era_members(group), names[i]));
        if (!doc)
            dpl_doc_set_text(row, "certificate",
                             "its own affair: it has the site's authority, or "
                             "has not shown a key");
        else if (!dpl_doc_text(doc, "cert"))
            dpl_doc_set_format(row, "certificate", "none: doppel node add %s", names[i]);
        else
            dpl_doc_set_format(row, "certificate", "ends in %lld days", (long long)days_left(doc));
    }
    dpl_request_done(request, result);
}

void dpl_node_command(struct dpl_daemon *daemon, struct dpl_request *request)
{
    const char *node = dpl_doc_text(request->args, "node");
    if (strcmp(request->command->words, "node add") == 0)
        add(daemon, node, request);
    else if (strcmp(request->command->words, "node remove") == 0)
        remove_node(daemon, node, request);
    else
        check(daemon, request);
}
