/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What "status" and "stats" answer. Of each set first four sentences: who serves, how old the
 * replica is, what is wrong, what to type next; then what they are made of.
 */
#include "daemon/parent/advice.h"
#include "daemon/parent/cold.h"
#include "daemon/parent/daemon.h"
#include "daemon/parent/door.h"
#include "daemon/parent/service.h"
#include "lib/base/clock.h"

#include <stdio.h>

static void put_serves(struct dpl_doc *doc, const struct dpl_set *set)
{
    const char *role = dpl_doc_text(set->doc, "role"), *other = dpl_set_peer(set);
    const char *site = g_strcmp0(role, "serving") == 0 ? set->daemon->settings.site : other;
    if (set->met.unnoted)
        dpl_doc_set_format(doc, "serves", "site %s serves, generation %lld", other ? other : "?",
                           (long long)set->met.generation);
    else if (dpl_cold_why(set))
        dpl_doc_set_format(doc, "serves", "site %s holds it, generation %lld",
                           set->daemon->settings.site,
                           (long long)dpl_doc_int(set->doc, "generation", 0));
    else if (g_strcmp0(role, "released") == 0)
        dpl_doc_set_format(doc, "serves", "site %s has let go of it, generation %lld",
                           set->daemon->settings.site,
                           (long long)dpl_doc_int(set->doc, "generation", 0));
    else
        dpl_doc_set_format(doc, "serves", "site %s serves, generation %lld", site ? site : "?",
                           (long long)dpl_doc_int(set->doc, "generation", 0));
}

/* The source guesses how much is left; the target knows what it has done. */
static void put_mirroring(struct dpl_doc *doc, const struct dpl_set *set)
{
    const struct dpl_doc *mirror = dpl_doc_tree(set->status, "mirror");
    if (set->source)
        dpl_doc_set_format(doc, "replica", "a %s runs (%lld %%): it is not consistent until then",
                           set->state == DPL_SET_RESTORING ? "restore" : "mirror",
                           (long long)dpl_doc_int(set->status, "mirror_percent", 0));
    else
        dpl_doc_set_format(
            doc, "replica",
            "a mirror runs (%lld objects done, %.1f MiB received): it is not consistent until then",
            (long long)dpl_doc_int(mirror, "objects", 0),
            (double)dpl_doc_int(mirror, "received_bytes", 0) / (1 << 20));
}

static void put_replica(struct dpl_doc *doc, const struct dpl_set *set)
{
    int64_t lag_ms = dpl_doc_int(set->status, "lag_ms", -1);
    if (set->state == DPL_SET_MIRRORING ||
        (set->state == DPL_SET_RESTORING && dpl_doc_bool(set->status, "mirroring", false)))
        put_mirroring(doc, set);
    else if (set->state == DPL_SET_ELSEWHERE)
        dpl_doc_set_format(doc, "replica", "node %s knows its age", set->on_node);
    else if (!dpl_doc_get(set->status, "consistent"))
        dpl_doc_set_text(doc, "replica", "its age is not known");
    else if (!dpl_doc_bool(set->status, "consistent", false))
        dpl_doc_set_text(doc, "replica", "it is not consistent");
    else if (lag_ms < 0)
        dpl_doc_set_text(doc, "replica", "it is consistent; its age is not known");
    else
        dpl_doc_set_format(doc, "replica", "it is consistent, and %lld.%03lld s old",
                           (long long)lag_ms / 1000, (long long)lag_ms % 1000);
}

static void put_facts(struct dpl_doc *doc, struct dpl_set *set)
{
    const char *peer = dpl_set_peer(set);
    dpl_doc_set_text(doc, "side", set->source ? "source" : "target");
    dpl_doc_set_text(doc, "role", dpl_doc_text(set->doc, "role"));
    dpl_doc_set_int(doc, "generation", dpl_doc_int(set->doc, "generation", 0));
    if (peer)
        dpl_doc_set_text(doc, "peer", peer);
    dpl_doc_set_bool(doc, "connected", set->connected);
    dpl_doc_set_bool(doc, "asked", set->asked != NULL);
    dpl_doc_set_int(doc, "state_ms",
                    (dpl_clock_now_ns(&dpl_clock_system) - set->state_ns) / 1000000);
    dpl_doc_set_bool(doc, "disconnected_by_hand", dpl_set_off(set));
    if (set->on_node)
        dpl_doc_set_text(doc, "on_node", set->on_node);
    if (set->last_error[0])
        dpl_doc_set_text(doc, "error", set->last_error);
}

