/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * durability=remote, the link's part: the capture is told what the target holds durably
 * (lib/capstat/remote.h), as long as waiting for it makes sense. Where a mirror is needed, or a
 * person has disconnected, the policy is in force at once. A connection that is lost, and a link
 * that ends, may be back in a moment: syncs wait as long as they would for a target that is slow,
 * and the policy is in force when that time has passed since the target followed.
 */
#ifndef DPL_LINK_REMOTE_H
#define DPL_LINK_REMOTE_H

#include "lib/capstat/remote.h"

enum dpl_link_target {
    DPL_TARGET_FOLLOWS,
    DPL_TARGET_AWAY,
    DPL_TARGET_BEHIND, /* and must be made equal before it follows again */
};

struct dpl_link_remote {
    bool wanted;
    struct dpl_remote_config config; /* without its mode */
    struct dpl_remote_page *page;    /* NULL: the capture has none, or not yet */
    uint64_t tag;                    /* of the epoch that it was opened for */
    enum dpl_remote_mode mode;       /* that the page has from us */
    int64_t tried_ns, beat_ns;
    int64_t followed_ns; /* when the target followed last */
    uint64_t mark_lsn;   /* where the journal's head was at mark_ns; 0: no mark is set */
    int64_t mark_ns;
    int64_t covered_ns; /* the target has all that was journalled until then; 0: not known */
    int64_t alone_ns;   /* until then a sync may have returned alone; INT64_MAX: until now */
};

/* From {start}: durability, durability_policy, durability_timeout_ms. */
void dpl_link_remote_configure(struct dpl_link_remote *remote, const char *durability,
                               const char *policy, int64_t timeout_ms);
/* How the target is, and that it has all of this epoch below lsn. Returns whether the mode has
 * changed: then a person may want to know. */
bool dpl_link_remote_tell(struct dpl_link_remote *remote, const char *run_dir, const char *set,
                          enum dpl_link_target target, uint64_t tag, uint64_t lsn, int64_t now_ns);
/* When tell wants to be called again at the latest. */
int64_t dpl_link_remote_due(const struct dpl_link_remote *remote);
/* At head_ns the journal's head was not above `head`, and now the target has all below durable. */
void dpl_link_remote_cover(struct dpl_link_remote *remote, uint64_t head, int64_t head_ns,
                           uint64_t durable);
/* What a heartbeat that is sent now may promise. */
uint32_t dpl_link_remote_promise(const struct dpl_link_remote *remote, int64_t now_ns);
/* We leave, and a successor may be there soon: until then the page gives no sign. */
void dpl_link_remote_done(struct dpl_link_remote *remote);

#endif
