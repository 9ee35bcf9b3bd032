/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/cold.h"

#include "daemon/parent/change.h"
#include "daemon/parent/log.h"
#include "daemon/parent/other.h"
#include "lib/base/clock.h"

#include <string.h>

#define REMIND_NS (INT64_C(600) * 1000000000) /* between two alerts of the same */

/* What a person reads, and what to type. %1$s: the set, %2$s: the other site. */
static const struct {
    const char *why, *next;
} texts[] = {
    [DPL_MEETING_UNKNOWN] =
        {"this whole site was down, or had no quorum, and site \"%2$s\" does not say whether it "
         "serves set "
         "\"%1$s\" "
         "by now: it is held, and the site is asked on",
         "when you know that site %2$s does not serve: doppel site confirm %1$s"},
    [DPL_MEETING_FAILING_OVER] =
        {"this whole site was down, or had no quorum, and set \"%1$s\" is failing over to "
         "site \"%2$s\": it is held",
         "let the failover end, or at site %2$s: doppel procedure undo"},
    [DPL_MEETING_SUPERSEDED] = {"this whole site was down, or had no quorum, and site \"%2$s\" "
                                "serves set \"%1$s\" by now: it is held",
                                "at site %2$s: doppel restore %1$s, then doppel failback %1$s"},
    [DPL_MEETING_TIE] =
        {"site \"%2$s\" says that it serves set \"%1$s\" with the same generation: it is held",
         "stop one of them; then, where it shall serve: doppel site confirm %1$s"},
    [DPL_MEETING_LOWER] =
        {"site \"%2$s\" still serves set \"%1$s\" with a lower generation, and has to stop first: "
         "it is held",
         "at site %2$s: doppel status %1$s"},
    [DPL_MEETING_NOBODY] =
        {"site \"%2$s\" does not serve set \"%1$s\", but has met a higher generation than this "
         "store has: it is held",
         "when nothing serves it, and this site has the data: doppel site confirm %1$s"},
};
static const char alone[] =
    "this whole site was down, or had no quorum, and no other site of set \"%1$s\" is known "
    "to be asked: it is held";
static const char person[] = "set \"%1$s\" waits for a person: another site may serve it";
static const char confirm[] =
    "when you know that no other site serves it: doppel site confirm %1$s";

static char *text_of(const char *format, const struct dpl_set *set)
{
    const char *site = dpl_set_peer(set);
    g_auto(GStrv) by_set = g_strsplit(format, "%1$s", -1);
    g_autofree char *half = g_strjoinv(set->name, by_set);
    g_auto(GStrv) by_site = g_strsplit(half, "%2$s", -1);
    return g_strjoinv(site ? site : "?", by_site);
}

/* Into the document, for all nodes. */
static void put(struct dpl_set *set, const char *why, const char *next)
{
    const struct dpl_doc *now = dpl_doc_tree(set->doc, "cold");
    if (g_strcmp0(dpl_doc_text(now, "why"), why) == 0)
        return;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set->doc);
    struct dpl_doc *cold = dpl_doc_set_tree(doc, "cold");
    dpl_doc_set_text(cold, "why", why);
    dpl_doc_set_text(cold, "next", next);
    dpl_change_found(set, doc);
}

static void hold(struct dpl_set *set, const char *why_format, const char *next_format,
                 const char *detail)
{
    g_autofree char *why = text_of(why_format, set), *next = text_of(next_format, set);
    int64_t now_ns = dpl_clock_now_ns(&dpl_clock_system);
    put(set, why, next);
    if (g_strcmp0(set->held.why, why) == 0 && now_ns - set->held.told_ns < REMIND_NS)
        return;
    g_free(set->held.why);
    set->held.why = g_steal_pointer(&why);
    set->held.told_ns = now_ns;
    dpl_set_error(set, "%s%s%s%s; %s", set->held.why, detail[0] ? " (" : "", detail,
                  detail[0] ? ")" : "", next);
    dpl_alert_set(set, "role", "held", set->last_error);
}

bool dpl_cold_holds(struct dpl_set *set)
{
    enum dpl_meeting meeting = DPL_MEETING_UNKNOWN;
    char why[400] = "";
    if (!dpl_set_peer(set)) {
        hold(set, alone, confirm, "");
        return true;
    }
    dpl_other_want(set, true);
    if (!dpl_other_meeting(set, &meeting, why, sizeof why))
        return true; /* it is being asked */
    if (meeting != DPL_MEETING_MAY_SERVE) {
        hold(set, texts[meeting].why, texts[meeting].next, why);
        return true;
    }
    dpl_log(LOG_NOTICE, "set \"%s\" starts cold, and may serve: %s", set->name, why);
    return false;
}

void dpl_cold_waits_for_person(struct dpl_set *set)
{
    hold(set, person, confirm, "");
}

void dpl_cold_over(struct dpl_set *set)
{
    dpl_other_want(set, false);
    if (set->held.why) {
        g_clear_pointer(&set->held.why, g_free);
        dpl_set_error(set, NULL);
    }
    if (!dpl_doc_get(set->doc, "cold"))
        return;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set->doc);
    dpl_doc_unset(doc, "cold");
    dpl_change_found(set, doc);
}

const char *dpl_cold_why(const struct dpl_set *set)
{
    return dpl_doc_text(dpl_doc_tree(set->doc, "cold"), "why");
}

const char *dpl_cold_next(const struct dpl_set *set)
{
    return dpl_doc_text(dpl_doc_tree(set->doc, "cold"), "next");
}
