/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-link: the engine of an outgoing set. Joins the session (daemon/core/session_source), the
 * journal, the data socket, the bandwidth and the channel to the daemon. One thread, one poll loop.
 *
 * Over the channel, documents:
 *
 *   to it    {start: {set, journal, capture_run_dir, bandwidth_bytes, schedule, equal, equal_epoch,
 *            off, flush_timeout_ms, durability, durability_policy, durability_timeout_ms, mirror,
 *            orphans, rules, begun, mirror_stopped, mirror_wish: {number, kind, orphans, test,
 *            anew, begun, accept_empty, accept_deletes, accept_filesystem}}}: first, and again when
 * something of it has changed {lent: {paths, text}} with the directories below the capture
 * {connected: {version, features, site, node, ...}} with the data's descriptor {disconnected: TEXT}
 * {command: NAME, id, args}: pause, resume; limit {bandwidth_bytes, schedule} (for this run); close
 * (clean, no connection is asked for again), connect (it is) from it  {ready}, {connect} (please
 * make a connection), {lend} (please lend the directories), {journal_wanted} (the capture is to
 * journal again), {status: {...}} (see status.c), {event: NAME, text}, {result: ID, code, text}
 *
 * The bandwidth is that of the plain frames of records, before compression.
 */
#ifndef DPL_LINK_LINK_H
#define DPL_LINK_LINK_H

#include "daemon/core/bucket.h"
#include "daemon/core/session_source.h"
#include "daemon/link/ledger.h"
#include "daemon/link/mirror_run.h"
#include "daemon/link/remote.h"
#include "lib/config/schedule.h"

#include "lib/base/clock.h"
#include "lib/capstat/capstat.h"
#include "lib/ctl/channel.h"
#include "lib/proto/peer.h"

struct dpl_link_config {
    char *set, *capture_run_dir;
    uint64_t bandwidth_bytes;
    struct dpl_schedule schedule;
    int64_t flush_timeout_ms;
};

struct dpl_link {
    const struct dpl_clock *clock;
    struct dpl_channel *channel; /* owned */
    struct dpl_link_config config;
    struct dpl_link_remote remote;
    bool started, wanted, stopping, paused, alone; /* alone: the daemon is gone */
    struct dpl_source source;
    struct dpl_source_calls calls;
    struct dpl_peer peer;
    struct dpl_ledger ledger;
    struct dpl_bucket bucket;
    struct dpl_link_mirror mirror;
    uint64_t peer_features;
    bool look;       /* something may be there to send */
    int64_t full_ns; /* since when the target is full and has all that was sent; 0: it is not */
    /* the connection to come */
    unsigned attempts;
    bool streamed;  /* this connection came so far */
    int64_t ask_ns; /* when to ask for one; 0: not to */
    int64_t stop_ns;
    /* for people */
    char last_error[512];
    struct dpl_doc *peer_doc; /* who is there */
    uint64_t sent_messages, head, head_tag, rate_bytes, rate_from;
    uint64_t reserved;   /* where the capture's next change will stand, */
    int64_t reserved_ns; /* not before this moment; 0: not known */
    bool sent_told;      /* that all was sent */
    uint32_t flags_told;
    int64_t rate_ns, status_ns, capstat_ns, trim_ns;
    bool changed;
    struct dpl_capstat *capstat;
};

/* The channel is taken. */
void dpl_link_init(struct dpl_link *link, struct dpl_channel *channel,
                   const struct dpl_clock *clock);
void dpl_link_done(struct dpl_link *link);

/* Waits, at most until the next thing is due and at most so long, and does one round. 1: go on; 0:
 * it is over, as was wanted; or a negative code. */
int dpl_link_turn(struct dpl_link *link, int64_t wait_ns, struct dpl_err *err);
/* Ends the session cleanly, within flush_timeout_ms, then the engine. */
void dpl_link_stop(struct dpl_link *link);

/* Parts of it, each in a file of its own. */
int dpl_link_take(struct dpl_link *link, const struct dpl_doc *doc, struct dpl_err *err);
void dpl_link_connected(struct dpl_link *link, int fd, const struct dpl_doc *peer);
void dpl_link_over(struct dpl_link *link);
void dpl_link_pump(struct dpl_link *link);
void dpl_link_event(struct dpl_link *link, const char *name, const char *text);
void dpl_link_rate(struct dpl_link *link, int64_t now_ns);
/* Sends the status if it is due. Returns when it is next. */
int64_t dpl_link_status(struct dpl_link *link, int64_t now_ns);

#endif
