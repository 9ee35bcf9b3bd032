/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which mirror is to be begun: a person's wish, what the target asks for, or what the session
 * needs.
 */
#include "daemon/link/mirror_choose.h"

#include "daemon/link/link.h"
#include "daemon/link/mirror_over.h"

#include <string.h>

#define LOOK_AGAIN_NS INT64_C(1000000000)

static uint32_t kind_of(const char *text, uint32_t fallback)
{
    return g_strcmp0(text, "full") == 0         ? DPL_MIRROR_FULL
           : g_strcmp0(text, "difference") == 0 ? DPL_MIRROR_DIFFERENCE
           : g_strcmp0(text, "checksum") == 0   ? DPL_MIRROR_CHECKSUM
                                                : fallback;
}

static uint32_t orphans_of(const char *text, uint32_t fallback)
{
    return g_strcmp0(text, "keep") == 0     ? DPL_ORPHANS_KEEP
           : g_strcmp0(text, "delete") == 0 ? DPL_ORPHANS_DELETE
           : g_strcmp0(text, "move") == 0   ? DPL_ORPHANS_MOVE
           : g_strcmp0(text, "list") == 0   ? DPL_ORPHANS_LIST
                                            : fallback;
}

void dpl_link_mirror_configure(struct dpl_link *link, const struct dpl_doc *start)
{
    struct dpl_link_mirror *m = &link->mirror;
    const struct dpl_doc *by_hand = dpl_doc_tree(start, "mirror_wish");
    const char *rules = dpl_doc_text(start, "rules");
    struct dpl_err err = {0};
    m->defaults = (struct dpl_link_wish){
        .kind = kind_of(dpl_doc_text(start, "mirror"), DPL_MIRROR_CHECKSUM),
        .orphans = orphans_of(dpl_doc_text(start, "orphans"), DPL_ORPHANS_DELETE)};
    m->first = dpl_doc_bool(start, "begun", false) && !dpl_doc_bool(start, "equal", false);
    m->stopped = dpl_doc_bool(start, "mirror_stopped", false);
    if (!m->source && rules) { /* a mirror that runs follows the rules that it began with */
        g_clear_pointer(&m->rules, dpl_rules_free);
        if (dpl_rules_parse(&m->rules, rules, strlen(rules), &err) < 0)
            dpl_link_event(link, "error", err.text);
    }
    int64_t number = dpl_doc_int(by_hand, "number", 0);
    if (number == 0 || number == m->run.number || number == m->wish.number || number == m->over)
        return;
    m->wish = (struct dpl_link_wish){
        .wanted = true,
        .kind = kind_of(dpl_doc_text(by_hand, "kind"), m->defaults.kind),
        .orphans = orphans_of(dpl_doc_text(by_hand, "orphans"), m->defaults.orphans),
        .test = dpl_doc_bool(by_hand, "test", false),
        .anew = dpl_doc_bool(by_hand, "anew", false),
        .accept_empty = dpl_doc_bool(by_hand, "accept_empty", false),
        .accept_deletes = dpl_doc_bool(by_hand, "accept_deletes", false),
        .accept_filesystem = dpl_doc_bool(by_hand, "accept_filesystem", false),
        .number = number,
    };
    /* Before a crash: it goes on, and what has come already is compared. */
    if (dpl_doc_bool(by_hand, "begun", false) && !m->wish.test) {
        m->wish.kind = DPL_MIRROR_CHECKSUM;
        m->wish.anew = false;
    }
    m->again_ns = 0;
    m->failures = 0;
    link->changed = true;
}

/* Whether one object is all that the target wants. */
static bool of_one(const struct dpl_link *link, bool needed)
{
    const struct dpl_link_mirror *m = &link->mirror;
    return !needed && !m->stopped && m->object_wanted && !m->all_wanted;
}

/* Why none may begin without a person's word, or NULL: what is here would come over what another
 * owner, or another disk, had. */
