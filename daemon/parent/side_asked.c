/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/side_asked.h"

#include "daemon/parent/cluster.h"
#include "daemon/parent/group_look.h"
#include "daemon/parent/log.h"
#include "daemon/parent/service.h"
#include "daemon/parent/set_become.h"
#include "daemon/parent/set_doc.h"
#include "daemon/parent/set_edit.h"

#include <string.h>

struct ask;
typedef int edit_fn(struct ask *ask, struct dpl_doc *doc, struct dpl_err *err);

struct ask {
    struct dpl_daemon *daemon;
    struct dpl_talk *talk;
    char *set;
    int64_t generation;
    edit_fn *edit;
    bool tells_settled;
};

static void ask_free(struct ask *ask)
{
    g_free(ask->set);
    g_free(ask);
}

static void put_settled(const struct ask *ask, struct dpl_doc *answer)
{
    struct dpl_store_item item;
    const char *procedure = dpl_doc_text(dpl_talk_args(ask->talk), "procedure");
    if (dpl_store_get(ask->daemon->store, "settled", ask->set, &item, NULL) == DPL_OK &&
        g_strcmp0(dpl_doc_text(item.doc, "procedure"), procedure) == 0)
        dpl_doc_set(answer, "settled", dpl_doc_copy(item.doc));
}

static void edited(void *self, int rc, const struct dpl_err *err)
{
    struct ask *ask = self;
    struct dpl_store_item item;
    struct dpl_err why = *err;
    if (rc >= 0)
        rc = dpl_store_get(ask->daemon->store, "set", ask->set, &item, &why);
    if (rc < 0) {
        dpl_talk_fail(ask->talk, &why);
    } else {
        struct dpl_doc *answer = dpl_doc_new();
        dpl_doc_set_text(answer, "role", dpl_doc_text(item.doc, "role"));
        dpl_doc_set_int(answer, "generation", dpl_doc_int(item.doc, "generation", 0));
        if (ask->tells_settled)
            put_settled(ask, answer);
        dpl_talk_answer(ask->talk, answer);
    }
    ask_free(ask);
}

static int edit(void *self, struct dpl_doc *doc, struct dpl_err *err)
{
    struct ask *ask = self;
    int rc = ask->edit(ask, doc, err);
    return rc < 0 && err ? dpl_err_context(err, "set \"%s\"", ask->set) : rc;
}

static void begin(struct dpl_daemon *daemon, const struct dpl_set *set, struct dpl_talk *talk,
                  edit_fn *fn, bool tells_settled)
{
    struct ask *ask = g_new0(struct ask, 1);
    *ask = (struct ask){.daemon = daemon,
                        .talk = talk,
                        .set = g_strdup(set->name),
                        .generation = dpl_doc_int(dpl_talk_args(talk), "generation", 0),
                        .edit = fn,
                        .tells_settled = tells_settled};
    dpl_set_edit(daemon, set->name, edit, edited, ask);
}

/* --- standby ---------------------------------------------------------------------------------- */

static int stand_by(struct ask *ask, struct dpl_doc *doc, struct dpl_err *err)
{
    const struct dpl_doc *args = dpl_talk_args(ask->talk), *map = dpl_doc_list(args, "map");
    const char *rules = dpl_doc_text(args, "rules");
    struct dpl_set_side side;
    int rc = dpl_set_doc_check_map(ask->daemon, ask->set, map, err);
    dpl_set_side_read(doc, &side);
    if (rc < 0)
        return rc;
    if (side.role != DPL_SET_ROLE_STANDBY)
        dpl_doc_set_text(doc, "peer", dpl_talk_site(ask->talk));
    rc = dpl_set_become(doc, DPL_SET_EVENT_STAND_BY, ask->generation, err);
    if (rc < 0)
        return rc;
    if (rc > 0 && dpl_doc_get(args, "parted_ms"))
        dpl_doc_set_int(doc, "parted_ms", dpl_doc_int(args, "parted_ms", 0));
    if (rc > 0) /* also one that was accepted anew, over files that lie here */
        dpl_doc_set_bool(doc, "set_aside", true);
    if (dpl_doc_count(map) > 0)
        dpl_doc_set(doc, "map", dpl_doc_copy(map));
    if (rules)
        dpl_doc_set_text(doc, "peer_rules", rules);
    dpl_doc_unset(doc, "off");
    return 1;
}

void dpl_side_stand_by(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_talk *talk)
{
    dpl_log(LOG_NOTICE, "set \"%s\": site \"%s\" serves, and asks this one to stand by", set->name,
            dpl_talk_site(talk));
    begin(daemon, set, talk, stand_by, false);
}

