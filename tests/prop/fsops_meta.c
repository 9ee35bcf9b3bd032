/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fsops: what is told about objects. Modes, owners, times, attributes, ACLs, flags, rights.
 */
#include "tests/prop/fsops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

void fsops_chmod(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    static const mode_t modes[] = {0644,  0600,  0666,  0755,  0777,  0777,  0666,
                                   06755, 04755, 06777, 02775, 02654, 01777, 0};
    mode_t mode = FSOPS_ONE_OF(op, 1, modes);
    unsigned slot = fsops_pick(op, 0, FSOPS_FDS);
    if (op->r[2] % 3 == 0) {
        fsops_call(out, "fchmod(fd%u, 0%o)", slot, mode);
        fsops_result(out, fchmod(side->fds[slot], mode));
        out->fd = (int)slot;
    } else {
        out->paths[0] = fsops_path(op, 0);
        fsops_call(out, "fchmodat(\"%.80s\", 0%o)", out->paths[0], mode);
        fsops_result(out, fchmodat(AT_FDCWD, out->paths[0], mode, 0));
    }
}

void fsops_chown(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    static const int ids[] = {-1, 0, 1001, 1002, 1003, 2000, 2001, -1, 70000};
    uid_t uid = (uid_t)FSOPS_ONE_OF(op, 1, ids);
    gid_t gid = uid == (uid_t)-1 && op->r[2] % 9 % 7 == 0 ? 2000 : (gid_t)FSOPS_ONE_OF(op, 2, ids);
    unsigned slot = fsops_pick(op, 0, FSOPS_FDS);
    if (op->r[3] % 3 == 0) {
        fsops_call(out, "fchown(fd%u, %d, %d)", slot, (int)uid, (int)gid);
        fsops_result(out, fchown(side->fds[slot], uid, gid));
        out->fd = (int)slot;
    } else {
        int flags = op->r[3] % 3 == 1 ? AT_SYMLINK_NOFOLLOW : 0;
        out->paths[0] = fsops_path(op, 0);
        fsops_call(out, "fchownat(\"%.80s\", %d, %d, %#x)", out->paths[0], (int)uid, (int)gid,
                   (unsigned)flags);
        fsops_result(out, fchownat(AT_FDCWD, out->paths[0], uid, gid, flags));
    }
}

static struct timespec time_of(uint32_t r)
{
    switch (r % 8) {
    case 0:
        return (struct timespec){0, UTIME_NOW};
    case 1:
        return (struct timespec){0, UTIME_OMIT};
    case 2:
        return (struct timespec){-1000, 5};
    case 3:
        return (struct timespec){1, 2000000000};
    default:
        return (struct timespec){(r >> 8) % 1600000000, (r >> 3) % 1000000000};
    }
}

static void say_time(struct fsops_out *out, const struct timespec *t)
{
    if (t->tv_sec < 1700000000)
        fsops_say(out, "%lld.%09ld ", (long long)t->tv_sec, t->tv_nsec);
    else
        fsops_say(out, "now ");
}

void fsops_utimens(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    struct timespec times[2] = {time_of(op->r[1]), time_of(op->r[2])};
    unsigned slot = fsops_pick(op, 0, FSOPS_FDS);
    struct stat st;
    int rc;
    if (op->r[3] % 3 == 0) {
        fsops_call(out, "futimens(fd%u, %lld.%ld, %lld.%ld)", slot, (long long)times[0].tv_sec,
                   times[0].tv_nsec, (long long)times[1].tv_sec, times[1].tv_nsec);
        fsops_result(out, futimens(side->fds[slot], times));
        rc = fstat(side->fds[slot], &st);
        out->fd = (int)slot;
    } else {
        int flags = op->r[3] % 3 == 1 ? AT_SYMLINK_NOFOLLOW : 0;
        out->paths[0] = fsops_path(op, 0);
        fsops_call(out, "utimensat(\"%.80s\", %lld.%ld, %lld.%ld, %#x)", out->paths[0],
                   (long long)times[0].tv_sec, times[0].tv_nsec, (long long)times[1].tv_sec,
                   times[1].tv_nsec, (unsigned)flags);
        fsops_result(out,
                     utimensat(AT_FDCWD, out->paths[0], op->r[4] % 16 == 0 ? NULL : times, flags));
        rc = fstatat(AT_FDCWD, out->paths[0], &st, flags);
    }
    if (rc == 0 && out->errno_first == 0 && times[0].tv_nsec != UTIME_OMIT && op->r[4] % 16 != 0) {
        say_time(out, &st.st_atim);
        say_time(out, &st.st_mtim);
    }
}

