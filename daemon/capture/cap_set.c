/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The set's part of the capability report. First what the list of mounts says, for every root; a
 * root that it clears is opened, through no symbolic link, and asked for the rest.
 */
#include "daemon/capture/cap_super.h"
#include "daemon/capture/cap_tables.h"
#include "daemon/capture/capability.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define HANDLE_BYTES 128

#ifndef FS_CASEFOLD_FL
#define FS_CASEFOLD_FL 0x40000000
#endif

struct job {
    const struct dpl_capability_paths *paths;
    const struct dpl_capability_set *set;
    const struct dpl_mounts *mounts;
    struct dpl_exports exports;
    struct dpl_findings *findings;
};

/* --- what the list of mounts says ------------------------------------------------------------- */

/* Where a path lies, as a file system and a path in it; below our own mounts. */
struct where {
    dev_t dev;
    char *inner;
};

static const struct dpl_mount *mount_below(const struct dpl_mounts *mounts, const char *path)
{
    const struct dpl_mount *mount = dpl_mounts_covering(mounts, path);
    for (size_t steps = 0; mount && dpl_mount_is_ours(mount) && steps < mounts->count; steps++)
        mount = dpl_mounts_by_id(mounts, mount->parent);
    return mount;
}

static struct where where_is(const struct dpl_mounts *mounts, const char *path)
{
    const struct dpl_mount *mount = mount_below(mounts, path);
    return mount ? (struct where){mount->dev, dpl_mount_inner_path(mount, path)}
                 : (struct where){0, NULL};
}

/* Whether inner lies in outer, by name or by another way to the same place. */
static bool lies_in(const struct dpl_mounts *mounts, const char *inner, const char *outer)
{
    if (dpl_path_is_beneath(inner, outer))
        return true;
    struct where in = where_is(mounts, inner), out = where_is(mounts, outer);
    bool yes =
        in.inner && out.inner && in.dev == out.dev && dpl_path_is_beneath(in.inner, out.inner);
    g_free(in.inner);
    g_free(out.inner);
    return yes;
}

static bool check_captured(const struct job *job, const char *root, const struct dpl_mount *mount)
{
    if (!dpl_mount_is_ours(mount))
        return true;
    if (strcmp(mount->point, root) == 0)
        dpl_findings_bad(job->findings, DPL_FINDING_root_captured,
                         "root \"%s\" is captured already (by \"%s\"): stop that capture first, or"
                         " clear the mount if its server is dead",
                         root, mount->source);
    else
        dpl_findings_bad(job->findings, DPL_FINDING_root_within,
                         "root \"%s\" lies within \"%s\", which is captured (by \"%s\"): take it as"
                         " one root",
                         root, mount->point, mount->source);
    return false;
}

static void check_submounts(const struct job *job, const char *root)
{
    for (size_t i = 0; i < job->mounts->count; i++) {
        const struct dpl_mount *m = &job->mounts->items[i];
        if (strcmp(m->point, root) != 0 && dpl_path_is_beneath(m->point, root))
            dpl_findings_bad(job->findings, DPL_FINDING_submount,
                             "root \"%s\": %s is mounted on \"%s\" within it, and would be hidden:"
                             " unmount it, or name roots beside it",
                             root, m->type, m->point);
    }
}

static void check_disk(const struct job *job, const char *root, const struct dpl_mount *mount)
{
    g_autofree char *point = dpl_fstab_unmounted(job->paths->fstab, job->mounts, root);
    if (point)
        dpl_findings_bad(job->findings, DPL_FINDING_disk_unmounted,
                         "root \"%s\" lies on an unmounted disk: \"%s\" stands in %s and is not"
                         " mounted: mount it",
                         root, point, job->paths->fstab);
    else if (strcmp(mount->point, "/") == 0 && !job->set->expected_uuid)
        dpl_findings_bad(job->findings, DPL_FINDING_root_on_slash,
                         "root \"%s\" lies on the host's own root file system (%s): if a disk"
                         " belongs there, mount it; a cluster needs one",
                         root, mount->source);
}

static bool is_shared_type(const char *type)
{
    static const char *const shared[] = {"nfs",      "nfs4", "cifs",  "smb3", "ceph", "9p",
                                         "virtiofs", "gfs2", "ocfs2", "fuse", "afs"};
    for (size_t i = 0; i < G_N_ELEMENTS(shared); i++)
        if (strcmp(type, shared[i]) == 0)
            return true;
    return g_str_has_prefix(type, "fuse.");
}

