/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each finding of the capability report, with the situation made for real. What this kernel cannot
 * make is printed as skipped, and its text is looked at in the unit tests.
 */
#include "daemon/capture/cap_super.h"
#include "daemon/capture/capability.h"
#include "lib/base/fd.h"
#include "tests/crash/safety.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/fuse.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DISK SAFETY_DIR "/disk"
#define ROOT DISK "/data"

static const struct dpl_capability_paths no_tables = {.fuse = "/dev/fuse",
                                                      .fstab = "/none",
                                                      .exports = "/none",
                                                      .exports_d = "/none",
                                                      .etab = "/none"};
static struct dpl_capability_paths paths;
static struct dpl_capability_set set;
static struct dpl_findings findings;
static const char *roots[3];

/* Forgets what the last test said, and looks at this one root when check() is called. */
static void begin(const char *root)
{
    paths = no_tables;
    roots[0] = root;
    set = (struct dpl_capability_set){.name = "t", .roots = roots, .root_count = 1};
}

static void check(void)
{
    dpl_findings_clear(&findings);
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL(dpl_capability_set(&paths, &set, &findings, &err), DPL_OK);
}

static int refusals(void)
{
    int count = 0;
    for (size_t i = 0; i < findings.count; i++)
        count += findings.items[i].severity == DPL_SEVERITY_REFUSE;
    return count;
}

static bool says(const char *id, enum dpl_severity severity, const char *part)
{
    const struct dpl_finding *f = dpl_findings_get(&findings, id);
    bool good = f && f->severity == severity && strstr(f->text, part) && !strchr(f->text, '\n');
    if (!good) {
        printf("\n    no \"%s\" of %s; there is:\n", part, id);
        for (size_t i = 0; i < findings.count; i++)
            printf("    %s %s: %s\n", findings.items[i].id,
                   dpl_severity_name(findings.items[i].severity), findings.items[i].text);
    }
    return good;
}

/* This one refusal and no other, which force does not override. Prints it: it is what users read.
 */
static bool refuses(const char *id, const char *part)
{
    struct dpl_err err = {0};
    check();
    bool good = says(id, DPL_SEVERITY_REFUSE, part) && refusals() == 1 &&
                dpl_capability_start_allowed(&findings, true, &err) == DPL_E_REFUSED &&
                strcmp(err.text, dpl_findings_get(&findings, id)->text) == 0;
    if (good)
        printf("\n    refuse %s: %s", id, err.text);
    return good;
}

static bool warns(const char *id, const char *part)
{
    check();
    bool good = says(id, DPL_SEVERITY_WARN, part) && refusals() == 0 &&
                dpl_capability_start_allowed(&findings, false, NULL) == DPL_OK;
    if (good)
        printf("\n    warn %s: %s", id, dpl_findings_get(&findings, id)->text);
    return good;
}

static void disk_make(const char *mkfs_options, const char *mount_options)
{
    CU_ASSERT_FATAL(safety_ext4(DISK, mkfs_options, mount_options) && mkdir(ROOT, 0755) == 0);
    begin(ROOT);
}

static void disk_drop(void)
{
    CU_ASSERT(safety_run("umount %s", DISK));
    dpl_findings_clear(&findings);
}

/* --- the kernel ------------------------------------------------------------------------------- */

static void this_kernel_will_do(void)
{
    uint64_t offered = 0;
    begin(ROOT);
    dpl_findings_clear(&findings);
    dpl_capability_kernel(&paths, 64 << 20, &findings, &offered);
    CU_ASSERT_EQUAL(refusals(), 0);
    CU_ASSERT(says("fuse_protocol", DPL_SEVERITY_OK, "FUSE 7."));
    CU_ASSERT(says("clone_files", DPL_SEVERITY_OK, "outlive"));
    CU_ASSERT(says("memlock", DPL_SEVERITY_OK, "64 MiB"));
    CU_ASSERT(says("fuse_clone", DPL_SEVERITY_OK, "cloned"));
    CU_ASSERT((offered & FUSE_HANDLE_KILLPRIV_V2) != 0);
    CU_ASSERT((offered & FUSE_INIT_EXT) == 0 || offered >> 32 != 0);
    for (size_t i = 0; i < findings.count; i++)
        printf("\n    %s %s: %s", dpl_severity_name(findings.items[i].severity),
               findings.items[i].id, findings.items[i].text);
    dpl_findings_clear(&findings);
}

