/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * load: fights about data. Whoever writes knows what must be there afterwards, so a write that came
 * twice, late or not at all shows.
 */
#include "tests/crash/load.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define RECORD 40
#define PAGE   4096

/* Records of one length appended by all to one file: each comes once, in its worker's order. */
static void play_append(struct load_worker *w)
{
    char record[RECORD + 1];
    long n = load_shared->appended[w->id];
    snprintf(record, sizeof record, "%03d %035ld\n", w->id, n);
    int fd = w->append_fd;
    if (n % 4 == 0)
        fd = (int)LOAD_MUST(w, openat(w->dir_fd, "append", O_WRONLY | O_APPEND | O_CLOEXEC));
    long written = LOAD_MUST(w, write(fd, record, RECORD));
    if (written != RECORD)
        load_bad(w, "append wrote %ld of %d", written, RECORD);
    load_shared->appended[w->id] = n + 1;
    if (fd != w->append_fd)
        close(fd);
}

/* Pages of one file, each with its version, written and read by all under a lock of theirs. */
static void play_page(struct load_worker *w)
{
    uint32_t *words = (uint32_t *)(void *)w->data;
    int fd = (int)LOAD_MUST(w, openat(w->dir_fd, "pages", O_RDWR | O_CLOEXEC));
    if (fd < 0)
        return;
    pthread_mutex_lock(&load_shared->pages_mutex);
    uint32_t page = load_random(w, LOAD_PAGES);
    uint32_t version = ++load_shared->page_versions[page];
    for (uint32_t i = 0; i < PAGE / 4; i++)
        words[i] = version * LOAD_PAGES + page;
    if (LOAD_MUST(w, pwrite(fd, words, PAGE, (off_t)page * PAGE)) != PAGE)
        load_bad(w, "a short write of page %u", page);
    page = load_random(w, LOAD_PAGES);
    version = load_shared->page_versions[page];
    if (LOAD_MUST(w, pread(fd, words, PAGE, (off_t)page * PAGE)) == PAGE && version > 0)
        for (uint32_t i = 0; i < PAGE / 4; i++)
            if (words[i] != version * LOAD_PAGES + page) {
                load_bad(w, "page %u is not of version %u", page, version);
                break;
            }
    pthread_mutex_unlock(&load_shared->pages_mutex);
    close(fd);
}

