/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link/ledger.h"

#include "lib/base/fd.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Segments are made with their full size, so every append is a modification. */
#define WATCHED (IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF)

void dpl_ledger_init(struct dpl_ledger *l, const char *path)
{
    *l = (struct dpl_ledger){.path = strdup(path), .dir_fd = -1, .watch_fd = -1};
}

void dpl_ledger_done(struct dpl_ledger *l)
{
    dpl_ledger_close(l);
    dpl_fd_clear(&l->dir_fd);
    dpl_fd_clear(&l->watch_fd);
    free(l->epochs);
    free(l->path);
    l->epochs = NULL;
    l->path = NULL;
}

bool dpl_ledger_look(struct dpl_ledger *l)
{
    if (l->dir_fd >= 0)
        return true;
    dpl_autofd int dir = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return false;
    dpl_autofd int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch < 0 || inotify_add_watch(watch, l->path, WATCHED) < 0)
        return false;
    l->dir_fd = dpl_fd_steal(&dir);
    l->watch_fd = dpl_fd_steal(&watch);
    return true;
}

bool dpl_ledger_heard(struct dpl_ledger *l)
{
    _Alignas(struct inotify_event) char buffer[16384];
    bool any = false;
    ssize_t n;
    while (l->watch_fd >= 0 && (n = read(l->watch_fd, buffer, sizeof buffer)) > 0) {
        any = true;
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const void *)(buffer + at);
            at += (ssize_t)(sizeof *e + e->len);
            if (!(e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)))
                continue;
            /* Another directory may stand there soon; what is being sent is read to its end. */
            dpl_fd_clear(&l->watch_fd);
            if (!l->range)
                dpl_fd_clear(&l->dir_fd);
            return true;
        }
    }
    return any;
}

ssize_t dpl_ledger_epochs(struct dpl_ledger *l, const struct dpl_journal_epoch **list,
                          struct dpl_err *err)
{
    free(l->epochs);
    l->epochs = NULL;
    l->epoch_count = 0;
    if (!dpl_ledger_look(l))
        return 0;
    l->epoch_count = dpl_journal_epochs(l->dir_fd, &l->epochs, err);
    *list = l->epochs;
    return l->epoch_count;
}

int dpl_ledger_chain_at(struct dpl_ledger *l, uint64_t epoch, uint64_t lsn, uint32_t *chain,
                        struct dpl_err *err)
{
    struct dpl_range *range;
    if (l->dir_fd < 0)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "there is no journal");
    int rc = dpl_range_open(&range, l->dir_fd, epoch, lsn, err);
    if (rc == DPL_E_PARAM)
        return DPL_E_NOT_FOUND; /* no record of ours begins there */
    if (rc < 0)
        return rc;
    *chain = dpl_range_chain(range);
    dpl_range_close(range);
    return 0;
}

int dpl_ledger_open(struct dpl_ledger *l, uint64_t epoch, uint64_t lsn, struct dpl_err *err)
{
    dpl_ledger_close(l);
    if (l->dir_fd < 0)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "there is no journal");
    l->range_epoch = epoch;
    return dpl_range_open(&l->range, l->dir_fd, epoch, lsn, err);
}

void dpl_ledger_close(struct dpl_ledger *l)
{
    dpl_range_close(l->range);
    l->range = NULL;
    l->unread = (struct dpl_view){0};
}

/* Whether an epoch above this one has begun: then nobody writes this one any more. */
static bool succeeded(const struct dpl_ledger *l)
{
    struct dpl_journal_epoch *list = NULL;
    ssize_t count = dpl_journal_epochs(l->dir_fd, &list, NULL);
    bool later = count > 0 && list[count - 1].epoch.number > l->range_epoch;
    free(list);
    return later;
}

int dpl_ledger_read(struct dpl_ledger *l, size_t want, struct dpl_view *records, uint32_t *reason,
                    struct dpl_err *err)
{
    *reason = 0;
    if (l->unread.size > 0) {
        *records = l->unread;
        l->unread = (struct dpl_view){0};
        return DPL_LEDGER_RECORDS;
    }
    int rc = dpl_range_next(l->range, want, records, err);
    *reason = rc == DPL_NEXT_ENDED || rc == DPL_NEXT_MIRROR ? dpl_range_head(l->range)->reason : 0;
    switch (rc) {
    case DPL_NEXT_RECORD:
        return DPL_LEDGER_RECORDS;
    case DPL_NEXT_ENDED:
        return DPL_LEDGER_ENDED;
    case DPL_NEXT_END:
    case DPL_NEXT_TORN:
        if (!succeeded(l))
            return DPL_LEDGER_NOTHING;
        /* What was written before the successor began is there now, if it is anywhere. */
        rc = dpl_range_next(l->range, want, records, err);
        if (rc == DPL_NEXT_RECORD)
            return DPL_LEDGER_RECORDS;
        if (rc == DPL_NEXT_ENDED) {
            *reason = dpl_range_head(l->range)->reason;
            return DPL_LEDGER_ENDED;
        }
        dpl_err_set(err, DPL_E_TRUNCATED, "epoch %llu was not ended by its writer",
                    (unsigned long long)l->range_epoch);
        return rc < 0 ? rc : DPL_LEDGER_GAP;
    case DPL_NEXT_MIRROR:
        dpl_err_set(err, DPL_E_NO_SPACE, "the journal ended before the changes did");
        return DPL_LEDGER_GAP;
    default:
        return rc < 0 ? rc : DPL_LEDGER_GAP;
    }
}

void dpl_ledger_unread(struct dpl_ledger *l, struct dpl_view records)
{
    l->unread = records;
}

int dpl_ledger_trim(struct dpl_ledger *l, uint64_t epoch, uint64_t lsn, struct dpl_err *err)
{
    const struct dpl_journal_epoch *list;
    if (l->dir_fd < 0 || (l->trimmed_epoch == epoch && l->trimmed_lsn == lsn))
        return 0;
    ssize_t count = dpl_ledger_epochs(l, &list, err), rc = count;
    for (ssize_t i = 0; i < count && rc >= 0; i++)
        if (list[i].epoch.number < epoch)
            rc = dpl_segments_remove(l->dir_fd, list[i].epoch.number, err);
    if (rc >= 0)
        rc = dpl_segments_trim(l->dir_fd, epoch, lsn, err);
    if (rc < 0)
        return (int)rc;
    l->trimmed_epoch = epoch;
    l->trimmed_lsn = lsn;
    return 0;
}
