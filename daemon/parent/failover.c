/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/failover.h"

#include "daemon/parent/learn.h"
#include "daemon/parent/procedure_command.h"
#include "daemon/parent/set_become.h"
#include "daemon/parent/talk.h"
#include "lib/base/units.h"

#include <string.h>

enum { LOOK_MS = 10000, WAIT_MS = 300000 };

static const struct dpl_run_step steps[] = {
    {"record", "record here that this site is going to serve, with the next generation", false,
     NULL, dpl_failover_record, dpl_failover_recorded, dpl_failover_withdraw},
    {"hooks", "run the programs of hooks.d/pre-failover.d; one that fails stops it", false, NULL,
     dpl_failover_pre, NULL, NULL},
    {"release", "let the other site release the set, and see that nothing of it runs there", false,
     NULL, dpl_failover_release, dpl_failover_released, dpl_failover_take_back},
    {"drain", "wait until this site holds all that the other one wrote", false, NULL,
     dpl_failover_drain, NULL, NULL},
    {"settle", "close the replica to the other site, and apply what came to its end", false, NULL,
     dpl_failover_settle, dpl_failover_settled, dpl_failover_unsettle},
    {"directory", "move the users of the set to this site", false, dpl_failover_unheard,
     dpl_failover_directory, NULL, NULL},
    {"names", "point the names of the other site here", false, dpl_failover_unheard,
     dpl_failover_names, NULL, NULL},
    {"cede", "let the other site give the generation away: it serves by itself no more", false,
     dpl_failover_unheard, dpl_failover_cede, NULL, NULL},
    {"serve", "raise the generation: this site serves, and a restore is required", true,
     dpl_failover_may_raise, dpl_failover_raise, dpl_failover_raised, NULL},
    {"online", "wait until the services run here", true, NULL, NULL, dpl_failover_online, NULL},
    {"prove", "ask the services as a client does", true, NULL, NULL, dpl_failover_probe, NULL},
    {"post", "run the programs of hooks.d/post-failover.d; one that fails warns", true, NULL,
     dpl_failover_post, NULL, NULL},
};

const struct dpl_run_kind dpl_failover_kind = {"failover", steps, G_N_ELEMENTS(steps)};

enum dpl_failover_mode dpl_failover_mode(const struct dpl_doc *options)
{
    if (dpl_doc_bool(options, "source_is_down", false))
        return DPL_FAILOVER_DOWN;
    return dpl_doc_bool(options, "immediate", false) ? DPL_FAILOVER_IMMEDIATE
                                                     : DPL_FAILOVER_GRACEFUL;
}

int dpl_failover_wait_ms(const struct dpl_doc *options, int64_t *ms_r, struct dpl_err *err)
{
    const char *text = dpl_doc_text(options, "wait");
    *ms_r = WAIT_MS;
    if (!text)
        return DPL_OK;
    bool bare = text[0] && strspn(text, "0123456789") == strlen(text);
    g_autofree char *with_unit = g_strdup_printf("%.20s%s", text, bare ? "s" : "");
    if (dpl_units_duration_ms(with_unit, ms_r, NULL) == DPL_OK)
        return DPL_OK;
    return dpl_err_set(err, DPL_E_USAGE, "--wait: \"%.40s\" is neither seconds nor a time as 5min",
                       text);
}

int dpl_failover_check_confirm(const struct dpl_doc *args, const char *set, struct dpl_err *err)
{
    const char *confirm = dpl_doc_text(args, "confirm");
    if (!confirm)
        return dpl_err_set(err, DPL_E_USAGE,
                           "--source-is-down wants the set's name typed, or --confirm=%s", set);
    return strcmp(confirm, set) == 0
               ? DPL_OK
               : dpl_err_set(err, DPL_E_REFUSED, "--confirm=%.40s is not the set's name", confirm);
}

