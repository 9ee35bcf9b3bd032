/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/procedure_doc.h"

#include <string.h>
#include <time.h>

static int64_t wall_ms(void)
{
    return g_get_real_time() / 1000;
}

struct dpl_doc *dpl_procedure_doc(const struct dpl_run_kind *kind, const char *set,
                                  int64_t generation, const struct dpl_doc *options)
{
    struct dpl_doc *doc = dpl_doc_new();
    dpl_doc_set_text(doc, "kind", kind->name);
    dpl_doc_set_text(doc, "set", set);
    dpl_doc_set_int(doc, "generation", generation);
    dpl_doc_set_int(doc, "begun_ms", wall_ms());
    dpl_doc_set(doc, "options", options ? dpl_doc_copy(options) : dpl_doc_new());
    dpl_doc_set_tree(doc, "facts");
    struct dpl_doc *steps = dpl_doc_set_list(doc, "steps");
    for (size_t i = 0; i < kind->count; i++)
        dpl_doc_set_text(dpl_doc_add_tree(steps), "name", kind->steps[i].name);
    struct dpl_procedure p;
    dpl_procedure_init(&p, kind->count);
    dpl_procedure_write(&p, doc);
    return doc;
}

char *dpl_procedure_id(const struct dpl_daemon *daemon, const char *set)
{
    time_t now = time(NULL);
    struct tm tm;
    char stamp[32];
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", localtime_r(&now, &tm));
    for (unsigned i = 1;; i++) {
        g_autofree char *id = g_strdup_printf("%s-%s-%u", set, stamp, i);
        struct dpl_store_item item;
        if (dpl_store_get(daemon->store, "procedure", id, &item, NULL) < 0)
            return g_steal_pointer(&id);
    }
}

void dpl_procedure_sign(const struct dpl_daemon *daemon, struct dpl_doc *doc)
{
    g_autofree char *token = g_uuid_string_random();
    dpl_doc_set_text(doc, "node", daemon->settings.node);
    dpl_doc_set_text(doc, "token", token);
}

int dpl_procedure_read(const struct dpl_doc *doc, const struct dpl_run_kind *kind,
                       struct dpl_procedure *p, struct dpl_err *err)
{
    const struct dpl_doc *steps = dpl_doc_list(doc, "steps");
    int state = dpl_procedure_state_find(dpl_doc_text(doc, "state"));
    dpl_procedure_init(p, kind->count);
    if (state < 0 || dpl_doc_count(steps) != kind->count)
        return dpl_err_set(err, DPL_E_CORRUPT,
                           "the record of this procedure is none of this version's");
    p->state = (enum dpl_procedure_state)state;
    p->back = dpl_doc_bool(doc, "back", false);
    for (size_t i = 0; i < kind->count; i++) {
        const struct dpl_doc *row = dpl_doc_at(steps, i);
        int step = dpl_step_state_find(dpl_doc_text(row, "state"));
        if (step < 0 || g_strcmp0(dpl_doc_text(row, "name"), kind->steps[i].name) != 0)
            return dpl_err_set(err, DPL_E_CORRUPT, "step %zu of the record is not of this version",
                               i + 1);
        p->steps[i] = (enum dpl_step_state)step;
        p->last[i] = kind->steps[i].last;
    }
    return dpl_procedure_check(p, err);
}

static struct dpl_doc *step_at(struct dpl_doc *doc, size_t at)
{
    struct dpl_doc *steps = dpl_doc_get_mutable(doc, "steps");
    /* The record is ours alone: what it holds may be changed. */
    return (struct dpl_doc *)(uintptr_t)dpl_doc_at(steps, at);
}

void dpl_procedure_write(const struct dpl_procedure *p, struct dpl_doc *doc)
{
    dpl_doc_set_text(doc, "state", dpl_procedure_state_text(p->state));
    if (p->back)
        dpl_doc_set_bool(doc, "back", true);
    for (size_t i = 0; i < p->count; i++) {
        dpl_doc_set_text(step_at(doc, i), "state", dpl_step_state_text(p->steps[i]));
        if (p->steps[i] == DPL_STEP_TODO) /* it was stopped before it acted */
            dpl_doc_unset(step_at(doc, i), "begun_ms");
    }
}

void dpl_procedure_step_begun(struct dpl_doc *doc, size_t at)
{
    struct dpl_doc *step = step_at(doc, at);
    if (!dpl_doc_get(step, "begun_ms"))
        dpl_doc_set_int(step, "begun_ms", wall_ms());
    dpl_doc_unset(step, "ended_ms");
}

void dpl_procedure_step_ended(struct dpl_doc *doc, size_t at, const char *text)
{
    struct dpl_doc *step = step_at(doc, at);
    dpl_doc_set_int(step, "ended_ms", wall_ms());
    dpl_doc_set_text(step, "text", text);
}