/* What was limited by hand stands there until it is taken back, or the daemon ends. */
static void put_limit(struct dpl_doc *doc, const struct dpl_set *set)
{
    if (set->limit.bytes < 0 && !set->limit.schedule)
        return;
    struct dpl_doc *limit = dpl_doc_set_tree(doc, "limited_by_hand");
    if (set->limit.bytes >= 0)
        dpl_doc_set_int(limit, "bandwidth_bytes", set->limit.bytes);
    if (set->limit.schedule)
        dpl_doc_set_text(limit, "schedule", set->limit.schedule);
}

static void put_wire(struct dpl_doc *doc, const struct dpl_set *set)
{
    struct dpl_wire wire = dpl_door_wire(set);
    struct dpl_doc *tree = dpl_doc_set_tree(doc, "wire");
    dpl_doc_set_int(tree, "sent_bytes", wire.sent_bytes);
    dpl_doc_set_int(tree, "received_bytes", wire.received_bytes);
    dpl_doc_set_int(tree, "plain_bytes", wire.plain_bytes);
    dpl_doc_set_int(tree, "packed_bytes", wire.packed_bytes);
    if (wire.packed_bytes > 0)
        dpl_doc_set_format(tree, "compression_ratio", "%.2f",
                           (double)wire.plain_bytes / (double)wire.packed_bytes);
}

struct dpl_doc *dpl_status_set(struct dpl_set *set)
{
    struct dpl_doc *doc = dpl_doc_new();
    dpl_doc_set_text(doc, "set", set->name);
    dpl_doc_set_text(doc, "state", dpl_set_state_text(set->state));
    dpl_doc_set_int(doc, "level", dpl_advice_level(set));
    put_serves(doc, set);
    put_replica(doc, set);
    dpl_advice_put_wrong(doc, set);
    dpl_advice_put_next(doc, set);
    put_facts(doc, set);
    struct dpl_doc *engine = dpl_doc_set_tree(doc, "engine");
    dpl_doc_set_bool(engine, "running", dpl_child_running(set->engine));
    dpl_doc_set_int(engine, "pid", dpl_child_pid(set->engine));
    dpl_doc_set_int(engine, "starts", dpl_child_starts(set->engine));
    if (set->status)
        dpl_doc_set(engine, "status", dpl_doc_copy(set->status));
    put_wire(doc, set);
    put_limit(doc, set);
    if (set->source)
        dpl_doc_set(doc, "capture", dpl_capture_doc(set));
    struct dpl_doc *services = dpl_services_doc(set);
    if (services)
        dpl_doc_set(doc, "services", services);
    return doc;
}

struct dpl_doc *dpl_status_all(struct dpl_daemon *daemon, struct dpl_set *only)
{
    struct dpl_doc *doc = dpl_doc_new();
    int64_t up_ns = dpl_clock_now_ns(&dpl_clock_system) - daemon->started_ns;
    dpl_doc_set_text(doc, "site", daemon->settings.site);
    dpl_doc_set_text(doc, "node", daemon->settings.node);
    if (daemon->settings.instance)
        dpl_doc_set_text(doc, "instance", daemon->settings.instance);
    dpl_doc_set_text(doc, "version", PACKAGE_VERSION);
    dpl_doc_set_int(doc, "uptime_s", up_ns / 1000000000);
    if (!dpl_store_ready(daemon->store)) {
        const struct dpl_group *group = dpl_store_group(daemon->store);
        struct dpl_doc *store = dpl_doc_set_tree(doc, "store");
        dpl_doc_set_text(store, "state", dpl_group_state_text(dpl_group_state(group)));
        dpl_doc_set_text(store, "why", dpl_group_why(group));
    }
    struct dpl_doc *sets = dpl_doc_set_list(doc, "sets");
    for (guint i = 0; i < daemon->sets->len; i++) {
        struct dpl_set *set = daemon->sets->pdata[i];
        if (!only || set == only)
            dpl_doc_add(sets, dpl_status_set(set));
    }
    return doc;
}
