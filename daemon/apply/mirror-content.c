/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Content: sums are compared with what is here, data is written.
 */
#include "daemon/apply/mirror-compare.h"
#include "daemon/apply/state.h"
#include "lib/base/fd.h"
#include "lib/proto/sums.h"

#include <string.h>
#include <unistd.h>

/* Ranges that differ, joined where they touch, until they are asked for. */
struct differing {
    struct dpl_view object;
    enum dpl_mirror_level level;
    uint8_t list[DPL_SUM_COARSE / DPL_SUM_FINE * 16];
    size_t used;
    uint64_t offset, length; /* the one that still grows */
};

static void end_range(struct differing *d)
{
    if (d->length > 0)
        d->used = (size_t)dpl_mirror_ranges_append(d->list, d->used, sizeof d->list, d->offset,
                                                   d->length);
    d->length = 0;
}

static int ask(struct dpl_mirror_target *t, struct differing *d, struct dpl_err *err)
{
    end_range(d);
    int rc = d->used == 0 ? 0
                          : dpl_mirror_need(t, d->object, d->level,
                                            (struct dpl_view){d->list, d->used}, err);
    d->used = 0;
    return rc;
}

static void differs(struct differing *d, uint64_t offset, uint64_t length)
{
    if (d->length > 0 && d->offset + d->length == offset) {
        d->length += length;
        return;
    }
    end_range(d);
    d->offset = offset;
    d->length = length;
}

/* Compares one piece, of at most DPL_SUM_COARSE bytes, with its sums. */
static int compare_piece(struct dpl_mirror_target *t, int fd, const struct dpl_message *m,
                         uint64_t at, size_t size, struct differing *d, struct dpl_err *err)
{
    const uint8_t *theirs = m->data.data + (at - m->offset) / m->block * DPL_SUM_BYTES;
    ssize_t got = dpl_fd_pread_full(fd, at, t->buffer, size, err);
    if (got < 0)
        return dpl_err_context(err, "the replica");
    memset(t->buffer + got, 0, size - (size_t)got);
    size_t count = dpl_sums(t->buffer, size, m->block, t->sums);
    for (size_t i = 0; i < count; i++)
        if (memcmp(t->sums + i * DPL_SUM_BYTES, theirs + i * DPL_SUM_BYTES, DPL_SUM_BYTES) != 0) {
            uint64_t block = at + i * m->block, left = m->offset + m->length - block;
            differs(d, block, left < m->block ? left : m->block);
        }
    return 0;
}

/* What differs is asked for, or only noted. */
static int found(struct dpl_mirror_target *t, struct dpl_object *object, int fd,
                 struct differing *d, struct dpl_err *err)
{
    if (d->used == 0 && d->length == 0)
        return 0;
    if (t->compare) {
        dpl_compare_content(t, object, fd);
        return 0;
    }
    dpl_mirror_changed(t, object->id);
    return ask(t, d, err);
}

static int compare(struct dpl_mirror_target *t, const struct dpl_message *m, struct dpl_err *err)
{
    struct dpl_object *object = NULL;
    g_autofree struct differing *d = g_new0(struct differing, 1);
    if (m->block == DPL_SUM_COARSE && dpl_idset_has(&t->fresh, m->object))
        return 0; /* all of it was asked for */
    int rc = dpl_objects_here(t->objects, m->object, &object, err);
    if (rc < 0 || !object)
        return rc;
    if (!S_ISREG(object->type))
        return dpl_err_set(err, DPL_E_CORRUPT, "sums of what is no regular file");
    int fd = dpl_objects_fd(t->objects, object, err);
    if (fd == DPL_E_NOT_FOUND && t->compare)
        return 0; /* the list says under which names it is missing */
    if (fd < 0)
        return fd;
    d->object = m->object;
    d->level = m->block == DPL_SUM_FINE ? DPL_MIRROR_NEED_DATA : DPL_MIRROR_NEED_SUMS;
    for (uint64_t at = m->offset; rc == 0 && at < m->offset + m->length; at += DPL_SUM_COARSE) {
        uint64_t left = m->offset + m->length - at;
        size_t size = left < DPL_SUM_COARSE ? (size_t)left : DPL_SUM_COARSE;
        rc = compare_piece(t, fd, m, at, size, d, err);
        if (rc == 0 && !t->compare &&
            d->used > sizeof d->list - DPL_SUM_COARSE / DPL_SUM_FINE * 16 / 2)
            rc = ask(t, d, err);
    }
    return rc < 0 ? rc : found(t, object, fd, d, err);
}

