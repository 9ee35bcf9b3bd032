/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Shared by the parts of treecmp: one comparison under way, and what each part compares.
 */
#ifndef DPL_TESTS_TREECMP_INT_H
#define DPL_TESTS_TREECMP_INT_H

#include "tests/lib/treecmp.h"

#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>

struct treecmp_run {
    const struct treecmp_options *options;
    struct treecmp_result result;
    GString *path;        /* of the object at hand, from the root, raw bytes */
    GHashTable *a_inodes; /* inode in A -> struct treecmp_twin */
    GHashTable *b_inodes; /* inode in B -> the same */
    char *buffer[2];      /* for data, TREECMP_CHUNK each */
};

#define TREECMP_CHUNK ((size_t)256 * 1024)

/* Counts a difference of the object at hand, and reports it while there is room. */
void treecmp_differs(struct treecmp_run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Printable form; the caller frees it. */
char *treecmp_escape(const char *bytes, size_t size);

/* Two regular files, open for reading, of one size. */
void treecmp_data(struct treecmp_run *run, int a_fd, int b_fd, off_t size);
void treecmp_holes(struct treecmp_run *run, int a_fd, int b_fd, off_t size);
/* Two objects of any type by O_PATH descriptors. */
void treecmp_xattrs(struct treecmp_run *run, int a_fd, int b_fd);
void treecmp_flags(struct treecmp_run *run, int a_fd, int b_fd);
void treecmp_links(struct treecmp_run *run, const struct stat *a, const struct stat *b);

#endif
