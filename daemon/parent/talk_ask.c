/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The side that asks: a door for each address of the site, each begun a moment after the one before
 * it. The first that has greeted is asked, and the others are ended; if it brings no answer, they
 * are begun anew.
 */
#include "daemon/parent/door.h"
#include "daemon/parent/log.h"
#include "daemon/parent/talk.h"
#include "lib/base/clock.h"

#include <string.h>

#define NS_PER_MS 1000000LL

enum {
    ASKS_MAX = 64,
    NEXT_MS = 100, /* so long one address is tried alone */
    WHY_MAX = 300,
};

static const struct dpl_child_kind door_kind = {
    .name = "ask", .program = "doppel-door", .channel = true, .quiet = true, .stop_ms = 1000};

struct ask;

/* One address. */
struct way {
    struct ask *ask;
    char *address;
    struct dpl_child *child; /* NULL: not tried now */
    bool over;               /* it brought no answer */
};

struct ask {
    struct dpl_daemon *daemon;
    char *site;
    struct dpl_doc *question;
    GPtrArray *ways;
    struct way *asked; /* has greeted, and has the question */
    bool reached;      /* a machine has taken a connection */
    struct dpl_timer next, timer;
    int64_t deadline_ns; /* of the answer */
    int code;            /* what ends it when no address is left */
    GString *why;
    dpl_talk_fn *fn; /* NULL: nobody waits */
    void *self;
};

static void try_next(void *self);

static void way_free(void *item)
{
    struct way *way = item;
    dpl_child_free(way->child);
    g_free(way->address);
    g_free(way);
}

static void end(struct ask *ask, int rc, const struct dpl_doc *answer, const struct dpl_err *err)
{
    g_ptr_array_remove(ask->daemon->asks, ask);
    dpl_timer_clear(&ask->timer);
    dpl_timer_clear(&ask->next);
    if (ask->fn)
        ask->fn(ask->self, rc, answer, err);
    g_free(ask->site);
    g_ptr_array_unref(ask->ways);
    dpl_doc_free(ask->question);
    g_string_free(ask->why, TRUE);
    g_free(ask);
}

static void fail(struct ask *ask)
{
    struct dpl_err err = {0};
    dpl_err_set(&err, ask->code, "site \"%s\": %s", ask->site,
                ask->why->len > 0 ? ask->why->str : "it does not answer");
    end(ask, err.code, NULL, &err);
}

/* Why this address brought no answer. What comes from the other site is for a terminal, too. */
static void note(struct ask *ask, const char *text)
{
    g_autofree char *plain = g_strndup(text, WHY_MAX);
    for (char *c = plain; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127)
            *c = '?';
    if (ask->why->len < WHY_MAX && !strstr(ask->why->str, plain))
        g_string_append_printf(ask->why, "%s%s", ask->why->len > 0 ? "; " : "", plain);
}

static int64_t left_ms(const struct ask *ask)
{
    return (ask->deadline_ns - dpl_clock_now_ns(&dpl_clock_system)) / NS_PER_MS;
}

static void late(void *self)
{
    struct ask *ask = self;
    for (guint i = 0; i < ask->ways->len; i++) {
        const struct way *way = ask->ways->pdata[i];
        g_autofree char *text = g_strdup_printf("%s does not answer in time", way->address);
        if (way->child)
            note(ask, text);
    }
    fail(ask);
}

/* Which daemons answer with what: a code of theirs is believed where it is one that we know. */
static void take_answer(struct ask *ask, const struct dpl_doc *doc)
{
    const struct dpl_doc *answer = dpl_doc_tree(doc, "answer");
    int64_t code = dpl_doc_int(doc, "error", DPL_E_FAILED);
    if (answer) {
        const struct dpl_err none = {0};
        end(ask, DPL_OK, answer, &none);
        return;
    }
    bool known = code < 0 && code >= DPL_E_UNSUPPORTED && code != DPL_E_UNREACHABLE;
    ask->code = known ? (int)code : DPL_E_FAILED;
    g_string_truncate(ask->why, 0);
    note(ask, dpl_doc_text(doc, "text") ? dpl_doc_text(doc, "text") : "it answers nothing");
    fail(ask);
}

