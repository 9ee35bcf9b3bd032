/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link/mirror_run.h"

#include "daemon/link/link.h"
#include "daemon/link/mirror_lend.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#define SECOND_NS INT64_C(1000000000)

enum {
    STEPS = 64, /* in one turn */
    KEPT_ENOUGH = 256 * 1024,
};
static const int64_t slice_ns = 5000000, again_ns = 30 * SECOND_NS, look_ns = SECOND_NS / 100;

static int64_t now_of(const struct dpl_link *link)
{
    return dpl_clock_now_ns(link->clock);
}

static void set_state(struct dpl_link_mirror *m, const char *state, const char *why)
{
    g_strlcpy(m->state, state, sizeof m->state);
    g_strlcpy(m->why, why ? why : "", sizeof m->why);
}

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

/* The end of one, however it came. */

static void over(struct dpl_link *link)
{
    struct dpl_link_mirror *m = &link->mirror;
    g_clear_pointer(&m->source, dpl_mirror_source_close);
    dpl_link_lend_back(link);
    m->asked = m->end_sent = false;
    m->walked_ns = 0;
    link->changed = true;
}

void dpl_link_mirror_done(struct dpl_link *link)
{
    over(link);
    g_clear_pointer(&link->mirror.rules, dpl_rules_free);
    g_clear_pointer(&link->mirror.last, dpl_doc_free);
}

/* An event of a mirror that a person wished, by its number under this key. */
static void tell(struct dpl_link *link, const char *what, const char *text, const char *key)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_err err;
    dpl_doc_set_text(doc, "event", what);
    dpl_doc_set_text(doc, "text", text);
    dpl_doc_set_int(doc, key, link->mirror.run.number);
    (void)dpl_channel_send(link->channel, doc, NULL, 0, &err);
    link->changed = true;
}

/* The daemon forgets a person's wish. */
static void tell_over(struct dpl_link *link, const char *what, const char *text)
{
    if (link->mirror.run.number != 0)
        link->mirror.over = link->mirror.run.number;
    tell(link, what, text, "mirror_number");
}

/* One object could not be sent alone: a mirror of the set follows. */
static void object_failed(struct dpl_link *link, const char *why)
{
    struct dpl_link_mirror *m = &link->mirror;
    over(link);
    set_state(m, "idle", why);
    m->object_wanted = m->all_wanted = true;
    m->run = (struct dpl_link_wish){0};
    dpl_link_event(link, "object-not-alone", why);
}

/* It is not begun again by itself. */
static void refused(struct dpl_link *link, const char *why)
{
    struct dpl_link_mirror *m = &link->mirror;
    bool running = m->source;
    if (m->run.object && running) {
        object_failed(link, why);
        return;
    }
    over(link);
    set_state(m, "stopped", why);
    m->wish = (struct dpl_link_wish){0};
    m->again_ns = INT64_MAX;
    g_strlcpy(link->last_error, why, sizeof link->last_error);
    tell_over(link, running ? "mirror-stopped" : "mirror-refused", why);
    m->run = (struct dpl_link_wish){0};
}

/* It is begun again later. */
static void failed(struct dpl_link *link, const char *why)
{
    struct dpl_link_mirror *m = &link->mirror;
    if (m->run.object) {
        object_failed(link, why);
        return;
    }
    over(link);
    set_state(m, "failed", why);
    if (m->run.test) {
        refused(link, why);
        return;
    }
    m->wish = m->run;
    m->wish.wanted = true;
    m->wish.kind = DPL_MIRROR_CHECKSUM;
    m->wish.anew = false;
    m->again_ns = now_of(link) + again_ns;
    g_strlcpy(link->last_error, why, sizeof link->last_error);
    dpl_link_event(link, "mirror-failed", why);
}

void dpl_link_mirror_lost(struct dpl_link *link, const char *why)
{
    struct dpl_link_mirror *m = &link->mirror;
    m->at_end = m->object_wanted = m->all_wanted = false;
    if (!m->source && m->root_count == 0)
        return;
    if (!m->source) { /* it had not begun */
        over(link);
        return;
    }
    bool test = m->run.test;
    over(link);
    if (m->run.object) { /* it is asked for again */
        set_state(m, "idle", NULL);
        m->run = (struct dpl_link_wish){0};
        return;
    }
    set_state(m, "stopped", why);
    m->wish = m->run;
    m->wish.wanted = true;
    if (!test) {
        m->wish.kind = DPL_MIRROR_CHECKSUM;
        m->wish.anew = false;
    }
    m->again_ns = 0;
    dpl_link_event(link, "mirror-broken-off", why);
}

