/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the random test of the replayer does not reach: holes, attributes of every kind, what is
 * refused, and what waits without a name.
 */
#include "daemon/apply/apply.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static struct dpl_apply *apply;
static int reserve, root;
static struct dpl_oid oids[10];
static uint64_t lsn;
static struct dpl_err err;

static void open_it(bool allow)
{
    struct dpl_apply_root roots[] = {{.number = 0, .fd = root}};
    struct dpl_apply_options options = {.reserve_fd = reserve,
                                        .roots = roots,
                                        .count = 1,
                                        .allow_setid = allow,
                                        .allow_devices = allow};
    CU_ASSERT_EQUAL_FATAL(dpl_apply_open(&apply, &options, &err), 0);
}

static int apply_one(struct dpl_record *record)
{
    static uint8_t body[70000];
    record->lsn = lsn += 8;
    record->outcome = DPL_OUTCOME_OK;
    CU_ASSERT_TRUE_FATAL(dpl_record_encode(record, body, sizeof body, &err) >= 0);
    return dpl_apply_record(apply, 1, record, &err);
}

static struct dpl_record record_of(unsigned type, int object, mode_t mode)
{
    return (struct dpl_record){
        .type = (uint16_t)type,
        .has = DPL_F_OBJECT | DPL_F_ATTR,
        .object = dpl_oid_view(&oids[object]),
        .attr = {.has = DPL_A_MODE | DPL_A_UID | DPL_A_GID | (S_ISREG(mode) ? DPL_A_SIZE : 0),
                 .mode = mode}};
}

static void name_it(struct dpl_record *record, int parent, const char *name)
{
    record->has |= DPL_F_PARENT | DPL_F_NAME | DPL_F_PARENT_ATTR;
    record->parent = dpl_oid_view(&oids[parent]);
    record->name = (struct dpl_view){(const uint8_t *)name, strlen(name)};
}

static int create(int object, mode_t mode, const char *name)
{
    struct dpl_record record = record_of(DPL_R_CREATE, object, mode);
    name_it(&record, 0, name);
    if (S_ISLNK(mode)) {
        record.has |= DPL_F_TARGET;
        record.target = (struct dpl_view){(const uint8_t *)"/etc/passwd", 11};
    }
    if (S_ISBLK(mode)) {
        record.has |= DPL_F_RDEV;
        record.rdev = 7ULL << 32 | 250;
    }
    return apply_one(&record);
}

static int xattr(unsigned type, int object, mode_t mode, const char *name, const void *value,
                 size_t size)
{
    struct dpl_record record = record_of(type, object, mode);
    record.has |= DPL_F_XATTR | (type == DPL_R_SETXATTR ? DPL_F_VALUE : 0);
    record.attr.has = 0;
    record.xattr = (struct dpl_view){(const uint8_t *)name, strlen(name)};
    record.value = (struct dpl_view){value, size};
    return apply_one(&record);
}

