/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The engine of a set: doppel-link at the source, doppel-replica at the target. What is said over
 * its channel:
 *
 *   to it    {start: {...}}, {connected: {...}} with the data's descriptor, {disconnected},
 *            {command: NAME, id, args: {...}}
 *   from it  {ready}, {status: {...}}, {event: NAME, text}, {result: id, code, text, answer:
 * {...}}, {connect}
 */
#include "daemon/parent/asked.h"
#include "daemon/parent/change.h"
#include "daemon/parent/daemon.h"
#include "daemon/parent/door.h"
#include "daemon/parent/learn.h"
#include "daemon/parent/log.h"
#include "daemon/parent/turn.h"

#include <errno.h>
#include <string.h>

enum { COMMAND_MS = 30000 };

static const struct dpl_child_kind link_kind = {.name = "link",
                                                .program = "doppel-link",
                                                .channel = true,
                                                .restart = true,
                                                .stop_ms = 5000,
                                                .backoff = {200, 30000, 60000}};
static const struct dpl_child_kind replica_kind = {.name = "replica",
                                                   .program = "doppel-replica",
                                                   .channel = true,
                                                   .restart = true,
                                                   .stop_ms = 8000,
                                                   .backoff = {200, 30000, 60000}};

static void say(struct dpl_set *set, const struct dpl_doc *doc)
{
    struct dpl_err err = {0};
    if (dpl_child_send(set->engine, doc, NULL, 0, &err) < 0 && err.code != DPL_E_NOT_RUNNING)
        dpl_log(LOG_ERR, "set \"%s\": %s", set->name, err.text);
}

static void pending_free(struct dpl_pending *p)
{
    dpl_timer_clear(&p->timer);
    g_ptr_array_remove(p->set->pending, p);
    g_free(p);
}

static void pending_fail(struct dpl_pending *p, int code, const char *text)
{
    struct dpl_err err = {0};
    dpl_err_set(&err, code, "set \"%s\": %s", p->set->name, text);
    dpl_request_fail(p->request, &err);
    pending_free(p);
}

static void all_pending_fail(struct dpl_set *set, const char *text)
{
    while (set->pending->len > 0)
        pending_fail(set->pending->pdata[0], DPL_E_NOT_RUNNING, text);
}

static void pending_late(void *self)
{
    pending_fail(self, DPL_E_TIMEOUT, "its engine did not answer");
}

static void take_result(struct dpl_set *set, const struct dpl_doc *doc)
{
    int64_t id = dpl_doc_int(doc, "result", -1), code = dpl_doc_int(doc, "code", 0);
    const char *text = dpl_doc_text(doc, "text");
    const struct dpl_doc *result = dpl_doc_tree(doc, "answer");
    for (guint i = 0; i < set->pending->len; i++) {
        struct dpl_pending *p = set->pending->pdata[i];
        if (p->id != id)
            continue;
        if (code < 0 && code > -10000) {
            pending_fail(p, (int)code, text ? text : dpl_err_text((int)code));
        } else {
            dpl_request_done(p->request, result ? dpl_doc_copy(result) : NULL);
            pending_free(p);
        }
        return;
    }
}

static void take_event(struct dpl_set *set, const struct dpl_doc *doc)
{
    /* What a person wants to know though no state changes by it. */
    static const char *const told[] = {"durability",       "queue-full",     "queue-has-room",
                                       "target-went-back", "mirror-refused", "mirror-stopped",
                                       "mirror-failed"};
    const char *name = dpl_doc_text(doc, "event"), *text = dpl_doc_text(doc, "text");
    dpl_log(LOG_NOTICE, "set \"%s\": %s%s%s", set->name, name, text ? ": " : "", text ? text : "");
    for (size_t i = 0; i < G_N_ELEMENTS(told); i++)
        if (strcmp(told[i], name) == 0)
            dpl_alert_set(set, "event", name, text ? text : name);
}

/* That both sides are equal was said for one time. */
static void use_up_equal(struct dpl_set *set)
{
    if (!dpl_doc_bool(set->doc, "equal", false) || !dpl_doc_bool(set->status, "following", false))
        return;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set->doc);
    dpl_doc_unset(doc, "equal");
    dpl_doc_unset(doc, "equal_epoch");
    dpl_change(set->daemon, "set", set->name, &set->version, doc, NULL, NULL);
}

