/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/release.h"

#include "daemon/parent/cluster.h"
#include "daemon/parent/group_look.h"
#include "daemon/parent/log.h"
#include "daemon/parent/service.h"
#include "daemon/parent/set_become.h"
#include "daemon/parent/set_edit.h"
#include "lib/base/clock.h"

enum { WAIT_MS = 5000, ALONE_MS = 20, PACEMAKER_MS = 200 };

/* A question whose answer waits for the store or for Pacemaker. */
struct ask {
    struct dpl_daemon *daemon;
    struct dpl_talk *talk;
    char *set;
    enum dpl_set_event event;
    int64_t generation;
    struct dpl_timer timer; /* it looks again */
    int64_t deadline_ns;
    struct ask *other; /* that waits for the same or something else */
};

static struct ask *waiting; /* those whose timer runs, in the process's one loop */

static struct ask *ask_new(struct dpl_daemon *daemon, const struct dpl_set *set,
                           struct dpl_talk *talk)
{
    struct ask *ask = g_new0(struct ask, 1);
    *ask = (struct ask){.daemon = daemon,
                        .talk = talk,
                        .set = g_strdup(set->name),
                        .generation = dpl_doc_int(dpl_talk_args(talk), "generation", 0)};
    return ask;
}

static void ask_free(struct ask *ask)
{
    g_free(ask->set);
    g_free(ask);
}

static struct dpl_doc *role_doc(const struct dpl_daemon *daemon, const struct dpl_doc *set)
{
    static const char *const keys[] = {"role", "generation", "released_for", "ceded", "held"};
    struct dpl_doc *doc = dpl_doc_new();
    dpl_doc_set_text(doc, "site", daemon->settings.site);
    dpl_doc_set_text(doc, "node", daemon->settings.node);
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        if (dpl_doc_get(set, keys[i]))
            dpl_doc_set(doc, keys[i], dpl_doc_copy(dpl_doc_get(set, keys[i])));
    return doc;
}

/* --- changes of the role ---------------------------------------------------------------------- */

static int change(void *self, struct dpl_doc *doc, struct dpl_err *err)
{
    struct ask *ask = self;
    enum dpl_set_event event = ask->event;
    struct dpl_set_side side;
    dpl_set_side_read(doc, &side);
    /* What was given away comes back only from who gave it up. */
    if (event == DPL_SET_EVENT_TAKE_BACK && side.ceded == ask->generation &&
        dpl_doc_bool(dpl_talk_args(ask->talk), "withdrawn", false))
        event = DPL_SET_EVENT_GIVEN_BACK;
    return dpl_set_become(doc, event, ask->generation, err);
}

static void changed(void *self, int rc, const struct dpl_err *err)
{
    struct ask *ask = self;
    struct dpl_store_item item;
    struct dpl_err why = *err;
    if (rc >= 0)
        rc = dpl_store_get(ask->daemon->store, "set", ask->set, &item, &why);
    if (rc < 0)
        dpl_talk_fail(ask->talk, &why);
    else
        dpl_talk_answer(ask->talk, role_doc(ask->daemon, item.doc));
    ask_free(ask);
}

static void begin(struct ask *ask, enum dpl_set_event event)
{
    ask->event = event;
    dpl_log(LOG_NOTICE, "set \"%s\": site \"%s\" asks to %s, for generation %lld", ask->set,
            dpl_talk_site(ask->talk), dpl_set_event_text(event), (long long)ask->generation);
    dpl_set_edit(ask->daemon, ask->set, change, changed, ask);
}

void dpl_release_asked(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_talk *talk)
{
    begin(ask_new(daemon, set, talk), DPL_SET_EVENT_RELEASE);
}

void dpl_release_take_back(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_talk *talk)
{
    begin(ask_new(daemon, set, talk), DPL_SET_EVENT_TAKE_BACK);
}

/* --- what still runs -------------------------------------------------------------------------- */

typedef void look_fn(struct ask *ask, const char *running);

struct look {
    struct ask *ask;
    look_fn *fn;
};

static void on_status(void *self, int rc, const struct dpl_doc *status, const struct dpl_err *err)
{
    struct look *look = self;
    look->fn(look->ask, rc < 0 ? err->text : dpl_group_look_running(status, look->ask->set));
    g_free(look);
}

/* On a stand-alone server. */
static const char *runs_alone(struct dpl_set *set)
{
    if (!dpl_services_stopped(set))
        return "its services";
    return dpl_capture_state(set) != DPL_CAPSTAT_IS_DOWN ? "its capture" : NULL;
}

/* Calls fn with what may still run of the set, or NULL for nothing. */
static void look(struct ask *ask, look_fn *fn)
{
    struct dpl_set *set = dpl_set_find(ask->daemon, ask->set);
    if (!ask->daemon->settings.cluster) {
        fn(ask, set ? runs_alone(set) : NULL);
        return;
    }
    struct dpl_doc *question = dpl_doc_new();
    struct look *look = g_new(struct look, 1);
    *look = (struct look){ask, fn};
    dpl_doc_set_text(question, "ask", "status");
    dpl_cluster_ask(ask->daemon, question, on_status, look);
}

