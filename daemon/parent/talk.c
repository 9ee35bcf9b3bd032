/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The side that answers; talk_ask.c asks.
 */
#include "daemon/parent/talk.h"

#include "daemon/core/visits.h"
#include "daemon/parent/door.h"
#include "daemon/parent/failover.h"
#include "lib/base/clock.h"
#include "lib/ctl/quote.h"

#include <stdio.h>
#include <string.h>

struct dpl_talk {
    struct dpl_daemon *daemon;
    struct dpl_door *door; /* NULL: whoever asked has gone */
    char *site;
    struct dpl_doc *args;
};

struct dpl_talks {
    GHashTable *visits; /* by the site's name; the sites are paired ones, so there are few */
    GPtrArray *open;    /* of struct dpl_talk */
};

static struct dpl_visits *visits_of(struct dpl_talks *talks, const char *site)
{
    struct dpl_visits *visits = g_hash_table_lookup(talks->visits, site);
    if (!visits) {
        visits = g_new0(struct dpl_visits, 1);
        g_hash_table_insert(talks->visits, g_strdup(site), visits);
    }
    return visits;
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
    else if (!dpl_visits_enter(visits_of(daemon->talks, site), dpl_clock_now_ns(&dpl_clock_system)))
        why = "busy";
    if (!why)
        return NULL;
    snprintf(text, room, "%s asks about a set: %s", site ? site : "?",
             strcmp(why, "busy") == 0 ? "too often, or too early" : why);
    return why;
}

bool dpl_talk_visits(struct dpl_daemon *daemon, const char *site)
{
    struct dpl_visits *visits = daemon->talks ? visits_of(daemon->talks, site) : NULL;
    bool may = visits && dpl_visits_enter(visits, dpl_clock_now_ns(&dpl_clock_system));
    if (may)
        dpl_visits_leave(visits);
    return may;
}

void dpl_talk_left(struct dpl_daemon *daemon, const char *site)
{
    struct dpl_visits *visits =
        daemon->talks ? g_hash_table_lookup(daemon->talks->visits, site) : NULL;
    if (visits)
        dpl_visits_leave(visits);
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
    if (set)
        dpl_failover_heard(set);
    if (set && handler)
        handler(daemon, set, talk);
    else
        dpl_talk_fail(talk, &err);
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
    bool later = err->code == DPL_E_REFUSED && !dpl_store_ready(talk->daemon->store);
    dpl_doc_set_int(doc, "error", later ? DPL_E_BUSY : err->code);
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
