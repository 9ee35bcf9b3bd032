/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fsops: makes operations from a seed, names the objects that they touch, runs one on a side as its
 * user, and looks at the objects afterwards.
 *
 * Times cannot be equal on two sides. They are told as "now" if they are not from before the
 * sequence, else as they are; operations with `age` put the times of what they touch into the past
 * first, so that each change and each change that did not come shows.
 */
#include "tests/prop/fsops.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <grp.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* splitmix64: every number depends on the seed and the index alone. */
static uint64_t mix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

struct fsops_op fsops_generate(uint64_t seed, unsigned index)
{
    uint64_t state = seed * 1000003U + index;
    mix(&state);
    unsigned total = 0;
    for (unsigned i = 0; i < fsops_kind_count; i++)
        total += fsops_kinds[i].weight;
    g_assert(total > 0);
    unsigned at = (unsigned)(mix(&state) % total);
    struct fsops_op op = {.index = index};
    while (at >= fsops_kinds[op.kind].weight)
        at -= fsops_kinds[op.kind++].weight;
    op.user = (unsigned)(mix(&state) % 8);
    op.umask = (unsigned)(mix(&state) % 5);
    op.age = mix(&state) % 2 == 0;
    for (unsigned i = 0; i < FSOPS_NUMBERS; i++)
        op.r[i] = (uint32_t)(mix(&state) >> 32);
    return op;
}

uint32_t fsops_pick(const struct fsops_op *op, unsigned which, uint32_t count)
{
    return op->r[which] % count;
}

static const char *const dirs[] = {".",  ".",  ".",  ".",     ".",    ".",      ".",   "d0",
                                   "d0", "d0", "d1", "d0/d2", "sgid", "sticky", "acl", "acl"};

const char *fsops_dir(const struct fsops_op *op, unsigned which)
{
    return dirs[(op->r[which] >> 16) % (sizeof dirs / sizeof dirs[0])];
}

static const char *strange_path(uint32_t r)
{
    static char names[3][4400];
    static const char *const paths[] = {"",     "missing/x", "f0/x", "loop",  "loop/x",
                                        "d0/",  "f0/",       ".",    "d1/..", "d0/d2/../../f1",
                                        "s0/x", "new/"};
    if (r % 4 != 0)
        return paths[(r >> 2) % (sizeof paths / sizeof paths[0])];
    memset(names[0], 'n', 255);
    memset(names[1], 'n', 256);
    for (size_t i = 0; i < 4200; i += 6)
        memcpy(names[2] + i, "d0/../", 7);
    return names[(r >> 2) % 3];
}

const char *fsops_path(const struct fsops_op *op, unsigned which)
{
    static char paths[FSOPS_NUMBERS][64];
    static const char *const names[] = {"f0", "f1", "f2", "f3", "f0", "f1",
                                        "f2", "d0", "d1", "d2", "s0", "p0"};
    uint32_t r = op->r[which];
    if (r % 24 == 0)
        return strange_path(r >> 5);
    snprintf(paths[which], sizeof paths[which], "%s/%s", fsops_dir(op, which),
             names[(r >> 5) % (sizeof names / sizeof names[0])]);
    return paths[which];
}

static const mode_t umasks[] = {022, 022, 0, 077, 0137};

mode_t fsops_mode(const struct fsops_op *op, mode_t mode)
{
    return umasks[op->umask] & 010 ? mode & ~(mode_t)02000 : mode;
}

void fsops_fill(const struct fsops_op *op, void *data, size_t size)
{
    unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(op->index * 31 + i + (i >> 8));
}

static void append(struct fsops_out *out, const char *format, va_list args)
{
    int n = vsnprintf(out->said + out->length, sizeof out->said - out->length, format, args);
    if (n > 0)
        out->length += (size_t)n < sizeof out->said - out->length
                           ? (size_t)n
                           : sizeof out->said - out->length - 1;
}

void fsops_call(struct fsops_out *out, const char *format, ...)
{
    size_t used = strlen(out->call);
    va_list args;
    va_start(args, format);
    if (used > 0 && used + 3 < sizeof out->call) {
        memcpy(out->call + used, "; ", 3);
        used += 2;
    }
    vsnprintf(out->call + used, sizeof out->call - used, format, args);
    va_end(args);
}

void fsops_say(struct fsops_out *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    append(out, format, args);
    va_end(args);
}

long fsops_result(struct fsops_out *out, long result)
{
    int error = errno;
    if (result < 0) {
        fsops_say(out, "%ld %s ", result, strerrorname_np(error));
        if (out->errno_first == 0)
            out->errno_first = error;
    } else {
        fsops_say(out, "%ld ", result);
    }
    return result;
}

