/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The end of a mount, in order and in bounded time.
 *
 *     1  whoever uses it is asked to end, then killed (never the caller's own line of parents)
 *     2  it is unmounted, in every namespace that has it
 *     3  its server ends by itself, for the kernel closes the connection
 *
 * Where that does not do: the mount is detached, then its connection aborted. Both are reported,
 * for an application may see them. All waiting is for processes, by pidfd, up to a deadline of the
 * caller's clock; nothing looks at the mount itself.
 */
#ifndef DPL_CAPTURE_UNMOUNT_H
#define DPL_CAPTURE_UNMOUNT_H

#include "daemon/capture/proc.h"
#include "lib/base/clock.h"

struct dpl_unmount {
    const struct dpl_clock *clock;
    dev_t dev;                   /* of the mount */
    int64_t term_ms;             /* for users to end after SIGTERM */
    int64_t kill_ms;             /* after SIGKILL */
    int64_t unmount_ms;          /* for the unmounting */
    int64_t abort_ms;            /* for the keeper to end after an abort */
    int64_t server_ms;           /* for the keeper to end by itself */
    struct dpl_proc_id keeper;   /* pid 0: unknown */
    dpl_proc_is_ours_fn is_ours; /* keeper and workers, which are not users; may be NULL */
    void *ours;
    bool abandoned; /* stale: nobody is left who would serve it, whoever still holds it open */
};

struct dpl_unmount_result {
    int users;            /* found, in all */
    int killed;           /* of them, by SIGKILL */
    int spared;           /* the caller, its parents, process 1 */
    char spared_name[64]; /* one of them */
    int surviving;        /* not gone when time was up */
    int unmounted;        /* mounts */
    bool detached;
    bool aborted;
    bool keeper_gone; /* or was unknown */
    pid_t stuck;      /* a child of the caller's, waiting in the kernel, not yet reaped; 0: none */
    char text[480];   /* what was not clean, one line; empty if all was */
};

/* Ends it. 0: clean. DPL_E_DEGRADED: it is gone, but was detached or aborted, or a user had to be
 * spared; text says which. DPL_E_BUSY, DPL_E_TIMEOUT: something of it is still there. */
int dpl_unmount_run(const struct dpl_unmount *order, struct dpl_unmount_result *result_r,
                    struct dpl_err *err);

/* Takes away what a dead server left mounted: nobody is signalled, whoever still has files of it
 * keeps descriptors that answer an error. Uses clock, dev and unmount_ms of the order. Refuses
 * (DPL_E_REFUSED) one that is served, and one of which nobody can say; an abandoned one is aborted
 * then. Returns as above; DPL_E_NOT_FOUND if it is mounted nowhere. */
int dpl_unmount_stale(const struct dpl_unmount *order, struct dpl_unmount_result *result_r,
                      struct dpl_err *err);

#endif
