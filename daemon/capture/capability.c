/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What this host and a root offer, see capability.h.
 */
#include "daemon/capture/capability.h"

#include "daemon/capture/mount.h"
#include "daemon/capture/mountinfo.h"
#include "daemon/capture/node.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef FS_CASEFOLD_FL
#define FS_CASEFOLD_FL 0x40000000
#endif

/* Linux 5.14 is the oldest whose FUSE has HANDLE_KILLPRIV_V2 and SETXATTR_EXT. */
#define KERNEL_MIN_MAJOR 5
#define KERNEL_MIN_MINOR 14

__attribute__((format(printf, 3, 4))) static void
add(struct capability_report *report, enum capability_grade grade, const char *format, ...)
{
    struct capability_finding *finding = &report->findings[report->count];
    va_list args;

    if (report->count == CAPABILITY_FINDINGS)
        return;
    report->count++;
    finding->grade = grade;
    va_start(args, format);
    vsnprintf(finding->text, sizeof(finding->text), format, args);
    va_end(args);
}

static void look_at_kernel(struct capability_report *report)
{
    struct utsname name;
    unsigned major = 0, minor = 0;

    if (uname(&name) != 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2) {
        add(report, CAPABILITY_DOUBT, "the kernel does not say its version");
        return;
    }
    if (major < KERNEL_MIN_MAJOR || (major == KERNEL_MIN_MAJOR && minor < KERNEL_MIN_MINOR))
        add(report, CAPABILITY_DOUBT,
            "kernel %s is older than %d.%d: recovery after a crash of ours is not proven on it",
            name.release, KERNEL_MIN_MAJOR, KERNEL_MIN_MINOR);
    else
        add(report, CAPABILITY_GOOD, "kernel %s", name.release);
}

static void look_at_device(struct capability_report *report)
{
    dpl_autofd int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        add(report, CAPABILITY_REFUSED,
            "/dev/fuse cannot be opened (%s): load the kernel module 'fuse'", strerror(errno));
    else
        add(report, CAPABILITY_GOOD, "/dev/fuse can be opened");
    if (access("/sys/fs/fuse/connections", F_OK) != 0)
        add(report, CAPABILITY_WARNING,
            "fusectl is not mounted at /sys/fs/fuse/connections: a hung mount cannot be ended");
}

static void look_at_limits(struct capability_report *report)
{
    struct rlimit files;

    if (geteuid() != 0)
        add(report, CAPABILITY_REFUSED, "root is needed");
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max < 1024)
        add(report, CAPABILITY_DOUBT,
            "at most %llu descriptors: unlinked files that are in use may not all be held",
            (unsigned long long)files.rlim_max);
}

static void look_at_handles(struct capability_report *report, const char *root, int fd)
{
    struct node_handle handle;
    int code = node_handle_get(fd, "", &handle);

    if (code == -EOVERFLOW)
        add(report, CAPABILITY_REFUSED, "root '%s': its file handles are longer than %d bytes",
            root, SHARED_HANDLE_BYTES);
    else if (code != 0)
        add(report, CAPABILITY_REFUSED,
            "root '%s': its file system gives no file handles (%s): ext4 and XFS do", root,
            strerror(-code));
}

static void look_at_flags(struct capability_report *report, const char *root, int fd)
{
    int flags = 0;

    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0)
        return;
    if ((flags & FS_CASEFOLD_FL) != 0)
        add(report, CAPABILITY_REFUSED,
            "root '%s': casefold is set: names would not compare as they do below", root);
    if ((flags & FS_ENCRYPT_FL) != 0)
        add(report, CAPABILITY_WARNING,
            "root '%s': fscrypt is set: the replica will hold plain text", root);
    if ((flags & FS_PROJINHERIT_FL) != 0)
        add(report, CAPABILITY_WARNING, "root '%s': project ids are not replicated", root);
}

static void look_at_xattrs(struct capability_report *report, const char *root, int fd)
{
    if (fgetxattr(fd, "user.doppel.probe", NULL, 0) < 0 && errno == EOPNOTSUPP)
        add(report, CAPABILITY_WARNING,
            "root '%s': its file system has no extended attributes: none can be set through the "
            "mount",
            root);
    if (fgetxattr(fd, "security.selinux", NULL, 0) > 0)
        add(report, CAPABILITY_WARNING,
            "root '%s': SELinux labels do not pass: mount with context=", root);
}

