/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The lock and the status page, see runstate.h.
 */
#include "daemon/capture/runstate.h"

#include "daemon/capture/proc.h"
#include "daemon/capture/worker.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REFRESH_NS INT64_C(50000000)
#define LIST_S     5

int runstate_lock(const struct options *options, int *run_fd_r, int *lock_fd_r, struct dpl_err *err)
{
    g_autofree char *path = g_strdup_printf("%s/%s", options->run_dir, options->set);
    dpl_autofd int run_fd = -1;
    int lock_fd;

    if (g_mkdir_with_parents(path, 0755) != 0)
        return dpl_err_sys(err, errno, "runtime directory '%s' cannot be made", path);
    run_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (run_fd < 0)
        return dpl_err_sys(err, errno, "runtime directory '%s' cannot be opened", path);
    lock_fd = dpl_capstat_lock(run_fd, err);
    if (lock_fd < 0)
        return dpl_err_context(err, "'%s'", path);
    *run_fd_r = dpl_fd_steal(&run_fd);
    *lock_fd_r = lock_fd;
    return 0;
}

static void read_boot_id(char *text, size_t size)
{
    g_autofree char *data = NULL;

    if (dpl_file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", size - 1, &data, NULL, NULL) ==
        0)
        g_strlcpy(text, g_strchomp(data), size);
}

static struct dpl_capstat_what *describe(const struct options *options, const struct shared *shared)
{
    struct dpl_capstat_what *what = g_new0(struct dpl_capstat_what, 1);

    what->epoch_number = shared->epoch.number;
    memcpy(what->epoch_id, shared->epoch.id, sizeof(what->epoch_id));
    what->start_wall_ns = (uint64_t)dpl_clock_wall_ns(&dpl_clock_system);
    read_boot_id(what->boot_id, sizeof(what->boot_id));
    g_strlcpy(what->set, options->set, sizeof(what->set));
    g_strlcpy(what->journal_dir, options->journal_dir, sizeof(what->journal_dir));
    what->root_count = shared->root_count;
    for (uint32_t i = 0; i < shared->root_count; i++) {
        what->roots[i].device = shared->roots[i].device;
        what->roots[i].connection = shared->roots[i].connection;
        g_strlcpy(what->roots[i].path, options->roots[i], sizeof(what->roots[i].path));
    }
    return what;
}

static void beat(struct dpl_capstat_page *page)
{
    atomic_store(&page->now.heartbeat_ns, (uint64_t)dpl_clock_now_ns(&dpl_clock_system));
}

int runstate_publish(const struct options *options, struct memory *memory, struct dpl_err *err)
{
    g_autofree struct dpl_capstat_what *what = describe(options, memory->shared);
    int code = dpl_capstat_create(memory->shared->run_fd, what, &memory->page, err);

    /* What was configured for an earlier capture is not for this one. */
    if (code == 0)
        code = dpl_remote_begin(memory->shared->run_fd, &options->remote,
                                dpl_clock_now_ns(&dpl_clock_system), &memory->remote, err);
    if (code != 0)
        return dpl_err_context(err, "'%s/%s'", options->run_dir, options->set);
    beat(memory->page);
    runstate_set_keeper(memory);
    return 0;
}

void runstate_resume(const struct options *options, struct memory *memory)
{
    struct dpl_err err = {0};

    if (dpl_capstat_resume(memory->shared->run_fd, &memory->page, &err) == 0 &&
        dpl_remote_create(memory->shared->run_fd, &memory->remote, &err) == 0)
        return;
    if (runstate_publish(options, memory, &err) == 0)
        return;
    fprintf(stderr, "doppel-capture: set '%s': no status can be seen: %s\n", options->set,
            err.text);
    memory->page = memory_private(sizeof(*memory->page));
    memory->remote = memory_private(sizeof(*memory->remote));
    g_assert(memory->page != NULL && memory->remote != NULL);
}

void runstate_set_keeper(const struct memory *memory)
{
    struct dpl_proc_id id = {0};

    if (dpl_proc_id_of(getpid(), &id, NULL) == 0)
        dpl_capstat_set_keeper(memory->page, (uint64_t)id.pid, id.start_ticks);
}

void runstate_end(const struct memory *memory)
{
    unlinkat(memory->shared->run_fd, DPL_CAPSTAT_NAME, 0);
}

/* --- the worker's side ------------------------------------------------------------------------ */