/* --- settle, withdraw, serve ------------------------------------------------------------------ */

/* True: they are others than those that were heard before. */
static bool take_rules(struct dpl_doc *doc, const char *rules)
{
    if (!rules || g_strcmp0(rules, dpl_doc_text(doc, "peer_rules")) == 0)
        return false;
    dpl_doc_set_text(doc, "peer_rules", rules);
    return true;
}

/* The other site gives nothing away that this one could not take: what would be refused then is
 * refused now. */
static int would_serve(const struct dpl_doc *doc, int64_t generation, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) copy = dpl_doc_copy(doc);
    int rc = dpl_set_become(copy, DPL_SET_EVENT_SERVE, generation, err);
    return rc < 0 ? rc : DPL_OK;
}

static int settle(struct ask *ask, struct dpl_doc *doc, struct dpl_err *err)
{
    const char *procedure = dpl_doc_text(dpl_talk_args(ask->talk), "procedure");
    int rc = dpl_set_become(doc, DPL_SET_EVENT_ANNOUNCE, ask->generation, err);
    struct dpl_doc *pending = rc < 0 ? NULL : dpl_doc_get_mutable(doc, "failing_over");
    if (!pending || !procedure)
        return rc < 0 ? rc : dpl_err_set(err, DPL_E_USAGE, "no procedure is named");
    bool news = take_rules(doc, dpl_doc_text(dpl_talk_args(ask->talk), "rules"));
    rc = would_serve(doc, ask->generation, err);
    if (rc < 0 || (!news && dpl_doc_bool(pending, "settle", false)))
        return rc;
    dpl_doc_set_text(pending, "procedure", procedure);
    dpl_doc_set_bool(pending, "settle", true);
    return 1;
}

void dpl_side_settle(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_talk *talk)
{
    begin(daemon, set, talk, settle, true);
}

static int withdraw(struct ask *ask, struct dpl_doc *doc, struct dpl_err *err)
{
    return dpl_set_become(doc, DPL_SET_EVENT_WITHDRAW, ask->generation, err);
}

void dpl_side_withdraw(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_talk *talk)
{
    begin(daemon, set, talk, withdraw, false);
}

static int serve(struct ask *ask, struct dpl_doc *doc, struct dpl_err *err)
{
    return dpl_set_become(doc, DPL_SET_EVENT_SERVE, ask->generation, err);
}

void dpl_side_serve(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_talk *talk)
{
    dpl_log(LOG_NOTICE, "set \"%s\": site \"%s\" gives it back", set->name, dpl_talk_site(talk));
    begin(daemon, set, talk, serve, false);
}

/* --- online ----------------------------------------------------------------------------------- */

static void answer_missing(struct dpl_talk *talk, const char *missing)
{
    struct dpl_doc *answer = dpl_doc_new();
    if (missing)
        dpl_doc_set_text(answer, "missing", missing);
    dpl_talk_answer(talk, answer);
}

static void on_status(void *self, int rc, const struct dpl_doc *status, const struct dpl_err *err)
{
    struct dpl_talk *talk = self;
    g_autofree char *missing = rc < 0 ? NULL : dpl_group_look_missing(status, dpl_talk_set(talk));
    answer_missing(talk, rc < 0 ? err->text : missing);
}

void dpl_side_online(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_talk *talk)
{
    const char *why = dpl_services_why(set);
    if (daemon->settings.cluster) {
        struct dpl_doc *ask = dpl_doc_new();
        dpl_doc_set_text(ask, "ask", "status");
        dpl_cluster_ask(daemon, ask, on_status, talk);
    } else if (!set->source || !dpl_capture_serves(set)) {
        answer_missing(talk, "its capture");
    } else {
        answer_missing(talk, dpl_services_up(set) ? NULL : why[0] ? why : "its services");
    }
}

/* --- protect ---------------------------------------------------------------------------------- */

static int protect(struct ask *ask, struct dpl_doc *doc, struct dpl_err *err)
{
    struct dpl_set_side side;
    dpl_set_side_read(doc, &side);
    if (side.role != DPL_SET_ROLE_SERVING || side.generation != ask->generation)
        return dpl_err_set(err, DPL_E_REFUSED, "it is %s at this site, generation %lld",
                           dpl_set_role_text(side.role), (long long)side.generation);
    dpl_set_doc_connect(doc);
    return 1;
}

void dpl_side_protect(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_talk *talk)
{
    begin(daemon, set, talk, protect, false);
}