static void check_mount(const struct job *job, const char *root, const struct dpl_mount *mount)
{
    if (dpl_mount_option(mount->options, "idmapped"))
        dpl_findings_bad(job->findings, DPL_FINDING_idmapped,
                         "root \"%s\": the mount on \"%s\" is idmapped, owners would be replicated"
                         " wrongly: mount it without",
                         root, mount->point);
    if (dpl_mount_option(mount->super_options, "lazytime"))
        dpl_findings_bad(job->findings, DPL_FINDING_lazytime,
                         "root \"%s\": \"%s\" is mounted with lazytime, times would be lost in a"
                         " crash: mount -o remount,nolazytime \"%s\"",
                         root, mount->point, mount->point);
    if (is_shared_type(mount->type))
        dpl_findings_bad(job->findings, DPL_FINDING_shared_storage,
                         "root \"%s\": others may change %s on \"%s\" unseen: capture only what"
                         " this host alone writes",
                         root, mount->type, mount->point);
    if (dpl_mount_option(mount->super_options, "seclabel") ||
        dpl_mount_option(mount->super_options, "context") ||
        dpl_mount_option(mount->super_options, "rootcontext"))
        dpl_findings_bad(job->findings, DPL_FINDING_selinux,
                         "root \"%s\": SELinux labels of new files come from the mount: give the"
                         " mount a context= that fits the service",
                         root);
}

static void check_exports(const struct job *job, const char *root)
{
    const struct dpl_export *e = dpl_exports_reaching(&job->exports, job->mounts, root);
    if (e)
        dpl_findings_bad(job->findings, DPL_FINDING_nfs_export,
                         "root \"%s\" is reached by the NFS export \"%s\": NFS would change files"
                         " past capture: end the export (exportfs -u)",
                         root, e->path);
}

/* --- what the directory says ------------------------------------------------------------------ */

static int root_open(const struct job *job, const char *root)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
                           .resolve = RESOLVE_NO_SYMLINKS};
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, root, &how, sizeof how);
    if (fd >= 0)
        return fd;
    int error = errno;
    char *real = realpath(root, NULL);
    if (error == ENOENT)
        dpl_findings_bad(job->findings, DPL_FINDING_root_missing,
                         "root \"%s\" does not exist: create it, or mount its disk", root);
    else if (real && strcmp(real, root) != 0)
        dpl_findings_bad(job->findings, DPL_FINDING_root_link,
                         "root \"%s\" goes through a symbolic link: name \"%s\"", root, real);
    else if (error == ENOTDIR)
        dpl_findings_bad(job->findings, DPL_FINDING_root_directory,
                         "root \"%s\" is not a directory: name the directory that holds it", root);
    else
        dpl_findings_bad(job->findings, DPL_FINDING_root_missing,
                         "root \"%s\" cannot be opened: %s", root, strerror(error));
    free(real);
    return -1;
}

static void check_uuid(const struct job *job, const char *root, int fd,
                       const struct dpl_mount *mount)
{
    const char *expected = job->set->expected_uuid;
    char uuid[DPL_UUID_SIZE] = "none that is known";
    if (!expected)
        return;
    if (dpl_super_uuid(fd, mount->dev, "/dev/disk/by-uuid", uuid) &&
        g_ascii_strcasecmp(uuid, expected) == 0)
        return;
    dpl_findings_bad(job->findings, DPL_FINDING_disk_other,
                     "root \"%s\" lies on a file system with UUID %s (\"%s\"), not on %s: mount the"
                     " right disk",
                     root, uuid, mount->point, expected);
}

/* By handle and back, to the same object. */
static void check_handles(const struct job *job, const char *root, int fd,
                          const struct dpl_mount *mount)
{
    union {
        struct file_handle handle;
        char room[sizeof(struct file_handle) + HANDLE_BYTES];
    } h = {.handle = {.handle_bytes = HANDLE_BYTES}};
    int mount_id = 0;
    struct stat before, after;
    dpl_autofd int again = -1;
    if (name_to_handle_at(fd, "", &h.handle, &mount_id, AT_EMPTY_PATH) == 0)
        again = open_by_handle_at(fd, &h.handle, O_PATH | O_CLOEXEC);
    if (again >= 0 && fstat(fd, &before) == 0 && fstat(again, &after) == 0 &&
        before.st_dev == after.st_dev && before.st_ino == after.st_ino)
        dpl_findings_ok(job->findings, DPL_FINDING_handles, "root \"%s\": %s has file handles",
                        root, mount->type);
    else
        dpl_findings_bad(job->findings, DPL_FINDING_handles,
                         "root \"%s\": %s has no file handles to open files by (%s): use ext4 or"
                         " XFS",
                         root, mount->type, strerror(errno));
}

