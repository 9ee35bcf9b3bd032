/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link/mirror_lend.h"

#include "daemon/link/link.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>

#define SECOND_NS INT64_C(1000000000)

/* Of newer kernel headers: the UUID that a file system has. */
struct fs_uuid {
    uint8_t size, uuid[16];
};
#define GET_FS_UUID _IOR(0x15, 0, struct fs_uuid)

static void say(struct dpl_link *link, const char *what)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_err err;
    dpl_doc_set_bool(doc, what, true);
    (void)dpl_channel_send(link->channel, doc, NULL, 0, &err);
}

void dpl_link_lend_ask(struct dpl_link *link)
{
    int64_t now = dpl_clock_now_ns(link->clock);
    struct dpl_link_mirror *m = &link->mirror;
    if (m->asked && now - m->asked_ns < 2 * SECOND_NS)
        return;
    m->asked = true;
    m->asked_ns = now;
    say(link, "lend");
}

void dpl_link_journal_ask(struct dpl_link *link)
{
    int64_t now = dpl_clock_now_ns(link->clock);
    struct dpl_link_mirror *m = &link->mirror;
    if (m->journal_ns != 0 && now - m->journal_ns < 5 * SECOND_NS)
        return;
    m->journal_ns = now;
    say(link, "journal_wanted");
}

void dpl_link_lend_back(struct dpl_link *link)
{
    struct dpl_link_mirror *m = &link->mirror;
    for (size_t i = 0; i < m->root_count; i++) {
        dpl_fd_clear(&m->roots[i].fd);
        g_clear_pointer(&m->paths[i], g_free);
    }
    m->root_count = 0;
    m->asked = false;
}

void dpl_link_mirror_lent(struct dpl_link *link, const struct dpl_doc *lent)
{
    struct dpl_link_mirror *m = &link->mirror;
    const struct dpl_doc *paths = dpl_doc_list(lent, "paths");
    const char *why = dpl_doc_text(lent, "text");
    size_t count = dpl_doc_count(paths);
    bool wanted = m->asked && !m->source && count > 0 && count <= DPL_LINK_ROOTS;
    dpl_link_lend_back(link);
    for (size_t i = 0; wanted && i < count; i++) {
        const char *path = dpl_doc_as_text(dpl_doc_at(paths, i));
        int fd = dpl_channel_take_fd(link->channel);
        if (fd < 0 || !path) {
            dpl_fd_clear(&fd);
            dpl_link_lend_back(link);
            return;
        }
        m->paths[i] = g_strdup(path);
        m->roots[i] =
            (struct dpl_mirror_root){.number = (uint32_t)i, .fd = fd, .path = m->paths[i]};
        m->root_count = i + 1;
    }
    if (!why)
        return;
    if (strcmp(why, m->why) != 0)
        dpl_link_event(link, "mirror-waits", why);
    g_strlcpy(m->why, why, sizeof m->why);
    m->again_ns = dpl_clock_now_ns(link->clock) + SECOND_NS;
}

int dpl_link_lend_check(struct dpl_link *link, struct dpl_err *err)
{
    static const uint8_t none[16];
    struct dpl_link_mirror *m = &link->mirror;
    const uint8_t *wanted = link->source.now.epoch.fs_uuid;
    struct statvfs fs;
    m->objects_all = 0;
    if (fstatvfs(m->roots[0].fd, &fs) == 0 && fs.f_files > fs.f_ffree)
        m->objects_all = fs.f_files - fs.f_ffree;
    if (memcmp(wanted, none, 16) == 0 || m->run.accept_filesystem)
        return 0;
    for (size_t i = 0; i < m->root_count; i++) {
        struct fs_uuid found = {0};
        if (ioctl(m->roots[i].fd, GET_FS_UUID, &found) == 0 && found.size == 16 &&
            memcmp(found.uuid, wanted, 16) != 0)
            return dpl_err_set(err, DPL_E_REFUSED,
                               "the root \"%s\" is on another file system than the one whose "
                               "changes are journalled: is its disk mounted?",
                               m->roots[i].path);
    }
    return 0;
}

/* Opens the page of this epoch's capture, if it is not. */
static bool page_of(struct dpl_link *link, uint64_t epoch)
{
    if (link->capstat && dpl_capstat_epoch(link->capstat) != epoch)
        g_clear_pointer(&link->capstat, dpl_capstat_close);
    if (!link->capstat && link->config.capture_run_dir &&
        dpl_capstat_open(&link->capstat, link->config.capture_run_dir, link->config.set, NULL) < 0)
        link->capstat = NULL;
    return link->capstat && dpl_capstat_epoch(link->capstat) == epoch;
}

bool dpl_link_capture_now(struct dpl_link *link, struct dpl_capstat_now *now)
{
    if (!page_of(link, link->source.now.epoch.number))
        return false;
    dpl_capstat_read(link->capstat, now);
    return true;
}

bool dpl_link_capture_holds(struct dpl_link *link)
{
    struct dpl_link_mirror *m = &link->mirror;
    int64_t now = dpl_clock_now_ns(link->clock);
    struct dpl_capstat *page = NULL;
    if (now - m->held_ns < SECOND_NS)
        return true;
    m->held_ns = now;
    if (dpl_capstat_open(&page, link->config.capture_run_dir, link->config.set, NULL) < 0)
        return false;
    dpl_capstat_close(page);
    return true;
}

int dpl_link_journal_end(struct dpl_link *link, struct dpl_source_offer *offer, struct dpl_err *err)
{
    const struct dpl_journal_epoch *list = NULL;
    struct dpl_capstat_now n;
    ssize_t count = dpl_ledger_epochs(&link->ledger, &list, err);
    if (count < 0)
        return (int)count;
    if (count == 0)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "there is no journal yet");
    struct dpl_epoch newest = list[count - 1].epoch;
    if (!page_of(link, newest.number))
        return dpl_err_set(err, DPL_E_NOT_RUNNING, "the capture of the set does not run");
    dpl_capstat_read(link->capstat, &n);
    if (n.mode != DPL_CAPSTAT_JOURNAL) {
        dpl_link_journal_ask(link);
        return dpl_err_set(err, DPL_E_NOT_RUNNING, "the capture of the set does not journal");
    }
    *offer = (struct dpl_source_offer){.epoch = newest};
    offer->lsn = n.lowest_open_lsn < n.spilled_lsn ? n.lowest_open_lsn : n.spilled_lsn;
    return dpl_ledger_chain_at(&link->ledger, newest.number, offer->lsn, &offer->chain, err);
}

bool dpl_link_journal_left(struct dpl_link *link)
{
    struct dpl_capstat *page = NULL;
    struct dpl_capstat_now n;
    if (!link->config.capture_run_dir ||
        dpl_capstat_open(&page, link->config.capture_run_dir, link->config.set, NULL) < 0)
        return false;
    uint64_t epoch = dpl_capstat_epoch(page);
    dpl_capstat_read(page, &n);
    dpl_capstat_close(page);
    return n.journal_ends > 0 && n.mode == DPL_CAPSTAT_JOURNAL &&
           epoch > link->source.now.epoch.number;
}
