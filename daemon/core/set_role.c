/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/set_role.h"

#include <string.h>

typedef int change(struct dpl_set_side *side, int64_t generation, struct dpl_err *err);

static const char *const role_texts[] = {
#define SET_ROLE(name, text) text,
#include "daemon/core/set_role.tbl.h"
#undef SET_ROLE
};

static int64_t max_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The highest that this site has heard of. */
static int64_t highest(const struct dpl_set_side *s)
{
    return max_of(max_of(s->generation, s->tried),
                  max_of(s->failing_over, max_of(s->released_for, s->ceded)));
}

static int refused(const struct dpl_set_side *s, const char *why, struct dpl_err *err)
{
    return dpl_err_set(err, DPL_E_REFUSED, "it is %s at this site (generation %lld): %s",
                       dpl_set_role_text(s->role), (long long)s->generation, why);
}

static int refused_for(const struct dpl_set_side *s, int64_t asked, const char *why,
                       struct dpl_err *err)
{
    return dpl_err_set(err, DPL_E_REFUSED,
                       "it is %s at this site (generation %lld), not for %lld: %s",
                       dpl_set_role_text(s->role), (long long)s->generation, (long long)asked, why);
}

/* --- what does not fit the role --------------------------------------------------------------- */

static int serves(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    (void)generation;
    return refused(s, "it serves here, and has to be released first", err);
}

static int stands_by(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    (void)generation;
    return refused(s, "it does not serve here", err);
}

static int released(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    (void)generation;
    return refused(s, "it has let go for the other site and has no replica here", err);
}

static int superseded(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    (void)generation;
    return refused(s, "the other site serves it; doppel restore there makes this one a standby",
                   err);
}

/* --- a failover to this site ------------------------------------------------------------------ */

static int announce(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    if (s->failing_over == generation)
        return 0;
    if (s->failing_over)
        return refused(s, "another failover to this site is under way", err);
    if (generation <= highest(s))
        return refused_for(s, generation, "that number was used before", err);
    s->failing_over = s->tried = generation;
    return 1;
}

static int withdraw(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    if (s->role == DPL_SET_ROLE_SERVING && s->generation >= generation)
        return refused_for(s, generation, "it serves already", err);
    if (s->failing_over != generation && s->tried >= generation)
        return 0;
    if (s->failing_over <= generation)
        s->failing_over = 0;
    s->tried = max_of(s->tried, generation);
    return 1;
}

/* Nothing of what led here counts any more. */
static void begin_role(struct dpl_set_side *s, enum dpl_set_role role, int64_t generation)
{
    s->role = role;
    s->generation = generation;
    s->failing_over = s->released_for = s->ceded = 0;
    s->held = false;
}

static int raise(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    if (s->failing_over != generation || generation <= s->generation)
        return refused_for(s, generation, "no failover with that number is under way", err);
    begin_role(s, DPL_SET_ROLE_SERVING, generation);
    s->restore_required = true;
    return 1;
}

static int serve(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    bool announced = s->failing_over && s->failing_over == generation;
    if (s->failing_over && !announced)
        return refused(s, "a failover to this site is under way", err);
    if (generation <= (announced ? s->generation : highest(s)))
        return refused_for(s, generation, "that number was given up", err);
    begin_role(s, DPL_SET_ROLE_SERVING, generation);
    s->restore_required = false;
    return 1;
}

static int raised(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    return s->generation == generation ? 0 : refused_for(s, generation, "it serves already", err);
}

/* --- this site lets go ------------------------------------------------------------------------ */

static int let_go(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    if (generation <= highest(s))
        return refused_for(s, generation, "that number was used before", err);
    s->role = DPL_SET_ROLE_RELEASED;
    s->released_for = generation;
    s->ceded = 0;
    return 1;
}

/* The other site gave the number up for which this one has let go, and begins anew. */
static int let_go_again(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    return generation == s->released_for ? 0 : let_go(s, generation, err);
}

/* It serves, by that number's end or by a person's word, or was never asked to let go; if that
 * question is late, its number is known to be over. */
static int has_it(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    (void)err;
    if (generation <= highest(s))
        return 0;
    s->tried = generation;
    return 1;
}

