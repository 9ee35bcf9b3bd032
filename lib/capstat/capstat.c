/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/capstat/capstat.h"

#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMP ".status.new"

struct dpl_capstat {
    const struct dpl_capstat_page *page;
};

static struct flock whole_file(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

/* --- the capture's side ----------------------------------------------------------------------- */

static int map_page(int fd, int prot, void **at_r, struct dpl_err *err)
{
    *at_r = mmap(NULL, sizeof(struct dpl_capstat_page), prot, MAP_SHARED, fd, 0);
    return *at_r == MAP_FAILED ? dpl_err_sys(err, errno, "the status page cannot be mapped") : 0;
}

/* The room is there before it is used: a full file system must not kill who writes into it. */
static int make_file(int dir_fd, struct dpl_err *err)
{
    dpl_autofd int fd = -1;
    int code;

    unlinkat(dir_fd, TEMP, 0);
    fd = openat(dir_fd, TEMP, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return dpl_err_sys(err, errno, "the status page cannot be made");
    code = posix_fallocate(fd, 0, sizeof(struct dpl_capstat_page));
    if (code != 0)
        return dpl_err_sys(err, code, "there is no room for the status page");
    if (fchmod(fd, 0644) != 0)
        return dpl_err_sys(err, errno, "the mode of the status page");
    return dpl_fd_steal(&fd);
}

int dpl_capstat_create(int dir_fd, const struct dpl_capstat_what *what,
                       struct dpl_capstat_page **page_r, struct dpl_err *err)
{
    dpl_autofd int fd = make_file(dir_fd, err);
    struct dpl_capstat_page *page;
    void *at;
    int code;

    if (fd < 0)
        return fd;
    code = map_page(fd, PROT_READ | PROT_WRITE, &at, err);
    if (code != 0)
        return code;
    page = at;
    page->magic = DPL_CAPSTAT_MAGIC;
    page->layout = DPL_CAPSTAT_LAYOUT;
    page->bytes = sizeof(*page);
    page->what = *what;
    if (renameat(dir_fd, TEMP, dir_fd, DPL_CAPSTAT_NAME) != 0) {
        code = dpl_err_sys(err, errno, "the status page cannot be put into its place");
        munmap(at, sizeof(*page));
        return code;
    }
    *page_r = page;
    return 0;
}

static bool text_ends(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static int check_page(const struct dpl_capstat_page *page, struct dpl_err *err)
{
    const struct dpl_capstat_what *what = &page->what;
    bool good = what->root_count <= DPL_CAPSTAT_ROOTS && text_ends(what->set, DPL_CAPSTAT_SET) &&
                text_ends(what->boot_id, DPL_CAPSTAT_BOOT_ID) &&
                text_ends(what->journal_dir, DPL_CAPSTAT_PATH);

    if (page->magic != DPL_CAPSTAT_MAGIC)
        return dpl_err_set(err, DPL_E_CORRUPT, "it is no status page of a capture");
    if (page->layout != DPL_CAPSTAT_LAYOUT || page->bytes != sizeof(*page))
        return dpl_err_set(err, DPL_E_VERSION, "the status page has layout %u, not %u",
                           page->layout, DPL_CAPSTAT_LAYOUT);
    for (uint32_t i = 0; good && i < what->root_count; i++)
        good = text_ends(what->roots[i].path, DPL_CAPSTAT_PATH);
    return good ? 0 : dpl_err_set(err, DPL_E_CORRUPT, "the status page contradicts itself");
}

static int map_checked(int dir_fd, int flags, int prot, void **at_r, struct dpl_err *err)
{
    dpl_autofd int fd = openat(dir_fd, DPL_CAPSTAT_NAME, flags | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    int code;

    if (fd < 0 && errno == ENOENT)
        return dpl_err_set(err, DPL_E_NOT_RUNNING, "there is no status page");
    if (fd < 0 || fstat(fd, &st) != 0)
        return dpl_err_sys(err, errno, "the status page cannot be opened");
    /* A smaller file would kill who maps it. */
    if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(struct dpl_capstat_page))
        return dpl_err_set(err, DPL_E_VERSION, "the status page has %lld bytes, not %zu",
                           (long long)st.st_size, sizeof(struct dpl_capstat_page));
    code = map_page(fd, prot, at_r, err);
    if (code != 0)
        return code;
    code = check_page(*at_r, err);
    if (code != 0)
        munmap(*at_r, sizeof(struct dpl_capstat_page));
    return code;
}

int dpl_capstat_resume(int dir_fd, struct dpl_capstat_page **page_r, struct dpl_err *err)
{
    void *at;
    int code = map_checked(dir_fd, O_RDWR, PROT_READ | PROT_WRITE, &at, err);

    if (code == 0)
        *page_r = at;
    return code;
}

void dpl_capstat_unmap(struct dpl_capstat_page *page)
{
    if (page != NULL)
        munmap(page, sizeof(*page));
}

int dpl_capstat_lock(int dir_fd, struct dpl_err *err)
{
    dpl_autofd int fd = openat(dir_fd, DPL_CAPSTAT_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    struct flock lock = whole_file();

    if (fd < 0)
        return dpl_err_sys(err, errno, "the lock cannot be opened");
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return dpl_fd_steal(&fd);
    if (errno == EAGAIN || errno == EACCES)
        return dpl_err_set(err, DPL_E_BUSY, "a capture of this set is running");
    return dpl_err_sys(err, errno, "the lock cannot be taken");
}

void dpl_capstat_set_epoch(struct dpl_capstat_page *page, uint64_t number, const uint8_t id[16])
{
    if (page->what.epoch_number == number)
        return;
    atomic_store(&page->now.mode, (uint64_t)DPL_CAPSTAT_PASS);
    memcpy(page->what.epoch_id, id, sizeof(page->what.epoch_id));
    __atomic_store_n(&page->what.epoch_number, number, __ATOMIC_SEQ_CST);
}

void dpl_capstat_set_keeper(struct dpl_capstat_page *page, uint64_t pid, uint64_t start_ticks)
{
    atomic_store(&page->keeper, 0);
    atomic_store(&page->keeper_start_ticks, start_ticks);
    atomic_store(&page->keeper, pid);
}

/* --- everybody's side ------------------------------------------------------------------------- */

static int open_dir(const char *run_dir, const char *set, struct dpl_err *err)
{
    dpl_autofd int run_fd = -1;
    int fd;

    if (!dpl_path_name_ok(set))
        return dpl_err_set(err, DPL_E_PARAM, "'%s' is not the name of a set", set);
    run_fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fd = run_fd < 0 ? -1 : openat(run_fd, set, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return dpl_err_set(err, DPL_E_NOT_RUNNING, "no capture of set '%s' was started", set);
    if (fd < 0)
        return dpl_err_sys(err, errno, "'%s/%s' cannot be opened", run_dir, set);
    return fd;
}

int dpl_capstat_open(struct dpl_capstat **capstat_r, const char *run_dir, const char *set,
                     struct dpl_err *err)
{
    dpl_autofd int dir_fd = open_dir(run_dir, set, err);
    void *at;
    int code;

    if (dir_fd < 0)
        return dir_fd;
    code = map_checked(dir_fd, O_RDONLY, PROT_READ, &at, err);
    if (code != 0) {
        dpl_err_context(err, "set '%s'", set);
        return code;
    }
    *capstat_r = g_new0(struct dpl_capstat, 1);
    (*capstat_r)->page = at;
    return 0;
}

void dpl_capstat_close(struct dpl_capstat *capstat)
{
    if (capstat == NULL)
        return;
    munmap((void *)(uintptr_t)capstat->page, sizeof(*capstat->page));
    g_free(capstat);
}

const struct dpl_capstat_what *dpl_capstat_what(const struct dpl_capstat *capstat)
{
    return &capstat->page->what;
}

uint64_t dpl_capstat_epoch(const struct dpl_capstat *capstat)
{
    return __atomic_load_n(&capstat->page->what.epoch_number, __ATOMIC_SEQ_CST);
}

void dpl_capstat_read(const struct dpl_capstat *capstat, struct dpl_capstat_now *now_r)
{
#define DPL_CAPSTAT(member, kind, text) now_r->member = atomic_load(&capstat->page->now.member);
#include "lib/capstat/capstat.tbl.h"
#undef DPL_CAPSTAT
}

uint64_t dpl_capstat_keeper(const struct dpl_capstat *capstat, uint64_t *start_ticks_r)
{
    uint64_t keeper = atomic_load(&capstat->page->keeper);

    *start_ticks_r = atomic_load(&capstat->page->keeper_start_ticks);
    /* The same before and after: the ticks are of this one. */
    return atomic_load(&capstat->page->keeper) == keeper ? keeper : 0;
}

int dpl_capstat_running(const char *run_dir, const char *set, struct dpl_err *err)
{
    dpl_autofd int dir_fd = open_dir(run_dir, set, err);
    dpl_autofd int fd = -1;
    struct flock lock = whole_file();

    if (dir_fd == DPL_E_NOT_RUNNING)
        return 0;
    if (dir_fd < 0)
        return dir_fd;
    fd = openat(dir_fd, DPL_CAPSTAT_LOCK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) != 0)
        return dpl_err_sys(err, errno, "set '%s': the lock cannot be looked at", set);
    return lock.l_type != F_UNLCK;
}

enum dpl_capstat_state dpl_capstat_judge(const struct dpl_capstat_now *now, int running,
                                         int64_t now_ns)
{
    if (running == 0)
        return DPL_CAPSTAT_IS_DOWN;
    if (now_ns - (int64_t)now->heartbeat_ns > DPL_CAPSTAT_STALE_NS)
        return DPL_CAPSTAT_IS_STUCK;
    switch (now->mode) {
    case DPL_CAPSTAT_JOURNAL:
        return DPL_CAPSTAT_IS_SERVING;
    case DPL_CAPSTAT_PASS:
        return DPL_CAPSTAT_IS_PASSING;
    default:
        return DPL_CAPSTAT_IS_STARTING;
    }
}

const char *dpl_capstat_state_text(enum dpl_capstat_state state)
{
    switch (state) {
    case DPL_CAPSTAT_IS_SERVING:
        return "serving";
    case DPL_CAPSTAT_IS_PASSING:
        return "serving-without-journal";
    case DPL_CAPSTAT_IS_STARTING:
        return "starting";
    case DPL_CAPSTAT_IS_STUCK:
        return "stuck";
    default:
        return "not-running";
    }
}
