/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/role_order.h"

#include <string.h>

static bool is(const char *value, const char *role)
{
    return value && strcmp(value, role) == 0;
}

size_t dpl_role_order(const char *role, const struct dpl_role_node *nodes, size_t count,
                      const char **order_r)
{
    bool taken = false;
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        taken |= is(nodes[i].value, "serving") && !is(role, "serving");
    for (int turn = 0; turn < 2; turn++) {
        bool owners = taken ? turn == 1 : turn == 0;
        for (size_t i = 0; i < count; i++)
            if (nodes[i].owner == owners && !is(nodes[i].value, role))
                order_r[n++] = nodes[i].name;
    }
    return n;
}

static bool has_value(const struct dpl_role_node *node)
{
    return node->value && node->value[0];
}

size_t dpl_role_holders(const struct dpl_role_node *nodes, size_t count, const char **order_r)
{
    size_t n = 0;
    for (int owners = 0; owners < 2; owners++)
        for (size_t i = 0; i < count; i++)
            if (nodes[i].owner == owners && has_value(&nodes[i]))
                order_r[n++] = nodes[i].name;
    return n;
}

bool dpl_role_is_cold(const struct dpl_role_node *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (has_value(&nodes[i]))
            return false;
    return true;
}
