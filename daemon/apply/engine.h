/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-replica: the engine of an incoming set. Joins the session (daemon/core/session_target),
 * the replica, the data socket and the channel to the daemon. One thread, one poll loop: what came
 * is put in the queue, made durable once for all of it, acknowledged, and applied, a few
 * milliseconds at a time. What a checkpoint waits for is waited for by a helper's thread.
 *
 * Over the channel, documents:
 *
 *   to it    {start: {set, node, instance, target_roots: [PATH...], map: [{source, target}...],
 *            fs_uuid, queue_max_bytes, min_free_bytes, checkpoint_bytes, checkpoint_ms,
 *            segment_bytes, window_bytes, allow_setid, allow_devices, by_number}}: first; later
 * ones are looked at when the replica is opened again {connected: {...}} with the data's
 * descriptor, {disconnected: TEXT} {command: NAME, id, args}: pause, resume, checkpoint, close from
 * it  {ready}, {status: {...}} (see engine-status.c), {event: NAME, text}, {result: ID, code, text}
 *
 * A replica that cannot be opened (a guard refuses, another writer) is tried again every few
 * seconds, and the status says why.
 */
#ifndef DPL_APPLY_ENGINE_H
#define DPL_APPLY_ENGINE_H

#include "daemon/apply/helper.h"
#include "daemon/apply/mirror-result.h"
#include "daemon/apply/mirror.h"
#include "daemon/apply/replica.h"
#include "daemon/core/session_target.h"
#include "lib/ctl/channel.h"
#include "lib/proto/peer.h"

/* The mirror that is open, and what came of it and waits until the records before it have been
 * applied. */
struct dpl_engine_mirror {
    struct dpl_mirror_target *target; /* NULL: its begin waits still, or there is none */
    uint64_t id, stopped;             /* 0: none; the last one that we have stopped */
    bool test, of_object;
    uint32_t kind, orphans;
    GQueue waiting; /* of struct waiting */
    size_t waiting_bytes;
    int64_t began_ns, told_ns;
    struct dpl_mirror_result result; /* as it comes together */
    struct dpl_position end;         /* while its end is handled */
    struct dpl_kept kept;            /* what it has compared */
    uint8_t cursor[8];               /* of one that did not end, as the session says it */
    int orphans_fd;
    bool want_told; /* that objects are wanted was said */
};

struct dpl_engine {
    const struct dpl_clock *clock;
    struct dpl_channel *channel; /* owned */
    struct dpl_doc *config;      /* the last start */
    struct dpl_doc *opened;      /* the one that the replica was opened with */
    struct dpl_replica *replica; /* NULL: not open */
    struct dpl_helper helper;
    struct dpl_target target;
    struct dpl_target_calls calls;
    struct dpl_peer peer;
    struct dpl_engine_mirror mirror;
    struct dpl_mirror_place *places; /* of the roots; their paths are the configuration's */
    size_t place_count;
    GArray *root_fds;
    int reserve_fd, lock_fd;
    uint64_t window_bytes;
    GByteArray *held; /* records that there was no room for */
    uint64_t held_tag, held_lsn, held_chain;
    bool full, more, stopping; /* more: something to apply is left */
    bool broken;               /* the queue: the replica is to be opened again */
    bool full_told;            /* as an event, until there has been room for a while */
    int64_t open_ns, retry_ns, room_ns, turned_ns, status_ns;
    uint64_t synced;
    int64_t heard_ns, heard_wall_ns; /* of the source, as the session has it; the wall clock then */
    bool told_silent;                /* that the source lets too much time pass */
    unsigned told_done; /* how much of what came had been done when the status was told */
    bool changed;
    unsigned events_failed; /* the code of the failure that was told */
    char last_error[512];
    struct dpl_doc *peer_doc;
};

/* The channel is taken. The engine must stay where it is. */
void dpl_engine_init(struct dpl_engine *engine, struct dpl_channel *channel,
                     const struct dpl_clock *clock);
void dpl_engine_done(struct dpl_engine *engine);

/* Waits, at most until the next thing is due and at most so long, and does one round. 1: go on; 0:
 * it is over, as was wanted; or a negative code. */
int dpl_engine_turn(struct dpl_engine *engine, int64_t wait_ns, struct dpl_err *err);
/* Makes everything durable, says so, and ends. */
void dpl_engine_stop(struct dpl_engine *engine);

/* Parts of it, each in a file of its own. */
int dpl_engine_open(struct dpl_engine *engine, struct dpl_err *err);
void dpl_engine_shut(struct dpl_engine *engine);
int dpl_engine_take(struct dpl_engine *engine, const struct dpl_doc *doc, struct dpl_err *err);
void dpl_engine_session_init(struct dpl_engine *engine);
/* The source waits for room: an event, once. */
void dpl_engine_tell_full(struct dpl_engine *engine);
/* Records that were held are put, if there is room now. */
int dpl_engine_put_held(struct dpl_engine *engine, struct dpl_err *err);
/* engine-mirror.c: a message of a mirror came; everything that is ready is applied, in the order of
 * the stream; the mirror is given up, and why; what time asks for. */
int dpl_engine_mirror_message(struct dpl_engine *engine, const struct dpl_message *message,
                              struct dpl_err *err);
int dpl_engine_apply(struct dpl_engine *engine, int64_t deadline_ns, struct dpl_err *err);
void dpl_engine_mirror_leave(struct dpl_engine *engine, const char *why);
/* engine-mirror-begin.c: its message has come. */
int dpl_engine_mirror_begin(struct dpl_engine *engine, const struct dpl_message *begin,
                            struct dpl_err *err);
/* engine-want.c: what is wanted is asked for once in a session, and again behind each mirror. */
void dpl_engine_ask(struct dpl_engine *engine, int64_t now_ns);
int64_t dpl_engine_mirror_tick(struct dpl_engine *engine, int64_t now_ns);
void dpl_engine_mirror_status(const struct dpl_engine *engine, struct dpl_doc *status,
                              int64_t now_ns);
void dpl_engine_event(struct dpl_engine *engine, const char *name, const char *text);
void dpl_engine_error(struct dpl_engine *engine, const char *text);
int64_t dpl_engine_status(struct dpl_engine *engine, int64_t now_ns);

#endif