static int check_options(const struct dpl_doc *args, struct dpl_err *err)
{
    static const char *const thens[] = {"ask", "immediate", "abort", NULL};
    bool down = dpl_doc_bool(args, "source_is_down", false);
    bool immediate = dpl_doc_bool(args, "immediate", false);
    const char *then = dpl_doc_text(args, "then");
    int64_t ms;
    if (immediate && dpl_doc_bool(args, "graceful", false))
        return dpl_err_set(err, DPL_E_USAGE, "--graceful and --immediate exclude each other");
    if (down && !immediate)
        return dpl_err_set(err, DPL_E_USAGE, "--source-is-down goes with --immediate");
    if (then && !g_strv_contains(thens, then))
        return dpl_err_set(err, DPL_E_USAGE, "--then: \"%.40s\" is none of ask, immediate, abort",
                           then);
    if (dpl_doc_bool(args, "wan", false))
        return dpl_err_set(err, DPL_E_UNSUPPORTED,
                           "--wan: over a WAN the names must move too, and this version does not "
                           "change DNS: without it the addresses of the set's group count");
    if (dpl_doc_text(args, "confirm") &&
        dpl_failover_check_confirm(args, dpl_doc_text(args, "set"), err) < 0)
        return err->code;
    return dpl_failover_wait_ms(args, &ms, err);
}

/* What must hold here. */
static int check_set(const struct dpl_set *set, struct dpl_err *err)
{
    const char *role = dpl_doc_text(set->doc, "role"), *peer = dpl_set_peer(set);
    if (g_strcmp0(role, "standby") != 0)
        return dpl_err_set(err, DPL_E_REFUSED,
                           "set \"%s\" is %s at this site: a failover is typed "
                           "where it stands by%s%s",
                           set->name, role ? role : "nothing", peer ? ", at site " : "",
                           peer ? peer : "");
    if (!dpl_doc_text(set->doc, "peer_rules"))
        return dpl_err_set(err, DPL_E_REFUSED,
                           "set \"%s\" was never connected: site \"%s\" has not said yet which "
                           "files it has",
                           set->name, peer);
    return dpl_procedure_may_begin(set->daemon, set->name, &dpl_failover_kind, err);
}

static int64_t next_generation(const struct dpl_set *set, const struct dpl_doc *other)
{
    struct dpl_set_side side;
    dpl_set_side_read(set->doc, &side);
    return dpl_set_role_next(&side, dpl_doc_int(other, "generation", 0));
}

/* --- the look at the other site that comes first ---------------------------------------------- */

struct look {
    struct dpl_daemon *daemon;
    struct dpl_request *request;
    char *set;
};

