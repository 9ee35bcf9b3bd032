/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/talk_state.h"

#include "daemon/parent/cluster.h"
#include "daemon/parent/set_doc.h"
#include "lib/base/clock.h"

#include <string.h>

enum { PACEMAKER_MS = 3000 };

/* An answer that waits for Pacemaker, at most for a while. */
struct wait {
    struct dpl_talk *talk; /* NULL: it is answered */
    struct dpl_doc *doc;
    struct dpl_timer timer;
};

static void put_document(struct dpl_doc *doc, const struct dpl_set *set)
{
    static const char *const keys[] = {
        "role", "generation", "failing_over", "ceded", "released_for", "restore_required",
        "held", "tried",      "rules",        "map",   "set_aside",    "life"};
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        const struct dpl_doc *value = dpl_doc_get(set->doc, keys[i]);
        if (value)
            dpl_doc_set(doc, keys[i], dpl_doc_copy(value));
    }
    if (dpl_doc_get(set->doc, "cold"))
        dpl_doc_set_bool(doc, "held", true);
    dpl_doc_set(doc, "roots", dpl_set_doc_roots(set->doc));
}

/* What the engine knows, if one is here. */
static void put_engine(struct dpl_doc *doc, const struct dpl_set *set)
{
    const struct dpl_doc *s = set->status;
    if (!s || !dpl_child_running(set->engine))
        return;
    dpl_doc_set(doc, "engine", dpl_doc_copy(s));
    if (dpl_doc_get(s, "durable_lsn")) {
        struct dpl_doc *position = dpl_doc_set_tree(doc, "position");
        dpl_doc_set_int(position, "epoch", dpl_doc_int(s, "epoch", 0));
        dpl_doc_set_int(position, "lsn", dpl_doc_int(s, "durable_lsn", 0));
    }
    if (set->source)
        dpl_doc_set_bool(doc, "drained", dpl_doc_bool(s, "sent_all", false));
}

static struct dpl_doc *answer_of(const struct dpl_set *set)
{
    const struct dpl_daemon *daemon = set->daemon;
    struct dpl_doc *doc = dpl_doc_new();
    dpl_doc_set_text(doc, "site", daemon->settings.site);
    dpl_doc_set_text(doc, "node", daemon->settings.node);
    dpl_doc_set_bool(doc, "ready", dpl_store_ready(daemon->store));
    dpl_doc_set_text(doc, "state", dpl_set_state_text(set->state));
    dpl_doc_set_int(doc, "state_ms",
                    (dpl_clock_now_ns(&dpl_clock_system) - set->state_ns) / 1000000);
    put_document(doc, set);
    put_engine(doc, set);
    return doc;
}

static bool is(const struct dpl_doc *row, const char *key, const char *value)
{
    return value && g_strcmp0(dpl_doc_text(row, key), value) == 0;
}

/* The node on which a resource of a group runs, or, by their ids, one of the set's agents; NULL:
 * none does. */
static const char *runs_on(const struct dpl_doc *status, const char *group, const char *set)
{
    const struct dpl_doc *resources = dpl_doc_list(status, "resources");
    const struct dpl_doc *primitives = dpl_doc_list(status, "primitives");
    for (size_t i = 0; i < dpl_doc_count(resources); i++) {
        const struct dpl_doc *row = dpl_doc_at(resources, i);
        const char *node = dpl_doc_text(row, "node");
        bool ours = group && is(row, "group", group);
        for (size_t p = 0; !ours && p < dpl_doc_count(primitives); p++)
            ours = set && is(dpl_doc_at(primitives, p), "set", set) &&
                   is(dpl_doc_at(primitives, p), "id", dpl_doc_text(row, "id"));
        if (ours && node && node[0])
            return node;
    }
    return NULL;
}

/* The group of the set's services is that of its source-connection. */
static const char *group_of(const struct dpl_doc *status, const char *set)
{
    const struct dpl_doc *primitives = dpl_doc_list(status, "primitives");
    for (size_t i = 0; i < dpl_doc_count(primitives); i++) {
        const struct dpl_doc *row = dpl_doc_at(primitives, i);
        const char *group = dpl_doc_text(row, "group");
        if (is(row, "set", set) && is(row, "agent", "source-connection") && group && group[0])
            return group;
    }
    return NULL;
}

static void put_pacemaker(struct dpl_doc *doc, const struct dpl_doc *status, const char *set)
{
    const char *owner = runs_on(status, NULL, set), *group = group_of(status, set);
    dpl_doc_set_text(doc, "owner", owner ? owner : "");
    if (group)
        dpl_doc_set_bool(doc, "stopped", !runs_on(status, group, NULL));
}

static void answer(struct wait *wait)
{
    dpl_timer_clear(&wait->timer);
    if (wait->talk)
        dpl_talk_answer(g_steal_pointer(&wait->talk), g_steal_pointer(&wait->doc));
}

static void late(void *self)
{
    answer(self);
}

static void on_status(void *self, int rc, const struct dpl_doc *status, const struct dpl_err *err)
{
    struct wait *wait = self;
    (void)err;
    if (wait->talk && rc == DPL_OK)
        put_pacemaker(wait->doc, status, dpl_talk_set(wait->talk));
    answer(wait);
    g_free(wait);
}

void dpl_talk_state(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_talk *talk)
{
    if (!daemon->settings.cluster) {
        dpl_talk_answer(talk, answer_of(set));
        return;
    }
    struct dpl_doc *ask = dpl_doc_new();
    struct wait *wait = g_new(struct wait, 1);
    *wait = (struct wait){.talk = talk, .doc = answer_of(set)};
    dpl_doc_set_text(ask, "ask", "status");
    dpl_timer_set(&wait->timer, daemon->loop, PACEMAKER_MS, late, wait);
    dpl_cluster_ask(daemon, ask, on_status, wait);
}