static void check_xattrs(const struct job *job, const char *root, int fd,
                         const struct dpl_mount *mount)
{
    static const char *const probes[] = {"trusted.doppel.probe", "user.doppel.probe"};
    for (size_t i = 0; i < G_N_ELEMENTS(probes); i++)
        if (fgetxattr(fd, probes[i], NULL, 0) < 0 && errno != ENODATA) {
            dpl_findings_bad(job->findings, DPL_FINDING_xattrs,
                             "root \"%s\": %s on \"%s\" has no extended attributes %.*s (%s): use"
                             " ext4 or XFS, mounted with user_xattr",
                             root, mount->type, mount->point, (int)strcspn(probes[i], "."),
                             probes[i], strerror(errno));
            return;
        }
    dpl_findings_ok(job->findings, DPL_FINDING_xattrs, "root \"%s\": %s has extended attributes",
                    root, mount->type);
}

static void check_names(const struct job *job, const char *root, int fd,
                        const struct dpl_mount *mount, unsigned features)
{
    int flags = 0;
    bool by_flag = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_CASEFOLD_FL) != 0;
    if (by_flag || (features & DPL_SUPER_CASEFOLD) != 0 ||
        dpl_mount_option(mount->super_options, "casefold"))
        dpl_findings_bad(job->findings, DPL_FINDING_casefold,
                         "root \"%s\": names on \"%s\" compare without case (casefold), FUSE's do"
                         " not: use a file system without that feature",
                         root, mount->point);
}

static void check_quiet_losses(const struct job *job, const char *root, int fd, unsigned features)
{
    struct statx stx = {0};
    struct fsxattr xattr = {0};
    statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &stx);
    if ((stx.stx_mask & STATX_BTIME) == 0)
        dpl_findings_bad(job->findings, DPL_FINDING_btime,
                         "root \"%s\": the file system keeps no times of birth: statx will not show"
                         " them",
                         root);
    if ((features & DPL_SUPER_ENCRYPT) != 0 || (stx.stx_attributes & STATX_ATTR_ENCRYPTED) != 0)
        dpl_findings_bad(job->findings, DPL_FINDING_fscrypt,
                         "root \"%s\": the file system may hold encrypted directories (fscrypt):"
                         " the target will hold plain text",
                         root);
    bool project = ioctl(fd, FS_IOC_FSGETXATTR, &xattr) == 0 &&
                   (xattr.fsx_projid != 0 || (xattr.fsx_xflags & FS_XFLAG_PROJINHERIT) != 0);
    if (project || (features & DPL_SUPER_PROJECT) != 0)
        dpl_findings_bad(job->findings, DPL_FINDING_project_ids,
                         "root \"%s\": project ids and their quotas are not replicated", root);
}

static void check_watch(const struct job *job, const char *root, int fd)
{
    dpl_autofd int group =
        fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_FID, O_RDONLY);
    if (group >= 0 && fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
                                    FAN_MODIFY | FAN_ONDIR, fd, ".") == 0)
        dpl_findings_ok(job->findings, DPL_FINDING_bypass_watch,
                        "root \"%s\": changes behind capture's back will be seen", root);
    else
        dpl_findings_bad(job->findings, DPL_FINDING_bypass_watch,
                         "root \"%s\": changes behind capture's back cannot be seen (fanotify: %s)",
                         root, strerror(errno));
}

static void check_directory(const struct job *job, const char *root, const struct dpl_mount *mount)
{
    dpl_autofd int fd = root_open(job, root);
    if (fd < 0)
        return;
    unsigned features = 0;
    dpl_super_read(mount, &features);
    check_uuid(job, root, fd, mount);
    check_handles(job, root, fd, mount);
    check_xattrs(job, root, fd, mount);
    check_names(job, root, fd, mount, features);
    check_quiet_losses(job, root, fd, features);
    check_watch(job, root, fd);
}

static void check_root(const struct job *job, const char *root)
{
    if (!dpl_path_absolute_ok(root)) {
        dpl_findings_bad(job->findings, DPL_FINDING_root_path,
                         "root \"%s\" is no absolute path in its simplest form (/a/b)", root);
        return;
    }
    const struct dpl_mount *mount = dpl_mounts_covering(job->mounts, root);
    if (!mount) {
        dpl_findings_bad(job->findings, DPL_FINDING_root_missing, "root \"%s\" lies on no mount",
                         root);
        return;
    }
    check_submounts(job, root);
    if (!check_captured(job, root, mount))
        return;
    if (strcmp(mount->point, root) == 0)
        dpl_findings_bad(job->findings, DPL_FINDING_root_mountpoint,
                         "root \"%s\" is a mount point itself: capture a directory beneath it, as"
                         " \"%s/data\"",
                         root, root);
    check_disk(job, root, mount);
    check_mount(job, root, mount);
    check_exports(job, root);
    check_directory(job, root, mount);
}

/* --- roots beside each other, and beside what is ours ----------------------------------------- */

