/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * After a crash the replica is anywhere between the checkpoint and the end of the queue, and the
 * map is as at the checkpoint. What was made since then is found by the names that the queue's
 * records give it; what has no name lies in the directory of objects. Then the ops are applied
 * again, as any others, up to the former end.
 */
#include "daemon/apply/replica-private.h"
#include "lib/base/path.h"
#include "lib/proto/message.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One directory entry that a record names: who stands there is to be known. */
static int look(struct dpl_replica *r, struct dpl_view parent, struct dpl_view name,
                unsigned *found, struct dpl_err *err)
{
    struct dpl_object *dir, *object;
    char text[DPL_NAME_MAX + 1];
    uint8_t id[DPL_OID_MAX];
    int rc = dpl_objects_here(r->objects, parent, &dir, err);
    if (rc < 0 || !dir || !S_ISDIR(dir->type))
        return rc;
    int fd = dpl_objects_fd(r->objects, dir, err);
    if (fd < 0)
        return fd;
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    ssize_t size = dpl_objects_read_tag(r->objects, fd, text, id);
    if (size == 0)
        return 0;
    struct dpl_view view = {id, (size_t)size};
    rc = dpl_objects_here(r->objects, view, &object, err);
    if (rc < 0 || object)
        return rc;
    rc = dpl_objects_enter(r->objects, view, fd, text, &object, err);
    *found += rc == 0 && S_ISDIR(object->type);
    return rc;
}

static int look_at_record(struct dpl_replica *r, const struct dpl_record *record, unsigned *found,
                          struct dpl_err *err)
{
    int rc = 0;
    if (record->outcome != DPL_OUTCOME_OK)
        return 0;
    if (record->has & DPL_F_PARENT)
        rc = look(r, record->parent, record->name, found, err);
    if (rc == 0 && (record->has & DPL_F_PARENT2))
        rc = look(r, record->parent2, record->name2, found, err);
    return rc;
}

/* Calls it for each record of the epoch from lsn to its end. */
static int each_record(struct dpl_replica *r, unsigned index, uint64_t lsn, unsigned *found,
                       struct dpl_err *err)
{
    struct dpl_journal *journal;
    struct dpl_record record;
    uint64_t end = dpl_replica_epoch_end(r, index);
    if (lsn >= end)
        return 0;
    int rc = dpl_journal_open(&journal, r->queue_fd, r->state.epochs[index].epoch.number, lsn, err);
    if (rc < 0)
        return rc;
    dpl_journal_limit(journal, end);
    while ((rc = dpl_journal_next(journal, &record, err)) == DPL_NEXT_RECORD) {
        r->objects->now = (struct dpl_position){r->state.epochs[index].epoch.number, record.lsn};
        rc = look_at_record(r, &record, found, err);
        if (rc < 0)
            break;
    }
    dpl_journal_close(journal);
    return rc < 0 ? rc : 0;
}

/* A directory that was found may hold what an earlier record named in it: so look again. */
static int find_made(struct dpl_replica *r, struct dpl_err *err)
{
    for (unsigned found = 1; found > 0;) {
        found = 0;
        for (unsigned i = 0; i < r->state.count; i++) {
            const struct dpl_replica_epoch *e = &r->state.epochs[i];
            if (e->epoch.number < r->applied.epoch)
                continue;
            uint64_t from = e->epoch.number == r->applied.epoch ? r->applied.lsn : e->begin;
            int rc = each_record(r, i, from, &found, err);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

/* Removes from the directory of objects what nobody knows: it was being made. */
static int remove_strays(struct dpl_replica *r, struct dpl_err *err)
{
    DIR *dir = fdopendir(dpl_path_open_beneath(r->objects_fd, ".", O_RDONLY | O_DIRECTORY, 0,
                                               DPL_PATH_SAME_MOUNT, err));
    if (!dir)
        return dpl_err_sys(err, errno, "open the directory of objects");
    struct dirent *d;
    struct stat st;
    while ((d = readdir(dir))) {
        if (!dpl_path_name_ok(d->d_name) ||
            fstatat(r->objects_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        const struct dpl_object *object = dpl_objects_at(r->objects, r->objects_fd, d->d_name);
        if (!object || object->ino != st.st_ino)
            (void)unlinkat(r->objects_fd, d->d_name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
    }
    closedir(dir);
    return 0;
}

int dpl_replica_recover(struct dpl_replica *r, struct dpl_err *err)
{
    const struct dpl_replica_epoch *last = dpl_replica_state_last(&r->state);
    if (last)
        r->former =
            (struct dpl_position){last->epoch.number, dpl_replica_epoch_end(r, r->state.count - 1)};
    if (dpl_position_below(r->former, r->state.high_water)) {
        dpl_replica_need_mirror(r, DPL_COMPARE_LOST);
        r->former = r->applied;
    }
    r->objects->former = r->former;
    r->objects->now = r->applied;
    int rc = dpl_apply_enter_roots(r->apply, err);
    if (rc == 0)
        rc = dpl_objects_scan(r->objects, r->objects_fd, false, err);
    if (rc == 0 && dpl_position_below(r->applied, r->former))
        rc = find_made(r, err);
    if (rc == 0)
        rc = remove_strays(r, err);
    r->objects->now = r->applied;
    if (rc == 0 && !dpl_position_below(r->applied, r->former))
        rc = dpl_replica_settle(r, err);
    return rc;
}
