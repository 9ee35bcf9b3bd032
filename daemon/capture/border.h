/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What of a root is in the set.
 *
 * Each directory's node keeps what the rules say of its path, so that a name in it is decided
 * without one. Any other object's node keeps a side: inside once one name of it is, or when it has
 * several names and we do not know them all. A directory that is outside while something beneath it
 * can be inside counts as inside: the target needs it on the way. Without rules everything is
 * inside.
 *
 * Nodes keep indexes into the rules; every worker parses the same text, which the keeper holds.
 */
#ifndef DPL_CAPTURE_BORDER_H
#define DPL_CAPTURE_BORDER_H

#include "daemon/capture/shared.h"

#include <sys/stat.h>

struct options;

enum side {
    SIDE_UNKNOWN,
    SIDE_INSIDE,
    SIDE_OUTSIDE,
    SIDE_DOUBT, /* counts as inside; the target may have nothing of it */
};

struct border {
    struct shared *shared;
    struct dpl_rules *rules; /* NULL: everything */
};

/* Parses the rules that the keeper read and sets the roots' nodes. */
int border_init(struct border *border, struct shared *shared, const struct options *options,
                struct dpl_err *err);

/* A name of this directory was found to be this object. */
void border_learn(struct border *border, uint32_t dir, const char *name, uint32_t index,
                  const struct statx *stx);
/* Whether changes of the object are journalled. */
bool border_inside(const struct border *border, uint32_t index);
/* Whether what has this name is in the set. */
bool border_name_inside(const struct border *border, uint32_t dir, const char *name, bool is_dir);
/* The same for what stands beneath: all of it, or none. Anything else is mixed. */
bool border_all_beneath(const struct border *border, uint32_t dir, const char *name);
bool border_none_beneath(const struct border *border, uint32_t dir, const char *name);
/* An object that is no directory has entered or left the set. */
void border_set(struct border *border, uint32_t index, enum side side);

#endif
