/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fsops: the kinds of operations and how often they come, and where FUSE itself differs from a file
 * system on a disk.
 *
 * Not made at all, because FUSE answers them otherwise whatever serves it:
 *  - O_DIRECT that is not aligned: FUSE takes it, ext4 answers EINVAL
 *  - RWF_NOWAIT, RWF_ATOMIC, RWF_DONTCACHE: FUSE refuses them
 *  - lseek(2) beyond the largest file of ext4: FUSE has no such bound
 *  - stores into shared mappings without msync: mtime comes with the writeback, not with the store
 *  - writes into a FIFO: its mtime stays
 *  - chown of neither user nor group: nothing is asked of the server, setuid and setgid stay
 *  - files that stay immutable or append-only for long: FUSE does not tell the kernel, so an open
 * for writing passes, and where several errors would do, another one comes; "protect" tries the
 * rest
 *  - setgid on files that the group may not execute: ext4 keeps it at a write or a chown by members
 * of the group alone, and FUSE does not tell of which groups the caller is
 *  - leases, quotactl
 */
#include "tests/prop/fsops.h"

#include <errno.h>

const struct fsops_kind fsops_kinds[] = {
    {"open", 20, fsops_open},
    {"close", 1, fsops_close},
    {"rename", 6, fsops_rename},
    {"link", 3, fsops_link},
    {"link_fd", 2, fsops_link_fd},
    {"unlink", 3, fsops_unlink},
    {"mkdir", 4, fsops_mkdir},
    {"rmdir", 2, fsops_rmdir},
    {"mknod", 2, fsops_mknod},
    {"symlink", 2, fsops_symlink},
    {"readlink", 2, fsops_readlink},
    {"readdir", 3, fsops_readdir},
    {"seekdir", 1, fsops_seekdir},
    {"read", 6, fsops_read},
    {"write", 10, fsops_write},
    {"write_vector", 4, fsops_write_vector},
    {"truncate", 4, fsops_truncate},
    {"fallocate", 4, fsops_fallocate},
    {"shift", 1, fsops_shift},
    {"copy", 4, fsops_copy},
    {"sendfile", 2, fsops_sendfile},
    {"seek", 3, fsops_seek},
    {"sync", 1, fsops_sync},
    {"map", 2, fsops_map},
    {"map_look", 3, fsops_map_look},
    {"map_store", 3, fsops_map_store},
    {"map_private", 1, fsops_map_private},
    {"chmod", 4, fsops_chmod},
    {"chown", 4, fsops_chown},
    {"utimens", 3, fsops_utimens},
    {"setxattr", 4, fsops_setxattr},
    {"getxattr", 3, fsops_getxattr},
    {"removexattr", 2, fsops_removexattr},
    {"setacl", 2, fsops_setacl},
    {"statx", 2, fsops_statx},
    {"flags", 2, fsops_flags},
    {"protect", 2, fsops_protect},
    {"access", 3, fsops_access},
    {"mend", 2, fsops_mend},
    {"flock", 2, fsops_flock},
    {"ofd_lock", 2, fsops_ofd_lock},
    {"posix_lock", 1, fsops_posix_lock},
    {"clone", 1, fsops_clone},
    {"fiemap", 1, fsops_fiemap},
};
const unsigned fsops_kind_count = sizeof fsops_kinds / sizeof fsops_kinds[0];

const struct fsops_known fsops_known[] = {
    {"shift", EOPNOTSUPP, "collapse and insert range: the kernel's FUSE refuses these modes"},
    {"clone", EOPNOTSUPP, "FICLONE: FUSE has no operation for it"},
    {"fiemap", EOPNOTSUPP, "FIEMAP: FUSE has no operation for it"},
};
const unsigned fsops_known_count = sizeof fsops_known / sizeof fsops_known[0];
