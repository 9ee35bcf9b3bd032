/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/prop/mirrorrig.h"

#include "lib/proto/frame.h"
#include "tests/lib/treecmp.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct link {
    struct mirrorrig *rig;
    GQueue to_target, to_source; /* GBytes of frames */
    struct dpl_mirror_source *source;
    struct dpl_mirror_target *target;
    struct dpl_apply *apply;
    struct dpl_rules *rules;
    bool over;
};

static int subdir(int base, const char *name)
{
    mkdirat(base, name, 0755);
    return openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void mirrorrig_init(struct mirrorrig *rig, uint64_t seed, unsigned round)
{
    char name[32];
    memset(rig, 0, sizeof *rig);
    snprintf(name, sizeof name, "round%u", round);
    int base = open(unit_tempdir(), O_PATH | O_DIRECTORY | O_CLOEXEC), dir = subdir(base, name);
    rig->rng.state = seed;
    rig->source = subdir(dir, "source");
    rig->replica = subdir(dir, "replica");
    rig->reserve = subdir(dir, ".doppel");
    rig->orphans = subdir(dir, "orphans");
    rig->kind = DPL_MIRROR_CHECKSUM;
    rig->policy = DPL_ORPHANS_DELETE;
    rig->max_delete = 100;
    close(dir);
    close(base);
}

void mirrorrig_done(struct mirrorrig *rig)
{
    close(rig->source);
    close(rig->replica);
    close(rig->reserve);
    close(rig->orphans);
}

static int put(GQueue *queue, const struct dpl_message *m, struct dpl_err *err)
{
    size_t size = dpl_message_frame_bytes(m);
    uint8_t *frame = g_malloc(size);
    ssize_t rc = dpl_message_encode(m, frame, size, err);
    if (rc != (ssize_t)size) {
        g_free(frame);
        return rc < 0 ? (int)rc : DPL_E_FAILED;
    }
    g_queue_push_tail(queue, g_bytes_new_take(frame, size));
    return 0;
}

static int to_target(void *self, const struct dpl_message *m, struct dpl_err *err)
{
    return put(&((struct link *)self)->to_target, m, err);
}

static int to_source(void *self, const struct dpl_message *m, struct dpl_err *err)
{
    return put(&((struct link *)self)->to_source, m, err);
}

/* The next frame as a message; the bytes live as long as what is returned. */
static GBytes *take(GQueue *queue, struct dpl_message *m, struct dpl_err *err, int *rc)
{
    GBytes *bytes = g_queue_pop_head(queue);
    gsize size;
    const uint8_t *frame = g_bytes_get_data(bytes, &size);
    unsigned type, flags;
    size_t body;
    *rc = dpl_frame_head_decode(frame, DPL_FRAME_BODY_MAX, &type, &flags, &body, err);
    if (*rc == 0)
        *rc = dpl_message_decode(m, type, frame + DPL_FRAME_HEAD, body, err);
    return bytes;
}

static int at_target(struct link *l, struct dpl_err *err)
{
    struct dpl_message m = {0};
    int rc;
    g_autoptr(GBytes) bytes = take(&l->to_target, &m, err, &rc);
    if (rc < 0)
        return rc;
    if (m.type == DPL_MSG_MIRROR_BEGIN) {
        static const struct dpl_mirror_place place = {.number = 7, .source = "/source"};
        struct dpl_mirror_target_options options = {.apply = l->apply,
                                                    .seed = 5,
                                                    .places = &place,
                                                    .place_count = 1,
                                                    .orphans_fd = l->rig->orphans,
                                                    .max_delete = l->rig->max_delete,
                                                    .send = to_source,
                                                    .self = l};
        return dpl_mirror_target_open(&l->target, &options, &m, err);
    }
    rc = dpl_mirror_target_message(l->target, 1, 8, &m, err);
    l->over |= rc > 0;
    return rc < 0 ? rc : 0;
}

static void keep_paths(struct mirrorrig *rig, struct dpl_view list)
{
    struct dpl_view path;
    size_t used = strlen(rig->paths);
    while (dpl_mirror_paths_next(&list, &path) > 0 && used + path.size + 2 < sizeof rig->paths) {
        memcpy(rig->paths + used, path.data, path.size);
        used += path.size;
        rig->paths[used++] = '\n';
        rig->paths[used] = '\0';
    }
}

static int send_end(struct link *l, struct dpl_err *err)
{
    struct dpl_message m = {.type = DPL_MSG_MIRROR_END,
                            .has = DPL_M(MIRROR) | DPL_M(EPOCH_TAG) | DPL_M(LSN),
                            .mirror = 77,
                            .lsn = 8};
    return to_target(l, &m, err);
}

/* What the session will do: the end is said when all was walked, and again when it was answered. */
static int at_source(struct link *l, bool *ended, struct dpl_err *err)
{
    struct dpl_message m = {0};
    int rc;
    g_autoptr(GBytes) bytes = take(&l->to_source, &m, err, &rc);
    if (rc < 0)
        return rc;
    if (m.type == DPL_MSG_MIRROR_NEED)
        return dpl_mirror_source_need(l->source, &m, err);
    if (m.type == DPL_MSG_MIRROR_PROGRESS && (m.has & DPL_M(FLAGS)) && m.flags & DPL_MIRROR_MORE)
        *ended = false;
    if (m.type == DPL_MSG_MIRROR_RESULT && (m.has & DPL_M(DATA)))
        keep_paths(l->rig, m.data);
    return 0;
}

static int turn(struct link *l, bool *ended, struct dpl_err *err)
{
    struct mirrorrig *rig = l->rig;
    switch (rng_below(&rig->rng, 3)) {
    case 0:
        return g_queue_is_empty(&l->to_target) ? 0 : at_target(l, err);
    case 1:
        return g_queue_is_empty(&l->to_source) ? 0 : at_source(l, ended, err);
    default:
        break;
    }
    int rc = dpl_mirror_source_step(l->source, err);
    if (rc == 0 && !*ended && g_queue_is_empty(&l->to_source) &&
        dpl_mirror_source_walked(l->source)) {
        *ended = true;
        return send_end(l, err);
    }
    return rc < 0 ? rc : 0;
}

static int run(struct link *l, struct dpl_err *err)
{
    struct mirrorrig *rig = l->rig;
    struct dpl_mirror_root root = {.number = 7, .fd = rig->source, .path = "/source"};
    struct dpl_mirror_options options = {.id = 77,
                                         .kind = rig->kind,
                                         .orphans = rig->policy,
                                         .test = rig->test,
                                         .allow_empty = rig->allow_empty,
                                         .files = !rng_one_in(&rig->rng, 3),
                                         .seed = 3,
                                         .roots = &root,
                                         .root_count = 1,
                                         .send = to_target,
                                         .self = l};
    bool ended = false;
    int rc = rig->rules ? dpl_rules_parse(&l->rules, rig->rules, strlen(rig->rules), err) : 0;
    options.rules = l->rules;
    if (rc == 0)
        rc = dpl_mirror_source_open(&l->source, &options, err);
    while (rc == 0 && (!l->over || !g_queue_is_empty(&l->to_source)))
        rc = turn(l, &ended, err);
    if (l->target)
        dpl_mirror_target_count(l->target, &rig->count);
    if (l->source)
        dpl_mirror_source_count(l->source, &rig->source_count);
    dpl_mirror_source_close(l->source);
    return rc;
}

int mirrorrig_run(struct mirrorrig *rig)
{
    struct link l = {.rig = rig};
    struct dpl_apply_root root = {.number = 7, .fd = rig->replica};
    struct dpl_apply_options options = {.reserve_fd = rig->reserve,
                                        .roots = &root,
                                        .count = 1,
                                        .allow_setid = true,
                                        .allow_devices = true};
    memset(&rig->err, 0, sizeof rig->err);
    rig->paths[0] = '\0';
    int rc = dpl_apply_open(&l.apply, &options, &rig->err);
    if (rc == 0)
        rc = run(&l, &rig->err);
    dpl_mirror_target_close(l.target);
    dpl_rules_free(l.rules);
    dpl_apply_close(l.apply);
    g_queue_clear_full(&l.to_target, (GDestroyNotify)g_bytes_unref);
    g_queue_clear_full(&l.to_source, (GDestroyNotify)g_bytes_unref);
    return rc;
}

static void print_difference(void *arg, const char *path, const char *what)
{
    (void)arg;
    printf("  %s: %s\n", path, what);
}

long mirrorrig_compare(struct mirrorrig *rig)
{
    static const char *const skip[] = {"trusted.", NULL}; /* no mirror's */
    struct treecmp_options options = {.what = TREECMP_DEFAULT,
                                      .skip_xattrs = skip,
                                      .max_reports = 20,
                                      .report = print_difference};
    struct treecmp_result result = {0};
    int rc = treecmp(rig->source, rig->replica, &options, &result, &rig->err);
    return rc < 0 ? rc : result.differences;
}
