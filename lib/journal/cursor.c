/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A writer may be at work: what does not look whole is read again before anything is said of it.
 * Pages become visible in order, so whoever sees a record behind a place sees that place as it
 * stays.
 */
#include "lib/journal/cursor.h"

#include "lib/base/fd.h"
#include "lib/journal/crc32c.h"
#include "lib/journal/segment-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Read ahead: little at the end, where a writer adds bit by bit, more the longer there is
 * something. */
enum { WINDOW_MIN = 4096, WINDOW = 256 * 1024 };

/* What stands at a place. */
enum found { RECORD, ZEROS, SHORT, OTHER };

void dpl_cursor_init(struct dpl_cursor *c, int dir_fd)
{
    *c = (struct dpl_cursor){.dir_fd = dir_fd, .fd = -1, .limit_lsn = UINT64_MAX};
}

void dpl_cursor_done(struct dpl_cursor *c)
{
    dpl_fd_clear(&c->fd);
    free(c->buffer);
    c->buffer = NULL;
}

/* Reads `size` bytes at this place of the file, and `want` if there are so many. Returns how many
 * of the first there are. */
static ssize_t window_fill(struct dpl_cursor *c, uint64_t at, size_t size, size_t want,
                           const uint8_t **bytes, struct dpl_err *err)
{
    if (want > c->room) {
        uint8_t *more = realloc(c->buffer, want);
        if (!more)
            return dpl_err_set(err, DPL_E_NO_MEMORY, "a buffer to read the journal");
        c->buffer = more;
        c->room = want;
    }
    c->window_at = at;
    c->window = 0;
    while (c->window < size) {
        ssize_t n = pread(c->fd, c->buffer + c->window, want - c->window, (off_t)(at + c->window));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return dpl_err_sys(err, errno, "read the journal");
        if (n == 0)
            break;
        c->window += (size_t)n;
    }
    *bytes = c->buffer;
    return (ssize_t)(c->window < size ? c->window : size);
}

/* Makes up to `size` bytes at this place of the file readable. Returns how many there are. */
static ssize_t window_read(struct dpl_cursor *c, uint64_t at, size_t size, const uint8_t **bytes,
                           struct dpl_err *err)
{
    if (at >= c->window_at && at + size <= c->window_at + c->window) {
        *bytes = c->buffer + (at - c->window_at);
        return (ssize_t)size;
    }
    c->ahead = c->ahead < WINDOW_MIN ? WINDOW_MIN : c->ahead < WINDOW ? 2 * c->ahead : WINDOW;
    return window_fill(c, at, size, size > c->ahead ? size : c->ahead, bytes, err);
}