/* A target that was the source once equals its new source: from here on nothing is set aside. */
static void end_set_aside(struct dpl_set *set)
{
    if (set->source || !dpl_doc_bool(set->doc, "set_aside", false) ||
        !dpl_doc_bool(set->status, "consistent", false))
        return;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set->doc);
    dpl_doc_unset(doc, "set_aside");
    dpl_change(set->daemon, "set", set->name, &set->version, doc, NULL, NULL);
}

/* Where a link may write: it gives up all else, so they are there before it starts. */
static void make_dirs(const struct dpl_set *set)
{
    const struct dpl_settings *s = &set->daemon->settings;
    g_autofree char *journal = g_build_filename(s->journal_dir, set->name, NULL);
    g_autofree char *captures = g_build_filename(s->run_dir, "capture", NULL);
    if (g_mkdir_with_parents(journal, 0700) < 0 || g_mkdir_with_parents(captures, 0755) < 0)
        dpl_log(LOG_ERR, "set \"%s\": make \"%s\" and \"%s\": %s", set->name, journal, captures,
                g_strerror(errno));
}

/* A mirror that a person asked for has ended, or was refused: it is asked for no more. It has
 * begun: what comes after a crash goes on with it. Another change may come between: both are looked
 * at again when the document has changed. */
void dpl_engine_wish(struct dpl_set *set)
{
    const struct dpl_doc *wish = dpl_doc_tree(set->doc, "mirror_wish");
    int64_t number = dpl_doc_int(wish, "number", 0);
    bool over = number != 0 && number == set->wish_over;
    bool begun = number != 0 && number == set->wish_begun && !dpl_doc_bool(wish, "begun", false);
    if (!over && !begun)
        return;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set->doc);
    if (over)
        dpl_doc_unset(doc, "mirror_wish");
    else
        dpl_doc_set_bool(dpl_doc_get_mutable(doc, "mirror_wish"), "begun", true);
    dpl_change(set->daemon, "set", set->name, &set->version, doc, NULL, NULL);
}

static void take_wish(struct dpl_set *set, const struct dpl_doc *event)
{
    set->wish_begun = dpl_doc_int(event, "mirror_begun", set->wish_begun);
    set->wish_over = dpl_doc_int(event, "mirror_number", set->wish_over);
    dpl_engine_wish(set);
}

static void on_started(void *self)
{
    struct dpl_set *set = self;
    if (set->source)
        make_dirs(set);
    g_autoptr(dpl_doc_auto) doc = dpl_start_doc(set);
    set->ready = false;
    say(set, doc);
    dpl_doc_free(set->told);
    set->told = g_steal_pointer(&doc);
}

/* A replica that cannot be opened says why; until it can, no source is let in. */
static void take_closed(struct dpl_set *set)
{
    const char *why = dpl_doc_text(set->status, "last_error");
    bool was = set->closed;
    set->closed = why && g_strcmp0(dpl_doc_text(set->status, "state"), "closed") == 0;
    if (set->closed)
        dpl_set_error(set, "%s", why);
    else if (was)
        dpl_set_error(set, NULL);
}

static void on_message(void *self, const struct dpl_doc *doc)
{
    struct dpl_set *set = self;
    const struct dpl_doc *status = dpl_doc_tree(doc, "status");
    if (status) {
        dpl_doc_free(set->status);
        set->status = dpl_doc_copy(status);
        set->capture.gap &= set->capture.state != DPL_CAPSTAT_IS_SERVING;
        take_closed(set);
        dpl_set_review(set);
        use_up_equal(set);
        end_set_aside(set);
    }
    if (dpl_doc_get(doc, "result"))
        take_result(set, doc);
    if (dpl_doc_text(doc, "event"))
        take_event(set, doc);
    if (dpl_doc_get(doc, "mirror_begun") || dpl_doc_get(doc, "mirror_number"))
        take_wish(set, doc);
    if (set->source && dpl_doc_get(doc, "lend"))
        dpl_lend(set);
    if (set->source && dpl_doc_get(doc, "journal_wanted"))
        dpl_capture_renew(set);
    if (dpl_doc_get(doc, "ready"))
        set->ready = true;
    if (dpl_doc_get(doc, "ready") || dpl_doc_get(doc, "connect"))
        dpl_door_want(set);
}

