/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether a dirty log named every extent that was changed.
 *
 *     dirty-check make DIR                    files of the load; print nothing
 *     dirty-check snapshot DIR LIST           what the files beneath DIR hold now, by handle
 *     dirty-check load DIR SECONDS SEED       changes them, each in one way of its own
 *     dirty-check compare DIR LIST LOG        each extent that differs from LIST must be in LOG
 *     dirty-check show LOG                    what a log says, as a line
 *
 * DIR of a snapshot and of compare is that beneath the mount, whose handles the log has. Bytes
 * behind a file's end count as zeros: its size is not the log's business. The load goes on until
 * its time is over or the mount is gone.
 */
#include "lib/dirty/list.h"
#include "lib/journal/crc32c.h"
#include "lib/journal/record.h"
#include "tests/prop/rng.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EXTENTS = 8, LOOKED = EXTENTS + 2, BLOCK = 4096, EACH = 2, PROCESSES = 4, FILES_MAX = 4096 };
#define EXTENT ((off_t)DPL_DIRTY_EXTENT)

/* A file as it was. */
struct past {
    char name[64];
    struct dpl_oid oid;
    struct {
        struct file_handle head;
        uint8_t bytes[MAX_HANDLE_SZ];
    } handle;
    uint32_t sums[LOOKED];
};

static void die(const char *what)
{
    perror(what);
    exit(2);
}

/* The ways to change a content: each has files of its own, so that one that is not named is seen.
 */
static int change_write(int fd, off_t at, struct rng *rng)
{
    uint64_t data[64];
    for (unsigned i = 0; i < 64; i++)
        data[i] = rng_next(rng);
    return pwrite(fd, data, sizeof data, at) < 0 ? -1 : 0;
}

static int change_mapped(int fd, off_t at, struct rng *rng)
{
    off_t page = at - at % BLOCK;
    uint64_t *map = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, page);
    if (map == MAP_FAILED)
        return -1;
    map[rng_below(rng, 100)] = rng_next(rng);
    if (rng_one_in(rng, 2))
        msync(map, BLOCK, MS_SYNC);
    return munmap(map, BLOCK);
}

static int change_append(int fd, off_t at, struct rng *rng)
{
    (void)at;
    if (fcntl(fd, F_SETFL, O_APPEND) != 0)
        return -1;
    /* Some of them far behind the last one, by way of the size. */
    if (rng_one_in(rng, 2) && lseek(fd, 0, SEEK_END) < (EXTENTS - 1) * EXTENT &&
        ftruncate(fd, lseek(fd, 0, SEEK_END) + EXTENT) != 0)
        return -1;
    return change_write(fd, 0, rng);
}

static int change_size(int fd, off_t at, struct rng *rng)
{
    (void)rng;
    return ftruncate(fd, at);
}

/* A size that goes down and up again leaves zeros. */
static int change_regrow(int fd, off_t at, struct rng *rng)
{
    off_t end = lseek(fd, 0, SEEK_END);
    (void)rng;
    if (end < 0 || ftruncate(fd, at) != 0)
        return -1;
    return ftruncate(fd, end);
}

static int change_punch(int fd, off_t at, struct rng *rng)
{
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at,
                     BLOCK * (1 + (off_t)rng_below(rng, 2000)));
}

static int change_zero(int fd, off_t at, struct rng *rng)
{
    return fallocate(fd, FALLOC_FL_ZERO_RANGE | (rng_one_in(rng, 2) ? FALLOC_FL_KEEP_SIZE : 0), at,
                     BLOCK * (1 + (off_t)rng_below(rng, 2000)));
}

static int change_copy(int fd, off_t at, struct rng *rng)
{
    off_t from = (off_t)rng_below(rng, EXTENTS) * EXTENT;
    return copy_file_range(fd, &from, fd, &at, (size_t)BLOCK * (1 + rng_below(rng, 64)), 0) < 0
               ? (errno == EINVAL ? 0 : -1)
               : 0;
}

/* Opening may cut it too: through a path of its own. */
static int change_open(int fd, off_t at, struct rng *rng)
{
    char path[64];
    int again;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    again = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);
    if (again < 0)
        return -1;
    close(again);
    (void)rng;
    return ftruncate(fd, at); /* a hole all over */
}

static const struct {
    const char *name;
    int (*change)(int fd, off_t at, struct rng *rng);
} ways[] = {
    {"write", change_write}, {"mapped", change_mapped}, {"append", change_append},
    {"size", change_size},   {"regrow", change_regrow}, {"punch", change_punch},
    {"zero", change_zero},   {"copy", change_copy},     {"open", change_open},
    {"untouched", NULL},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

static void path_of(char *path, size_t room, const char *dir, unsigned way, unsigned number)
{
    snprintf(path, room, "%s/%s%u", dir, ways[way].name, number);
}

static int make(const char *dir)
{
    struct rng rng = {.state = 1};
    for (unsigned i = 0; i < WAYS * EACH; i++) {
        char path[4096];
        path_of(path, sizeof path, dir, i / EACH, i % EACH);
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0)
            die(path);
        for (unsigned e = 0; e < EXTENTS; e++)
            for (unsigned n = 0; n < 8; n++)
                if (change_write(fd, e * EXTENT + (off_t)rng_below(&rng, 1000) * BLOCK, &rng) != 0)
                    die(path);
        if (ftruncate(fd, EXTENTS * EXTENT) != 0)
            die(path);
        close(fd);
    }
    return 0;
}

