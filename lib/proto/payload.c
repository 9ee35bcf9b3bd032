/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What DATA is in each message, its lists, and which fields belong together.
 */
#include "lib/proto/message-check.h"

#include <string.h>
#include <sys/stat.h>

enum {
    RECORD_MIN = 64,
    ITEM_MAX = 320 * 1024, /* all extended attributes of one object, and its state */
    SUM_BYTES = 16,
    RANGE_BYTES = 16,
    NAME_MAX_BYTES = 255,
    OID_MIN = 12,
    OID_MAX = 140,
    PATH_MAX_BYTES = 65535,
};

static bool range_ok(uint64_t offset, uint64_t length)
{
    return offset <= INT64_MAX && length <= INT64_MAX - offset;
}

static bool name_ok(struct dpl_view v)
{
    bool dots = v.size <= 2 && v.size >= 1 && v.data[0] == '.' && v.data[v.size - 1] == '.';
    return v.size >= 1 && v.size <= NAME_MAX_BYTES && !dots && !memchr(v.data, '/', v.size) &&
           !memchr(v.data, 0, v.size);
}

static bool type_ok(uint32_t mode)
{
    return mode == S_IFREG || mode == S_IFDIR || mode == S_IFLNK || mode == S_IFCHR ||
           mode == S_IFBLK || mode == S_IFIFO || mode == S_IFSOCK;
}

/* A step of a list: takes what the reader has left as the rest of it. */
static int took(struct dpl_view *list, const struct dpl_reader *r, bool ok)
{
    if (r->code || !ok)
        return DPL_E_CORRUPT;
    *list = (struct dpl_view){r->at, r->left};
    return 1;
}

int dpl_mirror_entries_next(struct dpl_view *list, struct dpl_mirror_entry *entry)
{
    struct dpl_reader r;
    if (list->size == 0)
        return 0;
    dpl_reader_init(&r, list->data, list->size);
    entry->mode = dpl_reader_u32(&r);
    entry->object = dpl_reader_blob(&r, OID_MAX);
    entry->name = dpl_reader_blob(&r, NAME_MAX_BYTES);
    return took(list, &r,
                type_ok(entry->mode) && entry->object.size >= OID_MIN && name_ok(entry->name));
}

ssize_t dpl_mirror_entries_append(void *list, size_t used, size_t room,
                                  const struct dpl_mirror_entry *entry)
{
    struct dpl_writer w;
    dpl_writer_init(&w, list, room);
    w.used = used;
    dpl_writer_u32(&w, entry->mode);
    dpl_writer_blob(&w, entry->object.data, entry->object.size);
    dpl_writer_blob(&w, entry->name.data, entry->name.size);
    return w.code ? w.code : (ssize_t)w.used;
}

int dpl_mirror_ranges_next(struct dpl_view *list, uint64_t *offset, uint64_t *length)
{
    struct dpl_reader r;
    if (list->size == 0)
        return 0;
    dpl_reader_init(&r, list->data, list->size);
    *offset = dpl_reader_u64(&r);
    *length = dpl_reader_u64(&r);
    return took(list, &r, range_ok(*offset, *length) && *length > 0);
}

ssize_t dpl_mirror_ranges_append(void *list, size_t used, size_t room, uint64_t offset,
                                 uint64_t length)
{
    struct dpl_writer w;
    dpl_writer_init(&w, list, room);
    w.used = used;
    dpl_writer_u64(&w, offset);
    dpl_writer_u64(&w, length);
    return w.code ? w.code : (ssize_t)w.used;
}

int dpl_mirror_paths_next(struct dpl_view *list, struct dpl_view *path)
{
    struct dpl_reader r;
    if (list->size == 0)
        return 0;
    dpl_reader_init(&r, list->data, list->size);
    *path = dpl_reader_blob(&r, PATH_MAX_BYTES);
    return took(list, &r, path->size > 0 && !memchr(path->data, 0, path->size));
}

