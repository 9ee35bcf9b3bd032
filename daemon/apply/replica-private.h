/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to daemon/apply: what the files of the replica share.
 */
#ifndef DPL_APPLY_REPLICA_PRIVATE_H
#define DPL_APPLY_REPLICA_PRIVATE_H

#include "daemon/apply/map.h"
#include "daemon/apply/queue.h"
#include "daemon/apply/replica.h"
#include "lib/journal/reader.h"

struct dpl_replica {
    struct dpl_replica_options options;
    int queue_fd, objects_fd;
    struct dpl_replica_state state;
    struct dpl_map map;
    struct dpl_queue queue;
    struct dpl_wants wants;
    struct dpl_apply *apply;
    struct dpl_objects *objects; /* of apply */
    struct dpl_journal *reader;  /* of the epoch that is applied; NULL: to be opened */
    struct dpl_position applied, former;
    uint64_t since_bytes;  /* applied since the checkpoint */
    int64_t checkpoint_ns; /* when the first of them was */
    uint64_t time_ns;
    struct dpl_err failed;
    bool in_checkpoint;
};

/* Applies from the checkpoint what the crash left: finds what was made since then. */
int dpl_replica_recover(struct dpl_replica *r, struct dpl_err *err);
/* The last record was applied. */
int dpl_replica_settle(struct dpl_replica *r, struct dpl_err *err);
/* The index in the state of the epoch with this number, or -1. */
int dpl_replica_find_epoch(const struct dpl_replica *r, uint64_t number);
/* Where that epoch ends for now. */
uint64_t dpl_replica_epoch_end(const struct dpl_replica *r, unsigned index);
int dpl_replica_save(struct dpl_replica *r, struct dpl_err *err);
/* A mirror is needed; the first reason stays. Durable with the next save. */
void dpl_replica_need_mirror(struct dpl_replica *r, uint32_t reason);
/* The checkpoint that the applier asks for at a copy. */
int dpl_replica_barrier(void *self, uint64_t epoch, uint64_t lsn, struct dpl_err *err);

#endif
