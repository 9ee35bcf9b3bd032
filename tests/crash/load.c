/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * load: many threads and processes that fight about the same names and files, for tests that kill
 * what serves them. Each checks what it can; whatever a plain file system would not do is an error.
 *
 *     load --dir DIR [--seconds N | --ops N] [--threads N] [--seed N]
 *
 * DIR must exist; a directory "load.PID" is made in it and left there for a comparison afterwards
 * (its name is printed). Half of the workers are threads of one process, the others processes.
 * SIGTERM ends it in order, as the end of its time does.
 * Standard output: a line "stall TIME MS CALL" for each call of more than 5 ms (TIME:
 * CLOCK_MONOTONIC when it ended), then one with totals and one of a watcher that makes one call
 * after the other. Errors go to standard error. Exit status: 0 none, 1 errors or a worker that did
 * not end, 2 bad usage.
 */
#include "tests/crash/load.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HANG_MS     90000
#define MOST_ERRORS 100

struct load_shared *load_shared;
static char root[4096];
static unsigned seed = 1;

int64_t load_now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void load_bad(const struct load_worker *w, const char *format, ...)
{
    int saved = errno;
    char text[512];
    va_list args;
    va_start(args, format);
    errno = saved;
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (load_shared->errors++ < MOST_ERRORS)
        fprintf(stderr, "load: %.6f worker %d: %s\n", (double)load_now_ns() / 1e9, w->id, text);
    errno = saved;
}

uint32_t load_random(struct load_worker *w, uint32_t below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return below ? (uint32_t)(w->random >> 32) % below : 0;
}

const char *load_name(struct load_worker *w, const char *format, ...)
{
    char *name = w->names[w->next_name++ % 16];
    va_list args;
    char text[256];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(name, text, sizeof text);
    return name;
}

/* Buckets of a sixteenth of an octave: 1 ns to days. */
static unsigned bucket_of(int64_t ns)
{
    uint64_t v = ns > 16 ? (uint64_t)ns : 16;
    unsigned octave = 63 - (unsigned)__builtin_clzll(v);
    unsigned bucket = octave * 16 + (unsigned)((v >> (octave - 4)) & 15);
    return bucket < LOAD_BUCKETS ? bucket : LOAD_BUCKETS - 1;
}

void load_took(const char *call, int64_t ns)
{
    load_shared->ops++;
    /* waiting for another worker's lock says nothing */
    if (strncmp(call, "flock", 5) == 0 || strstr(call, "SETLKW"))
        return;
    load_shared->histogram[bucket_of(ns)]++;
    int64_t longest = load_shared->longest_ns;
    while (ns > longest && !atomic_compare_exchange_weak(&load_shared->longest_ns, &longest, ns))
        ;
    if (ns < LOAD_STALL_NS)
        return;
    long n = load_shared->stall_count++;
    if (n < LOAD_STALLS)
        load_shared->stalls[n] = (struct load_stall){load_now_ns(), ns, call};
}

int64_t load_median_ns(void)
{
    long total = 0, so_far = 0;
    for (unsigned i = 0; i < LOAD_BUCKETS; i++)
        total += load_shared->histogram[i];
    unsigned i = 0;
    while (i < LOAD_BUCKETS - 1 && (so_far += load_shared->histogram[i]) * 2 < total)
        i++;
    return (int64_t)((16ULL + i % 16) << (i / 16)) / 16;
}

static const struct load_game *pick(struct load_worker *w, const struct load_game *games)
{
    unsigned total = 0;
    for (const struct load_game *g = games; g->name; g++)
        total += g->weight;
    unsigned at = load_random(w, total);
    for (; at >= games->weight; games++)
        at -= games->weight;
    return games;
}

static bool finished(void)
{
    return load_shared->ops_wanted ? load_shared->ops >= load_shared->ops_wanted
                                   : load_now_ns() >= load_shared->end_ns;
}

static void *work(void *arg)
{
    struct load_worker *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    int id = w->id = *(const int *)arg;
    w->random = ((uint64_t)seed << 32 | (uint64_t)id) * 0x9e3779b97f4a7c15U | 1;
    w->dir_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    load_data_begin(w);
    for (; !finished(); w->round++)
        pick(w, w->round % 16 == 0  ? load_odd_games
                : w->round % 2 != 0 ? load_name_games
                                    : load_data_games)
            ->play(w);
    load_data_end(w);
    close(w->dir_fd);
    free(w);
    return NULL;
}

