/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link/remote.h"

#include "lib/proto/message.h"

#include <string.h>

#define MS INT64_C(1000000)

void dpl_link_remote_configure(struct dpl_link_remote *r, const char *durability,
                               const char *policy, int64_t timeout_ms)
{
    enum dpl_remote_policy before = r->config.policy;
    r->wanted = durability && strcmp(durability, "remote") == 0;
    r->config = (struct dpl_remote_config){.policy = DPL_REMOTE_LOCAL};
    if (policy && strcmp(policy, "refuse") == 0)
        r->config.policy = DPL_REMOTE_REFUSE;
    if (timeout_ms > 0 && timeout_ms <= DPL_REMOTE_TIMEOUT_MS_MAX)
        r->config.timeout_ms = (uint32_t)timeout_ms;
    if (before != r->config.policy)
        r->mark_ns = r->covered_ns = 0;
    /* What is in force stays so until tell says otherwise: a sync that came meanwhile would return
     * with nothing promised, and nobody would know. */
    if (r->page) {
        struct dpl_remote_config config = r->config;
        config.mode = r->mode;
        dpl_remote_configure(r->page, &config);
    }
}

static int64_t timeout_ns(const struct dpl_link_remote *r)
{
    return (r->config.timeout_ms ? r->config.timeout_ms : DPL_REMOTE_TIMEOUT_MS) * MS;
}

static int64_t beat_every_ns(const struct dpl_link_remote *r)
{
    return timeout_ns(r) < 3000 * MS ? timeout_ns(r) / 4 : 1000 * MS;
}

static void page_close(struct dpl_link_remote *r)
{
    if (r->page)
        dpl_remote_unmap(r->page);
    r->page = NULL;
    r->mode = DPL_REMOTE_OFF;
    r->mark_ns = r->covered_ns = 0;
}

/* Another epoch is another capture, with another page. */
static void page_open(struct dpl_link_remote *r, const char *run_dir, const char *set, uint64_t tag,
                      int64_t now_ns)
{
    if (r->page && r->tag != tag)
        page_close(r);
    if (r->page || !run_dir || tag == 0 || (r->tag == tag && now_ns - r->tried_ns < 1000 * MS))
        return;
    r->tried_ns = now_ns;
    r->tag = tag;
    if (dpl_remote_open(&r->page, run_dir, set, NULL) < 0) {
        r->page = NULL;
        return;
    }
    /* What another link has left is in force until it is known how the target is. */
    r->mode = (enum dpl_remote_mode)atomic_load(&r->page->mode);
    r->followed_ns = now_ns;
}

static enum dpl_remote_mode mode_for(const struct dpl_link_remote *r, enum dpl_link_target target,
                                     int64_t now_ns)
{
    if (target == DPL_TARGET_FOLLOWS)
        return DPL_REMOTE_ON;
    if (target == DPL_TARGET_AWAY && r->mode == DPL_REMOTE_ON &&
        now_ns - r->followed_ns < timeout_ns(r))
        return DPL_REMOTE_ON;
    return DPL_REMOTE_FALLBACK;
}

static bool mode_set(struct dpl_link_remote *r, enum dpl_remote_mode mode)
{
    if (r->mode == mode)
        return false;
    struct dpl_remote_config config = r->config;
    config.mode = r->mode = mode;
    dpl_remote_configure(r->page, &config);
    r->mark_ns = r->covered_ns = 0; /* what returned until now may have returned alone */
    return true;
}

bool dpl_link_remote_tell(struct dpl_link_remote *r, const char *run_dir, const char *set,
                          enum dpl_link_target target, uint64_t tag, uint64_t lsn, int64_t now_ns)
{
    if (!r->wanted) {
        bool was = r->page && r->mode != DPL_REMOTE_OFF && mode_set(r, DPL_REMOTE_OFF);
        page_close(r);
        return was;
    }
    page_open(r, run_dir, set, tag, now_ns);
    if (!r->page)
        return false;
    /* The position first: who then waits finds it. */
    dpl_remote_advance(r->page, tag, lsn, now_ns);
    r->beat_ns = now_ns;
    if (target == DPL_TARGET_FOLLOWS)
        r->followed_ns = now_ns;
    return mode_set(r, mode_for(r, target, now_ns));
}

void dpl_link_remote_cover(struct dpl_link_remote *r, uint64_t head, int64_t head_ns,
                           uint64_t durable)
{
    if (r->mark_ns != 0 && durable >= r->mark_lsn) {
        r->covered_ns = r->mark_ns;
        r->mark_ns = 0;
    }
    if (r->mark_ns == 0 && head_ns > r->covered_ns && r->mode == DPL_REMOTE_ON) {
        r->mark_lsn = head;
        r->mark_ns = head_ns;
    }
}

uint32_t dpl_link_remote_promise(const struct dpl_link_remote *r, int64_t now_ns)
{
    if (!r->wanted || !r->page || r->mode != DPL_REMOTE_ON || r->covered_ns == 0)
        return 0;
    if (r->config.policy == DPL_REMOTE_REFUSE)
        return DPL_PROMISE_ALWAYS;
    /* A sync returns alone when it has waited so long, or we have given no sign for so long. */
    int64_t since_ns = r->beat_ns < r->covered_ns ? r->beat_ns : r->covered_ns;
    int64_t left_ms = (since_ns + timeout_ns(r) - now_ns) / MS;
    return left_ms > 0 ? (uint32_t)left_ms : 0;
}

int64_t dpl_link_remote_due(const struct dpl_link_remote *r)
{
    return r->wanted && r->page ? r->beat_ns + beat_every_ns(r) : INT64_MAX;
}

void dpl_link_remote_done(struct dpl_link_remote *r)
{
    page_close(r);
}
