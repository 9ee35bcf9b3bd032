/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture/bypass.h"

#include "daemon/capture/mountinfo.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES    65536
#define READS_AT_ONCE 16
#define HANDLE_BYTES  128 /* MAX_HANDLE_SZ */

/* Since 5.17; the headers of older systems lack them. */
#ifndef FAN_REPORT_TARGET_FID
#define FAN_REPORT_TARGET_FID 0x1000
#endif

struct dpl_bypass {
    struct dpl_bypass_config config;
    int fd;
    const char *detail;
    int reported;
    char buffer[READ_BYTES] __attribute__((aligned(8)));
};

/* --- events ----------------------------------------------------------------------------------- */

static unsigned what_of(uint64_t mask)
{
    unsigned what = 0;
    what |= mask & FAN_MODIFY ? DPL_BYPASS_DATA : 0;
    what |= mask & FAN_ATTRIB ? DPL_BYPASS_ATTR : 0;
    what |= mask & FAN_CREATE ? DPL_BYPASS_CREATED : 0;
    what |= mask & FAN_DELETE ? DPL_BYPASS_REMOVED : 0;
    what |= mask & (FAN_MOVED_FROM | FAN_MOVED_TO) ? DPL_BYPASS_MOVED : 0;
    what |= mask & FAN_ONDIR ? DPL_BYPASS_DIR : 0;
    return mask & FAN_Q_OVERFLOW ? DPL_BYPASS_UNKNOWN : what;
}

/* struct fanotify_event_info_fid: header, fsid, then a struct file_handle, then perhaps a name. */
static bool info_handle(const uint8_t *info, size_t size, struct dpl_bypass_handle *handle,
                        const char **name)
{
    size_t at = offsetof(struct fanotify_event_info_fid, handle);
    struct file_handle fixed;
    if (size < at + sizeof fixed)
        return false;
    memcpy(&fixed, info + at, sizeof fixed);
    at += sizeof fixed;
    if (fixed.handle_bytes > HANDLE_BYTES || fixed.handle_bytes > size - at)
        return false;
    *handle = (struct dpl_bypass_handle){fixed.handle_type, fixed.handle_bytes, info + at};
    at += fixed.handle_bytes;
    if (name) {
        if (!memchr(info + at, '\0', size - at))
            return false;
        *name = (const char *)info + at;
    }
    return true;
}

static bool info_parse(const uint8_t *info, size_t size, struct dpl_bypass_change *change)
{
    switch (info[0]) {
    case FAN_EVENT_INFO_TYPE_FID:
        return info_handle(info, size, &change->object, NULL);
    case FAN_EVENT_INFO_TYPE_DFID:
        return info_handle(info, size, &change->parent, NULL);
    case FAN_EVENT_INFO_TYPE_DFID_NAME:
        return info_handle(info, size, &change->parent, &change->name);
    default: /* of a newer kernel */
        return true;
    }
}

/* The information records behind one event's fixed part. */
static bool infos_parse(const uint8_t *at, size_t size, struct dpl_bypass_change *change)
{
    while (size > 0) {
        struct fanotify_event_info_header header;
        if (size < sizeof header)
            return false;
        memcpy(&header, at, sizeof header);
        if (header.len < sizeof header || header.len > size || !info_parse(at, header.len, change))
            return false;
        at += header.len;
        size -= header.len;
    }
    return true;
}

int dpl_bypass_parse(const void *events, size_t size, dpl_bypass_fn report, void *self,
                     struct dpl_err *err)
{
    const uint8_t *at = events;
    int count = 0;
    while (size > 0) {
        struct fanotify_event_metadata event;
        if (size < sizeof event)
            return dpl_err_set(err, DPL_E_CORRUPT, "fanotify: %zu bytes are left over", size);
        memcpy(&event, at, sizeof event);
        if (event.vers != FANOTIFY_METADATA_VERSION)
            return dpl_err_set(err, DPL_E_CORRUPT, "fanotify: events of version %u, not %u",
                               event.vers, FANOTIFY_METADATA_VERSION);
        struct dpl_bypass_change change = {.what = what_of(event.mask), .pid = event.pid};
        if (event.event_len < sizeof event || event.event_len > size ||
            event.metadata_len < sizeof event || event.metadata_len > event.event_len ||
            !infos_parse(at + event.metadata_len, event.event_len - event.metadata_len, &change))
            return dpl_err_set(err, DPL_E_CORRUPT, "fanotify: an event's lengths are wrong");
        report(self, &change);
        count++;
        at += event.event_len;
        size -= event.event_len;
    }
    return count;
}

/* --- the watch -------------------------------------------------------------------------------- */

static const struct {
    unsigned flags;
    const char *detail;
} levels[] = {
    {FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME | FAN_REPORT_TARGET_FID,
     "objects, their directories and names"},
    {FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME, "objects, or directories and names"},
    {FAN_REPORT_FID, "objects, or directories"},
};

