/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link/mirror_run.h"

#include "daemon/link/link.h"
#include "daemon/link/mirror_choose.h"
#include "daemon/link/mirror_lend.h"
#include "daemon/link/mirror_over.h"

#include <sys/random.h>

#define SECOND_NS INT64_C(1000000000)

enum {
    STEPS = 64, /* in one turn */
    KEPT_ENOUGH = 256 * 1024,
};
static const int64_t slice_ns = 5000000, look_ns = SECOND_NS / 100;

static int64_t now_of(const struct dpl_link *link)
{
    return dpl_clock_now_ns(link->clock);
}

static int call_send(void *self, const struct dpl_message *message, struct dpl_err *err)
{
    struct dpl_link *link = self;
    size_t size = dpl_message_frame_bytes(message);
    bool begins = message->type == DPL_MSG_MIRROR_BEGIN;
    int rc = begins ? dpl_source_send_mirror(&link->source, message, now_of(link))
                    : dpl_source_send_part(&link->source, message, now_of(link));
    if (rc < 0)
        return dpl_err_set(err, DPL_E_NOT_RUNNING, "the target cannot be told");
    if (!begins)
        link->mirror.sent_bytes += size;
    dpl_bucket_take(&link->bucket, size, now_of(link));
    return 0;
}

/* In `compare` the journal's end is offered first, so that what is older need not be sent. 1: it
 * was. */
static int offer_end(struct dpl_link *link)
{
    struct dpl_link_mirror *m = &link->mirror;
    struct dpl_source_offer offer;
    struct dpl_err err = {0};
    if (link->source.state != DPL_SOURCE_COMPARE || m->at_end)
        return 1;
    int rc = dpl_link_journal_end(link, &offer, &err);
    if (rc < 0) {
        if (err.text[0])
            g_strlcpy(m->why, err.text, sizeof m->why);
        m->again_ns = now_of(link) + SECOND_NS;
        return 0;
    }
    m->at_end = true;
    (void)dpl_source_offer(&link->source, &offer, now_of(link));
    return 0; /* when it is answered */
}

static void begin(struct dpl_link *link)
{
    struct dpl_link_mirror *m = &link->mirror;
    struct dpl_err err = {0};
    struct dpl_mirror_options options = {
        .kind = (enum dpl_mirror_kind)m->run.kind,
        .orphans = (enum dpl_orphans)m->run.orphans,
        .test = m->run.test,
        .any_loss = m->run.accept_deletes,
        /* A new replica with nothing in it has nothing to lose. */
        .allow_empty =
            m->run.accept_empty || (link->source.told == DPL_COMPARE_NEW && link->source.empty),
        .files = link->peer_features & DPL_FEATURE_FILES,
        .roots = m->roots,
        .root_count = m->root_count,
        .rules = m->rules,
        .send = call_send,
        .self = link,
    };
    if (m->run.object) {
        options.object = dpl_oid_view(&m->want);
        options.allow_empty = true;
    }
    if (m->run.test && m->run.kind == DPL_MIRROR_FULL)
        options.kind = DPL_MIRROR_CHECKSUM; /* nothing is written: no content need be sent */
    if (dpl_link_mirror_goes_on(link))
        options.cursor = (struct dpl_view){link->source.cursor, link->source.cursor_size};
    if (m->run.test && link->source.state != DPL_SOURCE_STREAMING) {
        dpl_link_mirror_refused(
            link, "a test compares with a replica that follows, and this one does not");
        return;
    }
    int rc = dpl_link_lend_check(link, &err);
    if (rc == 0 && (getrandom(&options.id, sizeof options.id, 0) != sizeof options.id ||
                    getrandom(&options.seed, sizeof options.seed, 0) != sizeof options.seed))
        rc = dpl_err_set(&err, DPL_E_FAILED, "no random number");
    options.id |= 1; /* never 0 */
    m->id = options.id;
    m->sent_bytes = m->taken_bytes = m->objects_there = m->rate_bytes = m->rate_from = 0;
    m->object_wanted = m->end_sent = false;
    g_clear_pointer(&m->found, g_ptr_array_unref);
    m->walked_ns = 0;
    m->began_ns = m->rate_ns = now_of(link);
    if (rc == 0)
        rc = dpl_mirror_source_open(&m->source, &options, &err);
    if (rc == DPL_E_REFUSED) {
        dpl_link_mirror_refused(link, err.text);
        return;
    }
    if (rc < 0) {
        dpl_link_mirror_failed(link, err.text);
        return;
    }
    m->wish = (struct dpl_link_wish){0};
    m->unfinished |= !m->run.test && !m->run.object;
    m->all_wanted &= m->run.object || m->run.test;
    dpl_link_mirror_set_state(m, "running", NULL);
    link->look = link->changed = true;
    if (m->run.object) {
        dpl_link_event(link, "mirror-begins", "of an object that the target asked for");
        return;
    }
    g_autofree char *text = g_strdup_printf("%s%s%s, orphans: %s", m->run.test ? "a test, " : "",
                                            dpl_link_kind_text(m->run.kind),
                                            options.cursor.size > 0 ? ", where one stopped" : "",
                                            dpl_link_orphans_text(m->run.orphans));
    dpl_link_mirror_tell(link, "mirror-begins", text, "mirror_begun");
}

