/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the tables of the host say of a path: fstab (a disk that should be mounted there), exports
 * and etab (NFS). A table that is not there says nothing.
 */
#ifndef DPL_CAPTURE_CAP_TABLES_H
#define DPL_CAPTURE_CAP_TABLES_H

#include "daemon/capture/mountinfo.h"

/* The mount point in this fstab that lies at or above path, and is not mounted, deepest first. The
 * caller frees it; NULL: none. */
char *dpl_fstab_unmounted(const char *fstab, const struct dpl_mounts *mounts, const char *path);

struct dpl_export {
    char *path;
    bool crosses; /* crossmnt or nohide for one of its clients */
};
struct dpl_exports {
    size_t count;
    struct dpl_export *items;
};
/* Adds what a text as exports(5) or etab describes. */
void dpl_exports_parse(const char *text, struct dpl_exports *exports);
/* Adds what a file describes, or all *.exports of a directory. */
void dpl_exports_read(const char *path, struct dpl_exports *exports);
void dpl_exports_clear(struct dpl_exports *exports);
/* The first export by which a client reaches something beneath root: one within it, or one above it
 * on the same file system, or one above it that crosses mounts. NULL: none. */
const struct dpl_export *dpl_exports_reaching(const struct dpl_exports *exports,
                                              const struct dpl_mounts *mounts, const char *root);

#endif
