/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fsops: a random sequence of file-system operations, run step by step in two directories that must
 * answer alike.
 *
 *     fsops --a DIR --b DIR [--seed N] [--seeds N] [--ops N] [--seconds N] [--check N]
 *           [--without KIND]... [--full] [--keep] [--verbose]
 *
 * A is under test, B is the reference on a plain file system. After each operation results, errno,
 * data and what stat(2) says of the objects are compared, and both whole trees every few
 * operations. A sequence that fails is made shorter by leaving out operations while it still fails,
 * and what is left is printed. Each sequence runs in a child in a directory of its own in A and B,
 * which is removed afterwards; a child that does not end in five minutes is a failure too.
 *
 * --keep leaves the directory "fsops.SEED" of each sequence that was answered alike.
 *
 * --full fills both first: each must lie on a small file system of its own.
 *
 * Exit status: 0 alike, 1 a difference, 2 could not run, 77 not root.
 */
#include "tests/prop/fsops.h"
#include "lib/base/fd.h"
#include "tests/lib/treecmp.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glib.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HANG_MS  300000
#define SHRINK_S 20

static struct {
    const char *dirs[2];
    uint64_t seed;
    unsigned seeds;
    unsigned ops;
    unsigned seconds;
    unsigned check;
    bool verbose;
    bool full;
    bool keep;
    bool without[64]; /* by kind */
} options = {.seed = 1, .seeds = 8, .ops = 1000, .check = 100};

static uint64_t ops_run, ops_failed, known_differences;
static int dir_fds[2];

/* What a child tells before it ends. */
struct verdict {
    unsigned failed_at; /* index of the operation after which the sides differed */
    unsigned played;
    unsigned refused; /* operations that gave an error, on both */
    unsigned known;
    bool differs;
    bool by_trees; /* only the comparison of the trees told */
    char text[16384];
};

static void note_difference(void *arg, const char *path, const char *what)
{
    struct verdict *v = arg;
    size_t used = strlen(v->text);
    snprintf(v->text + used, sizeof v->text - used, "    %s: %s\n", path, what);
}

static bool trees_alike(const struct fsops_side *sides, int64_t start_s, struct verdict *v)
{
    const struct treecmp_options compare = {
        .what = TREECMP_DEFAULT,
        .recent_s = start_s,
        .max_reports = 8,
        .report = note_difference,
        .arg = v,
    };
    struct treecmp_result result;
    struct dpl_err err = {0};
    if (treecmp(sides[0].root_fd, sides[1].root_fd, &compare, &result, &err) < 0) {
        snprintf(v->text, sizeof v->text, "    the trees cannot be compared: %s\n", err.text);
        return false;
    }
    return result.differences == 0;
}

static bool known(const struct fsops_op *op, const struct fsops_out *a)
{
    for (unsigned i = 0; i < fsops_known_count; i++)
        if (strcmp(fsops_known[i].kind, fsops_kinds[op->kind].name) == 0 &&
            fsops_known[i].a_errno == a->errno_first)
            return true;
    return false;
}

/* Plays one operation on both sides. Whether they answered alike. */
static bool play_both(struct fsops_side *sides, const struct fsops_op *op, int64_t start_s,
                      bool print, struct verdict *v)
{
    static struct fsops_out out[2];
    fsops_age(&sides[0], op);
    fsops_age(&sides[1], op);
    fsops_play(&sides[0], op, start_s, &out[0]);
    v->played++;
    v->refused += out[0].errno_first != 0;
    if (known(op, &out[0])) {
        v->known++;
        return true;
    }
    fsops_play(&sides[1], op, start_s, &out[1]);
    if (print)
        printf("  %5u user%u umask%u%s %s -> %s\n", op->index, op->user, op->umask,
               op->age ? " aged" : "", out[0].call, out[0].said);
    if (strcmp(out[0].said, out[1].said) == 0)
        return true;
    snprintf(v->text, sizeof v->text, "    %s\n    A: %s\n    B: %s\n", out[0].call, out[0].said,
             out[1].said);
    return false;
}

