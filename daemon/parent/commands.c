/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The daemon's side of each command. The server has checked the right and the arguments; here the
 * state of the set is asked (daemon/core/set_state.tbl.h), then it is done.
 */
#include "daemon/parent/asked.h"
#include "daemon/parent/change.h"
#include "daemon/parent/cold.h"
#include "daemon/parent/daemon.h"
#include "daemon/parent/door.h"
#include "daemon/parent/failover.h"
#include "daemon/parent/log.h"
#include "daemon/parent/node.h"
#include "daemon/parent/procedure_command.h"
#include "daemon/parent/restore.h"
#include "daemon/parent/set_doc.h"
#include "daemon/parent/site.h"
#include "daemon/parent/store_command.h"

#include <string.h>

/* Answers the request, now or later. set is NULL for commands that name none. */
typedef void command_fn(struct dpl_daemon *daemon, struct dpl_set *set,
                        struct dpl_request *request);

static void fail(struct dpl_request *request, const struct dpl_err *err)
{
    dpl_request_fail(request, err);
}

static void answer(struct dpl_request *request, int rc, const struct dpl_err *err)
{
    if (rc < 0)
        dpl_request_fail(request, err);
    else
        dpl_request_done(request, NULL);
}

static void status(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    dpl_request_done(request, dpl_status_all(daemon, set));
}

static void wait_for(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    (void)daemon;
    dpl_wait_begin(set, request);
}

static void list(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    struct dpl_doc *doc = dpl_doc_new(), *sets = dpl_doc_set_list(doc, "sets");
    (void)set;
    for (guint i = 0; i < daemon->sets->len; i++) {
        const struct dpl_set *s = daemon->sets->pdata[i];
        struct dpl_doc *row = dpl_doc_add_tree(sets);
        const char *peer = dpl_set_peer(s);
        dpl_doc_set_text(row, "set", s->name);
        dpl_doc_set_text(row, "side", s->source ? "source" : "target");
        dpl_doc_set_text(row, "role", dpl_doc_text(s->doc, "role"));
        dpl_doc_set_text(row, "state", dpl_set_state_text(s->state));
        dpl_doc_set_text(row, "peer", peer ? peer : "");
    }
    dpl_request_done(request, doc);
}

static void show(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    struct dpl_doc *doc = dpl_doc_new();
    struct dpl_store_item item;
    dpl_doc_set_text(doc, "set", set->name);
    if (dpl_store_get(daemon->store, "set", set->name, &item, NULL) == DPL_OK) {
        dpl_doc_set_format(doc, "version", "%llu.%llu", (unsigned long long)item.version.era,
                           (unsigned long long)item.version.sequence);
        dpl_doc_set_text(doc, "digest", item.digest);
    }
    for (size_t i = 0; i < dpl_doc_count(set->doc); i++) {
        const struct dpl_doc *value = dpl_doc_at(set->doc, i);
        if (strcmp(dpl_doc_key(value), "rules") != 0) {
            dpl_doc_set(doc, dpl_doc_key(value), dpl_doc_copy(value));
            continue;
        }
        struct dpl_doc *rules = dpl_doc_set_list(doc, "rules");
        g_auto(GStrv) lines = g_strsplit(dpl_doc_as_text(value), "\n", -1);
        for (size_t n = 0; lines[n]; n++)
            if (lines[n][0])
                dpl_doc_add_text(rules, lines[n]);
    }
    dpl_request_done(request, doc);
}

static void create_by(struct dpl_daemon *daemon, struct dpl_request *request,
                      int (*make)(const struct dpl_daemon *, const struct dpl_doc *,
                                  struct dpl_doc **, struct dpl_err *))
{
    const struct dpl_store_version none = {0};
    g_autoptr(dpl_doc_auto) doc = NULL;
    struct dpl_err err = {0};
    int rc = make(daemon, request->args, &doc, &err);
    if (rc < 0)
        fail(request, &err);
    else
        dpl_change(daemon, "set", dpl_doc_text(request->args, "set"), &none, doc, request, NULL);
}