static int given_back(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    if (generation != s->released_for)
        return refused_for(s, generation, "it has not let go for that number", err);
    s->role = DPL_SET_ROLE_SERVING;
    s->tried = max_of(s->tried, generation);
    s->released_for = s->ceded = 0;
    return 1;
}

static int take_back(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    if (s->ceded)
        return refused(s,
                       "it was given away, and the other site may serve by now: only that site's "
                       "answer gives it back, or doppel site confirm",
                       err);
    return given_back(s, generation, err);
}

static int cede(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    if (generation != s->released_for)
        return refused_for(s, generation, "it has not let go for that number", err);
    if (s->ceded == generation)
        return 0;
    s->ceded = generation;
    return 1;
}

/* --- the other site serves -------------------------------------------------------------------- */

/* A site that does not serve takes the number of the one that does. */
static int learn(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    (void)err;
    if (generation <= s->generation)
        return 0;
    s->generation = generation;
    if (s->failing_over <= generation)
        s->failing_over = 0;
    return 1;
}

static int be_replaced(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    if (generation < s->generation)
        return 0; /* that one will serve no more, when it hears of us */
    if (generation == s->generation && s->role == DPL_SET_ROLE_SERVING)
        return refused(s,
                       "the other site serves with the same number: end one of them, and say which "
                       "one serves by doppel site confirm there",
                       err);
    begin_role(s, DPL_SET_ROLE_SUPERSEDED, generation);
    s->restore_required = false;
    return 1;
}

static int stand_by(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    if (generation < s->generation)
        return refused_for(s, generation, "who serves has a higher number than this site", err);
    begin_role(s, DPL_SET_ROLE_STANDBY, generation);
    s->restore_required = false;
    return 1;
}

/* --- a person --------------------------------------------------------------------------------- */

static int confirm(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    int64_t known = max_of(highest(s), generation);
    bool follows = s->role == DPL_SET_ROLE_RELEASED && !s->ceded;
    (void)err;
    bool restore = s->role == DPL_SET_ROLE_SERVING ? s->restore_required : !follows;
    begin_role(s, DPL_SET_ROLE_SERVING, max_of(s->generation + 2, known + 1));
    s->restore_required = restore;
    return 1;
}

static int confirm_held(struct dpl_set_side *s, int64_t generation, struct dpl_err *err)
{
    return s->held ? confirm(s, generation, err) : refused(s, "it serves here already", err);
}

/* ---------------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    change *fns[DPL_SET_ROLES];
} events[] = {
#define SET_EVENT(name, text, standby, serving, released, superseded)                              \
    {text, {standby, serving, released, superseded}},
#include "daemon/core/set_role.tbl.h"
#undef SET_EVENT
};

const char *dpl_set_role_text(enum dpl_set_role role)
{
    return role < DPL_SET_ROLES ? role_texts[role] : "in no role that this version knows";
}

enum dpl_set_role dpl_set_role_of(const char *text)
{
    enum dpl_set_role role = 0;
    while (role < DPL_SET_ROLES && (!text || strcmp(text, role_texts[role]) != 0))
        role++;
    return role;
}

const char *dpl_set_event_text(enum dpl_set_event event)
{
    return events[event].text;
}

int64_t dpl_set_role_next(const struct dpl_set_side *side, int64_t other_generation)
{
    int64_t known = max_of(highest(side), other_generation);
    return known < DPL_GENERATION_MAX ? known + 1 : DPL_GENERATION_MAX;
}

int dpl_set_role_become(struct dpl_set_side *side, enum dpl_set_event event, int64_t generation,
                        struct dpl_err *err)
{
    if (side->role >= DPL_SET_ROLES)
        return refused(side, "nothing is done to it", err);
    if (generation < 0 || generation > DPL_GENERATION_MAX)
        return refused_for(side, generation, "that is no generation", err);
    return events[event].fns[side->role](side, generation, err);
}

bool dpl_set_role_is_held_by(const struct dpl_set_side *side, int64_t pending_there)
{
    return pending_there > side->generation;
}

bool dpl_set_role_is_tie(const struct dpl_set_side *side, enum dpl_set_role other,
                         int64_t other_generation)
{
    return side->role == DPL_SET_ROLE_SERVING && other == DPL_SET_ROLE_SERVING &&
           side->generation == other_generation;
}