static void child(uint64_t seed, const bool *left_out, unsigned ops, unsigned check, bool print,
                  const int *roots, struct verdict *v)
{
    struct fsops_side sides[2];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    for (int i = 0; i < 2; i++) {
        memset(&sides[i], 0, sizeof sides[i]);
        sides[i].root_fd = roots[i];
        memset(sides[i].fds, 0xff, sizeof sides[i].fds);
        if (fsops_prepare(&sides[i]) < 0) {
            snprintf(v->text, sizeof v->text, "    %s: cannot be prepared: %m\n", options.dirs[i]);
            v->differs = true;
            return;
        }
    }
    int64_t start_s = now.tv_sec - 1;
    for (unsigned i = 0; i < ops && !v->differs; i++) {
        struct fsops_op op = fsops_generate(seed, i);
        if (left_out[i] || options.without[op.kind])
            continue;
        v->failed_at = i;
        v->differs = !play_both(sides, &op, start_s, print, v);
        if (!v->differs && i % check == check - 1)
            v->differs = v->by_trees = !trees_alike(sides, start_s, v);
    }
    if (!v->differs)
        v->differs = v->by_trees = !trees_alike(sides, start_s, v);
}

static void root_name(char *name, size_t size, uint64_t seed)
{
    snprintf(name, size, "fsops.%" PRIu64, seed);
}

static int make_root(int side, uint64_t seed)
{
    char name[64];
    root_name(name, sizeof name, seed);
    if (mkdirat(dir_fds[side], name, 0700) < 0 && errno != EEXIST)
        return -1;
    int fd = openat(dir_fds[side], name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsops_wipe(fd) < 0) {
        fprintf(stderr, "fsops: %s/%s cannot be emptied: %m\n", options.dirs[side], name);
        exit(2);
    }
    return fd;
}

static void remove_root(int side, uint64_t seed, int *fd)
{
    char name[64];
    root_name(name, sizeof name, seed);
    fsops_wipe(*fd);
    dpl_fd_clear(fd);
    unlinkat(dir_fds[side], name, AT_REMOVEDIR);
}

/* Waits for the child. Whether it ended by itself. */
static bool ended(pid_t pid)
{
    dpl_autofd int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {pidfd, POLLIN, 0};
    bool in_time = poll(&p, 1, HANG_MS) > 0;
    int status = 0;
    if (!in_time)
        kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Runs the sequence without the operations that are left out. Whether the sides were alike. */
static bool attempt(uint64_t seed, const bool *left_out, unsigned ops, unsigned check, bool print,
                    struct verdict *v)
{
    struct verdict *shared =
        mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int roots[2] = {make_root(0, seed), make_root(1, seed)};
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        child(seed, left_out, ops, check, print, roots, shared);
        fflush(NULL);
        _exit(0);
    }
    if (!ended(pid)) {
        shared->differs = true;
        snprintf(shared->text, sizeof shared->text,
                 "    operation %u did not end in %d s, or the process died\n", shared->failed_at,
                 HANG_MS / 1000);
    }
    *v = *shared;
    munmap(shared, sizeof *shared);
    for (int i = 0; i < 2; i++)
        if (options.keep && !v->differs)
            dpl_fd_clear(&roots[i]);
        else
            remove_root(i, seed, &roots[i]);
    return !v->differs;
}

static int64_t now_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec;
}

/* Leaves out runs of operations, long ones first, as long as the rest still fails. */
static unsigned shrink(uint64_t seed, bool *left_out, unsigned ops, unsigned check)
{
    struct verdict v;
    int64_t deadline_s = now_s() + SHRINK_S;
    for (unsigned chunk = ops / 2; chunk > 0; chunk /= 2) {
        for (unsigned at = 0; at < ops && now_s() < deadline_s; at += chunk) {
            g_autofree bool *trial = g_memdup2(left_out, ops * sizeof *trial);
            bool any = false;
            for (unsigned i = at; i < ops && i < at + chunk; i++) {
                any = any || !trial[i];
                trial[i] = true;
            }
            if (!any || attempt(seed, trial, ops, check, false, &v))
                continue;
            memcpy(left_out, trial, ops * sizeof *trial);
            ops = v.failed_at + 1;
        }
    }
    return ops;
}

/* Whether both sides answer alike when they are full. */
static bool run_full(void)
{
    static struct fsops_out out[2];
    for (int i = 0; i < 2; i++) {
        struct fsops_side side = {.root_fd = make_root(i, 0)};
        fsops_full(&side, &out[i]);
        remove_root(i, 0, &side.root_fd);
    }
    if (strcmp(out[0].said, out[1].said) == 0)
        return true;
    printf("full: the sides differ\n    A: %s\n    B: %s\n", out[0].said, out[1].said);
    return false;
}

