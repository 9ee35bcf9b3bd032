/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/pacemaker/xml.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>

static int parse(const char *xml, size_t size, const char *top, xmlDocPtr *doc_r,
                 struct dpl_err *err)
{
    int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOBLANKS;
    xmlDocPtr doc = size > INT32_MAX ? NULL : xmlReadMemory(xml, (int)size, NULL, NULL, options);
    xmlNodePtr root = doc ? xmlDocGetRootElement(doc) : NULL;
    if (!root || strcmp((const char *)root->name, top) != 0) {
        xmlFreeDoc(doc);
        return dpl_err_set(err, DPL_E_CORRUPT, "what Pacemaker says is no <%s>", top);
    }
    *doc_r = doc;
    return DPL_OK;
}

/* The attribute's text in to; "" if there is none, or one that does not fit. */
static void copy(xmlNodePtr node, const char *name, char *to, size_t room)
{
    xmlChar *text = xmlGetProp(node, (const xmlChar *)name);
    to[0] = '\0';
    if (text && strlen((const char *)text) < room)
        g_strlcpy(to, (const char *)text, room);
    xmlFree(text);
}

static bool is_true(xmlNodePtr node, const char *name)
{
    char text[8];
    copy(node, name, text, sizeof text);
    return strcmp(text, "true") == 0;
}

