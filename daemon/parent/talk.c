/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The side that answers; talk_ask.c asks.
 */
#include "daemon/parent/talk.h"

#include "daemon/parent/door.h"
#include "lib/base/clock.h"
#include "lib/ctl/quote.h"

#include <stdio.h>
#include <string.h>

#define NS_PER_MS 1000000LL

enum {
    OPEN_MAX = 8, /* of one site, from the greeting to the answer */
    BURST = 40,   /* at once; from then on one in EVERY_MS */
    EVERY_MS = 100,
};

/* How often a site has come. The sites are paired ones, so there are few. */
struct visits {
    unsigned open;
    int64_t seen_ns, credit_ms;
};

struct dpl_talk {
    struct dpl_daemon *daemon;
    struct dpl_door *door; /* NULL: whoever asked has gone */
    char *site;
    struct dpl_doc *args;
};

struct dpl_talks {
    GHashTable *visits; /* by the site's name */
    GPtrArray *open;    /* of struct dpl_talk */
};

static struct visits *visits_of(struct dpl_talks *talks, const char *site)
{
    struct visits *visits = g_hash_table_lookup(talks->visits, site);
    if (!visits) {
        visits = g_new(struct visits, 1);
        *visits = (struct visits){.seen_ns = dpl_clock_now_ns(&dpl_clock_system),
                                  .credit_ms = BURST * EVERY_MS};
        g_hash_table_insert(talks->visits, g_strdup(site), visits);
    }
    return visits;
}

/* Whether it may come now; it is counted then. */
static bool visit(struct visits *visits)
{
    int64_t now_ns = dpl_clock_now_ns(&dpl_clock_system);
    int64_t more_ms = (now_ns - visits->seen_ns) / NS_PER_MS;
    visits->credit_ms = MIN(visits->credit_ms + more_ms, BURST * EVERY_MS);
    visits->seen_ns += more_ms * NS_PER_MS;
    if (visits->open >= OPEN_MAX || visits->credit_ms < EVERY_MS)
        return false;
    visits->credit_ms -= EVERY_MS;
    visits->open++;
    return true;
}

/* The set, if it is shared with that site. */
static struct dpl_set *shared(const struct dpl_daemon *daemon, const char *site, const char *name)
{
    struct dpl_set *set = name ? dpl_set_find(daemon, name) : NULL;
    return set && site && g_strcmp0(dpl_set_peer(set), site) == 0 ? set : NULL;
}

const char *dpl_talk_admit(struct dpl_daemon *daemon, const char *site, const char *set, char *text,
                           size_t room)
{
    const char *why = NULL;
    if (daemon->stopping)
        why = "leaving";
    else if (!shared(daemon, site, set)) /* a store that is not whole may not know it yet */
        why = dpl_store_ready(daemon->store) ? "unknown-set" : "busy";
    else if (!visit(visits_of(daemon->talks, site)))
        why = "busy";
    if (!why)
        return NULL;
    snprintf(text, room, "%s asks about a set: %s", site ? site : "?",
             strcmp(why, "busy") == 0 ? "too often, or too early" : why);
    return why;
}

void dpl_talk_left(struct dpl_daemon *daemon, const char *site)
{
    struct visits *visits = daemon->talks ? g_hash_table_lookup(daemon->talks->visits, site) : NULL;
    if (visits && visits->open > 0)
        visits->open--;
}

struct dpl_talk *dpl_talk_take(struct dpl_daemon *daemon, struct dpl_door *door, const char *site,
                               const struct dpl_doc *question)
{
    const char *ask = dpl_doc_text(question, "ask");
    dpl_talk_handler *handler = dpl_talk_find(ask);
    struct dpl_set *set = shared(daemon, site, dpl_doc_text(question, "set"));
    struct dpl_talk *talk = g_new(struct dpl_talk, 1);
    struct dpl_err err = {0};
    *talk = (struct dpl_talk){daemon, door, g_strdup(site), dpl_doc_copy(question)};
    g_ptr_array_add(daemon->talks->open, talk);
    if (!set)
        dpl_err_set(&err, DPL_E_NOT_FOUND, "there is no such set here that it shares");
    else if (!handler)
        dpl_err_set(&err, DPL_E_UNSUPPORTED, "its version does not know the question");
    if (err.code < 0)
        dpl_talk_fail(talk, &err);
    else
        handler(daemon, set, talk);
    return g_ptr_array_find(daemon->talks->open, talk, NULL) ? talk : NULL;
}

void dpl_talk_door_gone(struct dpl_talk *talk)
{
    talk->door = NULL;
}

const struct dpl_doc *dpl_talk_args(const struct dpl_talk *talk)
{
    return talk->args;
}

const char *dpl_talk_site(const struct dpl_talk *talk)
{
    return talk->site;
}

const char *dpl_talk_set(const struct dpl_talk *talk)
{
    return dpl_doc_text(talk->args, "set");
}

static void talk_free(struct dpl_talk *talk)
{
    g_free(talk->site);
    dpl_doc_free(talk->args);
    g_free(talk);
}

static void end(struct dpl_talk *talk, struct dpl_doc *answer)
{
    g_ptr_array_remove(talk->daemon->talks->open, talk);
    if (talk->door)
        dpl_door_answer(talk->door, answer);
    dpl_doc_free(answer);
    talk_free(talk);
}

void dpl_talk_answer(struct dpl_talk *talk, struct dpl_doc *answer)
{
    struct dpl_doc *doc = dpl_doc_new();
    dpl_doc_set(doc, "answer", answer);
    end(talk, doc);
}

void dpl_talk_fail(struct dpl_talk *talk, const struct dpl_err *err)
{
    struct dpl_doc *doc = dpl_doc_new();
    dpl_doc_set_int(doc, "error", err->code);
    dpl_doc_set_text(doc, "text", err->text);
    end(talk, doc);
}

void dpl_talks_begin(struct dpl_daemon *daemon)
{
    daemon->talks = g_new(struct dpl_talks, 1);
    *daemon->talks = (struct dpl_talks){
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free), g_ptr_array_new()};
}

void dpl_talks_end(struct dpl_daemon *daemon)
{
    struct dpl_talks *talks = daemon->talks;
    dpl_talk_asks_end(daemon);
    if (!talks)
        return;
    for (guint i = 0; i < talks->open->len; i++)
        talk_free(talks->open->pdata[i]);
    g_ptr_array_unref(talks->open);
    g_hash_table_unref(talks->visits);
    g_free(talks);
    daemon->talks = NULL;
}
