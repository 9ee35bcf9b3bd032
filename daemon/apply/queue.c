/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/queue.h"

#include "lib/journal/crc32c.h"
#include "lib/journal/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Parts that were written before they are asked to be durable make the wait for that short. */
enum { START_BYTES = 1024 * 1024 };

void dpl_queue_init(struct dpl_queue *q, int dir_fd, const struct dpl_segment_limits *limits,
                    const struct dpl_segment_io *io)
{
    *q = (struct dpl_queue){
        .dir_fd = dir_fd, .io = io, .limits = *limits, .segments = {.fd = -1, .io = io}};
}

void dpl_queue_done(struct dpl_queue *q)
{
    dpl_segments_close(&q->segments);
}

static void set_received(struct dpl_queue *q, uint64_t lsn, uint32_t chain)
{
    q->received = lsn;
    q->chain = chain;
}

static void set_durable(struct dpl_queue *q)
{
    q->durable = q->started = q->received;
    q->durable_chain = q->chain;
}

/* Leaves nothing behind lsn in the current segment but zeros, with room for all that may come. */
static int cut(struct dpl_queue *q, uint64_t lsn, struct dpl_err *err)
{
    const struct dpl_segment_head *head = &q->segments.head;
    off_t at = (off_t)(DPL_SEGMENT_HEADER + (lsn - head->first_lsn));
    off_t full = (off_t)(DPL_SEGMENT_HEADER + head->bytes);
    if (q->io->truncate(q->io->self, q->segments.fd, at) < 0)
        return dpl_err_sys(err, errno, "cut off the end of the queue");
    if (q->io->allocate(q->io->self, q->segments.fd, full) < 0)
        return dpl_err_sys(err, errno, "allocate room for the queue");
    return 0;
}

/* Where the valid records end. Returns what stands there: of enum dpl_journal_next. */
static int walk(struct dpl_queue *q, uint64_t lsn, struct dpl_err *err)
{
    struct dpl_journal *journal;
    struct dpl_record record;
    int rc = dpl_journal_open(&journal, q->dir_fd, q->epoch.number, lsn, err);
    if (rc < 0)
        return rc;
    if (memcmp(dpl_journal_head(journal)->epoch.id, q->epoch.id, sizeof q->epoch.id) != 0)
        rc = dpl_err_set(err, DPL_E_CORRUPT, "the queue is of another epoch of that number");
    else if (dpl_journal_head(journal)->first_lsn > lsn)
        rc = dpl_err_set(err, DPL_E_NOT_FOUND, "the queue has no LSN %llu any more",
                         (unsigned long long)lsn);
    while (rc >= 0 && (rc = dpl_journal_next_raw(journal, &record, err)) == DPL_NEXT_RECORD)
        ;
    set_received(q, dpl_journal_lsn(journal), dpl_journal_chain(journal));
    dpl_journal_close(journal);
    return rc;
}

int dpl_queue_recover(struct dpl_queue *q, const struct dpl_epoch *epoch, uint64_t lsn,
                      struct dpl_err *err)
{
    dpl_queue_done(q);
    q->epoch = *epoch;
    set_received(q, lsn, 0);
    set_durable(q);
    int rc = walk(q, lsn, err);
    if (rc < 0)
        return rc;
    set_durable(q);
    int next = rc;
    if (next == DPL_NEXT_MISSING)
        return dpl_err_set(err, DPL_E_CORRUPT, "a segment of the queue is missing");
    rc = dpl_segments_open(&q->segments, q->dir_fd, epoch, &q->limits, q->io, UINT64_MAX, err);
    if (rc < 0)
        return rc;
    if (q->segments.head.first_lsn > q->received) {
        dpl_segments_close(&q->segments);
        return dpl_err_set(err, DPL_E_CORRUPT, "the queue is damaged at LSN %llu",
                           (unsigned long long)q->received);
    }
    if (next != DPL_NEXT_END)
        rc = cut(q, q->received, err);
    /* What a process that died had written is in memory, perhaps not yet on the disk. */
    if (rc == 0)
        rc = dpl_segments_sync(&q->segments, err);
    if (rc < 0)
        dpl_segments_close(&q->segments);
    return rc;
}

