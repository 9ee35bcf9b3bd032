/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to daemon/apply: what the files of a mirror's target side share.
 */
#ifndef DPL_APPLY_MIRROR_PRIVATE_H
#define DPL_APPLY_MIRROR_PRIVATE_H

#include "daemon/apply/apply-private.h"
#include "daemon/apply/mirror.h"
#include "daemon/core/idset.h"

/* A name that the source's list does not have. */
struct dpl_extra {
    GBytes *dir; /* the directory's id */
    char *name;
    uint8_t tag[DPL_OID_MAX]; /* of who had it */
    size_t tag_size;          /* 0: it had none */
};

struct dpl_mirror_target {
    struct dpl_mirror_target_options options;
    struct dpl_objects *objects; /* of the applier */
    struct dpl_rules *rules;     /* NULL: everything belongs to the set */
    uint64_t id;
    enum dpl_mirror_kind kind;
    enum dpl_orphans orphans;
    struct dpl_comparison *compare; /* of a test: nothing is changed; else NULL */
    bool undated;                   /* size and time say nothing of anything */
    GBytes *object;                 /* of which alone it is; NULL: of the set */
    GPtrArray *made;                /* with that: what was not here (GBytes) */
    struct dpl_idset linked;        /* what has a name at the source */
    bool on_demand;                 /* contents come only when they are asked for */
    struct dpl_position position;
    struct dpl_mirror_target_count count;
    struct dpl_idset seen;    /* who lives */
    struct dpl_idset fresh;   /* made by this mirror: nothing to compare with */
    struct dpl_idset changed; /* counted as such */
    struct dpl_idset done;    /* whose content has been sent */
    struct dpl_idset aside;   /* of which a copy was kept */
    struct dpl_idset dated;   /* given the source's times by a record: they say nothing any more */
    GHashTable *asked;        /* contents under way (GBytes): struct dpl_content */
    GHashTable *times;        /* of directories (GBytes): struct dpl_time, as the source has it */
    GHashTable *extras;       /* of struct dpl_extra, by directory and name */
    GByteArray *list;         /* of a directory, so far */
    GBytes *list_of;          /* its id */
    uint64_t questions;       /* NEEDs since the last END */
    uint64_t told_bytes;      /* at the last PROGRESS */
    uint8_t *buffer, *sums;   /* for comparing */
    GByteArray *paths;        /* of orphans, not sent yet */
};

/* Applies a record that this mirror has made of a message. */
int dpl_mirror_apply(struct dpl_mirror_target *t, struct dpl_record *record, struct dpl_err *err);
/* Asks for ranges (a list as in NEED, or one range). */
int dpl_mirror_need(struct dpl_mirror_target *t, struct dpl_view object,
                    enum dpl_mirror_level level, struct dpl_view ranges, struct dpl_err *err);
int dpl_mirror_need_range(struct dpl_mirror_target *t, struct dpl_view object,
                          enum dpl_mirror_level level, uint64_t offset, uint64_t length,
                          struct dpl_err *err);

int dpl_mirror_item(struct dpl_mirror_target *t, const struct dpl_message *m, struct dpl_err *err);
int dpl_mirror_sums(struct dpl_mirror_target *t, const struct dpl_message *m, struct dpl_err *err);
int dpl_mirror_data(struct dpl_mirror_target *t, const struct dpl_message *m, struct dpl_err *err);
int dpl_mirror_files(struct dpl_mirror_target *t, const struct dpl_message *m, struct dpl_err *err);
int dpl_mirror_dir(struct dpl_mirror_target *t, const struct dpl_message *m, struct dpl_err *err);

/* A directory has this time at the source. */
void dpl_mirror_time(struct dpl_mirror_target *t, struct dpl_view dir, const struct dpl_attr *attr,
                     bool only_known);
/* Counts an object that was not as the source's is. */
void dpl_mirror_changed(struct dpl_mirror_target *t, struct dpl_view object);

/* How far the content of an object is: all of it was covered (compared here, or asked for), and so
 * many questions were not answered yet. With none left it is kept as compared. */
struct dpl_content {
    unsigned asked;
    bool covered;
};
GHashTable *dpl_contents_new(void);
void dpl_content_asked(struct dpl_mirror_target *t, struct dpl_view object);
void dpl_content_answered(struct dpl_mirror_target *t, struct dpl_view object);
void dpl_content_covered(struct dpl_mirror_target *t, struct dpl_view object);
/* Whether an earlier mirror, or this one, has compared it. */
bool dpl_content_kept(const struct dpl_mirror_target *t, struct dpl_view object);

/* Of dpl_apply_before: keeps a copy of what differs (mirror-aside.c). */
int dpl_mirror_aside(void *self, struct dpl_object *object, int fd, struct dpl_err *err);
/* The path of what this descriptor is beneath its root, and that root's number; NULL: in none. */
char *dpl_mirror_path_in_root(const struct dpl_mirror_target *t, int fd, uint32_t *root_r);
/* Notes at something that is kept, by its path as /proc has it, what it was (DPL_APPLY_FROM). One
 * that takes no such note is kept all the same. */
void dpl_mirror_note_from(const struct dpl_mirror_target *t, const char *at, char kind,
                          const struct stat *st, const char *path);
/* Puts a path on the list of orphans that the result has. */
int dpl_mirror_note_path(struct dpl_mirror_target *t, const char *path, struct dpl_err *err);

/* Says how far it is. At its end: more is asked for, and the source is to end once more. */
int dpl_mirror_tell(struct dpl_mirror_target *t, bool at_end, struct dpl_err *err);

/* Names that are too many. */
GHashTable *dpl_extras_new(void);
void dpl_extras_forget(struct dpl_mirror_target *t, struct dpl_view dir, struct dpl_view name);
/* The end of a mirror of one object: names that the list does not have are taken from objects of
 * the source, strangers stay. Who was made and has no name here is nowhere: everything is wanted.
 */
int dpl_mirror_object_end(struct dpl_mirror_target *t, struct dpl_err *err);
/* Whether it is the object of such a mirror. */
bool dpl_mirror_is_object(const struct dpl_mirror_target *t, struct dpl_view id);
/* Those that are still there and are not excluded, each with the number of all that stands there:
 * of what lives elsewhere the name alone. */
int dpl_mirror_extras_left(struct dpl_mirror_target *t,
                           void (*fn)(struct dpl_mirror_target *t, const char *path,
                                      uint64_t number),
                           struct dpl_err *err);
/* Sees to them, and to objects that nobody has named. REFUSED by the guard, before any of it. */
int dpl_mirror_orphans(struct dpl_mirror_target *t, struct dpl_err *err);

#endif
