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
#include "daemon/apply/replica.h"
#include "daemon/core/session_target.h"
#include "lib/ctl/channel.h"
#include "lib/proto/peer.h"

struct dpl_engine {
    const struct dpl_clock *clock;
    struct dpl_channel *channel; /* owned */
    struct dpl_doc *config;      /* the last start */
    struct dpl_replica *replica; /* NULL: not open */
    struct dpl_helper helper;
    struct dpl_target target;
    struct dpl_target_calls calls;
    struct dpl_peer peer;
    GArray *root_fds;
    int reserve_fd, lock_fd;
    uint64_t window_bytes;
    GByteArray *held; /* records that there was no room for */
    uint64_t held_tag, held_lsn, held_chain;
    bool full, more, stopping; /* more: something to apply is left */
    bool broken;               /* the queue: the replica is to be opened again */
    int64_t open_ns, retry_ns, room_ns, status_ns;
    uint64_t synced;
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

/* Waits, at most until the next thing is due, and does one round. 1: go on; 0: it is over, as was
 * wanted; or a negative code. */
int dpl_engine_turn(struct dpl_engine *engine, struct dpl_err *err);
/* Makes everything durable, says so, and ends. */
void dpl_engine_stop(struct dpl_engine *engine);

/* Parts of it, each in a file of its own. */
int dpl_engine_open(struct dpl_engine *engine, struct dpl_err *err);
void dpl_engine_shut(struct dpl_engine *engine);
int dpl_engine_take(struct dpl_engine *engine, const struct dpl_doc *doc, struct dpl_err *err);
void dpl_engine_session_init(struct dpl_engine *engine);
/* Records that were held are put, if there is room now. */
int dpl_engine_put_held(struct dpl_engine *engine, struct dpl_err *err);
void dpl_engine_event(struct dpl_engine *engine, const char *name, const char *text);
void dpl_engine_error(struct dpl_engine *engine, const char *text);
int64_t dpl_engine_status(struct dpl_engine *engine, int64_t now_ns);

#endif
