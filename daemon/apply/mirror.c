/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/mirror.h"

#include "daemon/apply/mirror-compare.h"
#include "lib/proto/sums.h"
#include "lib/wire/writer.h"

#include <string.h>

enum { TELL_BYTES = 1024 * 1024 };

int dpl_mirror_target_open(struct dpl_mirror_target **target_r,
                           const struct dpl_mirror_target_options *options,
                           const struct dpl_message *begin, struct dpl_err *err)
{
    struct dpl_rules *rules = NULL;
    const char *text = (const char *)begin->data.data;
    if ((begin->has & DPL_M(DATA)) && begin->data.size > 0) {
        int rc = dpl_rules_parse(&rules, text, begin->data.size, err);
        if (rc < 0) {
            dpl_err_context(err, "the source's rules");
            return DPL_E_CORRUPT;
        }
    }
    struct dpl_mirror_target *t = g_new0(struct dpl_mirror_target, 1);
    t->options = *options;
    t->rules = rules;
    t->objects = dpl_apply_objects(options->apply);
    t->id = begin->mirror;
    t->kind = (enum dpl_mirror_kind)begin->kind;
    t->orphans = (enum dpl_orphans)begin->orphans;
    if (options->set_aside && t->orphans == DPL_ORPHANS_DELETE)
        t->orphans = DPL_ORPHANS_MOVE;
    if (begin->flags & DPL_MIRROR_TEST)
        t->compare = dpl_compare_new(options->seed);
    t->on_demand = begin->has & (DPL_M(CURSOR) | DPL_M(OBJECT));
    if (begin->has & DPL_M(OBJECT)) {
        t->object = g_bytes_new(begin->object.data, begin->object.size);
        t->made = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    }
    dpl_idset_init(&t->linked, options->seed);
    if (begin->flags & DPL_MIRROR_ANY_LOSS)
        t->options.max_delete = 100;
    dpl_idset_init(&t->seen, options->seed);
    dpl_idset_init(&t->fresh, options->seed);
    dpl_idset_init(&t->changed, options->seed);
    dpl_idset_init(&t->done, options->seed);
    dpl_idset_init(&t->dated, options->seed);
    dpl_idset_init(&t->aside, options->seed);
    if (options->set_aside && !t->compare)
        dpl_apply_before(options->apply, dpl_mirror_aside, t);
    t->extras = dpl_extras_new();
    t->asked = dpl_contents_new();
    t->times =
        g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, g_free);
    t->list = g_byte_array_new();
    t->paths = g_byte_array_new();
    t->buffer = g_malloc(DPL_SUM_COARSE);
    t->sums = g_malloc(DPL_SUM_COARSE / DPL_SUM_FINE * DPL_SUM_BYTES);
    *target_r = t;
    return 0;
}

void dpl_mirror_target_doubt(struct dpl_mirror_target *t, struct dpl_view object)
{
    if (object.size > 0)
        dpl_idset_add(&t->dated, object);
    else
        t->undated = true;
}

void dpl_mirror_target_close(struct dpl_mirror_target *t)
{
    if (!t)
        return;
    dpl_idset_done(&t->seen);
    dpl_idset_done(&t->fresh);
    dpl_idset_done(&t->changed);
    dpl_idset_done(&t->done);
    dpl_idset_done(&t->dated);
    dpl_idset_done(&t->aside);
    dpl_apply_before(t->options.apply, NULL, NULL);
    dpl_idset_done(&t->linked);
    g_clear_pointer(&t->object, g_bytes_unref);
    g_clear_pointer(&t->made, g_ptr_array_unref);
    dpl_compare_free(t->compare);
    g_hash_table_destroy(t->extras);
    g_hash_table_destroy(t->asked);
    g_hash_table_destroy(t->times);
    g_byte_array_free(t->list, TRUE);
    g_byte_array_free(t->paths, TRUE);
    g_clear_pointer(&t->list_of, g_bytes_unref);
    g_clear_pointer(&t->rules, dpl_rules_free);
    g_free(t->buffer);
    g_free(t->sums);
    g_free(t);
}

void dpl_mirror_time(struct dpl_mirror_target *t, struct dpl_view dir, const struct dpl_attr *attr,
                     bool only_known)
{
    g_autoptr(GBytes) key = g_bytes_new(dir.data, dir.size);
    if (!(attr->has & DPL_A_MTIME) || (only_known && !g_hash_table_contains(t->times, key)))
        return;
    g_hash_table_replace(t->times, g_bytes_ref(key), g_memdup2(&attr->mtime, sizeof attr->mtime));
}