/* As a mail is delivered: written aside, synced, renamed over the old one. */
static void play_replace(struct load_worker *w)
{
    const char *temporary = load_name(w, "new.%d.%ld", w->id, w->round);
    int fd = (int)LOAD_MUST(
        w, openat(w->dir_fd, temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
    if (fd < 0)
        return;
    memset(w->data, 'a' + (int)(w->round % 26), 8192);
    if (LOAD_MUST(w, write(fd, w->data, 8192)) != 8192)
        load_bad(w, "a short write");
    if (w->round % 4 == 0)
        LOAD_MUST(w, fsync(fd));
    LOAD_MUST(w, close(fd));
    const char *target = load_name(w, "replaced%u", load_random(w, 3));
    LOAD_MUST(w, renameat(w->dir_fd, temporary, w->dir_fd, target));
}

static void play_read_replaced(struct load_worker *w)
{
    const char *name = load_name(w, "replaced%u", load_random(w, 3));
    int fd = (int)LOAD_MUST(w, openat(w->dir_fd, name, O_RDONLY | O_CLOEXEC));
    if (fd < 0)
        return;
    long n = LOAD_MUST(w, read(fd, w->data, 8192));
    if (n != 8192)
        load_bad(w, "\"%s\" gave %ld of 8192 bytes", name, n);
    for (long i = 1; i < n; i++)
        if (w->data[i] != w->data[0]) {
            load_bad(w, "\"%s\" is a mixture of two", name);
            break;
        }
    close(fd);
}

/* A file that grows by writes and allocations and is cut, its size known to all. */
static void play_extent(struct load_worker *w)
{
    struct stat st;
    int fd = (int)LOAD_MUST(w, openat(w->dir_fd, "extent", O_RDWR | O_CLOEXEC));
    if (fd < 0)
        return;
    pthread_mutex_lock(&load_shared->extent_mutex);
    long *pages = &load_shared->extent_pages;
    if (*pages > 64) {
        LOAD_MUST(w, ftruncate(fd, 16 * PAGE));
        *pages = 16;
    } else if (load_random(w, 2) == 0) {
        LOAD_MUST(w, fallocate(fd, 0, *pages * PAGE, PAGE));
        (*pages)++;
    } else {
        LOAD_MUST(w, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE));
        LOAD_MUST(w, ftruncate(fd, (*pages + 1) * PAGE));
        (*pages)++;
    }
    if (LOAD_MUST(w, fstat(fd, &st)) == 0 && st.st_size != *pages * PAGE)
        load_bad(w, "extent has %lld bytes, not %ld", (long long)st.st_size, *pages * PAGE);
    pthread_mutex_unlock(&load_shared->extent_mutex);
    close(fd);
}

static void play_copy(struct load_worker *w)
{
    int fd = (int)LOAD_MUST(w, openat(w->dir_fd, "copy", O_RDWR | O_CLOEXEC));
    if (fd < 0)
        return;
    uint8_t *values = load_shared->copy_values;
    pthread_mutex_lock(&load_shared->copy_mutex);
    uint32_t from = load_random(w, 16), to = load_random(w, 16);
    if (w->round % 3 == 0) {
        memset(w->data, (int)(w->round & 0xff), PAGE);
        LOAD_MUST(w, pwrite(fd, w->data, PAGE, (off_t)from * PAGE));
        values[from] = (uint8_t)w->round;
    }
    if (from != to) {
        off_t in = (off_t)from * PAGE, at = (off_t)to * PAGE;
        if (LOAD_MUST(w, copy_file_range(fd, &in, fd, &at, PAGE, 0)) != PAGE)
            load_bad(w, "a short copy");
        values[to] = values[from];
    }
    uint32_t page = load_random(w, 16);
    if (LOAD_MUST(w, pread(fd, w->data, PAGE, (off_t)page * PAGE)) == PAGE &&
        ((uint8_t)w->data[0] != values[page] || (uint8_t)w->data[PAGE - 1] != values[page]))
        load_bad(w, "page %u of copy is %u, not %u", page, (uint8_t)w->data[0], values[page]);
    pthread_mutex_unlock(&load_shared->copy_mutex);
    close(fd);
}

/* A number in a file, counted up under a lock that the file system gives. */
static void play_counter(struct load_worker *w)
{
    char text[32] = "";
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    int fd = (int)LOAD_MUST(w, openat(w->dir_fd, "counter", O_RDWR | O_CLOEXEC));
    if (fd < 0)
        return;
    /* both ways exclude one another: flock first, then the range */
    LOAD_MUST(w, flock(fd, LOCK_EX));
    LOAD_MUST(w, fcntl(fd, F_OFD_SETLKW, &lock));
    if (LOAD_MUST(w, pread(fd, text, sizeof text - 1, 0)) >= 0) {
        long n = strtol(text, NULL, 10);
        long expected = load_shared->counted++;
        if (n != expected)
            load_bad(w, "the counter is %ld, not %ld", n, expected);
        snprintf(text, sizeof text, "%020ld", expected + 1);
        LOAD_MUST(w, pwrite(fd, text, 20, 0));
    }
    close(fd);
}

/* The byte that this process locked when it began is still locked to others. */
static void play_held_lock(struct load_worker *w)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = getpid(), .l_len = 1};
    if (LOAD_MUST(w, fcntl(w->locks_fd, F_OFD_GETLK, &lock)) == 0 &&
        (lock.l_type != F_WRLCK || lock.l_pid != getpid()))
        load_bad(w, "the lock that I hold is type %d of process %d", lock.l_type, lock.l_pid);
}

