/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Syncing the disk below, see synced.h.
 */
#include "daemon/capture/synced.h"

#include "daemon/capture/recorder.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static struct {
    uint64_t from, noted, end; /* of the last round: its position, its record, and that one's end */
    uint32_t journal;          /* and in which journal these are */
} last;

static void failed(struct worker *worker, int code)
{
    atomic_store(&worker->shared->sync_failed, 1);
    fprintf(stderr,
            "doppel-capture: set '%s': the file system below cannot be synced (%s): from now on "
            "nothing more counts as being on its disk\n",
            worker->options->set, strerror(code));
}

static bool first_of_device(const struct shared *shared, uint32_t root)
{
    for (uint32_t i = 0; i < root; i++)
        if (shared->roots[i].device == shared->roots[root].device)
            return false;
    return true;
}

/* Returns 0 or an errno. By these descriptors each error since the mount is told once. */
static int sync_all(const struct shared *shared, bool by_witness)
{
    int code = 0;

    for (uint32_t i = 0; i < shared->root_count; i++) {
        const struct shared_root *root = &shared->roots[i];

        if (first_of_device(shared, i) && syncfs(by_witness ? root->sync_fd : root->synced_fd) != 0)
            code = errno;
    }
    return code;
}

/* Of the journal that there was before the sync; another one may have begun meanwhile. */
static void publish(struct worker *worker, uint32_t journal, uint64_t from)
{
    struct dpl_record record = {.type = DPL_R_BARRIER,
                                .has = DPL_F_NUMBER | DPL_F_SYNCED,
                                .number = DPL_BARRIER_SYNCED,
                                .synced = from};

    pthread_mutex_lock(&worker->journal_lock);
    if (atomic_load(&worker->shared->journal) == journal) {
        atomic_store(&worker->shared->synced_lsn, from);
        last.from = from;
        last.journal = journal;
        if (recorder_note(worker, &record, &last.noted) == 0)
            last.end = dpl_arena_next_lsn(&worker->arena);
    }
    pthread_mutex_unlock(&worker->journal_lock);
}

static void one_round(struct worker *worker)
{
    struct shared *shared = worker->shared;
    uint32_t journal = atomic_load(&shared->journal);
    uint64_t from = dpl_arena_lowest_open(&worker->arena);
    int code;

    if (atomic_load(&shared->sync_failed) != 0 || atomic_load(&shared->mode) != MODE_JOURNAL ||
        from <= atomic_load(&shared->synced_lsn))
        return;
    if (journal == last.journal && from == last.end && last.noted == last.from)
        return; /* our own record is all that is new */
    atomic_store(&shared->sync_busy, 1);
    code = sync_all(shared, false);
    if (code != 0)
        failed(worker, code);
    atomic_store(&shared->sync_busy, 0);
    if (code == 0)
        publish(worker, journal, from);
}

/* A timer that never comes, but tells when the clock is set. */
static void watch_clock(int fd)
{
    const struct itimerspec never = {.it_value = {.tv_sec = (time_t)9000000000}};

    timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

/* Waits for this long, or until the clock was set. */
static bool clock_was_set(int fd, uint32_t ms)
{
    struct pollfd pfd = {.fd = fd, .events = POLLIN};
    uint64_t count;

    if (poll(&pfd, 1, ms == 0 ? -1 : (int)ms) != 1)
        return false;
    return read(fd, &count, sizeof(count)) < 0 && errno == ECANCELED;
}

static void *synced_main(void *arg)
{
    struct worker *worker = arg;
    uint32_t interval_ms = worker->options->sync_interval_ms;
    int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC);
    int code;

    /* A worker that died may have been told of an error and taken it along. */
    if (atomic_load(&worker->shared->sync_busy) != 0) {
        code = sync_all(worker->shared, true);
        if (code != 0)
            failed(worker, code);
        atomic_store(&worker->shared->sync_busy, 0);
    }
    watch_clock(fd);
    for (;;) {
        if (clock_was_set(fd, interval_ms)) {
            watch_clock(fd);
            if (atomic_load(&worker->shared->dirty.open) != 0)
                dpl_dirty_mark_lower(&worker->dirty, dpl_clock_wall_ns(&dpl_clock_system), NULL);
        } else if (interval_ms != 0) {
            one_round(worker);
        }
    }
    return NULL;
}

int synced_start(struct worker *worker, struct dpl_err *err)
{
    pthread_attr_t attr;
    pthread_t id;
    int code;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, 256 * 1024);
    code = pthread_create(&id, &attr, synced_main, worker);
    pthread_attr_destroy(&attr);
    return code != 0 ? dpl_err_sys(err, code, "no thread to sync the disk below") : 0;
}
