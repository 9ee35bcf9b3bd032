/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link/remote.h"

#include "lib/proto/message.h"

#include <string.h>

#define MS INT64_C(1000000)

/* Nothing is known of what returned alone until now. */
static void uncover(struct dpl_link_remote *r)
{
    r->mark_ns = r->covered_ns = 0;
    r->alone_ns = INT64_MAX;
}

static void configure_page(const struct dpl_link_remote *r)
{
    struct dpl_remote_config config = r->config;
    config.mode = r->mode;
    dpl_remote_configure(r->page, &config);
}

void dpl_link_remote_configure(struct dpl_link_remote *r, const char *durability,
                               const char *policy, int64_t timeout_ms)
{
    struct dpl_remote_config before = r->config;
    r->wanted = durability && strcmp(durability, "remote") == 0;
    r->config = (struct dpl_remote_config){.policy = DPL_REMOTE_LOCAL};
    if (policy && strcmp(policy, "refuse") == 0)
        r->config.policy = DPL_REMOTE_REFUSE;
    if (timeout_ms > 0 && timeout_ms <= DPL_REMOTE_TIMEOUT_MS_MAX)
        r->config.timeout_ms = (uint32_t)timeout_ms;
    if (before.policy != r->config.policy || before.timeout_ms != r->config.timeout_ms)
        uncover(r);
    /* What is in force stays so until tell says otherwise: a sync that came meanwhile would return
     * with nothing promised, and nobody would know. */
    if (r->page)
        configure_page(r);
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
    uncover(r);
}

/* Another epoch is another capture, with another page. A target that has not been met yet has none
 * (0): then the page that is there is looked after all the same. */
static void page_open(struct dpl_link_remote *r, const char *run_dir, const char *set, uint64_t tag,
                      int64_t now_ns)
{
    if (tag == 0)
        tag = r->tag;
    if (r->page && (r->tag != tag || !dpl_remote_stands(r->page)))
        page_close(r);
    if (r->page || !run_dir || (r->tag == tag && now_ns - r->tried_ns < 1000 * MS))
        return;
    r->tried_ns = now_ns;
    r->tag = tag;
    if (dpl_remote_open(&r->page, run_dir, set, NULL) < 0) {
        r->page = NULL;
        return;
    }
    /* What another link has left, or the capture began with, is in force until it is known how the
     * target is; by what is configured now. */
    r->mode = (enum dpl_remote_mode)atomic_load(&r->page->mode);
    r->followed_ns = now_ns;
    configure_page(r);
    uncover(r);
}

static enum dpl_remote_mode mode_for(const struct dpl_link_remote *r, enum dpl_link_target target,
                                     int64_t now_ns)
{
    if (!r->wanted || (r->tag == 0 && r->mode == DPL_REMOTE_OFF))
        return DPL_REMOTE_OFF;
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
    r->mode = mode;
    configure_page(r);
    uncover(r);
    return true;
}

static void sign(struct dpl_link_remote *r, uint64_t tag, uint64_t lsn, int64_t now_ns)
{
    if (now_ns - r->beat_ns >= timeout_ns(r))
        uncover(r);
    if (tag != 0)
        dpl_remote_advance(r->page, tag, lsn, now_ns);
    else
        dpl_remote_beat(r->page, now_ns);
    r->beat_ns = now_ns;
}

bool dpl_link_remote_tell(struct dpl_link_remote *r, const char *run_dir, const char *set,
                          enum dpl_link_target target, uint64_t tag, uint64_t lsn, int64_t now_ns)
{
    page_open(r, run_dir, set, tag, now_ns);
    if (!r->page)
        return false;
    /* The position first: who then waits finds it. */
    sign(r, tag, lsn, now_ns);
    if (target == DPL_TARGET_FOLLOWS)
        r->followed_ns = now_ns;
    bool changed = mode_set(r, mode_for(r, target, now_ns));
    if (r->alone_ns == INT64_MAX)
        r->alone_ns = now_ns;
    return changed;
}

void dpl_link_remote_cover(struct dpl_link_remote *r, uint64_t head, int64_t head_ns,
                           uint64_t durable)
{
    if (r->mark_ns != 0 && durable >= r->mark_lsn) {
        r->covered_ns = r->mark_ns;
        r->mark_ns = 0;
    }
    if (r->mark_ns == 0 && head_ns > r->covered_ns && head_ns > r->alone_ns &&
        r->mode == DPL_REMOTE_ON) {
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