static bool is(xmlNodePtr node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

/* Calls fn for each element of that name beneath the node, in the order of the text. */
static void each(xmlNodePtr top, const char *name, void (*fn)(xmlNodePtr node, void *self),
                 void *self)
{
    xmlNodePtr node = top->children;
    while (node) {
        if (is(node, name))
            fn(node, self);
        if (node->type == XML_ELEMENT_NODE && node->children) {
            node = node->children;
            continue;
        }
        while (node && node != top && !node->next)
            node = node->parent;
        node = node && node != top ? node->next : NULL;
    }
}

/* "2026-11-21 18:47:10Z", "2026-11-21 18:47:10.123456 +01:00": in seconds; 0 for all else. */
static int64_t seconds_of(const char *text)
{
    g_autofree char *iso = g_strdup(text);
    char *blank = strchr(iso, ' ');
    if (blank)
        *blank = 'T';
    while ((blank = strchr(iso, ' ')) != NULL)
        memmove(blank, blank + 1, strlen(blank));
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(iso, utc);
    return time ? g_date_time_to_unix(time) : 0;
}

static void take_fence(xmlNodePtr node, void *self)
{
    GArray *fences = self;
    struct dpl_pcmk_fence fence = {0};
    char status[16], action[16];
    copy(node, "status", status, sizeof status);
    copy(node, "action", action, sizeof action);
    copy(node, "target", fence.node, sizeof fence.node);
    copy(node, "completed", fence.completed, sizeof fence.completed);
    fence.completed_s = seconds_of(fence.completed);
    if (strcmp(status, "success") == 0 &&
        (strcmp(action, "off") == 0 || strcmp(action, "reboot") == 0) && fence.node[0] &&
        fence.completed_s > 0)
        g_array_append_val(fences, fence);
}

int dpl_pcmk_fences_read(const char *xml, size_t size, GArray **fences_r, struct dpl_err *err)
{
    xmlDocPtr doc;
    int rc = parse(xml, size, "pacemaker-result", &doc, err);
    if (rc < 0)
        return rc;
    *fences_r = g_array_new(FALSE, FALSE, sizeof(struct dpl_pcmk_fence));
    each(xmlDocGetRootElement(doc), "fence_event", take_fence, *fences_r);
    xmlFreeDoc(doc);
    return DPL_OK;
}

static void take_dc(xmlNodePtr node, void *self)
{
    struct dpl_pcmk_status *status = self;
    char quorum[8];
    copy(node, "with_quorum", quorum, sizeof quorum);
    status->no_quorum |= strcmp(quorum, "false") == 0;
}

static void take_node(xmlNodePtr node, void *self)
{
    struct dpl_pcmk_status *status = self;
    struct dpl_pcmk_node n = {.online = is_true(node, "online"),
                              .unclean = is_true(node, "unclean")};
    copy(node, "name", n.name, sizeof n.name);
    if (is(node->parent, "nodes") && n.name[0])
        g_array_append_val(status->nodes, n);
}

static void take_resource(xmlNodePtr node, void *self)
{
    struct dpl_pcmk_status *status = self;
    struct dpl_pcmk_resource r = {.failed = is_true(node, "failed")};
    copy(node, "id", r.id, sizeof r.id);
    copy(node, "resource_agent", r.agent, sizeof r.agent);
    if (is(node->parent, "group"))
        copy(node->parent, "id", r.group, sizeof r.group);
    for (xmlNodePtr on = node->children; on; on = on->next) {
        if (!is(on, "node"))
            continue;
        copy(on, "name", r.node, sizeof r.node);
        g_array_append_val(status->resources, r);
    }
}

static void take_attribute(xmlNodePtr node, void *self)
{
    struct dpl_pcmk_status *status = self;
    struct dpl_pcmk_attribute a = {0};
    if (!is(node->parent, "node"))
        return;
    copy(node->parent, "name", a.node, sizeof a.node);
    copy(node, "name", a.name, sizeof a.name);
    copy(node, "value", a.value, sizeof a.value);
    if (a.node[0] && a.name[0])
        g_array_append_val(status->attributes, a);
}

/* op_key="mail-conn_start_0" */
static void take_failure(xmlNodePtr node, void *self)
{
    struct dpl_pcmk_status *status = self;
    struct dpl_pcmk_failure f = {0};
    copy(node, "op_key", f.id, sizeof f.id);
    copy(node, "node", f.node, sizeof f.node);
    copy(node, "exitreason", f.reason, sizeof f.reason);
    if (!g_str_has_suffix(f.id, "_start_0"))
        return;
    f.id[strlen(f.id) - strlen("_start_0")] = '\0';
    g_array_append_val(status->failures, f);
}

int dpl_pcmk_status_read(const char *xml, size_t size, struct dpl_pcmk_status *status_r,
                         struct dpl_err *err)
{
    xmlDocPtr doc;
    int rc = parse(xml, size, "pacemaker-result", &doc, err);
    if (rc < 0)
        return rc;
    status_r->nodes = g_array_new(FALSE, FALSE, sizeof(struct dpl_pcmk_node));
    status_r->resources = g_array_new(FALSE, FALSE, sizeof(struct dpl_pcmk_resource));
    status_r->attributes = g_array_new(FALSE, FALSE, sizeof(struct dpl_pcmk_attribute));
    status_r->failures = g_array_new(FALSE, FALSE, sizeof(struct dpl_pcmk_failure));
    status_r->no_quorum = false;
    each(xmlDocGetRootElement(doc), "current_dc", take_dc, status_r);
    each(xmlDocGetRootElement(doc), "node", take_node, status_r);
    each(xmlDocGetRootElement(doc), "resource", take_resource, status_r);
    each(xmlDocGetRootElement(doc), "attribute", take_attribute, status_r);
    each(xmlDocGetRootElement(doc), "failure", take_failure, status_r);
    xmlFreeDoc(doc);
    return DPL_OK;
}

void dpl_pcmk_status_clear(struct dpl_pcmk_status *status)
{
    g_clear_pointer(&status->nodes, g_array_unref);
    g_clear_pointer(&status->resources, g_array_unref);
    g_clear_pointer(&status->attributes, g_array_unref);
    g_clear_pointer(&status->failures, g_array_unref);
}

static void take_parameter(xmlNodePtr node, void *self)
{
    struct dpl_pcmk_primitive *p = self;
    char name[64];
    copy(node, "name", name, sizeof name);
    if (!is(node->parent, "instance_attributes"))
        return;
    if (strcmp(name, "replication_set") == 0)
        copy(node, "value", p->set, sizeof p->set);
    else if (strcmp(name, "cold_start") == 0)
        copy(node, "value", p->cold_start, sizeof p->cold_start);
    else if (strcmp(name, "on_superseded") == 0)
        copy(node, "value", p->on_superseded, sizeof p->on_superseded);
    else if (strcmp(name, "ip") == 0)
        copy(node, "value", p->ip, sizeof p->ip);
    else if (strcmp(name, "service") == 0)
        copy(node, "value", p->service, sizeof p->service);
    else if (strcmp(name, "target") == 0)
        copy(node, "value", p->target, sizeof p->target);
}

static void take_primitive(xmlNodePtr node, void *self)
{
    GArray *primitives = self;
    struct dpl_pcmk_primitive p = {0};
    copy(node, "id", p.id, sizeof p.id);
    copy(node, "type", p.agent, sizeof p.agent);
    if (node->parent && is(node->parent, "group"))
        copy(node->parent, "id", p.group, sizeof p.group);
    each(node, "nvpair", take_parameter, &p);
    if (p.id[0] && (p.set[0] || p.ip[0]))
        g_array_append_val(primitives, p);
}

int dpl_pcmk_primitives_read(const char *xml, size_t size, GArray **primitives_r,
                             struct dpl_err *err)
{
    xmlDocPtr doc;
    int rc = parse(xml, size, "resources", &doc, err);
    if (rc < 0)
        return rc;
    *primitives_r = g_array_new(FALSE, FALSE, sizeof(struct dpl_pcmk_primitive));
    each(xmlDocGetRootElement(doc), "primitive", take_primitive, *primitives_r);
    xmlFreeDoc(doc);
    return DPL_OK;
}