static void create(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    (void)set;
    create_by(daemon, request, dpl_set_doc_create);
}

static void accept_set(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    (void)set;
    create_by(daemon, request, dpl_set_doc_accept);
}

static void rules_changed(struct dpl_daemon *daemon, struct dpl_request *request, const char *name,
                          int rc, const struct dpl_err *error)
{
    const struct dpl_set *set = dpl_set_find(daemon, name);
    struct dpl_err err = *error;
    if (rc == DPL_OK && set && set->capture.wanted && set->capture.state != DPL_CAPSTAT_IS_DOWN)
        rc = dpl_err_set(&err, DPL_E_DEGRADED,
                         "done; the capture that runs follows the old rules until it starts again");
    answer(request, rc, &err);
}

/* Puts a changed document; a running capture knows the old rules until it starts again. */
static void change_rules(struct dpl_daemon *daemon, struct dpl_set *set,
                         struct dpl_request *request,
                         int (*change)(const struct dpl_set *, const struct dpl_doc *,
                                       struct dpl_doc **, struct dpl_err *))
{
    g_autoptr(dpl_doc_auto) doc = NULL;
    struct dpl_err err = {0};
    int rc = change(set, request->args, &doc, &err);
    if (rc < 0)
        fail(request, &err);
    else
        dpl_change(daemon, "set", set->name, &set->version, doc, request, rules_changed);
}

static void add_rules(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    change_rules(daemon, set, request, dpl_set_doc_add);
}

static void remove_rules(struct dpl_daemon *daemon, struct dpl_set *set,
                         struct dpl_request *request)
{
    change_rules(daemon, set, request, dpl_set_doc_remove);
}

static void delete_set(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    struct dpl_err err = {0};
    g_autoptr(dpl_doc_auto) capture = set->source ? dpl_capture_doc(set) : NULL;
    if (set->state == DPL_SET_MIRROR_NEEDED && set->connected) {
        dpl_err_set(&err, DPL_E_REFUSED,
                    "set \"%s\" is connected: end that first (doppel disconnect %s)", set->name,
                    set->name);
        fail(request, &err);
        return;
    }
    if (capture && dpl_doc_int(capture, "keeper", 0) != 0) {
        dpl_err_set(&err, DPL_E_REFUSED,
                    "set \"%s\" is captured: end that first (doppel-capture --stop --set %s)",
                    set->name, set->name);
        fail(request, &err);
        return;
    }
    dpl_change(daemon, "set", set->name, &set->version, NULL, request, NULL);
}

/* That both sides are equal an engine hears at its start alone. */
static void switched(struct dpl_daemon *daemon, struct dpl_request *request, const char *name,
                     int rc, const struct dpl_err *err)
{
    struct dpl_set *set = dpl_set_find(daemon, name);
    if (rc == DPL_OK && set && dpl_doc_bool(request->args, "equal", false)) {
        set->ready = false;
        dpl_child_restart(set->engine);
    }
    answer(request, rc, err);
}

/* A person's word that both sides are equal is for the journal that is there now: it is worth
 * nothing where changes stand in front of that, and for none that comes later. */
static int put_equal(struct dpl_set *set, const struct dpl_request *request, struct dpl_doc *doc,
                     struct dpl_err *err)
{
    dpl_doc_unset(doc, "equal");
    dpl_doc_unset(doc, "equal_epoch");
    if (!dpl_doc_bool(request->args, "equal", false))
        return DPL_OK;
    if (!set->source)
        return dpl_err_set(err, DPL_E_REFUSED,
                           "set \"%s\" is a replica here: say --equal at site %s", set->name,
                           dpl_set_peer(set));
    if (set->state == DPL_SET_ELSEWHERE)
        return dpl_err_set(err, DPL_E_REFUSED,
                           "set \"%s\" is captured on node \"%s\": say --equal there", set->name,
                           set->on_node);
    if (dpl_doc_bool(set->doc, "restore_required", false))
        return dpl_err_set(err, DPL_E_REFUSED,
                           "set \"%s\" has failed over: what is otherwise at site %s nobody knows "
                           "before doppel restore %s has compared it",
                           set->name, dpl_set_peer(set), set->name);
    g_autoptr(dpl_doc_auto) capture = dpl_capture_doc(set);
    if (dpl_doc_int(capture, "journal_ends", 0) > 0)
        return dpl_err_set(err, DPL_E_REFUSED,
                           "set \"%s\": its journal was full: there are changes that it does not "
                           "have, so connect without --equal",
                           set->name);
    dpl_doc_set_bool(doc, "equal", true);
    dpl_doc_set_int(doc, "equal_epoch", dpl_doc_int(capture, "epoch", 0));
    return DPL_OK;
}

