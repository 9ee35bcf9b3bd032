/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The target's side of a session of doppel-protocol(5), from the end of the greeting on.
 *
 * Pure: no system calls, no clock, no memory of its own. Messages, the replica and time come in as
 * arguments and through a table of functions; what is to be sent goes out through it. The states
 * and what each event does in them stand in session_target.tbl.h.
 *
 * One struct dpl_target lives as long as its engine and sees one connection after the other. A
 * session that ends, whoever ended it, is OFFLINE again; `over` and `why` say how. Functions answer
 * 0, or a negative code after which the session is over (or PARAM: the call is out of place, and
 * nothing has changed).
 */
#ifndef DPL_CORE_SESSION_TARGET_H
#define DPL_CORE_SESSION_TARGET_H

#include "lib/base/err.h"
#include "lib/journal/segment.h"
#include "lib/proto/message.h"

#include <stdbool.h>
#include <stdint.h>

enum dpl_target_state {
#define TARGET_STATE(name, text) DPL_TARGET_##name,
#include "daemon/core/session_target.tbl.h"
#undef TARGET_STATE
    DPL_TARGET_STATES
};

enum dpl_target_event {
#define TARGET_EVENT(name, by, text) DPL_TARGET_ON_##name,
#include "daemon/core/session_target.tbl.h"
#undef TARGET_EVENT
    DPL_TARGET_EVENTS
};

enum dpl_target_over {
    DPL_TARGET_NOT_OVER,
    DPL_TARGET_OVER_LOST,
    DPL_TARGET_OVER_REFUSED, /* by the peer: refusal says how */
    DPL_TARGET_OVER_BROKEN,  /* the peer broke the protocol */
    DPL_TARGET_OVER_SILENT,
    DPL_TARGET_OVER_STORAGE, /* ours failed */
    DPL_TARGET_OVER_CLOSED,  /* as was wanted */
};

/* What the replica holds now. */
struct dpl_target_holds {
    const uint8_t *replica; /* its id, of 16 bytes */
    bool any;               /* it has an epoch; else the next two lines mean nothing */
    struct dpl_epoch epoch; /* the last */
    uint64_t received, durable;
    uint32_t chain;               /* where durable is */
    bool applies;                 /* applied and checkpoint are in that epoch */
    uint64_t applied, checkpoint; /* the checkpoint not above what the source has synced */
    uint64_t queue_bytes, time_ns;
    uint64_t room;  /* for records, though it is full, and the source knows what that means */
    uint32_t flags; /* of enum dpl_state_flag */
    uint32_t reason;
    bool empty;      /* nothing stands beneath the roots, and the source knows what that means */
    uint64_t mirror; /* its number, with the flag of an open one */
    struct dpl_view cursor; /* of one that did not end and can be gone on with; empty: none */
    uint64_t window;
};

/* An epoch as it was offered. */
struct dpl_target_offer {
    struct dpl_epoch epoch;
    uint64_t lsn;
    uint32_t chain;
    bool equal;
};

struct dpl_target_calls {
    /* The message, and what it points at, is valid during the call only. */
    int (*send)(void *self, const struct dpl_message *message);
    void (*holds)(void *self, struct dpl_target_holds *holds);
    /* Whether this epoch follows what the replica holds: 1, and then it is open; or 0 with the
     * reason, of enum dpl_compare, and nothing has changed. */
    int (*offer)(void *self, const struct dpl_target_offer *offer, uint32_t *reason_r);
    /* Begins the queue at this offer, which did not follow: a mirror of the set is coming. */
    int (*begin)(void *self, const struct dpl_target_offer *offer, uint32_t reason);
    /* Takes records: all of them, now or as soon as there is room. CORRUPT if they are not what may
     * stand there; err says what. */
    int (*records)(void *self, const struct dpl_message *message, struct dpl_err *err);
    int (*ended)(void *self, uint64_t lsn, bool gap, struct dpl_err *err);
    void (*synced)(void *self, uint64_t lsn, uint64_t head);
    int (*pause)(void *self, bool paused);
    /* Makes durable what was received. */
    int (*sync)(void *self);
    int (*mirror)(void *self, const struct dpl_message *message);
    void *self;
};

struct dpl_target_config {
    int64_t ack_ns; /* at least so long between two */
    int64_t heartbeat_ns, dead_ns, close_ns;
};
extern const struct dpl_target_config dpl_target_defaults;

struct dpl_target {
    struct dpl_target_config config;
    const struct dpl_target_calls *calls; /* borrowed */
    enum dpl_target_state state;
    enum dpl_target_over over;
    uint32_t refusal;
    struct dpl_err why;
    int64_t heard_ns, said_ns, acked_ns, closing_ns;
    uint64_t tag;                    /* of the epoch that acks are of; 0: none yet */
    uint64_t lsn;                    /* where the next records begin */
    bool moved;                      /* something that an ack says has changed */
    bool heartbeat;                  /* the source wants to hear of it */
    struct dpl_target_offer offered; /* the last */
    uint32_t reason;                 /* why it did not follow */
    uint64_t head;                   /* what the source said last, of `tag`; 0: nothing yet */
    uint32_t promise;
    int64_t source_time_ns;
    uint64_t wall_ns; /* kept by the owner: the wall clock */
    /* the arguments of an event, while it is handled */
    const struct dpl_message *message;
    int64_t event_ns;
};

void dpl_target_init(struct dpl_target *target, const struct dpl_target_config *config,
                     const struct dpl_target_calls *calls);

/* What happens. */
int dpl_target_connected(struct dpl_target *target, int64_t now_ns);
int dpl_target_receive(struct dpl_target *target, const struct dpl_message *message,
                       int64_t now_ns);
void dpl_target_lost(struct dpl_target *target, int64_t now_ns);
/* The peer sent what cannot be decoded. */
int dpl_target_nonsense(struct dpl_target *target, const struct dpl_err *why, int64_t now_ns);
/* The replica cannot take anything any more. */
int dpl_target_storage(struct dpl_target *target, const struct dpl_err *why, int64_t now_ns);
int dpl_target_close(struct dpl_target *target, int64_t now_ns);
/* Sends a message of a mirror, or a want. PARAM where there is nobody to hear it. */
int dpl_target_say(struct dpl_target *target, const struct dpl_message *message, int64_t now_ns);
/* Positions or flags have changed: an ack goes out at the next tick that may send one. */
void dpl_target_moved(struct dpl_target *target);
/* Acks, heartbeats, silence. Returns when to call again, or INT64_MAX. */
int64_t dpl_target_tick(struct dpl_target *target, int64_t now_ns);

const char *dpl_target_state_text(enum dpl_target_state state);
const char *dpl_target_event_text(enum dpl_target_event event);

#endif
