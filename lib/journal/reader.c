/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Three cursors: `at` is where the reader is; `ahead` looks for the outcomes of records that were
 * written as open; `fetch` reads such an outcome when its turn has come. Each outcome that ahead
 * found is remembered until the reader has passed it.
 */
#include "lib/journal/reader.h"

#include "lib/journal/cursor.h"
#include "lib/journal/segment-private.h"

#include <stdlib.h>
#include <string.h>

struct outcome {
    uint64_t of_lsn, lsn, segment_lsn;
    uint32_t chain;
};

struct dpl_journal {
    struct dpl_cursor at, ahead, fetch;
    struct outcome *outcomes;
    size_t count, room;
};

const char *dpl_journal_next_text(enum dpl_journal_next next)
{
    switch (next) {
    case DPL_NEXT_RECORD:
        return "a record";
    case DPL_NEXT_END:
        return "the end for now";
    case DPL_NEXT_OPEN:
        return "the next op is not finished yet";
    case DPL_NEXT_ENDED:
        return "the journal was closed";
    case DPL_NEXT_MIRROR:
        return "the journal has ended, mirror needed";
    case DPL_NEXT_TORN:
        return "the journal is torn: its last record is incomplete";
    case DPL_NEXT_MISSING:
        return "a segment of the journal is missing";
    case DPL_NEXT_DAMAGED:
        return "the journal is damaged";
    }
    return "?";
}

struct newest {
    uint64_t epoch;
    bool any;
};

static int newest_visit(void *self, const struct dpl_segment_entry *entry)
{
    struct newest *n = self;
    if (!n->any || entry->epoch > n->epoch)
        n->epoch = entry->epoch;
    n->any = true;
    return 0;
}

int dpl_journal_open(struct dpl_journal **journal_r, int dir_fd, uint64_t epoch, uint64_t lsn,
                     struct dpl_err *err)
{
    struct newest newest = {.epoch = epoch, .any = epoch != 0};
    int rc = epoch ? 0 : dpl_segments_walk(dir_fd, newest_visit, &newest, err);
    if (rc < 0)
        return rc;
    if (!newest.any)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "no journal segment is there");
    struct dpl_journal *j = calloc(1, sizeof *j);
    if (!j)
        return dpl_err_set(err, DPL_E_NO_MEMORY, "open the journal");
    dpl_cursor_init(&j->at, dir_fd);
    dpl_cursor_init(&j->ahead, dir_fd);
    dpl_cursor_init(&j->fetch, dir_fd);
    rc = dpl_cursor_seek(&j->at, newest.epoch, lsn, lsn == 0, err);
    if (rc == 0 && lsn > 0)
        rc = dpl_cursor_walk_to(&j->at, lsn, err);
    if (rc < 0) {
        dpl_journal_close(j);
        return rc;
    }
    *journal_r = j;
    return 0;
}

void dpl_journal_close(struct dpl_journal *j)
{
    if (!j)
        return;
    dpl_cursor_done(&j->at);
    dpl_cursor_done(&j->ahead);
    dpl_cursor_done(&j->fetch);
    free(j->outcomes);
    free(j);
}

static int decode(const struct dpl_record_header *header, struct dpl_view body,
                  struct dpl_record *record, struct dpl_err *err)
{
    record->lsn = header->lsn;
    record->time_ns = header->time_ns;
    int rc = dpl_record_decode(record, header->type, header->outcome, body.data, body.size, err);
    if (rc == 0)
        return DPL_NEXT_RECORD;
    dpl_err_context(err, "LSN %llu", (unsigned long long)header->lsn);
    return DPL_NEXT_DAMAGED;
}

/* Moves the cursor over one record and decodes it; stays if it cannot be decoded. */
static int step(struct dpl_cursor *c, struct dpl_record *record, struct dpl_err *err)
{
    struct dpl_record_header header;
    struct dpl_view body;
    int rc = dpl_cursor_next(c, &header, &body, err);
    if (rc != DPL_NEXT_RECORD)
        return rc;
    rc = decode(&header, body, record, err);
    if (rc != DPL_NEXT_RECORD) {
        c->lsn = header.lsn;
        c->chain = header.chain;
    }
    return rc;
}