static void switch_to(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request,
                      bool off)
{
    struct dpl_err err = {0};
    if (!off && !dpl_set_peer(set)) {
        dpl_err_set(&err, DPL_E_REFUSED, "set \"%s\" has no target: %s needs [set %s] target=SITE",
                    set->name, daemon->settings.config_path, set->name);
        fail(request, &err);
        return;
    }
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set->doc);
    dpl_doc_set_bool(doc, "off", off);
    if (put_equal(set, request, doc, &err) < 0) {
        fail(request, &err);
        return;
    }
    if (!off) { /* from here on a mirror that is needed begins by itself */
        dpl_doc_set_bool(doc, "begun", true);
        dpl_doc_unset(doc, "mirror_stopped");
    }
    dpl_change(daemon, "set", set->name, &set->version, doc, request, switched);
}

static void connect_set(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    set->connect_backoff.failures = 0;
    dpl_timer_clear(&set->connect_timer);
    switch_to(daemon, set, request, false);
}

static void disconnect(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    switch_to(daemon, set, request, true);
}

/* What the engine does. */
static void to_engine(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    (void)daemon;
    dpl_engine_command(set, request->command->words, dpl_doc_copy(request->args), request);
}

/* Whether the text of an option is one of these; none is. */
static int check_word(const struct dpl_doc *args, const char *key, const char *const *words,
                      struct dpl_err *err)
{
    const char *text = dpl_doc_text(args, key);
    g_autofree char *all = g_strjoinv(", ", (char **)(uintptr_t)words);
    return !text || g_strv_contains(words, text)
               ? DPL_OK
               : dpl_err_set(err, DPL_E_USAGE, "--%s: \"%.40s\" is none of %s", key, text, all);
}

/* The wish stands in the document until the mirror has ended: it outlives every process. */
static void wish(struct dpl_set *set, const struct dpl_doc *args, struct dpl_request *request,
                 dpl_change_fn *then)
{
    static const char *const flags[] = {"test", "anew", "accept_empty", "accept_deletes",
                                        "accept_filesystem"};
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set->doc);
    struct dpl_doc *tree = dpl_doc_set_tree(doc, "mirror_wish");
    dpl_doc_set_int(tree, "number", g_get_real_time());
    if (dpl_doc_text(args, "kind"))
        dpl_doc_set_text(tree, "kind", dpl_doc_text(args, "kind"));
    if (dpl_doc_text(args, "orphans"))
        dpl_doc_set_text(tree, "orphans", dpl_doc_text(args, "orphans"));
    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
        dpl_doc_set_bool(tree, flags[i], dpl_doc_bool(args, flags[i], false));
    if (dpl_doc_bool(args, "plan", false))
        dpl_doc_set_bool(tree, "test", true);
    dpl_doc_set_bool(doc, "begun", true);
    dpl_doc_unset(doc, "mirror_stopped");
    dpl_change(set->daemon, "set", set->name, &set->version, doc, request, then);
}

