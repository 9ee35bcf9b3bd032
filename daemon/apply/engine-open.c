/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From the daemon's start document to an open replica, guards first.
 */
#include "daemon/apply/engine.h"
#include "daemon/apply/guard.h"
#include "lib/base/fd.h"

#include <string.h>
#include <sys/stat.h>

enum { DEFAULT_WINDOW = 16 << 20, ROOTS_MAX = 64 };

/* What a root is at the source and here. */
struct place {
    const char *source, *target;
};

static uint64_t number(const struct dpl_doc *start, const char *key, uint64_t fallback)
{
    int64_t value = dpl_doc_int(start, key, -1);
    return value > 0 ? (uint64_t)value : fallback;
}

/* The pairs of the map; without one each configured root stands for itself. */
static int places(const struct dpl_doc *start, struct place list[ROOTS_MAX], struct dpl_err *err)
{
    const struct dpl_doc *map = dpl_doc_list(start, "map");
    const struct dpl_doc *roots = dpl_doc_list(start, "target_roots");
    size_t count = dpl_doc_count(map) ? dpl_doc_count(map) : dpl_doc_count(roots);
    if (count == 0 || count > ROOTS_MAX)
        return dpl_err_set(err, DPL_E_PARAM, "the set has %zu roots here, not 1 to %d", count,
                           ROOTS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (dpl_doc_count(map)) {
            list[i].source = dpl_doc_text(dpl_doc_at(map, i), "source");
            list[i].target = dpl_doc_text(dpl_doc_at(map, i), "target");
        } else {
            list[i].source = list[i].target = dpl_doc_as_text(dpl_doc_at(roots, i));
        }
        if (!list[i].source || !list[i].target)
            return dpl_err_set(err, DPL_E_PARAM, "root %zu of the set has no path", i);
    }
    return (int)count;
}

/* Queue, map and undo are of one file system. */
static int check_disk(int fd, const char *path, int first_fd, const char *first,
                      struct dpl_err *err)
{
    struct stat st, st_first;
    if (fstat(fd, &st) < 0 || fstat(first_fd, &st_first) < 0)
        return dpl_err_sys(err, errno, "look at the root \"%s\"", path);
    return st.st_dev == st_first.st_dev
               ? 0
               : dpl_err_set(err, DPL_E_REFUSED,
                             "the root \"%s\" is on another file system than \"%s\": a set lies "
                             "on one at each site",
                             path, first);
}

static int open_roots(struct dpl_engine *e, const struct place *list, int count,
                      struct dpl_apply_root *roots, struct dpl_err *err)
{
    const struct dpl_doc *allowed = dpl_doc_list(e->opened, "target_roots");
    g_autofree const char **texts = g_new0(const char *, dpl_doc_count(allowed) + 1);
    for (size_t i = 0; i < dpl_doc_count(allowed); i++) {
        const char *text = dpl_doc_as_text(dpl_doc_at(allowed, i));
        texts[i] = text ? text : "";
    }
    e->places = g_new0(struct dpl_mirror_place, (size_t)count);
    e->place_count = (size_t)count;
    for (int i = 0; i < count; i++) {
        int fd = dpl_guard_root(list[i].target, texts, dpl_doc_count(allowed),
                                dpl_doc_text(e->opened, "fs_uuid"), err);
        if (fd < 0)
            return fd;
        g_array_append_val(e->root_fds, fd);
        int rc =
            check_disk(fd, list[i].target, g_array_index(e->root_fds, int, 0), list[0].target, err);
        if (rc < 0)
            return rc;
        roots[i] = (struct dpl_apply_root){.number = (uint32_t)i, .fd = fd};
        e->places[i] = (struct dpl_mirror_place){.number = (uint32_t)i, .source = list[i].source};
        if (!dpl_doc_bool(e->opened, "by_number", false))
            roots[i].path = list[i].source;
    }
    return 0;
}

static int open_replica(struct dpl_engine *e, const struct dpl_apply_root *roots, int count,
                        struct dpl_err *err)
{
    const struct dpl_doc *c = e->opened;
    uint64_t queue_max_bytes = number(c, "queue_max_bytes", 20ULL << 30);
    e->window_bytes = number(c, "window_bytes", DEFAULT_WINDOW);
    struct dpl_replica_options options = {
        .set = dpl_doc_text(c, "set"),
        .dir_fd = e->reserve_fd,
        .roots = roots,
        .count = (size_t)count,
        .allow_setid = dpl_doc_bool(c, "allow_setid", false),
        .allow_devices = dpl_doc_bool(c, "allow_devices", false),
        .queue = {.segment_bytes =
                      number(c, "segment_bytes", dpl_segment_bytes_within(queue_max_bytes)),
                  .max_bytes = queue_max_bytes,
                  .min_free_bytes = number(c, "min_free_bytes", 64 << 20)},
        .checkpoint_bytes = number(c, "checkpoint_bytes", 256 << 20),
        .checkpoint_ms = (int64_t)number(c, "checkpoint_ms", 5000),
        .clock = e->clock,
        .io = &dpl_segment_io_system,
        .life = dpl_doc_int(c, "life", 0),
        .helper = e->helper.fd < 0 ? NULL : &e->helper.calls,
    };
    return dpl_replica_open(&e->replica, &options, err);
}

int dpl_engine_open(struct dpl_engine *e, struct dpl_err *err)
{
    struct place list[ROOTS_MAX];
    struct dpl_apply_root roots[ROOTS_MAX];
    dpl_doc_free(e->opened);
    e->opened = dpl_doc_copy(e->config); /* its texts are used as long as the replica is open */
    const char *set = dpl_doc_text(e->opened, "set");
    int count =
        set ? places(e->opened, list, err) : dpl_err_set(err, DPL_E_PARAM, "start names no set");
    int rc = count < 0 ? count : open_roots(e, list, count, roots, err);
    if (rc == 0)
        rc = e->reserve_fd = dpl_guard_reserve(list[0].target, roots[0].fd, set, err);
    if (rc >= 0)
        rc = e->lock_fd = dpl_guard_lock(e->reserve_fd, dpl_doc_text(e->opened, "node"),
                                         dpl_doc_text(e->opened, "instance"), err);
    if (rc >= 0)
        rc = open_replica(e, roots, count, err);
    if (rc < 0)
        dpl_engine_shut(e);
    return rc < 0 ? rc : 0;
}

void dpl_engine_shut(struct dpl_engine *e)
{
    if (e->replica)
        dpl_engine_mirror_leave(e, "the replica is closed");
    dpl_fd_clear(&e->mirror.orphans_fd);
    g_clear_pointer(&e->places, g_free);
    e->place_count = 0;
    g_clear_pointer(&e->replica, dpl_replica_close);
    for (guint i = 0; i < e->root_fds->len; i++)
        dpl_fd_clear(&g_array_index(e->root_fds, int, i));
    g_array_set_size(e->root_fds, 0);
    g_byte_array_set_size(e->held, 0);
    dpl_fd_clear(&e->lock_fd);
    dpl_fd_clear(&e->reserve_fd);
    g_clear_pointer(&e->opened, dpl_doc_free);
}
