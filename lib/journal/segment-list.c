/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The segments of a directory: which there are, and which may go.
 */
#include "lib/base/fd.h"
#include "lib/journal/segment-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void dpl_segment_name(char name[DPL_SEGMENT_NAME], uint64_t epoch, uint64_t first_lsn)
{
    snprintf(name, DPL_SEGMENT_NAME, "%016" PRIx64 "-%016" PRIx64 ".seg", epoch, first_lsn);
}

/* Whether this is a segment's name, exactly as segment_name writes it. */
static bool name_parse(const char *name, struct dpl_segment_entry *entry)
{
    if (strlen(name) != 16 + 1 + 16 + 4 || strspn(name, "0123456789abcdef") != 16)
        return false;
    entry->epoch = strtoull(name, NULL, 16);
    entry->first_lsn = strtoull(name + 17, NULL, 16);
    dpl_segment_name(entry->name, entry->epoch, entry->first_lsn);
    return strcmp(name, entry->name) == 0;
}

int dpl_segments_walk(int dir_fd, int (*visit)(void *self, const struct dpl_segment_entry *entry),
                      void *self, struct dpl_err *err)
{
    dpl_autofd int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return dpl_err_sys(err, errno, "open the journal's directory");
    _Alignas(struct dirent64) char buffer[8192];
    for (;;) {
        ssize_t n = getdents64(fd, buffer, sizeof buffer);
        if (n <= 0)
            return n == 0 ? 0 : dpl_err_sys(err, errno, "read the journal's directory");
        for (ssize_t at = 0; at < n;) {
            const struct dirent64 *d = (const void *)(buffer + at);
            at += d->d_reclen;
            struct dpl_segment_entry entry;
            struct stat st;
            if (!name_parse(d->d_name, &entry) ||
                fstatat(dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
                continue;
            entry.file_bytes = (uint64_t)st.st_size;
            int rc = visit(self, &entry);
            if (rc != 0)
                return rc;
        }
    }
}

struct list {
    struct dpl_segment_entry *entries;
    size_t count, room;
};

static int list_add(void *self, const struct dpl_segment_entry *entry)
{
    struct list *list = self;
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 16;
        struct dpl_segment_entry *more = reallocarray(list->entries, room, sizeof *list->entries);
        if (!more)
            return DPL_E_NO_MEMORY;
        list->entries = more;
        list->room = room;
    }
    list->entries[list->count++] = *entry;
    return 0;
}

static int by_position(const void *a, const void *b)
{
    /* Fixed-width hexadecimal: the names' order is that of (epoch, first LSN). */
    return strcmp(((const struct dpl_segment_entry *)a)->name,
                  ((const struct dpl_segment_entry *)b)->name);
}

ssize_t dpl_segments_list(int dir_fd, struct dpl_segment_entry **list_r, struct dpl_err *err)
{
    struct list list = {0};
    int rc = dpl_segments_walk(dir_fd, list_add, &list, err);
    if (rc < 0) {
        free(list.entries);
        return rc == DPL_E_NO_MEMORY ? dpl_err_set(err, rc, "list the journal's segments") : rc;
    }
    if (list.count > 0)
        qsort(list.entries, list.count, sizeof *list.entries, by_position);
    *list_r = list.entries;
    return (ssize_t)list.count;
}

/* Removes those of the epoch of which all that follows begins at or below lsn. */
static ssize_t remove_below(int dir_fd, uint64_t epoch, uint64_t lsn, bool newest_too,
                            struct dpl_err *err)
{
    struct dpl_segment_entry *list = NULL;
    ssize_t count = dpl_segments_list(dir_fd, &list, err), removed = 0;
    for (ssize_t i = 0; i < count; i++) {
        bool newest = i + 1 == count || list[i + 1].epoch != epoch;
        if (list[i].epoch != epoch || (newest ? !newest_too : list[i + 1].first_lsn > lsn))
            continue;
        if (unlinkat(dir_fd, list[i].name, 0) < 0 && errno != ENOENT) {
            removed = dpl_err_sys(err, errno, "remove \"%s\"", list[i].name);
            break;
        }
        removed++;
    }
    free(list);
    return count < 0 ? count : removed;
}

ssize_t dpl_segments_trim(int dir_fd, uint64_t epoch, uint64_t lsn, struct dpl_err *err)
{
    return remove_below(dir_fd, epoch, lsn, false, err);
}

ssize_t dpl_segments_remove(int dir_fd, uint64_t epoch, struct dpl_err *err)
{
    return remove_below(dir_fd, epoch, UINT64_MAX, true, err);
}

int dpl_segment_read_head(int fd, uint64_t epoch, uint64_t first_lsn, struct dpl_segment_head *head,
                          uint64_t *file_bytes, struct dpl_err *err)
{
    uint8_t bytes[DPL_SEGMENT_HEADER];
    struct stat st;
    if (fstat(fd, &st) < 0)
        return dpl_err_sys(err, errno, "look at a journal segment");
    if (file_bytes)
        *file_bytes = (uint64_t)st.st_size;
    size_t have = 0;
    while (have < sizeof bytes) {
        ssize_t n = pread(fd, bytes + have, sizeof bytes - have, (off_t)have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return dpl_err_sys(err, errno, "read a journal segment");
        if (n == 0)
            return dpl_err_set(err, DPL_E_TRUNCATED, "the segment ends within its header");
        have += (size_t)n;
    }
    int rc = dpl_segment_head_decode(head, bytes, err);
    if (rc == 0 && (head->epoch.number != epoch || head->first_lsn != first_lsn))
        rc = dpl_err_set(err, DPL_E_CORRUPT, "the segment's identity is not that of its name");
    return rc;
}