ssize_t dpl_mirror_paths_append(void *list, size_t used, size_t room, struct dpl_view path)
{
    struct dpl_writer w;
    dpl_writer_init(&w, list, room);
    w.used = used;
    dpl_writer_blob(&w, path.data, path.size);
    return w.code ? w.code : (ssize_t)w.used;
}

const char *dpl_mirror_found_text(char letter)
{
    return letter == 'm'   ? "missing"
           : letter == 'd' ? "differs"
           : letter == 'x' ? "extra"
                           : "unsettled";
}

int dpl_mirror_files_next(struct dpl_view *list, struct dpl_mirror_file *file)
{
    struct dpl_reader r;
    if (list->size == 0)
        return 0;
    dpl_reader_init(&r, list->data, list->size);
    file->item = dpl_reader_blob(&r, ITEM_MAX);
    file->content = dpl_reader_blob(&r, DPL_MIRROR_BYTES_MAX);
    return took(list, &r, file->item.size > 0);
}

ssize_t dpl_mirror_files_append(void *list, size_t used, size_t room,
                                const struct dpl_mirror_file *file)
{
    struct dpl_writer w;
    dpl_writer_init(&w, list, room);
    w.used = used;
    dpl_writer_blob(&w, file->item.data, file->item.size);
    dpl_writer_blob(&w, file->content.data, file->content.size);
    return w.code ? w.code : (ssize_t)w.used;
}

static bool entries_ok(struct dpl_view list)
{
    struct dpl_mirror_entry entry;
    int more;
    while ((more = dpl_mirror_entries_next(&list, &entry)) > 0)
        ;
    return more == 0;
}

static bool paths_ok(struct dpl_view list)
{
    struct dpl_view path;
    int more;
    while ((more = dpl_mirror_paths_next(&list, &path)) > 0)
        ;
    return more == 0;
}

static bool files_ok(struct dpl_view list)
{
    struct dpl_mirror_file file;
    int more;
    while ((more = dpl_mirror_files_next(&list, &file)) > 0)
        ;
    return more == 0;
}

/* In order, without overlap. */
static bool ranges_ok(struct dpl_view list)
{
    uint64_t offset, length, end = 0;
    int more;
    while ((more = dpl_mirror_ranges_next(&list, &offset, &length)) > 0) {
        if (offset < end)
            return false;
        end = offset + length;
    }
    return more == 0;
}

static bool sums_ok(const struct dpl_message *m)
{
    uint64_t blocks = m->length / m->block + (m->length % m->block != 0);
    return (m->block == 4096 || m->block == 1U << 20) && m->offset % m->block == 0 &&
           m->length > 0 && range_ok(m->offset, m->length) && blocks <= m->data.size &&
           blocks * SUM_BYTES == m->data.size;
}

static bool content_ok(const struct dpl_message *m)
{
    if (!range_ok(m->offset, m->length))
        return false;
    if (m->flags & DPL_MIRROR_HOLE)
        return !(m->has & DPL_M(DATA)) && m->length > 0;
    return (m->has & DPL_M(DATA)) && m->data.size == m->length;
}