/* A file without a name, written and read back. */
static void play_orphan(struct load_worker *w)
{
    struct stat st;
    memset(w->data, 'o' + (int)(w->orphan_size % 7), 100);
    if (LOAD_MUST(w, pwrite(w->orphan_fd, w->data, 100, w->orphan_size)) == 100)
        w->orphan_size += 100;
    if (LOAD_MUST(w, fstat(w->orphan_fd, &st)) == 0 &&
        (st.st_size != w->orphan_size || st.st_nlink != 0))
        load_bad(w, "the nameless file has %lld bytes and %lu links, not %ld and 0",
                 (long long)st.st_size, (unsigned long)st.st_nlink, w->orphan_size);
    long at = (long)load_random(w, (uint32_t)(w->orphan_size / 100)) * 100;
    if (LOAD_MUST(w, pread(w->orphan_fd, w->data, 100, at)) != 100 ||
        w->data[99] != 'o' + (int)(at % 7))
        load_bad(w, "the nameless file is wrong at %ld", at);
    if (w->orphan_size > 400000) {
        LOAD_MUST(w, ftruncate(w->orphan_fd, 0));
        w->orphan_size = 0;
        play_orphan(w);
    }
}

/* What I set on my file is what I get. */
static void play_own(struct load_worker *w)
{
    struct stat st;
    char text[32], got[32];
    mode_t mode = 0600 | load_random(w, 0100);
    LOAD_MUST(w, fchmod(w->own_fd, mode));
    const struct timespec times[2] = {{w->round, 1}, {1000000 + w->round, 999999999}};
    LOAD_MUST(w, futimens(w->own_fd, times));
    if (LOAD_MUST(w, fstat(w->own_fd, &st)) == 0 &&
        ((st.st_mode & 07777) != mode || st.st_mtim.tv_sec != times[1].tv_sec ||
         st.st_mtim.tv_nsec != times[1].tv_nsec))
        load_bad(w, "mode %o, mtime %lld: not what I set", st.st_mode,
                 (long long)st.st_mtim.tv_sec);
    int n = snprintf(text, sizeof text, "%ld", w->round);
    LOAD_MUST(w, fsetxattr(w->own_fd, "user.own", text, (size_t)n, 0));
    if (LOAD_MUST(w, fgetxattr(w->own_fd, "user.own", got, sizeof got)) != n ||
        memcmp(got, text, (size_t)n) != 0)
        load_bad(w, "user.own is not \"%s\"", text);
}

static void play_map(struct load_worker *w)
{
    size_t at = load_random(w, PAGE);
    w->own_map[at] = (uint8_t)w->round;
    if (w->round % 4 == 0)
        LOAD_MUST(w, msync(w->own_map, PAGE, MS_SYNC));
    uint8_t c = 0;
    if (LOAD_MUST(w, pread(w->own_fd, &c, 1, (off_t)at)) != 1 || c != (uint8_t)w->round)
        load_bad(w, "a stored byte reads as %u, not %u", c, (uint8_t)w->round);
}

const struct load_game load_data_games[] = {
    {"append", 5, play_append},   {"page", 4, play_page},
    {"replace", 3, play_replace}, {"read_replaced", 2, play_read_replaced},
    {"extent", 2, play_extent},   {"copy", 2, play_copy},
    {"counter", 2, play_counter}, {"held_lock", 1, play_held_lock},
    {"orphan", 2, play_orphan},   {"own", 2, play_own},
    {"map", 2, play_map},         {NULL, 0, NULL},
};

