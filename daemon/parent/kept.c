/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/kept.h"

#include <string.h>

static const struct dpl_child_kind kind = {.name = "kept",
                                           .program = "doppel-kept",
                                           .channel = true,
                                           .stop_ms = 1000,
                                           .most_ms = 40 * 60 * 1000};

struct dpl_kept_look {
    struct dpl_set *set;
    int64_t life;
    struct dpl_child *child;
    char *dir;
    struct dpl_doc *answer; /* NULL: it is being looked for */
};

void dpl_kept_forget(struct dpl_set *set)
{
    struct dpl_kept_look *look = g_steal_pointer(&set->kept);
    if (!look)
        return;
    dpl_child_free(look->child);
    dpl_doc_free(look->answer);
    g_free(look->dir);
    g_free(look);
}

static void message(void *self, const struct dpl_doc *doc)
{
    struct dpl_kept_look *look = self;
    if (look->answer)
        return;
    look->answer = dpl_doc_copy(doc);
    struct dpl_doc *kept = dpl_doc_get_mutable(look->answer, "kept");
    if (kept)
        dpl_doc_set_format(kept, "list", "%s/kept-%lld", look->dir, (long long)look->life);
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

static int begin(struct dpl_set *set, struct dpl_err *err)
{
    struct dpl_kept_look *look = g_new0(struct dpl_kept_look, 1);
    g_autoptr(GPtrArray) roots = roots_of(set), args = g_ptr_array_new();
    g_autofree char *life = g_strdup_printf("%lld", (long long)dpl_doc_int(set->doc, "life", 0));
    g_autofree char *since =
        g_strdup_printf("%lld", (long long)dpl_doc_int(set->doc, "parted_ms", 0));
    g_autofree char *top = roots->len ? g_path_get_dirname(roots->pdata[0]) : g_strdup("/");
    look->set = set;
    look->life = dpl_doc_int(set->doc, "life", 0);
    look->dir = g_build_filename(top, ".doppel", set->name, NULL);
    g_ptr_array_add(args, life);
    g_ptr_array_add(args, since);
    g_ptr_array_add(args, look->dir);
    for (guint i = 0; i < roots->len; i++)
        g_ptr_array_add(args, roots->pdata[i]);
    g_ptr_array_add(args, NULL);
    set->kept = look;
    look->child = dpl_child_new(set->daemon->children, &kind, set->name,
                                (const char *const *)args->pdata, &fns, look);
    int rc = dpl_child_start(look->child, err);
    if (rc < 0)
        dpl_kept_forget(set);
    return rc;
}

void dpl_kept_asked(struct dpl_daemon *daemon, struct dpl_set *set, struct dpl_talk *talk)
{
    struct dpl_err err = {0};
    int rc = DPL_OK;
    (void)daemon;
    if (set->kept && set->kept->life != dpl_doc_int(set->doc, "life", 0))
        dpl_kept_forget(set);
    if (set->source || !dpl_child_running(set->engine))
        rc = dpl_err_set(&err, DPL_E_REFUSED, "set \"%s\" has no replica at this node", set->name);
    else if (!set->kept)
        rc = begin(set, &err);
    if (rc < 0) {
        dpl_talk_fail(talk, &err);
        return;
    }
    struct dpl_doc *answer = set->kept->answer ? dpl_doc_copy(set->kept->answer) : dpl_doc_new();
    if (!set->kept->answer)
        dpl_doc_set_bool(answer, "running", true);
    dpl_talk_answer(talk, answer);
}