static int group_open(unsigned more, const char **detail_r, struct dpl_err *err)
{
    int fd = -1;
    for (size_t i = 0; i < G_N_ELEMENTS(levels) && fd < 0; i++) {
        fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | levels[i].flags | more,
                           O_RDONLY);
        *detail_r = levels[i].detail;
        if (fd < 0 && errno != EINVAL)
            break;
    }
    return fd < 0 ? dpl_err_sys(err, errno, "fanotify_init") : fd;
}

int dpl_bypass_mark(int root_fd, bool unlimited, const char **detail_r, struct dpl_err *err)
{
    dpl_autofd int fd = group_open(unlimited ? FAN_UNLIMITED_QUEUE : 0, detail_r, err);
    if (fd < 0)
        return fd;
    uint64_t mask = FAN_MODIFY | FAN_ATTRIB | FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM |
                    FAN_MOVED_TO | FAN_ONDIR;
    if (fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mask, root_fd, ".") < 0) {
        int error = errno;
        int rc = dpl_err_sys(err, error, "fanotify mark on the lower file system");
        bool unfit = error == EOPNOTSUPP || error == ENODEV || error == EXDEV || error == EINVAL;
        if (unfit && err)
            err->code = DPL_E_UNSUPPORTED;
        return unfit ? DPL_E_UNSUPPORTED : rc;
    }
    return dpl_fd_steal(&fd);
}

int dpl_bypass_open(const struct dpl_bypass_config *config, struct dpl_bypass **bypass_r,
                    struct dpl_err *err)
{
    const char *detail = NULL;
    int fd = dpl_bypass_mark(config->root_fd, false, &detail, err);
    if (fd < 0)
        return fd;
    struct dpl_bypass *bypass = g_new0(struct dpl_bypass, 1);
    bypass->config = *config;
    bypass->config.root_fd = -1;
    bypass->detail = detail;
    bypass->fd = fd;
    *bypass_r = bypass;
    return DPL_OK;
}

void dpl_bypass_close(struct dpl_bypass *bypass)
{
    if (!bypass)
        return;
    dpl_fd_clear(&bypass->fd);
    g_free(bypass);
}

int dpl_bypass_fd(const struct dpl_bypass *bypass)
{
    return bypass->fd;
}

const char *dpl_bypass_detail(const struct dpl_bypass *bypass)
{
    return bypass->detail;
}

static void report_foreign(void *self, const struct dpl_bypass_change *change)
{
    struct dpl_bypass *bypass = self;
    bool overflow = change->what == DPL_BYPASS_UNKNOWN;
    if (!overflow && change->pid != 0 && bypass->config.is_ours(bypass->config.ours, change->pid))
        return;
    struct dpl_bypass_change named = *change;
    dpl_proc_comm(change->pid, named.comm);
    bypass->config.report(bypass->config.self, &named);
    bypass->reported++;
}

int dpl_bypass_read(struct dpl_bypass *bypass, struct dpl_err *err)
{
    bypass->reported = 0;
    for (int i = 0; i < READS_AT_ONCE; i++) {
        ssize_t n = read(bypass->fd, bypass->buffer, sizeof bypass->buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            return dpl_err_sys(err, errno, "fanotify: read");
        int rc = dpl_bypass_parse(bypass->buffer, (size_t)n, report_foreign, bypass, err);
        if (rc < 0)
            return rc;
    }
    return bypass->reported;
}

char *dpl_bypass_path(int root_fd, const struct dpl_bypass_handle *handle, const char *name)
{
    union {
        struct file_handle handle;
        char room[sizeof(struct file_handle) + HANDLE_BYTES];
    } raw = {0};
    if (handle->size == 0 || handle->size > HANDLE_BYTES)
        return NULL;
    raw.handle.handle_bytes = handle->size;
    raw.handle.handle_type = handle->type;
    memcpy(raw.room + sizeof raw.handle, handle->bytes, handle->size);
    dpl_autofd int fd = open_by_handle_at(root_fd, &raw.handle, O_PATH | O_CLOEXEC);
    char link[32], path[PATH_MAX];
    snprintf(link, sizeof link, "fd/%d", fd);
    uint64_t mount_id = 0;
    if (fd < 0 || !dpl_proc_link_text(getpid(), link, path, sizeof path) ||
        !dpl_proc_fdinfo(getpid(), fd, "mnt_id", 10, &mount_id))
        return NULL;
    dpl_automounts struct dpl_mounts *mounts = NULL;
    if (dpl_mountinfo_read(0, &mounts, NULL) < 0)
        return NULL;
    const struct dpl_mount *mount = dpl_mounts_by_id(mounts, (int)mount_id);
    g_autofree char *inner = mount ? dpl_mount_inner_path(mount, path) : NULL;
    if (!inner || !name || strcmp(name, ".") == 0)
        return g_steal_pointer(&inner);
    return g_strdup_printf("%s/%s", strcmp(inner, "/") == 0 ? "" : inner, name);
}