/* The threads of one process. */
static void work_as_process(int first, int count)
{
    pthread_t threads[LOAD_WORKERS];
    int ids[LOAD_WORKERS];
    for (int i = 0; i < count; i++) {
        ids[i] = first + i;
        if (pthread_create(&threads[i], NULL, work, &ids[i]) != 0)
            exit(2);
    }
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

/* Enough of it. */
static void stop(int sig)
{
    (void)sig;
    load_shared->ops_wanted = 0;
    load_shared->end_ns = load_now_ns();
}

static int left_ms(void)
{
    int64_t end_ns = load_shared->ops_wanted ? INT64_MAX / 2 : load_shared->end_ns;
    int64_t left = (end_ns - load_now_ns()) / 1000000 + HANG_MS;
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* Waits for a worker process. */
static void reap(const struct load_worker *w, pid_t pid)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {pidfd, POLLIN, 0};
    int status = 0, ended;
    while ((ended = poll(&p, 1, left_ms())) < 0 && errno == EINTR)
        ;
    if (ended == 0) {
        load_bad(w, "process %d does not end", pid);
        kill(pid, SIGKILL);
        return; /* it may be in a call that never returns: no wait for it */
    }
    waitpid(pid, &status, 0);
    close(pidfd);
    if (status != 0)
        load_bad(w, "process %d ended with status %#x", pid, (unsigned)status);
}

static void run(struct load_worker *w, int workers)
{
    pid_t pids[LOAD_WORKERS + 2];
    int processes = 0;
    for (int first = 0; first < workers;) {
        int count = first == 0 ? (workers + 1) / 2 : 1;
        fflush(NULL);
        pids[processes] = fork();
        if (pids[processes] == 0) {
            work_as_process(first, count);
            _exit(0);
        }
        first += count;
        processes++;
    }
    pids[processes] = fork();
    if (pids[processes++] == 0) {
        load_victims(w, finished);
        _exit(0);
    }
    pids[processes] = fork();
    if (pids[processes++] == 0) {
        load_watch(w, finished);
        _exit(0);
    }
    for (int i = 0; i < processes; i++)
        reap(w, pids[i]);
}

static void share(void)
{
    pthread_mutexattr_t attributes;
    load_shared =
        mmap(NULL, sizeof *load_shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (load_shared == MAP_FAILED)
        exit(2);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&load_shared->pages_mutex, &attributes);
    pthread_mutex_init(&load_shared->extent_mutex, &attributes);
    pthread_mutex_init(&load_shared->copy_mutex, &attributes);
}

static void print_totals(void)
{
    long stalls = load_shared->stall_count;
    for (long i = 0; i < stalls && i < LOAD_STALLS; i++) {
        const struct load_stall *s = &load_shared->stalls[i];
        printf("stall %.6f %.1f %s\n", (double)s->at_ns / 1e9, (double)s->ns / 1e6, s->call);
    }
    printf("load: %s: %ld calls, %ld errors, %ld names won, %ld busy, %ld killed, median %.1f us, "
           "longest %.1f "
           "ms, %ld stalls of more than 5 ms\n",
           root, load_shared->ops, load_shared->errors, load_shared->won, load_shared->busy,
           load_shared->victims, (double)load_median_ns() / 1e3,
           (double)load_shared->longest_ns / 1e6, stalls);
    load_watch_print();
}

static void bad_usage(void)
{
    fprintf(stderr, "Usage: load --dir DIR [--seconds N | --ops N] [--threads N] [--seed N]\n");
    exit(2);
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"dir", 1, NULL, 'd'},     {"seconds", 1, NULL, 's'}, {"ops", 1, NULL, 'o'},
        {"threads", 1, NULL, 't'}, {"seed", 1, NULL, 'r'},    {NULL, 0, NULL, 0},
    };
    const char *dir = NULL;
    long seconds = 5, threads = 8;
    share();
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        long n = c == 'd' || c == '?' ? 0 : strtol(optarg, NULL, 10);
        if (c == 'd')
            dir = optarg;
        else if (c == 's')
            seconds = n;
        else if (c == 'o')
            load_shared->ops_wanted = n;
        else if (c == 't')
            threads = n;
        else if (c == 'r')
            seed = (unsigned)n;
        else
            bad_usage();
    }
    if (!dir || optind != argc || threads < 1 || threads > LOAD_WORKERS || seconds < 0)
        bad_usage();
    snprintf(root, sizeof root, "%s/load.%d", dir, getpid());
    struct load_worker *w = calloc(1, sizeof *w);
    if (!w || mkdir(root, 0700) < 0 ||
        (w->dir_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        fprintf(stderr, "load: \"%s\": %m\n", root);
        return 2;
    }
    w->id = -1;
    w->random = seed * 0x9e3779b97f4a7c15U | 1;
    load_names_prepare(w);
    load_data_prepare(w);
    load_shared->end_ns = load_now_ns() + seconds * 1000000000L;
    signal(SIGTERM, stop);
    run(w, (int)threads);
    load_names_check(w);
    load_data_check(w, (int)threads);
    load_victims_check(w);
    print_totals();
    free(w);
    return load_shared->errors > 0 ? 1 : 0;
}
