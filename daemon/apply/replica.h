/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A replica: queue, object map, applier and checkpoints as one, on the replica's own file system.
 * doppel-replica(5) says what lies there, what is durable when, and what happens after a crash.
 *
 * Ops go through four positions, each at or below the one before: received (put), durable (sync),
 * applied (apply), checkpoint. Only what is durable is applied. Nobody waits in here but for the
 * disk; apply stops at a deadline, so that one loop can serve a socket beside it.
 *
 * struct dpl_replica borrows the descriptors, the clock and the io table of its options and owns
 * all else. Failure: what a peer sent wrong is CORRUPT from put; NO_SPACE is a bound or a full
 * disk, of put or of apply, and the same call works when there is room; other errors of apply and
 * checkpoint are the replica's disk: applying has stopped, and dpl_replica_failed says so until a
 * call of dpl_replica_retry; of a sync that failed, until the replica is opened again. A record
 * that this file system cannot hold (or the set does not allow) is no failure: its objects are
 * wanted, and the replica is not consistent.
 */
#ifndef DPL_APPLY_REPLICA_H
#define DPL_APPLY_REPLICA_H

#include "daemon/apply/apply.h"
#include "daemon/apply/objects.h"
#include "daemon/apply/replica-state.h"
#include "daemon/apply/wants.h"
#include "lib/base/clock.h"
#include "lib/journal/segment.h"

struct dpl_replica; /* a replica that is open for writing */

/* Does what waits for the disk while the replica is worked on: start begins with one piece of work,
 * dpl_checkpoint_run does it, wait returns when that has returned. Then dpl_replica_helped is to be
 * called, soon; there may be another piece after it. */
struct dpl_checkpoint;
void dpl_checkpoint_run(struct dpl_checkpoint *work);
struct dpl_replica_helper {
    void (*start)(void *self, struct dpl_checkpoint *work);
    void (*wait)(void *self);
    void *self;
};

struct dpl_replica_options {
    const char *set;
    int dir_fd; /* its reserved directory */
    const struct dpl_apply_root *roots;
    size_t count;
    bool allow_setid, allow_devices;
    struct dpl_segment_limits queue;
    uint64_t checkpoint_bytes; /* of ops since the last one */
    int64_t checkpoint_ms;     /* since then, if there were ops */
    const struct dpl_clock *clock;
    const struct dpl_segment_io *io;
    const struct dpl_replica_helper *helper; /* NULL: checkpoints are waited for */
    int64_t
        life; /* which time it is that this site stands by: what an earlier one left is not it */
};

/* Opens it as whoever had it before left it: after a stop, a crash or a power cut, or new. */
int dpl_replica_open(struct dpl_replica **replica_r, const struct dpl_replica_options *options,
                     struct dpl_err *err);
/* Without a checkpoint: as a crash of the process would leave it. */
void dpl_replica_close(struct dpl_replica *replica);

/* A source offers an epoch whose records will come from lsn on, behind this chain. 1: it is the one
 * that is open, at its end, or its child, or `equal`: a person said that the replica is what the
 * source was there; records may come. 0: everything must be compared, *reason_r (of enum
 * dpl_compare) says why, and nothing has changed. */
int dpl_replica_offer(struct dpl_replica *replica, const struct dpl_epoch *epoch, uint64_t lsn,
                      uint32_t chain, bool equal, uint32_t *reason_r, struct dpl_err *err);
/* Begins there nevertheless: a mirror is coming, for this reason. What was received of other epochs
 * is still applied before it. Without a reason no mirror is needed. */
int dpl_replica_begin(struct dpl_replica *replica, const struct dpl_epoch *epoch, uint64_t lsn,
                      uint32_t chain, uint32_t reason, struct dpl_err *err);
/* See dpl_queue_put. */
ssize_t dpl_replica_put(struct dpl_replica *replica, uint64_t epoch_tag, uint64_t lsn,
                        uint32_t chain, const void *bytes, size_t size, struct dpl_err *err);
/* What was received is durable. */
int dpl_replica_sync(struct dpl_replica *replica, struct dpl_err *err);
/* The source says that the epoch's journal ended here; `clean`: nothing came behind it. */
int dpl_replica_ended(struct dpl_replica *replica, uint64_t epoch_tag, uint64_t lsn, bool clean,
                      struct dpl_err *err);
/* The source has all below this on its own disk. */
void dpl_replica_synced(struct dpl_replica *replica, uint64_t epoch_tag, uint64_t lsn);

/* Applies what is durable, until the deadline of the clock has passed (at least one record), and
 * makes checkpoints when they are due. 1: there is more; 0: nothing to do, or paused. */