static void mirror_start(struct dpl_daemon *daemon, struct dpl_set *set,
                         struct dpl_request *request)
{
    static const char *const kinds[] = {"full", "difference", "checksum", NULL};
    static const char *const rules[] = {"keep", "delete", "move", "list", NULL};
    struct dpl_err err = {0};
    (void)daemon;
    int rc = check_word(request->args, "kind", kinds, &err);
    if (rc == DPL_OK)
        rc = check_word(request->args, "orphans", rules, &err);
    if (rc < 0)
        fail(request, &err);
    else
        wish(set, request->args, request, NULL);
}

/* The client follows the mirror of this number by "mirror status". */
static void verify_wished(struct dpl_daemon *daemon, struct dpl_request *request, const char *name,
                          int rc, const struct dpl_err *err)
{
    const struct dpl_set *set = dpl_set_find(daemon, name);
    if (rc < 0 || !set) {
        answer(request, rc < 0 ? rc : DPL_E_NOT_FOUND, err);
        return;
    }
    struct dpl_doc *doc = dpl_doc_new();
    const struct dpl_doc *tree = dpl_doc_tree(set->doc, "mirror_wish");
    dpl_doc_set_int(doc, "wish", dpl_doc_int(tree, "number", 0));
    dpl_doc_set_text(doc, "peer", dpl_set_peer(set) ? dpl_set_peer(set) : "?");
    dpl_request_done(request, doc);
}

static void verify(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    g_autoptr(dpl_doc_auto) args = dpl_doc_new();
    (void)daemon;
    dpl_doc_set_text(args, "kind", "checksum");
    dpl_doc_set_bool(args, "test", !dpl_doc_bool(request->args, "repair", false));
    wish(set, args, request, verify_wished);
}

static void mirror_unwished(struct dpl_daemon *daemon, struct dpl_request *request,
                            const char *name, int rc, const struct dpl_err *error)
{
    struct dpl_set *set = dpl_set_find(daemon, name);
    struct dpl_err err = *error;
    if (rc == DPL_OK && !set)
        rc = dpl_err_set(&err, DPL_E_NOT_FOUND, "set \"%s\" was deleted", name);
    if (rc < 0)
        fail(request, &err);
    else
        dpl_engine_command(set, "mirror stop", dpl_doc_copy(request->args), request);
}

static void mirror_stop(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set->doc);
    dpl_doc_unset(doc, "mirror_wish");
    dpl_doc_set_bool(doc, "mirror_stopped", true);
    dpl_change(daemon, "set", set->name, &set->version, doc, request, mirror_unwished);
}

static void mirror_status(struct dpl_daemon *daemon, struct dpl_set *set,
                          struct dpl_request *request)
{
    struct dpl_doc *doc = dpl_doc_new();
    const struct dpl_doc *mirror = dpl_doc_tree(set->status, "mirror");
    (void)daemon;
    dpl_doc_set_text(doc, "set", set->name);
    dpl_doc_set_text(doc, "state", dpl_set_state_text(set->state));
    for (size_t i = 0; i < dpl_doc_count(mirror); i++) {
        const struct dpl_doc *value = dpl_doc_at(mirror, i);
        const char *key = strcmp(dpl_doc_key(value), "state") == 0 ? "mirror" : dpl_doc_key(value);
        dpl_doc_set(doc, key, dpl_doc_copy(value));
    }
    if (!dpl_doc_get(doc, "mirror"))
        dpl_doc_set_text(doc, "mirror", "idle");
    if (dpl_doc_tree(set->doc, "mirror_wish"))
        dpl_doc_set_int(doc, "wished",
                        dpl_doc_int(dpl_doc_tree(set->doc, "mirror_wish"), "number", 0));
    dpl_request_done(request, doc);
}

