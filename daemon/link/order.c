/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the daemon says to the link.
 */
#include "daemon/link/link.h"

#include "lib/base/fd.h"

#include <string.h>

static void result(struct dpl_link *link, int64_t id, int code, const char *text)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_err err;
    dpl_doc_set_int(doc, "result", id);
    dpl_doc_set_int(doc, "code", code);
    if (text)
        dpl_doc_set_text(doc, "text", text);
    (void)dpl_channel_send(link->channel, doc, NULL, 0, &err);
}

/* Bandwidth and schedule, where they are named. */
static int take_limits(struct dpl_link *link, const struct dpl_doc *args, struct dpl_err *err)
{
    const char *text = dpl_doc_text(args, "schedule");
    int64_t bytes = dpl_doc_int(args, "bandwidth_bytes", -1);
    if (text) {
        struct dpl_schedule schedule;
        int rc = dpl_schedule_parse(&schedule, text, err);
        if (rc < 0)
            return rc;
        link->config.schedule = schedule;
    }
    if (bytes >= 0)
        link->config.bandwidth_bytes = (uint64_t)bytes;
    dpl_link_rate(link, dpl_clock_now_ns(link->clock));
    return 0;
}

static void text_take(char **to, const struct dpl_doc *from, const char *key)
{
    const char *text = dpl_doc_text(from, key);
    if (text && g_strcmp0(text, *to) != 0) {
        g_free(*to);
        *to = g_strdup(text);
    }
}

static int take_start(struct dpl_link *link, const struct dpl_doc *start, struct dpl_err *err)
{
    const char *journal = dpl_doc_text(start, "journal");
    if (!dpl_doc_text(start, "set") || !journal)
        return dpl_err_set(err, DPL_E_PARAM, "start names no set or no journal");
    text_take(&link->config.set, start, "set");
    text_take(&link->config.capture_run_dir, start, "capture_run_dir");
    link->config.flush_timeout_ms = dpl_doc_int(start, "flush_timeout_ms", 5000);
    link->wanted = !dpl_doc_bool(start, "off", false);
    dpl_link_remote_configure(&link->remote, dpl_doc_text(start, "durability"),
                              dpl_doc_text(start, "durability_policy"),
                              dpl_doc_int(start, "durability_timeout_ms", 0));
    dpl_link_mirror_configure(link, start);
    struct dpl_err why = {0};
    if (take_limits(link, start, &why) < 0)
        dpl_link_event(link, "error", why.text);
    if (!link->ledger.path || strcmp(journal, link->ledger.path) != 0) {
        if (link->ledger.path)
            dpl_ledger_done(&link->ledger);
        dpl_ledger_init(&link->ledger, journal);
    }
    if (!link->started) {
        struct dpl_source_config config = dpl_source_defaults;
        config.equal = dpl_doc_bool(start, "equal", false);
        config.equal_epoch = (uint64_t)dpl_doc_int(start, "equal_epoch", 0);
        dpl_source_init(&link->source, &config, &link->calls);
        link->started = true;
        g_autoptr(dpl_doc_auto) ready = dpl_doc_new();
        dpl_doc_set_bool(ready, "ready", true);
        (void)dpl_channel_send(link->channel, ready, NULL, 0, &why);
    }
    link->look = link->changed = true;
    return 0;
}

static void take_connected(struct dpl_link *link, const struct dpl_doc *peer)
{
    int fd = dpl_channel_take_fd(link->channel);
    if (fd < 0)
        dpl_link_event(link, "error", "a connection came without its descriptor");
    else if (!link->started || !link->wanted || link->stopping)
        dpl_fd_clear(&fd);
    else
        dpl_link_connected(link, fd, peer);
}

static int control(struct dpl_link *link, bool pause, struct dpl_err *err)
{
    link->paused = pause;
    enum dpl_source_state state = link->source.state;
    if (state == DPL_SOURCE_OFFLINE || state == DPL_SOURCE_STATING || state == DPL_SOURCE_CLOSING)
        return 0; /* it is said when the target can hear it */
    int rc = dpl_source_control(&link->source, pause ? DPL_COMMAND_PAUSE : DPL_COMMAND_RESUME,
                                dpl_clock_now_ns(link->clock));
    return rc < 0 ? dpl_err_set(err, rc, "the target cannot be told") : 0;
}

static int command(struct dpl_link *link, const char *name, const struct dpl_doc *args,
                   struct dpl_err *err)
{
    int64_t now = dpl_clock_now_ns(link->clock);
    if (strcmp(name, "pause") == 0 || strcmp(name, "resume") == 0)
        return control(link, name[0] == 'p', err);
    if (strcmp(name, "limit") == 0)
        return take_limits(link, args, err);
    if (strcmp(name, "mirror stop") == 0) {
        dpl_link_mirror_stop(link);
        return 0;
    }
    if (strcmp(name, "close") == 0) {
        link->wanted = false;
        link->ask_ns = 0;
        (void)dpl_source_close(&link->source, now);
        return 0;
    }
    if (strcmp(name, "connect") == 0) {
        link->wanted = true;
        link->attempts = 0;
        link->ask_ns = link->source.state == DPL_SOURCE_OFFLINE ? now : 0;
        return 0;
    }
    return dpl_err_set(err, DPL_E_UNSUPPORTED, "doppel-link cannot do \"%.40s\" yet", name);
}

int dpl_link_take(struct dpl_link *link, const struct dpl_doc *doc, struct dpl_err *err)
{
    const char *name = dpl_doc_text(doc, "command");
    int64_t id = dpl_doc_int(doc, "id", 0);
    if (dpl_doc_tree(doc, "start"))
        return take_start(link, dpl_doc_tree(doc, "start"), err);
    if (dpl_doc_tree(doc, "connected")) {
        take_connected(link, dpl_doc_tree(doc, "connected"));
        return 0;
    }
    if (dpl_doc_tree(doc, "lent")) {
        dpl_link_mirror_lent(link, dpl_doc_tree(doc, "lent"));
        return 0;
    }
    if (dpl_doc_get(doc, "disconnected")) {
        const char *why = dpl_doc_text(doc, "disconnected");
        if (link->source.state != DPL_SOURCE_OFFLINE && why)
            dpl_err_set(&link->source.why, DPL_E_UNREACHABLE, "%s", why);
        dpl_source_lost(&link->source, dpl_clock_now_ns(link->clock));
        return 0;
    }
    if (name) {
        struct dpl_err why = {0};
        int rc = link->started ? command(link, name, dpl_doc_tree(doc, "args"), &why)
                               : dpl_err_set(&why, DPL_E_BUSY, "the link has not been started");
        result(link, id, rc, rc < 0 ? why.text : NULL);
    }
    return 0;
}