static void the_trial_mount_leaves_nothing(void)
{
    begin(ROOT);
    dpl_automounts struct dpl_mounts *before = NULL, *after = NULL;
    CU_ASSERT_FATAL(dpl_mountinfo_read(0, &before, NULL) == DPL_OK);
    dpl_capability_kernel(&paths, 0, &findings, NULL);
    CU_ASSERT_FATAL(dpl_mountinfo_read(0, &after, NULL) == DPL_OK);
    CU_ASSERT_EQUAL(before->count, after->count);
    dpl_findings_clear(&findings);
}

static void device_that_is_missing_is_refused(void)
{
    begin(ROOT);
    paths.fuse = SAFETY_DIR "/no-fuse";
    dpl_findings_clear(&findings);
    dpl_capability_kernel(&paths, 0, &findings, NULL);
    CU_ASSERT(says("fuse_device", DPL_SEVERITY_REFUSE, "modprobe fuse"));
    CU_ASSERT_EQUAL(dpl_capability_start_allowed(&findings, true, NULL), DPL_E_REFUSED);
    printf("\n    refuse fuse_device: %s", dpl_findings_get(&findings, "fuse_device")->text);
    paths.fuse = "/dev/null";
    dpl_findings_clear(&findings);
    dpl_capability_kernel(&paths, 0, &findings, NULL);
    CU_ASSERT(says("fuse_protocol", DPL_SEVERITY_REFUSE, "CAP_SYS_ADMIN"));
    printf("\n    refuse fuse_protocol: %s", dpl_findings_get(&findings, "fuse_protocol")->text);
    dpl_findings_clear(&findings);
}

static bool drop_capability(unsigned number)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) < 0)
        return false;
    data[number / 32].effective &= ~(1U << number % 32);
    return syscall(SYS_capset, &header, data) == 0;
}

/* Runs judge in a process without this capability, on what the report says there. */
static bool without(unsigned capability, bool (*judge)(const char *id), const char *id)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit limit = {65536, 65536};
        begin(ROOT);
        dpl_findings_clear(&findings);
        bool good = setrlimit(RLIMIT_MEMLOCK, &limit) == 0 && drop_capability(capability);
        dpl_capability_kernel(&paths, 1 << 20, &findings, NULL);
        good = good && judge(id);
        if (good)
            printf("\n    %s: %s", id, dpl_findings_get(&findings, id)->text);
        fflush(stdout);
        _exit(!good);
    }
    int status = 1;
    return waitpid(pid, &status, 0) == pid && status == 0;
}

/* A refusal that force, and force alone, overrides. */
static bool is_crash_refusal(const char *id)
{
    return says(id, DPL_SEVERITY_REFUSE, "or force the start") &&
           dpl_capability_start_allowed(&findings, false, NULL) == DPL_E_REFUSED &&
           dpl_capability_start_allowed(&findings, true, NULL) == DPL_OK;
}

static bool is_warning(const char *id)
{
    return says(id, DPL_SEVERITY_WARN, "CAP_SYS_RESOURCE");
}

static bool crash_refusal_without(unsigned capability, const char *id)
{
    return without(capability, is_crash_refusal, id);
}

static bool warning_without(unsigned capability, const char *id)
{
    return without(capability, is_warning, id);
}

static void what_a_crash_could_reach_is_refused_unless_forced(void)
{
    CU_ASSERT(crash_refusal_without(CAP_IPC_LOCK, "memlock"));
}

static void missing_rights_against_memory_pressure_are_warned_about(void)
{
    CU_ASSERT(warning_without(CAP_SYS_RESOURCE, "io_flusher"));
    CU_ASSERT(warning_without(CAP_SYS_RESOURCE, "oom_score"));
}

