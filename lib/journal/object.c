/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What records are made of: ids, attributes, lists of extended attributes.
 */
#include "lib/journal/record.h"
#include "lib/wire/writer.h"

#include <string.h>
#include <sys/stat.h>

bool dpl_view_equal(struct dpl_view a, struct dpl_view b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int dpl_oid_make(struct dpl_oid *oid, int handle_type, uint64_t generation, const void *handle,
                 size_t handle_bytes, struct dpl_err *err)
{
    struct dpl_writer w;
    dpl_writer_init(&w, oid->bytes, sizeof oid->bytes);
    dpl_writer_u32(&w, (uint32_t)handle_type);
    dpl_writer_u64(&w, generation);
    dpl_writer_bytes(&w, handle, handle_bytes);
    ssize_t size = dpl_writer_end(&w, "an object's id", err);
    if (size < 0)
        return (int)size;
    oid->size = (uint8_t)size;
    return 0;
}

static struct dpl_time time_of(struct timespec ts)
{
    return (struct dpl_time){.sec = ts.tv_sec, .nsec = (uint32_t)ts.tv_nsec};
}

void dpl_attr_from_stat(struct dpl_attr *attr, const struct stat *st)
{
    *attr = (struct dpl_attr){
        .has = DPL_A_ALL & ~(DPL_A_BTIME | DPL_A_IFLAGS),
        .mode = st->st_mode,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .nlink = (uint32_t)st->st_nlink,
        .size = (uint64_t)st->st_size,
        .atime = time_of(st->st_atim),
        .mtime = time_of(st->st_mtim),
        .ctime = time_of(st->st_ctim),
    };
}

ssize_t dpl_xattrs_append(void *list, size_t used, size_t room, const char *name, const void *value,
                          size_t value_bytes)
{
    struct dpl_writer w;
    dpl_writer_init(&w, list, room);
    w.used = used;
    if (used > room || value_bytes > DPL_XATTR_VALUE_MAX)
        return DPL_E_TOO_LARGE;
    dpl_writer_blob(&w, name, strlen(name));
    dpl_writer_blob(&w, value, value_bytes);
    return dpl_writer_end(&w, "extended attributes", NULL);
}

int dpl_xattrs_next(struct dpl_view *list, struct dpl_view *name, struct dpl_view *value)
{
    if (list->size == 0)
        return 0;
    struct dpl_reader r;
    dpl_reader_init(&r, list->data, list->size);
    *name = dpl_reader_blob(&r, DPL_NAME_MAX);
    *value = dpl_reader_blob(&r, DPL_XATTR_VALUE_MAX);
    if (r.code || name->size == 0 || memchr(name->data, 0, name->size))
        return DPL_E_CORRUPT;
    *list = (struct dpl_view){.data = r.at, .size = r.left};
    return 1;
}
