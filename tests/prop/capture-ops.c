/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The same random calls on a captured directory and on a plain one: what they answer must be the
 * same, errors included, and so must the trees at the end.
 *
 *     capture-ops CAPTURED PLAIN SEED COUNT
 *
 * Both directories must be empty and on file systems of the same kind. Calls are made as root and
 * as users, so that rights are compared too. Exit status 0 if nothing differs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SIDES 2
#define FILES 12
#define NAMES 14

static int root_fd[SIDES];
static int file_fd[SIDES][FILES];
static uint64_t state;
static unsigned long step, differences;
static char last_call[400];
static bool trace, eager;

static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % below;
}

static const char *const names[NAMES] = {"a",     "b",     "c", "d",   "d/a", "d/b", "d/e",
                                         "d/e/a", "d/e/b", "f", "f/a", "f/b", "g",   "f/h"};

/* Who writes to a set-gid file that its group may not execute loses the bit unless he is of that
 * group; a FUSE server is not told of which groups he is. So there are no such modes here. */
static mode_t a_mode(void)
{
    mode_t mode = draw(07777 + 1);

    return (mode & S_ISGID) != 0 ? mode | S_IXGRP : mode;
}

static const char *a_name(void)
{
    return names[draw(NAMES)];
}

/* What one call answered. */
struct answer {
    long value;
    int error;
    uint8_t data[4096];
    size_t size;
};

static void differ(const struct answer *a, const struct answer *b)
{
    size_t at = 0;

    differences++;
    printf("step %lu as %u: %s: captured %ld (%s), plain %ld (%s)\n", step, geteuid(), last_call,
           a->value, strerror(a->error), b->value, strerror(b->error));
    while (at < a->size && at < b->size && a->data[at] == b->data[at])
        at++;
    if (at < a->size || at < b->size)
        printf("    data differ at byte %zu of %zu and %zu: %d, %d\n", at, a->size, b->size,
               a->data[at], b->data[at]);
}

static void compare(const struct answer *a, const struct answer *b)
{
    if (a->value != b->value || a->error != b->error || a->size != b->size ||
        memcmp(a->data, b->data, a->size) != 0)
        differ(a, b);
}

static void result(struct answer *answer, long value)
{
    answer->value = value < 0 ? -1 : value;
    answer->error = value < 0 ? errno : 0;
}

#define CALL(...) snprintf(last_call, sizeof(last_call), __VA_ARGS__)
/* Runs the expression once per side, with `side` and `out` to use. */
#define BOTH(expression)                                                                           \
    do {                                                                                           \
        static struct answer answers[SIDES];                                                       \
        for (int side = 0; side < SIDES; side++) {                                                 \
            struct answer *out = &answers[side];                                                   \
            memset(out, 0, sizeof(*out));                                                          \
            errno = 0;                                                                             \
            result(out, (long)(expression));                                                       \
        }                                                                                          \
        compare(&answers[0], &answers[1]);                                                         \
    } while (0)

