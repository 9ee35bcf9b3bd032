/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/rival.h"

#include <string.h>

/* A file system without a UUID has one of zeros. */
static bool known(const char *disk)
{
    return disk[strspn(disk, "0-")] != '\0';
}

/* What is not known speaks against nobody. */
static bool same_disk(const char *a, const char *b)
{
    return !known(a) || !known(b) || strcmp(a, b) == 0;
}

bool dpl_rival_takes_over(const struct dpl_claim *comes, const struct dpl_claim *is,
                          const char *disk)
{
    if (strcmp(comes->node, is->node) == 0)
        return true;
    if (same_disk(comes->disk, disk) != same_disk(is->disk, disk))
        return same_disk(comes->disk, disk);
    return same_disk(comes->disk, is->disk) && comes->epoch > is->epoch;
}
