/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What must hold before a replica is written. Mounts are made in a namespace of the test's own.
 */
#include "daemon/apply/guard.h"
#include "daemon/apply/replica.h"
#include "lib/base/fd.h"
#include "lib/proto/message.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static struct dpl_err err;
static char base[300];

static const char *in(const char *name)
{
    static char paths[4][400];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", base, name);
    return path;
}

static void begin(const char *name)
{
    snprintf(base, sizeof base, "%s/%s", unit_tempdir(), name);
    mkdir(base, 0755);
    mkdir(in("root"), 0755);
}

static int root(const char *path, const char *allowed, const char *uuid)
{
    const char *list[] = {allowed};
    err = (struct dpl_err){0};
    return dpl_guard_root(path, list, 1, uuid, &err);
}

static void refuse(const char *path, const char *allowed, const char *uuid, int code,
                   const char *says)
{
    int fd = root(path, allowed, uuid);
    CU_ASSERT_EQUAL(fd, code);
    if (!strstr(err.text, says))
        printf("%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, says));
    if (fd >= 0)
        dpl_fd_clear(&fd);
}

static void places(void)
{
    begin("places");
    int fd = root(in("root"), in("root"), NULL);
    CU_ASSERT_TRUE(fd >= 0);
    dpl_fd_clear(&fd);
    fd = root(in("root"), base, NULL);
    CU_ASSERT_TRUE(fd >= 0);
    dpl_fd_clear(&fd);
    refuse(in("root"), in("roo"), NULL, DPL_E_REFUSED, "beneath no [target] root");
    refuse(in("root/../../x"), base, NULL, DPL_E_PARAM, "not an absolute path");
    refuse("root", base, NULL, DPL_E_PARAM, "not an absolute path");
    refuse(in("none"), base, NULL, DPL_E_NOT_FOUND, "none");
    CU_ASSERT_EQUAL(symlink("root", in("link")), 0);
    refuse(in("link"), base, NULL, DPL_E_REFUSED, "symbolic link");
    mkdir(in("root/sub"), 0755);
    refuse(in("link/sub"), base, NULL, DPL_E_REFUSED, "symbolic link");
    refuse(in("root"), base, "01234567-89ab-cdef-0123-456789abcdef", DPL_E_REFUSED,
           "is its disk mounted?");
}

static void mounts(void)
{
    begin("mounts");
    CU_ASSERT_EQUAL_FATAL(mount("t", in("root"), "tmpfs", 0, "size=1m"), 0);
    refuse(in("root"), base, NULL, DPL_E_REFUSED, "is a mount point");
    mkdir(in("root/data"), 0755);
    int fd = root(in("root/data"), base, NULL);
    CU_ASSERT_TRUE(fd >= 0);
    dpl_fd_clear(&fd);
    CU_ASSERT_EQUAL(mount(NULL, in("root"), NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    refuse(in("root/data"), base, NULL, DPL_E_REFUSED, "mounted read-only");
    CU_ASSERT_EQUAL(umount2(in("root"), 0), 0);
}

static void reserve(void)
{
    struct stat st;
    begin("reserve");
    int fd = root(in("root"), base, NULL);
    int dir = dpl_guard_reserve(in("root"), fd, "mail", &err);
    CU_ASSERT_TRUE_FATAL(dir >= 0);
    CU_ASSERT_EQUAL(stat(in(".doppel/mail"), &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 0700);
    int lock = dpl_guard_lock(dir, "b1", "2", &err);
    CU_ASSERT_TRUE_FATAL(lock >= 0);
    CU_ASSERT_EQUAL(dpl_guard_lock(dir, "b2", NULL, &err), DPL_E_BUSY);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "b1 2 "));
    dpl_fd_clear(&lock);
    lock = dpl_guard_lock(dir, "b2", NULL, &err);
    CU_ASSERT_TRUE(lock >= 0);
    dpl_fd_clear(&lock);
    dpl_fd_clear(&dir);
    /* What others can write is not ours. */
    CU_ASSERT_EQUAL(chmod(in(".doppel"), 0777), 0);
    CU_ASSERT_EQUAL(dpl_guard_reserve(in("root"), fd, "mail", &err), DPL_E_REFUSED);
    CU_ASSERT_EQUAL(chmod(in(".doppel"), 0700), 0);
    CU_ASSERT_EQUAL(rename(in(".doppel"), in("other")), 0);
    CU_ASSERT_EQUAL(symlink("other", in(".doppel")), 0);
    CU_ASSERT_EQUAL(dpl_guard_reserve(in("root"), fd, "mail", &err), DPL_E_REFUSED);
    dpl_fd_clear(&fd);
}

static void attributes(void)
{
    begin("bare");
    CU_ASSERT_EQUAL_FATAL(mount("none", base, "ramfs", 0, NULL), 0);
    mkdir(in("root"), 0755);
    int fd = root(in("root"), base, NULL);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(dpl_guard_reserve(in("root"), fd, "mail", &err), DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "has no extended attributes"));
    dpl_fd_clear(&fd);
    CU_ASSERT_EQUAL(umount2(base, 0), 0);
}

static int open_it(struct dpl_replica **replica, int dir, int root_fd)
{
    struct dpl_apply_root one = {.number = 0, .fd = root_fd};
    struct dpl_replica_options options = {
        .set = "mail",
        .dir_fd = dir,
        .roots = &one,
        .count = 1,
        .queue = {.segment_bytes = DPL_SEGMENT_MIN, .max_bytes = 1 << 30},
        .checkpoint_bytes = 1 << 20,
        .checkpoint_ms = 1000,
        .clock = &dpl_clock_system,
        .io = &dpl_segment_io_system,
    };
    err = (struct dpl_err){0};
    return dpl_replica_open(replica, &options, &err);
}

/* A replica whose directories are not what they were is not written. */
static void changed_roots(void)
{
    struct dpl_replica *replica;
    uint8_t tag[13 + DPL_LIFE_BYTES] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 'h'};
    begin("changed");
    int root_fd = root(in("root"), base, NULL);
    int dir = dpl_guard_reserve(in("root"), root_fd, "mail", &err);
    CU_ASSERT_EQUAL_FATAL(open_it(&replica, dir, root_fd), 0);
    struct dpl_epoch epoch = {.number = 1, .id = {1}, .set = "mail"};
    uint32_t reason;
    CU_ASSERT_EQUAL(
        dpl_replica_offer(replica, &epoch, 0, dpl_epoch_chain(&epoch), true, &reason, &err), 1);
    memcpy(tag + 13, dpl_apply_objects(dpl_replica_applier(replica))->life, DPL_LIFE_BYTES);
    /* As if a ROOT and a CREATE record had been applied; the map is made from the tags. */
    int file = openat(root_fd, "mail", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", root_fd);
    CU_ASSERT_EQUAL(setxattr(path, "trusted.doppel.id", tag, sizeof tag, 0), 0);
    tag[11]++;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    CU_ASSERT_EQUAL(setxattr(path, "trusted.doppel.id", tag, sizeof tag, 0), 0);
    dpl_fd_clear(&file);
    dpl_replica_close(replica);
    CU_ASSERT_EQUAL_FATAL(open_it(&replica, dir, root_fd), 0);
    CU_ASSERT_EQUAL(dpl_replica_stop(replica, &err), 0);
    dpl_replica_close(replica);
    CU_ASSERT_EQUAL(rename(in("root/mail"), in("aside")), 0);
    CU_ASSERT_EQUAL(open_it(&replica, dir, root_fd), DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "roots are empty"));
    CU_ASSERT_EQUAL(rename(in("aside"), in("root/mail")), 0);
    CU_ASSERT_EQUAL_FATAL(open_it(&replica, dir, root_fd), 0);
    dpl_replica_close(replica);
    mkdir(in("another"), 0755);
    int another = root(in("another"), base, NULL);
    CU_ASSERT_EQUAL(open_it(&replica, dir, another), DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "not the directory that it was"));
    dpl_fd_clear(&another);
    /* Another set's, or with an undo of a later version. */
    CU_ASSERT_EQUAL(mkdirat(dir, "undo", 0700), 0);
    CU_ASSERT_EQUAL(open_it(&replica, dir, root_fd), DPL_E_VERSION);
    CU_ASSERT_EQUAL(unlinkat(dir, "undo", AT_REMOVEDIR), 0);
    /* Without a state nothing is guessed. */
    CU_ASSERT_EQUAL(unlinkat(dir, "state", 0), 0);
    CU_ASSERT_EQUAL(open_it(&replica, dir, root_fd), DPL_E_CORRUPT);
    dpl_fd_clear(&dir);
    dpl_fd_clear(&root_fd);
}