/* Root i lies within root k; the same place is told once. */
static void tell_nested(const struct job *job, size_t i, size_t k)
{
    const char *inner = job->set->roots[i], *outer = job->set->roots[k];
    if (!lies_in(job->mounts, outer, inner))
        dpl_findings_bad(job->findings, DPL_FINDING_set_nested,
                         "root \"%s\" lies within root \"%s\" of the same set: leave it out, or"
                         " use rules",
                         inner, outer);
    else if (k < i)
        dpl_findings_bad(job->findings, DPL_FINDING_set_nested,
                         "root \"%s\" is named twice, also as \"%s\": leave one out", inner, outer);
}

static void check_pairs(const struct job *job)
{
    const struct dpl_capability_set *set = job->set;
    for (size_t i = 0; i < set->root_count; i++) {
        for (size_t k = 0; k < set->root_count; k++)
            if (k != i && lies_in(job->mounts, set->roots[i], set->roots[k]))
                tell_nested(job, i, k);
        for (size_t k = 0; k < set->other_root_count; k++)
            if (lies_in(job->mounts, set->roots[i], set->other_roots[k]) ||
                lies_in(job->mounts, set->other_roots[k], set->roots[i]))
                dpl_findings_bad(job->findings, DPL_FINDING_set_overlap,
                                 "root \"%s\" overlaps with \"%s\" of another set: a file belongs"
                                 " to one set",
                                 set->roots[i], set->other_roots[k]);
    }
}

/* Ids of objects are those of one file system: two could not be told apart in one journal. */
static void check_disks(const struct job *job)
{
    const struct dpl_capability_set *set = job->set;
    const struct dpl_mount *first =
        set->root_count > 0 ? mount_below(job->mounts, set->roots[0]) : NULL;
    for (size_t i = 1; first && i < set->root_count; i++) {
        const struct dpl_mount *mount = mount_below(job->mounts, set->roots[i]);
        if (mount && mount->dev != first->dev)
            dpl_findings_bad(job->findings, DPL_FINDING_set_disks,
                             "root \"%s\" lies on another file system (\"%s\") than root \"%s\""
                             " (\"%s\"): a set lies on one: make a set of its own for each",
                             set->roots[i], mount->point, set->roots[0], first->point);
    }
}

/* The real name of as much of path as exists, and the rest behind it. Stops where a mount of ours
 * begins: the name so far tells enough, and nothing in there may be touched. */
static char *real_name(const struct job *job, const char *path)
{
    g_autofree char *head = g_strdup(path);
    for (;;) {
        const struct dpl_mount *mount = dpl_mounts_covering(job->mounts, head);
        char *real = mount && !dpl_mount_is_ours(mount) ? realpath(head, NULL) : NULL;
        if (real) {
            char *whole =
                g_strconcat(strcmp(real, "/") == 0 ? "" : real, path + strlen(head), NULL);
            free(real);
            return whole;
        }
        char *slash = strrchr(head, '/');
        if (!slash || slash == head)
            return g_strdup(path);
        *slash = '\0';
    }
}

static void check_own_dirs(const struct job *job)
{
    const struct dpl_capability_set *set = job->set;
    for (size_t i = 0; i < set->own_dir_count; i++) {
        g_autofree char *real = real_name(job, set->own_dirs[i].path);
        for (size_t k = 0; k < set->root_count; k++)
            if (lies_in(job->mounts, real, set->roots[k]))
                dpl_findings_bad(job->findings, DPL_FINDING_own_dir,
                                 "%s (\"%s\") lies beneath the root \"%s\": capture would wait for"
                                 " itself: move it elsewhere",
                                 set->own_dirs[i].what, set->own_dirs[i].path, set->roots[k]);
    }
}

void dpl_capability_set_on(const struct dpl_mounts *mounts,
                           const struct dpl_capability_paths *paths,
                           const struct dpl_capability_set *set, struct dpl_findings *findings)
{
    struct job job = {.paths = paths, .set = set, .mounts = mounts, .findings = findings};
    dpl_exports_read(paths->exports, &job.exports);
    dpl_exports_read(paths->exports_d, &job.exports);
    dpl_exports_read(paths->etab, &job.exports);
    for (size_t i = 0; i < set->root_count; i++)
        check_root(&job, set->roots[i]);
    check_pairs(&job);
    check_disks(&job);
    check_own_dirs(&job);
    dpl_exports_clear(&job.exports);
}

int dpl_capability_set(const struct dpl_capability_paths *paths,
                       const struct dpl_capability_set *set, struct dpl_findings *findings,
                       struct dpl_err *err)
{
    dpl_automounts struct dpl_mounts *mounts = NULL;
    int rc = dpl_mountinfo_read(0, &mounts, err);
    if (rc == DPL_OK)
        dpl_capability_set_on(mounts, paths, set, findings);
    return rc;
}