int dpl_queue_begin(struct dpl_queue *q, const struct dpl_epoch *epoch, uint64_t lsn,
                    uint32_t chain, struct dpl_err *err)
{
    struct dpl_segments next;
    ssize_t removed = dpl_segments_remove(q->dir_fd, epoch->number, err);
    int rc = removed < 0 ? (int)removed : 0;
    if (rc == 0)
        rc = dpl_segments_create_at(q->dir_fd, epoch, lsn, chain, &q->limits, q->io, err);
    if (rc == 0)
        rc = dpl_segments_open(&next, q->dir_fd, epoch, &q->limits, q->io, lsn, err);
    if (rc < 0)
        return rc;
    dpl_queue_done(q);
    q->segments = next;
    q->epoch = *epoch;
    set_received(q, lsn, chain);
    set_durable(q);
    return 0;
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static int bad(uint64_t lsn, const char *what, struct dpl_err *err)
{
    return dpl_err_set(err, DPL_E_CORRUPT, "the record that came for LSN %llu %s",
                       (unsigned long long)lsn, what);
}

/* The record at these bytes is what may stand at this place. */
static int verify(uint64_t tag, uint64_t lsn, uint32_t chain, const uint8_t *bytes, size_t size,
                  struct dpl_record_header *h, struct dpl_err *err)
{
    if (size < DPL_RECORD_HEADER)
        return bad(lsn, "is cut", err);
    if (dpl_record_header_decode(h, bytes) < 0)
        return bad(lsn, "has a damaged header", err);
    if (h->size > size)
        return bad(lsn, "is cut", err);
    if (h->lsn != lsn || h->chain != chain || h->epoch_tag != tag)
        return bad(lsn, "does not follow", err);
    const uint8_t *body = bytes + DPL_RECORD_HEADER;
    size_t padding = h->size - DPL_RECORD_HEADER - h->body_bytes;
    if (dpl_crc32c(0, body, h->body_bytes) != h->body_crc ||
        !all_zero(body + h->body_bytes, padding))
        return bad(lsn, "has a damaged body", err);
    struct dpl_record record = {.lsn = lsn};
    int rc = dpl_record_decode(&record, h->type, h->outcome, body, h->body_bytes, err);
    if (rc == 0 && record.type == DPL_R_OUTCOME && record.of_lsn >= lsn)
        return bad(lsn, "completes a later one", err);
    return rc < 0 ? dpl_err_context(err, "LSN %llu", (unsigned long long)lsn) : 0;
}

static int rotate(struct dpl_queue *q, struct dpl_err *err)
{
    enum dpl_journal_end reason;
    /* The next segment's sync does not cover this one. */
    int rc = dpl_queue_sync(q, err);
    return rc < 0 ? rc : dpl_segments_rotate(&q->segments, q->received, q->chain, &reason, err);
}

/* Appends so many verified bytes and moves on to there. */
static int append(struct dpl_queue *q, const uint8_t *bytes, size_t size, uint64_t lsn,
                  uint32_t chain, struct dpl_err *err)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    if (size == 0)
        return 0;
    int rc = dpl_segments_append(&q->segments, q->received, &iov, 1, err);
    if (rc == 0)
        set_received(q, lsn, chain);
    return rc;
}

static void start_writing(struct dpl_queue *q)
{
    if (q->received < q->started + START_BYTES)
        return;
    /* The file's end by its own place: begin may have been in an earlier segment. */
    (void)!sync_file_range(q->segments.fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    q->started = q->received;
}

ssize_t dpl_queue_put(struct dpl_queue *q, uint64_t epoch_tag, uint64_t lsn, uint32_t chain,
                      const void *bytes, size_t size, struct dpl_err *err)
{
    const uint8_t *at = bytes, *from = bytes;
    uint64_t begin = q->received, here = q->received;
    if (!dpl_queue_is_open(q))
        return dpl_err_set(err, DPL_E_PARAM, "no epoch is open");
    if (epoch_tag != dpl_epoch_tag(&q->epoch) || lsn != here || chain != q->chain)
        return bad(lsn, "does not follow", err);
    int rc = 0;
    for (size_t left = size; left > 0 && rc == 0;) {
        struct dpl_record_header h;
        rc = verify(epoch_tag, here, chain, at, left, &h, err);
        if (rc == 0 && dpl_segments_room(&q->segments, here) < h.size) {
            rc = append(q, from, (size_t)(at - from), here, chain, err);
            from = at;
            if (rc == 0)
                rc = rotate(q, err);
        }
        if (rc < 0)
            break;
        here += h.size;
        chain = h.crc;
        at += h.size;
        left -= h.size;
    }
    int last = q->received == begin + (uint64_t)(from - (const uint8_t *)bytes)
                   ? append(q, from, (size_t)(at - from), here, chain, rc == 0 ? err : NULL)
                   : 0;
    start_writing(q);
    if (rc == 0)
        rc = last;
    /* What was taken is said first; the rest comes again and meets its error then. */
    return q->received > begin ? (ssize_t)(q->received - begin) : rc;
}

uint64_t dpl_queue_room(const struct dpl_queue *q)
{
    struct dpl_segment_entry *list = NULL;
    ssize_t count = dpl_segments_list(q->dir_fd, &list, NULL);
    uint64_t used = 0, left = 0, one = DPL_SEGMENT_HEADER + q->limits.segment_bytes;
    for (ssize_t i = 0; i < count; i++)
        used += list[i].file_bytes;
    free(list);
    if (q->io->free_bytes(q->io->self, q->dir_fd, &left) < 0)
        left = 0;
    left = left > q->limits.min_free_bytes ? left - q->limits.min_free_bytes : 0;
    uint64_t bound = q->limits.max_bytes > used ? q->limits.max_bytes - used : 0;
    uint64_t more = (left < bound ? left : bound) / one;
    /* The end of each is lost to a record that does not fit. */
    uint64_t each = q->limits.segment_bytes - DPL_RECORD_MAX;
    uint64_t here = dpl_queue_is_open(q) ? dpl_segments_room(&q->segments, q->received) : 0;
    return more * each + (here > DPL_RECORD_MAX ? here - DPL_RECORD_MAX : 0);
}

int dpl_queue_sync(struct dpl_queue *q, struct dpl_err *err)
{
    if (q->durable == q->received)
        return 0;
    int rc = dpl_segments_sync(&q->segments, err);
    if (rc == 0) {
        set_durable(q);
        return 0;
    }
    /* The kernel may hold pages for clean now that never reached the disk: they are not kept. */
    set_received(q, q->durable, q->durable_chain);
    q->started = q->durable;
    if (q->durable < q->segments.head.first_lsn || cut(q, q->durable, NULL) < 0)
        dpl_segments_close(&q->segments);
    return rc;
}

int dpl_queue_trim(struct dpl_queue *q, uint64_t epoch, uint64_t lsn, bool whole,
                   struct dpl_err *err)
{
    ssize_t rc = whole && epoch != q->epoch.number ? dpl_segments_remove(q->dir_fd, epoch, err)
                                                   : dpl_segments_trim(q->dir_fd, epoch, lsn, err);
    return rc < 0 ? (int)rc : 0;
}
