/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The owner's stamp, see ownership.h.
 */
#include "daemon/capture/ownership.h"

#include "lib/base/fd.h"
#include "lib/capstat/owner.h"
#include "lib/journal/range.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* What stood there before, until this ownership has begun. */
static struct {
    struct dpl_owner last;
    bool had_last;
    int dir_fd;
} at = {.dir_fd = -1};

static void warn(const struct options *options, const char *text)
{
    fprintf(stderr, "doppel-capture: set '%s': %s\n", options->set, text);
}

/* Whether the journal here is that of the ownership that was closed: then the rest of it may go. */
static bool is_last(const struct dpl_journal_epoch *journal)
{
    return at.had_last && at.last.closed && journal->epoch.number == at.last.epoch &&
           memcmp(journal->epoch.id, at.last.id, sizeof at.last.id) == 0;
}

/* Journals that cannot be read are no journals to be sent either. */
static int drop_former(const struct options *options, int journal_fd, struct dpl_err *err)
{
    struct dpl_journal_epoch *list = NULL;
    struct dpl_segment_entry *segments = NULL;
    struct dpl_err why = {0};
    ssize_t known = dpl_journal_epochs(journal_fd, &list, &why);
    ssize_t count = dpl_segments_list(journal_fd, &segments, err);
    uint64_t kept = 0;
    int code = count < 0 ? (int)count : 0;

    if (known < 0)
        warn(options, why.text);
    for (ssize_t i = 0; i < known; i++)
        if (is_last(&list[i]))
            kept = list[i].epoch.number;
    for (ssize_t i = 0; code == 0 && i < count; i++) {
        if (segments[i].epoch == kept || (i > 0 && segments[i].epoch == segments[i - 1].epoch))
            continue;
        ssize_t gone = dpl_segments_remove(journal_fd, segments[i].epoch, err);

        code = gone < 0 ? (int)gone : 0;
    }
    free(list);
    free(segments);
    return code;
}

int ownership_choose(const struct options *options, int journal_fd, struct dpl_epoch *epoch,
                     struct dpl_err *err)
{
    struct dpl_err why = {0};
    int code;

    if (!options->owner_stamp)
        return 0;
    dpl_fd_clear(&at.dir_fd);
    at.dir_fd = dpl_owner_open_dir(options->roots[0], options->set, true, err);
    if (at.dir_fd < 0)
        return at.dir_fd;
    code = dpl_owner_read(at.dir_fd, options->set, &at.last, &why);
    at.had_last = code == 0;
    if (code != 0 && code != DPL_E_NOT_FOUND)
        warn(options, why.text);
    if (at.had_last && at.last.generation > (int64_t)options->generation)
        return dpl_err_set(
            err, DPL_E_REFUSED,
            "the disk was served last in generation %lld (by %s), and this node knows "
            "of %lld alone",
            (long long)at.last.generation, at.last.node, (long long)options->generation);
    if (at.had_last && epoch->number <= at.last.epoch)
        epoch->number = at.last.epoch + 1;
    if (at.had_last && at.last.closed)
        memcpy(epoch->parent_id, at.last.id, sizeof(epoch->parent_id));
    return drop_former(options, journal_fd, err);
}

static void stamp_of(const struct options *options, const struct dpl_epoch *epoch, bool closed,
                     struct dpl_owner *owner)
{
    struct utsname host;

    *owner = (struct dpl_owner){.epoch = epoch->number,
                                .generation = (int64_t)options->generation,
                                .closed = closed,
                                .unsent_bytes = -1};
    g_strlcpy(owner->set, options->set, sizeof(owner->set));
    g_strlcpy(owner->node, uname(&host) == 0 ? host.nodename : "-", sizeof(owner->node));
    g_strlcpy(owner->role, "serving", sizeof(owner->role));
    memcpy(owner->id, epoch->id, sizeof(owner->id));
}

int ownership_take(const struct options *options, const struct dpl_epoch *epoch,
                   struct dpl_err *err)
{
    struct dpl_owner owner;
    struct dpl_err why = {0};

    if (!options->owner_stamp)
        return 0;
    stamp_of(options, epoch, false, &owner);
    if (dpl_owner_write(at.dir_fd, &owner, &why) == 0)
        return 0;
    if ((unlinkat(at.dir_fd, DPL_OWNER_NAME, 0) != 0 && errno != ENOENT) || fsync(at.dir_fd) != 0)
        return dpl_err_set(err, why.code, "the owner's stamp beside the roots: %s", why.text);
    warn(options, "the disk takes no owner's stamp: the next owner compares everything");
    warn(options, why.text);
    return 0;
}

void ownership_give_back(void)
{
    if (at.dir_fd < 0)
        return;
    if (at.had_last)
        (void)dpl_owner_write(at.dir_fd, &at.last, NULL);
    else
        (void)unlinkat(at.dir_fd, DPL_OWNER_NAME, 0);
    dpl_fd_clear(&at.dir_fd);
}

/* Whether the journal says of itself that it ended behind the last change. */
static bool ended_well(int journal_fd, const struct dpl_epoch *epoch)
{
    struct dpl_segment_entry *list = NULL;
    struct dpl_range *range = NULL;
    struct dpl_view records;
    ssize_t count = dpl_segments_list(journal_fd, &list, NULL);
    uint64_t from = 0;
    bool any = false;
    int next = DPL_NEXT_END;

    for (ssize_t i = 0; i < count; i++) {
        if (list[i].epoch != epoch->number)
            continue;
        from = list[i].first_lsn;
        any = true;
    }
    free(list);
    if (!any || dpl_range_open(&range, journal_fd, epoch->number, from, NULL) != 0)
        return false;
    do
        next = dpl_range_next(range, 1 << 20, &records, NULL);
    while (next == DPL_NEXT_RECORD);
    dpl_range_close(range);
    return next == DPL_NEXT_ENDED;
}

static bool sync_below(const struct options *options)
{
    for (uint32_t i = 0; i < options->root_count; i++) {
        g_autofree char *parent = g_path_get_dirname(options->roots[i]);
        dpl_autofd int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 || syncfs(fd) != 0)
            return false;
    }
    return true;
}

void ownership_end(const struct options *options, const struct shared *shared)
{
    struct dpl_owner owner, found;
    struct dpl_err err = {0};
    dpl_autofd int dir_fd = -1;

    if (!options->owner_stamp)
        return;
    if (!ended_well(shared->journal_fd, &shared->epoch) || !sync_below(options)) {
        warn(options, "the journal does not go to the last change, or the disk below failed: the "
                      "next owner compares everything");
        return;
    }
    stamp_of(options, &shared->epoch, true, &owner);
    dir_fd = dpl_owner_open_dir(options->roots[0], options->set, false, &err);
    /* Only over our own: another node may have the disk. The journal may have begun anew since. */
    if (dir_fd < 0 || dpl_owner_read(dir_fd, options->set, &found, &err) != 0 || found.closed ||
        strcmp(found.node, owner.node) != 0 || found.epoch > owner.epoch ||
        dpl_owner_write(dir_fd, &owner, &err) != 0)
        warn(options, err.text[0] ? err.text : "the owner's stamp is not ours any more");
}
