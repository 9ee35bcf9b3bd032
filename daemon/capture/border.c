/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What of a root is in the set, see border.h.
 */
#include "daemon/capture/border.h"

#include <string.h>

void border_init(struct border *border, struct shared *shared, const struct options *options)
{
    border->shared = shared;
    border->options = options;
}

void border_learn(struct border *border, uint32_t dir, const char *name, uint32_t index,
                  const struct statx *stx)
{
    (void)dir;
    (void)name;
    (void)stx;
    border->shared->nodes[index].side = SIDE_INSIDE;
}

bool border_inside(struct border *border, uint32_t index)
{
    return border->shared->nodes[index].side != SIDE_OUTSIDE;
}

bool border_name_inside(struct border *border, uint32_t dir, const char *name)
{
    (void)name;
    return border->shared->nodes[dir].side != SIDE_OUTSIDE;
}

void border_set(struct border *border, uint32_t index, enum side side)
{
    border->shared->nodes[index].side = (uint8_t)side;
}