static void cede(struct ask *ask, const char *running)
{
    struct dpl_err err = {0};
    if (!running) {
        begin(ask, DPL_SET_EVENT_CEDE);
        return;
    }
    dpl_err_set(&err, DPL_E_REFUSED, "set \"%s\" may still run at site \"%s\": %s", ask->set,
                ask->daemon->settings.site, running);
    dpl_talk_fail(ask->talk, &err);
    ask_free(ask);
}

void dpl_release_cede(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_talk *talk)
{
    look(ask_new(daemon, set, talk), cede);
}

int64_t dpl_release_no_room(const struct dpl_set *set)
{
    if (!set || !dpl_doc_bool(set->status, "target_full", false))
        return 0;
    return MAX(dpl_doc_int(set->status, "unsent_bytes", 0), 0);
}

static void put_drained(struct ask *ask, struct dpl_doc *doc)
{
    const struct dpl_set *set = dpl_set_find(ask->daemon, ask->set);
    struct dpl_store_item item;
    int64_t unsent = set ? dpl_doc_int(set->status, "unsent_bytes", -1) : -1;
    bool drained =
        dpl_store_get(ask->daemon->store, "drained", ask->set, &item, NULL) == DPL_OK &&
        dpl_doc_int(item.doc, "released_for", -1) == dpl_doc_int(doc, "released_for", -2);
    dpl_doc_set_int(doc, "unsent_bytes", drained ? 0 : unsent);
    dpl_doc_set_bool(doc, "drained", drained);
    dpl_doc_set_bool(doc, "no_room", !drained && dpl_release_no_room(set) > 0);
    dpl_doc_set_bool(doc, "paused", set && dpl_doc_bool(set->status, "paused", false));
    if (drained)
        dpl_doc_set(doc, "end", dpl_doc_copy(dpl_doc_tree(item.doc, "end")));
}

static void stopped(struct ask *ask, const char *running);

static void again(void *self)
{
    struct ask *ask = self, **at = &waiting;
    while (*at != ask)
        at = &(*at)->other;
    *at = ask->other;
    look(ask, stopped);
}

/* Whether it waits on: what is waited for is not so yet, and there is time. */
static bool waits(struct ask *ask, const struct dpl_doc *doc)
{
    const char *until = dpl_doc_text(dpl_talk_args(ask->talk), "until");
    bool drained = g_strcmp0(until, "drained") == 0;
    bool known = g_strcmp0(until, "stopped") == 0 || drained;
    if (drained && dpl_doc_bool(doc, "no_room", false))
        return false;
    if (!known || dpl_doc_bool(doc, until, false) || ask->daemon->stopping ||
        dpl_clock_now_ns(&dpl_clock_system) >= ask->deadline_ns)
        return false;
    ask->other = waiting;
    waiting = ask;
    dpl_timer_set(&ask->timer, ask->daemon->loop,
                  ask->daemon->settings.cluster ? PACEMAKER_MS : ALONE_MS, again, ask);
    return true;
}

static void stopped(struct ask *ask, const char *running)
{
    struct dpl_store_item item;
    struct dpl_err err = {0};
    if (dpl_store_get(ask->daemon->store, "set", ask->set, &item, &err) < 0) {
        dpl_talk_fail(ask->talk, &err);
        ask_free(ask);
        return;
    }
    struct dpl_doc *doc = role_doc(ask->daemon, item.doc);
    dpl_doc_set_bool(doc, "stopped", !running);
    if (running)
        dpl_doc_set_text(doc, "running", running);
    put_drained(ask, doc);
    if (waits(ask, doc)) {
        dpl_doc_free(doc);
        return;
    }
    dpl_talk_answer(ask->talk, doc);
    ask_free(ask);
}

void dpl_release_stopped(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_talk *talk)
{
    struct ask *ask = ask_new(daemon, set, talk);
    int64_t ms = dpl_doc_int(dpl_talk_args(talk), "wait_ms", 0);
    ask->deadline_ns =
        dpl_clock_now_ns(&dpl_clock_system) + CLAMP(ms, 0, WAIT_MS) * INT64_C(1000000);
    look(ask, stopped);
}

void dpl_release_end(void)
{
    while (waiting) {
        struct ask *ask = waiting;
        waiting = ask->other;
        dpl_timer_clear(&ask->timer);
        ask_free(ask);
    }
}

/* --- what is sent ----------------------------------------------------------------------------- */

void dpl_release_review(struct dpl_set *set)
{
    const struct dpl_doc *end = dpl_doc_tree(set->status, "end");
    struct dpl_set_side side;
    struct dpl_store_item item;
    dpl_set_side_read(set->doc, &side);
    if (side.role != DPL_SET_ROLE_RELEASED || !end || set->daemon->stopping ||
        set->capture.state != DPL_CAPSTAT_IS_DOWN || !dpl_doc_bool(set->status, "sent_all", false))
        return;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_int(doc, "released_for", side.released_for);
    dpl_doc_set_text(doc, "node", set->daemon->settings.node);
    dpl_doc_set(doc, "end", dpl_doc_copy(end));
    if (dpl_store_get(set->daemon->store, "drained", set->name, &item, NULL) < 0 ||
        !dpl_doc_equal(item.doc, doc))
        dpl_store_put(set->daemon->store, "drained", set->name, NULL, doc, NULL, NULL);
}
