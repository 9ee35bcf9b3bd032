/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the link says of itself: at a change, at most five times a second, and every two seconds.
 */
#include "daemon/link/link.h"
#include "lib/base/uuid.h"

#include <inttypes.h>
#include <string.h>

#define MS INT64_C(1000000)

static const int64_t soon_ns = 200 * MS, late_ns = 2000 * MS;

/* What is known of the head is of one epoch. */
static void head_check(struct dpl_link *link)
{
    const struct dpl_source_position *now = &link->source.now;
    if (link->head_tag != now->tag) {
        link->head = 0;
        link->reserved_ns = 0;
    }
    link->head_tag = now->tag;
    if (link->head < now->sent)
        link->head = now->sent;
    link->source.head = link->head;
}

/* The capture's own account, for how far the journal goes and what its disk holds. */
static void head_read(struct dpl_link *link)
{
    const struct dpl_source_position *now = &link->source.now;
    struct dpl_capstat_now n;
    if (!link->capstat && (!link->config.capture_run_dir ||
                           dpl_capstat_open(&link->capstat, link->config.capture_run_dir,
                                            link->config.set, NULL) < 0)) {
        link->capstat = NULL;
        link->reserved_ns = 0;
        return;
    }
    if (now->tag == 0 || dpl_capstat_epoch(link->capstat) != now->epoch.number) {
        /* Another capture may have another page. */
        g_clear_pointer(&link->capstat, dpl_capstat_close);
        link->reserved_ns = 0;
        return;
    }
    dpl_capstat_read(link->capstat, &n);
    link->head = n.spilled_lsn;
    link->reserved = n.next_lsn;
    link->reserved_ns = (int64_t)n.figures_ns;
    link->source.synced = n.synced_lsn;
}

static void rate_read(struct dpl_link *link, int64_t now_ns)
{
    int64_t passed = now_ns - link->rate_ns;
    if (passed < 1000 * MS)
        return;
    uint64_t sent = link->peer.sent_bytes;
    uint64_t bytes = sent > link->rate_from ? sent - link->rate_from : 0;
    link->rate_bytes = bytes * 1000 / (uint64_t)(passed / MS);
    link->rate_from = sent;
    link->rate_ns = now_ns;
}

