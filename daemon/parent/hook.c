/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/hook.h"

#include "daemon/parent/log.h"
#include "lib/base/clock.h"
#include "lib/config/hooks.h"

enum { HOOK_MS = 60000, SET_HOOKS_MS = 10000 };

struct hooks {
    struct dpl_daemon *daemon;
    GPtrArray *paths, *env;
    guint next;
    char *path; /* of the one that runs */
    struct dpl_child_kind kind;
    struct dpl_child *child;
    bool all;
    int64_t deadline_ns; /* of all of them; 0: each has its own */
    struct dpl_err err;  /* of the first that failed */
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
                status != -15 && status != -9 ? ""
                : h->deadline_ns              ? " (all of them may run for 10 s)"
                                              : " (it may run for 60 s)");
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

/* How long the next one may run; 0: those before it took all the time. */
static int64_t time_ms(const struct hooks *h)
{
    return h->deadline_ns ? dpl_clock_left_ms(&dpl_clock_system, h->deadline_ns) : HOOK_MS;
}

static void next(struct hooks *h)
{
    static const char *const args[] = {NULL};
    struct dpl_err err = {0};
    while (h->next < h->paths->len && time_ms(h) == 0)
        dpl_log(LOG_WARNING, "hook \"%s\" is not run: those before it took all the time",
                (const char *)h->paths->pdata[h->next++]);
    if (h->next == h->paths->len || (h->err.code < 0 && !h->all)) {
        end(h);
        return;
    }
    h->path = h->paths->pdata[h->next++];
    h->kind = (struct dpl_child_kind){
        .name = "hook", .program = h->path, .stop_ms = 2000, .most_ms = MAX(time_ms(h), 1)};
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

static struct hooks *hooks_new(struct dpl_daemon *daemon, const char *name, const char *set_name,
                               int64_t generation)
{
    const struct dpl_set *set = dpl_set_find(daemon, set_name);
    g_autofree char *conf = g_path_get_dirname(daemon->settings.config_path);
    g_autofree char *of = g_strdup_printf("%s.d", name);
    g_autofree char *dir = g_build_filename(conf, DPL_HOOKS_DIR, of, NULL);
    g_autofree char *number = g_strdup_printf("%lld", (long long)generation);
    g_autoptr(GPtrArray) refused = NULL;
    struct hooks *h = g_new0(struct hooks, 1);
    *h = (struct hooks){.daemon = daemon,
                        .paths = dpl_hooks_list(dir, &refused),
                        .env = g_ptr_array_new_with_free_func(g_free),
                        .label = g_strdup(set_name),
                        .other = running};
    running = h;
    for (guint i = 0; i < refused->len; i++)
        dpl_log(LOG_WARNING, "hook \"%s\" is not run: " DPL_HOOKS_RULE,
                (const char *)refused->pdata[i]);
    put(h, "HOOK", name);
    put(h, "SET", set_name);
    put(h, "SITE", daemon->settings.site);
    put(h, "PEER", set ? dpl_set_peer(set) : NULL);
    put(h, "GENERATION", number);
    return h;
}

void dpl_hooks_run(const struct dpl_run *run, const char *name, bool all, dpl_hooks_fn *fn,
                   void *self)
{
    struct hooks *h = hooks_new(run->daemon, name, run->set, dpl_run_generation(run));
    h->all = all;
    h->fn = fn;
    h->self = self;
    put(h, "PROCEDURE", run->id);
    put(h, "DIRECTION", run->kind->name);
    next(h);
}

void dpl_hooks_run_set(struct dpl_set *set, const char *name, dpl_hooks_fn *fn, void *self)
{
    struct hooks *h =
        hooks_new(set->daemon, name, set->name, dpl_doc_int(set->doc, "generation", 0));
    h->all = true;
    h->deadline_ns = dpl_clock_now_ns(&dpl_clock_system) + (int64_t)SET_HOOKS_MS * 1000000;
    h->fn = fn;
    h->self = self;
    put(h, "DIRECTION", "send");
    next(h);
}

void dpl_hooks_forget(const void *self)
{
    struct hooks *h = running, *other;
    for (; h; h = other) {
        other = h->other;
        if (h->self == self)
            hooks_free(h);
    }
}

void dpl_hooks_end(struct dpl_daemon *daemon)
{
    (void)daemon;
    while (running)
        hooks_free(running);
}
