/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every finding: DPL_FINDING(id, its severity when it is not ok, whether it is about crash safety).
 */
/* clang-format off */
/* the kernel */
DPL_FINDING(fuse_device,     REFUSE, false)
DPL_FINDING(fuse_protocol,   REFUSE, false)
DPL_FINDING(fuse_feature,    REFUSE, false)
DPL_FINDING(fuse_wish,       WARN,   false)
DPL_FINDING(openat2,         REFUSE, false)
DPL_FINDING(pidfd,           REFUSE, false)
DPL_FINDING(fuse_clone,      REFUSE, true)
DPL_FINDING(clone_files,     REFUSE, true)
DPL_FINDING(memlock,         REFUSE, true)
DPL_FINDING(io_flusher,      WARN,   false)
DPL_FINDING(oom_score,       WARN,   false)
DPL_FINDING(fanotify,        WARN,   false)
/* a root, and the mount and file system that it lies on */
DPL_FINDING(root_path,       REFUSE, false)
DPL_FINDING(root_captured,   REFUSE, false)
DPL_FINDING(root_within,     REFUSE, false)
DPL_FINDING(root_missing,    REFUSE, false)
DPL_FINDING(root_link,       REFUSE, false)
DPL_FINDING(root_directory,  REFUSE, false)
DPL_FINDING(root_mountpoint, REFUSE, false)
DPL_FINDING(disk_unmounted,  REFUSE, false)
DPL_FINDING(disk_other,      REFUSE, false)
DPL_FINDING(idmapped,        REFUSE, false)
DPL_FINDING(lazytime,        REFUSE, false)
DPL_FINDING(casefold,        REFUSE, false)
DPL_FINDING(handles,         REFUSE, false)
DPL_FINDING(xattrs,          REFUSE, false)
DPL_FINDING(nfs_export,      REFUSE, false)
DPL_FINDING(submount,        REFUSE, false)
DPL_FINDING(root_on_slash,   WARN,   false)
DPL_FINDING(btime,           WARN,   false)
DPL_FINDING(shared_storage,  WARN,   false)
DPL_FINDING(fscrypt,         WARN,   false)
DPL_FINDING(project_ids,     WARN,   false)
DPL_FINDING(selinux,         WARN,   false)
DPL_FINDING(bypass_watch,    WARN,   false)
/* the set as a whole */
DPL_FINDING(set_nested,      REFUSE, false)
DPL_FINDING(set_overlap,     REFUSE, false)
DPL_FINDING(own_dir,         REFUSE, false)
DPL_FINDING(set_disks,       REFUSE, true)
/* clang-format on */
