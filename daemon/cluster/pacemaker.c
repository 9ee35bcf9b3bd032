/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-pacemaker: asks and tells Pacemaker by its programs, which take their time. Started by
 * doppeld, with the channel to it on descriptor 3; one question after the other:
 *
 *   to it    {id, ask: "fences"}; {id, ask: "status"};
 *            {id, ask: "attribute", name, value, nodes: [...]}; {id, ask: "cleanup", resource,
 * node} from it  {id, code, text} when it failed, else {id} and fences: [{node, completed,
 * completed_s}] no_quorum, nodes: [{name, online, unclean}], resources: [{id, agent, node, group,
 * failed}], attributes: [{node, name, value}], primitives: [{id, agent, set, group, target,
 *            cold_start, on_superseded}],
 *            failures: [{resource, node, reason}] of starts
 *
 * An attribute is set on the nodes in that order, and on the next only when Pacemaker has been seen
 * to have it on the one before. Without a value it is taken away.
 */
#include "lib/base/clock.h"
#include "lib/ctl/channel.h"
#include "lib/ctl/duty.h"
#include "lib/pacemaker/run.h"
#include "lib/pacemaker/xml.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TOOL_MS = 15000, SEEN_MS = 15000, REFRESH_MS = 2000, LOOK_US = 20000 };

static volatile sig_atomic_t told;

static int ask_fences(struct dpl_doc *answer, struct dpl_err *err)
{
    /* Without --verbose the first fencing of each node alone is listed, not its last. */
    static const char *const argv[] = {"stonith_admin",   "--history", "*",
                                       "--output-as=xml", "--verbose", NULL};
    g_autofree char *xml = NULL;
    GArray *fences = NULL;
    size_t size;
    int rc = dpl_pcmk_run(argv, TOOL_MS, &xml, &size, err);
    if (rc == DPL_OK)
        rc = dpl_pcmk_fences_read(xml, size, &fences, err);
    if (rc < 0 || !fences)
        return rc;
    struct dpl_doc *list = dpl_doc_set_list(answer, "fences");
    for (guint i = 0; i < fences->len; i++) {
        const struct dpl_pcmk_fence *f = &g_array_index(fences, struct dpl_pcmk_fence, i);
        struct dpl_doc *row = dpl_doc_add_tree(list);
        dpl_doc_set_text(row, "node", f->node);
        dpl_doc_set_text(row, "completed", f->completed);
        dpl_doc_set_int(row, "completed_s", f->completed_s);
    }
    g_array_unref(fences);
    return DPL_OK;
}

static int look(struct dpl_pcmk_status *status, struct dpl_err *err)
{
    static const char *const argv[] = {"crm_mon", "-1", "--output-as=xml",
                                       "--include=none,dc,nodes,resources,attributes,failures",
                                       NULL};
    g_autofree char *xml = NULL;
    size_t size;
    int rc = dpl_pcmk_run(argv, TOOL_MS, &xml, &size, err);
    return rc < 0 ? rc : dpl_pcmk_status_read(xml, size, status, err);
}

static void put_status(struct dpl_doc *answer, const struct dpl_pcmk_status *status)
{
    struct dpl_doc *nodes = dpl_doc_set_list(answer, "nodes");
    struct dpl_doc *resources = dpl_doc_set_list(answer, "resources");
    struct dpl_doc *attributes = dpl_doc_set_list(answer, "attributes");
    struct dpl_doc *failures = dpl_doc_set_list(answer, "failures");
    if (status->no_quorum)
        dpl_doc_set_bool(answer, "no_quorum", true);
    for (guint i = 0; i < status->nodes->len; i++) {
        const struct dpl_pcmk_node *n = &g_array_index(status->nodes, struct dpl_pcmk_node, i);
        struct dpl_doc *row = dpl_doc_add_tree(nodes);
        dpl_doc_set_text(row, "name", n->name);
        dpl_doc_set_bool(row, "online", n->online);
        dpl_doc_set_bool(row, "unclean", n->unclean);
    }
    for (guint i = 0; i < status->resources->len; i++) {
        const struct dpl_pcmk_resource *r =
            &g_array_index(status->resources, struct dpl_pcmk_resource, i);
        struct dpl_doc *row = dpl_doc_add_tree(resources);
        dpl_doc_set_text(row, "id", r->id);
        dpl_doc_set_text(row, "agent", r->agent);
        dpl_doc_set_text(row, "node", r->node);
        dpl_doc_set_text(row, "group", r->group);
        dpl_doc_set_bool(row, "failed", r->failed);
    }
    for (guint i = 0; i < status->attributes->len; i++) {
        const struct dpl_pcmk_attribute *a =
            &g_array_index(status->attributes, struct dpl_pcmk_attribute, i);
        struct dpl_doc *row = dpl_doc_add_tree(attributes);
        dpl_doc_set_text(row, "node", a->node);
        dpl_doc_set_text(row, "name", a->name);
        dpl_doc_set_text(row, "value", a->value);
    }
    for (guint i = 0; i < status->failures->len; i++) {
        const struct dpl_pcmk_failure *f =
            &g_array_index(status->failures, struct dpl_pcmk_failure, i);
        struct dpl_doc *row = dpl_doc_add_tree(failures);
        dpl_doc_set_text(row, "resource", f->id);
        dpl_doc_set_text(row, "node", f->node);
        dpl_doc_set_text(row, "reason", f->reason);
    }
}

