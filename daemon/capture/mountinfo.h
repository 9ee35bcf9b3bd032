/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is mounted: /proc/PID/mountinfo, read and understood.
 *
 * Only text is read. No path that it names is touched, so a mount whose server is dead or hangs
 * cannot take the caller with it. A struct dpl_mounts owns all strings in it.
 */
#ifndef DPL_CAPTURE_MOUNTINFO_H
#define DPL_CAPTURE_MOUNTINFO_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What our mounts call themselves. The kernel shows fuse.SUBTYPE. */
#define DPL_MOUNT_SUBTYPE "doppel"
#define DPL_MOUNT_TYPE    "fuse." DPL_MOUNT_SUBTYPE

/* More mounts, or a longer text, than any host has: an error, not memory. */
#define DPL_MOUNTS_MAX          100000
#define DPL_MOUNTINFO_MAX_BYTES ((size_t)64 << 20)

struct dpl_mount {
    int id, parent;
    dev_t dev;
    const char *root;    /* what of the file system is mounted: a path in it */
    const char *point;   /* where */
    const char *options; /* of this mount: rw,nosuid,relatime,idmapped */
    bool shared;         /* mounts and unmounts here are passed on to other namespaces */
    const char *type;    /* ext4, fuse.doppel */
    const char *source;
    const char *super_options; /* of the file system: rw,lazytime */
};

struct dpl_mounts {
    char *text; /* the strings */
    size_t count;
    struct dpl_mount *items; /* in the order of the file */
};

void dpl_mounts_free(struct dpl_mounts *mounts);
#define dpl_automounts __attribute__((cleanup(dpl_mounts_clear)))
void dpl_mounts_clear(struct dpl_mounts **mounts);

/* Reads a whole text. DPL_E_CORRUPT with the number of the line, if one is not as proc(5) says. */
int dpl_mountinfo_parse(const char *text, size_t size, struct dpl_mounts **mounts_r,
                        struct dpl_err *err);
/* Reads it of a process; 0 is the caller. DPL_E_NOT_FOUND: it is gone, or has no mounts. */
int dpl_mountinfo_read(pid_t pid, struct dpl_mounts **mounts_r, struct dpl_err *err);

/* The mount that a walk along this absolute, normal path ends on; symbolic links are not looked at.
 * NULL if the text has no root mount. */
const struct dpl_mount *dpl_mounts_covering(const struct dpl_mounts *mounts, const char *path);
const struct dpl_mount *dpl_mounts_by_id(const struct dpl_mounts *mounts, int id);
/* Where path, on this mount, lies within its file system. The caller frees it; NULL if it does not
 * lie on the mount. */
char *dpl_mount_inner_path(const struct dpl_mount *mount, const char *path);

bool dpl_mount_is_ours(const struct dpl_mount *mount);
/* Whether a list as "rw,a=b" holds this word, alone or before a '='. */
bool dpl_mount_option(const char *options, const char *word);

/* One mount namespace in which a file system is mounted. */
struct dpl_mount_place {
    pid_t pid; /* a process in it */
    ino_t ns;  /* its number, as in /proc/PID/ns/mnt */
    bool here; /* it is the caller's */
    size_t count;
    char **points; /* as processes there name them; the last one mounted comes first */
    size_t hidden; /* more of them, which another mount lies over: not among points */
};

struct dpl_mount_places {
    size_t count;
    struct dpl_mount_place *items;
    bool incomplete; /* a process could not be looked at */
};

/* Everywhere that the file system with this device number is mounted, each namespace once. A
 * namespace that no process lives in (held by a descriptor or a bind mount alone) is not seen. */
int dpl_mount_places_find(dev_t dev, struct dpl_mount_places *places_r, struct dpl_err *err);
void dpl_mount_places_clear(struct dpl_mount_places *places);

#endif
