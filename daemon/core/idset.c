/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/idset.h"

#include <glib.h>
#include <string.h>
#include <xxhash.h>

enum { ROOM_FIRST = 1024 };

void dpl_idset_init(struct dpl_idset *set, uint64_t seed)
{
    memset(set, 0, sizeof *set);
    set->seed = seed;
}

void dpl_idset_done(struct dpl_idset *set)
{
    g_clear_pointer(&set->slots, g_free);
    set->room = set->count = 0;
}

uint64_t dpl_idset_hash(const struct dpl_idset *set, struct dpl_view id)
{
    uint64_t hash = XXH3_64bits_withSeed(id.data, id.size, set->seed);
    return hash ? hash : 1;
}

/* Where it is, or where it would be. */
static size_t place_of(const uint64_t *slots, size_t room, uint64_t hash)
{
    size_t at = (size_t)hash & (room - 1);
    while (slots[at] != 0 && slots[at] != hash)
        at = (at + 1) & (room - 1);
    return at;
}

static void grow(struct dpl_idset *set)
{
    size_t room = set->room ? set->room * 2 : ROOM_FIRST;
    uint64_t *slots = g_new0(uint64_t, room);
    for (size_t i = 0; i < set->room; i++)
        if (set->slots[i] != 0)
            slots[place_of(slots, room, set->slots[i])] = set->slots[i];
    g_free(set->slots);
    set->slots = slots;
    set->room = room;
}

bool dpl_idset_add_hash(struct dpl_idset *set, uint64_t hash)
{
    if (hash == 0)
        return false;
    if (set->count * 2 >= set->room)
        grow(set);
    size_t at = place_of(set->slots, set->room, hash);
    if (set->slots[at] != 0)
        return false;
    set->slots[at] = hash;
    set->count++;
    return true;
}

bool dpl_idset_add(struct dpl_idset *set, struct dpl_view id)
{
    return dpl_idset_add_hash(set, dpl_idset_hash(set, id));
}

bool dpl_idset_has(const struct dpl_idset *set, struct dpl_view id)
{
    return set->room > 0 &&
           set->slots[place_of(set->slots, set->room, dpl_idset_hash(set, id))] != 0;
}
