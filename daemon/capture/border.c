/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What of a root is in the set, see border.h.
 */
#include "daemon/capture/border.h"

#include "daemon/capture/options.h"
#include "daemon/core/rules.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

int border_init(struct border *border, struct shared *shared, const struct options *options,
                struct dpl_err *err)
{
    void *text;
    int code;

    border->shared = shared;
    border->rules = NULL;
    if (shared->rules_bytes == 0)
        return 0;
    text = mmap(NULL, shared->rules_bytes, PROT_READ, MAP_PRIVATE, shared->rules_fd, 0);
    if (text == MAP_FAILED)
        return dpl_err_sys(err, errno, "the rules cannot be mapped");
    code = dpl_rules_parse(&border->rules, text, shared->rules_bytes, err);
    munmap(text, shared->rules_bytes);
    for (uint32_t i = 0; code == 0 && i < shared->root_count; i++)
        shared->nodes[1 + i].rules = dpl_rules_find(border->rules, options->roots[i]);
    return code;
}

static struct dpl_rules_at descend(const struct border *border, uint32_t dir, const char *name)
{
    return dpl_rules_descend(border->rules, border->shared->nodes[dir].rules, name, strlen(name));
}

void border_learn(struct border *border, uint32_t dir, const char *name, uint32_t index,
                  const struct statx *stx)
{
    struct node *node = &border->shared->nodes[index];
    struct dpl_rules_at at;

    if (border->rules == NULL)
        return;
    at = descend(border, dir, name);
    if (S_ISDIR(stx->stx_mode))
        node->rules = at;
    else if (at.inside)
        node->side = SIDE_INSIDE;
    else if (node->side == SIDE_UNKNOWN)
        node->side = stx->stx_nlink > 1 ? SIDE_DOUBT : SIDE_OUTSIDE;
}

bool border_inside(const struct border *border, uint32_t index)
{
    const struct node *node = &border->shared->nodes[index];

    if (border->rules == NULL)
        return true;
    if (S_ISDIR(node->mode))
        return node->rules.inside || node->rules.some_beneath;
    return node->side != SIDE_OUTSIDE;
}

bool border_name_inside(const struct border *border, uint32_t dir, const char *name, bool is_dir)
{
    struct dpl_rules_at at;

    if (border->rules == NULL)
        return true;
    at = descend(border, dir, name);
    return at.inside || (is_dir && at.some_beneath);
}

bool border_all_beneath(const struct border *border, uint32_t dir, const char *name)
{
    struct dpl_rules_at at;

    if (border->rules == NULL)
        return true;
    at = descend(border, dir, name);
    return at.inside && at.all_beneath;
}

bool border_none_beneath(const struct border *border, uint32_t dir, const char *name)
{
    struct dpl_rules_at at;

    if (border->rules == NULL)
        return false;
    at = descend(border, dir, name);
    return !at.inside && !at.some_beneath;
}

void border_set(struct border *border, uint32_t index, enum side side)
{
    border->shared->nodes[index].side = (uint8_t)side;
}
