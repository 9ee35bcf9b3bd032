/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Questions to the plan and the state.
 */
#include "tests/lab/lab.h"

#include <string.h>

bool lab_plan_has_site(const struct lab_plan *plan, int site)
{
    for (size_t i = 0; i < plan->n_hosts; i++)
        if (plan->hosts[i].site == site)
            return true;
    return false;
}

size_t lab_plan_members(const struct lab_plan *plan, int site)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->n_hosts; i++)
        n += plan->hosts[i].site == site && plan->hosts[i].member;
    return n;
}

bool lab_plan_has_cluster(const struct lab_plan *plan)
{
    for (int site = 0; site < LAB_SITES_MAX; site++)
        if (lab_plan_members(plan, site) > 0)
            return true;
    return false;
}

struct lab_host *lab_host_find(struct lab *lab, const char *name)
{
    for (size_t i = 0; i < lab->plan->n_hosts; i++)
        if (strcmp(lab->plan->hosts[i].name, name) == 0)
            return &lab->hosts[i];
    return NULL;
}

struct lab_wire *lab_wire_find(struct lab *lab, int site1, int site2)
{
    int from = site1 < site2 ? site1 : site2, to = site1 < site2 ? site2 : site1;
    for (size_t i = 0; i < lab->n_wires; i++)
        if (lab->wires[i].from == from && lab->wires[i].to == to)
            return &lab->wires[i];
    return NULL;
}
