/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The source's side of a session of doppel-protocol(5), from the end of the greeting on.
 *
 * Pure: no system calls, no clock, no memory of its own. Messages, the journal and time come in as
 * arguments; what is to be sent goes out through a table of functions. The states and what each
 * event does in them stand in session_source.tbl.h.
 *
 * One struct dpl_source lives as long as its engine and sees one connection after the other: so it
 * knows what the target had acknowledged before. A session that ends, whoever ended it, is OFFLINE
 * again; `over` and `why` say how it ended. Functions answer 0, or a negative code after which the
 * session is over (or PARAM: the call is out of place, and nothing has changed).
 */
#ifndef DPL_CORE_SESSION_SOURCE_H
#define DPL_CORE_SESSION_SOURCE_H

#include "lib/base/err.h"
#include "lib/journal/range.h"
#include "lib/proto/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dpl_source_state {
#define SOURCE_STATE(name, text) DPL_SOURCE_##name,
#include "daemon/core/session_source.tbl.h"
#undef SOURCE_STATE
    DPL_SOURCE_STATES
};

enum dpl_source_event {
#define SOURCE_EVENT(name, by, text) DPL_SOURCE_ON_##name,
#include "daemon/core/session_source.tbl.h"
#undef SOURCE_EVENT
    DPL_SOURCE_EVENTS
};

enum dpl_source_over {
    DPL_SOURCE_NOT_OVER,
    DPL_SOURCE_OVER_LOST,
    DPL_SOURCE_OVER_REFUSED, /* by the peer: refusal says how */
    DPL_SOURCE_OVER_BROKEN,  /* the peer broke the protocol */
    DPL_SOURCE_OVER_SILENT,
    DPL_SOURCE_OVER_CLOSED, /* as was wanted */
};

/* Positions within one epoch, as the target last said, and how far was sent. */
struct dpl_source_position {
    struct dpl_epoch epoch;
    uint64_t tag; /* 0: no epoch */
    uint64_t start, sent;
    uint32_t chain; /* where sent is */
    uint64_t received, durable, applied, checkpoint;
    bool applies;  /* applied and checkpoint are of this epoch */
    bool accepted; /* by the target */
    bool equal;    /* a person said so */
};

enum dpl_source_news {
    DPL_SOURCE_NEWS_ACK,       /* positions or flags have changed */
    DPL_SOURCE_NEWS_COMPARE,   /* a mirror is needed: `compare` says why */
    DPL_SOURCE_NEWS_WENT_BACK, /* the target has less than it had acknowledged as durable */
};

struct dpl_source_calls {
    /* The message, and what it points at, is valid during the call only. */
    int (*send)(void *self, const struct dpl_message *message);
    /* The epochs of the journal, in ascending order; the list is valid until the next call. */
    ssize_t (*epochs)(void *self, const struct dpl_journal_epoch **list_r);
    /* The digest at a position. 0; NOT_FOUND if no record begins or ends there, or it is gone. */
    int (*chain_at)(void *self, uint64_t epoch, uint64_t lsn, uint32_t *chain_r);
    void (*news)(void *self, enum dpl_source_news news);
    /* A message of a mirror, or WANT. */
    void (*mirror)(void *self, const struct dpl_message *message);
    void *self;
};

enum { DPL_SOURCE_CURSOR = 64 };

struct dpl_source_config {
    uint64_t window_max; /* whatever the target says */
    int64_t heartbeat_ns, dead_ns, close_ns;
    bool equal; /* a person said that the replica equals the source where the journal begins: */
    uint64_t equal_epoch; /* that of this epoch; 0: of any */
};
extern const struct dpl_source_config dpl_source_defaults;