/* All was walked: the highest position that is reserved by now, as soon as the capture's figures
 * are from behind this moment. 1: it is known. */
static int find_end(struct dpl_link *link, uint64_t *lsn)
{
    struct dpl_link_mirror *m = &link->mirror;
    struct dpl_capstat_now n;
    if (m->walked_ns == 0)
        m->walked_ns = now_of(link);
    if (!dpl_link_capture_now(link, &n) || n.mode != DPL_CAPSTAT_JOURNAL ||
        (int64_t)n.figures_ns < m->walked_ns)
        return 0;
    *lsn = n.next_lsn > link->source.now.sent ? n.next_lsn : link->source.now.sent;
    return 1;
}

static void end_if_walked(struct dpl_link *link)
{
    struct dpl_link_mirror *m = &link->mirror;
    uint64_t lsn;
    struct dpl_err err;
    if (!dpl_mirror_source_walked(m->source)) {
        m->walked_ns = 0;
        return;
    }
    if (m->end_sent || !find_end(link, &lsn))
        return;
    struct dpl_message end = {.type = DPL_MSG_MIRROR_END,
                              .has = DPL_M(MIRROR) | DPL_M(EPOCH_TAG) | DPL_M(LSN),
                              .mirror = m->id,
                              .epoch_tag = link->source.now.tag,
                              .lsn = lsn};
    m->end_sent = call_send(link, &end, &err) == 0;
}

static bool may_send(struct dpl_link *link)
{
    const struct dpl_link_mirror *m = &link->mirror;
    return m->source && link->source.state == DPL_SOURCE_STREAMING &&
           m->sent_bytes - m->taken_bytes < link->source.window &&
           dpl_peer_kept(&link->peer) <= KEPT_ENOUGH &&
           dpl_bucket_wait_ns(&link->bucket, now_of(link)) == 0;
}

static void send_some(struct dpl_link *link)
{
    struct dpl_link_mirror *m = &link->mirror;
    struct dpl_err err = {0};
    int64_t end = now_of(link) + slice_ns;
    int rc = 1;
    for (int i = 0; i < STEPS && rc > 0 && may_send(link) && now_of(link) < end; i++)
        rc = dpl_mirror_source_step(m->source, &err);
    if (rc >= 0)
        return;
    if (err.code == DPL_E_NOT_RUNNING)
        return; /* the session is over, and says so */
    dpl_link_mirror_send_stop(link, DPL_MIRROR_STOP_IO);
    dpl_link_mirror_failed(link, err.text);
}

void dpl_link_mirror_pump(struct dpl_link *link)
{
    struct dpl_link_mirror *m = &link->mirror;
    if (link->source.state == DPL_SOURCE_STREAMING)
        m->at_end = false; /* behind the next gap it is to be offered again */
    if (!m->source) {
        if (!dpl_link_mirror_choose(link, now_of(link)) || !offer_end(link))
            return;
        if (m->root_count == 0) {
            dpl_link_lend_ask(link);
            return;
        }
        begin(link);
        return;
    }
    if (link->source.state == DPL_SOURCE_COMPARE) {
        dpl_link_mirror_lost(link, "the journal ended before the changes did");
        return;
    }
    if (!dpl_link_capture_holds(link)) {
        /* The directories are given back, so that the file system can be unmounted. */
        dpl_link_mirror_send_stop(link, DPL_MIRROR_STOP_IO);
        dpl_link_mirror_failed(link, "the capture of the set has ended");
        return;
    }
    send_some(link);
    if (m->source && link->source.state == DPL_SOURCE_STREAMING)
        end_if_walked(link);
}

bool dpl_link_mirror_more(struct dpl_link *link)
{
    return may_send(link) && !dpl_mirror_source_walked(link->mirror.source);
}

int64_t dpl_link_mirror_due(const struct dpl_link *link)
{
    const struct dpl_link_mirror *m = &link->mirror;
    if (m->source)
        return m->walked_ns != 0 && !m->end_sent ? now_of(link) + look_ns : INT64_MAX;
    return m->again_ns > now_of(link) ? m->again_ns : INT64_MAX;
}

int dpl_link_mirror_before(struct dpl_link *link, struct dpl_view records)
{
    struct dpl_link_mirror *m = &link->mirror;
    struct dpl_err err = {0};
    for (size_t at = 0; m->source && at + DPL_RECORD_HEADER <= records.size;) {
        struct dpl_record_header h;
        struct dpl_record r;
        int rc = dpl_record_header_decode(&h, records.data + at);
        if (rc == 0 && (h.type == DPL_R_RENAME || h.type == DPL_R_LINK || h.type == DPL_R_CREATE ||
                        h.type == DPL_R_COPY || h.type == DPL_R_OUTCOME)) {
            rc = dpl_record_decode(&r, h.type, h.outcome, records.data + at + DPL_RECORD_HEADER,
                                   h.body_bytes, &err);
            if (rc == 0)
                rc = dpl_mirror_source_before(m->source, &r, &err);
        }
        if (rc == DPL_E_NOT_RUNNING)
            return rc;
        if (rc < 0) {
            dpl_link_mirror_send_stop(link, DPL_MIRROR_STOP_IO);
            dpl_link_mirror_failed(link, err.text);
            return 0;
        }
        at += h.size;
    }
    return 0;
}
