/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/apply.h"

#include "daemon/apply/apply-private.h"
#include "daemon/apply/names.h"
#include "lib/base/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BARRIER_FILE "barrier"

static int barrier_read(struct dpl_apply *a, struct dpl_err *err)
{
    g_autofree char *text = NULL;
    size_t size;
    int rc = dpl_file_read(a->options.reserve_fd, BARRIER_FILE, 64, &text, &size, err);
    if (rc == DPL_E_NOT_FOUND)
        return 0;
    if (rc < 0)
        return rc;
    if (sscanf(text, "%" SCNx64 " %" SCNx64, &a->barrier_epoch, &a->barrier_lsn) != 2)
        return dpl_err_set(err, DPL_E_CORRUPT, "\"%s\" in the reserved directory is damaged",
                           BARRIER_FILE);
    return 0;
}

int dpl_apply_barrier(struct dpl_apply *a, uint64_t epoch, uint64_t lsn, struct dpl_err *err)
{
    char text[64];
    if (a->options.checkpoint)
        return a->options.checkpoint(a->options.self, epoch, lsn, err);
    int size = snprintf(text, sizeof text, "%016" PRIx64 " %016" PRIx64 "\n", epoch, lsn);
    if (syncfs(a->options.reserve_fd) < 0)
        return dpl_err_sys(err, errno, "sync the replica");
    int rc = dpl_file_replace(a->options.reserve_fd, BARRIER_FILE, text, (size_t)size, 0600, err);
    if (rc == 0) {
        a->barrier_epoch = epoch;
        a->barrier_lsn = lsn;
    }
    return rc;
}

/* A root that has its tag is known by it. */
static int root_enter(struct dpl_apply *a, const struct dpl_apply_root *root, struct dpl_err *err)
{
    uint8_t id[DPL_OID_MAX];
    struct dpl_object *object;
    ssize_t size = dpl_objects_read_tag(&a->objects, root->fd, NULL, id);
    if (size == 0 || dpl_objects_at(&a->objects, root->fd, NULL))
        return 0;
    int rc = dpl_objects_enter(&a->objects, (struct dpl_view){id, (size_t)size}, root->fd, NULL,
                               &object, err);
    if (rc == 0 && !root->path)
        object->root = root->number + 1;
    return rc;
}

int dpl_apply_enter_roots(struct dpl_apply *a, struct dpl_err *err)
{
    int rc = 0;
    for (size_t i = 0; i < a->options.count && rc == 0; i++)
        rc = root_enter(a, &a->roots[i], err);
    return rc;
}

int dpl_apply_scan(struct dpl_apply *a, struct dpl_err *err)
{
    int rc = dpl_objects_scan(&a->objects, a->options.reserve_fd, true, err);
    if (rc == 0)
        rc = dpl_apply_enter_roots(a, err);
    for (size_t i = 0; i < a->options.count && rc == 0; i++)
        rc = dpl_objects_scan(&a->objects, a->roots[i].fd, true, err);
    return rc;
}

int dpl_apply_open(struct dpl_apply **apply_r, const struct dpl_apply_options *options,
                   struct dpl_err *err)
{
    struct dpl_apply *a = g_new0(struct dpl_apply, 1);
    a->options = *options;
    a->roots = g_memdup2(options->roots, options->count * sizeof *options->roots);
    a->options.roots = a->roots;
    int rc = dpl_objects_init(&a->objects, options->reserve_fd, err);
    if (rc == 0 && options->life) {
        memcpy(a->objects.life, options->life, sizeof a->objects.life);
        a->objects.has_life = true;
    }
    if (rc == 0 && !options->checkpoint)
        rc = dpl_apply_scan(a, err);
    if (rc == 0 && !options->checkpoint)
        rc = barrier_read(a, err);
    if (rc < 0) {
        dpl_apply_close(a);
        return rc;
    }
    *apply_r = a;
    return 0;
}

void dpl_apply_before(struct dpl_apply *a,
                      int (*before)(void *self, struct dpl_object *object, int fd,
                                    struct dpl_err *err),
                      void *self)
{
    a->before = before;
    a->before_self = self;
}

void dpl_apply_close(struct dpl_apply *a)
{
    if (!a)
        return;
    if (a->objects.by_id)
        dpl_objects_done(&a->objects);
    g_free(a->roots);
    g_free(a);
}