void dpl_procedure_ended_now(struct dpl_doc *doc)
{
    dpl_doc_set_int(doc, "ended_ms", wall_ms());
}

bool dpl_procedure_has_ended(const struct dpl_doc *doc)
{
    int state = dpl_procedure_state_find(dpl_doc_text(doc, "state"));
    return state == DPL_PROCEDURE_DONE || state == DPL_PROCEDURE_UNDONE ||
           dpl_doc_tree(doc, "given_up");
}

const struct dpl_doc *dpl_procedure_open_doc(const struct dpl_daemon *daemon, const char *set,
                                             const char **id_r)
{
    struct dpl_store_item of_set, item;
    if (!set || dpl_store_get(daemon->store, "set", set, &of_set, NULL) < 0)
        return NULL;
    *id_r = dpl_doc_text(of_set.doc, "procedure");
    bool open = *id_r && dpl_store_get(daemon->store, "procedure", *id_r, &item, NULL) == DPL_OK &&
                !dpl_procedure_has_ended(item.doc);
    return open ? item.doc : NULL;
}

const char *dpl_procedure_open(const struct dpl_daemon *daemon, const char *set)
{
    const char *id;
    return dpl_procedure_open_doc(daemon, set, &id) ? id : NULL;
}

static bool says_running(const struct dpl_doc *doc)
{
    return dpl_procedure_state_find(dpl_doc_text(doc, "state")) == DPL_PROCEDURE_RUNNING;
}

bool dpl_procedure_attended(const struct dpl_daemon *daemon, const char *id,
                            const struct dpl_doc *doc)
{
    const char *node = dpl_doc_text(doc, "node");
    if (dpl_run_find(daemon, id)) /* its record may still say who ran it before, or that it rests */
        return true;
    return says_running(doc) && node && strcmp(node, daemon->settings.node) != 0 &&
           dpl_group_present(dpl_store_group(daemon->store), node);
}

const struct dpl_doc *dpl_procedure_resting(const struct dpl_daemon *daemon, const char *set,
                                            const char **id_r)
{
    const struct dpl_doc *doc = dpl_procedure_open_doc(daemon, set, id_r);
    return doc && !dpl_procedure_attended(daemon, *id_r, doc) ? doc : NULL;
}

const char *dpl_procedure_state_seen(const struct dpl_doc *doc, bool attended)
{
    return !attended && says_running(doc) ? dpl_procedure_state_text(DPL_PROCEDURE_INTERRUPTED)
                                          : dpl_doc_text(doc, "state");
}

static bool is_left(const struct dpl_daemon *daemon, const char *id, const struct dpl_doc *doc)
{
    const char *set = dpl_doc_text(doc, "set");
    return says_running(doc) && g_strcmp0(dpl_doc_text(doc, "node"), daemon->settings.node) == 0 &&
           set && g_strcmp0(dpl_procedure_open(daemon, set), id) == 0 && !dpl_run_find(daemon, id);
}

void dpl_procedures_left(struct dpl_daemon *daemon)
{
    g_auto(GStrv) names = dpl_store_list(daemon->store, "procedure");
    for (size_t i = 0; names[i]; i++) {
        struct dpl_store_item item;
        if (dpl_store_get(daemon->store, "procedure", names[i], &item, NULL) < 0 ||
            !is_left(daemon, names[i], item.doc))
            continue;
        g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(item.doc);
        struct dpl_store_version version = item.version;
        dpl_doc_set_text(doc, "state", dpl_procedure_state_text(DPL_PROCEDURE_INTERRUPTED));
        dpl_doc_set_format(doc, "why", "doppeld of node \"%s\" ended", daemon->settings.node);
        dpl_store_put(daemon->store, "procedure", names[i], &version, doc, NULL, NULL);
    }
}

void dpl_procedures_prune(struct dpl_daemon *daemon, const char *set)
{
    g_auto(GStrv) names = dpl_store_list(daemon->store, "procedure");
    const char *open = dpl_procedure_open(daemon, set);
    guint kept = 0;
    for (guint i = g_strv_length(names); i > 0; i--) { /* their names grow with time */
        struct dpl_store_item item;
        if (dpl_store_get(daemon->store, "procedure", names[i - 1], &item, NULL) < 0 ||
            g_strcmp0(dpl_doc_text(item.doc, "set"), set) != 0 ||
            g_strcmp0(names[i - 1], open) == 0 || ++kept <= DPL_PROCEDURES_KEPT)
            continue;
        struct dpl_store_version version = item.version;
        dpl_store_put(daemon->store, "procedure", names[i - 1], &version, NULL, NULL, NULL);
    }
}