/* One process: random files, random ways. New files come and go too. */
static void play(const char *dir, double seconds, uint64_t seed)
{
    struct rng rng = {.state = seed};
    struct timespec begin, now;
    char path[4096];
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        unsigned way = rng_below(&rng, WAYS);
        off_t at = (off_t)rng_below(&rng, EXTENTS) * EXTENT + rng_below(&rng, 1 << 22);
        path_of(path, sizeof path, dir, way, rng_below(&rng, EACH));
        int fd = ways[way].change ? open(path, O_RDWR | O_CLOEXEC) : -1;
        if (fd < 0 && errno == ENOTCONN)
            return;
        if (fd >= 0 && ways[way].change(fd, at, &rng) != 0 && errno == ENOTCONN)
            return;
        if (fd >= 0)
            close(fd);
        snprintf(path, sizeof path, "%s/new%u", dir, rng_below(&rng, 50));
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (fd >= 0) {
            change_write(fd, 0, &rng);
            close(fd);
        }
        if (rng_one_in(&rng, 3))
            unlink(path);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((double)(now.tv_sec - begin.tv_sec) + (double)(now.tv_nsec - begin.tv_nsec) / 1e9 <
             seconds);
}

static int load(const char *dir, double seconds, uint64_t seed)
{
    for (unsigned i = 0; i < PROCESSES; i++)
        if (fork() == 0) {
            play(dir, seconds, seed * PROCESSES + i);
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    return 0;
}

/* Sums of extents, zeros behind the end. */
static void sum_up(int fd, uint32_t *sums)
{
    static uint8_t extent[1 << DPL_DIRTY_EXTENT_SHIFT];
    for (unsigned e = 0; e < LOOKED; e++) {
        size_t have = 0;
        memset(extent, 0, sizeof extent);
        while (have < sizeof extent) {
            ssize_t got = pread(fd, extent + have, sizeof extent - have, e * EXTENT + (off_t)have);
            if (got < 0)
                die("read");
            if (got == 0)
                break;
            have += (size_t)got;
        }
        sums[e] = dpl_crc32c(0, extent, sizeof extent);
    }
}

static int take_snapshot(const char *dir_name, const char *list_name)
{
    DIR *dir = opendir(dir_name);
    FILE *list = fopen(list_name, "we");
    struct dirent *entry;
    int mount;
    if (dir == NULL || list == NULL)
        die(dir_name);
    while ((entry = readdir(dir)) != NULL) {
        struct past past = {.handle.head.handle_bytes = MAX_HANDLE_SZ};
        int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
            close(fd);
            continue;
        }
        snprintf(past.name, sizeof past.name, "%.60s", entry->d_name);
        if (name_to_handle_at(fd, "", &past.handle.head, &mount, AT_EMPTY_PATH) != 0)
            die("handle");
        dpl_oid_make(&past.oid, past.handle.head.handle_type, 0, past.handle.head.f_handle,
                     past.handle.head.handle_bytes, NULL);
        sum_up(fd, past.sums);
        if (fwrite(&past, sizeof past, 1, list) != 1)
            die(list_name);
        close(fd);
    }
    closedir(dir);
    return fclose(list) == 0 ? 0 : 2;
}

static void read_log(const char *name, struct dpl_dirty_list *list)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    struct dpl_dirty_io io = dpl_dirty_io_file(fd);
    if (fd < 0)
        die(name);
    dpl_dirty_read(list, &io);
    close(fd);
}

static int compare(const char *dir_name, const char *list_name, const char *log_name)
{
    struct dpl_dirty_list log = {0};
    int dir = open(dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    FILE *list = fopen(list_name, "re");
    unsigned files = 0, differing = 0, missing = 0, named = 0;
    struct past past;
    if (dir < 0 || list == NULL)
        die(list_name);
    read_log(log_name, &log);
    while (fread(&past, sizeof past, 1, list) == 1) {
        uint32_t sums[LOOKED];
        int fd = open_by_handle_at(dir, &past.handle.head, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        files++;
        sum_up(fd, sums);
        close(fd);
        for (unsigned e = 0; e < LOOKED; e++) {
            bool covered = dpl_dirty_list_covers(&log, past.oid.bytes, past.oid.size, e);
            named += covered;
            if (sums[e] == past.sums[e])
                continue;
            differing++;
            if (!covered && missing++ < 10)
                printf("%s: extent %u has changed and is not in the log\n", past.name, e);
        }
    }
    fclose(list);
    printf("dirty: files=%u differing=%u named=%u missing=%u entries=%zu everything=%d %s\n", files,
           differing, named, missing, log.count, log.everything, log.why);
    bool ok = missing == 0 && differing > 0 && !log.everything && named < files * EXTENTS;
    dpl_dirty_list_clear(&log);
    return !ok;
}

static int show(const char *name)
{
    struct dpl_dirty_list log = {0};
    read_log(name, &log);
    printf("everything=%d entries=%zu mark=%d epoch=%llu stamp=%llu %s\n", log.everything,
           log.count, log.head.mark.set, (unsigned long long)log.head.epoch,
           (unsigned long long)log.head.stamp, log.why);
    dpl_dirty_list_clear(&log);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "make") == 0)
        return make(argv[2]);
    if (argc == 3 && strcmp(argv[1], "show") == 0)
        return show(argv[2]);
    if (argc == 4 && strcmp(argv[1], "snapshot") == 0)
        return take_snapshot(argv[2], argv[3]);
    if (argc == 5 && strcmp(argv[1], "load") == 0)
        return load(argv[2], atof(argv[3]), strtoull(argv[4], NULL, 0));
    if (argc == 5 && strcmp(argv[1], "compare") == 0)
        return compare(argv[2], argv[3], argv[4]);
    fprintf(stderr, "usage: see the head of dirty-check.c\n");
    return 2;
}
