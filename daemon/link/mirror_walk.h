/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to the source of a mirror: what its walk (mirror_walk.c) and the rest of it share.
 */
#ifndef DPL_LINK_MIRROR_WALK_H
#define DPL_LINK_MIRROR_WALK_H

#include "daemon/core/idset.h"
#include "daemon/link/mirror_batch.h"
#include "daemon/link/mirror_source.h"

#include <dirent.h>
#include <glib.h>

/* A directory that waits to be walked. */
struct dpl_mirror_waiting {
    struct dpl_mirror_handle handle;
    struct dpl_oid oid;
    struct dpl_rules_at at;
    bool again; /* its list and its own state alone */
};

struct dpl_mirror_source {
    struct dpl_mirror_options options;
    struct dpl_mirror_root *roots;
    struct dpl_mirror_count count;
    struct dpl_mirror_desk desk;
    struct dpl_mirror_batch batch;
    struct dpl_idset sent, copied;
    dev_t dev;
    GQueue waiting; /* struct dpl_mirror_waiting */
    GQueue jobs;    /* struct dpl_mirror_job; the first is under way */
    GQueue rejoin;  /* struct dpl_oid */
    struct dpl_mirror_waiting *now;
    DIR *dir; /* of now */
};

static inline struct dpl_rules_at dpl_mirror_everything(void)
{
    return (struct dpl_rules_at){.inside = true, .some_beneath = true, .all_beneath = true};
}

static inline bool dpl_mirror_belongs(struct dpl_rules_at at, bool is_dir)
{
    return at.inside || (is_dir && at.some_beneath);
}

/* A mirror of one object. */
static inline bool dpl_mirror_of_object(const struct dpl_mirror_source *source)
{
    return source->options.object.size > 0;
}

/* The directory is walked next. */
void dpl_mirror_wait_for(struct dpl_mirror_source *source, const struct dpl_mirror_handle *handle,
                         const struct dpl_oid *oid, struct dpl_rules_at at, bool again);
/* Sends one object that is reached by fd; one of the directory that is walked with others. */
int dpl_mirror_send_object(struct dpl_mirror_source *source, int fd,
                           const struct dpl_mirror_handle *handle, const struct dpl_oid *oid,
                           struct dpl_rules_at at, struct dpl_view name, struct dpl_err *err);
/* The first that waits is opened, walked piece by piece, and left. */
int dpl_mirror_enter_directory(struct dpl_mirror_source *source, struct dpl_err *err);
int dpl_mirror_walk_some(struct dpl_mirror_source *source, struct dpl_err *err);
void dpl_mirror_leave_directory(struct dpl_mirror_source *source);

#endif