/* Whether this seed's sequence was answered alike. */
static bool run_seed(uint64_t seed)
{
    g_autofree bool *left_out = g_new0(bool, options.ops + 1);
    struct verdict v;
    bool alike = attempt(seed, left_out, options.ops, options.check, options.verbose, &v);
    ops_run += v.played;
    ops_failed += v.refused;
    known_differences += v.known;
    if (alike)
        return true;
    printf("seed %" PRIu64 ": the sides differ at operation %u (--seed %" PRIu64
           " --seeds 1 --ops %u)\n%s",
           seed, v.failed_at, seed, v.failed_at + 1, v.text);
    /* trees are compared after each step if nothing else tells */
    unsigned check = v.by_trees ? 1 : options.ops;
    unsigned ops = shrink(seed, left_out, v.failed_at + 1, check);
    printf("  the shortest sequence found:\n");
    attempt(seed, left_out, ops, check, true, &v);
    printf("%s", v.differs ? v.text : "    (alike this time)\n");
    return false;
}

static unsigned number(const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*end != '\0' || n > 1000000000) {
        fprintf(stderr, "fsops: \"%s\" is not a number in range\n", text);
        exit(2);
    }
    return (unsigned)n;
}

static void leave_out(const char *kind)
{
    unsigned i = 0;
    while (i < fsops_kind_count && strcmp(fsops_kinds[i].name, kind) != 0)
        i++;
    if (i == fsops_kind_count) {
        fprintf(stderr, "fsops: there is no kind \"%s\"\n", kind);
        exit(2);
    }
    options.without[i] = true;
}

static void parse(int argc, char **argv)
{
    static const struct option longs[] = {
        {"a", 1, NULL, 'a'},       {"b", 1, NULL, 'b'},     {"seed", 1, NULL, 's'},
        {"seeds", 1, NULL, 'n'},   {"ops", 1, NULL, 'o'},   {"seconds", 1, NULL, 't'},
        {"verbose", 0, NULL, 'v'}, {"check", 1, NULL, 'c'}, {"without", 1, NULL, 'w'},
        {"full", 0, NULL, 'f'},    {"keep", 0, NULL, 'k'},  {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 'a' || c == 'b')
            options.dirs[c - 'a'] = optarg;
        else if (c == 's')
            options.seed = number(optarg);
        else if (c == 'n')
            options.seeds = number(optarg);
        else if (c == 'o')
            options.ops = MAX(number(optarg), 1);
        else if (c == 't')
            options.seconds = number(optarg);
        else if (c == 'c')
            options.check = MAX(number(optarg), 1);
        else if (c == 'w')
            leave_out(optarg);
        else if (c == 'f')
            options.full = true;
        else if (c == 'k')
            options.keep = true;
        else if (c == 'v')
            options.verbose = true;
        else
            exit(2);
    }
    if (!options.dirs[0] || !options.dirs[1] || optind != argc) {
        fprintf(stderr, "Usage: fsops --a DIR --b DIR [--seed N] [--seeds N] [--ops N] "
                        "[--seconds N] [--check N] [--without KIND]... [--full] [--keep] "
                        "[--verbose]\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    if (geteuid() != 0) {
        printf("SKIP: only root can act as several users\n");
        return 77;
    }
    for (int i = 0; i < 2; i++) {
        dir_fds[i] = open(options.dirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir_fds[i] < 0) {
            fprintf(stderr, "fsops: \"%s\": %m\n", options.dirs[i]);
            return 2;
        }
    }
    unsigned done = 0, failed = options.full && !run_full();
    int64_t end_s = now_s() + options.seconds;
    for (; options.seconds ? now_s() < end_s : done < options.seeds; done++)
        failed += !run_seed(options.seed + done);
    printf("fsops: %u seeds, %u failed, %" PRIu64 " operations, %" PRIu64
           " of them answered by an error, %" PRIu64 " by FUSE's own refusal\n",
           done, failed, ops_run, ops_failed, known_differences);
    return failed > 0 ? 1 : 0;
}