struct dpl_objects *dpl_apply_objects(struct dpl_apply *a)
{
    return &a->objects;
}

unsigned dpl_apply_missing(const struct dpl_apply *a, const struct dpl_view **missing_r)
{
    *missing_r = a->missing;
    return a->missing_count;
}

bool dpl_apply_wants_checkpoint(const struct dpl_apply *a)
{
    return a->want_checkpoint;
}

/* Who waits without a name, and was last named in a directory that is not here. */
static GPtrArray *in_limbo(const struct dpl_apply *a)
{
    GPtrArray *ids = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, a->objects.by_id);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const struct dpl_object *object = value;
        if (object->limbo && object->reserved > 0)
            g_ptr_array_add(ids, g_bytes_new(object->id.data, object->id.size));
    }
    return ids;
}

ssize_t dpl_apply_settle(struct dpl_apply *a, struct dpl_err *err)
{
    g_autoptr(GPtrArray) ids = in_limbo(a);
    ssize_t count = 0;
    for (guint i = 0; i < ids->len; i++) {
        gsize size;
        const void *id = g_bytes_get_data(ids->pdata[i], &size);
        /* It may have gone with one that was dropped before it. */
        struct dpl_object *object = dpl_objects_find(&a->objects, (struct dpl_view){id, size});
        int rc = object ? dpl_names_drop(&a->objects, object, err) : 0;
        if (rc < 0)
            return rc;
        count += object != NULL;
    }
    dpl_objects_lock_again(&a->objects);
    g_hash_table_remove_all(a->objects.gone);
    return count;
}

static int apply_ok(struct dpl_apply *a, uint64_t epoch, const struct dpl_record *r,
                    struct dpl_err *err)
{
    switch (r->type) {
    case DPL_R_ROOT:
        return dpl_apply_root(a, r, err);
    case DPL_R_CREATE:
    case DPL_R_TMPFILE:
    case DPL_R_ENTER:
        return dpl_apply_create(a, r, err);
    case DPL_R_WRITE:
    case DPL_R_TRUNCATE:
    case DPL_R_FALLOCATE:
        return dpl_apply_data(a, r, err);
    case DPL_R_COPY:
        return dpl_apply_copy(a, epoch, r, err);
    case DPL_R_SETATTR:
        return dpl_apply_setattr(a, r, err);
    case DPL_R_SETXATTR:
    case DPL_R_REMOVEXATTR:
        return dpl_apply_xattr(a, r, err);
    case DPL_R_LINK:
    case DPL_R_REMOVE:
    case DPL_R_LEAVE:
        return dpl_apply_name(a, r, err);
    case DPL_R_RENAME:
        return dpl_apply_rename(a, r, err);
    case DPL_R_DROP:
        return dpl_apply_drop(a, r, err);
    case DPL_R_MIRROR:
        return DPL_APPLY_ASK;
    case DPL_R_BARRIER:
        a->want_checkpoint = r->number == DPL_BARRIER_CHECKPOINT;
        return 0;
    default:
        return dpl_err_set(err, DPL_E_UNSUPPORTED, "record type %u cannot be applied", r->type);
    }
}

int dpl_apply_record(struct dpl_apply *a, uint64_t epoch, const struct dpl_record *record,
                     struct dpl_err *err)
{
    a->unknown = a->want_checkpoint = false;
    a->missing_count = 0;
    if (record->outcome == DPL_OUTCOME_VOID ||
        (epoch == a->barrier_epoch && record->lsn < a->barrier_lsn))
        return DPL_APPLY_NOTHING;
    if (record->outcome == DPL_OUTCOME_UNKNOWN)
        return DPL_APPLY_ASK;
    if (record->outcome != DPL_OUTCOME_OK)
        return dpl_err_set(err, DPL_E_PARAM, "LSN %" PRIu64 " is not committed", record->lsn);
    a->objects.now = (struct dpl_position){.epoch = epoch, .lsn = record->lsn};
    int rc = apply_ok(a, epoch, record, err);
    if (a->objects.unlocked->len > 0)
        dpl_objects_lock_again(&a->objects);
    if (rc < 0) {
        const char *type = dpl_record_type_text(record->type);
        dpl_err_context(err, "LSN %" PRIu64 " (%s)", record->lsn, type ? type : "?");
        return rc;
    }
    return rc == 0 && a->unknown ? DPL_APPLY_UNKNOWN : rc;
}