/* Sizes of directories and times that nobody set differ by right. */
static long look(struct answer *out, int side, const char *name)
{
    struct statx stx;
    long rc =
        statx(root_fd[side], name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &stx);
    uint64_t fields[8] = {0};

    if (rc != 0)
        return rc;
    fields[0] = stx.stx_mode;
    fields[1] = stx.stx_nlink;
    fields[2] = stx.stx_uid;
    fields[3] = stx.stx_gid;
    fields[4] = S_ISDIR(stx.stx_mode) ? 0 : stx.stx_size;
    fields[5] = stx.stx_rdev_major * 1000 + stx.stx_rdev_minor;
    /* Writing into a FIFO changes its times in the kernel alone. */
    fields[6] = stx.stx_mtime.tv_sec < 1000000000 && !S_ISFIFO(stx.stx_mode)
                    ? (uint64_t)stx.stx_mtime.tv_sec
                    : 1;
    fields[7] = (stx.stx_mask & STATX_BTIME) != 0;
    memcpy(out->data, fields, sizeof(fields));
    out->size = sizeof(fields);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static long list(struct answer *out, int side, const char *name)
{
    char found[64][64];
    size_t count = 0;
    int fd = openat(root_fd[side], name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct dirent *entry;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (dir == NULL)
        return -1;
    while ((entry = readdir(dir)) != NULL && count < 64)
        snprintf(found[count++], sizeof(found[0]), "%.30s %c", entry->d_name, 'a' + entry->d_type);
    closedir(dir);
    qsort(found, count, sizeof(found[0]), by_name);
    for (size_t i = 0; i < count; i++)
        out->size += (size_t)snprintf((char *)out->data + out->size, 33, "%s\n", found[i]);
    return (long)count;
}

static long open_file(int side, size_t slot, const char *name, int flags, mode_t mode)
{
    int fd = openat(root_fd[side], name, flags | O_CLOEXEC | O_NONBLOCK, mode);

    if (fd < 0)
        return -1;
    if (file_fd[side][slot] >= 0)
        close(file_fd[side][slot]);
    file_fd[side][slot] = fd;
    return 0;
}

static void op_open(void)
{
    static const int kinds[] = {O_RDONLY,
                                O_RDWR,
                                O_WRONLY,
                                O_RDWR | O_CREAT,
                                O_RDWR | O_CREAT | O_EXCL,
                                O_RDWR | O_CREAT | O_TRUNC,
                                O_WRONLY | O_APPEND | O_CREAT,
                                O_RDONLY | O_NOFOLLOW};
    int flags = kinds[draw(sizeof(kinds) / sizeof(kinds[0]))];
    mode_t mode = draw(2) != 0 ? 0644 : a_mode();
    size_t slot = draw(FILES);
    const char *name = a_name();

    CALL("fd %zu = open(%s, %o, %o)", slot, name, (unsigned)flags, mode);
    BOTH(open_file(side, slot, name, flags, mode));
}

static void op_tmpfile(void)
{
    size_t slot = draw(FILES);

    CALL("fd %zu = open(O_TMPFILE)", slot);
    BOTH(open_file(side, slot, ".", O_TMPFILE | O_RDWR, 0640));
}

static void op_link_file(void)
{
    size_t slot = draw(FILES);
    const char *name = a_name();

    CALL("linkat(fd %zu, %s)", slot, name);
    BOTH(file_fd[side][slot] < 0
             ? 0
             : linkat(file_fd[side][slot], "", root_fd[side], name, AT_EMPTY_PATH));
}

static void op_write(void)
{
    static uint8_t bytes[300000];
    size_t slot = draw(FILES);
    size_t size = draw(4) == 0 ? draw(sizeof(bytes)) : draw(9000);
    off_t at = draw(200000);
    bool append = draw(3) == 0;

    memset(bytes, (int)step, size);
    CALL("write(fd %zu, %zu at %ld%s)", slot, size, (long)at, append ? ", here" : "");
    BOTH(append ? write(file_fd[side][slot], bytes, size)
                : pwrite(file_fd[side][slot], bytes, size, at));
}

static void op_read(void)
{
    size_t slot = draw(FILES);
    off_t at = draw(300000);

    CALL("pread(fd %zu at %ld)", slot, (long)at);
    BOTH(({
        ssize_t got = pread(file_fd[side][slot], out->data, sizeof(out->data), at);
        out->size = got > 0 ? (size_t)got : 0;
        got;
    }));
}

static void op_content(void)
{
    static const int modes[] = {0,
                                FALLOC_FL_KEEP_SIZE,
                                FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                FALLOC_FL_ZERO_RANGE,
                                FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
                                FALLOC_FL_PUNCH_HOLE};
    size_t slot = draw(FILES), to = draw(FILES);
    off_t at = draw(200000), length = draw(100000), target = draw(200000);
    int mode = modes[draw(sizeof(modes) / sizeof(modes[0]))];

    switch (draw(5)) {
    case 0:
        CALL("ftruncate(fd %zu, %ld)", slot, (long)length);
        BOTH(ftruncate(file_fd[side][slot], length));
        break;
    case 1:
        CALL("fallocate(fd %zu, %x, %ld, %ld)", slot, (unsigned)mode, (long)at, (long)length);
        BOTH(fallocate(file_fd[side][slot], mode, at, length));
        break;
    case 2:
        CALL("copy_file_range(fd %zu at %ld, fd %zu at %ld, %ld)", slot, (long)at, to, (long)target,
             (long)length);
        BOTH(({
            loff_t a = at, b = target;
            copy_file_range(file_fd[side][slot], &a, file_fd[side][to], &b, (size_t)length, 0);
        }));
        break;
    case 3:
        /* Where data ends and holes begin depends on what is cached: only the end is certain. */
        CALL("lseek(fd %zu, %ld, SEEK_END)", slot, (long)at);
        BOTH(({
            struct stat st;
            fstat(file_fd[side][slot], &st) == 0 && S_ISREG(st.st_mode)
                ? lseek(file_fd[side][slot], st.st_size, SEEK_HOLE)
                : 0;
        }));
        break;
    default:
        CALL("fsync(fd %zu)", slot);
        BOTH(fsync(file_fd[side][slot]));
        break;
    }
}

static void op_mapped(void)
{
    size_t slot = draw(FILES);
    int byte = (int)draw(256);

    CALL("store into mapped fd %zu", slot);
    BOTH(({
        struct stat st;
        long rc = fstat(file_fd[side][slot], &st);
        if (rc == 0 && S_ISREG(st.st_mode) && st.st_size >= 4096) {
            char *map =
                mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file_fd[side][slot], 0);
            rc = map == MAP_FAILED ? -1 : 0;
            if (rc == 0) {
                memset(map + 100, byte, 200);
                rc = msync(map, 4096, MS_SYNC);
                munmap(map, 4096);
            }
        }
        rc;
    }));
}

static void op_names(void)
{
    const char *a = a_name(), *b = a_name();
    unsigned flags = draw(3) == 0 ? 1 + draw(2) : 0;

    switch (draw(8)) {
    case 0:
    case 1:
        CALL("mkdir(%s)", a);
        BOTH(mkdirat(root_fd[side], a, 0777));
        break;
    case 2:
        CALL("rmdir(%s)", a);
        BOTH(unlinkat(root_fd[side], a, AT_REMOVEDIR));
        break;
    case 3:
        CALL("unlink(%s)", a);
        BOTH(unlinkat(root_fd[side], a, 0));
        break;
    case 4:
        CALL("link(%s, %s)", a, b);
        BOTH(linkat(root_fd[side], a, root_fd[side], b, 0));
        break;
    case 5:
        CALL("symlink(%s, %s)", b, a);
        BOTH(symlinkat(b, root_fd[side], a));
        break;
    default:
        CALL("rename(%s, %s, %u)", a, b, flags);
        BOTH(renameat2(root_fd[side], a, root_fd[side], b, flags));
        break;
    }
}

static void op_special(void)
{
    const char *name = a_name();
    bool fifo = draw(2) != 0;
    mode_t mode = (fifo ? S_IFIFO : S_IFCHR) | 0600;

    CALL("mknod(%s, %o)", name, mode);
    BOTH(mknodat(root_fd[side], name, mode, fifo ? 0 : makedev(300, 70000)));
}

static void op_attributes(void)
{
    const char *name = a_name();
    struct timespec times[2] = {{.tv_sec = draw(1000000), .tv_nsec = draw(1000000000)},
                                {.tv_sec = draw(1000000), .tv_nsec = UTIME_OMIT}};
    mode_t mode = a_mode();
    uid_t uid = 1000 + draw(2);
    gid_t gid = 1000 + draw(3);

    switch (draw(4)) {
    case 0:
        CALL("chmod(%s, %o)", name, mode);
        BOTH(fchmodat(root_fd[side], name, mode, 0));
        break;
    case 1:
        if (draw(2) == 0)
            uid = (uid_t)-1;
        else if (draw(2) == 0)
            gid = (gid_t)-1;
        CALL("chown(%s, %d, %d)", name, (int)uid, (int)gid);
        BOTH(fchownat(root_fd[side], name, uid, gid, AT_SYMLINK_NOFOLLOW));
        break;
    case 2:
        if (draw(2) != 0)
            times[1] = times[0];
        CALL("utimens(%s)", name);
        BOTH(utimensat(root_fd[side], name, times, AT_SYMLINK_NOFOLLOW));
        break;
    default:
        CALL("truncate(%s)", name);
        BOTH(({
            int fd = openat(root_fd[side], name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
            long rc = fd < 0 ? -1 : ftruncate(fd, 12345);
            if (fd >= 0)
                close(fd);
            rc;
        }));
        break;
    }
}

/* An ACL of owner, one named user, group, mask, other. */
static size_t an_acl(uint8_t *to)
{
    struct {
        uint16_t tag, perm;
        uint32_t id;
    } entries[5] = {{1, (uint16_t)draw(8), ~0U},
                    {2, (uint16_t)draw(8), 1001},
                    {4, (uint16_t)(draw(8) | 1), ~0U},
                    {16, (uint16_t)(draw(8) | 1), ~0U},
                    {32, (uint16_t)draw(8), ~0U}};
    uint32_t version = 2;

    memcpy(to, &version, 4);
    memcpy(to + 4, entries, sizeof(entries));
    return 4 + sizeof(entries);
}

static long on_path(int side, const char *name, char *path)
{
    return snprintf(path, 100, "/proc/self/fd/%d/%s", root_fd[side], name);
}

static void op_xattr(void)
{
    static const char *const keys[] = {"user.one",
                                       "user.two",
                                       "trusted.t",
                                       "security.s",
                                       "system.posix_acl_access",
                                       "system.posix_acl_default"};
    const char *name = a_name(), *key = keys[draw(6)];
    uint8_t value[200];
    size_t size = draw(sizeof(value));
    int flags = (int)draw(3);

    memset(value, (int)step, sizeof(value));
    if (key[1] == 'y')
        size = an_acl(value);
    switch (draw(4)) {
    case 0:
        CALL("removexattr(%s, %s)", name, key);
        BOTH(({
            char path[100];
            on_path(side, name, path);
            lremovexattr(path, key);
        }));
        break;
    case 1:
        CALL("getxattr(%s, %s)", name, key);
        BOTH(({
            char path[100];
            on_path(side, name, path);
            ssize_t got = lgetxattr(path, key, out->data, sizeof(out->data));
            out->size = got > 0 ? (size_t)got : 0;
            got;
        }));
        break;
    default:
        CALL("setxattr(%s, %s, %zu, %d)", name, key, size, flags);
        BOTH(({
            char path[100];
            on_path(side, name, path);
            lsetxattr(path, key, value, size, flags);
        }));
        break;
    }
}

static void op_flags(void)
{
    size_t slot = draw(FILES);
    int flags = draw(2) != 0 ? FS_NODUMP_FL : FS_NOATIME_FL;

    CALL("setflags(fd %zu, %x)", slot, (unsigned)flags);
    BOTH(({
        int now = 0;
        long rc = ioctl(file_fd[side][slot], FS_IOC_GETFLAGS, &now);
        if (rc == 0) {
            now = (now & FS_EXTENT_FL) | flags;
            rc = ioctl(file_fd[side][slot], FS_IOC_SETFLAGS, &now);
        }
        rc;
    }));
}

static void op_look(void)
{
    const char *name = a_name();

    CALL("statx(%s)", name);
    BOTH(look(out, side, name));
    CALL("list(%s)", name);
    BOTH(list(out, side, name));
    CALL("readlink(%s)", name);
    BOTH(({
        ssize_t got = readlinkat(root_fd[side], name, (char *)out->data, sizeof(out->data));
        out->size = got > 0 ? (size_t)got : 0;
        got;
    }));
}

static void become(uid_t uid)
{
    gid_t groups[] = {1002};

    if (seteuid(0) != 0 || setegid(0) != 0)
        abort();
    if (uid == 0)
        return;
    if (setgroups(1, groups) != 0 || setegid(uid) != 0 || seteuid(uid) != 0)
        abort();
}

/* Finds the call after which something differs: at the price of other cached attributes. */
static void look_at_all(void)
{
    char call[sizeof(last_call)];

    memcpy(call, last_call, sizeof(call));
    become(0);
    for (size_t i = 0; i < NAMES; i++) {
        snprintf(last_call, sizeof(last_call), "%.300s, then statx(%s)", call, names[i]);
        BOTH(look(out, side, names[i]));
    }
    memcpy(last_call, call, sizeof(call));
}

static void one(void)
{
    static void (*const ops[])(void) = {
        op_open,    op_open,    op_open,       op_write,      op_write,   op_read,   op_names,
        op_names,   op_names,   op_attributes, op_attributes, op_xattr,   op_look,   op_look,
        op_content, op_content, op_link_file,  op_special,    op_tmpfile, op_mapped, op_flags};
    uid_t uid = draw(3) == 0 ? 1000 + draw(2) : 0;

    become(uid);
    if (trace)
        last_call[0] = '\0';
    umask(draw(2) != 0 ? 022 : 0007);
    ops[draw(sizeof(ops) / sizeof(ops[0]))]();
    if (eager)
        look_at_all();
    if (trace)
        printf("%lu as %u: %s\n", step, uid, last_call);
    become(0);
}

int main(int argc, char **argv)
{
    unsigned long count;

    if (argc != 5) {
        fprintf(stderr, "capture-ops CAPTURED PLAIN SEED COUNT\n");
        return 2;
    }
    for (int side = 0; side < SIDES; side++) {
        root_fd[side] = open(argv[1 + side], O_RDONLY | O_DIRECTORY);
        if (root_fd[side] < 0 || fchmod(root_fd[side], 0777) != 0) {
            perror(argv[1 + side]);
            return 2;
        }
        for (size_t i = 0; i < FILES; i++)
            file_fd[side][i] = -1;
    }
    state = strtoull(argv[3], NULL, 10) * UINT64_C(0x9e3779b97f4a7c15) + 1;
    signal(SIGPIPE, SIG_IGN);
    trace = getenv("CAPTURE_OPS_TRACE") != NULL;
    eager = getenv("CAPTURE_OPS_EAGER") != NULL;
    count = strtoul(argv[4], NULL, 10);
    for (step = 0; step < count && differences < 20; step++)
        one();
    for (size_t i = 0; i < NAMES; i++) {
        CALL("at the end: statx(%s)", names[i]);
        BOTH(look(out, side, names[i]));
    }
    printf("seed %s: %lu calls, %lu differences\n", argv[3], step, differences);
    return differences != 0;
}
