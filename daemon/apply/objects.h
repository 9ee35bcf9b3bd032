/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The objects of a replica in memory: from the source's id to the file here.
 *
 * struct dpl_objects owns its objects and a bounded number of descriptors of them. What changes
 * since the last checkpoint is remembered, for the map on disk (map.h). While a part of the queue
 * is applied again (position below `former`), the map may know objects that went since then: each
 * is looked at before it is used for the first time, and who is not here any more is forgotten, and
 * remembered as explained.
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

enum { DPL_HANDLE_MAX = 128, DPL_OBJECTS_FDS = 256, DPL_LIFE_BYTES = 8 };

struct dpl_position {
    uint64_t epoch, lsn;
};
static inline bool dpl_position_below(struct dpl_position a, struct dpl_position b)
{
    return a.epoch < b.epoch || (a.epoch == b.epoch && a.lsn < b.lsn);
}

struct dpl_object {
    struct dpl_view id; /* first, so that the object is its own key */
    ino_t ino;
    mode_t type;       /* S_IFMT of it */
    uint64_t reserved; /* its name in the reserved directory; 0: it has names in a root, or none */
    struct dpl_position placed; /* a directory: the record that named it; also in an attribute */
    uint32_t root;              /* of which it is the directory: number plus one; or 0 */
    uint32_t flags_held;        /* immutable, append-only: to be so between records */
    uint32_t flags_here;        /* as they are on the disk now */
    bool limbo;                 /* its last name is in a directory that is not here any more */
    bool checked;               /* its handle was seen to work since the start */
    bool opened_flags;          /* flags_here was cleared within this record */
    size_t changed;             /* its place among the changed ones, plus one; or 0 */
    int fd;                     /* or -1 */
    GList use;                  /* its place among the descriptors, if it has one */
    int handle_type;
    unsigned handle_bytes;
    uint8_t bytes[]; /* the id, the handle */
};

struct dpl_objects {
    GHashTable *by_id;  /* of objects, which it owns */
    GHashTable *gone;   /* ids (GBytes) whose absence is explained, while a part is applied again */
    GPtrArray *changed; /* objects, or NULL where one went */
    GPtrArray *dropped; /* ids (GBytes) of those that went */
    GPtrArray *unlocked; /* ids (GBytes) with opened_flags */
    GQueue fds;          /* objects with a descriptor, the last used first */
    int reserve_fd;      /* borrowed */
    dev_t dev;
    uint8_t
        life[DPL_LIFE_BYTES]; /* stands behind the id in each tag: others are of an earlier one */
    bool has_life;
    struct dpl_position now;    /* of the record that is applied */
    struct dpl_position former; /* below this everything was applied once before */
    uint64_t last_reserved;     /* the highest name that is or was used */
    uint64_t bytes;             /* of the map's entries for all of them */
};

int dpl_objects_init(struct dpl_objects *objects, int reserve_fd, struct dpl_err *err);
void dpl_objects_done(struct dpl_objects *objects);
static inline bool dpl_objects_again(const struct dpl_objects *objects)
{
    return dpl_position_below(objects->now, objects->former);
}

/* NULL if there is none. find looks no further than the table; here makes sure that it exists. */
struct dpl_object *dpl_objects_find(const struct dpl_objects *objects, struct dpl_view id);
int dpl_objects_here(struct dpl_objects *objects, struct dpl_view id, struct dpl_object **object_r,
                     struct dpl_err *err);
/* Whether the absence of this id is explained; and to say so. */
bool dpl_objects_is_gone(const struct dpl_objects *objects, struct dpl_view id);
void dpl_objects_set_gone(struct dpl_objects *objects, struct dpl_view id);
/* The one whose tag this directory entry (`name` NULL: the directory itself) carries; NULL if it
 * carries none that is in the map. */
struct dpl_object *dpl_objects_at(const struct dpl_objects *objects, int dir_fd, const char *name);
/* Reads a tag. The id's size, or 0: it has none, or one of an earlier life. */
ssize_t dpl_objects_read_tag(const struct dpl_objects *objects, int dir_fd, const char *name,
                             uint8_t id[DPL_OID_MAX]);
/* Tags the file dir_fd/name (`name` NULL: the directory itself) with the id and enters it. */
int dpl_objects_tag(struct dpl_objects *objects, struct dpl_view id, int dir_fd, const char *name,
                    struct dpl_object **object_r, struct dpl_err *err);
/* The same for one that has its tag. What the table had of this id is replaced. */
int dpl_objects_enter(struct dpl_objects *objects, struct dpl_view id, int dir_fd, const char *name,
                      struct dpl_object **object_r, struct dpl_err *err);
/* Enters what a map says. Takes nothing that its arguments point at. */
struct dpl_object *dpl_objects_load(struct dpl_objects *objects, const struct dpl_object *like,
                                    struct dpl_view handle);
void dpl_objects_forget(struct dpl_objects *objects, struct dpl_object *object);
/* Its entry in the map is to be written. */
void dpl_objects_change(struct dpl_objects *objects, struct dpl_object *object);
/* All changes are in the map. */
void dpl_objects_saved(struct dpl_objects *objects);

/* Opens it with the flags of open(2). NOT_FOUND if it is gone. The caller closes it. */
int dpl_objects_open(const struct dpl_objects *objects, const struct dpl_object *object, int flags,
                     struct dpl_err *err);
/* A descriptor that stays ours, and open until DPL_OBJECTS_FDS others were asked for: for a regular
 * file to read and write, for a directory to read, for all else a path. */
int dpl_objects_fd(struct dpl_objects *objects, struct dpl_object *object, struct dpl_err *err);
/* Gives it this descriptor, which it has none of yet. */
void dpl_objects_keep(struct dpl_objects *objects, struct dpl_object *object, int fd);
/* Closes all but so many. */
void dpl_objects_close_fds(struct dpl_objects *objects, unsigned keep);

/* Sets flags_here. NOT_FOUND if the object is gone. */
int dpl_objects_read_flags(struct dpl_objects *objects, struct dpl_object *object,
                           struct dpl_err *err);
/* Immutable and append-only: taken off before a change, put back after the record. */
int dpl_objects_unlock(struct dpl_objects *objects, struct dpl_object *object, struct dpl_err *err);
void dpl_objects_lock_again(struct dpl_objects *objects);

/* Enters all that is tagged beneath this directory, or directly in it. */
int dpl_objects_scan(struct dpl_objects *objects, int dir_fd, bool deep, struct dpl_err *err);

/* "/proc/self/fd/DIR/NAME" or "/proc/self/fd/DIR": for calls that take no descriptor. The last
 * component is not followed by the l* calls. */
void dpl_objects_path(char path[], size_t room, int dir_fd, const char *name);
enum { DPL_OBJECTS_PATH = 300 };

#endif
