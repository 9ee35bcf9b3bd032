/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/capstat/remote.h"

#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TEMP ".remote.new"

static int map_file(int fd, struct dpl_remote_page **page_r, struct dpl_err *err)
{
    void *at =
        mmap(NULL, sizeof(struct dpl_remote_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (at == MAP_FAILED)
        return dpl_err_sys(err, errno, "the page of the link cannot be mapped");
    *page_r = at;
    return 0;
}

static int map_checked(int dir_fd, struct dpl_remote_page **page_r, struct dpl_err *err)
{
    dpl_autofd int fd = openat(dir_fd, DPL_REMOTE_NAME, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    int code;

    if (fd < 0 && errno == ENOENT)
        return dpl_err_set(err, DPL_E_NOT_RUNNING, "there is no page for the link");
    if (fd < 0 || fstat(fd, &st) != 0)
        return dpl_err_sys(err, errno, "the page of the link cannot be opened");
    /* Who else could write it, or cut it, could hold up or kill the capture. */
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return dpl_err_set(err, DPL_E_CORRUPT, "the page of the link is not its user's alone");
    if (st.st_size < (off_t)sizeof(struct dpl_remote_page))
        return dpl_err_set(err, DPL_E_VERSION, "the page of the link is too small");
    code = map_file(fd, page_r, err);
    if (code != 0)
        return code;
    if ((*page_r)->magic != DPL_REMOTE_MAGIC)
        code = dpl_err_set(err, DPL_E_CORRUPT, "it is no page of a link");
    else if ((*page_r)->layout != DPL_REMOTE_LAYOUT || (*page_r)->bytes != sizeof(**page_r))
        code = dpl_err_set(err, DPL_E_VERSION, "the page of the link has layout %u, not %u",
                           (*page_r)->layout, DPL_REMOTE_LAYOUT);
    if (code != 0)
        dpl_remote_unmap(*page_r);
    return code;
}

static int make(int dir_fd, const struct dpl_remote_config *config, int64_t now_ns,
                struct dpl_remote_page **page_r, struct dpl_err *err)
{
    dpl_autofd int fd = -1;
    int code;

    unlinkat(dir_fd, TEMP, 0);
    fd = openat(dir_fd, TEMP, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return dpl_err_sys(err, errno, "the page of the link cannot be made");
    code = posix_fallocate(fd, 0, sizeof(struct dpl_remote_page));
    if (code != 0)
        return dpl_err_sys(err, code, "there is no room for the page of the link");
    code = map_file(fd, page_r, err);
    if (code != 0)
        return code;
    (*page_r)->magic = DPL_REMOTE_MAGIC;
    (*page_r)->layout = DPL_REMOTE_LAYOUT;
    (*page_r)->bytes = sizeof(**page_r);
    dpl_remote_beat(*page_r, now_ns);
    dpl_remote_configure(*page_r, config);
    if (renameat(dir_fd, TEMP, dir_fd, DPL_REMOTE_NAME) == 0)
        return 0;
    code = dpl_err_sys(err, errno, "the page of the link cannot be put into its place");
    dpl_remote_unmap(*page_r);
    return code;
}

int dpl_remote_create(int dir_fd, struct dpl_remote_page **page_r, struct dpl_err *err)
{
    const struct dpl_remote_config off = {.mode = DPL_REMOTE_OFF};

    return map_checked(dir_fd, page_r, NULL) == 0 ? 0 : make(dir_fd, &off, 0, page_r, err);
}

int dpl_remote_begin(int dir_fd, const struct dpl_remote_config *config, int64_t now_ns,
                     struct dpl_remote_page **page_r, struct dpl_err *err)
{
    struct dpl_remote_page *former = NULL;

    if (map_checked(dir_fd, &former, NULL) == 0) {
        atomic_store(&former->magic, 0);
        dpl_remote_unmap(former);
    }
    return make(dir_fd, config, now_ns, page_r, err);
}

bool dpl_remote_stands(const struct dpl_remote_page *page)
{
    return atomic_load(&page->magic) == DPL_REMOTE_MAGIC;
}

int dpl_remote_open(struct dpl_remote_page **page_r, const char *run_dir, const char *set,
                    struct dpl_err *err)
{
    dpl_autofd int run_fd = -1;
    dpl_autofd int dir_fd = -1;
    int code;

    if (!dpl_path_name_ok(set))
        return dpl_err_set(err, DPL_E_PARAM, "'%s' is not the name of a set", set);
    run_fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (run_fd >= 0)
        dir_fd = openat(run_fd, set, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir_fd < 0 && errno == ENOENT)
        return dpl_err_set(err, DPL_E_NOT_RUNNING, "no capture of set '%s' was started", set);
    if (dir_fd < 0)
        return dpl_err_sys(err, errno, "'%s/%s' cannot be opened", run_dir, set);
    code = map_checked(dir_fd, page_r, err);
    if (code != 0)
        dpl_err_context(err, "set '%s'", set);
    return code;
}

void dpl_remote_unmap(struct dpl_remote_page *page)
{
    if (page != NULL)
        munmap(page, sizeof(*page));
}

/* --- the link's side -------------------------------------------------------------------------- */

void dpl_remote_configure(struct dpl_remote_page *page, const struct dpl_remote_config *config)
{
    atomic_store(&page->policy, (uint32_t)config->policy);
    atomic_store(&page->timeout_ms, config->timeout_ms);
    atomic_store(&page->error, config->error);
    atomic_store(&page->mode, (uint32_t)config->mode);
    dpl_remote_ring(page);
}

void dpl_remote_advance(struct dpl_remote_page *page, uint64_t epoch_tag, uint64_t lsn,
                        int64_t now_ns)
{
    if (atomic_load(&page->epoch_tag) != epoch_tag) {
        atomic_store(&page->durable_lsn, 0); /* at no time is it one epoch's with another's tag */
        atomic_store(&page->epoch_tag, epoch_tag);
    }
    atomic_store(&page->durable_lsn, lsn);
    dpl_remote_beat(page, now_ns);
    dpl_remote_ring(page);
}

void dpl_remote_beat(struct dpl_remote_page *page, int64_t now_ns)
{
    atomic_store(&page->heartbeat_ns, (uint64_t)now_ns);
}

/* --- the capture's side ----------------------------------------------------------------------- */

static int64_t timeout_of(const struct dpl_remote_page *page)
{
    uint32_t ms = atomic_load(&page->timeout_ms);

    if (ms == 0)
        ms = DPL_REMOTE_TIMEOUT_MS;
    if (ms > DPL_REMOTE_TIMEOUT_MS_MAX)
        ms = DPL_REMOTE_TIMEOUT_MS_MAX;
    return (int64_t)ms * 1000000;
}

static uint64_t durable_of(const struct dpl_remote_page *page, uint64_t epoch_tag)
{
    uint64_t before = atomic_load(&page->epoch_tag);
    uint64_t lsn = atomic_load(&page->durable_lsn);

    return before == epoch_tag && atomic_load(&page->epoch_tag) == epoch_tag ? lsn : 0;
}

void dpl_remote_look(const struct dpl_remote_page *page, uint64_t epoch_tag,
                     struct dpl_remote_view *view_r)
{
    uint32_t mode = atomic_load(&page->mode);
    uint32_t error = atomic_load(&page->error);
    uint64_t heartbeat_ns = atomic_load(&page->heartbeat_ns);

    /* A mode that nobody knows was meant to be something: not silently off. */
    view_r->mode = mode <= DPL_REMOTE_FALLBACK ? (enum dpl_remote_mode)mode : DPL_REMOTE_FALLBACK;
    view_r->policy =
        atomic_load(&page->policy) == DPL_REMOTE_REFUSE ? DPL_REMOTE_REFUSE : DPL_REMOTE_LOCAL;
    view_r->timeout_ns = timeout_of(page);
    view_r->error = error == 0 || error > DPL_REMOTE_ERROR_MAX ? EIO : (int)error;
    view_r->durable_lsn = durable_of(page, epoch_tag);
    view_r->stale_ns =
        heartbeat_ns > INT64_MAX / 2 ? 0 : (int64_t)heartbeat_ns + view_r->timeout_ns;
}

void dpl_remote_ring(struct dpl_remote_page *page)
{
    atomic_fetch_add(&page->bell, 1);
    syscall(SYS_futex, &page->bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void dpl_remote_wait(struct dpl_remote_page *page, uint32_t seen, int64_t bound_ns)
{
    struct timespec bound = {.tv_sec = bound_ns / 1000000000, .tv_nsec = bound_ns % 1000000000};

    if (bound_ns > 0)
        syscall(SYS_futex, &page->bell, FUTEX_WAIT, seen, &bound, NULL, 0);
}
