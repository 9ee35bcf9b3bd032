/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From options to a captured set, see setup.h.
 */
#include "daemon/capture/setup.h"

#include "daemon/capture/capability.h"
#include "daemon/capture/dirty.h"
#include "daemon/capture/mount.h"
#include "daemon/capture/node.h"
#include "daemon/capture/ownership.h"
#include "daemon/capture/runstate.h"
#include "daemon/capture/watch.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/journal/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#ifndef FS_IOC_GETFSUUID
struct fsuuid2 {
    __u8 len;
    __u8 uuid[16];
};
#define FS_IOC_GETFSUUID _IOR(0x15, 0, struct fsuuid2)
#endif

#define RECORD_TYPICAL 256U          /* bytes: how many records are in so much memory */
#define LOCKED_BYTES   (16ULL << 20) /* the buffers of the first threads, and some state */

static struct dpl_arena_sizes arena_sizes(const struct options *options)
{
    uint32_t entries = 1U << 16;

    while (entries < 1U << 24 && (uint64_t)entries * RECORD_TYPICAL < options->ring_bytes)
        entries *= 2;
    return (struct dpl_arena_sizes){.entries = entries,
                                    .ring_bytes = options->ring_bytes,
                                    .buffers = SHARED_BUFFERS,
                                    .buffer_bytes = SHARED_BUFFER};
}

/* One more than the directory knows: the positions of an earlier ownership must not come again. */
static int choose_epoch(const struct options *options, int journal_fd, int dir_fd,
                        struct dpl_epoch *epoch, struct dpl_err *err)
{
    struct dpl_segment_entry *list = NULL;
    struct fsuuid2 uuid = {0};
    ssize_t count;

    memset(epoch, 0, sizeof(*epoch));
    epoch->number = options->epoch;
    if (epoch->number == 0) {
        count = dpl_segments_list(journal_fd, &list, err);
        if (count < 0)
            return (int)count;
        for (ssize_t i = 0; i < count; i++)
            if (list[i].epoch > epoch->number)
                epoch->number = list[i].epoch;
        free(list);
        epoch->number++;
    }
    if (getrandom(epoch->id, sizeof(epoch->id), 0) != sizeof(epoch->id))
        return dpl_err_sys(err, errno, "no random number");
    if (ioctl(dir_fd, FS_IOC_GETFSUUID, &uuid) == 0 && uuid.len <= sizeof(epoch->fs_uuid))
        memcpy(epoch->fs_uuid, uuid.uuid, uuid.len);
    strncpy(epoch->set, options->set, sizeof(epoch->set) - 1);
    return ownership_choose(options, journal_fd, epoch, err);
}

static int make_journal(const struct options *options, struct memory *memory, int dir_fd,
                        struct dpl_err *err)
{
    struct dpl_segment_limits limits = {.segment_bytes = options->segment_bytes,
                                        .max_bytes = options->journal_max_bytes,
                                        .min_free_bytes = options->journal_min_free_bytes};
    struct dpl_arena_sizes sizes = arena_sizes(options);
    struct shared *shared = memory->shared;
    struct dpl_arena_start start;
    struct dpl_err why = {0};
    int code;

    shared->journal_fd = open(options->journal_dir, O_RDONLY | O_DIRECTORY);
    if (shared->journal_fd < 0)
        return dpl_err_sys(err, errno, "journal directory '%s' cannot be opened",
                           options->journal_dir);
    code = choose_epoch(options, shared->journal_fd, dir_fd, &shared->epoch, err);
    if (code == 0)
        code = dpl_segments_create(shared->journal_fd, &shared->epoch, &limits,
                                   &dpl_segment_io_system, &why);
    if (code == DPL_E_NO_SPACE) {
        /* Who serves is not held up: the spiller finds no segment and ends this journal, and the
         * next one begins when there is room (renew.h). Its parent is this one, which nobody ever
         * had: everything is compared. */
        fprintf(stderr, "doppel-capture: set '%s': it begins without a journal: %s\n", options->set,
                why.text);
        code = 0;
    } else if (code < 0 && why.code) {
        *err = why;
    }
    if (code != 0)
        return dpl_err_context(err, "journal in '%s'", options->journal_dir);
    atomic_store(&shared->renew.began_ns, dpl_clock_now_ns(&dpl_clock_system));
    start = (struct dpl_arena_start){.epoch_tag = dpl_epoch_tag(&shared->epoch),
                                     .lsn = 0,
                                     .chain = dpl_epoch_chain(&shared->epoch)};
    return dpl_arena_format(memory->arena, shared->arena_bytes, &sizes, &start, err);
}

