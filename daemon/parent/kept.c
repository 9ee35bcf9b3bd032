/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/kept.h"

#include "daemon/parent/set_become.h"

#include <string.h>

enum { RULES_MAX = 100 * 1024, BRIEF = 100 };

static const struct dpl_child_kind kind = {.name = "kept",
                                           .program = "doppel-kept",
                                           .channel = true,
                                           .stop_ms = 1000,
                                           .most_ms = 40 * 60 * 1000};

struct dpl_kept_look {
    struct dpl_set *set;
    int64_t number; /* the life of the replica, or of what was asked for */
    struct dpl_child *child;
    char *list;             /* the file */
    struct dpl_doc *answer; /* NULL: it is being looked for */
};

static void look_free(struct dpl_kept_look *look)
{
    if (!look)
        return;
    dpl_child_free(look->child);
    dpl_doc_free(look->answer);
    g_free(look->list);
    g_free(look);
}

void dpl_kept_forget(struct dpl_set *set)
{
    g_clear_pointer(&set->kept, look_free);
    g_clear_pointer(&set->changed, look_free);
}

static void message(void *self, const struct dpl_doc *doc)
{
    struct dpl_kept_look *look = self;
    if (look->answer)
        return;
    look->answer = dpl_doc_copy(doc);
    struct dpl_doc *kept = dpl_doc_get_mutable(look->answer, "kept");
    if (kept)
        dpl_doc_set_text(kept, "list", look->list);
    if (look == look->set->changed)
        dpl_kept_changed_review(look->set);
}

static void ended(void *self, int status, bool again)
{
    struct dpl_kept_look *look = self;
    (void)again;
    g_clear_pointer(&look->child, dpl_child_free);
    if (look->answer)
        return;
    look->answer = dpl_doc_new();
    dpl_doc_set_format(look->answer, "failed", "doppel-kept ended by %d", status);
    if (look == look->set->changed)
        dpl_kept_changed_review(look->set);
}

static const struct dpl_child_fns fns = {.message = message, .ended = ended};

/* The roots of the replica here. */
static GPtrArray *roots_of(const struct dpl_set *set)
{
    GPtrArray *roots = g_ptr_array_new_with_free_func(g_free);
    const struct dpl_doc *map = dpl_doc_list(set->doc, "map");
    for (size_t i = 0; i < dpl_doc_count(map); i++)
        g_ptr_array_add(roots, g_strdup(dpl_doc_text(dpl_doc_at(map, i), "target")));
    const char *const *all = dpl_conf_list(set->daemon->settings.conf, "target", "root");
    for (; roots->len == 0 && *all; all++)
        g_ptr_array_add(roots, g_strdup(*all));
    return roots;
}

static char *dir_of(const struct dpl_set *set, const GPtrArray *roots)
{
    g_autofree char *top = roots->len ? g_path_get_dirname(roots->pdata[0]) : g_strdup("/");
    return g_build_filename(top, ".doppel", set->name, NULL);
}

/* Starts it with these arguments, and the roots behind them; the arguments are taken. */
static int begin(struct dpl_set *set, struct dpl_kept_look **look_r, int64_t number,
                 GPtrArray *args, const GPtrArray *roots, const char *list, struct dpl_err *err)
{
    g_autoptr(GPtrArray) own = args;
    struct dpl_kept_look *look = g_new0(struct dpl_kept_look, 1);
    look->set = set;
    look->number = number;
    look->list = g_strdup(list);
    for (guint i = 0; i < roots->len; i++)
        g_ptr_array_add(args, g_strdup(roots->pdata[i]));
    g_ptr_array_add(args, NULL);
    *look_r = look;
    look->child = dpl_child_new(set->daemon->children, &kind, set->name,
                                (const char *const *)args->pdata, &fns, look);
    int rc = dpl_child_start(look->child, err);
    if (rc < 0)
        g_clear_pointer(look_r, look_free);
    return rc;
}

static int begin_kept(struct dpl_set *set, struct dpl_err *err)
{
    long long life = dpl_doc_int(set->doc, "life", 0);
    g_autoptr(GPtrArray) roots = roots_of(set);
    GPtrArray *args = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *dir = dir_of(set, roots), *list = g_strdup_printf("%s/kept-%lld", dir, life);
    g_ptr_array_add(args, g_strdup_printf("%lld", life));
    g_ptr_array_add(args,
                    g_strdup_printf("%lld", (long long)dpl_doc_int(set->doc, "parted_ms", 0)));
    g_ptr_array_add(args, g_strdup(dir));
    return begin(set, &set->kept, life, args, roots, list, err);
}