bool dpl_mirror_is_object(const struct dpl_mirror_target *t, struct dpl_view id)
{
    gsize size = 0;
    const void *data = t->object ? g_bytes_get_data(t->object, &size) : NULL;
    return size == id.size && size > 0 && memcmp(data, id.data, size) == 0;
}

void dpl_mirror_changed(struct dpl_mirror_target *t, struct dpl_view object)
{
    if (!dpl_idset_has(&t->fresh, object) && dpl_idset_add(&t->changed, object))
        t->count.changed++;
}

int dpl_mirror_apply(struct dpl_mirror_target *t, struct dpl_record *record, struct dpl_err *err)
{
    record->outcome = DPL_OUTCOME_OK;
    record->lsn = t->position.lsn;
    t->options.apply->of_mirror = true;
    int rc = dpl_apply_record(t->options.apply, t->position.epoch, record, err);
    t->options.apply->of_mirror = false;
    return rc < 0 ? rc : 0;
}

int dpl_mirror_need(struct dpl_mirror_target *t, struct dpl_view object,
                    enum dpl_mirror_level level, struct dpl_view ranges, struct dpl_err *err)
{
    struct dpl_message m = {.type = DPL_MSG_MIRROR_NEED,
                            .has = DPL_M(MIRROR) | DPL_M(OBJECT) | DPL_M(LEVEL) | DPL_M(DATA),
                            .mirror = t->id,
                            .object = object,
                            .level = level,
                            .data = ranges};
    t->questions++;
    if (level != DPL_MIRROR_NEED_ITEM)
        dpl_content_asked(t, object);
    return t->options.send(t->options.self, &m, err);
}

int dpl_mirror_need_range(struct dpl_mirror_target *t, struct dpl_view object,
                          enum dpl_mirror_level level, uint64_t offset, uint64_t length,
                          struct dpl_err *err)
{
    uint8_t range[16];
    ssize_t size = dpl_mirror_ranges_append(range, 0, sizeof range, offset, length);
    return dpl_mirror_need(t, object, level, (struct dpl_view){range, (size_t)size}, err);
}

int dpl_mirror_tell(struct dpl_mirror_target *t, bool at_end, struct dpl_err *err)
{
    struct dpl_message m = {.type = DPL_MSG_MIRROR_PROGRESS,
                            .has = DPL_M(MIRROR) | DPL_M(OBJECTS) | DPL_M(BYTES) | DPL_M(FLAGS),
                            .mirror = t->id,
                            .objects = t->count.objects,
                            .bytes = t->count.bytes,
                            .flags = at_end ? DPL_MIRROR_MORE : 0};
    uint8_t cursor[8];
    if (t->options.cursor != 0) {
        struct dpl_writer w;
        dpl_writer_init(&w, cursor, sizeof cursor);
        dpl_writer_u64(&w, t->options.cursor);
        m.has |= DPL_M(CURSOR);
        m.cursor = (struct dpl_view){cursor, sizeof cursor};
    }
    t->told_bytes = t->count.bytes;
    return t->options.send(t->options.self, &m, err);
}

int dpl_mirror_target_tell(struct dpl_mirror_target *t, struct dpl_err *err)
{
    return dpl_mirror_tell(t, false, err);
}

/* The paths that were gathered, with the numbers of the whole mirror. */
static int send_result(struct dpl_mirror_target *t, struct dpl_err *err)
{
    struct dpl_view left = {t->paths->data, t->paths->len};
    int rc;
    do {
        struct dpl_view part = left, rest = left, path;
        while (dpl_mirror_paths_next(&rest, &path) > 0 &&
               left.size - rest.size <= DPL_MIRROR_BYTES_MAX)
            part.size = left.size - rest.size;
        if (left.size <= DPL_MIRROR_BYTES_MAX)
            part.size = left.size;
        left.data = left.size > 0 ? left.data + part.size : NULL;
        left.size -= part.size;
        struct dpl_message m = {.type = DPL_MSG_MIRROR_RESULT,
                                .has = DPL_M(MIRROR) | DPL_M(FLAGS) | DPL_M(OBJECTS) |
                                       DPL_M(BYTES) | DPL_M(CREATED) | DPL_M(CHANGED) |
                                       DPL_M(FOUND) | DPL_M(REMOVED),
                                .mirror = t->id,
                                .flags = left.size > 0 ? DPL_MIRROR_MORE : 0,
                                .objects = t->count.objects,
                                .bytes = t->count.bytes,
                                .created = t->count.created,
                                .changed = t->count.changed,
                                .found = t->count.orphans,
                                .removed = t->count.removed};
        if (t->compare) {
            m.has |= DPL_M(UNSETTLED) | DPL_M(EPOCH) | DPL_M(LSN);
            m.unsettled = t->count.unsettled;
            m.epoch = t->position.epoch;
            m.lsn = t->position.lsn;
        }
        if (part.size > 0) {
            m.has |= DPL_M(DATA);
            m.data = part;
        }
        rc = t->options.send(t->options.self, &m, err);
    } while (rc == 0 && left.size > 0);
    return rc;
}