static bool has_option(const char *options, const char *wanted)
{
    size_t length = strlen(wanted);

    for (const char *at = options; (at = strstr(at, wanted)) != NULL; at += length)
        if ((at == options || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

static void look_at_mount(struct capability_report *report, const char *root)
{
    struct mountinfo_entry entry;

    if (mountinfo_holds(root, &entry) != 1) {
        add(report, CAPABILITY_DOUBT, "root '%s': its mount is not listed", root);
        return;
    }
    if (strcmp(entry.type, MOUNT_TYPE) == 0 && strcmp(entry.point, root) == 0)
        add(report, CAPABILITY_REFUSED, "root '%s' is captured already (%s)", root, entry.source);
    else if (strcmp(entry.type, MOUNT_TYPE) == 0)
        add(report, CAPABILITY_REFUSED, "root '%s' lies beneath '%s', which is captured (%s)", root,
            entry.point, entry.source);
    else if (strcmp(entry.point, root) == 0)
        add(report, CAPABILITY_REFUSED,
            "root '%s' is itself a mount point: a root is a directory beneath it", root);
    if (has_option(entry.options, "idmapped"))
        add(report, CAPABILITY_REFUSED, "root '%s': its mount is idmapped: owners would be wrong",
            root);
    if (has_option(entry.options, "lazytime") || has_option(entry.super_options, "lazytime"))
        add(report, CAPABILITY_REFUSED,
            "root '%s': lazytime is set: times would be lost at a crash, and changes be missed by "
            "them",
            root);
    if (strcmp(entry.type, "ext4") != 0 && strcmp(entry.type, "xfs") != 0)
        add(report, CAPABILITY_WARNING,
            "root '%s' is on %s: proven are ext4 and xfs; after a node failover everything is "
            "compared",
            root, entry.type);
    if (mountinfo_beneath(root, &entry) == 1)
        add(report, CAPABILITY_REFUSED,
            "root '%s': '%s' is mounted beneath it: make it a root of its own", root, entry.point);
}

/* Clients of an exported directory come in below the mount. */
static void look_at_exports(struct capability_report *report, const char *root)
{
    FILE *exports = fopen("/var/lib/nfs/etab", "re");
    char line[4096], path[4096];

    if (exports == NULL)
        return;
    while (fgets(line, sizeof(line), exports) != NULL) {
        size_t length;

        if (sscanf(line, "%4095s", path) != 1)
            continue;
        length = strlen(path);
        if (strncmp(root, path, length) == 0 && (root[length] == '/' || root[length] == '\0')) {
            add(report, CAPABILITY_REFUSED,
                "root '%s': NFS exports '%s': its clients' changes would not be seen", root, path);
            break;
        }
    }
    fclose(exports);
}

static void look_at_root(struct capability_report *report, const char *root)
{
    dpl_autofd int fd = open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        add(report, CAPABILITY_REFUSED, "root '%s' cannot be opened (%s)%s", root, strerror(errno),
            errno == ENOENT ? ": is its disk mounted?" : "");
        return;
    }
    look_at_mount(report, root);
    look_at_handles(report, root, fd);
    look_at_flags(report, root, fd);
    look_at_xattrs(report, root, fd);
    look_at_exports(report, root);
}

void capability_look(const struct options *options, struct capability_report *report)
{
    memset(report, 0, sizeof(*report));
    look_at_limits(report);
    look_at_kernel(report);
    look_at_device(report);
    for (uint32_t i = 0; i < options->root_count; i++)
        look_at_root(report, options->roots[i]);
}

int capability_check(const struct capability_report *report, bool force, struct dpl_err *err)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct capability_finding *finding = &report->findings[i];

        if (finding->grade == CAPABILITY_REFUSED)
            return dpl_err_set(err, DPL_E_REFUSED, "%s", finding->text);
        if (finding->grade == CAPABILITY_DOUBT && !force)
            return dpl_err_set(err, DPL_E_REFUSED, "%s (--force overrules this)", finding->text);
    }
    return 0;
}

void capability_print(const struct capability_report *report, int fd)
{
    static const char *const grades[] = {"good", "warning", "doubt", "refused"};

    for (size_t i = 0; i < report->count; i++)
        dprintf(fd, "%s: %s\n", grades[report->findings[i].grade], report->findings[i].text);
}
