/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * chains: the writers. Each step is one system call (open and close around it change nothing).
 */
#include "tests/prop/chains.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static const struct chains_options *options;
/* Shared by all processes: how many steps each chain has completed. */
static atomic_long *completed;
static int64_t end_s;

static int64_t now_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec;
}

static void must(bool good, int chain, long step)
{
    if (good)
        return;
    fprintf(stderr, "chains: chain %d, step %ld (%ld of its round): %s\n", chain, step,
            step % CHAINS_STEPS, strerror(errno));
    exit(1);
}

static bool write_at(int dir_fd, const char *name, int flags, const char *data, off_t offset)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC | flags, 0600);
    ssize_t n = fd < 0               ? -1
                : (flags & O_APPEND) ? write(fd, data, CHAINS_RECORD)
                                     : pwrite(fd, data, CHAINS_RECORD, offset);
    if (fd >= 0)
        close(fd);
    return n == CHAINS_RECORD;
}

static bool create(int dir_fd, const char *name)
{
    int fd = openat(dir_fd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    return fd >= 0 && close(fd) == 0;
}

static bool with_file(int dir_fd, const char *name, const char *record)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
    int rc = fd < 0   ? -1
             : record ? fsetxattr(fd, "user.chain", record, CHAINS_RECORD, 0)
                      : ftruncate(fd, CHAINS_RECORD / 2);
    if (fd >= 0)
        close(fd);
    return rc == 0;
}

/* What an earlier round left. */
static bool remove_old(int chain, long round, enum chains_step step)
{
    if (round < CHAINS_KEPT)
        return true;
    const struct chains_place p = chains_place(options, chain, round - CHAINS_KEPT);
    int root = options->root_fds[p.root];
    const char *name = step == CHAINS_OLD_FILE   ? p.file_second
                       : step == CHAINS_OLD_LINK ? p.link
                                                 : p.dir_second;
    return unlinkat(root, name, step == CHAINS_OLD_DIR ? AT_REMOVEDIR : 0) == 0;
}

static bool do_step(int chain, long round, enum chains_step step, const char *record)
{
    const struct chains_place p = chains_place(options, chain, round);
    int root = options->root_fds[p.root];
    char log[32], target[CHAINS_RECORD + 1];
    switch (step) {
    case CHAINS_CREATE:
        return create(root, p.file_first);
    case CHAINS_WRITE:
        return write_at(root, p.file_first, 0, record, 0);
    case CHAINS_RENAME:
        return renameat(root, p.file_first, root, p.file_second) == 0;
    case CHAINS_LINK:
        return linkat(root, p.file_second, root, p.second_name, 0) == 0;
    case CHAINS_XATTR:
        return with_file(root, p.file_second, record);
    case CHAINS_SYMLINK:
        memcpy(target, record, CHAINS_RECORD);
        target[CHAINS_RECORD] = '\0';
        return symlinkat(target, root, p.link) == 0;
    case CHAINS_LOG:
        snprintf(log, sizeof log, "log.%d", chain);
        return write_at(options->root_fds[p.log_root], log, O_APPEND, record, 0);
    case CHAINS_SLOT:
        return write_at(root, "slots", 0, record, (off_t)chain * CHAINS_RECORD);
    case CHAINS_UNLINK:
        return unlinkat(root, p.second_name, 0) == 0;
    case CHAINS_MKDIR:
        return mkdirat(root, p.dir_first, 0700) == 0;
    case CHAINS_MOVE_DIR:
        return renameat(root, p.dir_first, root, p.dir_second) == 0;
    case CHAINS_CHMOD:
        return fchmodat(root, p.file_second, p.mode, 0) == 0;
    case CHAINS_TRUNCATE:
        return with_file(root, p.file_second, NULL);
    default:
        return remove_old(chain, round, step);
    }
}

/* Waits for the turn of a step, where there is a rate. */
static void wait_turn(long step, const struct timespec *began)
{
    if (options->rate == 0)
        return;
    long ns = step % options->rate * (1000000000 / options->rate) + began->tv_nsec;
    const struct timespec due = {began->tv_sec + step / options->rate + ns / 1000000000,
                                 ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
        ;
}

static void *run_chain(void *arg)
{
    int chain = *(const int *)arg;
    struct chains_record record = {.chain = chain};
    char text[CHAINS_RECORD];
    struct timespec began;
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (long step = 0; options->steps ? step < options->steps : now_s() < end_s; step++) {
        wait_turn(step, &began);
        record.step = step;
        for (int i = 0; i < options->chains; i++)
            record.before[i] = atomic_load(&completed[i]);
        chains_record_encode(&record, options->chains, text);
        must(do_step(chain, step / CHAINS_STEPS, (enum chains_step)(step % CHAINS_STEPS), text),
             chain, step);
        atomic_store(&completed[chain], step + 1);
    }
    return NULL;
}

static bool prepare(void)
{
    char name[32];
    for (int r = 0; r < options->roots; r++) {
        for (unsigned d = 0; d < CHAINS_DIRS; d++) {
            snprintf(name, sizeof name, "d%u", d);
            if (mkdirat(options->root_fds[r], name, 0700) < 0)
                return false;
        }
        if (!create(options->root_fds[r], "slots"))
            return false;
        for (int c = 0; c < options->chains; c++) {
            snprintf(name, sizeof name, "log.%d", c);
            if (!create(options->root_fds[r], name))
                return false;
        }
    }
    return true;
}

/* The first half of the chains are threads of one process, the others processes. */
static void run_process(int first, int count)
{
    pthread_t threads[CHAINS_MOST];
    int chains[CHAINS_MOST];
    for (int i = 0; i < count; i++) {
        chains[i] = first + i;
        if (pthread_create(&threads[i], NULL, run_chain, &chains[i]) != 0)
            exit(1);
    }
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    _exit(0);
}

int chains_write(const struct chains_options *o)
{
    int status, failed = 0;
    options = o;
    completed = mmap(NULL, CHAINS_MOST * sizeof *completed, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (completed == MAP_FAILED || !prepare()) {
        fprintf(stderr, "chains: the roots cannot be prepared: %m\n");
        return 1;
    }
    printf("chains: prepared\n");
    fflush(NULL);
    end_s = now_s() + o->seconds;
    int half = (o->chains + 1) / 2;
    for (int first = 0; first < o->chains; first += first == 0 ? half : 1)
        if (fork() == 0)
            run_process(first, first == 0 ? half : 1);
    while (wait(&status) > 0)
        failed += status != 0;
    printf("chains: steps");
    for (int i = 0; i < o->chains; i++)
        printf(" %ld", completed[i]);
    printf("\n");
    return failed > 0 ? 1 : 0;
}
