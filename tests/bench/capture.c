/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One measurement of a directory, for tests/bench/capture.sh.
 *
 *     capture METHOD DIR [SECONDS]
 *
 * Prints one number, more is better: how many a second. Files that a method needs are made first
 * and not measured; what it made in a folder of its own is removed at the end, and synced.
 *
 *     deliver_fsync_N      N threads deliver 8 KiB as into a Maildir: write in tmp, fsync, rename
 * to new write8k_fdatasync8   8 KiB at random places of 64 MiB, fdatasync after every 8 seq1m 1 GiB
 * in writes of 1 MiB, one fsync at the end; MiB a second read4k_cached        4 KiB at random
 * places of 64 MiB that are in memory stat_warm, stat_cold stat of 10,000 files; cold: after
 * drop_caches, once
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILES    10000
#define BIG_SIZE ((off_t)64 << 20)
#define MIB      ((size_t)1 << 20)

static int dir_fd;
static double seconds = 2;
static char data[MIB] __attribute__((aligned(4096)));
static atomic_long done;
static double end;

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "capture: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int open_file(const char *name, int flags)
{
    int fd = openat(dir_fd, name, flags | O_CLOEXEC, 0600);
    must(fd >= 0, name);
    return fd;
}

static void *deliver(void *arg)
{
    int thread = *(const int *)arg;
    char from[64], to[64];
    for (unsigned i = 0; now() < end; i++) {
        snprintf(from, sizeof from, "tmp/%d.%u", thread, i);
        snprintf(to, sizeof to, "new/%d.%u", thread, i);
        int fd = open_file(from, O_CREAT | O_EXCL | O_WRONLY);
        must(write(fd, data, 4096) == 4096 && write(fd, data, 4000) == 4000, "write");
        must(fsync(fd) == 0 && close(fd) == 0, "fsync");
        must(renameat(dir_fd, from, dir_fd, to) == 0, "rename");
        done++;
    }
    return NULL;
}

static void remove_delivered(int threads)
{
    char name[64];
    for (int t = 0; t < threads; t++)
        for (unsigned i = 0;; i++) {
            snprintf(name, sizeof name, "new/%d.%u", t, i);
            if (unlinkat(dir_fd, name, 0) < 0)
                break;
        }
    must(unlinkat(dir_fd, "tmp", AT_REMOVEDIR) == 0 && unlinkat(dir_fd, "new", AT_REMOVEDIR) == 0,
         "rmdir");
}

static double measure_deliver(int threads)
{
    pthread_t ids[64];
    int threads_by_id[64];
    must(threads > 0 && threads <= 64, "threads");
    must(mkdirat(dir_fd, "tmp", 0700) == 0 && mkdirat(dir_fd, "new", 0700) == 0, "mkdir");
    double start = now();
    end = start + seconds;
    for (int i = 0; i < threads; i++) {
        threads_by_id[i] = i;
        must(pthread_create(&ids[i], NULL, deliver, &threads_by_id[i]) == 0, "thread");
    }
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    double result = (double)done / (now() - start);
    remove_delivered(threads);
    return result;
}

static int open_big(void)
{
    struct stat st;
    int fd = open_file("big", O_CREAT | O_RDWR);
    if (fstat(fd, &st) == 0 && st.st_size == BIG_SIZE)
        return fd;
    for (off_t at = 0; at < BIG_SIZE; at += (off_t)MIB)
        must(pwrite(fd, data, MIB, at) == (ssize_t)MIB, "fill");
    must(fsync(fd) == 0, "fsync");
    return fd;
}

static off_t place(unsigned *state, off_t size)
{
    return (off_t)((unsigned)rand_r(state) % (unsigned)(BIG_SIZE / size)) * size;
}

static double measure_write(void)
{
    unsigned state = 7;
    int fd = open_big();
    double start = now();
    long n = 0;
    for (; now() < start + seconds; n += 8) {
        for (int i = 0; i < 8; i++)
            must(pwrite(fd, data, 8192, place(&state, 8192)) == 8192, "write");
        must(fdatasync(fd) == 0, "fdatasync");
    }
    double result = (double)n / (now() - start);
    close(fd);
    return result;
}

static double measure_seq(void)
{
    double start = now();
    int fd = open_file("seq", O_CREAT | O_EXCL | O_WRONLY);
    for (int i = 0; i < 1024; i++)
        must(write(fd, data, MIB) == (ssize_t)MIB, "write");
    must(fsync(fd) == 0, "fsync");
    double result = 1024 / (now() - start);
    close(fd);
    must(unlinkat(dir_fd, "seq", 0) == 0, "unlink");
    return result;
}

static double measure_read(void)
{
    unsigned state = 9;
    int fd = open_big();
    for (off_t at = 0; at < BIG_SIZE; at += (off_t)MIB)
        must(pread(fd, data, MIB, at) == (ssize_t)MIB, "read");
    double start = now();
    long n = 0;
    for (; now() < start + seconds; n += 64)
        for (int i = 0; i < 64; i++)
            must(pread(fd, data, 4096, place(&state, 4096)) == 4096, "read");
    double result = (double)n / (now() - start);
    close(fd);
    return result;
}

static void stat_all(void)
{
    struct stat st;
    char name[64];
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "files/%d/%d", i % 20, i);
        must(fstatat(dir_fd, name, &st, 0) == 0, name);
    }
}

static void make_files(void)
{
    char name[64];
    if (mkdirat(dir_fd, "files", 0700) < 0)
        return;
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "files/%d", i % 20);
        if (i < 20)
            must(mkdirat(dir_fd, name, 0700) == 0, name);
        snprintf(name, sizeof name, "files/%d/%d", i % 20, i);
        int fd = open_file(name, O_CREAT | O_EXCL | O_WRONLY);
        must(write(fd, data, 1000) == 1000 && close(fd) == 0, name);
    }
    must(syncfs(dir_fd) == 0, "syncfs");
}

static double measure_stat(int cold)
{
    make_files();
    if (cold) {
        sync();
        int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
        must(fd >= 0 && write(fd, "3", 1) == 1, "drop_caches");
        close(fd);
    } else {
        stat_all();
    }
    double start = now();
    long n = 0;
    do {
        stat_all();
        n += FILES;
    } while (!cold && now() < start + seconds);
    return (double)n / (now() - start);
}

int main(int argc, char **argv)
{
    int threads;
    double result = 0;
    if (argc < 3) {
        fprintf(stderr, "Usage: capture METHOD DIR [SECONDS]\n");
        return 2;
    }
    const char *method = argv[1];
    if (argc > 3)
        seconds = strtod(argv[3], NULL);
    memset(data, 'm', sizeof data);
    dir_fd = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(dir_fd >= 0, argv[2]);
    if (sscanf(method, "deliver_fsync_%d", &threads) == 1)
        result = measure_deliver(threads);
    else if (strcmp(method, "write8k_fdatasync8") == 0)
        result = measure_write();
    else if (strcmp(method, "seq1m") == 0)
        result = measure_seq();
    else if (strcmp(method, "read4k_cached") == 0)
        result = measure_read();
    else if (strcmp(method, "stat_warm") == 0 || strcmp(method, "stat_cold") == 0)
        result = measure_stat(method[5] == 'c');
    else
        must((errno = EINVAL, 0), method);
    printf("%.1f\n", result);
    fflush(stdout);
    syncfs(dir_fd);
    return 0;
}