static const char *xattr_name(const struct fsops_op *op, unsigned which)
{
    static char long_name[300];
    static const char *const names[] = {"user.a",     "user.b",          "user.c", "trusted.t",
                                        "security.s", "system.nonsense", "user.",  "nothing",
                                        "user.a",     "user.b",          NULL};
    const char *name = FSOPS_ONE_OF(op, which, names);
    if (name)
        return name;
    memset(long_name, 'n', sizeof long_name);
    memcpy(long_name, "user.", 5);
    long_name[op->r[which] % 2 ? 255 : 256] = '\0';
    return long_name;
}

static char value[70000];

void fsops_setxattr(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    static const int flags[] = {0, 0, XATTR_CREATE, XATTR_REPLACE, XATTR_CREATE | XATTR_REPLACE};
    const char *name = xattr_name(op, 1);
    uint32_t r = op->r[2];
    size_t size = r % 24 == 0 ? 65537 : r % 12 == 0 ? (r >> 8) % 3000 : (r >> 8) % 200;
    int flag = FSOPS_ONE_OF(op, 3, flags);
    unsigned slot = fsops_pick(op, 0, FSOPS_FDS);
    fsops_fill(op, value, size);
    if (op->r[4] % 3 == 0) {
        fsops_call(out, "fsetxattr(fd%u, %.20s, %zu, %d)", slot, name, size, flag);
        fsops_result(out, fsetxattr(side->fds[slot], name, value, size, flag));
        out->fd = (int)slot;
    } else {
        out->paths[0] = fsops_path(op, 0);
        bool follow = op->r[4] % 3 == 1;
        fsops_call(out, "%csetxattr(\"%.80s\", %.20s, %zu, %d)", follow ? ' ' : 'l', out->paths[0],
                   name, size, flag);
        fsops_result(out, (follow ? setxattr : lsetxattr)(out->paths[0], name, value, size, flag));
    }
}

static int by_text(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y);
}

static void say_list(struct fsops_out *out, long size)
{
    const char *names[256];
    size_t count = 0;
    for (char *at = value; at < value + size && count < 256; at += strlen(at) + 1)
        names[count++] = at;
    qsort(names, count, sizeof names[0], by_text);
    for (size_t i = 0; i < count; i++)
        fsops_say(out, "%.30s ", names[i]);
}

void fsops_getxattr(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    static const size_t sizes[] = {65536, 65536, 0, 10};
    size_t size = FSOPS_ONE_OF(op, 3, sizes);
    const char *name = xattr_name(op, 1);
    unsigned slot = fsops_pick(op, 0, FSOPS_FDS);
    const char *path = fsops_path(op, 0);
    if (op->r[2] % 3 == 0) {
        fsops_call(out, "llistxattr(\"%.80s\", %zu)", path, size);
        long n = fsops_result(out, llistxattr(path, value, size));
        if (size > 0)
            say_list(out, n);
        return;
    }
    bool by_fd = op->r[2] % 3 == 1;
    if (by_fd)
        fsops_call(out, "fgetxattr(fd%u, %.20s, %zu)", slot, name, size);
    else
        fsops_call(out, "getxattr(\"%.80s\", %.20s, %zu)", path, name, size);
    long n = fsops_result(out, by_fd ? fgetxattr(side->fds[slot], name, value, size)
                                     : getxattr(path, name, value, size));
    if (n > 0 && size > 0)
        fsops_say_hash(out, value, (size_t)n);
}