int dpl_mirror_sums(struct dpl_mirror_target *t, const struct dpl_message *m, struct dpl_err *err)
{
    int rc = compare(t, m, err);
    if (rc < 0 || (m->flags & DPL_MIRROR_MORE))
        return rc;
    /* Coarse ones come by themselves, fine ones are an answer. */
    if (m->block == DPL_SUM_COARSE)
        dpl_content_covered(t, m->object);
    else
        dpl_content_answered(t, m->object);
    return 0;
}

static int write_data(struct dpl_mirror_target *t, const struct dpl_message *m, struct dpl_err *err)
{
    bool hole = m->flags & DPL_MIRROR_HOLE;
    struct dpl_record r = {.type = hole ? DPL_R_FALLOCATE : DPL_R_WRITE,
                           .has = DPL_F_OBJECT | DPL_F_OFFSET | DPL_F_ATTR |
                                  (hole ? DPL_F_MODE | DPL_F_LENGTH : DPL_F_DATA),
                           .object = m->object,
                           .offset = m->offset,
                           .length = m->length,
                           .mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                           .data = m->data};
    if (!dpl_objects_find(t->objects, m->object))
        return 0; /* left out, or gone meanwhile */
    if (hole && dpl_idset_has(&t->fresh, m->object))
        return 0;
    return m->length == 0 ? 0 : dpl_mirror_apply(t, &r, err);
}

int dpl_mirror_data(struct dpl_mirror_target *t, const struct dpl_message *m, struct dpl_err *err)
{
    int rc = write_data(t, m, err);
    if (rc < 0 || !(m->flags & DPL_MIRROR_LAST))
        return rc;
    if (t->kind == DPL_MIRROR_FULL)
        dpl_content_covered(t, m->object);
    else
        dpl_content_answered(t, m->object);
    return 0;
}

/* What is kept. */

GHashTable *dpl_contents_new(void)
{
    return g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref,
                                 g_free);
}

static struct dpl_content *content_of(struct dpl_mirror_target *t, struct dpl_view object)
{
    g_autoptr(GBytes) id = g_bytes_new(object.data, object.size);
    struct dpl_content *content = g_hash_table_lookup(t->asked, id);
    if (content)
        return content;
    content = g_new0(struct dpl_content, 1);
    g_hash_table_insert(t->asked, g_bytes_ref(id), content);
    return content;
}

static void keep_if_done(struct dpl_mirror_target *t, struct dpl_view object,
                         const struct dpl_content *content)
{
    g_autoptr(GBytes) id = g_bytes_new(object.data, object.size);
    if (content->asked > 0 || !content->covered)
        return;
    dpl_kept_add(t->options.kept, object);
    g_hash_table_remove(t->asked, id);
}

void dpl_content_asked(struct dpl_mirror_target *t, struct dpl_view object)
{
    if (t->options.kept)
        content_of(t, object)->asked++;
}

/* An answer that was not asked for, or of an object that is kept already, says nothing. */
void dpl_content_answered(struct dpl_mirror_target *t, struct dpl_view object)
{
    g_autoptr(GBytes) id = g_bytes_new(object.data, object.size);
    struct dpl_content *content = g_hash_table_lookup(t->asked, id);
    if (!content || content->asked == 0)
        return;
    content->asked--;
    keep_if_done(t, object, content);
}

void dpl_content_covered(struct dpl_mirror_target *t, struct dpl_view object)
{
    if (!t->options.kept || dpl_kept_has(t->options.kept, object))
        return;
    struct dpl_content *content = content_of(t, object);
    content->covered = true;
    keep_if_done(t, object, content);
}

bool dpl_content_kept(const struct dpl_mirror_target *t, struct dpl_view object)
{
    return t->options.kept && dpl_kept_has(t->options.kept, object);
}
