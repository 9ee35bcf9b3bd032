/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The role of a set at one site, and everything that may become of it. Pure.
 *
 * Two sites keep one of these each, and are joined by questions that may be lost, late, or asked
 * twice. That never two of them serve, unless a person confirmed what was not true, rests on this:
 *
 *   - A generation never goes down. A failover or a failback takes a number that the site that is
 *     going to serve never took before (dpl_set_role_next), so what is late is known by its number.
 *   - The site that serves lets go (RELEASE), proves that nothing of it runs, and gives the number
 *     away (CEDE) before the other one serves with it (RAISE, SERVE). A number that was given away
 *     comes back only by the other site's answer (GIVEN_BACK), which first gave it up (WITHDRAW),
 * or by a person (CONFIRM).
 *   - Who meets a site that serves with a higher number serves no more (MEET).
 *
 *   ANNOUNCE   a failover to this site begins: that number is pending here
 *   WITHDRAW   that number will never serve here
 *   RAISE      this site serves, with the number that is pending; a restore is required
 *   SERVE      this site serves, with a number that the other site gave away: a failback
 *   RELEASE    this site lets go for that number; its group stops
 *   TAKE_BACK  this site serves on, as long as it has not given the number away
 *   GIVEN_BACK the other site gave that number up: this one serves on
 *   CEDE       that number is given away
 *   MEET       the other site serves with that generation
 *   STAND_BY   the other site serves with that generation, and wants this one as its target
 *   CONFIRM    a person says that the other site does not serve; the generation is the other's as
 *              far as it is known, or 0
 */
#ifndef DPL_CORE_SET_ROLE_H
#define DPL_CORE_SET_ROLE_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum dpl_set_role {
#define SET_ROLE(name, text) DPL_SET_ROLE_##name,
#include "daemon/core/set_role.tbl.h"
#undef SET_ROLE
    DPL_SET_ROLES /* also: a word that this version does not know */
};

enum dpl_set_event {
#define SET_EVENT(name, text, standby, serving, released, superseded) DPL_SET_EVENT_##name,
#include "daemon/core/set_role.tbl.h"
#undef SET_EVENT
    DPL_SET_EVENTS
};

/* No site gets there by its own; beyond it there is no next one. */
#define DPL_GENERATION_MAX (INT64_C(1) << 53)

/* What a site knows of a set's role. Generations are 0 where there is none. */
struct dpl_set_side {
    enum dpl_set_role role;
    int64_t generation;
    int64_t failing_over; /* pending here, not raised */
    int64_t tried; /* the highest that was pending, or given up here or there: never used again */
    int64_t released_for;
    int64_t ceded;
    bool restore_required;
    bool held; /* it serves, and waits for a person since a cold start */
};

const char *dpl_set_role_text(enum dpl_set_role role);
/* DPL_SET_ROLES: none. */
enum dpl_set_role dpl_set_role_of(const char *text);
const char *dpl_set_event_text(enum dpl_set_event event);

/* The generation for the next failover or failback, given the other site's, or 0. */
int64_t dpl_set_role_next(const struct dpl_set_side *side, int64_t other_generation);
/* 1: it has changed; 0: that is so already; REFUSED, with why, and nothing has changed. */
int dpl_set_role_become(struct dpl_set_side *side, enum dpl_set_event event, int64_t generation,
                        struct dpl_err *err);
/* Whether a generation that is pending at the other site holds a set that starts cold here. */
bool dpl_set_role_is_held_by(const struct dpl_set_side *side, int64_t pending_there);
/* Whether both sites serve with one generation: each raised it by itself. Neither is stopped, and a
 * person says which one is meant. */
bool dpl_set_role_is_tie(const struct dpl_set_side *side, enum dpl_set_role other,
                         int64_t other_generation);

#endif
