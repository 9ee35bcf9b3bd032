/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the daemon says to the replica.
 */
#include "daemon/apply/engine.h"
#include "lib/base/fd.h"

#include <string.h>

/* answer, which may be NULL, is taken. */
static void result(struct dpl_engine *e, int64_t id, int code, const char *text,
                   struct dpl_doc *answer)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_err err;
    dpl_doc_set_int(doc, "result", id);
    dpl_doc_set_int(doc, "code", code);
    if (text)
        dpl_doc_set_text(doc, "text", text);
    if (answer)
        dpl_doc_set(doc, "answer", answer);
    (void)dpl_channel_send(e->channel, doc, NULL, 0, &err);
}

static void take_start(struct dpl_engine *e, const struct dpl_doc *start)
{
    bool first = !e->config;
    struct dpl_err err;
    dpl_doc_free(e->config);
    e->config = dpl_doc_copy(start);
    e->changed = true;
    e->open_ns = 0;
    if (!first)
        return;
    g_autoptr(dpl_doc_auto) ready = dpl_doc_new();
    dpl_doc_set_bool(ready, "ready", true);
    (void)dpl_channel_send(e->channel, ready, NULL, 0, &err);
}

static void take_connected(struct dpl_engine *e, const struct dpl_doc *peer)
{
    int fd = dpl_channel_take_fd(e->channel);
    int64_t now = dpl_clock_now_ns(e->clock);
    if (fd < 0) {
        dpl_engine_error(e, "a connection came without its descriptor");
        return;
    }
    dpl_target_lost(&e->target, now);
    dpl_peer_close(&e->peer);
    g_byte_array_set_size(e->held, 0);
    dpl_peer_open(&e->peer, fd);
    g_clear_pointer(&e->peer_doc, dpl_doc_free);
    e->peer_doc = dpl_doc_copy(peer);
    e->changed = true;
    struct dpl_message no = {.type = DPL_MSG_REFUSE,
                             .has = DPL_M(CODE) | DPL_M(TEXT),
                             .code = DPL_REFUSE_STORAGE,
                             .text = dpl_view_text("the replica is not open")};
    struct dpl_err err;
    if (e->replica && !e->stopping) {
        (void)dpl_target_connected(&e->target, now);
        return;
    }
    (void)dpl_peer_send(&e->peer, &no, &err);
    dpl_peer_close(&e->peer);
}

/* What the last mirror found. */
static struct dpl_doc *orphans(struct dpl_engine *e, struct dpl_err *err)
{
    struct dpl_mirror_result result;
    int rc = e->replica ? dpl_mirror_result_load(&result, e->reserve_fd, err)
                        : dpl_err_set(err, DPL_E_NOT_RUNNING, "the replica is not open: %s",
                                      e->last_error);
    if (rc == DPL_E_NOT_FOUND)
        dpl_err_set(err, rc, "no mirror has ended here yet");
    if (rc < 0)
        return NULL;
    struct dpl_doc *doc = dpl_mirror_result_doc(&result);
    dpl_mirror_result_clear(&result);
    return doc;
}

static int command(struct dpl_engine *e, const char *name, struct dpl_err *err)
{
    if (strcmp(name, "close") == 0) {
        (void)dpl_target_close(&e->target, dpl_clock_now_ns(e->clock));
        return 0;
    }
    if (!e->replica)
        return dpl_err_set(err, DPL_E_NOT_RUNNING, "the replica is not open: %s", e->last_error);
    e->changed = true;
    dpl_target_moved(&e->target);
    if (strcmp(name, "pause") == 0 || strcmp(name, "resume") == 0)
        return dpl_replica_pause(e->replica, name[0] == 'p', err);
    if (strcmp(name, "checkpoint") == 0)
        return dpl_replica_checkpoint(e->replica, err);
    return dpl_err_set(err, DPL_E_UNSUPPORTED, "doppel-replica cannot do \"%.40s\" yet", name);
}

int dpl_engine_take(struct dpl_engine *e, const struct dpl_doc *doc, struct dpl_err *err)
{
    const char *name = dpl_doc_text(doc, "command");
    (void)err;
    if (dpl_doc_tree(doc, "start"))
        take_start(e, dpl_doc_tree(doc, "start"));
    if (dpl_doc_tree(doc, "connected"))
        take_connected(e, dpl_doc_tree(doc, "connected"));
    if (dpl_doc_get(doc, "disconnected"))
        dpl_target_lost(&e->target, dpl_clock_now_ns(e->clock));
    if (name) {
        struct dpl_err why = {0};
        bool asks = strcmp(name, "orphans") == 0;
        struct dpl_doc *answer = asks ? orphans(e, &why) : NULL;
        int rc = asks ? why.code : command(e, name, &why);
        result(e, dpl_doc_int(doc, "id", 0), rc, rc < 0 ? why.text : NULL, answer);
    }
    return 0;
}