/* The list lies with the replica; what is done about it is a mirror of the source's. */
static void orphans(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    const char *action = dpl_doc_text(request->args, "action");
    bool list = strcmp(action, "list") == 0;
    struct dpl_err err = {0};
    if (!list && strcmp(action, "move") != 0 && strcmp(action, "delete") != 0)
        dpl_err_set(&err, DPL_E_USAGE, "\"%.40s\" is none of list, move, delete", action);
    else if (list && set->source)
        dpl_err_set(&err, DPL_E_REFUSED, "the list lies with the replica: type this at site %s",
                    dpl_set_peer(set));
    else if (!list && !set->source)
        dpl_err_set(&err, DPL_E_REFUSED, "what is an orphan the source knows: type this at site %s",
                    dpl_set_peer(set));
    if (err.code < 0) {
        fail(request, &err);
        return;
    }
    if (list) {
        to_engine(daemon, set, request);
        return;
    }
    g_autoptr(dpl_doc_auto) args = dpl_doc_new();
    dpl_doc_set_text(args, "orphans", action);
    wish(set, args, request, NULL);
}

static void limit(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    (void)daemon;
    dpl_limit_command(set, request);
}

static void connection_start(struct dpl_daemon *daemon, struct dpl_set *set,
                             struct dpl_request *request)
{
    (void)daemon;
    dpl_asked_connection_start(set, request);
}

static void connection_stop(struct dpl_daemon *daemon, struct dpl_set *set,
                            struct dpl_request *request)
{
    (void)daemon;
    dpl_asked_connection_stop(set, request);
}

static void replica_start(struct dpl_daemon *daemon, struct dpl_set *set,
                          struct dpl_request *request)
{
    (void)daemon;
    dpl_asked_replica_start(set, request);
}

static void replica_stop(struct dpl_daemon *daemon, struct dpl_set *set,
                         struct dpl_request *request)
{
    (void)daemon;
    dpl_asked_replica_stop(set, request);
}

static void failover(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    (void)daemon;
    dpl_failover_command(set, request);
}

static void restore(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    (void)daemon;
    dpl_restore_command(set, request);
}

static void failback(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    (void)daemon;
    dpl_failback_command(set, request);
}

static void procedure(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    (void)set;
    dpl_procedure_command(daemon, request);
}

static void site(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    (void)set;
    dpl_site_command(daemon, request);
}

static void store(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    (void)set;
    dpl_store_command(daemon, request);
}

static void node(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_request *request)
{
    (void)set;
    dpl_node_command(daemon, request);
}

static void site_confirm(struct dpl_daemon *daemon, struct dpl_set *set,
                         struct dpl_request *request)
{
    (void)daemon;
    dpl_confirm(set, request);
}

/* A row of the table of commands without one here. */
static void not_here(struct dpl_request *request)
{
    struct dpl_err err = {0};
    dpl_err_set(&err, DPL_E_UNSUPPORTED, "\"%s\" is not supported by this version",
                request->command->words);
    fail(request, &err);
}