void fsops_say_hash(struct fsops_out *out, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 1099511628211U;
    fsops_say(out, "%zu bytes #%08x ", size, (unsigned)(hash ^ (hash >> 32)));
}

static const struct {
    uid_t uid;
    gid_t gid;
    gid_t groups[2];
    size_t group_count;
} users[] = {
    {0, 0, {0, 0}, 0},          {0, 0, {0, 0}, 0},
    {0, 0, {0, 0}, 0},          {0, 0, {0, 0}, 0},
    {0, 0, {0, 0}, 0},          {1001, 1001, {2000, 0}, 1},
    {1002, 1002, {2001, 0}, 1}, {1001, 1003, {2000, 2001}, 2},
};

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "fsops: %s: %m\n", what);
        _exit(2);
    }
}

/* The saved ids stay root's, for the way back. */
void fsops_run_as(unsigned user)
{
    must(setresuid(0, 0, 0) == 0 && setresgid(0, 0, 0) == 0, "root again");
    must(setgroups(users[user].group_count, users[user].groups) == 0, "groups");
    must(setresgid(users[user].gid, users[user].gid, 0) == 0, "group");
    must(setresuid(users[user].uid, users[user].uid, 0) == 0, "user");
    must(prctl(PR_SET_DUMPABLE, 1) == 0, "dumpable"); /* /proc/self/fd stays ours */
}

static void say_stat(struct fsops_out *out, const char *what, const struct stat *st,
                     int64_t start_s)
{
    fsops_say(out, "| %s %06o n%lu %u:%u ", what, st->st_mode, (unsigned long)st->st_nlink,
              st->st_uid, st->st_gid);
    if (!S_ISDIR(st->st_mode))
        fsops_say(out, "size %lld ", (long long)st->st_size);
    if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
        fsops_say(out, "dev %u:%u ", major(st->st_rdev), minor(st->st_rdev));
    if (st->st_mtim.tv_sec >= start_s)
        fsops_say(out, "mtime now ");
    else
        fsops_say(out, "mtime %lld.%09ld ", (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
}

static void look(const struct fsops_side *side, struct fsops_out *out, int64_t start_s)
{
    struct stat st;
    for (int i = 0; i < 2 && out->paths[i]; i++) {
        if (fstatat(AT_FDCWD, out->paths[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
            say_stat(out, i ? "second" : "first", &st, start_s);
        else
            fsops_say(out, "| %s ", strerrorname_np(errno));
        char dir[64];
        const char *slash = strrchr(out->paths[i], '/');
        size_t length = slash ? (size_t)(slash - out->paths[i]) : 0;
        if (slash && length < sizeof dir) {
            memcpy(dir, out->paths[i], length);
            dir[length] = '\0';
            if (stat(dir, &st) == 0)
                say_stat(out, "its directory", &st, start_s);
        }
    }
    if (out->fd >= 0 && side->fds[out->fd] >= 0) {
        if (fstat(side->fds[out->fd], &st) == 0)
            say_stat(out, "open", &st, start_s);
        else
            fsops_say(out, "| %s ", strerrorname_np(errno));
    }
}

void fsops_age(struct fsops_side *side, const struct fsops_op *op)
{
    if (!op->age || fchdir(side->root_fd) < 0)
        return;
    const struct timespec past[2] = {{1000000000 + op->index, 1},
                                     {1100000000 + op->index, 123456789}};
    for (unsigned which = 0; which < 2; which++) {
        utimensat(AT_FDCWD, fsops_path(op, which), past, AT_SYMLINK_NOFOLLOW);
        utimensat(AT_FDCWD, fsops_dir(op, which), past, 0);
        futimens(side->fds[fsops_pick(op, which, FSOPS_FDS)], past);
    }
}

void fsops_play(struct fsops_side *side, const struct fsops_op *op, int64_t start_s,
                struct fsops_out *out)
{
    memset(out, 0, offsetof(struct fsops_out, said));
    out->said[0] = '\0';
    out->length = 0;
    out->errno_first = 0;
    out->paths[0] = out->paths[1] = NULL;
    out->fd = -1;
    must(fchdir(side->root_fd) == 0, "fchdir");
    umask(umasks[op->umask]);
    fsops_run_as(op->user);
    fsops_kinds[op->kind].run(side, op, out);
    fsops_run_as(0);
    umask(0);
    if (op->r[7] % 4 != 0)
        look(side, out, start_s);
}
