/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The walk of a mirror: one directory after the other, first what stands in it, then its list.
 */
#include "daemon/link/mirror_walk.h"

#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { ENTRIES_AT_ONCE = 64, LIST_ENTRY_MAX = 512, FILES_AT_ONCE = 512, JOBS_AT_ONCE = 64 };

static struct dpl_view view_of(const char *text)
{
    return (struct dpl_view){(const uint8_t *)text, strlen(text)};
}

/* What the rules say of a name in the directory. */
static struct dpl_rules_at at_of(const struct dpl_mirror_source *s, struct dpl_rules_at dir,
                                 const char *name)
{
    return s->options.rules ? dpl_rules_descend(s->options.rules, dir, name, strlen(name)) : dir;
}

void dpl_mirror_wait_for(struct dpl_mirror_source *s, const struct dpl_mirror_handle *handle,
                         const struct dpl_oid *oid, struct dpl_rules_at at, bool again)
{
    struct dpl_mirror_waiting *w = g_new(struct dpl_mirror_waiting, 1);
    *w = (struct dpl_mirror_waiting){.handle = *handle, .oid = *oid, .at = at, .again = again};
    g_queue_push_head(&s->waiting, w);
}

void dpl_mirror_leave_directory(struct dpl_mirror_source *s)
{
    if (s->dir)
        closedir(s->dir);
    s->dir = NULL;
    g_clear_pointer(&s->now, g_free);
}

/* What of the content follows the state by itself. */
static void queue_content(struct dpl_mirror_source *s, const struct dpl_oid *oid,
                          const struct stat *st)
{
    struct dpl_view all = {0};
    if (!S_ISREG(st->st_mode) || st->st_size == 0 || s->options.kind == DPL_MIRROR_DIFFERENCE ||
        s->options.cursor.size > 0 || dpl_mirror_of_object(s))
        return;
    g_queue_push_tail(&s->jobs,
                      dpl_mirror_job_new(dpl_oid_view(oid),
                                         s->options.kind == DPL_MIRROR_FULL ? DPL_MIRROR_AS_DATA
                                                                            : DPL_MIRROR_AS_COARSE,
                                         all));
}

int dpl_mirror_send_object(struct dpl_mirror_source *s, int fd,
                           const struct dpl_mirror_handle *handle, const struct dpl_oid *oid,
                           struct dpl_rules_at at, struct dpl_view name, struct dpl_err *err)
{
    struct stat st;
    bool whole = false;
    /* In a test the target asks for a directory because of its names alone. */
    bool again = s->options.test && name.size == 0 && dpl_idset_has(&s->sent, dpl_oid_view(oid));
    struct dpl_view parent = s->now ? dpl_oid_view(&s->now->oid) : (struct dpl_view){0};
    int rc = name.size > 0 && s->batch.list
                 ? dpl_mirror_batch_add(&s->batch, &s->desk, fd, dpl_oid_view(oid), parent, name,
                                        &st, &whole, err)
                 : dpl_mirror_send_state(&s->desk, fd, dpl_oid_view(oid), parent, name, &st, err);
    if (rc < 0)
        return rc;
    dpl_idset_add(&s->sent, dpl_oid_view(oid));
    s->count.objects++;
    if (S_ISDIR(st.st_mode) && dpl_mirror_of_object(s) && name.size > 0)
        return 0; /* what is in it is asked for, if it is not there */
    if (S_ISDIR(st.st_mode))
        dpl_mirror_wait_for(s, handle, oid, at, again);
    else if (!whole)
        queue_content(s, oid, &st);
    return 0;
}