static int remember(struct dpl_journal *j, const struct dpl_record *record,
                    const struct outcome *where, struct dpl_err *err)
{
    if (j->count == j->room) {
        size_t room = j->room ? 2 * j->room : 16;
        struct outcome *more = reallocarray(j->outcomes, room, sizeof *more);
        if (!more)
            return dpl_err_set(err, DPL_E_NO_MEMORY, "remember outcomes of the journal");
        j->outcomes = more;
        j->room = room;
    }
    j->outcomes[j->count] = *where;
    j->outcomes[j->count].of_lsn = record->of_lsn;
    j->count++;
    return 0;
}

static const struct outcome *known(const struct dpl_journal *j, uint64_t lsn)
{
    for (size_t i = 0; i < j->count; i++)
        if (j->outcomes[i].of_lsn == lsn)
            return &j->outcomes[i];
    return NULL;
}

/* Looks further ahead until the outcome of lsn is found. RECORD, OPEN, or what stops it. */
static int look_ahead(struct dpl_journal *j, uint64_t lsn, struct dpl_err *err)
{
    if (j->ahead.lsn < j->at.lsn) {
        int rc = dpl_cursor_follow(&j->ahead, &j->at, err);
        if (rc < 0)
            return rc;
    }
    while (!known(j, lsn)) {
        struct dpl_record record;
        struct outcome where = {.lsn = j->ahead.lsn, .chain = j->ahead.chain};
        int rc = step(&j->ahead, &record, err);
        where.segment_lsn = j->ahead.head.first_lsn;
        if (rc == DPL_NEXT_END)
            return DPL_NEXT_OPEN;
        if (rc != DPL_NEXT_RECORD)
            return rc;
        if (record.type == DPL_R_OUTCOME && (rc = remember(j, &record, &where, err)) < 0)
            return rc;
    }
    return DPL_NEXT_RECORD;
}

/* The record at lsn was written as open: finds its outcome and answers that in its place. */
static int resolve(struct dpl_journal *j, struct dpl_record *record, struct dpl_err *err)
{
    uint64_t lsn = record->lsn, time_ns = record->time_ns;
    unsigned type = record->type;
    int rc = look_ahead(j, lsn, err);
    if (rc != DPL_NEXT_RECORD)
        return rc;
    const struct outcome *o = known(j, lsn);
    struct dpl_cursor to = {.lsn = o->lsn, .chain = o->chain, .head = j->at.head};
    to.head.first_lsn = o->segment_lsn;
    rc = dpl_cursor_follow(&j->fetch, &to, err);
    if (rc < 0)
        return rc;
    rc = step(&j->fetch, record, err);
    if (rc != DPL_NEXT_RECORD)
        return rc;
    if (record->of_lsn != lsn || record->of_type != type) {
        dpl_err_set(err, DPL_E_CORRUPT, "LSN %llu: its outcome is of another record",
                    (unsigned long long)lsn);
        return DPL_NEXT_DAMAGED;
    }
    dpl_record_resolve(record);
    record->time_ns = time_ns;
    return DPL_NEXT_RECORD;
}

static void forget(struct dpl_journal *j, uint64_t of_lsn)
{
    for (size_t i = 0; i < j->count; i++)
        if (j->outcomes[i].of_lsn == of_lsn) {
            j->outcomes[i] = j->outcomes[--j->count];
            return;
        }
}

int dpl_journal_next(struct dpl_journal *j, struct dpl_record *record, struct dpl_err *err)
{
    for (;;) {
        uint64_t lsn = j->at.lsn;
        uint32_t chain = j->at.chain;
        int rc = step(&j->at, record, err);
        if (rc != DPL_NEXT_RECORD)
            return rc;
        if (record->type == DPL_R_OUTCOME) {
            forget(j, record->of_lsn);
            continue;
        }
        if (record->outcome != DPL_OUTCOME_OPEN)
            return rc;
        rc = resolve(j, record, err);
        if (rc != DPL_NEXT_RECORD) {
            /* Stay in front of it. */
            j->at.lsn = lsn;
            j->at.chain = chain;
        }
        return rc;
    }
}

int dpl_journal_next_raw(struct dpl_journal *j, struct dpl_record *record, struct dpl_err *err)
{
    return step(&j->at, record, err);
}

void dpl_journal_limit(struct dpl_journal *j, uint64_t lsn)
{
    j->at.limit_lsn = j->ahead.limit_lsn = j->fetch.limit_lsn = lsn;
}

uint64_t dpl_journal_lsn(const struct dpl_journal *j)
{
    return j->at.lsn;
}

uint32_t dpl_journal_chain(const struct dpl_journal *j)
{
    return j->at.chain;
}

const struct dpl_segment_head *dpl_journal_head(const struct dpl_journal *j)
{
    return &j->at.head;
}