static int put_primitives(struct dpl_doc *answer, struct dpl_err *err)
{
    static const char *const argv[] = {"cibadmin", "--query", "--scope", "resources", NULL};
    g_autofree char *xml = NULL;
    GArray *primitives = NULL;
    size_t size;
    int rc = dpl_pcmk_run(argv, TOOL_MS, &xml, &size, err);
    if (rc == DPL_OK)
        rc = dpl_pcmk_primitives_read(xml, size, &primitives, err);
    if (rc < 0 || !primitives)
        return rc;
    struct dpl_doc *list = dpl_doc_set_list(answer, "primitives");
    for (guint i = 0; i < primitives->len; i++) {
        const struct dpl_pcmk_primitive *p =
            &g_array_index(primitives, struct dpl_pcmk_primitive, i);
        struct dpl_doc *row = dpl_doc_add_tree(list);
        dpl_doc_set_text(row, "id", p->id);
        dpl_doc_set_text(row, "agent", p->agent);
        dpl_doc_set_text(row, "set", p->set);
        dpl_doc_set_text(row, "group", p->group);
        dpl_doc_set_text(row, "target", p->target);
        dpl_doc_set_text(row, "ip", p->ip);
        dpl_doc_set_text(row, "service", p->service);
        dpl_doc_set_text(row, "cold_start", p->cold_start);
        dpl_doc_set_text(row, "on_superseded", p->on_superseded);
    }
    g_array_unref(primitives);
    return DPL_OK;
}

static int ask_status(struct dpl_doc *answer, struct dpl_err *err)
{
    struct dpl_pcmk_status status;
    int rc = look(&status, err);
    if (rc < 0)
        return rc;
    put_status(answer, &status);
    dpl_pcmk_status_clear(&status);
    return put_primitives(answer, err);
}

/* Whether the node has it (NULL: has none); true too when the node is not there any more. */
static bool has(const struct dpl_pcmk_status *status, const char *node, const char *name,
                const char *value)
{
    bool online = false;
    for (guint i = 0; i < status->nodes->len; i++) {
        const struct dpl_pcmk_node *n = &g_array_index(status->nodes, struct dpl_pcmk_node, i);
        online |= n->online && strcmp(n->name, node) == 0;
    }
    for (guint i = 0; i < status->attributes->len; i++) {
        const struct dpl_pcmk_attribute *a =
            &g_array_index(status->attributes, struct dpl_pcmk_attribute, i);
        if (strcmp(a->node, node) == 0 && strcmp(a->name, name) == 0)
            return !online || strcmp(a->value, value ? value : "") == 0;
    }
    return !online || !value;
}

/* When nodes part and meet again without fencing, attrd may know a value that the CIB has lost, and
 * does not write it though it is told the same anew: then it is asked to write all that it knows.
 */
static int wait_seen(const char *node, const char *name, const char *value, struct dpl_err *err)
{
    static const char *const refresh[] = {"attrd_updater", "--refresh", NULL};
    int64_t deadline_ns = dpl_clock_now_ns(&dpl_clock_system) + (int64_t)SEEN_MS * 1000000;
    int64_t refresh_ns = deadline_ns - (int64_t)(SEEN_MS - REFRESH_MS) * 1000000;
    while (!told && dpl_clock_left_ms(&dpl_clock_system, deadline_ns) > 0) {
        struct dpl_pcmk_status status;
        int rc = look(&status, err);
        if (rc < 0)
            return rc;
        bool seen = has(&status, node, name, value);
        dpl_pcmk_status_clear(&status);
        if (seen)
            return DPL_OK;
        if (dpl_clock_left_ms(&dpl_clock_system, refresh_ns) <= 0) {
            rc = dpl_pcmk_run(refresh, TOOL_MS, NULL, NULL, err);
            refresh_ns = deadline_ns;
        }
        if (rc < 0)
            return rc;
        usleep(LOOK_US);
    }
    return dpl_err_set(err, DPL_E_TIMEOUT, "Pacemaker does not show %s=%s on node \"%s\"", name,
                       value ? value : "", node);
}