static void window_drop(struct dpl_cursor *c)
{
    c->window = 0;
    c->ahead = 0;
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static uint64_t place(const struct dpl_cursor *c, uint64_t lsn)
{
    return DPL_SEGMENT_HEADER + (lsn - c->head.first_lsn);
}

/* Where this segment's records end at the latest. */
static uint64_t limit(const struct dpl_cursor *c)
{
    uint64_t end = c->head.first_lsn + c->head.bytes;
    return c->head.flags && !c->head.state_broken && c->head.end_lsn < end ? c->head.end_lsn : end;
}

static int record_at(struct dpl_cursor *c, struct dpl_record_header *h, struct dpl_view *body,
                     struct dpl_err *err)
{
    uint64_t left = limit(c) > c->lsn ? limit(c) - c->lsn : 0;
    size_t want = left < DPL_RECORD_HEADER ? (size_t)left : DPL_RECORD_HEADER;
    const uint8_t *bytes;
    ssize_t n = window_read(c, place(c, c->lsn), want, &bytes, err);
    if (n < 0)
        return (int)n;
    if (!all_zero(bytes, (size_t)n) && (size_t)n == want && want < DPL_RECORD_HEADER)
        return OTHER;
    if ((size_t)n < want)
        return SHORT;
    if (all_zero(bytes, want))
        return ZEROS;
    if (dpl_record_header_decode(h, bytes) < 0 || h->lsn != c->lsn || h->chain != c->chain ||
        h->epoch_tag != dpl_epoch_tag(&c->head.epoch) || h->size > left)
        return OTHER;
    n = window_read(c, place(c, c->lsn), h->size, &bytes, err);
    if (n < 0)
        return (int)n;
    if ((size_t)n < h->size)
        return SHORT;
    *body = (struct dpl_view){.data = bytes + DPL_RECORD_HEADER, .size = h->body_bytes};
    size_t padding = h->size - DPL_RECORD_HEADER - h->body_bytes;
    bool whole = dpl_crc32c(0, body->data, body->size) == h->body_crc &&
                 all_zero(body->data + body->size, padding);
    return whole ? RECORD : OTHER;
}

/* A part of the file that holds anything. */
struct piece {
    uint64_t at, end;
};

/* The first at or behind this place. False: there is none. Room that was allocated and never
 * written is skipped by the file system. */
static bool find_piece(const struct dpl_cursor *c, uint64_t from, struct piece *p)
{
    uint64_t full = place(c, c->head.first_lsn + c->head.bytes);
    for (*p = (struct piece){from, from}; p->end < full;) {
        off_t data = lseek(c->fd, (off_t)p->end, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            return false;
        p->at = data > (off_t)p->end ? dpl_record_align((uint64_t)data) : p->end;
        off_t hole = data < 0 ? -1 : lseek(c->fd, (off_t)p->at, SEEK_HOLE);
        p->end = hole > (off_t)p->at && (uint64_t)hole < full ? (uint64_t)hole : full;
        if (p->at + DPL_RECORD_HEADER <= p->end)
            return true;
    }
    return false;
}

/* Whether a header stands in these bytes. */
static bool has_header(const struct dpl_cursor *c, uint64_t at, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i + DPL_RECORD_HEADER <= size; i += DPL_RECORD_ALIGN) {
        struct dpl_record_header h;
        if (bytes[i] != 0 && dpl_record_header_decode(&h, bytes + i) == 0 &&
            h.epoch_tag == dpl_epoch_tag(&c->head.epoch) && place(c, h.lsn) == at + i)
            return true;
    }
    return false;
}

static int scan(struct dpl_cursor *c, struct piece p, struct dpl_err *err)
{
    int rc = 0;
    while (rc == 0 && p.at + DPL_RECORD_HEADER <= p.end) {
        const uint8_t *bytes;
        size_t want = p.end - p.at < WINDOW ? (size_t)(p.end - p.at) : WINDOW;
        ssize_t n = window_fill(c, p.at, want, want, &bytes, err);
        if (n < DPL_RECORD_HEADER)
            return n < 0 ? (int)n : 0;
        rc = has_header(c, p.at, bytes, (size_t)n);
        p.at += (uint64_t)n - DPL_RECORD_HEADER + DPL_RECORD_ALIGN;
    }
    return rc;
}

/* Whether a record's header stands anywhere behind this place. 1, 0 or a negative code. What is
 * read the kernel reads ahead of, and these pages count as data from then on: so it is known what
 * comes next before anything is read, or this would walk on through all that is empty. */
static int something_behind(struct dpl_cursor *c, struct dpl_err *err)
{
    struct piece now, next = {0};
    int rc = 0;
    bool any = find_piece(c, place(c, c->lsn) + DPL_RECORD_ALIGN, &now);
    while (rc == 0 && any) {
        any = find_piece(c, now.end, &next);
        rc = scan(c, now, err);
        now = next;
    }
    return rc;
}

struct find {
    uint64_t epoch, lsn;
    bool at, behind; /* one begins at lsn; above it */
    bool below, any;
    uint64_t first, oldest; /* the newest at or below; the oldest of all */
};

static int find_visit(void *self, const struct dpl_segment_entry *entry)
{
    struct find *f = self;
    if (entry->epoch != f->epoch)
        return 0;
    f->at |= entry->first_lsn == f->lsn;
    f->behind |= entry->first_lsn > f->lsn;
    if (entry->first_lsn <= f->lsn && (!f->below || entry->first_lsn > f->first)) {
        f->below = true;
        f->first = entry->first_lsn;
    }
    if (!f->any || entry->first_lsn < f->oldest)
        f->oldest = entry->first_lsn;
    f->any = true;
    return 0;
}

static int segment_enter(struct dpl_cursor *c, uint64_t epoch, uint64_t first_lsn,
                         struct dpl_err *err)
{
    char name[DPL_SEGMENT_NAME];
    dpl_segment_name(name, epoch, first_lsn);
    dpl_autofd int fd = openat(c->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return dpl_err_sys(err, errno, "open \"%s\"", name);
    struct dpl_segment_head head;
    uint64_t file_bytes;
    int rc = dpl_segment_read_head(fd, epoch, first_lsn, &head, &file_bytes, err);
    if (rc < 0)
        return dpl_err_context(err, "\"%s\"", name);
    dpl_fd_clear(&c->fd);
    c->fd = dpl_fd_steal(&fd);
    c->head = head;
    c->file_bytes = file_bytes;
    c->clear = false;
    c->lsn = first_lsn;
    c->chain = head.chain;
    window_drop(c);
    return 0;
}

int dpl_cursor_seek(struct dpl_cursor *c, uint64_t epoch, uint64_t lsn, bool or_oldest,
                    struct dpl_err *err)
{
    struct find f = {.epoch = epoch, .lsn = lsn};
    int rc = dpl_segments_walk(c->dir_fd, find_visit, &f, err);
    if (rc < 0)
        return rc;
    if (!f.below && !(or_oldest && f.any))
        return dpl_err_set(err, DPL_E_NOT_FOUND,
                           "epoch %llu has no journal segment that holds LSN %llu",
                           (unsigned long long)epoch, (unsigned long long)lsn);
    return segment_enter(c, epoch, f.below ? f.first : f.oldest, err);
}

int dpl_cursor_follow(struct dpl_cursor *c, const struct dpl_cursor *to, struct dpl_err *err)
{
    if (c->fd < 0 || c->head.first_lsn != to->head.first_lsn) {
        int rc = segment_enter(c, to->head.epoch.number, to->head.first_lsn, err);
        if (rc < 0)
            return rc;
    }
    c->lsn = to->lsn;
    c->chain = to->chain;
    return 0;
}

static int say(enum dpl_journal_next next, const struct dpl_cursor *c, struct dpl_err *err)
{
    dpl_err_set(err, next == DPL_NEXT_TORN ? DPL_E_TRUNCATED : DPL_E_CORRUPT,
                "epoch %llu, LSN %llu: %s", (unsigned long long)c->head.epoch.number,
                (unsigned long long)c->lsn, dpl_journal_next_text(next));
    return next;
}

static int next_segment(struct dpl_cursor *c, struct dpl_err *err)
{
    uint64_t lsn = c->lsn;
    uint32_t chain = c->chain;
    struct dpl_segment_head was = c->head;
    int rc = segment_enter(c, was.epoch.number, lsn, err);
    if (rc == DPL_E_TRUNCATED)
        return DPL_NEXT_TORN;
    if (rc == DPL_E_CORRUPT)
        return DPL_NEXT_DAMAGED;
    if (rc < 0)
        return rc;
    if (c->chain != chain || memcmp(c->head.epoch.id, was.epoch.id, sizeof was.epoch.id) != 0)
        return say(DPL_NEXT_DAMAGED, c, err);
    return 0;
}

/* The newest segment, no end flag, no valid record: has the writer not come further, was it cut
 * off, or is something broken? */
static int judge(struct dpl_cursor *c, enum found found, struct dpl_err *err)
{
    uint64_t full = place(c, c->head.first_lsn + c->head.bytes);
    if (c->head.flags & DPL_SEGMENT_CLOSED)
        return say(found == SHORT ? DPL_NEXT_TORN : DPL_NEXT_DAMAGED, c, err);
    if (found == SHORT || c->file_bytes < full)
        return say(DPL_NEXT_TORN, c, err);
    /* What a writer has added since then it added in order, and somebody who follows it looks at
     * the end after each record: a scan of the rest, which is most of the segment, would cost more
     * than all else. */
    if (found == ZEROS && c->clear)
        return DPL_NEXT_END;
    int rc = something_behind(c, err);
    window_drop(c);
    if (rc < 0)
        return rc;
    if (rc > 0)
        return say(DPL_NEXT_DAMAGED, c, err);
    c->clear = found == ZEROS;
    return found == ZEROS ? DPL_NEXT_END : say(DPL_NEXT_TORN, c, err);
}

/* Why there is no record here; 0: go on in another segment, which has been entered. */
static int stop(struct dpl_cursor *c, enum found found, struct dpl_err *err)
{
    const uint32_t ends = DPL_SEGMENT_ENDED | DPL_SEGMENT_MIRROR_NEEDED;
    struct find f = {.epoch = c->head.epoch.number, .lsn = c->lsn};
    int rc = dpl_segments_walk(c->dir_fd, find_visit, &f, err);
    if (rc < 0)
        return rc;
    if ((c->head.flags & ends) && c->lsn >= c->head.end_lsn && !c->head.state_broken)
        return c->head.flags & DPL_SEGMENT_ENDED ? DPL_NEXT_ENDED : DPL_NEXT_MIRROR;
    if (f.at && c->lsn > c->head.first_lsn)
        return next_segment(c, err);
    if (c->head.state_broken)
        return say(DPL_NEXT_DAMAGED, c, err);
    if ((c->head.flags & DPL_SEGMENT_CLOSED) && c->lsn == c->head.end_lsn)
        return say(DPL_NEXT_MISSING, c, err);
    if (f.behind)
        return say(DPL_NEXT_DAMAGED, c, err);
    return judge(c, found, err);
}

int dpl_cursor_next(struct dpl_cursor *c, struct dpl_record_header *header, struct dpl_view *body,
                    struct dpl_err *err)
{
    for (bool again = false;;) {
        if (c->lsn >= c->limit_lsn)
            return DPL_NEXT_END;
        int found = record_at(c, header, body, err);
        if (found < 0)
            return found;
        if (found == RECORD) {
            c->lsn += header->size;
            c->chain = header->crc;
            return DPL_NEXT_RECORD;
        }
        window_drop(c);
        int rc = dpl_segment_read_head(c->fd, c->head.epoch.number, c->head.first_lsn, &c->head,
                                       &c->file_bytes, err);
        if (rc == DPL_E_TRUNCATED || rc == DPL_E_CORRUPT)
            return rc == DPL_E_TRUNCATED ? DPL_NEXT_TORN : DPL_NEXT_DAMAGED;
        if (rc < 0)
            return rc;
        if (!again) {
            again = true;
            continue;
        }
        rc = stop(c, (enum found)found, err);
        if (rc == DPL_NEXT_DAMAGED && record_at(c, header, body, NULL) == RECORD) {
            /* A writer went on while we looked. */
            window_drop(c);
            continue;
        }
        if (rc != 0)
            return rc;
        again = false;
    }
}

int dpl_cursor_walk_to(struct dpl_cursor *c, uint64_t lsn, struct dpl_err *err)
{
    while (c->lsn < lsn) {
        struct dpl_record_header header;
        struct dpl_view body;
        int rc = dpl_cursor_next(c, &header, &body, err);
        if (rc < 0)
            return rc;
        if (rc != DPL_NEXT_RECORD)
            return dpl_err_set(err, DPL_E_NOT_FOUND, "the journal has no LSN %llu: at %llu is %s",
                               (unsigned long long)lsn, (unsigned long long)c->lsn,
                               dpl_journal_next_text((enum dpl_journal_next)rc));
    }
    if (c->lsn > lsn)
        return dpl_err_set(err, DPL_E_PARAM, "no record begins at LSN %llu",
                           (unsigned long long)lsn);
    return 0;
}