static uint32_t offered(struct dpl_replica *replica, const struct dpl_epoch *epoch, bool equal)
{
    uint32_t reason = 0;
    int rc = dpl_replica_offer(replica, epoch, 0, dpl_epoch_chain(epoch), equal, &reason, &err);
    CU_ASSERT_EQUAL(rc, equal || reason == 0);
    return reason;
}

/* What an old owner or another disk offers is told from what must be compared only. */
static void owners(void)
{
    struct dpl_replica *replica;
    const struct dpl_epoch first = {.number = 1, .id = {1}, .fs_uuid = {7}, .set = "mail"};
    const struct dpl_epoch second = {.number = 2, .id = {2}, .fs_uuid = {7}, .set = "mail"};
    const struct dpl_epoch third = {.number = 3, .id = {3}, .fs_uuid = {7}, .set = "mail"};
    const struct dpl_epoch bare = {.number = 3, .id = {4}, .set = "mail"};
    const struct dpl_epoch other = {.number = 3, .id = {5}, .fs_uuid = {8}, .set = "mail"};
    begin("owners");
    int root_fd = root(in("root"), base, NULL);
    int dir = dpl_guard_reserve(in("root"), root_fd, "mail", &err);
    CU_ASSERT_EQUAL_FATAL(open_it(&replica, dir, root_fd), 0);
    CU_ASSERT_EQUAL(offered(replica, &first, false), DPL_COMPARE_NEW);
    offered(replica, &first, true);
    offered(replica, &second, true);
    CU_ASSERT_EQUAL(offered(replica, &second, false), 0);
    CU_ASSERT_EQUAL(offered(replica, &first, false), DPL_COMPARE_OLDER);
    CU_ASSERT_EQUAL(offered(replica, &third, false), DPL_COMPARE_EPOCH);
    CU_ASSERT_EQUAL(offered(replica, &bare, false), DPL_COMPARE_EPOCH);
    CU_ASSERT_EQUAL(offered(replica, &other, false), DPL_COMPARE_DISK);
    CU_ASSERT_EQUAL(dpl_replica_stop(replica, &err), 0);
    dpl_replica_close(replica);
    CU_ASSERT_EQUAL_FATAL(open_it(&replica, dir, root_fd), 0);
    CU_ASSERT_EQUAL(offered(replica, &first, false), DPL_COMPARE_OLDER);
    dpl_replica_close(replica);
    dpl_fd_clear(&dir);
    dpl_fd_clear(&root_fd);
}

static const struct unit_test tests[] = {
    {"a root is a real directory, allowed, on its own disk", places},
    {"it is no mount point, and can be written", mounts},
    {"the reserved directory is ours alone, and has one writer", reserve},
    {"its file system can hold attributes", attributes},
    {"roots that are not what they were are refused", changed_roots},
    {"an old owner and another disk are told from the rest", owners},
};

int main(void)
{
    if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        printf("SKIP: only root may mount\n");
        return 77;
    }
    umask(022);
    return unit_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
