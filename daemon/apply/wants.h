/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The objects that the source must be asked for, and why. While one is wanted the replica is not
 * consistent. Past a bound the list becomes "everything", said by the empty id.
 */
#ifndef DPL_APPLY_WANTS_H
#define DPL_APPLY_WANTS_H

#include "daemon/apply/objects.h"

enum { DPL_WANTS_MAX = 10000 };
/* Reasons beside those of enum dpl_mirror_reason. */
enum { DPL_WANTED_OUTCOME = 16, DPL_WANTED_UNKNOWN = 17, DPL_WANTED_FAILED = 18 };

struct dpl_wanted {
    uint32_t reason;
    struct dpl_position position;
};

struct dpl_wants {
    GHashTable *by_id;   /* GBytes to struct dpl_wanted */
    GHashTable *changed; /* GBytes, since the last save */
};

void dpl_wants_init(struct dpl_wants *wants);
void dpl_wants_done(struct dpl_wants *wants);
/* The first reason stays. Whether it is new. */
bool dpl_wants_add(struct dpl_wants *wants, struct dpl_view id, uint32_t reason,
                   struct dpl_position position);
bool dpl_wants_has(const struct dpl_wants *wants, struct dpl_view id);
void dpl_wants_remove(struct dpl_wants *wants, struct dpl_view id);
void dpl_wants_clear(struct dpl_wants *wants);
/* The reason of one of them, and its id, which lives until the next change; 0: there is none. */
uint32_t dpl_wants_first(const struct dpl_wants *wants, struct dpl_view *id_r);
void dpl_wants_saved(struct dpl_wants *wants);
static inline unsigned dpl_wants_count(const struct dpl_wants *wants)
{
    return g_hash_table_size(wants->by_id);
}

#endif