struct dpl_source {
    struct dpl_source_config config;
    const struct dpl_source_calls *calls; /* borrowed */
    enum dpl_source_state state;
    enum dpl_source_over over;
    uint32_t refusal;
    struct dpl_err why;
    int64_t heard_ns, beat_ns, closing_ns;
    /* what the target said of itself */
    bool has_epoch;
    uint64_t last_number; /* of its last epoch */
    uint8_t last_id[16];
    uint64_t last_durable;
    uint32_t last_chain;
    uint8_t replica[16];
    uint64_t window, queue_bytes, applied_time_ns;
    uint64_t room;           /* that it has though it is full */
    uint32_t flags, compare; /* of enum dpl_state_flag; of enum dpl_compare */
    bool acked;              /* what its last ack said of the epoch that is sent now still counts */
    bool empty;              /* the replica: nothing stood beneath its roots */
    uint32_t told;           /* why a mirror is needed, as its state said; 0: it did not */
    /* Where a mirror is that did not end, in the target's own words; and as the owner heard since
     */
    uint8_t cursor[DPL_SOURCE_CURSOR];
    size_t cursor_size; /* 0: there is none to go on with */
    /* where we are */
    struct dpl_source_position now, former, offered;
    /* Kept by the owner: the journal's, in the epoch of `now`, and the wall clock. */
    uint64_t head, synced, wall_ns;
    uint32_t promise; /* as a heartbeat has it */
    /* the most that was ever acknowledged, over all sessions */
    uint8_t best_id[16];
    uint64_t best_durable;
    /* the arguments of an event, while it is handled */
    const struct dpl_message *message;
    int64_t event_ns;
};

void dpl_source_init(struct dpl_source *source, const struct dpl_source_config *config,
                     const struct dpl_source_calls *calls);

/* What happens. */
int dpl_source_connected(struct dpl_source *source, int64_t now_ns);
int dpl_source_receive(struct dpl_source *source, const struct dpl_message *message,
                       int64_t now_ns);
void dpl_source_lost(struct dpl_source *source, int64_t now_ns);
/* The peer sent what cannot be decoded, or what the receiving side may not send. */
int dpl_source_nonsense(struct dpl_source *source, const struct dpl_err *why, int64_t now_ns);
/* To be called when the journal may have an epoch that it had not: offers one if it can. */
int dpl_source_journal_grew(struct dpl_source *source, int64_t now_ns);
/* The epoch that is being sent ends where `sent` is. gap: changes after it are not in it. */
int dpl_source_journal_ended(struct dpl_source *source, uint32_t reason, bool gap, int64_t now_ns);
/* Sends whole records from `sent` on; chain: the digest behind them. Only while room answers, or
 * has_room for them. */
int dpl_source_send_records(struct dpl_source *source, struct dpl_view records, uint32_t chain,
                            int64_t now_ns);
/* Begins a mirror of the set: while records flow, or where `compare` stopped them, from the epoch
 * and position that were offered last (PARAM behind a gap, until another epoch was). */
int dpl_source_send_mirror(struct dpl_source *source, const struct dpl_message *begin,
                           int64_t now_ns);
/* Any other message of it, while records flow. */
int dpl_source_send_part(struct dpl_source *source, const struct dpl_message *message,
                         int64_t now_ns);
/* A message of the target that says where its mirror is, or, without a cursor, that none can be
 * gone on with. */
void dpl_source_take_cursor(struct dpl_source *source, const struct dpl_message *message);
int dpl_source_control(struct dpl_source *source, enum dpl_command command, int64_t now_ns);
int dpl_source_close(struct dpl_source *source, int64_t now_ns);
/* Heartbeats, silence. Returns when to call again, or INT64_MAX. */
int64_t dpl_source_tick(struct dpl_source *source, int64_t now_ns);

/* Whether a message of records may begin now. */
bool dpl_source_room(const struct dpl_source *source);
/* Whether a target that is full takes so many bytes of records all the same. It is for the rest of
 * a journal that has ended: all others keep it free. */
bool dpl_source_has_room(const struct dpl_source *source, uint64_t bytes);
/* What of the journal the target holds durably, so that it may go: everything of older epochs than
 * this number, and of this one up to this position. false: nothing is known. */
bool dpl_source_held(const struct dpl_source *source, uint64_t *epoch_r, uint64_t *lsn_r);

/* What the source offers to a target that said what it has: pure, for the choice alone. */
struct dpl_source_offer {
    struct dpl_epoch epoch;
    uint64_t lsn;
    uint32_t chain;
    bool equal;
};
/* 1: there is one; 0: the journal is empty; or a negative code. */
int dpl_source_choose(struct dpl_source *source, struct dpl_source_offer *offer_r);

/* Offers this, in place of what `compare` was the answer to. */
int dpl_source_offer(struct dpl_source *source, const struct dpl_source_offer *offer,
                     int64_t now_ns);

const char *dpl_source_state_text(enum dpl_source_state state);
const char *dpl_source_event_text(enum dpl_source_event event);

#endif
