/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link/mirror_source.h"

#include "daemon/link/mirror_walk.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int root_is_empty(const struct dpl_mirror_root *root, struct dpl_err *err)
{
    int fd = openat(root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *d;
    if (!dir) {
        int rc = dpl_err_sys(err, errno, "open the root \"%s\"", root->path);
        dpl_fd_clear(&fd);
        return rc;
    }
    while ((d = readdir(dir)) && !dpl_path_name_ok(d->d_name))
        ;
    closedir(dir);
    return d ? 0
             : dpl_err_set(
                   err, DPL_E_REFUSED,
                   "the root \"%s\" is empty: a mirror would empty the replica too; if that "
                   "is meant, say so",
                   root->path);
}

static int look_at_roots(struct dpl_mirror_source *s, struct dpl_err *err)
{
    for (size_t i = 0; i < s->options.root_count; i++) {
        struct stat st;
        if (fstat(s->roots[i].fd, &st) < 0)
            return dpl_err_sys(err, errno, "look at the root \"%s\"", s->roots[i].path);
        if (i > 0 && st.st_dev != s->dev)
            return dpl_err_set(err, DPL_E_REFUSED,
                               "the root \"%s\" is on another file system than the first",
                               s->roots[i].path);
        s->dev = st.st_dev;
        int rc = s->options.allow_empty ? 0 : root_is_empty(&s->roots[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static bool oid_of(struct dpl_oid *oid, struct dpl_view id)
{
    if (id.size > sizeof oid->bytes)
        return false;
    memcpy(oid->bytes, id.data, id.size);
    oid->size = (uint8_t)id.size;
    return true;
}

static void rejoin(struct dpl_mirror_source *s, struct dpl_view object)
{
    struct dpl_oid oid = {0};
    if (oid_of(&oid, object))
        g_queue_push_tail(&s->rejoin, g_memdup2(&oid, sizeof oid));
}

static int send_begin(struct dpl_mirror_source *s, struct dpl_err *err)
{
    g_autofree char *rules = s->options.rules ? g_malloc(DPL_RULES_TEXT_MAX + 1) : NULL;
    int size = rules ? dpl_rules_format(s->options.rules, rules, DPL_RULES_TEXT_MAX + 1) : 0;
    struct dpl_message m = {.type = DPL_MSG_MIRROR_BEGIN,
                            .has = DPL_M(MIRROR) | DPL_M(KIND) | DPL_M(ORPHANS) | DPL_M(FLAGS),
                            .mirror = s->options.id,
                            .kind = s->options.kind,
                            .orphans = s->options.orphans,
                            .flags = (s->options.test ? DPL_MIRROR_TEST : 0U) |
                                     (s->options.any_loss ? DPL_MIRROR_ANY_LOSS : 0U)};
    if (size < 0)
        return dpl_err_set(err, size, "the rules of the set cannot be said");
    if (s->options.object.size > 0) {
        m.has |= DPL_M(OBJECT);
        m.object = s->options.object;
    }
    if (s->options.cursor.size > 0) {
        m.has |= DPL_M(CURSOR);
        m.cursor = s->options.cursor;
    }
    if (size > 0) {
        m.has |= DPL_M(DATA);
        m.data = (struct dpl_view){(const uint8_t *)rules, (size_t)size};
    }
    return s->options.send(s->options.self, &m, err);
}

/* The root's state, with its number: the target may not know its id yet. */
static int send_root(struct dpl_mirror_source *s, const struct dpl_mirror_root *root,
                     struct dpl_err *err)
{
    struct dpl_mirror_handle handle;
    struct dpl_oid oid;
    struct stat st;
    int rc = dpl_mirror_handle_get(root->fd, "", &handle, &oid, err);
    if (rc < 0)
        return rc;
    ssize_t size = dpl_mirror_root_state(root->fd, dpl_oid_view(&oid), root->number, root->path,
                                         s->desk.state, DPL_MIRROR_STATE_ROOM, &st, err);
    if (size < 0)
        return (int)size;
    struct dpl_message m = {.type = DPL_MSG_MIRROR_ITEM,
                            .has = DPL_M(MIRROR) | DPL_M(ROOT) | DPL_M(DATA),
                            .mirror = s->options.id,
                            .root = root->number,
                            .data = {s->desk.state, (size_t)size}};
    rc = s->options.send(s->options.self, &m, err);
    if (rc < 0)
        return rc;
    dpl_idset_add(&s->sent, dpl_oid_view(&oid));
    s->count.objects++;
    dpl_mirror_wait_for(s, &handle, &oid,
                        s->options.rules ? dpl_rules_find(s->options.rules, root->path)
                                         : dpl_mirror_everything(),
                        false);
    return 0;
}

int dpl_mirror_source_open(struct dpl_mirror_source **source_r,
                           const struct dpl_mirror_options *options, struct dpl_err *err)
{
    struct dpl_mirror_source *s = g_new0(struct dpl_mirror_source, 1);
    s->options = *options;
    s->roots = g_memdup2(options->roots, options->root_count * sizeof *options->roots);
    s->options.roots = s->roots;
    s->desk = (struct dpl_mirror_desk){.options = &s->options,
                                       .count = &s->count,
                                       .buffer = g_malloc(DPL_MIRROR_BYTES_MAX),
                                       .state = g_malloc(DPL_MIRROR_STATE_ROOM)};
    dpl_mirror_batch_init(&s->batch, options->files);
    dpl_idset_init(&s->sent, options->seed);
    dpl_idset_init(&s->copied, options->seed);
    int rc = look_at_roots(s, err);
    if (rc == 0)
        rc = send_begin(s, err);
    for (size_t i = dpl_mirror_of_object(s) ? 0 : options->root_count; i > 0 && rc == 0; i--)
        rc = send_root(s, &s->roots[i - 1], err);
    if (dpl_mirror_of_object(s))
        rejoin(s, s->options.object);
    if (rc < 0) {
        dpl_mirror_source_close(s);
        return rc;
    }
    *source_r = s;
    return 0;
}

void dpl_mirror_source_close(struct dpl_mirror_source *s)
{
    if (!s)
        return;
    dpl_mirror_leave_directory(s);
    g_queue_clear_full(&s->waiting, g_free);
    g_queue_clear_full(&s->jobs, (GDestroyNotify)dpl_mirror_job_free);
    g_queue_clear_full(&s->rejoin, g_free);
    dpl_idset_done(&s->sent);
    dpl_idset_done(&s->copied);
    dpl_mirror_batch_done(&s->batch);
    g_free(s->desk.buffer);
    g_free(s->desk.state);
    g_free(s->roots);
    g_free(s);
}

/* Where an object is now, for the rules. False if that is in no root. */
static bool find_rules(const struct dpl_mirror_source *s, int fd, bool is_dir,
                       struct dpl_rules_at *at)
{
    g_autofree char *path = dpl_path_of_dir(fd);
    if (!path)
        return false;
    bool beneath = s->options.rules != NULL;
    for (size_t i = 0; i < s->options.root_count && !beneath; i++)
        beneath = dpl_path_is_beneath(path, s->roots[i].path);
    *at = s->options.rules ? dpl_rules_find(s->options.rules, path) : dpl_mirror_everything();
    return beneath && dpl_mirror_belongs(*at, is_dir);
}

/* An object by its id: its state, and all beneath it. */
static int send_by_id(struct dpl_mirror_source *s, const struct dpl_oid *oid, struct dpl_err *err)
{
    struct dpl_mirror_handle handle;
    struct dpl_rules_at at = dpl_mirror_everything();
    struct stat st;
    struct dpl_view none = {0};
    int rc = dpl_mirror_handle_of(dpl_oid_view(oid), &handle, err);
    dpl_autofd int fd = rc < 0 ? rc : dpl_mirror_handle_open(s->roots[0].fd, &handle, O_PATH, err);
    if (fd < 0)
        return fd == DPL_E_NOT_FOUND ? 0 : fd;
    if (fstat(fd, &st) < 0)
        return 0;
    bool is_dir = S_ISDIR(st.st_mode);
    bool known = (!is_dir && !dpl_mirror_of_object(s)) || find_rules(s, fd, is_dir, &at);
    if (!known && dpl_mirror_of_object(s))
        return dpl_err_set(err, DPL_E_REFUSED, "where an object stands cannot be known here");
    if (!known)
        return 0;
    rc = dpl_mirror_send_object(s, fd, &handle, oid, at, none, err);
    return rc == DPL_E_NOT_FOUND ? 0 : rc;
}

static int send_again(struct dpl_mirror_source *s, struct dpl_err *err)
{
    g_autofree struct dpl_oid *oid = g_queue_pop_head(&s->rejoin);
    return send_by_id(s, oid, err);
}

int dpl_mirror_source_step(struct dpl_mirror_source *s, struct dpl_err *err)
{
    struct dpl_mirror_job *job = g_queue_peek_head(&s->jobs);
    int rc;
    if (job) {
        rc = dpl_mirror_job_step(job, &s->desk, err);
        if (rc <= 0)
            dpl_mirror_job_free(g_queue_pop_head(&s->jobs));
        return rc < 0 ? rc : 1;
    }
    if (s->dir)
        rc = dpl_mirror_walk_some(s, err);
    else if (!g_queue_is_empty(&s->rejoin))
        rc = send_again(s, err);
    else if (!g_queue_is_empty(&s->waiting))
        rc = dpl_mirror_enter_directory(s, err);
    else
        return 0;
    return rc < 0 ? rc : 1;
}

static bool aligned(struct dpl_view ranges)
{
    uint64_t offset, length;
    while (dpl_mirror_ranges_next(&ranges, &offset, &length) > 0)
        if (offset % DPL_MIRROR_ALIGN != 0)
            return false;
    return true;
}

int dpl_mirror_source_need(struct dpl_mirror_source *s, const struct dpl_message *need,
                           struct dpl_err *err)
{
    if (!dpl_idset_has(&s->sent, need->object) && !dpl_idset_has(&s->copied, need->object))
        return dpl_err_set(err, DPL_E_CORRUPT, "the target asks for an object that was not sent");
    if (!aligned(need->data))
        return dpl_err_set(err, DPL_E_CORRUPT, "the target asks for a part of a block");
    if (need->level == DPL_MIRROR_NEED_ITEM) {
        rejoin(s, need->object);
        return 0;
    }
    g_queue_push_tail(&s->jobs,
                      dpl_mirror_job_new(need->object,
                                         need->level == DPL_MIRROR_NEED_SUMS ? DPL_MIRROR_AS_FINE
                                                                             : DPL_MIRROR_AS_DATA,
                                         need->data));
    return 0;
}

/* The record will give it a name: it is there before. */
static int join(struct dpl_mirror_source *s, struct dpl_view object, struct dpl_err *err)
{
    struct dpl_oid oid = {0};
    if (dpl_idset_has(&s->sent, object) || !oid_of(&oid, object))
        return 0;
    return send_by_id(s, &oid, err);
}

/* The outcome of an op whose place in the stream has passed: its record cannot give the name. The
 * directory is listed once more. */
static void list_again(struct dpl_mirror_source *s, const struct dpl_record *r)
{
    if (r->has & DPL_F_PARENT)
        rejoin(s, r->parent);
    if (r->has & DPL_F_PARENT2)
        rejoin(s, r->parent2);
}

/* Bytes may be copied at the target from an object whose content has not come yet: what was copied
 * is compared behind it. */
static void compare_copy(struct dpl_mirror_source *s, const struct dpl_record *r)
{
    uint64_t from = r->offset / DPL_MIRROR_ALIGN * DPL_MIRROR_ALIGN;
    uint64_t end = (r->offset + r->length + DPL_MIRROR_ALIGN - 1) / DPL_MIRROR_ALIGN;
    uint8_t range[16];
    ssize_t size =
        dpl_mirror_ranges_append(range, 0, sizeof range, from, end * DPL_MIRROR_ALIGN - from);
    dpl_idset_add(&s->copied, r->object);
    if (size > 0)
        g_queue_push_tail(&s->jobs, dpl_mirror_job_new(r->object, DPL_MIRROR_AS_FINE,
                                                       (struct dpl_view){range, (size_t)size}));
}

int dpl_mirror_source_before(struct dpl_mirror_source *s, const struct dpl_record *record,
                             struct dpl_err *err)
{
    struct dpl_record r = *record;
    bool late = r.type == DPL_R_OUTCOME;
    int rc = 0;
    if (late)
        dpl_record_resolve(&r);
    if (r.outcome != DPL_OUTCOME_OK)
        return 0;
    if (r.type == DPL_R_CREATE && dpl_idset_has(&s->sent, r.parent))
        dpl_idset_add(&s->sent, r.object);
    if (r.type == DPL_R_COPY && r.object.size <= DPL_OID_MAX)
        compare_copy(s, &r);
    if ((r.type != DPL_R_RENAME && r.type != DPL_R_LINK) || dpl_mirror_of_object(s))
        return 0; /* all but one are there */
    bool known = dpl_idset_has(&s->sent, r.object);
    if (late && !known)
        list_again(s, &r);
    rc = join(s, r.object, err);
    if (rc == 0 && (r.has & DPL_F_OBJECT2) && (r.flags & DPL_RF_EXCHANGE))
        rc = join(s, r.object2, err);
    return rc;
}

bool dpl_mirror_source_walked(const struct dpl_mirror_source *s)
{
    return !s->dir && !s->waiting.head && !s->jobs.head && !s->rejoin.head;
}

void dpl_mirror_source_count(const struct dpl_mirror_source *s, struct dpl_mirror_count *count_r)
{
    *count_r = s->count;
    count_r->waiting = s->waiting.length;
}