static int end_compare(struct dpl_mirror_target *t, uint64_t lsn, struct dpl_err *err)
{
    int rc = dpl_compare_end(t, lsn, err);
    if (rc == 0)
        return dpl_mirror_tell(t, true, err);
    if (rc > 0)
        rc = send_result(t, err);
    return rc < 0 ? rc : 1;
}

static int end(struct dpl_mirror_target *t, uint64_t lsn, struct dpl_err *err)
{
    if (t->compare)
        return end_compare(t, lsn, err);
    if (t->questions > 0) {
        t->questions = 0;
        return dpl_mirror_tell(t, true, err);
    }
    int rc = t->object ? dpl_mirror_object_end(t, err) : dpl_mirror_orphans(t, err);
    if (rc == 0)
        rc = send_result(t, err);
    return rc < 0 ? rc : 1;
}

static int by_type(struct dpl_mirror_target *t, const struct dpl_message *m, struct dpl_err *err)
{
    switch (m->type) {
    case DPL_MSG_MIRROR_ITEM:
        return dpl_mirror_item(t, m, err);
    case DPL_MSG_MIRROR_FILES:
        return dpl_mirror_files(t, m, err);
    case DPL_MSG_MIRROR_SUMS:
        return dpl_mirror_sums(t, m, err);
    case DPL_MSG_MIRROR_DATA:
        return t->compare ? 0 : dpl_mirror_data(t, m, err);
    case DPL_MSG_MIRROR_DIR:
        return dpl_mirror_dir(t, m, err);
    case DPL_MSG_MIRROR_END:
        return end(t, m->lsn, err);
    default:
        return dpl_err_set(err, DPL_E_CORRUPT, "\"%s\" is no message to a mirror's target",
                           dpl_message_text(m->type));
    }
}

int dpl_mirror_target_message(struct dpl_mirror_target *t, uint64_t epoch, uint64_t lsn,
                              const struct dpl_message *m, struct dpl_err *err)
{
    if (m->mirror != t->id)
        return dpl_err_set(err, DPL_E_CORRUPT, "a message of a mirror that is not open");
    t->position = (struct dpl_position){epoch, lsn};
    int rc = by_type(t, m, err);
    if (rc != 0)
        return rc;
    t->count.bytes += dpl_message_frame_bytes(m);
    return t->count.bytes - t->told_bytes >= TELL_BYTES ? dpl_mirror_tell(t, false, err) : 0;
}

void dpl_mirror_target_note(struct dpl_mirror_target *t, const struct dpl_record *r)
{
    const struct {
        uint32_t has, has_attr;
        struct dpl_view id;
        const struct dpl_attr *attr;
    } all[] = {{DPL_F_OBJECT, DPL_F_ATTR, r->object, &r->attr},
               {DPL_F_OBJECT2, DPL_F_ATTR2, r->object2, &r->attr2},
               {DPL_F_WHITEOUT, DPL_F_WHITEOUT_ATTR, r->whiteout, &r->whiteout_attr},
               {DPL_F_PARENT, DPL_F_PARENT_ATTR, r->parent, &r->parent_attr},
               {DPL_F_PARENT2, DPL_F_PARENT2_ATTR, r->parent2, &r->parent2_attr}};
    if (r->type == DPL_R_DROP)
        return;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (!(r->has & all[i].has))
            continue;
        dpl_idset_add(&t->seen, all[i].id);
        if (t->compare)
            dpl_compare_touched(t, all[i].id);
        if (!(r->has & all[i].has_attr))
            continue;
        dpl_mirror_time(t, all[i].id, all[i].attr, true);
        if (t->kind == DPL_MIRROR_DIFFERENCE)
            dpl_idset_add(&t->dated, all[i].id);
    }
    if (r->has & DPL_F_PARENT)
        dpl_extras_forget(t, r->parent, r->name);
    if (r->has & DPL_F_PARENT2)
        dpl_extras_forget(t, r->parent2, r->name2);
}

void dpl_mirror_target_count(const struct dpl_mirror_target *t,
                             struct dpl_mirror_target_count *count_r)
{
    *count_r = t->count;
}