void fsops_removexattr(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    static const char *const acls[] = {"system.posix_acl_access", "system.posix_acl_default"};
    (void)side;
    const char *name = op->r[2] % 4 == 0 ? FSOPS_ONE_OF(op, 1, acls) : xattr_name(op, 1);
    out->paths[0] = fsops_path(op, 0);
    fsops_call(out, "lremovexattr(\"%.80s\", %.30s)", out->paths[0], name);
    fsops_result(out, lremovexattr(out->paths[0], name));
}

/* The kernel's form of an ACL: a version, then entries of tag, permission, id. */
struct acl {
    uint32_t version;
    struct {
        uint16_t tag;
        uint16_t permission;
        uint32_t id;
    } entries[5];
};

void fsops_setacl(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    (void)side;
    const uint16_t p = (uint16_t)(op->r[1] % 8);
    struct acl acl = {2,
                      {{1, 6, UINT32_MAX},
                       {2, p, 1001},
                       {4, (uint16_t)(op->r[2] % 8), UINT32_MAX},
                       {16, (uint16_t)(op->r[3] % 8 | 1), UINT32_MAX},
                       {32, (uint16_t)(op->r[4] % 8), UINT32_MAX}}};
    size_t size = op->r[5] % 10 == 0 ? 30 : sizeof acl;
    const char *name = op->r[6] % 2 ? "system.posix_acl_access" : "system.posix_acl_default";
    const char *path = op->r[7] % 2 ? fsops_path(op, 0) : fsops_dir(op, 0);
    fsops_call(out, "setxattr(\"%.80s\", %s, u:%u g:%u m:%u o:%u, %zu)", path, name, p,
               op->r[2] % 8, op->r[3] % 8 | 1, op->r[4] % 8, size);
    fsops_result(out, setxattr(path, name, &acl, size, 0));
    long n = fsops_result(out, getxattr(path, name, value, sizeof value));
    if (n > 0)
        fsops_say_hash(out, value, (size_t)n);
    out->paths[0] = path;
}

void fsops_statx(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    (void)side;
    struct statx st;
    const char *path = fsops_path(op, 0);
    int flags = op->r[1] % 2 ? AT_SYMLINK_NOFOLLOW : 0;
    flags |= op->r[2] % 4 == 0 ? AT_STATX_FORCE_SYNC : 0;
    fsops_call(out, "statx(\"%.80s\", %#x, basic and btime)", path, (unsigned)flags);
    memset(&st, 0, sizeof st);
    if (fsops_result(out, statx(AT_FDCWD, path, flags, STATX_BASIC_STATS | STATX_BTIME, &st)) < 0)
        return;
    time_t now = time(NULL);
    fsops_say(out, "mode %o nlink %u ", st.stx_mode, st.stx_nlink);
    fsops_say(out, "btime %s ",
              !(st.stx_mask & STATX_BTIME)                                     ? "none"
              : st.stx_btime.tv_sec > now || now - st.stx_btime.tv_sec > 86400 ? "wrong"
                                                                               : "good");
}

#define FLAGS_OF_USERS (FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_SYNC_FL)

/* Sets harmless flags. */
void fsops_flags(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    static const unsigned sets[] = {0, FS_NODUMP_FL, FS_NOATIME_FL, FS_SYNC_FL, FS_IMMUTABLE_FL};
    unsigned slot = fsops_pick(op, 0, FSOPS_FDS);
    unsigned flags = 0;
    fsops_call(out, "FS_IOC_GETFLAGS(fd%u)", slot);
    long rc = fsops_result(out, ioctl(side->fds[slot], FS_IOC_GETFLAGS, &flags));
    out->fd = (int)slot;
    if (rc == 0)
        fsops_say(out, "flags %x ", flags & FLAGS_OF_USERS);
    unsigned set = FSOPS_ONE_OF(op, 2, sets);
    if (rc < 0 || op->r[1] % 2 == 0 || (set == FS_IMMUTABLE_FL && geteuid() == 0))
        return;
    unsigned next = (flags & ~(unsigned)FLAGS_OF_USERS) | set;
    fsops_call(out, "FS_IOC_SETFLAGS(fd%u, %x)", slot, next & FLAGS_OF_USERS);
    fsops_result(out, ioctl(side->fds[slot], FS_IOC_SETFLAGS, &next));
    rc = ioctl(side->fds[slot], FS_IOC_GETFLAGS, &flags);
    fsops_say(out, "then %x ", rc < 0 ? 0 : flags & FLAGS_OF_USERS);
}