static int set_attribute(const struct dpl_doc *ask, struct dpl_err *err)
{
    const char *name = dpl_doc_text(ask, "name"), *value = dpl_doc_text(ask, "value");
    const struct dpl_doc *nodes = dpl_doc_list(ask, "nodes");
    int rc = name ? DPL_OK : dpl_err_set(err, DPL_E_PARAM, "no attribute");
    for (size_t i = 0; rc == DPL_OK && i < dpl_doc_count(nodes); i++) {
        const char *node = dpl_doc_as_text(dpl_doc_at(nodes, i));
        const char *const set[] = {
            "attrd_updater", "-n", name, "-U", value, "-N", node, "-d", "0", NULL};
        const char *const unset[] = {"attrd_updater", "-n", name, "-D", "-N", node, NULL};
        rc = dpl_pcmk_run(value ? set : unset, TOOL_MS, NULL, NULL, err);
        if (rc == DPL_OK)
            rc = wait_seen(node, name, value, err);
    }
    return rc;
}

static int clean_up(const struct dpl_doc *ask, struct dpl_err *err)
{
    const char *resource = dpl_doc_text(ask, "resource");
    const char *const argv[] = {"crm_resource", "--cleanup", "-r", resource, NULL};
    return resource ? dpl_pcmk_run(argv, TOOL_MS, NULL, NULL, err)
                    : dpl_err_set(err, DPL_E_PARAM, "no resource");
}

static int do_ask(const struct dpl_doc *ask, struct dpl_doc *answer, struct dpl_err *err)
{
    const char *what = dpl_doc_text(ask, "ask");
    if (g_strcmp0(what, "fences") == 0)
        return ask_fences(answer, err);
    if (g_strcmp0(what, "status") == 0)
        return ask_status(answer, err);
    if (g_strcmp0(what, "attribute") == 0)
        return set_attribute(ask, err);
    if (g_strcmp0(what, "cleanup") == 0)
        return clean_up(ask, err);
    return dpl_err_set(err, DPL_E_UNIMPLEMENTED, "no such question");
}

static int turn(struct dpl_channel *channel, struct dpl_err *err)
{
    struct pollfd fd = {dpl_channel_fd(channel), POLLIN, 0};
    g_autoptr(dpl_doc_auto) ask = NULL;
    struct dpl_err why = {0};
    int rc = dpl_channel_receive(channel, &ask, err);
    if (rc == 0 && poll(&fd, 1, -1) < 0 && errno != EINTR)
        return dpl_err_sys(err, errno, "poll");
    if (rc <= 0)
        return rc;
    g_autoptr(dpl_doc_auto) answer = dpl_doc_new();
    rc = do_ask(ask, answer, &why);
    dpl_doc_set_int(answer, "id", dpl_doc_int(ask, "id", 0));
    if (rc < 0) {
        dpl_doc_set_int(answer, "code", rc);
        dpl_doc_set_text(answer, "text", why.text);
    }
    rc = dpl_channel_send(channel, answer, NULL, 0, err);
    while (rc == DPL_OK && dpl_channel_wants_write(channel)) {
        fd.events = POLLOUT;
        poll(&fd, 1, 1000);
        rc = dpl_channel_flush(channel, err);
    }
    return rc;
}

int main(int argc, char **argv)
{
    struct dpl_err err = {0};
    const char *set;
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("doppel-pacemaker %s\n", PACKAGE_VERSION);
        return 0;
    }
    int rc = dpl_duty_begin(argc, argv, "doppel-pacemaker", &told, &set, &err);
    if (rc < 0) {
        fprintf(stderr, "doppel-pacemaker: %s\n", err.text);
        return dpl_err_cli_exit(rc);
    }
    struct dpl_channel *channel = dpl_channel_new(DPL_CHANNEL_FD);
    while (rc >= 0 && !told)
        rc = turn(channel, &err);
    dpl_channel_free(channel);
    return 0;
}
