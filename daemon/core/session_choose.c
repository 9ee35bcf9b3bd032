/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which epoch the source offers to a target that said what it has: the order of
 * doppel-protocol(5).
 */
#include "daemon/core/session_source.h"

#include <string.h>

/* Whether this list entry is the target's last epoch. */
static bool is_last(const struct dpl_source *s, const struct dpl_journal_epoch *e)
{
    return s->has_epoch && e->epoch.number == s->last_number &&
           memcmp(e->epoch.id, s->last_id, sizeof s->last_id) == 0;
}

static bool is_child(const struct dpl_source *s, const struct dpl_journal_epoch *e)
{
    return s->has_epoch && e->oldest_lsn == 0 &&
           memcmp(e->epoch.parent_id, s->last_id, sizeof s->last_id) == 0;
}

static void offer_oldest(const struct dpl_source *s, const struct dpl_journal_epoch *e,
                         struct dpl_source_offer *offer)
{
    *offer = (struct dpl_source_offer){e->epoch, e->oldest_lsn, e->oldest_chain, false};
    bool meant = s->config.equal_epoch == 0 || s->config.equal_epoch == e->epoch.number;
    offer->equal = s->config.equal && meant && e->oldest_lsn == 0 && !s->has_epoch;
}

int dpl_source_choose(struct dpl_source *s, struct dpl_source_offer *offer)
{
    const struct dpl_journal_epoch *list = NULL, *child = NULL;
    ssize_t count = s->calls->epochs(s->calls->self, &list);
    if (count <= 0)
        return (int)count;
    for (ssize_t i = 0; i < count; i++) {
        if (is_last(s, &list[i]) && s->former.tag == 0) {
            uint32_t chain = 0;
            int rc = s->calls->chain_at(s->calls->self, s->last_number, s->last_durable, &chain);
            if (rc < 0 && rc != DPL_E_NOT_FOUND)
                return rc;
            if (rc < 0 || chain != s->last_chain)
                break;
            *offer = (struct dpl_source_offer){list[i].epoch, s->last_durable, chain, false};
            return 1;
        }
        if (is_child(s, &list[i]) && !child)
            child = &list[i];
    }
    if (child) {
        *offer = (struct dpl_source_offer){child->epoch, 0, child->oldest_chain, false};
        return 1;
    }
    /* Behind the end of an epoch only its child can follow; it may not be there yet. */
    if (s->former.tag != 0 && list[count - 1].epoch.number <= s->former.epoch.number)
        return 0;
    offer_oldest(s, &list[count - 1], offer);
    return 1;
}