static void end_others(const struct way *way, bool for_good)
{
    for (guint i = 0; i < way->ask->ways->len; i++) {
        struct way *other = way->ask->ways->pdata[i];
        if (other == way)
            continue;
        g_clear_pointer(&other->child, dpl_child_free);
        other->over |= for_good;
    }
}

/* A refusal of the greeting. One that is for good ends the question: all nodes would say it. */
static void take_failure(const struct way *way, const struct dpl_doc *doc)
{
    struct ask *ask = way->ask;
    const char *refused = dpl_doc_text(doc, "refused");
    note(ask, dpl_doc_text(doc, "failed"));
    if (!refused || dpl_doc_bool(doc, "again", true))
        return;
    ask->code = strcmp(refused, "UNKNOWN_SET") == 0 ? DPL_E_NOT_FOUND : DPL_E_REFUSED;
    end_others(way, true);
}

static void on_started(void *self)
{
    struct way *way = self;
    struct ask *ask = way->ask;
    const struct dpl_set *set = dpl_set_find(ask->daemon, dpl_doc_text(ask->question, "set"));
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_doc *start = dpl_doc_set_tree(doc, "start");
    dpl_door_put_ours(start, ask->daemon);
    dpl_doc_set_text(start, "how", "connect");
    dpl_doc_set_text(start, "peer", ask->site);
    dpl_doc_set_int(start, "port", dpl_conf_value(ask->daemon->settings.conf, "daemon", "port"));
    dpl_doc_add_text(dpl_doc_set_list(start, "addresses"), way->address);
    if (set && dpl_option_text(set, "bind"))
        dpl_doc_set_text(start, "bind", dpl_option_text(set, "bind"));
    struct dpl_doc *hello = dpl_doc_set_tree(start, "hello");
    dpl_doc_set_text(hello, "direction", "talk");
    dpl_doc_set_text(hello, "set", dpl_doc_text(ask->question, "set"));
    dpl_doc_set_int(hello, "generation", set ? dpl_doc_int(set->doc, "generation", 0) : 0);
    dpl_doc_set(start, "ask", dpl_doc_copy(ask->question));
    dpl_child_send(way->child, doc, NULL, 0, NULL);
}

/* What was begun beside it is ended: only one has the question at a time. */
static void choose(struct way *way)
{
    struct ask *ask = way->ask;
    g_autoptr(dpl_doc_auto) go = dpl_doc_new();
    ask->asked = way;
    dpl_timer_clear(&ask->next);
    end_others(way, false);
    dpl_doc_set_bool(go, "go", true);
    dpl_child_send(way->child, go, NULL, 0, NULL);
}

static void on_message(void *self, const struct dpl_doc *doc)
{
    struct way *way = self;
    struct ask *ask = way->ask;
    if (dpl_doc_text(doc, "failed"))
        take_failure(way, doc);
    if (!ask->reached && (dpl_doc_bool(doc, "reached", false) || dpl_doc_tree(doc, "peer"))) {
        /* It is there, and may need its time for the answer. */
        ask->reached = true;
        dpl_timer_set(&ask->timer, ask->daemon->loop, MAX(left_ms(ask), 0), late, ask);
    }
    if (dpl_doc_tree(doc, "peer") && !ask->asked)
        choose(way);
    if (dpl_doc_tree(doc, "answer"))
        take_answer(ask, dpl_doc_tree(doc, "answer"));
}

static void on_ended(void *self, int status, bool again)
{
    struct way *way = self;
    struct ask *ask = way->ask;
    (void)status;
    (void)again;
    g_clear_pointer(&way->child, dpl_child_free);
    way->over = true;
    if (ask->asked == way)
        ask->asked = NULL;
    if (!ask->asked)
        try_next(ask);
}

static const struct dpl_child_fns fns = {on_started, on_message, on_ended};

static struct way *untried(const struct ask *ask)
{
    for (guint i = 0; i < ask->ways->len; i++) {
        struct way *way = ask->ways->pdata[i];
        if (!way->child && !way->over)
            return way;
    }
    return NULL;
}

static bool any_tried(const struct ask *ask)
{
    for (guint i = 0; i < ask->ways->len; i++)
        if (((const struct way *)ask->ways->pdata[i])->child)
            return true;
    return false;
}

