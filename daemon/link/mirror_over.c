/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The end of a mirror: it came to it, failed, was refused, broken off, or stopped by somebody.
 */
#include "daemon/link/mirror_over.h"

#include "daemon/link/link.h"
#include "daemon/link/mirror_lend.h"

#include <string.h>

static int64_t now_of(const struct dpl_link *link)
{
    return dpl_clock_now_ns(link->clock);
}

void dpl_link_mirror_set_state(struct dpl_link_mirror *m, const char *state, const char *why)
{
    g_strlcpy(m->state, state, sizeof m->state);
    g_strlcpy(m->why, why ? why : "", sizeof m->why);
}

void dpl_link_mirror_over(struct dpl_link *link)
{
    struct dpl_link_mirror *m = &link->mirror;
    g_clear_pointer(&m->source, dpl_mirror_source_close);
    dpl_link_lend_back(link);
    m->asked = m->end_sent = false;
    m->walked_ns = 0;
    link->changed = true;
}

void dpl_link_mirror_done(struct dpl_link *link)
{
    dpl_link_mirror_over(link);
    g_clear_pointer(&link->mirror.rules, dpl_rules_free);
    g_clear_pointer(&link->mirror.last, dpl_doc_free);
    g_clear_pointer(&link->mirror.found, g_ptr_array_unref);
}

void dpl_link_mirror_tell(struct dpl_link *link, const char *what, const char *text,
                          const char *key)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_err err;
    dpl_doc_set_text(doc, "event", what);
    dpl_doc_set_text(doc, "text", text);
    dpl_doc_set_int(doc, key, link->mirror.run.number);
    (void)dpl_channel_send(link->channel, doc, NULL, 0, &err);
    link->changed = true;
}

void dpl_link_mirror_tell_over(struct dpl_link *link, const char *what, const char *text)
{
    if (link->mirror.run.number != 0)
        link->mirror.over = link->mirror.run.number;
    dpl_link_mirror_tell(link, what, text, "mirror_number");
}

void dpl_link_mirror_object_failed(struct dpl_link *link, const char *why)
{
    struct dpl_link_mirror *m = &link->mirror;
    dpl_link_mirror_over(link);
    dpl_link_mirror_set_state(m, "idle", why);
    m->object_wanted = m->all_wanted = true;
    m->run = (struct dpl_link_wish){0};
    dpl_link_event(link, "object-not-alone", why);
}

void dpl_link_mirror_refused(struct dpl_link *link, const char *why)
{
    struct dpl_link_mirror *m = &link->mirror;
    bool running = m->source;
    if (m->run.object && running) {
        dpl_link_mirror_object_failed(link, why);
        return;
    }
    dpl_link_mirror_over(link);
    dpl_link_mirror_set_state(m, "stopped", why);
    m->wish = (struct dpl_link_wish){0};
    m->again_ns = INT64_MAX;
    g_strlcpy(link->last_error, why, sizeof link->last_error);
    dpl_link_mirror_tell_over(link, running ? "mirror-stopped" : "mirror-refused", why);
    m->run = (struct dpl_link_wish){0};
}

void dpl_link_mirror_failed(struct dpl_link *link, const char *why)
{
    struct dpl_link_mirror *m = &link->mirror;
    if (m->run.object) {
        dpl_link_mirror_object_failed(link, why);
        return;
    }
    dpl_link_mirror_over(link);
    dpl_link_mirror_set_state(m, "failed", why);
    if (m->run.test) {
        dpl_link_mirror_refused(link, why);
        return;
    }
    m->wish = m->run;
    m->wish.wanted = true;
    m->wish.kind = DPL_MIRROR_CHECKSUM;
    m->wish.anew = false;
    m->again_ns = now_of(link) + DPL_LINK_MIRROR_AGAIN_NS;
    g_strlcpy(link->last_error, why, sizeof link->last_error);
    dpl_link_event(link, "mirror-failed", why);
}

void dpl_link_mirror_lost(struct dpl_link *link, const char *why)
{
    struct dpl_link_mirror *m = &link->mirror;
    m->at_end = m->object_wanted = m->all_wanted = false;
    if (!m->source && m->root_count == 0)
        return;
    if (!m->source) { /* it had not begun */
        dpl_link_mirror_over(link);
        return;
    }
    bool test = m->run.test;
    dpl_link_mirror_over(link);
    if (m->run.object) { /* it is asked for again */
        dpl_link_mirror_set_state(m, "idle", NULL);
        m->run = (struct dpl_link_wish){0};
        return;
    }
    dpl_link_mirror_set_state(m, "stopped", why);
    m->wish = m->run;
    m->wish.wanted = true;
    if (!test) {
        m->wish.kind = DPL_MIRROR_CHECKSUM;
        m->wish.anew = false;
    }
    m->again_ns = 0;
    dpl_link_event(link, "mirror-broken-off", why);
}

void dpl_link_mirror_send_stop(struct dpl_link *link, enum dpl_mirror_stop reason)
{
    struct dpl_message stop = {.type = DPL_MSG_MIRROR_STOP,
                               .has = DPL_M(MIRROR) | DPL_M(REASON),
                               .mirror = link->mirror.id,
                               .reason = reason};
    (void)dpl_source_send_part(&link->source, &stop, now_of(link));
}

void dpl_link_mirror_stop(struct dpl_link *link)
{
    struct dpl_link_mirror *m = &link->mirror;
    m->stopped = true;
    if (m->source) {
        dpl_link_mirror_send_stop(link, DPL_MIRROR_STOP_OPERATOR);
        dpl_link_event(link, "mirror-stopped", "by an operator");
    }
    m->wish = (struct dpl_link_wish){0};
    dpl_link_mirror_over(link);
    dpl_link_mirror_set_state(m, "stopped", "by an operator");
    m->run = (struct dpl_link_wish){0};
}
