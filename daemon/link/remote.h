/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * durability=remote, the link's part: the capture is told what the target holds durably
 * (lib/capstat/remote.h), as long as waiting for it makes sense. While the target does not follow,
 * the policy is in force at once.
 */
#ifndef DPL_LINK_REMOTE_H
#define DPL_LINK_REMOTE_H

#include "lib/capstat/remote.h"

struct dpl_link_remote {
    bool wanted;
    struct dpl_remote_config config; /* without its mode */
    struct dpl_remote_page *page;    /* NULL: the capture has none, or not yet */
    uint64_t tag;                    /* of the epoch that it was opened for */
    enum dpl_remote_mode mode;       /* that the page has from us */
    int64_t tried_ns, beat_ns;
};

/* From {start}: durability, durability_policy, durability_timeout_ms. */
void dpl_link_remote_configure(struct dpl_link_remote *remote, const char *durability,
                               const char *policy, int64_t timeout_ms);
/* The target follows (or not) and has all of this epoch below lsn. Returns whether the mode has
 * changed: then a person may want to know. */
bool dpl_link_remote_tell(struct dpl_link_remote *remote, const char *run_dir, const char *set,
                          bool follows, uint64_t tag, uint64_t lsn, int64_t now_ns);
/* When tell wants to be called again at the latest. */
int64_t dpl_link_remote_due(const struct dpl_link_remote *remote);
/* We leave: the policy is in force from now on. */
void dpl_link_remote_done(struct dpl_link_remote *remote);

#endif
