/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The status page of a running capture, for everybody who watches one: monitors and agents look
 * here, never at the path of the mount, which a stuck file system would hold them by.
 *
 * A capture of set SET has a directory RUN_DIR/SET with
 *     lock     locked (F_OFD_SETLK, write) as long as any process of the capture lives
 *     status   the page below, made by the keeper when the set is mounted, removed at a clean end
 *     remote   see remote.h
 * The worker keeps the page's numbers up to date, the heartbeat every 50 ms or so, the rest a few
 * times a second. Each number is whole; two of them may be of different moments, but none below
 * figures_ns is of an earlier one than that says.
 *
 * Readers map it read-only. What stands in it is bounded when it is opened (sizes, terminated
 * strings, counts), for the writer may have been of another version.
 */
#ifndef DPL_CAPSTAT_CAPSTAT_H
#define DPL_CAPSTAT_CAPSTAT_H

#include "lib/base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define DPL_CAPSTAT_MAGIC  0x4450434150535431ULL /* "DPCAPST1" */
#define DPL_CAPSTAT_LAYOUT 3U
#define DPL_CAPSTAT_NAME   "status"
#define DPL_CAPSTAT_LOCK   "lock"

enum {
    DPL_CAPSTAT_ROOTS = 16,
    DPL_CAPSTAT_PATH = 4096, /* with the zero byte */
    DPL_CAPSTAT_SET = 256,
    DPL_CAPSTAT_BOOT_ID = 40,
};

/* A heartbeat older than this is that of a worker that is stuck. */
#define DPL_CAPSTAT_STALE_NS INT64_C(10000000000)

enum dpl_capstat_mode {
    DPL_CAPSTAT_STARTING = 0,
    DPL_CAPSTAT_JOURNAL = 1, /* every change is journalled */
    DPL_CAPSTAT_PASS = 2,    /* changes pass through unjournalled: a mirror is needed */
};

/* The numbers, at one look. */
struct dpl_capstat_now {
#define DPL_CAPSTAT(member, kind, text) uint64_t member;
#include "lib/capstat/capstat.tbl.h"
#undef DPL_CAPSTAT
};

struct dpl_capstat_root {
    uint64_t device;     /* of the file system below */
    uint64_t connection; /* device number of the mount: its name in fusectl */
    char path[DPL_CAPSTAT_PATH];
};

/* What is true from the mount on, but for the epoch: another journal may follow. Readers take its
 * number by dpl_capstat_epoch, before they read the numbers. */
struct dpl_capstat_what {
    uint64_t epoch_number;
    uint8_t epoch_id[16];
    uint64_t start_wall_ns;
    char boot_id[DPL_CAPSTAT_BOOT_ID]; /* /proc/sys/kernel/random/boot_id */
    char set[DPL_CAPSTAT_SET];
    char journal_dir[DPL_CAPSTAT_PATH];
    uint32_t root_count;
    uint32_t reserved;
    struct dpl_capstat_root roots[DPL_CAPSTAT_ROOTS];
};

/* The file. */
struct dpl_capstat_page {
    uint64_t magic;
    uint32_t layout;
    uint32_t bytes; /* of the page */
    struct {
#define DPL_CAPSTAT(member, kind, text) _Atomic uint64_t member;
#include "lib/capstat/capstat.tbl.h"
#undef DPL_CAPSTAT
    } now;
    /* The keeper may be replaced: its ticks are written before its id, and 0 before both. */
    _Atomic uint64_t keeper;
    _Atomic uint64_t keeper_start_ticks; /* field 22 of /proc/PID/stat */
    struct dpl_capstat_what what;
};

/* For the capture. Makes the page beside others' eyes and puts it into dir_fd, or, if there is one
 * of this epoch, maps that (what: NULL; a successor knows no better). */
int dpl_capstat_create(int dir_fd, const struct dpl_capstat_what *what,
                       struct dpl_capstat_page **page_r, struct dpl_err *err);
int dpl_capstat_resume(int dir_fd, struct dpl_capstat_page **page_r, struct dpl_err *err);
void dpl_capstat_unmap(struct dpl_capstat_page *page);
/* Takes the lock, close-on-exec not set. Returns its descriptor, or BUSY: another one runs. */
int dpl_capstat_lock(int dir_fd, struct dpl_err *err);
/* Another journal has begun. While this is changed mode is not DPL_CAPSTAT_JOURNAL: who has seen
 * the new epoch and then that mode has the figures of the new journal. */
void dpl_capstat_set_epoch(struct dpl_capstat_page *page, uint64_t number, const uint8_t id[16]);
void dpl_capstat_set_keeper(struct dpl_capstat_page *page, uint64_t pid, uint64_t start_ticks);

/* For everybody else. run_dir is that of all captures. NOT_RUNNING: there is no page, CORRUPT or
 * VERSION: it is none, or one of another version. The caller closes. */
struct dpl_capstat;
int dpl_capstat_open(struct dpl_capstat **capstat_r, const char *run_dir, const char *set,
                     struct dpl_err *err);
void dpl_capstat_close(struct dpl_capstat *capstat);
/* Borrowed. */
const struct dpl_capstat_what *dpl_capstat_what(const struct dpl_capstat *capstat);
uint64_t dpl_capstat_epoch(const struct dpl_capstat *capstat);
void dpl_capstat_read(const struct dpl_capstat *capstat, struct dpl_capstat_now *now_r);
/* Returns 0 or the keeper's process id, and when that process started. */
uint64_t dpl_capstat_keeper(const struct dpl_capstat *capstat, uint64_t *start_ticks_r);
/* Whether a process of this set's capture lives: 1 or 0, or a negative code (PERM: only root can
 * tell). Needs no page. */
int dpl_capstat_running(const char *run_dir, const char *set, struct dpl_err *err);

enum dpl_capstat_state {
    DPL_CAPSTAT_IS_SERVING,
    DPL_CAPSTAT_IS_PASSING, /* it serves, without journal */
    DPL_CAPSTAT_IS_STARTING,
    DPL_CAPSTAT_IS_STUCK, /* no heartbeat */
    DPL_CAPSTAT_IS_DOWN,
};
/* running: what dpl_capstat_running() answered; below 0 counts as running. now_ns: CLOCK_BOOTTIME.
 */
enum dpl_capstat_state dpl_capstat_judge(const struct dpl_capstat_now *now, int running,
                                         int64_t now_ns);
const char *dpl_capstat_state_text(enum dpl_capstat_state state);

#endif
