/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/fd.h"
#include "lib/capstat/capstat.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

/* A set's directory in the test's own. */
static int set_dir(const char *set)
{
    g_autofree char *path = g_build_filename(unit_tempdir(), set, NULL);
    mkdir(path, 0755);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CU_ASSERT_FATAL(fd >= 0);
    return fd;
}

static struct dpl_capstat_page *page_make(int dir)
{
    g_autofree struct dpl_capstat_what *what = g_new0(struct dpl_capstat_what, 1);
    what->epoch_number = 7;
    what->root_count = 2;
    g_strlcpy(what->set, "mail", sizeof what->set);
    g_strlcpy(what->roots[1].path, "/srv/web", sizeof what->roots[1].path);
    struct dpl_capstat_page *page = NULL;
    CU_ASSERT_EQUAL_FATAL(dpl_capstat_create(dir, what, &page, NULL), 0);
    return page;
}

static void what_is_written_is_read(void)
{
    dpl_autofd int dir = set_dir("mail");
    struct dpl_capstat_page *page = page_make(dir);
    struct dpl_capstat *capstat = NULL;
    struct dpl_capstat_now now;
    CU_ASSERT_EQUAL_FATAL(dpl_capstat_open(&capstat, unit_tempdir(), "mail", NULL), 0);
    CU_ASSERT_EQUAL(dpl_capstat_what(capstat)->epoch_number, 7);
    CU_ASSERT_STRING_EQUAL(dpl_capstat_what(capstat)->roots[1].path, "/srv/web");
    /* Every number, by itself, and while it is open. */
    uint64_t n = 100;
#define DPL_CAPSTAT(member, kind, text) atomic_store(&page->now.member, n++);
#include "lib/capstat/capstat.tbl.h"
#undef DPL_CAPSTAT
    dpl_capstat_read(capstat, &now);
    n = 100;
#define DPL_CAPSTAT(member, kind, text) CU_ASSERT_EQUAL(now.member, n++);
#include "lib/capstat/capstat.tbl.h"
#undef DPL_CAPSTAT
    uint64_t ticks = 0;
    dpl_capstat_set_keeper(page, 11, 22);
    CU_ASSERT_EQUAL(dpl_capstat_keeper(capstat, &ticks), 11);
    CU_ASSERT_EQUAL(ticks, 22);
    dpl_capstat_close(capstat);
    dpl_capstat_unmap(page);
}

static void a_successor_goes_on_with_the_same_page(void)
{
    dpl_autofd int dir = set_dir("again");
    struct dpl_capstat_page *page = page_make(dir), *next = NULL;
    atomic_store(&page->now.requests, 5);
    CU_ASSERT_EQUAL_FATAL(dpl_capstat_resume(dir, &next, NULL), 0);
    CU_ASSERT_EQUAL(atomic_load(&next->now.requests), 5);
    atomic_store(&next->now.requests, 6);
    CU_ASSERT_EQUAL(atomic_load(&page->now.requests), 6);
    dpl_capstat_unmap(page);
    dpl_capstat_unmap(next);
}

/* Changes a page, and says what opening answers. */
static int opened_after(void (*damage)(struct dpl_capstat_page *page))
{
    dpl_autofd int dir = set_dir("bad");
    struct dpl_capstat_page *page = page_make(dir);
    struct dpl_capstat *capstat = NULL;
    struct dpl_err err = {0};
    damage(page);
    int code = dpl_capstat_open(&capstat, unit_tempdir(), "bad", &err);
    CU_ASSERT_EQUAL(err.code, code);
    dpl_capstat_close(capstat);
    dpl_capstat_unmap(page);
    return code;
}

static void bad_magic(struct dpl_capstat_page *page)
{
    page->magic++;
}

static void bad_layout(struct dpl_capstat_page *page)
{
    page->layout++;
}

static void bad_size(struct dpl_capstat_page *page)
{
    page->bytes--;
}

static void bad_count(struct dpl_capstat_page *page)
{
    page->what.root_count = DPL_CAPSTAT_ROOTS + 1;
}

static void bad_path(struct dpl_capstat_page *page)
{
    memset(page->what.roots[1].path, 'x', sizeof page->what.roots[1].path);
}

static void bad_set(struct dpl_capstat_page *page)
{
    memset(page->what.set, 'x', sizeof page->what.set);
}

