/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What this kernel, this file system and these roots can do for capture: the report that validation
 * prints and that start obeys.
 *
 * A finding is one line for a person: what, where, what to do. Findings with severity refuse stop a
 * start; `force` overrides those alone which say that a crash of ours could reach the application.
 * Roots are looked at in the list of mounts first: nothing of a mount of ours is ever touched.
 *
 * Not told from here: a file system inside an image that is shared below us (network block
 * devices); NFS servers in user space; directories with casefold where neither super block, mount
 * options nor the root itself say it (f2fs).
 */
#ifndef DPL_CAPTURE_CAPABILITY_H
#define DPL_CAPTURE_CAPABILITY_H

#include "daemon/capture/mountinfo.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dpl_severity { DPL_SEVERITY_OK, DPL_SEVERITY_WARN, DPL_SEVERITY_REFUSE };

struct dpl_finding {
    const char *id; /* of capability.tbl.h; stable, for scripts */
    enum dpl_severity severity;
    bool crash_safety; /* a refusal that force overrides */
    char text[400];
};

struct dpl_findings {
    size_t count;
    struct dpl_finding *items;
};

/* For the parts of this module: a finding that is well, or one that is as bad as the table says. */
enum dpl_finding_id {
#define DPL_FINDING(id, worst, crash) DPL_FINDING_##id,
#include "daemon/capture/capability.tbl.h"
#undef DPL_FINDING
    DPL_FINDING_COUNT
};
void dpl_findings_ok(struct dpl_findings *findings, enum dpl_finding_id id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void dpl_findings_bad(struct dpl_findings *findings, enum dpl_finding_id id, const char *format,
                      ...) __attribute__((format(printf, 3, 4)));
void dpl_findings_clear(struct dpl_findings *findings);
const struct dpl_finding *dpl_findings_get(const struct dpl_findings *findings, const char *id);
const char *dpl_severity_name(enum dpl_severity severity);

/* 0, or DPL_E_REFUSED with the first refusal that stands and how many there are. */
int dpl_capability_start_allowed(const struct dpl_findings *findings, bool force,
                                 struct dpl_err *err);

/* What the FUSE protocol of the kernel must have, and what is lost without a feature. */
enum dpl_fuse_need {
    DPL_FUSE_WISHED, /* a warning */
    DPL_FUSE_NEEDED, /* a refusal */
};
struct dpl_fuse_feature {
    const char *name;
    uint64_t bit; /* of flags | flags2 << 32 in FUSE_INIT */
    enum dpl_fuse_need need;
    const char *lost;
};
extern const struct dpl_fuse_feature dpl_fuse_features[];
extern const size_t dpl_fuse_feature_count;
#define DPL_FUSE_MINOR_MIN 33

struct dpl_capability_paths {
    const char *fuse;      /* /dev/fuse */
    const char *fstab;     /* /etc/fstab */
    const char *exports;   /* /etc/exports */
    const char *exports_d; /* /etc/exports.d */
    const char *etab;      /* /var/lib/nfs/etab */
};
extern const struct dpl_capability_paths dpl_capability_paths_default;

/* A directory of ours that no captured root may hold. */
struct dpl_capability_own_dir {
    const char *what; /* "the journal" */
    const char *path; /* absolute; need not exist yet */
};

/* What is to be captured, and what else there is. All borrowed. */
struct dpl_capability_set {
    const char *name;
    const char *const *roots; /* absolute paths */
    size_t root_count;
    const char *const *other_roots; /* of other sets on this host */
    size_t other_root_count;
    const struct dpl_capability_own_dir *own_dirs;
    size_t own_dir_count;
    const char *expected_uuid; /* of the file system beneath the roots; NULL: any */
};

/* The kernel: nothing of a set is looked at. memory_bytes is what will be locked. offered_r,
 * if not NULL: the FUSE flags it offers. */
void dpl_capability_kernel(const struct dpl_capability_paths *paths, uint64_t memory_bytes,
                           struct dpl_findings *findings, uint64_t *offered_r);
/* The roots of a set, each and together, and their file systems. Fails only if the list of mounts
 * cannot be read. */
int dpl_capability_set(const struct dpl_capability_paths *paths,
                       const struct dpl_capability_set *set, struct dpl_findings *findings,
                       struct dpl_err *err);
/* The same, with this list of mounts. */
void dpl_capability_set_on(const struct dpl_mounts *mounts,
                           const struct dpl_capability_paths *paths,
                           const struct dpl_capability_set *set, struct dpl_findings *findings);

/* The flags for mount(2) that the mount over a root must copy from the mount below. */
unsigned long dpl_capability_mount_flags(const struct dpl_mount *below);

#endif
