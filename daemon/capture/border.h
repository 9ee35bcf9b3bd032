/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What of a root is in the set.
 *
 * The set's rules decide by path. A directory is inside when it and all beneath it are, outside
 * when nothing is, mixed when rules speak about something beneath it; then each of its names is
 * asked for by path. The answer is kept in the node, and asked for again after a directory has
 * moved across the border. Any other object is inside once one name of it is.
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
    SIDE_MIXED, /* a directory that is inside, of which something is not, or the reverse */
};

struct border {
    struct shared *shared;
    const struct options *options;
};

void border_init(struct border *border, struct shared *shared, const struct options *options);

/* A name of this directory was found to be this object. */
void border_learn(struct border *border, uint32_t dir, const char *name, uint32_t index,
                  const struct statx *stx);
/* Whether changes of the object are journalled. */
bool border_inside(struct border *border, uint32_t index);
/* Whether what has this name is in the set. */
bool border_name_inside(struct border *border, uint32_t dir, const char *name);
/* The object has entered or left the set with its last name. */
void border_set(struct border *border, uint32_t index, enum side side);

#endif