static void send_stop(struct dpl_link *link, uint64_t id, enum dpl_mirror_stop reason)
{
    struct dpl_message stop = {.type = DPL_MSG_MIRROR_STOP,
                               .has = DPL_M(MIRROR) | DPL_M(REASON),
                               .mirror = id,
                               .reason = reason};
    (void)dpl_source_send_part(&link->source, &stop, now_of(link));
}

void dpl_link_mirror_stop(struct dpl_link *link)
{
    struct dpl_link_mirror *m = &link->mirror;
    m->stopped = true;
    if (m->source) {
        send_stop(link, m->id, DPL_MIRROR_STOP_OPERATOR);
        dpl_link_event(link, "mirror-stopped", "by an operator");
    }
    m->wish = (struct dpl_link_wish){0};
    over(link);
    set_state(m, "stopped", "by an operator");
    m->run = (struct dpl_link_wish){0};
}

/* Sending. */

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

/* Whether one object is all that the target wants. */
static bool of_one(const struct dpl_link *link, bool needed)
{
    const struct dpl_link_mirror *m = &link->mirror;
    return !needed && !m->stopped && m->object_wanted && !m->all_wanted;
}

/* Whether there is one to be begun now; then `run` says what. */
static bool choose(struct dpl_link *link, int64_t now)
{
    struct dpl_link_mirror *m = &link->mirror;
    const struct dpl_source *s = &link->source;
    bool streaming = s->state == DPL_SOURCE_STREAMING && s->acked;
    bool compare = s->state == DPL_SOURCE_COMPARE;
    bool needed = compare || (s->flags & DPL_STATE_NEEDS_MIRROR);
    bool under_way = s->flags & DPL_STATE_MIRROR;
    if ((!streaming && !compare) || now < m->again_ns ||
        !(link->peer_features & DPL_FEATURE_MIRROR))
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

/* Whether it goes on where one stopped: records have come without a gap since then. */
static bool goes_on(const struct dpl_link *link)
{
    const struct dpl_link_mirror *m = &link->mirror;
    return m->run.kind == DPL_MIRROR_CHECKSUM && !m->run.test && !m->run.anew && !m->run.object &&
           link->source.state == DPL_SOURCE_STREAMING && link->source.cursor_size > 0;
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
    if (goes_on(link))
        options.cursor = (struct dpl_view){link->source.cursor, link->source.cursor_size};
    if (m->run.test && link->source.state != DPL_SOURCE_STREAMING) {
        refused(link, "a test compares with a replica that follows, and this one does not");
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
    m->walked_ns = 0;
    m->began_ns = m->rate_ns = now_of(link);
    if (rc == 0)
        rc = dpl_mirror_source_open(&m->source, &options, &err);
    if (rc == DPL_E_REFUSED) {
        refused(link, err.text);
        return;
    }
    if (rc < 0) {
        failed(link, err.text);
        return;
    }
    m->wish = (struct dpl_link_wish){0};
    m->unfinished |= !m->run.test && !m->run.object;
    m->all_wanted &= m->run.object || m->run.test;
    set_state(m, "running", NULL);
    link->look = link->changed = true;
    if (m->run.object) {
        dpl_link_event(link, "mirror-begins", "of an object that the target asked for");
        return;
    }
    g_autofree char *text = g_strdup_printf("%s%s%s, orphans: %s", m->run.test ? "a test, " : "",
                                            dpl_link_kind_text(m->run.kind),
                                            options.cursor.size > 0 ? ", where one stopped" : "",
                                            dpl_link_orphans_text(m->run.orphans));
    tell(link, "mirror-begins", text, "mirror_begun");
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
    send_stop(link, m->id, DPL_MIRROR_STOP_IO);
    failed(link, err.text);
}

void dpl_link_mirror_pump(struct dpl_link *link)
{
    struct dpl_link_mirror *m = &link->mirror;
    if (link->source.state == DPL_SOURCE_STREAMING)
        m->at_end = false; /* behind the next gap it is to be offered again */
    if (!m->source) {
        if (!choose(link, now_of(link)) || !offer_end(link))
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
        send_stop(link, m->id, DPL_MIRROR_STOP_IO);
        failed(link, "the capture of the set has ended");
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
            send_stop(link, m->id, DPL_MIRROR_STOP_IO);
            failed(link, err.text);
            return 0;
        }
        at += h.size;
    }
    return 0;
}

/* Receiving. */

static void take_result(struct dpl_link *link, const struct dpl_message *r)
{
    struct dpl_link_mirror *m = &link->mirror;
    const struct {
        const char *key;
        uint64_t value;
    } figures[] = {{"objects", r->objects}, {"bytes", r->bytes},   {"created", r->created},
                   {"changed", r->changed}, {"orphans", r->found}, {"orphans_gone", r->removed}};
    if (r->flags & DPL_MIRROR_MORE)
        return; /* the paths are kept at the target */
    if (m->run.object) {
        over(link);
        set_state(m, "idle", NULL);
        m->run = (struct dpl_link_wish){0};
        dpl_link_event(link, "mirror-ended", "of an object that the target asked for");
        return;
    }
    dpl_doc_free(m->last);
    m->last = dpl_doc_new();
    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++)
        dpl_doc_set_int(m->last, figures[i].key, (int64_t)figures[i].value);
    dpl_doc_set_int(m->last, "number", ++m->ended);
    dpl_doc_set_text(m->last, "kind", dpl_link_kind_text(m->run.kind));
    dpl_doc_set_text(m->last, "rule", dpl_link_orphans_text(m->run.orphans));
    dpl_doc_set_bool(m->last, "test", m->run.test);
    dpl_doc_set_int(m->last, "seconds", (now_of(link) - m->began_ns) / SECOND_NS);
    dpl_doc_set_int(m->last, "at_s", dpl_clock_wall_ns(link->clock) / SECOND_NS);
    g_autofree char *text =
        g_strdup_printf("%s%" PRIu64 " objects, %" PRIu64 " made, %" PRIu64 " changed, %" PRIu64
                        " orphans, %" PRIu64 " of them gone, in %" PRId64 " s",
                        m->run.test ? "a test: " : "", r->objects, r->created, r->changed, r->found,
                        r->removed, (now_of(link) - m->began_ns) / SECOND_NS);
    over(link);
    m->unfinished &= m->run.test;
    if (!m->run.test)
        link->source.cursor_size = 0;
    set_state(m, "idle", NULL);
    /* One that is asked for at once again is not begun at once again. */
    m->again_ns = now_of(link) + (m->failures++ > 0 ? again_ns : 0);
    tell_over(link, "mirror-ended", text);
    m->run = (struct dpl_link_wish){0};
}