/* --- roots ------------------------------------------------------------------------------------ */

static void good_root_has_no_complaint(void)
{
    disk_make("", "");
    check();
    for (size_t i = 0; i < findings.count; i++)
        CU_ASSERT(findings.items[i].severity == DPL_SEVERITY_OK);
    CU_ASSERT(says("handles", DPL_SEVERITY_OK, ROOT));
    CU_ASSERT(says("xattrs", DPL_SEVERITY_OK, ROOT));
    CU_ASSERT(says("bypass_watch", DPL_SEVERITY_OK, ROOT));
    disk_drop();
}

static void wrong_roots_are_refused_by_name(void)
{
    disk_make("", "");
    roots[0] = "data";
    CU_ASSERT(refuses("root_path", "\"data\""));
    roots[0] = DISK "//data";
    CU_ASSERT(refuses("root_path", "simplest form"));
    roots[0] = DISK "/nothing";
    CU_ASSERT(refuses("root_missing", "does not exist"));
    CU_ASSERT(safety_run("touch %s/file; ln -s %s %s/link", DISK, ROOT, DISK));
    roots[0] = DISK "/file";
    CU_ASSERT(refuses("root_directory", "not a directory"));
    roots[0] = DISK "/link";
    CU_ASSERT(refuses("root_link", "name \"" ROOT "\""));
    CU_ASSERT(safety_run("ln -s %s %s/way", DISK, SAFETY_DIR));
    roots[0] = SAFETY_DIR "/way/data";
    CU_ASSERT(refuses("root_link", "name \"" ROOT "\""));
    roots[0] = DISK;
    CU_ASSERT(refuses("root_mountpoint", "beneath it, as \"" DISK "/data\""));
    disk_drop();
}

static void captured_roots_are_refused_even_while_the_server_hangs(void)
{
    disk_make("", "");
    pid_t server = safety_tinyfuse(ROOT);
    kill(server, SIGSTOP);
    CU_ASSERT(refuses("root_captured", "captured already (by \"doppel:test\")"));
    roots[0] = ROOT "/deeper";
    CU_ASSERT(refuses("root_within", "lies within \"" ROOT "\""));
    safety_end(server);
    roots[0] = ROOT;
    CU_ASSERT(refuses("root_captured", "clear the mount if its server is dead"));
    CU_ASSERT(safety_run("umount %s", ROOT));
    disk_drop();
}

static void unmounted_disk_is_refused(void)
{
    disk_make("", "");
    CU_ASSERT(safety_run("echo '/dev/x %s ext4 defaults 0 2' >%s/fstab", DISK, SAFETY_DIR));
    paths.fstab = SAFETY_DIR "/fstab";
    check();
    CU_ASSERT_EQUAL(refusals(), 0);
    disk_drop();
    CU_ASSERT(safety_run("mkdir -p %s", ROOT)); /* on what lies below */
    check();
    CU_ASSERT(says("disk_unmounted", DPL_SEVERITY_REFUSE, "unmounted disk: \"" DISK "\""));
    printf("\n    refuse disk_unmounted: %s", dpl_findings_get(&findings, "disk_unmounted")->text);
    CU_ASSERT(safety_run("rmdir %s", ROOT));
    dpl_findings_clear(&findings);
}

static void other_disk_is_refused(void)
{
    disk_make("-U 11111111-2222-3333-4444-555555555555", "");
    set.expected_uuid = "11111111-2222-3333-4444-555555555555";
    check();
    CU_ASSERT_EQUAL(refusals(), 0);
    set.expected_uuid = "11111111-2222-3333-4444-55555555555A";
    CU_ASSERT(refuses("disk_other", "UUID 11111111-2222-3333-4444-555555555555"));
    disk_drop();
}