static void *list_main(void *arg)
{
    struct worker *worker = arg;
    const struct timespec pause = {.tv_sec = LIST_S};

    for (;;) {
        struct dpl_segment_entry *list = NULL;
        ssize_t count = dpl_segments_list(worker->shared->journal_fd, &list, NULL);
        uint64_t bytes = 0;

        for (ssize_t i = 0; i < count; i++)
            bytes += list[i].file_bytes;
        free(list);
        if (count >= 0)
            atomic_store(&worker->memory.page->now.journal_bytes, bytes);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

int runstate_start(struct worker *worker, struct dpl_err *err)
{
    pthread_t id;
    int code;

    beat(worker->memory.page);
    atomic_store(&worker->memory.page->now.worker, (uint64_t)getpid());
    code = pthread_create(&id, NULL, list_main, worker);
    if (code != 0)
        return dpl_err_sys(err, code, "no thread for the status");
    pthread_detach(id);
    return 0;
}

static enum dpl_capstat_mode mode_of(const struct shared *shared)
{
    for (uint32_t i = 0; i < shared->root_count; i++)
        if (shared->roots[i].minor == 0)
            return DPL_CAPSTAT_STARTING;
    /* One that has just begun is shown when all is done that is not in it. */
    return atomic_load(&shared->mode) == MODE_JOURNAL &&
                   atomic_load(&shared->renew.phase) == RENEW_NONE
               ? DPL_CAPSTAT_JOURNAL
               : DPL_CAPSTAT_PASS;
}

/* The moment is told last, and read first: who sees it sees figures from behind it. */
static void refresh(struct worker *worker, int64_t now_ns)
{
    struct dpl_capstat_page *page = worker->memory.page;
    const struct shared_counters *count = &worker->shared->count;
    enum dpl_capstat_mode mode = mode_of(worker->shared);
    struct dpl_arena_usage usage;

    dpl_arena_usage(&worker->arena, &usage);
    if (mode == DPL_CAPSTAT_JOURNAL)
        dpl_capstat_set_epoch(page, worker->shared->epoch.number, worker->shared->epoch.id);
    atomic_store(&page->now.mirror_reason, dpl_arena_state(&worker->arena));
    atomic_store(&page->now.spilled_lsn, dpl_arena_spilled(&worker->arena));
    atomic_store(&page->now.lowest_open_lsn, dpl_arena_lowest_open(&worker->arena));
    atomic_store(&page->now.next_lsn, dpl_arena_next_lsn(&worker->arena));
    atomic_store(&page->now.synced_lsn, atomic_load(&worker->shared->synced_lsn));
    atomic_store(&page->now.memory_records, usage.records);
    atomic_store(&page->now.memory_bytes, usage.ring_bytes);
    atomic_store(&page->now.requests, atomic_load(&count->requests));
    atomic_store(&page->now.threads, atomic_load(&worker->shared->threads));
    atomic_store(&page->now.incarnation, atomic_load(&worker->shared->incarnation));
    atomic_store(&page->now.takeovers, atomic_load(&count->takeovers));
    atomic_store(&page->now.takeover_last_ns, atomic_load(&count->takeover_ns_last));
    atomic_store(&page->now.takeover_max_ns, atomic_load(&count->takeover_ns_max));
    atomic_store(&page->now.keepers_replaced, atomic_load(&count->keepers_replaced));
    atomic_store(&page->now.given_up, atomic_load(&count->given_up));
    atomic_store(&page->now.remote_answered, atomic_load(&count->remote_answered));
    atomic_store(&page->now.remote_fallbacks, atomic_load(&count->remote_fallbacks));
    atomic_store(&page->now.bypasses, atomic_load(&count->bypasses));
    atomic_store(&page->now.journal_ends, atomic_load(&count->journal_ends));
    atomic_store(&page->now.mode, (uint64_t)mode);
    atomic_store(&page->now.figures_ns, (uint64_t)now_ns);
}

void runstate_beat(struct worker *worker)
{
    static int64_t due_ns;
    int64_t now_ns = dpl_clock_now_ns(&dpl_clock_system);

    atomic_store(&worker->memory.page->now.heartbeat_ns, (uint64_t)now_ns);
    /* What a reader waits for is told at once. */
    if (now_ns < due_ns && atomic_load(&worker->memory.page->now.mode) == mode_of(worker->shared))
        return;
    due_ns = now_ns + REFRESH_NS;
    refresh(worker, now_ns);
}