bool dpl_payload_ok(const struct dpl_message *m, enum dpl_payload payload)
{
    size_t size = m->has & DPL_M(DATA) ? m->data.size : 0;
    switch (payload) {
    case DPL_PAYLOAD_NONE:
        return size == 0;
    case DPL_PAYLOAD_RECORDS:
        return size >= RECORD_MIN && size <= DPL_RECORDS_MAX && size % 8 == 0 &&
               size <= UINT64_MAX - 7 - m->lsn;
    case DPL_PAYLOAD_DOCUMENT:
        return size > 0 && size <= DPL_TALK_BYTES_MAX;
    case DPL_PAYLOAD_ITEM:
        return size > 0 && size <= ITEM_MAX;
    default:
        break;
    }
    if (size > DPL_MIRROR_BYTES_MAX)
        return false;
    switch (payload) {
    case DPL_PAYLOAD_ENTRIES:
        return entries_ok(m->data);
    case DPL_PAYLOAD_SUMS:
        return sums_ok(m);
    case DPL_PAYLOAD_RANGES:
        return (m->level == DPL_MIRROR_NEED_ITEM) == (size == 0) && size % RANGE_BYTES == 0 &&
               ranges_ok(m->data);
    case DPL_PAYLOAD_PATHS:
        return size == 0 || paths_ok(m->data);
    case DPL_PAYLOAD_RULES:
        return size == 0 || !memchr(m->data.data, 0, size);
    case DPL_PAYLOAD_FILES:
        return size > 0 && files_ok(m->data);
    default:
        return content_ok(m);
    }
}

/* All of them or none. */
static bool together(const struct dpl_message *m, uint64_t bits)
{
    return (m->has & bits) == 0 || (m->has & bits) == bits;
}

static bool zero(struct dpl_view v)
{
    return v.data[0] == 0 && memcmp(v.data, v.data + 1, v.size - 1) == 0;
}

/* Positions, each the lower bound of the next. What is not there is not compared. */
static bool positions_ok(const struct dpl_message *m)
{
    uint64_t checkpoint = m->has & DPL_M(CHECKPOINT) ? m->checkpoint : 0;
    uint64_t applied = m->has & DPL_M(APPLIED) ? m->applied : 0;
    uint64_t received = m->has & DPL_M(RECEIVED) ? m->received : m->durable;
    return together(m, DPL_M(APPLIED) | DPL_M(CHECKPOINT)) && checkpoint <= applied &&
           checkpoint <= m->durable && m->durable <= received &&
           (!(m->has & DPL_M(RECEIVED)) || applied <= received);
}

static bool state_ok(const struct dpl_message *m)
{
    const uint64_t position = DPL_M(EPOCH) | DPL_M(EPOCH_ID) | DPL_M(DURABLE) | DPL_M(CHAIN);
    return together(m, position) && ((m->has & DPL_M(EPOCH)) || !(m->has & DPL_M(APPLIED))) &&
           (!(m->has & DPL_M(EPOCH)) || (m->epoch > 0 && !zero(m->epoch_id))) && positions_ok(m) &&
           !(m->flags & DPL_STATE_NEEDS_MIRROR) == !(m->has & DPL_M(REASON)) &&
           !(m->flags & DPL_STATE_MIRROR) == !(m->has & DPL_M(MIRROR));
}

bool dpl_message_agrees(const struct dpl_message *m)
{
    switch (m->type) {
    case DPL_MSG_HELLO:
        return m->version_min <= m->version_max && together(m, DPL_M(EPOCH) | DPL_M(FS_UUID)) &&
               (!(m->has & DPL_M(EPOCH)) || m->epoch > 0);
    case DPL_MSG_TARGET_STATE:
        return state_ok(m);
    case DPL_MSG_EPOCH:
        return m->epoch > 0 && !zero(m->epoch_id);
    case DPL_MSG_EPOCH_ANSWER:
        return (m->answer == DPL_ANSWER_COMPARE) == !!(m->has & DPL_M(REASON));
    case DPL_MSG_ACK:
        return positions_ok(m);
    case DPL_MSG_HEARTBEAT:
        return together(m, DPL_M(EPOCH_TAG) | DPL_M(HEAD) | DPL_M(SYNCED)) &&
               (m->has & DPL_M(HEAD) ? m->synced <= m->head : !(m->has & DPL_M(PROMISE)));
    case DPL_MSG_MIRROR_RESULT:
        return together(m, DPL_M(EPOCH) | DPL_M(LSN) | DPL_M(UNSETTLED));
    case DPL_MSG_WANT:
        return together(m, DPL_M(EPOCH_TAG) | DPL_M(LSN));
    default:
        return true;
    }
}
