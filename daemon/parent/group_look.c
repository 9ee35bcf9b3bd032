/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/group_look.h"

#include <string.h>

static bool is(const struct dpl_doc *row, const char *key, const char *value)
{
    return value && g_strcmp0(dpl_doc_text(row, key), value) == 0;
}

const struct dpl_doc *dpl_group_look_primitive(const struct dpl_doc *status, const char *set,
                                               const char *agent)
{
    const struct dpl_doc *list = dpl_doc_list(status, "primitives");
    for (size_t i = 0; i < dpl_doc_count(list); i++) {
        const struct dpl_doc *row = dpl_doc_at(list, i);
        if (is(row, "set", set) && is(row, "agent", agent))
            return row;
    }
    return NULL;
}

/* The group of the set's services is that of its source-connection; NULL: there is none. */
static const char *group_of(const struct dpl_doc *status, const char *set)
{
    const struct dpl_doc *row = dpl_group_look_primitive(status, set, "source-connection");
    const char *group = row ? dpl_doc_text(row, "group") : NULL;
    return group && group[0] ? group : NULL;
}

/* A primitive of the set's services: of their group, or one of its agents beside it. */
static bool is_service(const struct dpl_doc *row, const char *set, const char *group)
{
    if (group && is(row, "group", group))
        return true;
    return is(row, "set", set) &&
           (is(row, "agent", "source-connection") || is(row, "agent", "mail-server"));
}

/* The row of the resource where it runs; NULL: on no node. */
static const struct dpl_doc *running(const struct dpl_doc *status, const char *id)
{
    const struct dpl_doc *list = dpl_doc_list(status, "resources");
    for (size_t i = 0; i < dpl_doc_count(list); i++) {
        const struct dpl_doc *row = dpl_doc_at(list, i);
        const char *node = dpl_doc_text(row, "node");
        if (is(row, "id", id) && node && node[0])
            return row;
    }
    return NULL;
}

const char *dpl_group_look_running(const struct dpl_doc *status, const char *set)
{
    const struct dpl_doc *primitives = dpl_doc_list(status, "primitives");
    const struct dpl_doc *nodes = dpl_doc_list(status, "nodes");
    const char *group = group_of(status, set);
    for (size_t i = 0; i < dpl_doc_count(nodes); i++)
        if (dpl_doc_bool(dpl_doc_at(nodes, i), "unclean", false))
            return "a node of the cluster is not known to be down, and not fenced yet";
    if (!group)
        return "the cluster has no group with the set's source-connection";
    for (size_t i = 0; i < dpl_doc_count(primitives); i++) {
        const struct dpl_doc *row = dpl_doc_at(primitives, i);
        if (is_service(row, set, group) && running(status, dpl_doc_text(row, "id")))
            return dpl_doc_text(row, "id");
    }
    /* Members that are no agents of ours have rows only where they run. */
    const struct dpl_doc *list = dpl_doc_list(status, "resources");
    for (size_t i = 0; i < dpl_doc_count(list); i++) {
        const struct dpl_doc *row = dpl_doc_at(list, i);
        const char *node = dpl_doc_text(row, "node");
        if (is(row, "group", group) && node && node[0])
            return dpl_doc_text(row, "id");
    }
    return NULL;
}

char *dpl_group_look_missing(const struct dpl_doc *status, const char *set)
{
    const struct dpl_doc *primitives = dpl_doc_list(status, "primitives");
    const char *group = group_of(status, set);
    g_autoptr(GString) text = g_string_new(NULL);
    if (!group)
        return g_strdup("the cluster has no group with the set's source-connection");
    for (size_t i = 0; i < dpl_doc_count(primitives); i++) {
        const struct dpl_doc *row = dpl_doc_at(primitives, i);
        const char *id = dpl_doc_text(row, "id");
        if (!is_service(row, set, group))
            continue;
        const struct dpl_doc *there = running(status, id);
        if (!there || dpl_doc_bool(there, "failed", false))
            g_string_append_printf(text, "%s%s%s", text->len ? ", " : "", id,
                                   there ? " failed" : "");
    }
    return text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

const char *dpl_group_look_replica(const struct dpl_doc *status, const char *set)
{
    const struct dpl_doc *row = dpl_group_look_primitive(status, set, "replica");
    const struct dpl_doc *there = row ? running(status, dpl_doc_text(row, "id")) : NULL;
    return there ? dpl_doc_text(there, "node") : NULL;
}

static void add_points(GPtrArray *points, const struct dpl_doc *service, const char *ip)
{
    static const struct {
        const char *service, *protocol;
        unsigned port;
    } known[] = {{"postfix", "smtp", 25}, {"dovecot", "imap", 143}};
    bool six = strchr(ip, ':') != NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (is(service, "service", known[i].service))
            g_ptr_array_add(points,
                            g_strdup_printf("%s:%s%s%s:%u", known[i].protocol, six ? "[" : "", ip,
                                            six ? "]" : "", known[i].port));
}

GPtrArray *dpl_group_look_points(const struct dpl_doc *status, const char *set)
{
    const struct dpl_doc *list = dpl_doc_list(status, "primitives");
    const char *group = group_of(status, set);
    GPtrArray *points = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; group && i < dpl_doc_count(list); i++) {
        const struct dpl_doc *address = dpl_doc_at(list, i);
        const char *ip = dpl_doc_text(address, "ip");
        if (!is(address, "group", group) || !is(address, "agent", "virtual-ip") || !ip || !ip[0])
            continue;
        for (size_t k = 0; k < dpl_doc_count(list); k++)
            if (is(dpl_doc_at(list, k), "group", group))
                add_points(points, dpl_doc_at(list, k), ip);
    }
    return points;
}
