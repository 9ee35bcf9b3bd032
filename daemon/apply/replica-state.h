/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The file `state` of doppel-replica(5): epochs, positions and flags of a replica, as a struct and
 * as bytes, and replaced whole.
 */
#ifndef DPL_APPLY_REPLICA_STATE_H
#define DPL_APPLY_REPLICA_STATE_H

#include "daemon/apply/objects.h"
#include "lib/journal/segment.h"

#define DPL_REPLICA_STATE_FILE "state"
enum {
    DPL_REPLICA_EPOCHS = 16,
    DPL_REPLICA_CURSOR = 4096,
    DPL_REPLICA_STATE_MAX = 16384, /* bytes of the file */
};

enum dpl_replica_flag {
    DPL_REPLICA_CLEAN = 1,        /* nothing is above the checkpoint */
    DPL_REPLICA_NEEDS_MIRROR = 2, /* reason, of enum dpl_compare of the protocol */
    DPL_REPLICA_PAUSED = 4,
    DPL_REPLICA_LOST_MAP = 8, /* what is unknown may have been known once */
    DPL_REPLICA_FLAGS = 15,
};
enum dpl_replica_end {
    DPL_REPLICA_ENDED = 1, /* all of it was received */
    DPL_REPLICA_LEFT = 2,  /* given up: a mirror follows */
};

struct dpl_replica_epoch {
    struct dpl_epoch epoch; /* its set is the replica's */
    uint64_t begin, end;
    uint32_t begin_chain, end_chain;
    uint32_t ended; /* of enum dpl_replica_end, or 0 */
};

struct dpl_replica_state {
    uint8_t replica[16];
    char set[DPL_SET_NAME_MAX + 1];
    uint32_t flags, reason;
    uint64_t map_generation, map_bytes;
    struct dpl_position checkpoint, high_water, synced;
    uint64_t mirror; /* id of an open one, or 0 */
    uint32_t mirror_kind;
    struct dpl_position mirror_end;
    size_t cursor_bytes;
    uint8_t cursor[DPL_REPLICA_CURSOR];
    unsigned count;
    struct dpl_replica_epoch epochs[DPL_REPLICA_EPOCHS];
};

/* Returns the size. */
size_t dpl_replica_state_encode(const struct dpl_replica_state *state,
                                uint8_t bytes[DPL_REPLICA_STATE_MAX]);
int dpl_replica_state_decode(struct dpl_replica_state *state, const uint8_t *bytes, size_t size,
                             struct dpl_err *err);

/* NOT_FOUND if there is none. */
int dpl_replica_state_load(struct dpl_replica_state *state, int dir_fd, struct dpl_err *err);
/* Durable when it returns 0. */
int dpl_replica_state_save(const struct dpl_replica_state *state, int dir_fd,
                           const struct dpl_segment_io *io, struct dpl_err *err);

/* The last epoch, or NULL; and one more behind it (the oldest of too many goes). */
struct dpl_replica_epoch *dpl_replica_state_last(struct dpl_replica_state *state);
struct dpl_replica_epoch *dpl_replica_state_add(struct dpl_replica_state *state);

#endif
