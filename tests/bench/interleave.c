/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Runs two commands in turn, N times each, and prints the median time of both and their ratio:
 *
 *     interleave N OURS [ARG...] -- PEER [ARG...]      prints "OURS_US PEER_US PEER_OVER_OURS"
 *
 * In turn, so that what else the machine does meets both alike. A command that fails ends it with
 * status 1: a fast failure is no result. The commands' output goes to standard error.
 */
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int64_t run(char *const *argv)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    int64_t start_ns = now_ns();
    if (posix_spawn(&pid, argv[0], &actions, NULL, argv, environ) != 0 ||
        waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "interleave: %s failed\n", argv[0]);
        exit(1);
    }
    int64_t spent_ns = now_ns() - start_ns;
    posix_spawn_file_actions_destroy(&actions);
    return spent_ns;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    char **ours = argv + 2, **peer = NULL;
    for (int i = 2; i < argc && !peer; i++) {
        if (strcmp(argv[i], "--") != 0)
            continue;
        argv[i] = NULL;
        peer = argv + i + 1;
    }
    if (n == 0 || n > 100000 || !peer || !ours[0] || !peer[0]) {
        fprintf(stderr, "usage: interleave N OURS [ARG...] -- PEER [ARG...]\n");
        return 2;
    }
    int64_t *times = calloc(2 * n, sizeof *times);
    if (!times)
        return 1;
    for (size_t i = 0; i < n; i++) {
        times[i] = run(ours);
        times[n + i] = run(peer);
    }
    qsort(times, n, sizeof *times, by_value);
    qsort(times + n, n, sizeof *times, by_value);
    size_t middle = n / 2;
    double a = (double)times[middle], b = (double)times[n + middle];
    printf("%.0f %.0f %.1f\n", a / 1000, b / 1000, b / a);
    free(times);
    return 0;
}
