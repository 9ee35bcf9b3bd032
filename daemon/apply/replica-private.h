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

/* A checkpoint under way: what its steps need and what came of the last one. */
enum dpl_checkpoint_step { DPL_CHECKPOINT_NONE, DPL_CHECKPOINT_DATA, DPL_CHECKPOINT_STATE };
struct dpl_checkpoint {
    enum dpl_checkpoint_step step;
    bool hasty;  /* the owner does the steps, at once */
    bool helped; /* a helper was asked to do this one */
    bool done;   /* it is */
    const struct dpl_segment_io *io;
    int dir_fd, queue_fd, objects_fd;
    struct dpl_map_saving saving;
    struct dpl_replica_state state; /* to be written */
    int rc;
    bool unsynced; /* it was the sync that failed */
    struct dpl_err why;
};

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
    struct dpl_record record; /* read, not applied yet: it waits for a checkpoint */
    bool has_record;
    struct dpl_checkpoint checkpoint;
    uint64_t since_bytes;    /* applied since the last checkpoint was begun */
    uint64_t begun_bytes;    /* before that, since the one before */
    int64_t checkpoint_ns;   /* when the first of since_bytes was */
    bool hurry;              /* the next checkpoint is due */
    bool stands;             /* nothing is applied before there is a checkpoint right here */
    struct dpl_err unsynced; /* the disk failed to sync: there is no checkpoint any more */
    uint64_t time_ns;
    uint64_t ops, op_bytes; /* applied since our start */
    struct dpl_err failed;
    GHashTable *wanted_again; /* since a mirror of one object began (GBytes); NULL: none runs */
    bool mirroring;           /* messages of a mirror are being applied */
    void (*on_record)(void *self, const struct dpl_record *record);
    void *on_record_self;
    void (*on_checkpoint)(void *self, enum dpl_checkpoint_news news);
    void *on_checkpoint_self;
};

/* Applies from the checkpoint what the crash left: finds what was made since then. */
int dpl_replica_recover(struct dpl_replica *r, struct dpl_err *err);
/* The last record was applied. */
int dpl_replica_settle(struct dpl_replica *r, struct dpl_err *err);
/* The index in the state of the epoch with this number, or -1. */
int dpl_replica_find_epoch(const struct dpl_replica *r, uint64_t number);
/* Where that epoch ends for now. */
uint64_t dpl_replica_epoch_end(const struct dpl_replica *r, unsigned index);
/* Reads on from what was applied, later. */
void dpl_replica_reader_close(struct dpl_replica *r);
/* A mirror that did not end is not gone on with: something happened that it does not know. */
void dpl_replica_mirror_void(struct dpl_replica *r);
/* A checkpoint was made there: whether a mirror has ended with it. */
void dpl_replica_mirror_settle(struct dpl_replica *r, struct dpl_position checkpoint);
int dpl_replica_save(struct dpl_replica *r, struct dpl_err *err);
/* replica-life.c: what an earlier life left goes, durably, before this one begins. */
int dpl_replica_begin_life(int dir_fd, int64_t life, struct dpl_err *err);
/* A mirror is needed; the first reason stays. Durable with the next save. */
void dpl_replica_need_mirror(struct dpl_replica *r, uint32_t reason);
/* Makes one at this position, now; or begins the next, if it is due and none is under way. */
int dpl_checkpoint_at(struct dpl_replica *r, struct dpl_position position, struct dpl_err *err);
int dpl_checkpoint_if_due(struct dpl_replica *r, struct dpl_err *err);
/* Whether a helper does what waits. With haste none does, and none is at work when this returns
 * what was so before. */
bool dpl_checkpoint_is_helped(const struct dpl_replica *r);
bool dpl_checkpoint_haste(struct dpl_replica *r, bool hasty);
/* No helper writes the state when this returns, or none does anything. */
void dpl_checkpoint_hold(struct dpl_replica *r);
void dpl_checkpoint_finish(struct dpl_replica *r);
/* What has not been done is not done any more. */
void dpl_checkpoint_abandon(struct dpl_replica *r);
/* The checkpoint that the applier asks for at a copy. */
int dpl_replica_barrier(void *self, uint64_t epoch, uint64_t lsn, struct dpl_err *err);

#endif