static void host_root_is_warned_about(void)
{
    CU_ASSERT_FATAL(
        safety_run("rm -rf /var/tmp/doppel-cap-test && mkdir /var/tmp/doppel-cap-test"));
    begin("/var/tmp/doppel-cap-test");
    dpl_automounts struct dpl_mounts *mounts = NULL;
    dpl_mountinfo_read(0, &mounts, NULL);
    const struct dpl_mount *m = dpl_mounts_covering(mounts, roots[0]);
    if (m && strcmp(m->point, "/") == 0) {
        check();
        CU_ASSERT(says("root_on_slash", DPL_SEVERITY_WARN, "host's own root"));
    } else {
        printf("PRINT SKIP /var/tmp is not on the root file system\n");
    }
    CU_ASSERT(safety_run("rmdir /var/tmp/doppel-cap-test"));
}

static void mounts_within_a_root_are_refused(void)
{
    disk_make("", "");
    CU_ASSERT(safety_run("mkdir %s/in && mount -t tmpfs none %s/in", ROOT, ROOT));
    CU_ASSERT(refuses("submount", "tmpfs is mounted on \"" ROOT "/in\""));
    CU_ASSERT(safety_run("umount %s/in", ROOT));
    disk_drop();
}

/* --- mounts and file systems ------------------------------------------------------------------ */

static void lazytime_is_refused(void)
{
    disk_make("", "lazytime");
    CU_ASSERT(refuses("lazytime", "remount,nolazytime"));
    disk_drop();
}

static int user_namespace(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(unshare(CLONE_NEWUSER) < 0 ? 1 : (kill(getpid(), SIGSTOP), 0));
    }
    int status = 0;
    waitpid(pid, &status, WUNTRACED);
    bool good = WIFSTOPPED(status) &&
                safety_run("echo '0 100000 65536' >/proc/%d/uid_map && echo '0 100000 65536'"
                           " >/proc/%d/gid_map",
                           (int)pid, (int)pid);
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/ns/user", (int)pid);
    int fd = good ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    safety_end(pid);
    return fd;
}

static void idmapped_mount_is_refused(void)
{
    disk_make("", "");
    dpl_autofd int ns = user_namespace();
    dpl_autofd int tree = (int)syscall(SYS_open_tree, AT_FDCWD, DISK,
                                       (unsigned)OPEN_TREE_CLONE | (unsigned)OPEN_TREE_CLOEXEC);
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)ns};
    CU_ASSERT(mkdir(SAFETY_DIR "/mapped", 0755) == 0);
    CU_ASSERT_FATAL(ns >= 0 && tree >= 0 &&
                    syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof attr) == 0 &&
                    syscall(SYS_move_mount, tree, "", AT_FDCWD, SAFETY_DIR "/mapped",
                            MOVE_MOUNT_F_EMPTY_PATH) == 0);
    roots[0] = SAFETY_DIR "/mapped/data";
    CU_ASSERT(refuses("idmapped", "\"" SAFETY_DIR "/mapped\" is idmapped"));
    dpl_fd_clear(&tree);
    CU_ASSERT(safety_run("umount %s/mapped", SAFETY_DIR));
    disk_drop();
}

static void casefold_is_refused(void)
{
    if (safety_ext4(DISK, "-O casefold", "")) {
        CU_ASSERT(mkdir(ROOT, 0755) == 0);
        begin(ROOT);
        CU_ASSERT(refuses("casefold", "compare without case"));
        disk_drop();
    } else {
        printf("PRINT SKIP casefold on a mounted file system: this kernel has no CONFIG_UNICODE\n");
    }
    /* What stands on the disk, all the same. */
    static const struct {
        const char *make;
        unsigned features;
    } disks[] = {
        {"mkfs.ext4 -q -F -O casefold", DPL_SUPER_CASEFOLD},
        {"mkfs.ext4 -q -F -O encrypt", DPL_SUPER_ENCRYPT},
        {"mkfs.ext4 -q -F -O project,quota", DPL_SUPER_PROJECT},
        {"mkfs.ext4 -q -F -O ^casefold,^encrypt,^project", 0},
        {"mkfs.xfs -q -f -n version=ci", DPL_SUPER_CASEFOLD},
        {"mkfs.xfs -q -f", 0},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(disks); i++) {
        if (!safety_run("rm -f %s/image; truncate -s 400M %s/image && %s %s/image >/dev/null 2>&1",
                        SAFETY_DIR, SAFETY_DIR, disks[i].make, SAFETY_DIR)) {
            printf("PRINT SKIP %s: not installed, or too old\n", disks[i].make);
            continue;
        }
        uint8_t bytes[DPL_SUPER_BYTES];
        dpl_autofd int fd = open(SAFETY_DIR "/image", O_RDONLY | O_CLOEXEC);
        CU_ASSERT_FATAL(dpl_fd_read_full(fd, bytes, sizeof bytes, NULL) == (ssize_t)sizeof bytes);
        CU_ASSERT_EQUAL(dpl_super_parse(bytes, sizeof bytes), disks[i].features);
        CU_ASSERT_EQUAL(dpl_super_parse(bytes, sizeof bytes - 1), 0);
    }
}

