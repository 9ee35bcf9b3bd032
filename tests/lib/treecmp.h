/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Deep comparison of two trees.
 *
 * Everything that an application can see of a tree is compared: names, types, data, owners, modes,
 * times of modification to the nanosecond, extended attributes (ACLs and capabilities among them),
 * which names share a file, targets of symbolic links, numbers of devices and inode flags. ctime,
 * times of birth, inode numbers and the order of names in a directory are not: no copy can have
 * them.
 *
 * Neither tree may change meanwhile, and the caller should be root, else what cannot be read is
 * reported as a difference. Both trees are walked by descriptors, so paths may be of any length.
 */
#ifndef DPL_TESTS_TREECMP_H
#define DPL_TESTS_TREECMP_H

#include "lib/base/err.h"

#include <stdint.h>

enum treecmp_what {
    TREECMP_DATA = 1 << 0,
    TREECMP_HOLES = 1 << 1, /* where lseek(2) finds data and holes */
    TREECMP_OWNER = 1 << 2,
    TREECMP_MODE = 1 << 3,
    TREECMP_MTIME = 1 << 4,
    TREECMP_ATIME = 1 << 5,
    TREECMP_XATTR = 1 << 6,
    TREECMP_LINKS = 1 << 7,
    TREECMP_FLAGS = 1 << 8, /* those of FS_IOC_GETFLAGS that a user sets */
    TREECMP_DEFAULT = TREECMP_DATA | TREECMP_OWNER | TREECMP_MODE | TREECMP_MTIME | TREECMP_XATTR |
                      TREECMP_LINKS | TREECMP_FLAGS,
};

struct treecmp_options {
    unsigned what;              /* of enum treecmp_what */
    const char *const *exclude; /* fnmatch(3) patterns of paths from the root, NULL at the end */
    const char *const *skip_xattrs; /* beginnings of names, NULL at the end */
    int64_t recent_s; /* times from this second on, in both, count as equal; 0: never */
    long max_reports; /* differences past it are counted only */
    void (*report)(void *arg, const char *path, const char *what);
    void *arg;
};

struct treecmp_result {
    long objects; /* names that both trees have */
    long differences;
    int64_t data_bytes;   /* compared on each side */
    long flags_not_known; /* objects on whose file system flags cannot be asked */
};

/* Compares the trees beneath two directories, themselves included. Returns 0, equal or not, or a
 * negative code when the comparison could not be carried on. Paths in reports are printable: bytes
 * that are not are written as \xNN. */
int treecmp(int a_fd, int b_fd, const struct treecmp_options *options,
            struct treecmp_result *result_r, struct dpl_err *err);

#endif
