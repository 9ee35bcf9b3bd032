/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How long a message takes from one site to the other, for tests/bench/link.sh.
 *
 *     deliver SOURCE REPLICA RATE SECONDS
 *     deliver SOURCE COUNT
 *
 * Delivers RATE messages of 8 KiB a second beneath SOURCE as into a Maildir: write in tmp, fsync,
 * rename to new. The clock starts when the rename is begun and stops when inotify tells of the name
 * in REPLICA/new, which must be there (and SOURCE/tmp and SOURCE/new) beforehand. The first second
 * is not counted. Prints "P50_MS P99_MS MAX_MS COUNT"; fails if a message does not come in a
 * minute. The second form delivers COUNT messages as fast as it goes, without fsync.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 8192, WAIT_MS = 60000 };

static int source_fd;
static long rate, count;
static double *begun, *seen;

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "deliver: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void sleep_until(double ms)
{
    struct timespec ts = {.tv_sec = (time_t)(ms / 1e3)};
    ts.tv_nsec = (long)((ms - (double)ts.tv_sec * 1e3) * 1e6);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
        ;
}

static void deliver_one(long number, int with_fsync)
{
    static char data[MESSAGE];
    char from[64], to[64];
    data[0] = (char)number;
    snprintf(from, sizeof from, "tmp/%ld", number);
    snprintf(to, sizeof to, "new/%ld", number);
    int fd = openat(source_fd, from, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    must(fd >= 0, from);
    must(write(fd, data, sizeof data) == (ssize_t)sizeof data, "write");
    must((!with_fsync || fsync(fd) == 0) && close(fd) == 0, "fsync");
    if (begun)
        begun[number] = now();
    must(renameat(source_fd, from, source_fd, to) == 0, "rename");
}

static void *deliver(void *arg)
{
    double start = now();
    (void)arg;
    for (long i = 0; i < count; i++) {
        sleep_until(start + (double)i * 1e3 / (double)rate);
        deliver_one(i, 1);
    }
    return NULL;
}

static int backlog(const char *number)
{
    for (long i = 0, n = atol(number); i < n; i++)
        deliver_one(i, 0);
    must(syncfs(source_fd) == 0, "syncfs");
    return 0;
}

static void watch(int fd)
{
    _Alignas(struct inotify_event) char buffer[65536];
    for (long missing = count; missing > 0;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        errno = ETIMEDOUT;
        must(poll(&p, 1, WAIT_MS) > 0, "wait for the replica");
        ssize_t n = read(fd, buffer, sizeof buffer);
        double at = now();
        must(n > 0, "read of inotify");
        for (ssize_t i = 0; i < n;) {
            const struct inotify_event *e = (const void *)(buffer + i);
            i += (ssize_t)(sizeof *e + e->len);
            long number = e->len > 0 ? atol(e->name) : -1;
            if (number < 0 || number >= count || seen[number] > 0)
                continue;
            seen[number] = at;
            missing--;
        }
    }
}

static int by_value(const void *x, const void *y)
{
    const double *p = x, *q = y;
    return (*p > *q) - (*p < *q);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    char path[4096];
    if (argc != 5 && argc != 3) {
        fprintf(stderr, "usage: deliver SOURCE REPLICA RATE SECONDS, or deliver SOURCE COUNT\n");
        return 2;
    }
    source_fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(source_fd >= 0, argv[1]);
    if (argc == 3)
        return backlog(argv[2]);
    rate = atol(argv[3]);
    count = rate * (atol(argv[4]) + 1);
    must(rate > 0 && count > rate, "RATE and SECONDS");
    begun = calloc((size_t)count, sizeof *begun);
    seen = calloc((size_t)count, sizeof *seen);
    snprintf(path, sizeof path, "%s/new", argv[2]);
    int fd = inotify_init1(IN_CLOEXEC);
    must(begun && seen && fd >= 0 && inotify_add_watch(fd, path, IN_MOVED_TO | IN_CREATE) >= 0,
         path);
    must(pthread_create(&thread, NULL, deliver, NULL) == 0, "thread");
    watch(fd);
    pthread_join(thread, NULL);
    long counted = count - rate;
    for (long i = 0; i < count; i++)
        seen[i] -= begun[i];
    memmove(seen, seen + rate, (size_t)counted * sizeof *seen);
    qsort(seen, (size_t)counted, sizeof *seen, by_value);
    printf("%.2f %.2f %.2f %ld\n", seen[counted / 2], seen[counted * 99 / 100], seen[counted - 1],
           counted);
    return 0;
}
