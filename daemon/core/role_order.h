/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * On which nodes the attribute of a set's role has to be set, and in which order. Pure.
 */
#ifndef DPL_CORE_ROLE_ORDER_H
#define DPL_CORE_ROLE_ORDER_H

#include <stdbool.h>
#include <stddef.h>

struct dpl_role_node {
    const char *name;
    const char *value; /* of the attribute; NULL: it has none */
    bool owner;        /* the set's resources run there */
};

/* The nodes whose value is another than the role, in the order in which they are to be set: names,
 * borrowed, into order_r with room for count. How many. */
size_t dpl_role_order(const char *role, const struct dpl_role_node *nodes, size_t count,
                      const char **order_r);
/* Those that have a value, in the order in which they lose it: who runs it last. As above. */
size_t dpl_role_holders(const struct dpl_role_node *nodes, size_t count, const char **order_r);
/* Whether a set that serves starts cold: no node has an attribute of it. */
bool dpl_role_is_cold(const struct dpl_role_node *nodes, size_t count);

#endif
