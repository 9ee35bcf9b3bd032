/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/other.h"

#include "daemon/parent/cold.h"
#include "daemon/parent/log.h"
#include "daemon/parent/roles.h"
#include "daemon/parent/set_become.h"
#include "daemon/parent/superseded.h"
#include "daemon/parent/talk.h"
#include "daemon/parent/turn.h"
#include "lib/base/clock.h"

#include <stdio.h>
#include <string.h>

#define NS_PER_MS 1000000LL

enum { ANSWER_MS = 6000, FRESH_MS = 10000 };

static const struct dpl_backoff_policy policy = {2000, 15000, 0};

struct dpl_other {
    struct dpl_set *set;
    struct dpl_timer timer;
    struct dpl_backoff backoff;
    bool asking;
    bool wanted;   /* by who holds the set */
    bool watched;  /* for a node that runs it and cannot write the store */
    int64_t at_ns; /* when it said that; 0: never */
    struct dpl_other_side said;
    char error[300];
    enum dpl_meeting told; /* of a set that serves: what was told of */
};

static void ask(void *self);

static struct dpl_other *other_of(struct dpl_set *set)
{
    if (!set->other) {
        set->other = g_new0(struct dpl_other, 1);
        set->other->set = set;
    }
    return set->other;
}

static bool serves(const struct dpl_set *set)
{
    return dpl_turn_role_is(set, "serving");
}

/* What has let go may be superseded as well. */
static bool may_meet(const struct dpl_set *set)
{
    return serves(set) || dpl_turn_role_is(set, "released");
}

/* Whether this daemon is the one to ask: where the connection would be, or is held. */
static bool is_ours(const struct dpl_set *set)
{
    return !set->daemon->settings.cluster || set->asked;
}

static bool is_due(const struct dpl_set *set)
{
    bool wanted = set->met.unnoted || (set->other && (set->other->wanted || set->other->watched));
    return !set->daemon->stopping && serves(set) && dpl_set_peer(set) &&
           (wanted || (is_ours(set) && !set->connected));
}

void dpl_other_review(struct dpl_set *set)
{
    struct dpl_other *o = set->other;
    if (!is_due(set)) {
        if (o && !o->asking) {
            dpl_timer_clear(&o->timer);
            o->backoff.failures = 0;
            o->told = DPL_MEETING_UNKNOWN;
        }
        return;
    }
    o = other_of(set);
    if (!o->asking && !dpl_timer_armed(&o->timer))
        dpl_timer_set(&o->timer, set->daemon->loop, dpl_backoff_next_ms(&o->backoff, &policy, -1),
                      ask, o);
}

struct dpl_other_side dpl_other_side_of(const struct dpl_doc *answer)
{
    return (struct dpl_other_side){
        .answered = true,
        .whole = dpl_doc_bool(answer, "ready", false),
        .role = dpl_set_role_of(dpl_doc_text(answer, "role")),
        .generation = dpl_doc_int(answer, "generation", 0),
        .failing_over = dpl_doc_int(dpl_doc_tree(answer, "failing_over"), "generation", 0),
    };
}

static enum dpl_meeting judge(const struct dpl_set *set, const struct dpl_other_side *said)
{
    struct dpl_set_side ours;
    dpl_set_side_read(set->doc, &ours);
    return dpl_meeting_of(&ours, said);
}

/* A person is told once of what this site does nothing about by itself. */
static void tell(struct dpl_set *set, enum dpl_meeting meeting, int64_t generation)
{
    struct dpl_other *o = other_of(set);
    const char *site = dpl_set_peer(set);
    if (o->told == meeting)
        return;
    o->told = meeting;
    if (meeting == DPL_MEETING_SUPERSEDED)
        dpl_set_error(set,
                      "site \"%s\" serves it too, with the higher generation %lld, and by "
                      "on_superseded=alert this site serves on: stop one of them",
                      site, (long long)generation);
    else if (meeting == DPL_MEETING_TIE)
        dpl_set_error(set,
                      "site \"%s\" serves it too, with the same generation: nothing is "
                      "replicated; stop one of them, then at the other: doppel site confirm %s",
                      site, set->name);
    else
        return;
    dpl_alert_set(set, "role", "two-serve", set->last_error);
}

static bool serves_on(const struct dpl_set *set)
{
    const char *how = set->daemon->settings.cluster ? dpl_doc_text(set->doc, "on_superseded")
                                                    : dpl_option_text(set, "on_superseded");
    return g_strcmp0(how, "alert") == 0;
}

