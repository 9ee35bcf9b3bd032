/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who could write behind our back from the first moment on: descriptors open for writing, and
 * writable shared maps, of files beneath a root on its lower file system, from before the mount.
 *
 * Paths are compared within the file system, so another mount of it, a bind mount or another
 * namespace hides nothing. Not seen: an object that lies in the set but was opened by another name
 * (a hard link) outside it, a map opened for writing and now read-only, and what mountuser.h names.
 */
#ifndef DPL_CAPTURE_BYPASS_SCAN_H
#define DPL_CAPTURE_BYPASS_SCAN_H

#include "daemon/capture/proc.h"

#include <stddef.h>

struct dpl_bypass_writer {
    pid_t pid;
    char comm[DPL_COMM_SIZE];
    int fd;     /* -1: a map */
    char *path; /* as /proc shows it */
};

struct dpl_bypass_writers {
    size_t count;
    struct dpl_bypass_writer *items;
    bool more; /* there were more than DPL_BYPASS_WRITERS_MAX */
};
#define DPL_BYPASS_WRITERS_MAX 1000

/* A root as the caller's own namespace has it *below*: before it is mounted over, root is its
 * absolute path. Returns 0 and the list. */
int dpl_bypass_scan(const char *const *roots, size_t root_count, dpl_proc_is_ours_fn is_ours,
                    void *ours, struct dpl_bypass_writers *writers_r, struct dpl_err *err);
void dpl_bypass_writers_clear(struct dpl_bypass_writers *writers);

#endif
