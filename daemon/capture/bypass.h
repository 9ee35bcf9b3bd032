/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Changes behind our back, while a set is mounted: a fanotify mark on the lower file system.
 *
 * Every change by a process that is not ours is answered by one callback. Which objects lie in the
 * set is for the caller to say: what is reported is of the whole file system. Stores through a
 * shared map are not seen by the kernel's events (bypass_scan.h finds such maps); nor is what the
 * kernel changes for a network file server before it names a process (pid 0).
 *
 * The queue is bounded by the kernel (16,384 events unless fs.fanotify says otherwise). What was
 * lost is reported as a change of everything. The callback runs within dpl_bypass_read() alone;
 * what it is given lives until it returns.
 */
#ifndef DPL_CAPTURE_BYPASS_H
#define DPL_CAPTURE_BYPASS_H

#include "daemon/capture/proc.h"

#include <stddef.h>

/* A file handle as open_by_handle_at(2) takes it. */
struct dpl_bypass_handle {
    int type;
    uint32_t size; /* 0: the kernel did not tell */
    const uint8_t *bytes;
};

enum dpl_bypass_what {
    DPL_BYPASS_DATA = 1,     /* written or truncated */
    DPL_BYPASS_ATTR = 2,     /* owner, mode, times, extended attributes, links */
    DPL_BYPASS_CREATED = 4,  /* name in parent */
    DPL_BYPASS_REMOVED = 8,  /* name in parent */
    DPL_BYPASS_MOVED = 16,   /* away from or to name in parent */
    DPL_BYPASS_DIR = 32,     /* the object is a directory */
    DPL_BYPASS_UNKNOWN = 64, /* events were lost: anything may have changed; nothing else is set */
};

struct dpl_bypass_change {
    unsigned what;            /* enum dpl_bypass_what, several where the kernel merged events */
    pid_t pid;                /* 0: not a process that we can see */
    char comm[DPL_COMM_SIZE]; /* "?" once it is gone; filled by dpl_bypass_read() */
    struct dpl_bypass_handle object; /* not for a name's change on kernels before 5.17 */
    struct dpl_bypass_handle parent;
    const char *name; /* in parent; NULL: not told */
};

typedef void (*dpl_bypass_fn)(void *self, const struct dpl_bypass_change *change);

/* Takes one read of events apart. Returns how many, or DPL_E_CORRUPT; what came before a fault has
 * been reported. No process is looked at. */
int dpl_bypass_parse(const void *events, size_t size, dpl_bypass_fn report, void *self,
                     struct dpl_err *err);

struct dpl_bypass_config {
    int root_fd; /* any directory on the lower file system, borrowed for the call */
    /* Asked for every event, when it is read: must still know workers that have died since. */
    dpl_proc_is_ours_fn is_ours;
    void *ours;
    dpl_bypass_fn report;
    void *self;
};

struct dpl_bypass;

/* The mark alone, for who reads the events himself (dpl_bypass_parse). unlimited: the queue is
 * bounded by the reader (FIONREAD tells its bytes), not by the kernel. Returns a descriptor that is
 * close-on-exec and does not block; detail_r as below. Errors as of dpl_bypass_open(). */
int dpl_bypass_mark(int root_fd, bool unlimited, const char **detail_r, struct dpl_err *err);

/* Sets the mark. DPL_E_UNSUPPORTED, DPL_E_PERM: this kernel or file system has none. */
int dpl_bypass_open(const struct dpl_bypass_config *config, struct dpl_bypass **bypass_r,
                    struct dpl_err *err);
void dpl_bypass_close(struct dpl_bypass *bypass);

/* Readable when there is something to read. Borrowed. */
int dpl_bypass_fd(const struct dpl_bypass *bypass);
/* What the kernel can tell of an event's object, for the report: "objects and names", ... */
const char *dpl_bypass_detail(const struct dpl_bypass *bypass);
/* Reads a bounded number of events and reports the foreign ones. Returns how many were reported;
 * what is left leaves the descriptor readable. */
int dpl_bypass_read(struct dpl_bypass *bypass, struct dpl_err *err);

/* The path within the file system of a handle that was reported, or of name in it (NULL: of
 * itself). root_fd as above. The caller frees it; NULL: it is gone, or cannot be found. */
char *dpl_bypass_path(int root_fd, const struct dpl_bypass_handle *handle, const char *name);

#endif