static void file_systems_without_handles_are_refused(void)
{
    CU_ASSERT_FATAL(safety_run("mkdir -p %s/l %s/u %s/w %s && mount -t overlay none -o"
                               " lowerdir=%s/l,upperdir=%s/u,workdir=%s/w %s",
                               SAFETY_DIR, SAFETY_DIR, SAFETY_DIR, DISK, SAFETY_DIR, SAFETY_DIR,
                               SAFETY_DIR, DISK));
    CU_ASSERT(mkdir(ROOT, 0755) == 0);
    begin(ROOT);
    CU_ASSERT(refuses("handles", "overlay has no file handles"));
    disk_drop();
}

static void file_systems_without_xattrs_are_refused(void)
{
    CU_ASSERT_FATAL(safety_run("mount -t ramfs none %s && mkdir %s", DISK, ROOT));
    begin(ROOT);
    check();
    CU_ASSERT(says("xattrs", DPL_SEVERITY_REFUSE, "no extended attributes trusted"));
    printf("\n    refuse xattrs: %s", dpl_findings_get(&findings, "xattrs")->text);
    disk_drop();
    if (safety_ext4(DISK, "", "nouser_xattr")) {
        CU_ASSERT(mkdir(ROOT, 0755) == 0);
        begin(ROOT);
        CU_ASSERT(refuses("xattrs", "no extended attributes user"));
        disk_drop();
    } else {
        printf("PRINT SKIP user attributes switched off: this kernel has no nouser_xattr\n");
    }
}

static void nfs_exports_are_refused(void)
{
    disk_make("", "");
    CU_ASSERT(safety_run("mkdir %s/exports.d", SAFETY_DIR));
    paths.exports_d = SAFETY_DIR "/exports.d";
    CU_ASSERT(safety_run("echo '%s/sub host(rw)' >%s/exports.d/a.exports", ROOT, SAFETY_DIR));
    CU_ASSERT(refuses("nfs_export", "\"" ROOT "/sub\""));
    paths.exports_d = "/none";
    paths.etab = SAFETY_DIR "/etab";
    CU_ASSERT(safety_run("echo '%s\t*(rw,sync)' >%s/etab", DISK, SAFETY_DIR));
    CU_ASSERT(refuses("nfs_export", "\"" DISK "\"")); /* the same file system */
    paths.etab = "/none";
    paths.exports = SAFETY_DIR "/exports";
    CU_ASSERT(safety_run("echo '/ a(ro) b(rw,crossmnt)' >%s/exports", SAFETY_DIR));
    CU_ASSERT(refuses("nfs_export", "\"/\""));
    CU_ASSERT(safety_run("echo '/ a(ro) b(rw)' >%s/exports", SAFETY_DIR)); /* ends at our disk */
    check();
    CU_ASSERT_EQUAL(refusals(), 0);
    disk_drop();
}