/* A file is opened to be read at once where its content may go with its state. */
static int open_entry(const struct dpl_mirror_source *s, const struct dirent *d)
{
    int fd = -1;
    if (d->d_type == DT_REG && s->batch.list)
        fd = openat(dirfd(s->dir), d->d_name,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_NOATIME | O_CLOEXEC);
    return fd >= 0 ? fd : openat(dirfd(s->dir), d->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static int send_entry(struct dpl_mirror_source *s, const struct dirent *d, struct dpl_err *err)
{
    const char *name = d->d_name;
    struct dpl_mirror_handle handle;
    struct dpl_oid oid;
    struct stat st;
    struct dpl_rules_at at = at_of(s, s->now->at, name);
    dpl_autofd int fd = open_entry(s, d);
    if (fd < 0)
        return errno == ENOENT ? 0 : dpl_err_sys(err, errno, "open \"%s\"", name);
    if (fstat(fd, &st) < 0 || st.st_dev != s->dev || !dpl_mirror_belongs(at, S_ISDIR(st.st_mode)))
        return 0; /* another file system is mounted here, or it is excluded */
    int rc = dpl_mirror_handle_get(fd, "", &handle, &oid, err);
    if (rc == 0 && !S_ISDIR(st.st_mode) && st.st_nlink > 1 &&
        dpl_idset_has(&s->sent, dpl_oid_view(&oid)))
        return 0; /* the list gives it this name */
    if (rc == 0)
        rc = dpl_mirror_send_object(s, fd, &handle, &oid, at, view_of(name), err);
    return rc == DPL_E_NOT_FOUND ? 0 : rc;
}

static int send_list(struct dpl_mirror_source *s, size_t bytes, bool more, struct dpl_err *err)
{
    struct dpl_message m = {.type = DPL_MSG_MIRROR_DIR,
                            .has = DPL_M(MIRROR) | DPL_M(OBJECT) | DPL_M(FLAGS) | DPL_M(DATA),
                            .mirror = s->options.id,
                            .object = dpl_oid_view(&s->now->oid),
                            .flags = more ? DPL_MIRROR_MORE : 0,
                            .data = {s->desk.buffer, bytes}};
    return s->options.send(s->options.self, &m, err);
}

/* One name of the list behind those in the buffer; *used grows if it belongs to the set. */
static int list_entry(struct dpl_mirror_source *s, const char *name, size_t *used,
                      struct dpl_err *err)
{
    struct dpl_mirror_handle handle;
    struct dpl_oid oid;
    struct stat st;
    if (fstatat(dirfd(s->dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : dpl_err_sys(err, errno, "look at \"%s\"", name);
    if (st.st_dev != s->dev || !dpl_mirror_belongs(at_of(s, s->now->at, name), S_ISDIR(st.st_mode)))
        return 0;
    int rc = dpl_mirror_handle_get(dirfd(s->dir), name, &handle, &oid, err);
    if (rc < 0)
        return rc == DPL_E_NOT_FOUND ? 0 : rc;
    struct dpl_mirror_entry entry = {
        .name = view_of(name), .object = dpl_oid_view(&oid), .mode = st.st_mode & S_IFMT};
    ssize_t next = dpl_mirror_entries_append(s->desk.buffer, *used, DPL_MIRROR_BYTES_MAX, &entry);
    if (next < 0)
        return (int)next;
    *used = (size_t)next;
    return 0;
}

/* The complete list, read and sent at one go, and the directory's own state. */
static int finish_directory(struct dpl_mirror_source *s, struct dpl_err *err)
{
    struct dirent *d;
    struct stat st;
    size_t used = 0;
    struct dpl_view none = {0};
    int rc = 0;
    rewinddir(s->dir);
    while (rc == 0 && (errno = 0, d = readdir(s->dir))) {
        if (!dpl_path_name_ok(d->d_name))
            continue;
        if (used > DPL_MIRROR_BYTES_MAX - LIST_ENTRY_MAX) {
            rc = send_list(s, used, true, err);
            used = 0;
        }
        if (rc == 0)
            rc = list_entry(s, d->d_name, &used, err);
    }
    if (rc == 0 && errno != 0)
        rc = dpl_err_sys(err, errno, "read a directory of the source");
    if (rc == 0)
        rc = send_list(s, used, false, err);
    if (rc == 0)
        rc = dpl_mirror_send_state(&s->desk, dirfd(s->dir), dpl_oid_view(&s->now->oid), none, none,
                                   &st, err);
    s->count.directories++;
    dpl_mirror_leave_directory(s);
    return rc == DPL_E_NOT_FOUND ? 0 : rc;
}

/* Whether one more entry may be read before what was read is sent. */
static bool one_more(const struct dpl_mirror_source *s, int done)
{
    return s->batch.list ? done < FILES_AT_ONCE && s->jobs.length < JOBS_AT_ONCE &&
                               !dpl_mirror_batch_full(&s->batch)
                         : done < ENTRIES_AT_ONCE && s->jobs.length == 0;
}

int dpl_mirror_walk_some(struct dpl_mirror_source *s, struct dpl_err *err)
{
    struct dirent *d = NULL;
    bool ended = s->now->again;
    int rc = 0;
    for (int i = 0; rc == 0 && !ended && one_more(s, i); i++) {
        errno = 0;
        d = readdir(s->dir);
        ended = !d;
        if (ended && errno)
            rc = dpl_err_sys(err, errno, "read a directory of the source");
        else if (!ended && dpl_path_name_ok(d->d_name))
            rc = send_entry(s, d, err);
    }
    if (rc == 0)
        rc = dpl_mirror_batch_send(&s->batch, &s->desk, err);
    return rc == 0 && ended ? finish_directory(s, err) : rc;
}

int dpl_mirror_enter_directory(struct dpl_mirror_source *s, struct dpl_err *err)
{
    s->now = g_queue_pop_head(&s->waiting);
    int fd = dpl_mirror_handle_open(s->roots[0].fd, &s->now->handle,
                                    O_RDONLY | O_DIRECTORY | O_NOATIME, err);
    if (fd < 0) {
        dpl_mirror_leave_directory(s);
        return fd == DPL_E_NOT_FOUND ? 0 : fd;
    }
    s->dir = fdopendir(fd);
    if (s->dir)
        return 0;
    close(fd);
    dpl_mirror_leave_directory(s);
    return dpl_err_set(err, DPL_E_NO_MEMORY, "no memory for a directory");
}