int dpl_replica_apply(struct dpl_replica *replica, int64_t deadline_ns, struct dpl_err *err);
/* The helper has done its piece: takes note of it. Fails as apply does. */
int dpl_replica_helped(struct dpl_replica *replica, struct dpl_err *err);
/* A checkpoint is due, if there is something to be had. */
void dpl_replica_hurry(struct dpl_replica *replica);
/* Makes a checkpoint now. */
int dpl_replica_checkpoint(struct dpl_replica *replica, struct dpl_err *err);
/* The same, and says that nothing is above it, if that is so: for a clean stop. */
int dpl_replica_stop(struct dpl_replica *replica, struct dpl_err *err);
/* When the next checkpoint is due, by the clock; INT64_MAX if none is. */
int64_t dpl_replica_due_ns(const struct dpl_replica *replica);

/* Mirrors (mirror.h). Between begin and the position at which one ended the replica is not
 * consistent; one that does not end leaves it in need of a mirror, whatever happens. begin is
 * durable when it returns, and so is the cursor (not 0), which another one may go on with. */
int dpl_replica_mirror_begin(struct dpl_replica *replica, uint64_t id, uint32_t kind,
                             uint64_t cursor, struct dpl_err *err);
/* The cursor of one that did not end, as long as all that has come since came as records, and was
 * applied; 0: there is none. */
uint64_t dpl_replica_cursor(const struct dpl_replica *replica);
/* Called when a checkpoint begins, and with what came of it. */
enum dpl_checkpoint_news { DPL_CHECKPOINT_BEGINS, DPL_CHECKPOINT_MADE, DPL_CHECKPOINT_FAILED };
void dpl_replica_watch(struct dpl_replica *replica,
                       void (*news)(void *self, enum dpl_checkpoint_news news), void *self);
/* All of it is here, made durable first: consistent from the checkpoint on that lies at end or
 * behind. */
int dpl_replica_mirror_end(struct dpl_replica *replica, struct dpl_position end,
                           struct dpl_err *err);
/* A mirror of one object, in which these were wanted and have come: as above. What is not here yet
 * is wanted (no bytes: everything is). */
int dpl_replica_object_end(struct dpl_replica *replica, uint64_t id, struct dpl_position end,
                           struct dpl_err *err);
void dpl_replica_object_begin(struct dpl_replica *replica);
void dpl_replica_want(struct dpl_replica *replica, struct dpl_view object);
void dpl_replica_came(struct dpl_replica *replica, struct dpl_view object);
/* It will not end. */
void dpl_replica_mirror_left(struct dpl_replica *replica);
/* So many bytes were changed beside the ops: a checkpoint becomes due. */
void dpl_replica_changed(struct dpl_replica *replica, uint64_t bytes);
/* Called for each record that was applied. */
void dpl_replica_follow(struct dpl_replica *replica,
                        void (*applied)(void *self, const struct dpl_record *record), void *self);
struct dpl_apply *dpl_replica_applier(struct dpl_replica *replica);
/* The same as apply, but not beyond this position. */
int dpl_replica_apply_to(struct dpl_replica *replica, struct dpl_position end, int64_t deadline_ns,
                         struct dpl_err *err);

int dpl_replica_pause(struct dpl_replica *replica, bool paused, struct dpl_err *err);
/* Applying goes on after a failure. */
void dpl_replica_retry(struct dpl_replica *replica);

struct dpl_replica_status {
    const uint8_t *replica; /* its id */
    bool open;              /* an epoch is */
    struct dpl_epoch epoch;
    uint64_t received, durable;
    uint32_t durable_chain;
    struct dpl_position applied, checkpoint, high_water;
    uint64_t queue_bytes;   /* received, not applied */
    uint64_t time_ns;       /* of the last record applied, by the source's clock; 0: none */
    uint64_t ops, op_bytes; /* applied since its opening: how large one is */
    uint32_t reason;        /* why a mirror is needed; 0: none is */
    unsigned wanted;
    uint64_t mirror; /* one that has not ended here; 0: none */
    bool consistent, paused, again, ended;
    bool saved; /* all that was applied is on the disk: nothing of it would be done anew */
    int failed; /* the code of what stopped applying, or 0 */
};
void dpl_replica_status(const struct dpl_replica *replica, struct dpl_replica_status *status);
/* Whether it is new, and nothing stands beneath its roots. */
bool dpl_replica_is_empty(const struct dpl_replica *replica);
/* How many bytes of records the queue takes before its bounds stop it. */
uint64_t dpl_replica_room(const struct dpl_replica *replica);
const char *dpl_replica_failed(const struct dpl_replica *replica);
const struct dpl_wants *dpl_replica_wants(const struct dpl_replica *replica);

#endif