static void quiet_losses_are_warned_about(void)
{
    disk_make("-O encrypt", "");
    CU_ASSERT(warns("fscrypt", "plain text"));
    disk_drop();
    if (safety_ext4(DISK, "-O project", "")) {
        CU_ASSERT(mkdir(ROOT, 0755) == 0);
        CU_ASSERT(warns("project_ids", "not replicated"));
        disk_drop();
    } else {
        printf("PRINT SKIP project ids on ext4: this kernel does not mount them\n");
    }
    if (safety_run("truncate -s 400M %s.img && mkfs.xfs -q -f %s.img && mount -o loop %s.img %s",
                   DISK, DISK, DISK, DISK)) {
        CU_ASSERT(mkdir(ROOT, 0755) == 0);
        begin(ROOT);
        check();
        CU_ASSERT_EQUAL(refusals(), 0);
        struct fsxattr attr = {0};
        dpl_autofd int fd = open(ROOT, O_RDONLY | O_CLOEXEC);
        CU_ASSERT(ioctl(fd, FS_IOC_FSGETXATTR, &attr) == 0);
        attr.fsx_xflags |= FS_XFLAG_PROJINHERIT;
        attr.fsx_projid = 7;
        CU_ASSERT(ioctl(fd, FS_IOC_FSSETXATTR, &attr) == 0);
        CU_ASSERT(warns("project_ids", "not replicated"));
        dpl_fd_clear(&fd);
        disk_drop();
    } else {
        printf("PRINT SKIP XFS: not in this kernel, or no mkfs.xfs\n");
    }
}

static void foreign_fuse_is_warned_about(void)
{
    disk_make("", "");
    disk_drop();
    pid_t server = safety_tinyfuse(DISK); /* of ours */
    roots[0] = DISK;
    check();
    CU_ASSERT(says("root_captured", DPL_SEVERITY_REFUSE, "captured already"));
    CU_ASSERT(safety_run("umount %s", DISK));
    safety_end(server);
    server = safety_tinyfuse_as(DISK, "fuse.other");
    roots[0] = DISK;
    check();
    CU_ASSERT(says("shared_storage", DPL_SEVERITY_WARN, "fuse.other"));
    CU_ASSERT(safety_run("umount %s", DISK));
    safety_end(server);
    dpl_findings_clear(&findings);
}

static void mount_options_are_copied(void)
{
    static const struct {
        const char *options;
        unsigned long flags;
    } rows[] = {
        {"", 0x200000 /* relatime */},
        {"nosuid,nodev,noexec", 0x200000 | 2 | 4 | 8},
        {"noatime,nodiratime", 1024 | 2048},
        {"strictatime", 1 << 24},
        {"ro", 0x200000 | 1},
        {"nosymfollow", 0x200000 | 256},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        CU_ASSERT_FATAL(safety_ext4(DISK, "", rows[i].options));
        dpl_automounts struct dpl_mounts *mounts = NULL;
        CU_ASSERT_FATAL(dpl_mountinfo_read(0, &mounts, NULL) == DPL_OK);
        const struct dpl_mount *m = dpl_mounts_covering(mounts, DISK);
        CU_ASSERT_EQUAL(dpl_capability_mount_flags(m), rows[i].flags);
        disk_drop();
    }
}

/* --- the set ---------------------------------------------------------------------------------- */

static void nested_roots_are_refused(void)
{
    disk_make("", "");
    CU_ASSERT(safety_run("mkdir -p %s/in %s/alias && mount --bind %s %s/alias", ROOT, SAFETY_DIR,
                         DISK, SAFETY_DIR));
    set.root_count = 2;
    roots[1] = ROOT "/in";
    CU_ASSERT(refuses("set_nested", "\"" ROOT "/in\" lies within root \"" ROOT "\""));
    roots[1] = ROOT;
    CU_ASSERT(refuses("set_nested", "is named twice"));
    roots[1] = SAFETY_DIR "/alias/data/in"; /* by another way */
    CU_ASSERT(refuses("set_nested", "alias/data/in"));
    roots[1] = DISK "/data2";
    CU_ASSERT(mkdir(DISK "/data2", 0755) == 0);
    check();
    CU_ASSERT_EQUAL(refusals(), 0);
    CU_ASSERT(safety_run("mkdir %s/other && mount -t tmpfs none %s/other && mkdir %s/other/data",
                         SAFETY_DIR, SAFETY_DIR, SAFETY_DIR));
    roots[1] = SAFETY_DIR "/other/data"; /* the same path in another file system */
    check();
    CU_ASSERT(
        says("set_disks", DPL_SEVERITY_REFUSE, "\"" SAFETY_DIR "/other\") than root \"" ROOT "\""));
    CU_ASSERT_EQUAL(refusals(), 1);
    CU_ASSERT_EQUAL(dpl_capability_start_allowed(&findings, false, NULL), DPL_E_REFUSED);
    CU_ASSERT_EQUAL(dpl_capability_start_allowed(&findings, true, NULL), DPL_OK);
    CU_ASSERT(safety_run("umount %s/other", SAFETY_DIR));
    set.root_count = 1;
    const char *others[] = {SAFETY_DIR "/alias"};
    set.other_roots = others;
    set.other_root_count = 1;
    CU_ASSERT(refuses("set_overlap", "of another set"));
    others[0] = ROOT "/in/deeper";
    CU_ASSERT(refuses("set_overlap", "of another set"));
    CU_ASSERT(safety_run("umount %s/alias", SAFETY_DIR));
    disk_drop();
}