static void put_line(struct dpl_doc *lines, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void put_line(struct dpl_doc *lines, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    dpl_doc_add_text(lines, text);
}

/* Where it was asked. */
static void put_addresses(struct dpl_doc *lines, const struct dpl_set *set)
{
    const char *route = dpl_option_text(set, "route");
    g_autoptr(GString) text = g_string_new(route);
    struct dpl_store_item site;
    const struct dpl_doc *known =
        dpl_store_get(set->daemon->store, "site", dpl_set_peer(set), &site, NULL) == DPL_OK
            ? dpl_doc_list(site.doc, "addresses")
            : NULL;
    for (size_t i = 0; i < dpl_doc_count(known); i++) {
        const char *address = dpl_doc_as_text(dpl_doc_at(known, i));
        if (address && g_strcmp0(address, route) != 0)
            g_string_append_printf(text, "%s%s", text->len ? ", " : "", address);
    }
    put_line(lines, "it was asked at %s", text->len ? text->str : "no address: none is known");
}

/* What the replica has heard and applied; only the node that writes it knows. */
static void put_replica(struct dpl_doc *lines, const struct dpl_set *set)
{
    int64_t applied_ms = dpl_doc_int(set->status, "applied_time_ms", 0);
    int64_t heard_ms = dpl_doc_int(set->status, "heard_ms", 0);
    char at[DPL_FAILOVER_TIME];
    if (!set->status) {
        put_line(lines, "this node does not write its replica: when it was last heard is known at "
                        "the one that does");
        return;
    }
    put_line(lines, "its replica here is %s, %s", dpl_set_state_text(set->state),
             set->connected ? "and connected with it now" : "and not connected");
    if (heard_ms > 0) {
        put_line(lines, "it was last heard at %s (%lld s ago)",
                 dpl_failover_time(heard_ms, at, sizeof at),
                 (long long)MAX(g_get_real_time() / 1000 - heard_ms, 0) / 1000);
    } else {
        put_line(lines, "when it was last heard is not known: the replica was begun anew since");
    }
    if (applied_ms > 0) {
        put_line(lines, "the last change that is applied here was made there at %s",
                 dpl_failover_time(applied_ms, at, sizeof at));
    }
}

/* What speaks for and against the other site's being down. */
static void put_evidence(struct dpl_doc *lines, const struct dpl_set *set,
                         const struct dpl_doc *other, const struct dpl_err *err)
{
    const char *peer = dpl_set_peer(set);
    if (other)
        put_line(lines, "site %s answers (node %s): it is %s, generation %lld", peer,
                 dpl_doc_text(other, "node") ? dpl_doc_text(other, "node") : "?",
                 dpl_doc_text(other, "role") ? dpl_doc_text(other, "role") : "?",
                 (long long)dpl_doc_int(other, "generation", 0));
    else
        put_line(lines, "site %s does not answer: %s", peer, err->text);
    put_addresses(lines, set);
    put_replica(lines, set);
    put_line(lines, "its last generation that is known here is %lld",
             (long long)dpl_doc_int(set->doc, "generation", 0));
}

/* Whether it could be served here at all, by the rules that the other site says, or has said. Those
 * outside the map may be left out, where that is accepted and makes rules of the rest. */
static int check_rules(const struct dpl_set *set, const struct dpl_doc *args,
                       const struct dpl_doc *other, struct dpl_err *err)
{
    const char *rules = dpl_doc_text(other, "rules");
    const struct dpl_doc *map = dpl_doc_list(set->doc, "map");
    struct dpl_err why = {0};
    if (!rules)
        rules = dpl_doc_text(set->doc, "peer_rules");
    if (!rules)
        return DPL_OK;
    g_autofree char *inside = dpl_set_rules_mapped(rules, map), *rest = NULL, *all = NULL;
    bool mends = dpl_set_rules_here(inside, map, &rest, &why) == DPL_OK;
    if (mends && (dpl_doc_bool(args, "accept_incomplete", false) ||
                  dpl_set_rules_here(rules, map, &all, &why) == DPL_OK))
        return DPL_OK;
    return dpl_err_set(err, DPL_E_REFUSED,
                       "set \"%s\" could not be served here: %.300s: at site \"%s\": doppel set "
                       "remove %s PATH%s",
                       set->name, why.text, dpl_set_peer(set), set->name,
                       mends ? "; or --accept-incomplete, and it is served without" : "");
}

/* Whether the replica could be served. Only the node that has it knows that of itself; to the
 * others the source says what its target told it. */
static int judge_replica(const struct dpl_set *set, const struct dpl_doc *args,
                         const struct dpl_doc *other, struct dpl_err *err)
{
    const struct dpl_doc *knows = set->status ? set->status : dpl_doc_tree(other, "engine");
    if (dpl_doc_bool(args, "accept_incomplete", false) || dpl_doc_bool(knows, "consistent", false))
        return DPL_OK;
    if (!set->status && !dpl_doc_get(knows, "consistent"))
        return dpl_err_set(err, DPL_E_REFUSED,
                           "whether the replica of set \"%s\" is consistent is not known at node "
                           "\"%s\": type it at the node that has it, or --accept-incomplete",
                           set->name, set->daemon->settings.node);
    return dpl_err_set(err, DPL_E_REFUSED,
                       "the replica of set \"%s\" is not consistent here (%s), and site \"%s\" "
                       "answers: doppel wait %s --consistent, or --accept-incomplete",
                       set->name,
                       set->status ? dpl_set_state_text(set->state) : dpl_doc_text(other, "state"),
                       dpl_set_peer(set), set->name);
}

/* Whether it can be done as it was asked for, by what the other site says. */
static int judge(const struct dpl_set *set, const struct dpl_doc *args, const struct dpl_doc *other,
                 const struct dpl_err *why, struct dpl_err *err)
{
    const char *peer = dpl_set_peer(set);
    enum dpl_failover_mode mode = dpl_failover_mode(args);
    const char *role = dpl_doc_text(other, "role");
    bool held = dpl_doc_bool(other, "held", false);
    if (check_rules(set, args, other, err) < 0)
        return err->code;
    if (other && mode == DPL_FAILOVER_DOWN && g_strcmp0(role, "serving") == 0 && !held)
        return dpl_err_set(err, DPL_E_REFUSED,
                           "site \"%s\" is not down: it answers that it serves; without "
                           "--source-is-down it is asked to let go",
                           peer);
    /* Where the source is down there is nothing to wait for: then the procedure asks. */
    if (other && mode != DPL_FAILOVER_DOWN && judge_replica(set, args, other, err) < 0)
        return err->code;
    if (!other && mode != DPL_FAILOVER_DOWN && why->code == DPL_E_UNREACHABLE)
        return dpl_err_set(err, DPL_E_UNREACHABLE,
                           "site \"%s\" does not answer (%s), and it may serve: when you know that "
                           "it is down: doppel failover %s --immediate --source-is-down",
                           peer, why->text, set->name);
    if (!other && mode != DPL_FAILOVER_DOWN)
        return dpl_err_set(err, why->code, "site \"%s\": %s", peer, why->text);
    return DPL_OK;
}

static void answer_plan(struct dpl_set *set, struct dpl_request *request,
                        const struct dpl_doc *other, const struct dpl_err *why)
{
    static const char *const texts[] = {"graceful: nothing is lost", "immediate: with what is here",
                                        "immediate: the other site is said to be down"};
    struct dpl_doc *answer = dpl_doc_new(), *lines = dpl_doc_set_list(answer, "evidence");
    struct dpl_err err = {0};
    put_line(lines, "failover of set %s from site %s to site %s, %s", set->name, dpl_set_peer(set),
             set->daemon->settings.site, texts[dpl_failover_mode(request->args)]);
    put_line(lines, "the generation becomes %lld", (long long)next_generation(set, other));
    put_evidence(lines, set, other, why);
    if (judge(set, request->args, other, why, &err) < 0)
        put_line(lines, "it would be refused: %s", err.text);
    dpl_doc_set(answer, "steps", dpl_procedure_plan(&dpl_failover_kind));
    dpl_request_done(request, answer);
}

static void looked(void *self, int rc, const struct dpl_doc *other, const struct dpl_err *why)
{
    struct look *look = self;
    struct dpl_request *request = look->request;
    struct dpl_set *set;
    struct dpl_err err = {0};
    int code = dpl_set_get(look->daemon, look->set, &set, &err);
    if (code == DPL_OK)
        code = check_set(set, &err); /* it may have changed */
    if (code == DPL_OK && !dpl_procedure_is_plan(request))
        code = judge(set, request->args, rc < 0 ? NULL : other, why, &err);
    if (code < 0)
        dpl_request_fail(request, &err);
    else if (dpl_procedure_is_plan(request))
        answer_plan(set, request, other, why);
    else {
        if (rc == DPL_OK)
            dpl_learn_rules(set, dpl_doc_text(other, "rules"));
        dpl_procedure_begin(set, &dpl_failover_kind, next_generation(set, other), request->args,
                            request);
    }
    g_free(look->set);
    g_free(look);
}

static void ask_state(struct dpl_set *set, struct dpl_request *request, dpl_talk_fn *then)
{
    struct look *look = g_new(struct look, 1);
    *look = (struct look){set->daemon, request, g_strdup(set->name)};
    dpl_talk_ask(set->daemon, dpl_set_peer(set), dpl_talk_question("state", set->name), LOOK_MS,
                 then, look);
}

static void evident(void *self, int rc, const struct dpl_doc *other, const struct dpl_err *why)
{
    struct look *look = self;
    struct dpl_set *set;
    struct dpl_err err = {0};
    if (dpl_set_get(look->daemon, look->set, &set, &err) == DPL_OK) {
        struct dpl_doc *answer = dpl_doc_new();
        dpl_doc_set_text(answer, "set", set->name);
        put_evidence(dpl_doc_set_list(answer, "evidence"), set, rc < 0 ? NULL : other, why);
        dpl_request_done(look->request, answer);
    } else {
        dpl_request_fail(look->request, &err);
    }
    g_free(look->set);
    g_free(look);
}

void dpl_failover_evidence(struct dpl_set *set, struct dpl_request *request)
{
    ask_state(set, request, evident);
}

void dpl_failover_command(struct dpl_set *set, struct dpl_request *request)
{
    struct dpl_err err = {0};
    bool down = dpl_doc_bool(request->args, "source_is_down", false);
    int rc = check_options(request->args, &err);
    if (rc == DPL_OK)
        rc = check_set(set, &err);
    if (rc == DPL_OK && down && !dpl_procedure_is_plan(request))
        rc = dpl_failover_check_confirm(request->args, set->name, &err);
    if (rc == DPL_OK && down && !dpl_procedure_is_plan(request))
        rc = check_rules(set, request->args, NULL, &err);
    if (rc < 0) {
        dpl_request_fail(request, &err);
        return;
    }
    if (down && !dpl_procedure_is_plan(
                    request)) { /* what is recorded first holds a source that starts just now */
        dpl_procedure_begin(set, &dpl_failover_kind, next_generation(set, NULL), request->args,
                            request);
        return;
    }
    ask_state(set, request, looked);
}
