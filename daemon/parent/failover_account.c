/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Failover: what is missing here, as far as it can be known without the other site. Nothing more
 * than what is true is said: who was cut off cannot know what the other one did from then on.
 *
 *   account: {position, applied_ms, heard_ms, seconds, bytes, ops, synced_until_ms, complete}
 *
 * position and applied_ms: how far this replica is, and when its last change was made there.
 * heard_ms: when the other site was last heard, seconds: how long before the failover's begin.
 * bytes, ops: what it is known to have had, and is not here; ops are counted by the mean size of
 * those that came. synced_until_ms: no sync that it acknowledged until then, by its clock, is
 * missing. complete: nothing that it acknowledged is. What is not known is not there.
 */
#include "daemon/parent/failover.h"

const char *dpl_failover_time(int64_t ms, char *text, size_t room)
{
    g_autoptr(GDateTime) at = g_date_time_new_from_unix_local(ms / 1000);
    g_autofree char *day = at ? g_date_time_format(at, "%Y-%m-%d %H:%M:%S") : NULL;
    g_strlcpy(text, day ? day : "?", room);
    return text;
}

static void put_lack(struct dpl_doc *account, int64_t bytes, const struct dpl_doc *found)
{
    int64_t op_bytes = dpl_doc_int(found, "op_bytes", 0);
    dpl_doc_set_int(account, "bytes", bytes);
    if (op_bytes > 0)
        dpl_doc_set_int(account, "ops", (bytes + op_bytes - 1) / op_bytes);
}

/* The position that the other site was last heard to have, and the promise of its heartbeat. */
static void put_heard(struct dpl_doc *account, const struct dpl_run *run,
                      const struct dpl_doc *found, bool whole)
{
    int64_t heard_ms = dpl_doc_int(found, "heard_ms", 0), lsn = dpl_doc_int(found, "lsn", 0);
    int64_t head = dpl_doc_int(found, "head", -1), promise = dpl_doc_int(found, "promise_ms", 0);
    int64_t begun_ms = dpl_doc_int(run->doc, "begun_ms", 0);
    if (heard_ms > 0) {
        dpl_doc_set_int(account, "heard_ms", heard_ms);
        dpl_doc_set_int(account, "seconds", MAX(begun_ms - heard_ms + 999, 0) / 1000);
    }
    if (head >= 0)
        put_lack(account, MAX(head - lsn, 0), found);
    if (whole && promise < 0)
        dpl_doc_set_bool(account, "complete", true);
    else if (whole && promise > 0)
        dpl_doc_set_int(account, "synced_until_ms",
                        dpl_doc_int(found, "source_time_ms", 0) + promise);
}

static char *lack_text(const struct dpl_doc *account)
{
    int64_t bytes = dpl_doc_int(account, "bytes", 0), ops = dpl_doc_int(account, "ops", 0);
    if (ops > 0)
        return g_strdup_printf("%lld bytes, about %lld changes", (long long)bytes, (long long)ops);
    return g_strdup_printf("%lld bytes of changes", (long long)bytes);
}

static char *heard_text(const struct dpl_doc *account, const char *peer)
{
    char at[DPL_FAILOVER_TIME];
    int64_t applied_ms = dpl_doc_int(account, "applied_ms", 0);
    g_autofree char *lack = lack_text(account);
    if (!dpl_doc_get(account, "heard_ms") || !dpl_doc_get(account, "bytes"))
        return applied_ms > 0
                   ? g_strdup_printf("what site %s changed after %s, when its last change that is "
                                     "here was made; how much that is, is not known",
                                     peer, dpl_failover_time(applied_ms, at, sizeof at))
                   : g_strdup_printf("what site %s changed after its last change that is here; "
                                     "how much that is, is not known",
                                     peer);
    dpl_failover_time(dpl_doc_int(account, "heard_ms", 0), at, sizeof at);
    long long seconds = dpl_doc_int(account, "seconds", 0);
    return dpl_doc_int(account, "bytes", 0) > 0
               ? g_strdup_printf("%s that site %s had when it was last heard, at %s; and what it "
                                 "changed in the %lld s from then to this failover, if it ran on",
                                 lack, peer, at, seconds)
               : g_strdup_printf("what site %s changed in the %lld s from %s, when it was last "
                                 "heard and had nothing more than what is here, to this failover, "
                                 "if it ran on",
                                 peer, seconds, at);
}

static char *text_of(const struct dpl_doc *account, const char *peer)
{
    char at[DPL_FAILOVER_TIME];
    if (dpl_doc_bool(account, "complete", false))
        return g_strdup_printf(
            "nothing that was acknowledged: every sync that site %s has "
            "acknowledged is here (durability=remote, "
            "durability_policy=refuse), unless somebody changed that there, or "
            "detached the set, after it was last heard, at %s",
            peer, dpl_failover_time(dpl_doc_int(account, "heard_ms", 0), at, sizeof at));
    g_autofree char *heard = heard_text(account, peer);
    if (!dpl_doc_get(account, "synced_until_ms"))
        return g_steal_pointer(&heard);
    dpl_failover_time(dpl_doc_int(account, "synced_until_ms", 0), at, sizeof at);
    return g_strdup_printf("no sync that site %s acknowledged until %s by its clock "
                           "(durability=remote): nothing, unless it ran on alone after that; else "
                           "%s",
                           peer, at, heard);
}

void dpl_failover_account(struct dpl_run *run, const struct dpl_doc *found, const char *flaw)
{
    struct dpl_doc *facts = dpl_run_facts(run), *account = dpl_doc_set_tree(facts, "account");
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    const char *peer = set && dpl_set_peer(set) ? dpl_set_peer(set) : "?";
    const struct dpl_doc *end = dpl_doc_tree(facts, "end");
    int64_t unsent = dpl_doc_int(facts, "unsent_bytes", -1);
    g_autofree char *text = NULL;
    dpl_doc_set_int(account, "position", dpl_doc_int(found, "lsn", 0));
    if (dpl_doc_int(found, "applied_ms", 0) > 0)
        dpl_doc_set_int(account, "applied_ms", dpl_doc_int(found, "applied_ms", 0));
    if (end && !flaw) {
        dpl_doc_set_bool(account, "complete", true);
        text = g_strdup("nothing: both sites are equal where the other one ended");
    } else if (unsent > 0) { /* it has let go, and said so */
        put_lack(account, unsent, found);
        g_autofree char *lack = lack_text(account);
        text = g_strdup_printf("%s that site %s has let go with, and has not sent", lack, peer);
    } else {
        put_heard(account, run, found, !flaw);
        text = text_of(account, peer);
    }
    dpl_doc_set_format(facts, "missing", "%s%s%s", flaw ? flaw : "", flaw ? "; and " : "", text);
}
