/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Opening a replica: what is there is read, what a crash left is finished.
 */
#include "daemon/apply/apply-private.h"
#include "daemon/apply/replica-private.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/proto/message.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_dir(int dir_fd, const char *name, struct dpl_err *err)
{
    if (mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST)
        return dpl_err_sys(err, errno, "make the directory \"%s\"", name);
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? dpl_err_sys(err, errno, "open the directory \"%s\"", name) : fd;
}

/* A replica without a state is a new one, and has nothing else either. */
static int state_new(struct dpl_replica *r, struct dpl_err *err)
{
    struct dpl_segment_entry *list = NULL;
    ssize_t segments = dpl_segments_list(r->queue_fd, &list, err);
    free(list);
    if (segments < 0)
        return (int)segments;
    if (segments > 0 || faccessat(r->options.dir_fd, DPL_MAP_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return dpl_err_set(err, DPL_E_CORRUPT,
                           "the replica has a queue or a map but no state: set it up anew");
    struct dpl_replica_state *s = &r->state;
    memset(s, 0, sizeof *s);
    if (getrandom(s->replica, sizeof s->replica, 0) != sizeof s->replica)
        return dpl_err_sys(err, errno, "getrandom");
    g_strlcpy(s->set, r->options.set, sizeof s->set);
    dpl_replica_need_mirror(r, DPL_COMPARE_NEW);
    return dpl_replica_save(r, err);
}

static int state_open(struct dpl_replica *r, struct dpl_err *err)
{
    int rc = dpl_replica_state_load(&r->state, r->options.dir_fd, err);
    if (rc == DPL_E_NOT_FOUND)
        return state_new(r, err);
    if (rc == 0 && strcmp(r->state.set, r->options.set) != 0)
        rc = dpl_err_set(err, DPL_E_REFUSED, "this is the replica of the set \"%s\"", r->state.set);
    return rc;
}

/* The map, or what the tags say. */
static int map_open(struct dpl_replica *r, struct dpl_err *err)
{
    dpl_map_init(&r->map, r->options.dir_fd, r->state.replica, r->options.io);
    /* A mirror made objects that no record names: their tags do. */
    bool unfinished = r->state.mirror != 0 && r->state.mirror_end.epoch == 0;
    if (r->state.map_bytes == 0 && r->state.count == 0) {
        r->objects->now = (struct dpl_position){0};
        return 0; /* nothing was ever received */
    }
    int rc = dpl_map_load(&r->map, r->state.map_generation, r->state.map_bytes, r->objects,
                          &r->wants, err);
    if (rc != DPL_E_CORRUPT && !(rc == 0 && unfinished))
        return rc;
    if (rc == DPL_E_CORRUPT && r->state.map_bytes > 0) {
        r->state.flags |= DPL_REPLICA_LOST_MAP;
        dpl_replica_mirror_void(r);
    }
    return dpl_apply_scan(r->apply, err);
}

static bool is_empty(int dir_fd)
{
    DIR *dir = fdopendir(
        dpl_path_open_beneath(dir_fd, ".", O_RDONLY | O_DIRECTORY, 0, DPL_PATH_SAME_MOUNT, NULL));
    bool any = !dir;
    struct dirent *d;
    while (dir && !any && (d = readdir(dir)))
        any = dpl_path_name_ok(d->d_name);
    if (dir)
        closedir(dir);
    return !any;
}

bool dpl_replica_is_empty(const struct dpl_replica *r)
{
    bool empty = r->state.count == 0;
    for (size_t i = 0; i < r->apply->options.count && empty; i++)
        empty = is_empty(r->apply->roots[i].fd);
    return empty;
}

/* The directories are those that the map knows, and hold something if it knows of something: else
 * another disk is mounted here, or somebody emptied them. */
static int check_roots(const struct dpl_replica *r, struct dpl_err *err)
{
    GHashTableIter iter;
    gpointer value;
    guint known = 0;
    bool empty = true;
    for (size_t i = 0; i < r->options.count; i++)
        empty &= is_empty(r->options.roots[i].fd);
    g_hash_table_iter_init(&iter, r->objects->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const struct dpl_object *object = value;
        struct stat st;
        size_t i = 0;
        while (object->root && i < r->options.count &&
               (fstat(r->options.roots[i].fd, &st) < 0 || st.st_ino != object->ino))
            i++;
        if (object->root && i == r->options.count)
            return dpl_err_set(err, DPL_E_REFUSED,
                               "root %u is not the directory that it was: is its disk mounted?",
                               object->root - 1);
        known += !object->root;
    }
    if (known > 0 && empty && (r->state.flags & DPL_REPLICA_CLEAN) && is_empty(r->objects_fd))
        return dpl_err_set(err, DPL_E_REFUSED,
                           "the replica's roots are empty, but held %u objects when it was left",
                           known);
    return 0;
}

/* The queue of the last epoch, to its last valid record. */
static int queue_open(struct dpl_replica *r, struct dpl_err *err)
{
    struct dpl_replica_epoch *last = dpl_replica_state_last(&r->state);
    dpl_queue_init(&r->queue, r->queue_fd, &r->options.queue, r->options.io);
    if (!last || last->ended == DPL_REPLICA_LEFT)
        return 0;
    uint64_t from =
        r->state.checkpoint.epoch == last->epoch.number ? r->state.checkpoint.lsn : last->begin;
    int rc = dpl_queue_recover(&r->queue, &last->epoch, from, err);
    /* The state is written before the queue is begun. */
    if (rc == DPL_E_NOT_FOUND && from == last->begin)
        return dpl_queue_begin(&r->queue, &last->epoch, last->begin, last->begin_chain, err);
    if (rc == DPL_E_CORRUPT || rc == DPL_E_NOT_FOUND || rc == DPL_E_PARAM) {
        last->ended = DPL_REPLICA_LEFT;
        last->end = r->queue.received;
        last->end_chain = r->queue.chain;
        dpl_replica_need_mirror(r, DPL_COMPARE_LOST);
        return dpl_replica_save(r, err);
    }
    if (rc == 0 && last->ended && r->queue.received != last->end) {
        last->ended = 0;
        last->end = last->end_chain = 0;
    }
    return rc;
}

static void positions_open(struct dpl_replica *r)
{
    struct dpl_replica_epoch *last = dpl_replica_state_last(&r->state);
    if (dpl_position_below(r->state.checkpoint, r->map.checkpoint) &&
        dpl_replica_find_epoch(r, r->map.checkpoint.epoch) >= 0)
        r->state.checkpoint = r->map.checkpoint;
    if (last && r->state.checkpoint.epoch == 0)
        r->state.checkpoint =
            (struct dpl_position){r->state.epochs[0].epoch.number, r->state.epochs[0].begin};
    r->applied = r->state.checkpoint;
}

int dpl_replica_open(struct dpl_replica **replica_r, const struct dpl_replica_options *options,
                     struct dpl_err *err)
{
    struct dpl_replica *r = g_new0(struct dpl_replica, 1);
    r->options = *options;
    r->queue_fd = r->objects_fd = r->map.fd = r->queue.segments.fd = -1;
    dpl_wants_init(&r->wants);
    int rc = 0;
    if (faccessat(options->dir_fd, "undo", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        rc = dpl_err_set(err, DPL_E_VERSION, "the replica has an undo, which this version lacks");
    if (rc == 0)
        rc = dpl_replica_begin_life(options->dir_fd, options->life, err);
    if (rc == 0)
        rc = r->queue_fd = open_dir(options->dir_fd, "queue", err);
    if (rc >= 0)
        rc = r->objects_fd = open_dir(options->dir_fd, "objects", err);
    if (rc >= 0)
        rc = state_open(r, err);
    struct dpl_apply_options apply = {.reserve_fd = r->objects_fd,
                                      .roots = options->roots,
                                      .count = options->count,
                                      .allow_setid = options->allow_setid,
                                      .allow_devices = options->allow_devices,
                                      .checkpoint = dpl_replica_barrier,
                                      .life = r->state.replica,
                                      .self = r};
    if (rc >= 0)
        rc = dpl_apply_open(&r->apply, &apply, err);
    if (rc >= 0) {
        r->objects = dpl_apply_objects(r->apply);
        rc = map_open(r, err);
    }
    if (rc >= 0)
        rc = check_roots(r, err);
    if (rc >= 0)
        positions_open(r);
    if (rc >= 0)
        rc = queue_open(r, err);
    if (rc >= 0)
        rc = dpl_replica_recover(r, err);
    if (rc < 0) {
        dpl_replica_close(r);
        return rc;
    }
    *replica_r = r;
    return 0;
}

void dpl_replica_close(struct dpl_replica *r)
{
    if (!r)
        return;
    dpl_checkpoint_abandon(r);
    dpl_replica_reader_close(r);
    dpl_queue_done(&r->queue);
    dpl_map_done(&r->map);
    dpl_apply_close(r->apply);
    dpl_wants_done(&r->wants);
    g_clear_pointer(&r->wanted_again, g_hash_table_destroy);
    dpl_fd_clear(&r->queue_fd);
    dpl_fd_clear(&r->objects_fd);
    g_free(r);
}