static void a_page_that_contradicts_itself_is_refused(void)
{
    CU_ASSERT_EQUAL(opened_after(bad_magic), DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(opened_after(bad_layout), DPL_E_VERSION);
    CU_ASSERT_EQUAL(opened_after(bad_size), DPL_E_VERSION);
    CU_ASSERT_EQUAL(opened_after(bad_count), DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(opened_after(bad_path), DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(opened_after(bad_set), DPL_E_CORRUPT);
}

static void a_page_that_was_cut_is_refused(void)
{
    dpl_autofd int dir = set_dir("cut");
    dpl_capstat_unmap(page_make(dir));
    dpl_autofd int fd = openat(dir, DPL_CAPSTAT_NAME, O_RDWR | O_CLOEXEC);
    CU_ASSERT_EQUAL(ftruncate(fd, sizeof(struct dpl_capstat_page) - 1), 0);
    struct dpl_capstat *capstat = NULL;
    CU_ASSERT_EQUAL(dpl_capstat_open(&capstat, unit_tempdir(), "cut", NULL), DPL_E_VERSION);
}

static void a_set_that_was_never_started_is_not_running(void)
{
    struct dpl_capstat *capstat = NULL;
    CU_ASSERT_EQUAL(dpl_capstat_open(&capstat, unit_tempdir(), "never", NULL), DPL_E_NOT_RUNNING);
    CU_ASSERT_EQUAL(dpl_capstat_running(unit_tempdir(), "never", NULL), 0);
    CU_ASSERT_EQUAL(dpl_capstat_open(&capstat, "/nonexistent", "mail", NULL), DPL_E_NOT_RUNNING);
    CU_ASSERT_EQUAL(dpl_capstat_open(&capstat, unit_tempdir(), "..", NULL), DPL_E_PARAM);
    CU_ASSERT_EQUAL(dpl_capstat_open(&capstat, unit_tempdir(), "a/b", NULL), DPL_E_PARAM);
}

static void the_lock_is_held_once_and_can_be_looked_at(void)
{
    dpl_autofd int dir = set_dir("locked");
    int lock = dpl_capstat_lock(dir, NULL);
    CU_ASSERT_FATAL(lock >= 0);
    CU_ASSERT_EQUAL(dpl_capstat_running(unit_tempdir(), "locked", NULL), 1);
    CU_ASSERT_EQUAL(dpl_capstat_lock(dir, NULL), DPL_E_BUSY);
    /* It lives with its last descriptor, whoever has it. */
    int other = dup(lock);
    close(lock);
    CU_ASSERT_EQUAL(dpl_capstat_running(unit_tempdir(), "locked", NULL), 1);
    close(other);
    CU_ASSERT_EQUAL(dpl_capstat_running(unit_tempdir(), "locked", NULL), 0);
}

static void the_state_is_judged(void)
{
    struct dpl_capstat_now now = {.heartbeat_ns = 100 * SECOND, .mode = DPL_CAPSTAT_JOURNAL};
    const int64_t soon = 101 * SECOND, late = 111 * SECOND;
    CU_ASSERT_EQUAL(dpl_capstat_judge(&now, 1, soon), DPL_CAPSTAT_IS_SERVING);
    CU_ASSERT_EQUAL(dpl_capstat_judge(&now, DPL_E_PERM, soon), DPL_CAPSTAT_IS_SERVING);
    CU_ASSERT_EQUAL(dpl_capstat_judge(&now, 0, soon), DPL_CAPSTAT_IS_DOWN);
    CU_ASSERT_EQUAL(dpl_capstat_judge(&now, 1, late), DPL_CAPSTAT_IS_STUCK);
    now.mode = DPL_CAPSTAT_PASS;
    CU_ASSERT_EQUAL(dpl_capstat_judge(&now, 1, soon), DPL_CAPSTAT_IS_PASSING);
    CU_ASSERT_EQUAL(dpl_capstat_judge(&now, 1, late), DPL_CAPSTAT_IS_STUCK);
    now.mode = DPL_CAPSTAT_STARTING;
    CU_ASSERT_EQUAL(dpl_capstat_judge(&now, 1, soon), DPL_CAPSTAT_IS_STARTING);
    CU_ASSERT_STRING_EQUAL(dpl_capstat_state_text(DPL_CAPSTAT_IS_STUCK), "stuck");
}

static const struct unit_test tests[] = {
    {"what is written is read", what_is_written_is_read},
    {"a successor goes on with the same page", a_successor_goes_on_with_the_same_page},
    {"a page that contradicts itself is refused", a_page_that_contradicts_itself_is_refused},
    {"a page that was cut is refused", a_page_that_was_cut_is_refused},
    {"a set that was never started is not running", a_set_that_was_never_started_is_not_running},
    {"the lock is held once and can be looked at", the_lock_is_held_once_and_can_be_looked_at},
    {"the state is judged", the_state_is_judged},
};
UNIT_MAIN(tests)
