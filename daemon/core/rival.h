/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two nodes of one site want to send the same set. Pure.
 *
 * A node that comes again knows that its old connection is dead. Another one is a new owner if it
 * has the same disk and a later epoch; the one that is connected need not have been found dead yet.
 * Whoever has another disk than the replica was made of is none.
 */
#ifndef DPL_CORE_RIVAL_H
#define DPL_CORE_RIVAL_H

#include <stdbool.h>
#include <stdint.h>

/* What a node says in its hello. */
struct dpl_claim {
    char node[256];
    int64_t epoch; /* of its journal; 0: it has none */
    char disk[40]; /* UUID of the file system that this is of; empty or zeros: not known */
};

/* Whether the one that comes takes the place of the one that is connected. disk: of the replica's
 * last epoch, or empty. */
bool dpl_rival_takes_over(const struct dpl_claim *comes, const struct dpl_claim *is,
                          const char *disk);

#endif