static void begin(bool allow)
{
    static unsigned number;
    char name[32];
    snprintf(name, sizeof name, "apply%u", number++);
    int base = open(unit_tempdir(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    mkdirat(base, name, 0700);
    int dir = openat(base, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    mkdirat(dir, ".doppel", 0700);
    mkdirat(dir, "root", 0755);
    reserve = openat(dir, ".doppel", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    root = openat(dir, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(dir);
    close(base);
    for (unsigned i = 0; i < 10; i++)
        dpl_oid_make(&oids[i], 1, i, "handle", 6, NULL);
    lsn = 0;
    open_it(allow);
    struct dpl_record record = record_of(DPL_R_ROOT, 0, S_IFDIR | 0755);
    record.has |= DPL_F_NUMBER | DPL_F_PATH;
    record.path = (struct dpl_view){(const uint8_t *)"mail", 4};
    CU_ASSERT_EQUAL_FATAL(apply_one(&record), DPL_APPLY_DONE);
}

static void finish(void)
{
    dpl_apply_close(apply);
    close(reserve);
    close(root);
}

static unsigned waiting(void)
{
    unsigned count = 0;
    DIR *dir = fdopendir(openat(reserve, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct dirent *d;
    while ((d = readdir(dir)))
        count += strlen(d->d_name) == 16;
    closedir(dir);
    return count;
}

static struct stat look(const char *name)
{
    struct stat st = {0};
    fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW);
    return st;
}

static void holes(void)
{
    enum { MIB = 1 << 20 };
    static uint8_t data[65536];
    begin(false);
    memset(data, 7, sizeof data);
    CU_ASSERT_EQUAL(create(1, S_IFREG | 0600, "f"), 0);
    struct dpl_record record = record_of(DPL_R_WRITE, 1, S_IFREG | 0600);
    record.has |= DPL_F_OFFSET | DPL_F_DATA;
    record.offset = MIB;
    record.data = (struct dpl_view){data, sizeof data};
    record.attr.size = MIB + sizeof data;
    CU_ASSERT_EQUAL(apply_one(&record), 0);
    int fd = openat(root, "f", O_RDONLY | O_CLOEXEC);
    CU_ASSERT_EQUAL(lseek(fd, 0, SEEK_DATA), MIB);
    record = record_of(DPL_R_FALLOCATE, 1, S_IFREG | 0600);
    record.has |= DPL_F_MODE | DPL_F_OFFSET | DPL_F_LENGTH;
    record.mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    record.offset = MIB;
    record.length = 32768;
    record.attr.size = MIB + sizeof data;
    CU_ASSERT_EQUAL(apply_one(&record), 0);
    CU_ASSERT_EQUAL(lseek(fd, 0, SEEK_DATA), MIB + 32768);
    record = record_of(DPL_R_TRUNCATE, 1, S_IFREG | 0600);
    record.has |= DPL_F_LENGTH;
    record.length = record.attr.size = 2 * MIB;
    CU_ASSERT_EQUAL(apply_one(&record), 0);
    CU_ASSERT_EQUAL(lseek(fd, MIB + (off_t)sizeof data, SEEK_DATA), -1);
    CU_ASSERT_EQUAL(look("f").st_size, 2 * MIB);
    close(fd);
    finish();
}

static void attributes(void)
{
    /* An access ACL: user 9 may read. Version, then tag, permissions, id, in the host's order. */
    static const uint8_t acl[] = {2, 0, 0,   0,   1,   0,   6,  0, 255, 255, 255, 255, 2,   0,  4,
                                  0, 9, 0,   0,   0,   4,   0,  0, 0,   255, 255, 255, 255, 16, 0,
                                  4, 0, 255, 255, 255, 255, 32, 0, 0,   0,   255, 255, 255, 255};
    static const uint8_t caps[20] = {1, 0, 0, 2, 0, 4};
    char value[64];
    begin(true);
    CU_ASSERT_EQUAL(create(1, S_IFREG | 0640, "f"), 0);
    CU_ASSERT_EQUAL(create(2, S_IFLNK | 0777, "l"), 0);
    CU_ASSERT_EQUAL(xattr(DPL_R_SETXATTR, 1, S_IFREG, "user.a", "", 0), 0);
    CU_ASSERT_EQUAL(xattr(DPL_R_SETXATTR, 1, S_IFREG, "system.posix_acl_access", acl, sizeof acl),
                    0);
    CU_ASSERT_EQUAL(xattr(DPL_R_SETXATTR, 1, S_IFREG, "security.capability", caps, sizeof caps), 0);
    CU_ASSERT_EQUAL(xattr(DPL_R_SETXATTR, 2, S_IFLNK, "trusted.t", "x", 1), 0);
    char path[200];
    snprintf(path, sizeof path, "/proc/self/fd/%d/f", root);
    CU_ASSERT_EQUAL(getxattr(path, "system.posix_acl_access", value, sizeof value), sizeof acl);
    CU_ASSERT_EQUAL(memcmp(value, acl, sizeof acl), 0);
    CU_ASSERT_EQUAL(getxattr(path, "security.capability", value, sizeof value), 20);
    CU_ASSERT_EQUAL(getxattr(path, "user.a", value, sizeof value), 0);
    struct dpl_record record = record_of(DPL_R_SETATTR, 1, S_IFREG | 0640);
    record.has |= DPL_F_FLAGS | DPL_F_XATTRS;
    record.flags = DPL_RF_XATTRS_WHOLE | DPL_RF_CAPS_DROPPED;
    record.attr.has = 0;
    uint8_t list[64];
    record.xattrs =
        (struct dpl_view){list, (size_t)dpl_xattrs_append(list, 0, sizeof list, "user.b", "2", 1)};
    CU_ASSERT_EQUAL(apply_one(&record), 0);
    CU_ASSERT_EQUAL(getxattr(path, "user.b", value, sizeof value), 1);
    CU_ASSERT_TRUE(getxattr(path, "user.a", value, sizeof value) < 0);
    CU_ASSERT_TRUE(getxattr(path, "system.posix_acl_access", value, sizeof value) < 0);
    CU_ASSERT_TRUE(getxattr(path, "security.capability", value, sizeof value) < 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d/l", root);
    CU_ASSERT_EQUAL(lgetxattr(path, "trusted.t", value, sizeof value), 1);
    finish();
}

static void refused(void)
{
    begin(false);
    CU_ASSERT_EQUAL(create(1, S_IFBLK | 0600, "disk"), DPL_E_REFUSED);
    CU_ASSERT_STRING_EQUAL(err.text,
                           "LSN 16 (create): a device node, which the set does not allow");
    CU_ASSERT_EQUAL(create(2, S_IFREG | 04755, "suid"), 0);
    CU_ASSERT_EQUAL(look("suid").st_mode, S_IFREG | 0755);
    CU_ASSERT_EQUAL(xattr(DPL_R_SETXATTR, 2, S_IFREG, "trusted.doppel.id", "x", 1), DPL_E_REFUSED);
    CU_ASSERT_EQUAL(xattr(DPL_R_REMOVEXATTR, 2, S_IFREG, "trusted.doppel.id", "", 0),
                    DPL_E_REFUSED);
    struct dpl_record record = record_of(DPL_R_ROOT, 3, S_IFDIR | 0755);
    record.has |= DPL_F_NUMBER | DPL_F_PATH;
    record.number = 5;
    record.path = (struct dpl_view){(const uint8_t *)"x", 1};
    CU_ASSERT_EQUAL(apply_one(&record), DPL_E_REFUSED);
    /* An id is a key: the same one again, as another type, is a contradiction. */
    CU_ASSERT_EQUAL(create(2, S_IFDIR | 0755, "other"), DPL_E_CORRUPT);
    finish();
    begin(true);
    CU_ASSERT_EQUAL(create(1, S_IFBLK | 0600, "disk"), 0);
    CU_ASSERT_TRUE(S_ISBLK(look("disk").st_mode) && look("disk").st_rdev == makedev(7, 250));
    finish();
}

/* A symbolic link in the way, put there by the source, is never followed. */
static void symlinks(void)
{
    begin(false);
    CU_ASSERT_EQUAL(create(1, S_IFLNK | 0777, "l"), 0);
    struct dpl_record record = record_of(DPL_R_CREATE, 2, S_IFREG | 0600);
    name_it(&record, 1, "passwd");
    CU_ASSERT_EQUAL(apply_one(&record), DPL_E_CORRUPT);
    record = record_of(DPL_R_WRITE, 1, S_IFREG | 0600);
    record.has |= DPL_F_OFFSET | DPL_F_DATA;
    record.data = (struct dpl_view){(const uint8_t *)"x", 1};
    CU_ASSERT_EQUAL(apply_one(&record), DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(create(3, S_IFREG | 0600, "l"), 0);
    CU_ASSERT_TRUE(S_ISREG(look("l").st_mode));
    CU_ASSERT_EQUAL(waiting(), 1);
    finish();
}

static void orphans(void)
{
    begin(false);
    CU_ASSERT_EQUAL(create(1, S_IFREG | 0600, "f"), 0);
    struct dpl_record record = record_of(DPL_R_REMOVE, 1, S_IFREG | 0600);
    name_it(&record, 0, "f");
    CU_ASSERT_EQUAL(apply_one(&record), 0);
    CU_ASSERT_EQUAL(look("f").st_ino, 0);
    CU_ASSERT_EQUAL(waiting(), 1);
    dpl_apply_close(apply);
    open_it(false);
    record = record_of(DPL_R_WRITE, 1, S_IFREG | 0600);
    record.has |= DPL_F_OFFSET | DPL_F_DATA;
    record.data = (struct dpl_view){(const uint8_t *)"late", 4};
    record.attr.size = 4;
    CU_ASSERT_EQUAL(apply_one(&record), DPL_APPLY_DONE);
    record = record_of(DPL_R_LINK, 1, S_IFREG | 0600);
    name_it(&record, 0, "again");
    CU_ASSERT_EQUAL(apply_one(&record), 0);
    CU_ASSERT_EQUAL(look("again").st_size, 4);
    CU_ASSERT_EQUAL(look("again").st_nlink, 1);
    CU_ASSERT_EQUAL(waiting(), 0);
    record = record_of(DPL_R_DROP, 1, 0);
    record.has = DPL_F_OBJECT;
    CU_ASSERT_EQUAL(apply_one(&record), DPL_E_CORRUPT);
    record = record_of(DPL_R_REMOVE, 1, S_IFREG | 0600);
    name_it(&record, 0, "again");
    CU_ASSERT_EQUAL(apply_one(&record), 0);
    record = record_of(DPL_R_DROP, 1, 0);
    record.has = DPL_F_OBJECT;
    CU_ASSERT_EQUAL(apply_one(&record), 0);
    CU_ASSERT_EQUAL(waiting(), 0);
    CU_ASSERT_EQUAL(apply_one(&record), 0);
    finish();
}

static unsigned inode_flags(const char *name)
{
    unsigned flags = 0;
    int fd = openat(root, name, O_RDONLY | O_CLOEXEC);
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
        flags = ~0U;
    close(fd);
    return flags;
}

static int set_flags(int object, mode_t mode, unsigned flags)
{
    struct dpl_record record = record_of(DPL_R_SETATTR, object, mode);
    record.attr.has |= DPL_A_IFLAGS;
    record.attr.has &= ~(uint32_t)DPL_A_SIZE;
    record.attr.iflags = flags;
    return apply_one(&record);
}

/* An immutable file is changed by what the source did before it became so, or after it had been. */
static void flags(void)
{
    begin(false);
    CU_ASSERT_EQUAL(create(1, S_IFREG | 0600, "f"), 0);
    if (inode_flags("f") == ~0U) {
        printf("SKIP: no inode flags here ");
        finish();
        return;
    }
    CU_ASSERT_EQUAL(set_flags(1, S_IFREG | 0600, FS_IMMUTABLE_FL | FS_NODUMP_FL), 0);
    CU_ASSERT_EQUAL(inode_flags("f") & (FS_IMMUTABLE_FL | FS_NODUMP_FL),
                    FS_IMMUTABLE_FL | FS_NODUMP_FL);
    for (int again = 0; again < 2; again++) {
        struct dpl_record record = record_of(DPL_R_WRITE, 1, S_IFREG | 0600);
        record.has |= DPL_F_OFFSET | DPL_F_DATA;
        record.data = (struct dpl_view){(const uint8_t *)"text", 4};
        record.attr.size = 4;
        CU_ASSERT_EQUAL(apply_one(&record), 0);
        CU_ASSERT_EQUAL(look("f").st_size, 4);
        CU_ASSERT_TRUE(inode_flags("f") & FS_IMMUTABLE_FL);
        /* Another process knows it from the disk alone. */
        dpl_apply_close(apply);
        open_it(false);
    }
    CU_ASSERT_EQUAL(set_flags(1, S_IFREG | 0600, FS_APPEND_FL), 0);
    CU_ASSERT_EQUAL(inode_flags("f") & (FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL),
                    FS_APPEND_FL);
    struct dpl_record record = record_of(DPL_R_REMOVE, 1, S_IFREG | 0600);
    name_it(&record, 0, "f");
    record.attr.has = 0;
    CU_ASSERT_EQUAL(apply_one(&record), 0);
    CU_ASSERT_EQUAL(waiting(), 1);
    record = record_of(DPL_R_DROP, 1, 0);
    record.has = DPL_F_OBJECT;
    CU_ASSERT_EQUAL(apply_one(&record), 0);
    CU_ASSERT_EQUAL(waiting(), 0);
    finish();
}

static void outcomes(void)
{
    begin(false);
    struct dpl_record record = record_of(DPL_R_WRITE, 7, S_IFREG | 0600);
    record.has |= DPL_F_OFFSET | DPL_F_DATA;
    CU_ASSERT_EQUAL(apply_one(&record), DPL_APPLY_UNKNOWN);
    record.outcome = DPL_OUTCOME_UNKNOWN;
    CU_ASSERT_EQUAL(dpl_apply_record(apply, 1, &record, &err), DPL_APPLY_ASK);
    record.outcome = DPL_OUTCOME_VOID;
    CU_ASSERT_EQUAL(dpl_apply_record(apply, 1, &record, &err), DPL_APPLY_NOTHING);
    record.outcome = DPL_OUTCOME_OPEN;
    CU_ASSERT_EQUAL(dpl_apply_record(apply, 1, &record, &err), DPL_E_PARAM);
    record = (struct dpl_record){.type = DPL_R_MIRROR, .has = DPL_F_NUMBER, .number = 1};
    CU_ASSERT_EQUAL(apply_one(&record), DPL_APPLY_ASK);
    finish();
}

static const struct unit_test tests[] = {
    {"holes are holes", holes},
    {"attributes of every kind are set and taken away, on links too", attributes},
    {"devices, set-ID bits, our own attributes and unknown roots are refused", refused},
    {"nothing is written through a symbolic link", symlinks},
    {"an object without a name waits, takes writes and comes back, or is dropped", orphans},
    {"immutable and append-only files are held so between records", flags},
    {"outcomes other than ok are answered, not applied", outcomes},
};

int main(void)
{
    if (geteuid() != 0) {
        printf("SKIP: only root may set owners and open file handles\n");
        return 77;
    }
    umask(022);
    return unit_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