static int begin_changed(struct dpl_set *set, const struct dpl_doc *wish, struct dpl_err *err)
{
    const char *theirs = dpl_doc_text(set->doc, "peer_rules");
    g_autoptr(GPtrArray) roots = roots_of(set);
    GPtrArray *args = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *dir = dir_of(set, roots), *list = g_strdup_printf("%s/changed", dir);
    char *rules = NULL;
    /* Without them, or with more than an argument holds, all beneath the roots is looked at. */
    if (theirs && (dpl_set_rules_here(theirs, dpl_doc_list(set->doc, "map"), &rules, NULL) < 0 ||
                   strlen(rules) > RULES_MAX))
        g_clear_pointer(&rules, g_free);
    g_ptr_array_add(args, g_strdup("--changed"));
    g_ptr_array_add(args, g_strdup_printf("%lld", (long long)dpl_doc_int(wish, "since_ms", 0)));
    g_ptr_array_add(args, rules ? rules : g_strdup(""));
    g_ptr_array_add(args, g_strdup(dir));
    return begin(set, &set->changed, dpl_doc_int(wish, "number", 0), args, roots, list, err);
}

struct dpl_doc *dpl_kept_brief(const struct dpl_doc *kept)
{
    struct dpl_doc *brief = dpl_doc_new();
    const struct dpl_doc *files = dpl_doc_list(kept, "files");
    for (size_t i = 0; i < dpl_doc_count(kept); i++) {
        const struct dpl_doc *value = dpl_doc_at(kept, i);
        if (strcmp(dpl_doc_key(value), "files") != 0)
            dpl_doc_set(brief, dpl_doc_key(value), dpl_doc_copy(value));
    }
    struct dpl_doc *list = dpl_doc_set_list(brief, "files");
    for (size_t i = 0; i < dpl_doc_count(files) && i < BRIEF; i++) {
        const struct dpl_doc *row = dpl_doc_at(files, i);
        struct dpl_doc *copy = dpl_doc_add_tree(list);
        for (size_t k = 0; k < dpl_doc_count(row); k++)
            dpl_doc_set(copy, dpl_doc_key(dpl_doc_at(row, k)), dpl_doc_copy(dpl_doc_at(row, k)));
    }
    return brief;
}

/* What was found, for all nodes. */
static void put_changed(struct dpl_set *set, int64_t number, const struct dpl_doc *answer,
                        const char *failed)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    const struct dpl_doc *kept = dpl_doc_tree(answer, "kept");
    const char *why = failed ? failed : dpl_doc_text(answer, "failed");
    dpl_doc_set_int(doc, "number", number);
    if (kept)
        dpl_doc_set(doc, "kept", dpl_kept_brief(kept));
    else
        dpl_doc_set_text(doc, "failed", why ? why : "it did not say what it found");
    dpl_store_put(set->daemon->store, "changed", set->name, NULL, doc, NULL, NULL);
}

void dpl_kept_changed_review(struct dpl_set *set)
{
    const struct dpl_doc *wish = dpl_doc_tree(set->doc, "look_changed");
    int64_t number = dpl_doc_int(wish, "number", 0);
    struct dpl_store_item item;
    struct dpl_err err = {0};
    if (!wish || set->source || !dpl_child_running(set->engine) || set->daemon->stopping)
        return;
    if (dpl_store_get(set->daemon->store, "changed", set->name, &item, NULL) == DPL_OK &&
        dpl_doc_int(item.doc, "number", 0) == number)
        return;
    if (set->changed && set->changed->number != number)
        g_clear_pointer(&set->changed, look_free);
    if (!set->changed && begin_changed(set, wish, &err) < 0)
        put_changed(set, number, NULL, err.text);
    else if (set->changed && set->changed->answer)
        put_changed(set, number, set->changed->answer, NULL);
}

void dpl_kept_asked(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_talk *talk)
{
    struct dpl_err err = {0};
    int rc = DPL_OK;
    (void)daemon;
    if (set->kept && set->kept->number != dpl_doc_int(set->doc, "life", 0))
        g_clear_pointer(&set->kept, look_free);
    if (set->source || !dpl_child_running(set->engine))
        rc = dpl_err_set(&err, DPL_E_REFUSED, "set \"%s\" has no replica at this node", set->name);
    else if (!set->kept)
        rc = begin_kept(set, &err);
    if (rc < 0) {
        dpl_talk_fail(talk, &err);
        return;
    }
    struct dpl_doc *answer = set->kept->answer ? dpl_doc_copy(set->kept->answer) : dpl_doc_new();
    if (!set->kept->answer)
        dpl_doc_set_bool(answer, "running", true);
    dpl_talk_answer(talk, answer);
}