/* The text of the rules, checked, in memory that every worker and a later program can map. */
static int read_rules(const struct options *options, struct shared *shared, struct dpl_err *err)
{
    g_autofree char *text = NULL;
    struct dpl_rules *rules = NULL;
    size_t size;
    int code;

    shared->rules_fd = -1;
    if (options->rules_file == NULL)
        return 0;
    code = dpl_file_read(AT_FDCWD, options->rules_file, DPL_RULES_TEXT_MAX, &text, &size, err);
    if (code == 0)
        code = dpl_rules_parse(&rules, text, size, err);
    if (code != 0)
        return dpl_err_context(err, "rules '%s'", options->rules_file);
    dpl_rules_free(rules);
    shared->rules_fd = memfd_create("doppel-rules", 0);
    if (shared->rules_fd < 0)
        return dpl_err_sys(err, errno, "no memory for rules");
    shared->rules_bytes = size;
    return dpl_fd_write_all(shared->rules_fd, text, size, err);
}

static void unmount_all(const struct options *options, struct shared *shared)
{
    while (shared->root_count > 0)
        mount_abort(&shared->roots[shared->root_count - 1], options->roots[shared->root_count - 1],
                    NULL),
            shared->root_count--;
}

static int mount_all(const struct options *options, struct shared *shared, struct dpl_err *err)
{
    int code = 0;

    for (uint32_t i = 0; i < options->root_count && code == 0; i++) {
        code = mount_root(&shared->roots[i], options->roots[i], options->set, err);
        if (code != 0)
            break;
        shared->root_count++;
        code = node_set_root(shared, i, shared->roots[i].dir_fd, err);
        if (code != 0)
            dpl_err_context(err, "root '%s'", options->roots[i]);
    }
    if (code != 0)
        unmount_all(options, shared);
    return code;
}

int setup_look(const struct options *options, struct dpl_findings *findings, struct dpl_err *err)
{
    g_autofree char *dirty =
        options->dirty_log == NULL ? NULL : g_path_get_dirname(options->dirty_log);
    const struct dpl_capability_own_dir own[] = {
        {.what = "the journal", .path = options->journal_dir},
        {.what = "the dirty log", .path = dirty}};
    const struct dpl_capability_set set = {.name = options->set,
                                           .roots = options->roots,
                                           .root_count = options->root_count,
                                           .own_dirs = own,
                                           .own_dir_count = options->journal_dir == NULL ? 0U
                                                            : dirty == NULL              ? 1U
                                                                                         : 2U};

    dpl_capability_kernel(&dpl_capability_paths_default, LOCKED_BYTES, findings, NULL);
    return dpl_capability_set(&dpl_capability_paths_default, &set, findings, err);
}

/* Refuses what cannot work, and says what does not work as well as it could. */
static int check_host(const struct options *options, struct dpl_err *err)
{
    struct dpl_findings findings = {0};
    int code = setup_look(options, &findings, err);

    for (size_t i = 0; code == 0 && i < findings.count; i++)
        if (findings.items[i].severity == DPL_SEVERITY_WARN)
            fprintf(stderr, "doppel-capture: set '%s': %s\n", options->set, findings.items[i].text);
    if (code == 0)
        code = dpl_capability_start_allowed(&findings, options->force, err);
    dpl_findings_clear(&findings);
    return code;
}

int setup_capture(const struct options *options, struct memory *memory, struct dpl_err *err)
{
    struct dpl_arena_sizes sizes = arena_sizes(options);
    ssize_t arena_bytes = dpl_arena_bytes(&sizes, err);
    dpl_autofd int dir_fd = -1;
    dpl_autofd int run_fd = -1;
    dpl_autofd int lock_fd = -1;
    int code;

    if (arena_bytes < 0)
        return (int)arena_bytes;
    code = runstate_lock(options, &run_fd, &lock_fd, err);
    if (code != 0)
        return code;
    for (uint32_t i = 0; i < options->root_count; i++) {
        code = mount_clear_stale(options->roots[i], err);
        if (code < 0)
            return code;
    }
    code = check_host(options, err);
    if (code != 0)
        return code;
    dir_fd = open(options->roots[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    code = memory_create(memory, (size_t)arena_bytes, err);
    if (code != 0)
        return code;
    memory->shared->run_fd = dpl_fd_steal(&run_fd);
    memory->shared->lock_fd = dpl_fd_steal(&lock_fd);
    code = make_journal(options, memory, dir_fd, err);
    if (code == 0)
        code = dirty_setup(options, memory->shared, err);
    if (code == 0)
        code = read_rules(options, memory->shared, err);
    if (code == 0)
        watch_begin(options, memory->shared);
    if (code == 0)
        code = ownership_take(options, &memory->shared->epoch, err);
    if (code == 0)
        code = mount_all(options, memory->shared, err);
    if (code == 0) {
        code = runstate_publish(options, memory, err);
        if (code != 0)
            unmount_all(options, memory->shared);
    }
    if (code != 0) {
        ownership_give_back();
        memory_unmap(memory);
    }
    return code;
}
