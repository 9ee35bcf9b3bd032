/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/hook.h"

#include "daemon/parent/log.h"
#include "lib/config/hooks.h"

enum { HOOK_MS = 60000 };

struct hooks {
    struct dpl_daemon *daemon;
    GPtrArray *paths, *env;
    guint next;
    char *path; /* of the one that runs */
    struct dpl_child_kind kind;
    struct dpl_child *child;
    bool all;
    struct dpl_err err; /* of the first that failed */
    dpl_hooks_fn *fn;
    void *self;
    char *label;
    struct hooks *other;
};

static struct hooks *running; /* in the process's one loop */

static void hooks_free(struct hooks *h)
{
    struct hooks **at = &running;
    while (*at != h)
        at = &(*at)->other;
    *at = h->other;
    dpl_child_free(h->child);
    g_ptr_array_unref(h->paths);
    g_ptr_array_unref(h->env);
    g_free(h->label);
    g_free(h);
}

static void end(struct hooks *h)
{
    struct dpl_err err = h->err;
    dpl_hooks_fn *fn = h->fn;
    void *self = h->self;
    hooks_free(h);
    fn(self, err.code, &err);
}

static void next(struct hooks *h);

static void failed(struct hooks *h, int status)
{
    struct dpl_err err = {0};
    dpl_err_set(&err, DPL_E_FAILED, "hook \"%s\" %s %d%s", h->path,
                status < 0 ? "ended by signal" : "failed with exit", status < 0 ? -status : status,
                status == -15 || status == -9 ? " (it may run for 60 s)" : "");
    dpl_log(LOG_WARNING, "%s", err.text);
    if (h->err.code == 0)
        h->err = err;
}

static void ended(void *self, int status, bool again)
{
    struct hooks *h = self;
    (void)again;
    if (status != 0)
        failed(h, status);
    g_clear_pointer(&h->child, dpl_child_free);
    next(h);
}

static const struct dpl_child_fns fns = {.ended = ended};

static void next(struct hooks *h)
{
    static const char *const args[] = {NULL};
    struct dpl_err err = {0};
    if (h->next == h->paths->len || (h->err.code < 0 && !h->all)) {
        end(h);
        return;
    }
    h->path = h->paths->pdata[h->next++];
    h->kind = (struct dpl_child_kind){
        .name = "hook", .program = h->path, .stop_ms = 2000, .most_ms = HOOK_MS};
    h->child = dpl_child_new(h->daemon->children, &h->kind, h->label, args, &fns, h);
    for (guint i = 0; i < h->env->len; i++)
        dpl_child_set_env(h->child, h->env->pdata[i]);
    if (dpl_child_start(h->child, &err) == DPL_OK)
        return;
    dpl_log(LOG_WARNING, "hook \"%s\": %s", h->path, err.text);
    if (h->err.code == 0)
        h->err = err;
    g_clear_pointer(&h->child, dpl_child_free);
    next(h);
}

static void put(struct hooks *h, const char *name, const char *value)
{
    g_ptr_array_add(h->env, g_strdup_printf("DOPPEL_%s=%s", name, value ? value : ""));
}

static void put_env(struct hooks *h, const struct dpl_run *run, const char *name)
{
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    g_autofree char *generation = g_strdup_printf("%lld", (long long)dpl_run_generation(run));
    put(h, "HOOK", name);
    put(h, "SET", run->set);
    put(h, "SITE", run->daemon->settings.site);
    put(h, "PEER", set ? dpl_set_peer(set) : NULL);
    put(h, "GENERATION", generation);
    put(h, "PROCEDURE", run->id);
    put(h, "DIRECTION", run->kind->name);
}

void dpl_hooks_run(const struct dpl_run *run, const char *name, bool all, dpl_hooks_fn *fn,
                   void *self)
{
    g_autofree char *conf = g_path_get_dirname(run->daemon->settings.config_path);
    g_autofree char *of = g_strdup_printf("%s.d", name);
    g_autofree char *dir = g_build_filename(conf, DPL_HOOKS_DIR, of, NULL);
    g_autoptr(GPtrArray) refused = NULL;
    struct hooks *h = g_new0(struct hooks, 1);
    *h = (struct hooks){.daemon = run->daemon,
                        .paths = dpl_hooks_list(dir, &refused),
                        .env = g_ptr_array_new_with_free_func(g_free),
                        .all = all,
                        .fn = fn,
                        .self = self,
                        .label = g_strdup(run->set),
                        .other = running};
    running = h;
    put_env(h, run, name);
    for (guint i = 0; i < refused->len; i++)
        dpl_log(LOG_WARNING, "hook \"%s\" is not run: " DPL_HOOKS_RULE,
                (const char *)refused->pdata[i]);
    next(h);
}

void dpl_hooks_end(struct dpl_daemon *daemon)
{
    (void)daemon;
    while (running)
        hooks_free(running);
}
