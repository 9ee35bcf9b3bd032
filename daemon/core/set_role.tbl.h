/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What becomes of a set's role at a site.
 *
 * SET_ROLE(NAME, text as it is stored)
 * SET_EVENT(NAME, text, standby, serving, released, superseded)
 *
 * The last four are what is done when the event meets that role: a function of set_role.c, which
 * looks at the generations.
 */
/* clang-format off */
#ifdef SET_ROLE
SET_ROLE(STANDBY,    "standby")
SET_ROLE(SERVING,    "serving")
SET_ROLE(RELEASED,   "released")
SET_ROLE(SUPERSEDED, "superseded")
#endif
#ifdef SET_EVENT
/*        name       text                     standby     serving     released     superseded */
SET_EVENT(ANNOUNCE,  "begin a failover to it",announce,   serves,     released,    superseded)
SET_EVENT(WITHDRAW,  "give a failover up",    withdraw,   withdraw,   withdraw,    withdraw)
SET_EVENT(RAISE,     "let it serve after a failover",
                                              raise,      raised,     released,    superseded)
SET_EVENT(SERVE,     "let it serve again",    serve,      raised,     released,    superseded)
SET_EVENT(RELEASE,   "release it",            stands_by,  let_go,     let_go_again,superseded)
SET_EVENT(TAKE_BACK, "take it back",          stands_by,  has_it,     take_back,   superseded)
SET_EVENT(GIVEN_BACK,"give it back",          stands_by,  has_it,     given_back,  superseded)
SET_EVENT(CEDE,      "give it away",          stands_by,  serves,     cede,        superseded)
SET_EVENT(MEET,      "meet who serves it",    learn,      be_replaced,be_replaced, learn)
SET_EVENT(STAND_BY,  "let it stand by",       learn,      serves,     stand_by,    stand_by)
SET_EVENT(CONFIRM,   "confirm it",            confirm,    confirm_held,confirm,    confirm)
#endif
/* clang-format on */
