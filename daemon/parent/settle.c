/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/settle.h"

#include "daemon/parent/door.h"

static const struct dpl_doc *wish(const struct dpl_set *set)
{
    const struct dpl_doc *wish = dpl_doc_tree(set->doc, "failing_over");
    return dpl_doc_bool(wish, "settle", false) ? wish : NULL;
}

bool dpl_settle_closed(const struct dpl_set *set)
{
    return wish(set) != NULL;
}

/* All that came is applied, and on the disk. Then it does not matter that nothing more could come:
 * this site serves from what it has, also where its disk has no room for a queue. */
static bool is_applied(const struct dpl_doc *s)
{
    return dpl_doc_int(s, "queue_bytes", -1) == 0 && dpl_doc_bool(s, "saved", false) &&
           dpl_doc_int(s, "applied_lsn", 0) >= dpl_doc_int(s, "received_lsn", 0);
}

static bool is_state(const struct dpl_doc *s, const char *state)
{
    return g_strcmp0(dpl_doc_text(s, "state"), state) == 0;
}

/* What holds it up until a person acts; NULL: nothing. */
static const char *problem(const struct dpl_doc *status)
{
    const char *state = dpl_doc_text(status, "state");
    if (dpl_doc_bool(status, "paused", false))
        return "its applying was paused by hand: doppel resume";
    if (is_state(status, "full") && !is_applied(status))
        return "its file system is full";
    if (is_state(status, "failed") || is_state(status, "closed"))
        return dpl_doc_text(status, "last_error") ? dpl_doc_text(status, "last_error") : state;
    return NULL;
}

/* The status may be of a moment before the source went. What was applied has to be on the disk:
 * this site serves from there, perhaps after its nodes have lost their power, and nobody applies
 * anything anew then. */
static bool is_settled(const struct dpl_set *set)
{
    const struct dpl_doc *s = set->status;
    return !set->connected && !dpl_doc_bool(s, "connected", true) &&
           (is_state(s, "idle") || is_state(s, "full")) && is_applied(s);
}

/* What it knows of the source's end, which it cannot ask any more: failover_account.c. */
static void put_account(struct dpl_doc *doc, const struct dpl_doc *s)
{
    static const char *const keys[][2] = {{"heard_ms", "heard_ms"},
                                          {"source_head_lsn", "head"},
                                          {"source_time_ms", "source_time_ms"},
                                          {"source_promise_ms", "promise_ms"}};
    int64_t ops = dpl_doc_int(s, "applied_ops", 0);
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        if (dpl_doc_get(s, keys[i][0]))
            dpl_doc_set_int(doc, keys[i][1], dpl_doc_int(s, keys[i][0], 0));
    if (ops > 0)
        dpl_doc_set_int(doc, "op_bytes", dpl_doc_int(s, "applied_op_bytes", 0) / ops);
}

static struct dpl_doc *found(const struct dpl_set *set)
{
    const struct dpl_doc *s = set->status;
    const char *why = problem(s);
    struct dpl_doc *doc = dpl_doc_new();
    dpl_doc_set_text(doc, "procedure", dpl_doc_text(wish(set), "procedure"));
    dpl_doc_set_text(doc, "node", set->daemon->settings.node);
    if (why) {
        dpl_doc_set_text(doc, "problem", why);
        return doc;
    }
    dpl_doc_set_bool(doc, "consistent", dpl_doc_bool(s, "consistent", false));
    dpl_doc_set_bool(doc, "mirroring", dpl_doc_bool(s, "mirroring", false));
    dpl_doc_set_bool(doc, "mirror_needed", dpl_doc_bool(s, "mirror_needed", false));
    dpl_doc_set_int(doc, "wanted", dpl_doc_int(s, "wanted_objects", 0));
    dpl_doc_set_text(doc, "tag", dpl_doc_text(s, "epoch_tag") ? dpl_doc_text(s, "epoch_tag") : "");
    dpl_doc_set_int(doc, "lsn", dpl_doc_int(s, "applied_lsn", 0));
    dpl_doc_set_int(doc, "chain", dpl_doc_int(s, "durable_chain", 0));
    dpl_doc_set_int(doc, "applied_ms", dpl_doc_int(s, "applied_time_ms", 0));
    put_account(doc, s);
    return doc;
}

void dpl_settle_review(struct dpl_set *set)
{
    struct dpl_store_item item;
    if (!wish(set) || !set->status || !dpl_child_running(set->engine) || set->daemon->stopping)
        return;
    if (set->door)
        dpl_door_close(set, "this site is going to serve the set");
    if (!problem(set->status) && !is_settled(set))
        return;
    g_autoptr(dpl_doc_auto) doc = found(set);
    if (dpl_store_get(set->daemon->store, "settled", set->name, &item, NULL) < 0 ||
        !dpl_doc_equal(item.doc, doc))
        dpl_store_put(set->daemon->store, "settled", set->name, NULL, doc, NULL, NULL);
}
