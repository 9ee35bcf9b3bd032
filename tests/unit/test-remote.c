/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/fd.h"
#include "lib/capstat/remote.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MS INT64_C(1000000)

static int set_dir(const char *set)
{
    g_autofree char *path = g_build_filename(unit_tempdir(), set, NULL);
    mkdir(path, 0755);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CU_ASSERT_FATAL(fd >= 0);
    return fd;
}

static struct dpl_remote_view look(const struct dpl_remote_page *page)
{
    struct dpl_remote_view view;
    dpl_remote_look(page, 77, &view);
    return view;
}

static void what_the_link_says_is_seen(void)
{
    dpl_autofd int dir = set_dir("mail");
    struct dpl_remote_page *page = NULL, *link = NULL;
    CU_ASSERT_EQUAL_FATAL(dpl_remote_create(dir, &page, NULL), 0);
    CU_ASSERT_EQUAL(look(page).mode, DPL_REMOTE_OFF);
    CU_ASSERT_EQUAL_FATAL(dpl_remote_open(&link, unit_tempdir(), "mail", NULL), 0);
    uint32_t bell = atomic_load(&page->bell);
    dpl_remote_configure(link, &(struct dpl_remote_config){.mode = DPL_REMOTE_ON,
                                                           .policy = DPL_REMOTE_REFUSE,
                                                           .timeout_ms = 200,
                                                           .error = ENOSPC});
    CU_ASSERT_NOT_EQUAL(atomic_load(&page->bell), bell);
    bell = atomic_load(&page->bell);
    dpl_remote_advance(link, 77, 4096, 1000 * MS);
    CU_ASSERT_NOT_EQUAL(atomic_load(&page->bell), bell);
    struct dpl_remote_view view = look(page);
    CU_ASSERT_EQUAL(view.mode, DPL_REMOTE_ON);
    CU_ASSERT_EQUAL(view.policy, DPL_REMOTE_REFUSE);
    CU_ASSERT_EQUAL(view.timeout_ns, 200 * MS);
    CU_ASSERT_EQUAL(view.error, ENOSPC);
    CU_ASSERT_EQUAL(view.durable_lsn, 4096);
    CU_ASSERT_EQUAL(view.stale_ns, 1200 * MS);
    dpl_remote_unmap(link);
    dpl_remote_unmap(page);
}

static void another_epochs_position_is_none(void)
{
    struct dpl_remote_page page = {0};
    dpl_remote_advance(&page, 76, 4096, 0);
    CU_ASSERT_EQUAL(look(&page).durable_lsn, 0);
    dpl_remote_advance(&page, 77, 512, 0);
    CU_ASSERT_EQUAL(look(&page).durable_lsn, 512);
}

static void what_cannot_be_is_bounded(void)
{
    struct dpl_remote_page page = {0};
    CU_ASSERT_EQUAL(look(&page).timeout_ns, DPL_REMOTE_TIMEOUT_MS * MS);
    CU_ASSERT_EQUAL(look(&page).error, EIO);
    page.mode = 3;
    page.policy = 9;
    page.timeout_ms = UINT32_MAX;
    page.error = DPL_REMOTE_ERROR_MAX + 1;
    page.heartbeat_ns = UINT64_MAX;
    CU_ASSERT_EQUAL(look(&page).mode, DPL_REMOTE_FALLBACK);
    CU_ASSERT_EQUAL(look(&page).policy, DPL_REMOTE_LOCAL);
    CU_ASSERT_EQUAL(look(&page).timeout_ns, DPL_REMOTE_TIMEOUT_MS_MAX * MS);
    CU_ASSERT_EQUAL(look(&page).error, EIO);
    CU_ASSERT_EQUAL(look(&page).stale_ns, 0);
}

static int opened(const char *set)
{
    struct dpl_remote_page *page = NULL;
    int code = dpl_remote_open(&page, unit_tempdir(), set, NULL);
    if (code == 0)
        dpl_remote_unmap(page);
    return code;
}

static void a_page_that_is_none_is_refused_and_made_anew(void)
{
    dpl_autofd int dir = set_dir("bad");
    struct dpl_remote_page *page = NULL;
    CU_ASSERT_EQUAL(opened("bad"), DPL_E_NOT_RUNNING);
    CU_ASSERT_EQUAL(opened("never"), DPL_E_NOT_RUNNING);
    CU_ASSERT_EQUAL_FATAL(dpl_remote_create(dir, &page, NULL), 0);
    CU_ASSERT_EQUAL(opened("bad"), 0);
    page->layout++;
    CU_ASSERT_EQUAL(opened("bad"), DPL_E_VERSION);
    page->magic++;
    CU_ASSERT_EQUAL(opened("bad"), DPL_E_CORRUPT);
    dpl_remote_unmap(page);
    CU_ASSERT_EQUAL_FATAL(dpl_remote_create(dir, &page, NULL), 0);
    CU_ASSERT_EQUAL(opened("bad"), 0);
    CU_ASSERT_EQUAL(fchmodat(dir, DPL_REMOTE_NAME, 0602, 0), 0);
    CU_ASSERT_EQUAL(opened("bad"), DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(fchmodat(dir, DPL_REMOTE_NAME, 0600, 0), 0);
    dpl_remote_unmap(page);
    dpl_autofd int fd = openat(dir, DPL_REMOTE_NAME, O_RDWR | O_CLOEXEC);
    CU_ASSERT_EQUAL(ftruncate(fd, sizeof(struct dpl_remote_page) - 1), 0);
    CU_ASSERT_EQUAL(opened("bad"), DPL_E_VERSION);
}

static void the_bell_wakes_nobody_who_has_heard_it(void)
{
    struct dpl_remote_page page = {0};
    uint32_t seen = atomic_load(&page.bell);
    dpl_remote_ring(&page);
    dpl_remote_wait(&page, seen, INT64_MAX / 2); /* returns, for it has rung */
    dpl_remote_wait(&page, atomic_load(&page.bell), 1);
    CU_ASSERT_NOT_EQUAL(atomic_load(&page.bell), seen);
}

static const struct unit_test tests[] = {
    {"what the link says is seen", what_the_link_says_is_seen},
    {"another epoch's position is none", another_epochs_position_is_none},
    {"what cannot be is bounded", what_cannot_be_is_bounded},
    {"a page that is none is refused and made anew", a_page_that_is_none_is_refused_and_made_anew},
    {"the bell wakes nobody who has heard it", the_bell_wakes_nobody_who_has_heard_it},
};
UNIT_MAIN(tests)