/* Makes a file immutable or append-only, tries what that forbids, as root, and lets it go again.
 * The kernel knows nothing of these flags on FUSE: it is the server that refuses, and an open for
 * writing, which nobody asks it for, passes. */
void fsops_protect(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    unsigned flag = op->r[1] % 2 ? FS_IMMUTABLE_FL : FS_APPEND_FL;
    const char *path = fsops_path(op, 0);
    (void)side;
    fsops_run_as(0);
    fsops_call(out, "\"%.80s\": set %s, try to change, clear", path,
               flag == FS_APPEND_FL ? "append-only" : "immutable");
    out->paths[0] = path;
    struct stat st;
    if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    unsigned flags = 0;
    if (fsops_result(out, ioctl(fd, FS_IOC_GETFLAGS, &flags)) == 0) {
        unsigned on = flags | flag;
        fsops_result(out, ioctl(fd, FS_IOC_SETFLAGS, &on));
        fsops_result(out, truncate(path, 1));
        fsops_result(out, ftruncate(fd, 1));
        fsops_result(out, fchmod(fd, 0644));
        fsops_result(out, fchown(fd, 0, 0));
        fsops_result(out, utimensat(AT_FDCWD, path, (struct timespec[]){{5, 0}, {5, 0}},
                                    AT_SYMLINK_NOFOLLOW));
        fsops_result(out, setxattr(path, "user.a", "x", 1, 0));
        fsops_result(out, removexattr(path, "user.b"));
        fsops_result(out, link(path, "protected"));
        fsops_result(out, rename(path, "protected"));
        fsops_result(out, unlink(path));
        fsops_result(out, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
        if (flag == FS_IMMUTABLE_FL)
            fsops_result(out, pwrite(fd, "x", 1, 0));
        flags &= ~(unsigned)(FS_APPEND_FL | FS_IMMUTABLE_FL);
        fsops_result(out, ioctl(fd, FS_IOC_SETFLAGS, &flags));
        fsops_result(out, pwrite(fd, "y", 1, 0));
    }
    close(fd);
}

void fsops_access(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    static const int flags[] = {0, AT_EACCESS, AT_SYMLINK_NOFOLLOW};
    (void)side;
    const char *path = fsops_path(op, 0);
    int mode = (int)(op->r[1] % 8);
    int flag = FSOPS_ONE_OF(op, 2, flags);
    fsops_call(out, "faccessat2(\"%.80s\", %d, %#x)", path, mode, (unsigned)flag);
    fsops_result(out, syscall(SYS_faccessat2, AT_FDCWD, path, mode, flag));
}

/* Opens the directories to all again: a sequence that locks itself out says little. */
void fsops_mend(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    static const char *const dirs[] = {".", "d0", "d1", "d0/d2", "acl"};
    (void)side;
    (void)op;
    fsops_run_as(0);
    fsops_call(out, "chmod(directories, 0777)");
    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
        fsops_say(out, "%d ", chmod(dirs[i], 0777));
}

void fsops_clone(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    unsigned from = fsops_pick(op, 0, FSOPS_FDS);
    unsigned to = fsops_pick(op, 1, FSOPS_FDS);
    fsops_call(out, "FICLONE(fd%u, fd%u)", to, from);
    fsops_result(out, ioctl(side->fds[to], FICLONE, side->fds[from]));
    out->fd = (int)to;
}

void fsops_fiemap(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    unsigned slot = fsops_pick(op, 0, FSOPS_FDS);
    struct fiemap map = {.fm_length = 1 << 20};
    fsops_call(out, "FS_IOC_FIEMAP(fd%u)", slot);
    fsops_result(out, ioctl(side->fds[slot], FS_IOC_FIEMAP, &map));
}