static void our_own_directories_beneath_a_root_are_refused(void)
{
    disk_make("", "");
    struct dpl_capability_own_dir dirs[] = {{"the journal", ROOT "/journal"}};
    set.own_dirs = dirs;
    set.own_dir_count = 1;
    CU_ASSERT(refuses("own_dir", "the journal (\"" ROOT "/journal\")")); /* not there yet */
    CU_ASSERT(safety_run("mkdir %s/j && ln -s %s/j %s/link", ROOT, ROOT, SAFETY_DIR));
    dirs[0].path = SAFETY_DIR "/link/deeper/still";
    CU_ASSERT(refuses("own_dir", "link/deeper/still"));
    CU_ASSERT(
        safety_run("mkdir %s/bound && mount --bind %s/j %s/bound", SAFETY_DIR, ROOT, SAFETY_DIR));
    dirs[0].path = SAFETY_DIR "/bound/journal";
    CU_ASSERT(refuses("own_dir", "bound/journal"));
    dirs[0].path = DISK "/.doppel";
    check();
    CU_ASSERT_EQUAL(refusals(), 0);
    CU_ASSERT(safety_run("umount %s/bound", SAFETY_DIR));
    disk_drop();
}

static const struct unit_test tests[] = {
    {"this kernel will do", this_kernel_will_do},
    {"the trial mount leaves nothing", the_trial_mount_leaves_nothing},
    {"a device that is missing is refused", device_that_is_missing_is_refused},
    {"what a crash could reach is refused unless forced",
     what_a_crash_could_reach_is_refused_unless_forced},
    {"missing rights against memory pressure are warned about",
     missing_rights_against_memory_pressure_are_warned_about},
    {"a good root has no complaint", good_root_has_no_complaint},
    {"wrong roots are refused by name", wrong_roots_are_refused_by_name},
    {"captured roots are refused, even while the server hangs",
     captured_roots_are_refused_even_while_the_server_hangs},
    {"an unmounted disk is refused", unmounted_disk_is_refused},
    {"another disk is refused", other_disk_is_refused},
    {"the host's root file system is warned about", host_root_is_warned_about},
    {"mounts within a root are refused", mounts_within_a_root_are_refused},
    {"lazytime is refused", lazytime_is_refused},
    {"an idmapped mount is refused", idmapped_mount_is_refused},
    {"casefold is refused", casefold_is_refused},
    {"file systems without handles are refused", file_systems_without_handles_are_refused},
    {"file systems without xattrs are refused", file_systems_without_xattrs_are_refused},
    {"NFS exports are refused", nfs_exports_are_refused},
    {"quiet losses are warned about", quiet_losses_are_warned_about},
    {"foreign FUSE file systems are warned about", foreign_fuse_is_warned_about},
    {"mount options are copied", mount_options_are_copied},
    {"nested and overlapping roots are refused", nested_roots_are_refused},
    {"our own directories beneath a root are refused",
     our_own_directories_beneath_a_root_are_refused},
};

int main(void)
{
    return safety_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