static const char *word_wanted(const struct dpl_link *link)
{
    const struct dpl_source *s = &link->source;
    if (s->state != DPL_SOURCE_COMPARE)
        return NULL;
    if (s->told == DPL_COMPARE_OLDER)
        return "another node has owned the set since: if what is here is to take its place, start "
               "a mirror";
    if (s->told == DPL_COMPARE_DISK && !link->mirror.wish.accept_filesystem)
        return "the replica was made of another file system than the set is on now: if this one is "
               "meant, start a mirror with --accept-filesystem";
    return NULL;
}

/* A later journal than the one that was offered may be another thing. */
static void offer_later(struct dpl_link *link, int64_t now)
{
    const struct dpl_journal_epoch *list = NULL;
    ssize_t count = dpl_ledger_epochs(&link->ledger, &list, NULL);
    const struct dpl_journal_epoch *last = count > 0 ? &list[count - 1] : NULL;
    if (!last || memcmp(last->epoch.id, link->source.now.epoch.id, sizeof last->epoch.id) == 0)
        return;
    struct dpl_source_offer offer = {last->epoch, last->oldest_lsn, last->oldest_chain, false};
    (void)dpl_source_offer(&link->source, &offer, now);
}

/* Whether a person's word is waited for. */
static bool asks(struct dpl_link *link, int64_t now)
{
    struct dpl_link_mirror *m = &link->mirror;
    const char *why = word_wanted(link);
    bool by_hand = m->wish.wanted, blind = link->source.told == DPL_COMPARE_DISK;
    if (!why && m->asks)
        dpl_link_mirror_set_state(m, "idle", NULL);
    if (!why || (by_hand && !blind)) {
        m->asks = false;
        return false;
    }
    m->run = m->wish;
    if (by_hand || !m->asks)
        dpl_link_mirror_refused(link, why);
    m->asks = true;
    offer_later(link, now);
    m->again_ns = now + LOOK_AGAIN_NS;
    return true;
}

bool dpl_link_mirror_choose(struct dpl_link *link, int64_t now)
{
    struct dpl_link_mirror *m = &link->mirror;
    const struct dpl_source *s = &link->source;
    bool streaming = s->state == DPL_SOURCE_STREAMING && s->acked;
    bool compare = s->state == DPL_SOURCE_COMPARE;
    bool needed = compare || (s->flags & DPL_STATE_NEEDS_MIRROR);
    bool under_way = s->flags & DPL_STATE_MIRROR;
    if ((!streaming && !compare) || now < m->again_ns ||
        !(link->peer_features & DPL_FEATURE_MIRROR) || asks(link, now))
        return false;
    if (m->wish.wanted) {
        m->run = m->wish;
    } else {
        if (of_one(link, needed)) {
            m->run = (struct dpl_link_wish){
                .object = true, .kind = DPL_MIRROR_CHECKSUM, .orphans = DPL_ORPHANS_KEEP};
            return streaming;
        }
        bool new = s->told == DPL_COMPARE_NEW &&needed;
        if (m->stopped || (new && !m->first) || under_way || (!needed && !m->object_wanted))
            return false;
        m->run = m->defaults;
        /* What somebody changed, or a lost journal hid, has its size and time as before. */
        if (!new)
            m->run.kind = DPL_MIRROR_CHECKSUM;
        else if (s->empty) /* nothing to compare with */
            m->run.kind = DPL_MIRROR_FULL;
    }
    if (m->run.kind == DPL_MIRROR_DIFFERENCE &&
        (m->unfinished || (needed && s->told == DPL_COMPARE_UNFINISHED)))
        m->run.kind = DPL_MIRROR_CHECKSUM;
    return true;
}

bool dpl_link_mirror_goes_on(const struct dpl_link *link)
{
    const struct dpl_link_mirror *m = &link->mirror;
    return m->run.kind == DPL_MIRROR_CHECKSUM && !m->run.test && !m->run.anew && !m->run.object &&
           link->source.state == DPL_SOURCE_STREAMING && link->source.cursor_size > 0;
}