static int64_t as_int(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

/* How long ago what the target applied last was done; 0 where it has applied all. */
static int64_t lag_ms(const struct dpl_link *link)
{
    const struct dpl_source *s = &link->source;
    int64_t wall = dpl_clock_wall_ns(link->clock);
    if (s->applied_time_ns == 0 || s->applied_time_ns >= (uint64_t)wall ||
        (s->now.applies && s->now.applied >= link->head && s->now.applied >= s->now.sent))
        return 0;
    return (wall - (int64_t)s->applied_time_ns) / MS;
}

static void put_positions(const struct dpl_link *link, struct dpl_doc *doc)
{
    const struct dpl_source_position *now = &link->source.now;
    if (now->tag == 0)
        return;
    dpl_doc_set_int(doc, "epoch", as_int(now->epoch.number));
    dpl_doc_set_int(doc, "head_lsn", as_int(link->head));
    if (link->reserved_ns != 0) {
        dpl_doc_set_int(doc, "reserved_lsn", as_int(link->reserved));
        dpl_doc_set_int(doc, "reserved_ns", link->reserved_ns);
    }
    dpl_doc_set_int(doc, "sent_lsn", as_int(now->sent));
    dpl_doc_set_int(doc, "received_lsn", as_int(now->received));
    dpl_doc_set_int(doc, "durable_lsn", as_int(now->durable));
    if (now->applies) {
        dpl_doc_set_int(doc, "applied_lsn", as_int(now->applied));
        dpl_doc_set_int(doc, "checkpoint_lsn", as_int(now->checkpoint));
    }
    dpl_doc_set_int(doc, "waiting_bytes",
                    as_int(link->head > now->durable ? link->head - now->durable : 0));
    dpl_doc_set_int(doc, "target_queue_bytes", as_int(link->source.queue_bytes));
    dpl_doc_set_int(doc, "lag_ms", lag_ms(link));
}

/* Where a journal ended, with the digest of all that was in it. */
static void put_end(const struct dpl_source_position *p, struct dpl_doc *doc)
{
    struct dpl_doc *end = dpl_doc_set_tree(doc, "end");
    dpl_doc_set_int(end, "epoch", as_int(p->epoch.number));
    dpl_doc_set_format(end, "tag", "%016" PRIx64, p->tag);
    dpl_doc_set_int(end, "lsn", as_int(p->sent));
    dpl_doc_set_int(end, "chain", p->chain);
}

/* Whether a journal has ended, and the target holds all of it. Who lets go waits for that. */
static bool is_sent(const struct dpl_link *link)
{
    const struct dpl_source *s = &link->source;
    return s->state == DPL_SOURCE_CHOOSING && s->former.tag != 0 &&
           s->former.durable >= s->former.sent && !(s->flags & DPL_STATE_NEEDS_MIRROR);
}

/* Of a journal that has ended: whether the target holds it durably, its end too; acknowledgements
 * are of the former position from then on. */
static void put_left(const struct dpl_link *link, struct dpl_doc *doc)
{
    const struct dpl_source *s = &link->source;
    bool ended = s->state == DPL_SOURCE_CHOOSING && s->former.tag != 0;
    const struct dpl_source_position *p = ended ? &s->former : &s->now;
    uint64_t head = !ended && link->head > p->sent ? link->head : p->sent;
    if (p->tag == 0)
        return;
    dpl_doc_set_bool(doc, "sent_all", is_sent(link));
    dpl_doc_set_int(doc, "unsent_bytes", as_int(head > p->durable ? head - p->durable : 0));
    if (ended)
        put_end(p, doc);
}

static const char *compare_text(uint32_t reason)
{
    static const char *const texts[] = {
        [DPL_COMPARE_NEW] = "the replica is new",
        [DPL_COMPARE_EPOCH] = "the replica's last epoch is no parent of this one",
        [DPL_COMPARE_UNENDED] = "the replica does not hold the last epoch to its end",
        [DPL_COMPARE_GAP] = "the journal does not go on where the replica stands",
        [DPL_COMPARE_CHAIN] = "journal and replica have different histories",
        [DPL_COMPARE_ENDED] = "the journal ended before the changes did",
        [DPL_COMPARE_TOUCHED] = "the replica was changed by somebody else",
        [DPL_COMPARE_UNFINISHED] = "a mirror did not end",
        [DPL_COMPARE_ASKED] = "objects that the replica asked for have not come",
        [DPL_COMPARE_LOST] = "the target's queue is damaged",
        [DPL_COMPARE_OLDER] = "another node has owned the set since",
        [DPL_COMPARE_DISK] = "the replica was made of another file system",
    };
    return reason < G_N_ELEMENTS(texts) && texts[reason] ? texts[reason] : "a reason unknown here";
}

/* Whether the newest journal of the capture began behind changes that are in none, and the target
 * has not begun with it: it will need a mirror, though it cannot say so now. */
static bool behind_gap(struct dpl_link *link)
{
    const struct dpl_source *s = &link->source;
    const struct dpl_journal_epoch *list = NULL;
    struct dpl_capstat *page = NULL;
    struct dpl_capstat_now n = {0};
    if (s->state == DPL_SOURCE_STREAMING || s->state == DPL_SOURCE_COMPARE ||
        !link->config.capture_run_dir ||
        dpl_capstat_open(&page, link->config.capture_run_dir, link->config.set, NULL) < 0)
        return false;
    dpl_capstat_read(page, &n);
    dpl_capstat_close(page);
    if (n.mode == DPL_CAPSTAT_PASS || n.journal_ends == 0)
        return n.mode == DPL_CAPSTAT_PASS;
    ssize_t count = dpl_ledger_epochs(&link->ledger, &list, NULL);
    return count > 0 && list[count - 1].oldest_lsn == 0 &&
           memcmp(list[count - 1].epoch.id, s->best_id, sizeof s->best_id) != 0;
}

/* Which journal there is to send, for who connects. */
static void put_journal(struct dpl_link *link, struct dpl_doc *doc)
{
    const struct dpl_journal_epoch *list = NULL;
    char disk[DPL_UUID_TEXT];
    ssize_t count = dpl_ledger_epochs(&link->ledger, &list, NULL);
    if (count <= 0)
        return;
    struct dpl_doc *journal = dpl_doc_set_tree(doc, "journal");
    dpl_uuid_format(list[count - 1].epoch.fs_uuid, disk);
    dpl_doc_set_int(journal, "epoch", as_int(list[count - 1].epoch.number));
    dpl_doc_set_text(journal, "disk", disk);
}

static struct dpl_doc *status_doc(struct dpl_link *link)
{
    const struct dpl_source *s = &link->source;
    struct dpl_doc *doc = dpl_doc_new(), *status = dpl_doc_set_tree(doc, "status");
    bool compare = s->state == DPL_SOURCE_COMPARE;
    bool connected = s->state != DPL_SOURCE_OFFLINE;
    dpl_doc_set_text(status, "session", dpl_source_state_text(s->state));
    dpl_doc_set_bool(status, "connected", connected);
    dpl_doc_set_bool(status, "following", s->state == DPL_SOURCE_STREAMING);
    bool gap = behind_gap(link);
    dpl_doc_set_bool(status, "mirror_needed",
                     gap || s->compare != 0 || (s->flags & DPL_STATE_NEEDS_MIRROR));
    if (s->compare != 0 || gap)
        dpl_doc_set_text(status, "mirror_reason",
                         compare_text(s->compare != 0 ? s->compare : DPL_COMPARE_ENDED));
    dpl_link_mirror_status(link, status, dpl_clock_now_ns(link->clock));
    if (link->peer_doc)
        dpl_doc_set(status, "peer", dpl_doc_copy(link->peer_doc));
    if (!compare)
        put_positions(link, status);
    put_left(link, status);
    if (!connected)
        put_journal(link, status);
    if (connected) {
        dpl_doc_set_bool(status, "consistent", s->flags & DPL_STATE_CONSISTENT);
        dpl_doc_set_bool(status, "paused", s->flags & DPL_STATE_PAUSED);
        dpl_doc_set_bool(status, "target_full", s->flags & DPL_STATE_FULL);
    }
    dpl_doc_set_int(status, "sent_bytes", as_int(link->peer.sent_bytes));
    dpl_doc_set_int(status, "sent_messages", as_int(link->sent_messages));
    dpl_doc_set_int(status, "sent_bytes_per_s", as_int(link->rate_bytes));
    dpl_doc_set_int(status, "bandwidth_bytes", as_int(link->bucket.rate));
    if (link->last_error[0])
        dpl_doc_set_text(status, "last_error", link->last_error);
    return doc;
}

int64_t dpl_link_status(struct dpl_link *link, int64_t now_ns)
{
    head_check(link);
    if (now_ns - link->capstat_ns >= soon_ns) {
        head_read(link);
        link->capstat_ns = now_ns;
    }
    head_check(link);
    rate_read(link, now_ns);
    bool sent = is_sent(link);
    int64_t due = link->status_ns + (link->changed ? soon_ns : late_ns);
    if (now_ns < due && sent == link->sent_told)
        return due;
    link->sent_told = sent;
    g_autoptr(dpl_doc_auto) doc = status_doc(link);
    struct dpl_err err;
    /* A daemon that does not read will get the next one. */
    (void)dpl_channel_send(link->channel, doc, NULL, 0, &err);
    link->status_ns = now_ns;
    link->flags_told = link->source.flags;
    link->changed = false;
    return now_ns + late_ns;
}
