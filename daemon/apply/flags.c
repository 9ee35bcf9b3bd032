/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inode flags. Immutable and append-only would stand in the way of the next record on that object,
 * so they are taken off before a change and put back when the record has been applied.
 */
#include "daemon/apply/objects.h"
#include "daemon/apply/state.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool can_have(const struct dpl_object *object)
{
    return S_ISREG(object->type) || S_ISDIR(object->type);
}

/* Sets those of the flags in `mask`. */
static int set_flags(const struct dpl_objects *objects, const struct dpl_object *object,
                     unsigned mask, unsigned value, struct dpl_err *err)
{
    unsigned now;
    dpl_autofd int own =
        object->fd < 0 ? dpl_objects_open(objects, object, O_RDONLY | O_NONBLOCK, err) : -1;
    int fd = object->fd < 0 ? own : object->fd;
    if (fd < 0)
        return fd;
    if (ioctl(fd, FS_IOC_GETFLAGS, &now) < 0)
        return errno == ENOTTY || errno == EOPNOTSUPP
                   ? dpl_err_set(err, DPL_E_UNSUPPORTED, "no inode flags on this file system")
                   : dpl_err_sys(err, errno, "read an inode's flags");
    unsigned next = (now & ~mask) | (value & mask);
    if (next != now && ioctl(fd, FS_IOC_SETFLAGS, &next) < 0)
        return dpl_err_sys(err, errno, "set an inode's flags");
    return 0;
}

int dpl_objects_read_flags(struct dpl_objects *objects, struct dpl_object *object,
                           struct dpl_err *err)
{
    unsigned now;
    dpl_autofd int fd =
        dpl_objects_open(objects, object, can_have(object) ? O_RDONLY | O_NONBLOCK : O_PATH, err);
    if (fd < 0)
        return fd;
    object->flags_here =
        can_have(object) && ioctl(fd, FS_IOC_GETFLAGS, &now) == 0 ? now & DPL_STATE_LOCKS : 0;
    return 0;
}

int dpl_objects_unlock(struct dpl_objects *objects, struct dpl_object *object, struct dpl_err *err)
{
    if (object->flags_here == 0)
        return 0;
    int rc = set_flags(objects, object, DPL_STATE_LOCKS, 0, err);
    if (rc < 0)
        return rc;
    object->flags_here = 0;
    object->opened_flags = true;
    g_ptr_array_add(objects->unlocked, g_bytes_new(object->id.data, object->id.size));
    return 0;
}

void dpl_objects_lock_again(struct dpl_objects *objects)
{
    for (guint i = 0; i < objects->unlocked->len; i++) {
        gsize size;
        const void *id = g_bytes_get_data(objects->unlocked->pdata[i], &size);
        struct dpl_object *object = dpl_objects_find(objects, (struct dpl_view){id, size});
        if (!object || !object->opened_flags)
            continue;
        object->opened_flags = false;
        /* Where it cannot be, the replica goes without it: nothing that a reader reads is lost. */
        if (object->flags_held &&
            set_flags(objects, object, DPL_STATE_LOCKS, object->flags_held, NULL) == 0)
            object->flags_here = object->flags_held;
    }
    g_ptr_array_set_size(objects->unlocked, 0);
}

void dpl_state_flags(struct dpl_objects *objects, struct dpl_object *object, uint32_t flags)
{
    uint32_t held = flags & DPL_STATE_LOCKS;
    if (!can_have(object))
        return;
    if (held != object->flags_held) {
        object->flags_held = held;
        dpl_objects_change(objects, object);
    }
    (void)set_flags(objects, object, DPL_STATE_FLAGS, flags, NULL);
    if (held != object->flags_here && !object->opened_flags) {
        object->opened_flags = true;
        g_ptr_array_add(objects->unlocked, g_bytes_new(object->id.data, object->id.size));
    }
}