static void prepare_file(struct load_worker *w, const char *name, size_t size, char fill)
{
    int fd =
        (int)LOAD_MUST(w, openat(w->dir_fd, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
    memset(w->data, fill, sizeof w->data);
    for (size_t at = 0; fd >= 0 && at < size; at += 8192)
        if (pwrite(fd, w->data, 8192, (off_t)at) != 8192)
            load_bad(w, "\"%s\" cannot be filled: %m", name);
    close(fd);
}

void load_data_prepare(struct load_worker *w)
{
    prepare_file(w, "append", 0, 0);
    prepare_file(w, "pages", (size_t)LOAD_PAGES * PAGE, 0);
    prepare_file(w, "extent", (size_t)16 * PAGE, 0);
    prepare_file(w, "copy", (size_t)16 * PAGE, 0);
    prepare_file(w, "counter", 0, 0);
    prepare_file(w, "locks", 0, 0);
    load_shared->extent_pages = 16;
    for (unsigned i = 0; i < 3; i++)
        prepare_file(w, load_name(w, "replaced%u", i), 8192, 'z');
}

void load_data_begin(struct load_worker *w)
{
    const char *orphan = load_name(w, "orphan.%d", w->id);
    const int create = O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC;
    w->append_fd = (int)LOAD_MUST(w, openat(w->dir_fd, "append", O_WRONLY | O_APPEND | O_CLOEXEC));
    w->orphan_fd = (int)LOAD_MUST(w, openat(w->dir_fd, orphan, create, 0600));
    LOAD_MUST(w, unlinkat(w->dir_fd, orphan, 0));
    w->own_fd = (int)LOAD_MUST(w, openat(w->dir_fd, load_name(w, "own.%d", w->id), create, 0600));
    LOAD_MUST(w, ftruncate(w->own_fd, PAGE));
    w->own_map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, w->own_fd, 0);
    w->locks_fd = (int)LOAD_MUST(w, openat(w->dir_fd, "locks", O_RDWR | O_CLOEXEC));
    if (w->own_map == MAP_FAILED) {
        load_bad(w, "mmap: %m");
        exit(1);
    }
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = getpid(), .l_len = 1};
    LOAD_MUST(w, fcntl(w->locks_fd, F_SETLK, &lock));
}

void load_data_end(struct load_worker *w)
{
    /* locks_fd stays open: closing any descriptor of a file drops the process' locks on it */
    munmap(w->own_map, PAGE);
    close(w->append_fd);
    close(w->orphan_fd);
    close(w->own_fd);
}

static void check_appended(struct load_worker *w, int workers)
{
    long seen[LOAD_WORKERS] = {0};
    char record[RECORD + 1] = "";
    int fd = openat(w->dir_fd, "append", O_RDONLY | O_CLOEXEC);
    long at = 0;
    ssize_t n;
    for (; (n = pread(fd, record, RECORD, at * RECORD)) == RECORD; at++) {
        int worker = -1;
        long number = -1;
        char end = 0;
        if (sscanf(record, "%3d %35ld%c", &worker, &number, &end) != 3 || end != '\n' ||
            worker < 0 || worker >= workers) {
            load_bad(w, "record %ld of append is torn", at);
            break;
        }
        if (number != seen[worker])
            load_bad(w, "append: worker %d's record %ld where %ld is due", worker, number,
                     seen[worker]);
        seen[worker] = number + 1;
    }
    if (n != 0)
        load_bad(w, "append ends in %zd bytes of a record", n);
    for (int i = 0; i < workers; i++)
        if (seen[i] != load_shared->appended[i])
            load_bad(w, "append: worker %d wrote %ld records, %ld are there", i,
                     load_shared->appended[i], seen[i]);
    close(fd);
}

void load_data_check(struct load_worker *w, int workers)
{
    char text[32] = "";
    check_appended(w, workers);
    int fd = openat(w->dir_fd, "counter", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) < 0 ||
        strtol(text, NULL, 10) != load_shared->counted)
        load_bad(w, "the counter is \"%s\" after %ld times", text, load_shared->counted);
    close(fd);
}