/* One address more; the end when none is left. */
static void try_next(void *self)
{
    static const char *const args[] = {NULL};
    struct ask *ask = self;
    struct way *way = untried(ask);
    struct dpl_err err = {0};
    if (ask->daemon->stopping || left_ms(ask) <= 0 || (!way && !any_tried(ask))) {
        fail(ask);
        return;
    }
    if (!way)
        return;
    way->child = dpl_child_new(ask->daemon->children, &door_kind, ask->site, args, &fns, way);
    if (dpl_child_start(way->child, &err) < 0) {
        note(ask, err.text);
        g_clear_pointer(&way->child, dpl_child_free);
        way->over = true;
    }
    dpl_timer_set(&ask->next, ask->daemon->loop, way->over ? 0 : NEXT_MS, try_next, ask);
}

static void add_way(struct ask *ask, const char *address)
{
    struct way *way = g_new(struct way, 1);
    *way = (struct way){.ask = ask, .address = g_strdup(address)};
    g_ptr_array_add(ask->ways, way);
}

static void find_addresses(struct ask *ask)
{
    const struct dpl_set *set = dpl_set_find(ask->daemon, dpl_doc_text(ask->question, "set"));
    const char *route = set ? dpl_option_text(set, "route") : NULL;
    struct dpl_store_item site;
    if (route)
        add_way(ask, route);
    if (dpl_store_get(ask->daemon->store, "site", ask->site, &site, NULL) < 0)
        return;
    const struct dpl_doc *known = dpl_doc_list(site.doc, "addresses");
    for (size_t i = 0; i < dpl_doc_count(known); i++) {
        const char *text = dpl_doc_as_text(dpl_doc_at(known, i));
        if (text && g_strcmp0(text, route) != 0)
            add_way(ask, text);
    }
}

struct dpl_doc *dpl_talk_question(const char *ask, const char *set)
{
    struct dpl_doc *doc = dpl_doc_new();
    dpl_doc_set_text(doc, "ask", ask);
    dpl_doc_set_text(doc, "set", set);
    return doc;
}

void dpl_talk_ask_soon(struct dpl_daemon *daemon, const char *site, struct dpl_doc *question,
                       int64_t reach_ms, int64_t timeout_ms, dpl_talk_fn *fn, void *self)
{
    struct ask *ask = g_new(struct ask, 1);
    *ask = (struct ask){.daemon = daemon,
                        .site = g_strdup(site),
                        .question = question,
                        .ways = g_ptr_array_new_with_free_func(way_free),
                        .deadline_ns = dpl_clock_now_ns(&dpl_clock_system) + timeout_ms * NS_PER_MS,
                        .code = DPL_E_UNREACHABLE,
                        .why = g_string_new(NULL),
                        .fn = fn,
                        .self = self};
    find_addresses(ask);
    if (ask->ways->len == 0)
        note(ask, "no address of it is known: doppel site address");
    if (daemon->asks->len >= ASKS_MAX) {
        note(ask, "too many questions wait for other sites");
        g_ptr_array_set_size(ask->ways, 0);
    }
    g_ptr_array_add(daemon->asks, ask);
    dpl_timer_set(&ask->timer, daemon->loop, MIN(reach_ms, timeout_ms), late, ask);
    dpl_timer_set(&ask->next, daemon->loop, 0, try_next, ask);
}

void dpl_talk_ask(struct dpl_daemon *daemon, const char *site, struct dpl_doc *question,
                  int64_t timeout_ms, dpl_talk_fn *fn, void *self)
{
    dpl_talk_ask_soon(daemon, site, question, timeout_ms, timeout_ms, fn, self);
}

void dpl_talk_forget(struct dpl_daemon *daemon, const void *self)
{
    for (guint i = 0; i < daemon->asks->len; i++) {
        struct ask *ask = daemon->asks->pdata[i];
        if (ask->self == self)
            ask->fn = NULL;
    }
}

void dpl_talk_asks_end(struct dpl_daemon *daemon)
{
    while (daemon->asks && daemon->asks->len > 0) {
        struct ask *ask = daemon->asks->pdata[0];
        ask->code = DPL_E_NOT_RUNNING;
        note(ask, "doppeld stops");
        fail(ask);
    }
}