static void on_ended(void *self, int status, bool again)
{
    struct dpl_set *set = self;
    (void)again;
    set->ready = set->closed = false;
    g_clear_pointer(&set->status, dpl_doc_free);
    all_pending_fail(set, "its engine ended");
    dpl_door_engine_gone(set);
    set->connected = false;
    if (status != 0 && !set->daemon->stopping)
        dpl_set_error(set, "its engine ended by %s %d", status < 0 ? "signal" : "exit",
                      status < 0 ? -status : status);
    dpl_asked_engine_ended(set);
    dpl_set_review(set);
    dpl_turn_review(set);
}

static const struct dpl_child_fns fns = {on_started, on_message, on_ended};

void dpl_engine_begin(struct dpl_set *set)
{
    const char *instance = set->daemon->settings.instance;
    const char *args[] = {"--set", set->name, instance ? "--instance" : NULL, instance, NULL};
    struct dpl_err err = {0};
    set->engine = dpl_child_new(set->daemon->children, set->source ? &link_kind : &replica_kind,
                                set->name, args, &fns, set);
    if (!dpl_asked_engine(set))
        return; /* there is nobody to send to, or no right to receive */
    if (dpl_child_start(set->engine, &err) < 0)
        dpl_set_error(set, "%s", err.text);
}

void dpl_engine_end(struct dpl_set *set)
{
    all_pending_fail(set, "it is deleted");
    g_clear_pointer(&set->engine, dpl_child_free);
}

void dpl_engine_refresh(struct dpl_set *set)
{
    g_autoptr(dpl_doc_auto) doc = dpl_start_doc(set);
    say(set, doc);
    dpl_doc_free(set->told);
    set->told = g_steal_pointer(&doc);
    if (dpl_set_off(set))
        dpl_door_close(set, "switched off");
    else
        dpl_door_want(set);
}

void dpl_engine_reload(struct dpl_set *set)
{
    g_autoptr(dpl_doc_auto) doc = dpl_start_doc(set);
    struct dpl_err err = {0};
    if (!dpl_asked_engine(set)) {
        dpl_child_stop(set->engine);
        return;
    }
    if (set->told && dpl_doc_equal(set->told, doc) && dpl_child_running(set->engine)) {
        dpl_door_want(set);
        return;
    }
    if (!dpl_child_running(set->engine)) {
        if (dpl_child_start(set->engine, &err) < 0)
            dpl_set_error(set, "%s", err.text);
    } else if (set->source) {
        dpl_engine_refresh(set);
    } else { /* a replica that is open has its options */
        set->ready = false;
        dpl_child_restart(set->engine);
    }
}

int dpl_engine_connected(struct dpl_set *set, const struct dpl_doc *peer, int fd,
                         struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set(doc, "connected", dpl_doc_copy(peer));
    int rc = dpl_child_send(set->engine, doc, &fd, 1, err);
    if (rc < 0)
        return rc;
    set->connected = true;
    dpl_set_error(set, NULL);
    dpl_learn_begin(set);
    dpl_set_review(set);
    return DPL_OK;
}

void dpl_engine_disconnected(struct dpl_set *set, const char *why)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_text(doc, "disconnected", why);
    say(set, doc);
    set->connected = false;
    dpl_set_review(set);
}

void dpl_engine_command(struct dpl_set *set, const char *command, struct dpl_doc *args,
                        struct dpl_request *request)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_err err = {0};
    dpl_doc_set_text(doc, "command", command);
    dpl_doc_set_int(doc, "id", ++set->last_id);
    dpl_doc_set(doc, "args", args);
    if (dpl_child_send(set->engine, doc, NULL, 0, &err) < 0) {
        dpl_request_fail(request, &err);
        return;
    }
    struct dpl_pending *p = g_new0(struct dpl_pending, 1);
    *p = (struct dpl_pending){.id = set->last_id, .request = request, .set = set};
    g_ptr_array_add(set->pending, p);
    dpl_timer_set(&p->timer, set->daemon->loop, COMMAND_MS, pending_late, p);
}
