/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two nodes, a link, disks and clocks in one process, from a seed: both sides of a session as they
 * are, everything else a model.
 *
 * The source's node has a journal of epochs that an application fills; it may overflow, be handed
 * over cleanly, or lose its writer. The engine of either side may crash at any moment: the source's
 * loses all that it knew, the target's what was not durable, but for a part that the disk had
 * already got. The link delays, and is cut at any byte; each side notices when it notices. A disk
 * may be full for a while.
 *
 * What must hold is checked at each step (sim_fail says what did not, once, with the seed).
 */
#ifndef DPL_TESTS_SIM_H
#define DPL_TESTS_SIM_H

#include "daemon/core/session_source.h"
#include "daemon/core/session_target.h"
#include "lib/proto/frame.h"
#include "tests/prop/rng.h"

#include <glib.h>

enum { SIM_EPOCHS = 24, SIM_BODY = 200 };
#define SIM_MS     INT64_C(1000000)
#define SIM_SECOND INT64_C(1000000000)

/* An epoch as it was: what the application did, in order. Never forgotten. */
struct sim_epoch {
    struct dpl_epoch epoch;
    GByteArray *bytes; /* all records from 0 on */
    GArray *ends;      /* uint64_t: where each record ends */
    GArray *chains;    /* uint32_t: the digest there */
    uint64_t oldest;   /* what lies before is not in the journal any more */
    bool ended, gap;   /* as the segment says */
    bool abandoned;    /* its writer died */
};

struct sim_journal {
    struct sim_epoch epochs[SIM_EPOCHS];
    unsigned count;
    uint64_t bound; /* of bytes, over which it overflows */
    struct dpl_journal_epoch list[SIM_EPOCHS];
};

/* One direction of the connection. */
struct sim_pipe {
    GByteArray *bytes; /* on the way */
    int64_t at_ns;     /* when the next piece arrives; INT64_MAX: nothing is under way */
    struct dpl_frame_in in;
    bool cut; /* nothing arrives any more */
};

/* What the target's disk holds of its last epoch, and what its memory does. */
struct sim_replica {
    uint8_t id[16];
    bool any, needs_mirror, paused;
    uint32_t reason;
    unsigned epoch; /* index in the journal of all times */
    uint64_t begin, durable, checkpoint, former_left;
    bool ended; /* durably: clean to its end */
    uint64_t applied, received, syncing;
    uint32_t chain, durable_chain, syncing_chain;
    bool got_end, got_gap;
    int64_t sync_ns; /* when the sync that runs is done; INT64_MAX: none */
    int64_t full_ns; /* until then it takes nothing */
};

struct sim {
    uint64_t seed;
    struct rng rng;
    int64_t now_ns;
    bool failed, calm; /* calm: no more faults */
    struct sim_journal journal;
    struct sim_replica replica;
    struct sim_pipe to_target, to_source;
    struct dpl_source source;
    struct dpl_target target;
    struct dpl_source_calls source_calls;
    struct dpl_target_calls target_calls;
    bool connected, target_left; /* by its own wish */
    int64_t source_hears_cut_ns, target_hears_cut_ns, connect_ns;
    int64_t write_ns;
    uint64_t acked_durable; /* the most that the source was ever told of the epoch below */
    unsigned acked_epoch;
    bool resync; /* a person is about to make both sides equal */
    /* what happened, so that a test can see that it did */
    struct {
        unsigned cuts, source_crashes, target_crashes, node_crashes, handovers, overflows, fulls;
        unsigned compares, resyncs, accepted, went_back, frames;
        uint64_t bytes;
    } seen;
};

void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The source's node. */
void sim_journal_init(struct sim *sim);
void sim_journal_done(struct sim *sim);
void sim_journal_begin(struct sim *sim, bool child_of_last);
void sim_journal_write(struct sim *sim);
struct sim_epoch *sim_journal_newest(struct sim *sim);
/* The index of the epoch with this tag, or -1; whether the digest at lsn is that (a record begins
 * or ends there). */
int sim_journal_find(const struct sim *sim, uint64_t tag);
guint sim_journal_behind(const struct sim_epoch *epoch, uint64_t lsn);
bool sim_journal_chain(const struct sim_epoch *epoch, uint64_t lsn, uint32_t *chain_r);
/* The engine of the source: sends what it may. */
void sim_source_init(struct sim *sim, bool equal);
void sim_source_pump(struct sim *sim);

/* The target's node. */
void sim_target_init(struct sim *sim);
void sim_target_work(struct sim *sim);
int64_t sim_target_due(const struct sim *sim);
void sim_target_crash(struct sim *sim);

/* The link. */
void sim_wire_init(struct sim *sim);
void sim_wire_done(struct sim *sim);
void sim_wire_connect(struct sim *sim);
void sim_wire_cut(struct sim *sim);
void sim_wire_deliver(struct sim *sim);
int64_t sim_wire_due(const struct sim *sim);
int sim_wire_send(struct sim *sim, struct sim_pipe *pipe, const struct dpl_message *message);

/* Runs one seed. false: something did not hold, and was printed. */
bool sim_run(struct sim *sim, uint64_t seed);

#endif
