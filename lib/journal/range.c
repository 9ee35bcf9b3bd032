/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/journal/range.h"

#include "lib/base/fd.h"
#include "lib/journal/cursor.h"
#include "lib/journal/segment-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct dpl_range {
    struct dpl_cursor at;
    uint8_t *bytes;
    size_t room;
    uint64_t time_ns;
};

int dpl_range_open(struct dpl_range **range_r, int dir_fd, uint64_t epoch, uint64_t lsn,
                   struct dpl_err *err)
{
    struct dpl_range *r = calloc(1, sizeof *r);
    if (!r)
        return dpl_err_set(err, DPL_E_NO_MEMORY, "open the journal");
    dpl_cursor_init(&r->at, dir_fd);
    int rc = dpl_cursor_seek(&r->at, epoch, lsn, false, err);
    if (rc == 0)
        rc = dpl_cursor_walk_to(&r->at, lsn, err);
    if (rc < 0) {
        dpl_range_close(r);
        return rc;
    }
    *range_r = r;
    return 0;
}

void dpl_range_close(struct dpl_range *r)
{
    if (!r)
        return;
    dpl_cursor_done(&r->at);
    free(r->bytes);
    free(r);
}

static int room_make(struct dpl_range *r, size_t want, struct dpl_err *err)
{
    if (want <= r->room)
        return 0;
    uint8_t *more = realloc(r->bytes, want);
    if (!more)
        return dpl_err_set(err, DPL_E_NO_MEMORY, "a buffer of %zu bytes for records", want);
    r->bytes = more;
    r->room = want;
    return 0;
}

int dpl_range_next(struct dpl_range *r, size_t want, struct dpl_view *records, struct dpl_err *err)
{
    size_t used = 0;
    int rc;
    do {
        struct dpl_record_header h;
        struct dpl_view body;
        rc = dpl_cursor_next(&r->at, &h, &body, err);
        if (rc != DPL_NEXT_RECORD)
            break;
        /* The cursor's bytes live until its next step: they are put together here. */
        int grown = room_make(r, used + h.size > want ? used + h.size : want, err);
        if (grown < 0) {
            r->at.lsn = h.lsn;
            r->at.chain = h.chain;
            return grown;
        }
        memcpy(r->bytes + used, body.data - DPL_RECORD_HEADER, h.size);
        used += h.size;
        r->time_ns = h.time_ns;
    } while (used < want);
    if (used == 0)
        return rc;
    *records = (struct dpl_view){r->bytes, used};
    return DPL_NEXT_RECORD;
}

uint64_t dpl_range_lsn(const struct dpl_range *r)
{
    return r->at.lsn;
}

uint32_t dpl_range_chain(const struct dpl_range *r)
{
    return r->at.chain;
}

uint64_t dpl_range_time_ns(const struct dpl_range *r)
{
    return r->time_ns;
}

const struct dpl_segment_head *dpl_range_head(const struct dpl_range *r)
{
    return &r->at.head;
}

/* 1: read; 0: it is gone, trimmed meanwhile. */
static int head_read(int dir_fd, const struct dpl_segment_entry *entry,
                     struct dpl_segment_head *head, struct dpl_err *err)
{
    dpl_autofd int fd = openat(dir_fd, entry->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return dpl_err_sys(err, errno, "open \"%s\"", entry->name);
    int rc = dpl_segment_read_head(fd, entry->epoch, entry->first_lsn, head, NULL, err);
    if (rc < 0)
        dpl_err_context(err, "\"%s\"", entry->name);
    return rc < 0 ? rc : 1;
}

int dpl_range_end(const struct dpl_range *r, uint64_t *lsn_r)
{
    struct dpl_segment_entry *list = NULL;
    struct dpl_segment_head head = {0};
    uint64_t epoch = r->at.head.epoch.number;
    ssize_t count = dpl_segments_list(r->at.dir_fd, &list, NULL), last = count - 1;
    while (last >= 0 && list[last].epoch > epoch)
        last--;
    int rc = count < 0 ? (int)count : 0;
    if (last >= 0 && list[last].epoch == epoch)
        rc = head_read(r->at.dir_fd, &list[last], &head, NULL);
    free(list);
    *lsn_r = head.end_lsn;
    return rc > 0 ? !!(head.flags & DPL_SEGMENT_ENDED) : rc;
}

ssize_t dpl_journal_epochs(int dir_fd, struct dpl_journal_epoch **list_r, struct dpl_err *err)
{
    struct dpl_segment_entry *entries = NULL;
    ssize_t count = dpl_segments_list(dir_fd, &entries, err), used = 0;
    if (count < 0)
        return count;
    struct dpl_journal_epoch *list = calloc((size_t)count + 1, sizeof *list);
    int rc = list ? 0 : dpl_err_set(err, DPL_E_NO_MEMORY, "list the journal's epochs");
    for (ssize_t i = 0; i < count && rc >= 0; i++) {
        struct dpl_segment_head head;
        if (used > 0 && list[used - 1].epoch.number == entries[i].epoch)
            continue;
        rc = head_read(dir_fd, &entries[i], &head, err);
        if (rc > 0)
            list[used++] = (struct dpl_journal_epoch){head.epoch, head.first_lsn, head.chain};
    }
    free(entries);
    if (rc < 0) {
        free(list);
        return rc;
    }
    *list_r = list;
    return used;
}