static void is_superseded(struct dpl_set *set, int64_t generation)
{
    if (serves_on(set) && serves(set) && !dpl_doc_tree(set->doc, "cold"))
        tell(set, DPL_MEETING_SUPERSEDED, generation);
    else
        dpl_superseded(set, generation);
}

static void meet(struct dpl_set *set, const struct dpl_other_side *said)
{
    if (!may_meet(set))
        return;
    enum dpl_meeting meeting = judge(set, said);
    if (meeting != DPL_MEETING_SUPERSEDED && meeting != DPL_MEETING_UNKNOWN)
        dpl_superseded_over(set);
    if (meeting == DPL_MEETING_SUPERSEDED)
        is_superseded(set, said->generation);
    else if (meeting == DPL_MEETING_TIE && serves(set) && !dpl_doc_tree(set->doc, "cold"))
        tell(set, meeting, said->generation);
}

static void on_answer(void *self, int rc, const struct dpl_doc *answer, const struct dpl_err *err)
{
    struct dpl_other *o = self;
    o->asking = false;
    o->at_ns = dpl_clock_now_ns(&dpl_clock_system);
    o->said = rc == DPL_OK ? dpl_other_side_of(answer) : (struct dpl_other_side){0};
    g_strlcpy(o->error, rc < 0 ? err->text : "", sizeof o->error);
    if (rc == DPL_OK)
        meet(o->set, &o->said);
    dpl_other_review(o->set);
    dpl_cold_review(o->set);
    dpl_roles_look(o->set->daemon);
}

static void ask(void *self)
{
    struct dpl_other *o = self;
    struct dpl_set *set = o->set;
    if (o->asking || !dpl_set_peer(set))
        return;
    o->asking = true;
    dpl_timer_clear(&o->timer);
    dpl_talk_ask(set->daemon, dpl_set_peer(set), dpl_talk_question("state", set->name), ANSWER_MS,
                 on_answer, o);
}

void dpl_other_ask_now(struct dpl_set *set)
{
    if (may_meet(set))
        ask(other_of(set));
}

void dpl_other_want(struct dpl_set *set, bool wanted)
{
    struct dpl_other *o = wanted ? other_of(set) : set->other;
    if (!o || o->wanted == wanted)
        return;
    o->wanted = wanted;
    o->at_ns = 0; /* what was said before counts no more */
    if (wanted)
        ask(o);
    else
        dpl_other_review(set);
}

void dpl_other_watch(struct dpl_set *set, bool watched)
{
    struct dpl_other *o = watched ? other_of(set) : set->other;
    if (!o || o->watched == watched)
        return;
    o->watched = watched;
    dpl_other_review(set);
}

/* A site that greets as the source has served with that generation: it does, or lets go. */
void dpl_other_greeted(struct dpl_set *set, int64_t generation)
{
    if (!may_meet(set) || generation <= dpl_doc_int(set->doc, "generation", 0))
        return;
    dpl_log(LOG_WARNING, "set \"%s\": site \"%s\" greets as its source, with generation %lld",
            set->name, dpl_set_peer(set), (long long)generation);
    is_superseded(set, generation);
}

static const char *pending_text(char *text, size_t room, int64_t generation)
{
    text[0] = '\0';
    if (generation)
        snprintf(text, room, ", a failover with generation %lld is pending there",
                 (long long)generation);
    return text;
}

bool dpl_other_meeting(const struct dpl_set *set, enum dpl_meeting *meeting_r, char *why,
                       size_t room)
{
    const struct dpl_other *o = set->other;
    int64_t now_ns = dpl_clock_now_ns(&dpl_clock_system);
    char pending[80];
    if (!o || o->at_ns == 0 || now_ns - o->at_ns > FRESH_MS * NS_PER_MS)
        return false;
    *meeting_r = judge(set, &o->said);
    if (!o->said.answered)
        g_strlcpy(why, o->error, room);
    else
        snprintf(why, room, "site \"%s\" is %s, generation %lld%s%s", dpl_set_peer(set),
                 dpl_set_role_text(o->said.role), (long long)o->said.generation,
                 pending_text(pending, sizeof pending, o->said.failing_over),
                 o->said.whole ? "" : ", and its store is not whole");
    return true;
}

void dpl_other_forget(struct dpl_set *set)
{
    struct dpl_other *o = g_steal_pointer(&set->other);
    if (!o)
        return;
    dpl_talk_forget(set->daemon, o);
    dpl_timer_clear(&o->timer);
    g_free(o);
}