/* words; what the state must allow, or -1; which side, if one; the function. */
enum side { ANY, SOURCE };
static const struct row {
    const char *words;
    int allowed;
    enum side side;
    command_fn *fn;
} rows[] = {
    {"status", -1, ANY, status},
    {"stats", -1, ANY, status},
    {"wait", DPL_SET_COMMAND_WAIT, ANY, wait_for},
    {"set create", -1, ANY, create},
    {"set accept", -1, ANY, accept_set},
    {"set add", DPL_SET_COMMAND_SET_ADD, SOURCE, add_rules},
    {"set remove", DPL_SET_COMMAND_SET_REMOVE, SOURCE, remove_rules},
    {"set show", DPL_SET_COMMAND_SET_SHOW, ANY, show},
    {"set list", -1, ANY, list},
    {"set delete", DPL_SET_COMMAND_SET_DELETE, ANY, delete_set},
    {"connect", DPL_SET_COMMAND_CONNECT, ANY, connect_set},
    {"disconnect", DPL_SET_COMMAND_DISCONNECT, ANY, disconnect},
    {"connection start", -1, SOURCE, connection_start},
    {"connection stop", -1, SOURCE, connection_stop},
    {"replica start", -1, ANY, replica_start},
    {"replica stop", -1, ANY, replica_stop},
    {"pause", DPL_SET_COMMAND_PAUSE, ANY, to_engine},
    {"resume", DPL_SET_COMMAND_RESUME, ANY, to_engine},
    {"limit", DPL_SET_COMMAND_LIMIT, SOURCE, limit},
    {"mirror start", DPL_SET_COMMAND_MIRROR_START, SOURCE, mirror_start},
    {"mirror stop", DPL_SET_COMMAND_MIRROR_STOP, SOURCE, mirror_stop},
    {"mirror status", DPL_SET_COMMAND_MIRROR_STATUS, ANY, mirror_status},
    {"verify", DPL_SET_COMMAND_VERIFY, SOURCE, verify},
    {"orphans", DPL_SET_COMMAND_ORPHANS, ANY, orphans},
    {"failover", DPL_SET_COMMAND_FAILOVER, ANY, failover},
    {"restore", DPL_SET_COMMAND_RESTORE, ANY, restore},
    {"failback", DPL_SET_COMMAND_FAILBACK, ANY, failback},
    {"procedure show", -1, ANY, procedure},
    {"procedure resume", -1, ANY, procedure},
    {"procedure undo", -1, ANY, procedure},
    {"procedure stop", -1, ANY, procedure},
    {"site init", -1, ANY, site},
    {"site offer", -1, ANY, site},
    {"site pair", -1, ANY, site},
    {"site list", -1, ANY, site},
    {"site rotate", -1, ANY, site},
    {"site revoke", -1, ANY, site},
    {"site address", -1, ANY, site},
    {"site confirm", -1, ANY, site_confirm},
    {"node add", -1, ANY, node},
    {"node remove", -1, ANY, node},
    {"node check", -1, ANY, node},
    {"store show", -1, ANY, store},
    {"store export", -1, ANY, store},
    {"store import", -1, ANY, store},
    {"store join", -1, ANY, store},
    {"store confirm-down", -1, ANY, store},
};

static const struct row *find_row(const char *words)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (strcmp(rows[i].words, words) == 0)
            return &rows[i];
    return NULL;
}

/* Whether the state allows it; where another node has the set, it is typed there. */
static int check_state(const struct dpl_set *set, const struct row *row, struct dpl_err *err)
{
    enum dpl_set_command command = (enum dpl_set_command)row->allowed;
    if (set->state != DPL_SET_ELSEWHERE || dpl_set_allowed(set->state, command))
        return dpl_set_check(set->name, set->state, command, err);
    return dpl_err_set(err, DPL_E_REFUSED,
                       "the %s of set \"%s\" is on node \"%s\": type this there",
                       set->source ? "connection" : "replica", set->name, set->on_node);
}

/* The set that the command is for, in a state that allows it. */
static int find_set(const struct dpl_daemon *daemon, const struct row *row, const char *name,
                    struct dpl_set **set_r, struct dpl_err *err)
{
    int rc = dpl_set_get(daemon, name, set_r, err);
    if (rc == DPL_OK && row->side == SOURCE && !(*set_r)->source)
        rc = dpl_err_set(err, DPL_E_REFUSED, "set \"%s\" is a replica here: type this at site %s",
                         name, dpl_set_peer(*set_r));
    if (rc == DPL_OK && row->allowed >= 0)
        rc = check_state(*set_r, row, err);
    return rc;
}

void dpl_commands_handle(void *self, struct dpl_request *request)
{
    struct dpl_daemon *daemon = self;
    const struct row *row = find_row(request->command->words);
    const char *name = dpl_doc_text(request->args, "set");
    bool makes = row && (row->fn == create || row->fn == accept_set);
    struct dpl_set *set = NULL;
    struct dpl_err err = {0};
    if (request->command->right == DPL_RIGHT_CHANGE)
        dpl_log(LOG_NOTICE, "user %u: doppel %s%s%s", (unsigned)request->uid,
                request->command->words, name ? " " : "", name ? name : "");
    if (!row) {
        not_here(request);
        return;
    }
    if (name && !makes && find_set(daemon, row, name, &set, &err) < 0)
        fail(request, &err);
    else
        row->fn(daemon, set, request);
}
