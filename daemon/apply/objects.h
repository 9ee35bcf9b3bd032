/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The object map of a replica: from the source's id to the file here.
 */
#ifndef DPL_APPLY_OBJECTS_H
#define DPL_APPLY_OBJECTS_H

#include "lib/base/err.h"
#include "lib/journal/record.h"

#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum { DPL_HANDLE_MAX = 128 };

struct dpl_position {
    uint64_t epoch, lsn;
};

struct dpl_object {
    GBytes *id;
    dev_t dev;
    ino_t ino;
    mode_t type;       /* S_IFMT of it */
    uint64_t reserved; /* its name in the reserved directory; 0: it has names in a root, or none */
    struct dpl_position
        placed; /* a directory: the record that gave it its name; also in an attribute */
    bool limbo; /* its last name is in a directory that is not here any more */
    int handle_type;
    unsigned handle_bytes;
    unsigned char handle[DPL_HANDLE_MAX];
};

struct dpl_objects {
    GHashTable *by_id; /* GBytes to struct dpl_object, which it owns */
    int reserve_fd;    /* borrowed */
    dev_t dev;
    struct dpl_position now; /* of the record that is applied */
    uint64_t last_reserved;  /* the highest name that is or was used */
};

int dpl_objects_init(struct dpl_objects *objects, int reserve_fd, struct dpl_err *err);
void dpl_objects_done(struct dpl_objects *objects);

/* NULL if there is none. */
struct dpl_object *dpl_objects_find(const struct dpl_objects *objects, struct dpl_view id);
/* The one whose tag this directory entry (`name` NULL: the directory itself) carries; NULL if it
 * carries none that is in the map. */
struct dpl_object *dpl_objects_at(const struct dpl_objects *objects, int dir_fd, const char *name);
/* Tags the file dir_fd/name (`name` NULL: the directory itself) with the id and enters it. */
int dpl_objects_tag(struct dpl_objects *objects, struct dpl_view id, int dir_fd, const char *name,
                    struct dpl_object **object_r, struct dpl_err *err);
void dpl_objects_forget(struct dpl_objects *objects, struct dpl_object *object);
/* Opens it with the flags of open(2). NOT_FOUND if it is gone. */
int dpl_objects_open(const struct dpl_objects *objects, const struct dpl_object *object, int flags,
                     struct dpl_err *err);
/* Enters all that is tagged beneath this directory. */
int dpl_objects_scan(struct dpl_objects *objects, int dir_fd, struct dpl_err *err);

/* "/proc/self/fd/DIR/NAME" or "/proc/self/fd/DIR": for calls that take no descriptor. The last
 * component is not followed by the l* calls. */
void dpl_objects_path(char path[], size_t room, int dir_fd, const char *name);
enum { DPL_OBJECTS_PATH = 300 };

#endif
