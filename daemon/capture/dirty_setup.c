/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The file of the dirty log at the beginning of an ownership, and the mark; see dirty.h.
 */
#include "daemon/capture/dirty.h"

#include "daemon/capture/recorder.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MARK_SLACK_NS INT64_C(2000000000) /* clocks of files are coarse, those of nodes differ */
#define PROBE         "probe"

/* The file's directory, made if it is missing. */
static int open_dir(const char *path, struct dpl_err *err)
{
    g_autofree char *name = g_path_get_dirname(path);
    int fd;

    if (mkdir(name, 0700) != 0 && errno != EEXIST)
        return dpl_err_sys(err, errno, "directory '%s' cannot be made", name);
    fd = open(name, O_RDONLY | O_DIRECTORY);
    return fd < 0 ? dpl_err_sys(err, errno, "directory '%s' cannot be opened", name) : fd;
}

/* What the file system below would say is now. */
static int probe(int dir_fd, int64_t *time_ns, struct dpl_err *err)
{
    dpl_autofd int fd = -1;
    struct stat st;

    unlinkat(dir_fd, PROBE, 0);
    fd = openat(dir_fd, PROBE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || fstat(fd, &st) != 0)
        return dpl_err_sys(err, errno, "the time of the file system cannot be had");
    unlinkat(dir_fd, PROBE, 0);
    *time_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec - MARK_SLACK_NS;
    return 0;
}

int dirty_create(const struct options *options, struct dpl_err *err)
{
    struct dpl_dirty_origin origin = {.bytes = options->dirty_log_bytes,
                                      .mark = options->dirty_log_mark};
    dpl_autofd int dir_fd = open_dir(options->dirty_log, err);

    if (dir_fd < 0)
        return dir_fd;
    if (access(options->dirty_log, F_OK) == 0)
        return dpl_err_set(err, DPL_E_EXISTS, "'%s' is there already", options->dirty_log);
    if (origin.mark && probe(dir_fd, &origin.mark_ns, err) != 0)
        return err->code;
    return dpl_dirty_create(options->dirty_log, &origin, err);
}

static int begin(const struct options *options, struct shared *shared, struct dpl_err *err)
{
    struct dpl_dirty_owner owner = {.epoch = shared->epoch.number,
                                    .now_ns = dpl_clock_wall_ns(&dpl_clock_system)};
    struct dpl_dirty_io io;
    int code;

    memcpy(owner.epoch_id, shared->epoch.id, sizeof(owner.epoch_id));
    memcpy(owner.fs_uuid, shared->epoch.fs_uuid, sizeof(owner.fs_uuid));
    shared->dirty_fd = dpl_dirty_open_file(options->dirty_log, err);
    if (shared->dirty_fd < 0)
        return shared->dirty_fd;
    io = dpl_dirty_io_file(shared->dirty_fd);
    code = dpl_dirty_begin(&shared->dirty, &io, &owner, err);
    if (code == 0)
        return 0;
    close(shared->dirty_fd);
    shared->dirty_fd = -1;
    return dpl_err_context(err, "dirty log '%s'", options->dirty_log);
}

int dirty_setup(const struct options *options, struct shared *shared, struct dpl_err *err)
{
    const struct dpl_dirty_origin fresh = {.bytes = options->dirty_log_bytes,
                                           .reason = DPL_DIRTY_FRESH};
    struct dpl_err own = {0};
    int code;

    shared->dirty_fd = shared->dirty_dir_fd = -1;
    if (options->dirty_log == NULL)
        return 0;
    shared->dirty_dir_fd = open_dir(options->dirty_log, err);
    if (shared->dirty_dir_fd < 0)
        return shared->dirty_dir_fd;
    code = begin(options, shared, &own);
    if (code == DPL_E_NOT_FOUND || code == DPL_E_CORRUPT) {
        fprintf(stderr,
                "doppel-capture: set '%s': %s: made anew, until the next mark everything is to be "
                "compared\n",
                options->set, own.text);
        code = dpl_dirty_create(options->dirty_log, &fresh, &own);
        if (code == 0)
            code = begin(options, shared, &own);
    }
    if (code != 0) {
        fprintf(stderr, "doppel-capture: set '%s': %s: going on without\n", options->set, own.text);
        atomic_store(&shared->dirty.failed, DPL_DIRTY_IO_ERROR);
    }
    return 0;
}

void dirty_new_epoch(struct worker *worker, const struct dpl_epoch *epoch)
{
    struct dpl_err err = {0};

    if (atomic_load(&worker->shared->dirty.open) == 0)
        return;
    if (dpl_dirty_restamp(&worker->dirty, epoch->number, epoch->id, &err) != 0)
        fprintf(stderr, "doppel-capture: set '%s': %s\n", worker->options->set, err.text);
}

static bool settled(struct dpl_dirty *log, uint32_t wait_ms)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    for (uint32_t i = 0; !dpl_dirty_candidate_settled(log); i++) {
        if (i == wait_ms)
            return false;
        nanosleep(&moment, NULL);
    }
    return true;
}

int dirty_mark_candidate(struct worker *worker, uint32_t wait_ms, uint64_t *lsn,
                         struct dpl_err *err)
{
    struct dpl_record record = {
        .type = DPL_R_BARRIER, .has = DPL_F_NUMBER, .number = DPL_BARRIER_MARK};
    struct dpl_dirty *log = &worker->dirty;
    int64_t time_ns;
    int code;

    if (atomic_load(&worker->shared->dirty.open) == 0)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "there is no dirty log");
    code = probe(worker->shared->dirty_dir_fd, &time_ns, err);
    if (code == 0)
        code = dpl_dirty_candidate_open(log, time_ns, err);
    if (code != 0)
        return code;
    if (!settled(log, wait_ms))
        return dpl_err_set(err, DPL_E_BUSY, "changes from before the candidate are under way");
    code = recorder_note(worker, &record, lsn);
    if (code != 0)
        return dpl_err_set(err, code, "the journal has ended: no position for a mark");
    return dpl_dirty_candidate_place(log, worker->shared->epoch.number, *lsn, err);
}

int dirty_mark_set(struct worker *worker, uint64_t lsn, struct dpl_err *err)
{
    return dpl_dirty_mark_set(&worker->dirty, worker->shared->epoch.number, lsn, err);
}