static void take_stop(struct dpl_link *link, const struct dpl_message *stop)
{
    char text[480] = "";
    if (stop->has & DPL_M(TEXT))
        dpl_view_copy_text(stop->text, text, sizeof text);
    g_autofree char *why = g_strdup_printf("the target stops the mirror: %s", text);
    if (link->mirror.run.object)
        object_failed(link, why);
    else if (stop->reason == DPL_MIRROR_STOP_GUARD || stop->reason == DPL_MIRROR_STOP_OPERATOR)
        refused(link, why);
    else
        failed(link, why);
}

static void take_want(struct dpl_link *link, const struct dpl_message *want)
{
    struct dpl_link_mirror *m = &link->mirror;
    bool one = (want->has & DPL_M(OBJECT)) && want->object.size <= sizeof m->want.bytes;
    if (!m->object_wanted)
        dpl_link_event(link, "object-wanted",
                       one ? "the target asks for an object"
                           : "the target asks for what it has not: a mirror");
    m->object_wanted = true;
    m->all_wanted |= !one;
    if (!one)
        return;
    memcpy(m->want.bytes, want->object.data, want->object.size);
    m->want.size = (uint8_t)want->object.size;
}

void dpl_link_mirror_take(struct dpl_link *link, const struct dpl_message *message)
{
    struct dpl_link_mirror *m = &link->mirror;
    struct dpl_err err = {0};
    if (message->type == DPL_MSG_WANT) {
        take_want(link, message);
        return;
    }
    if (!m->source || message->mirror != m->id)
        return; /* of one that is not open any more */
    switch (message->type) {
    case DPL_MSG_MIRROR_NEED:
        if (dpl_mirror_source_need(m->source, message, &err) < 0) {
            send_stop(link, m->id, DPL_MIRROR_STOP_BROKEN);
            failed(link, err.text);
        }
        break;
    case DPL_MSG_MIRROR_PROGRESS:
        if (!m->run.test)
            dpl_source_take_cursor(&link->source, message);
        m->objects_there = message->objects;
        if (message->bytes >= m->taken_bytes && message->bytes <= m->sent_bytes)
            m->taken_bytes = message->bytes;
        if ((message->has & DPL_M(FLAGS)) && (message->flags & DPL_MIRROR_MORE)) {
            m->end_sent = false;
            m->walked_ns = 0;
        }
        break;
    case DPL_MSG_MIRROR_RESULT:
        take_result(link, message);
        break;
    case DPL_MSG_MIRROR_STOP:
        take_stop(link, message);
        break;
    default:
        break;
    }
    link->changed = true;
}
