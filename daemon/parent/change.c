/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/change.h"

#include "daemon/parent/log.h"

enum { WAIT_MS = 20000 };

struct dpl_change {
    struct dpl_daemon *daemon;
    struct dpl_request *request;
    dpl_change_fn *then;
    char *kind, *name;
    struct dpl_timer timer;
};

static void answer(const struct dpl_change *c, int rc, const struct dpl_err *err)
{
    if (c->then)
        c->then(c->daemon, c->request, c->name, rc, err);
    else if (c->request && rc < 0)
        dpl_request_fail(c->request, err);
    else if (c->request)
        dpl_request_done(c->request, NULL);
    else if (rc < 0 && rc != DPL_E_BUSY) /* what was changed meanwhile is looked at again */
        dpl_log(LOG_WARNING, "%s \"%s\": %s", c->kind, c->name, err->text);
}

static void end(struct dpl_change *c, int rc, const struct dpl_err *err)
{
    const struct dpl_err none = {0};
    dpl_timer_clear(&c->timer);
    g_ptr_array_remove(c->daemon->changes, c);
    answer(c, rc, err ? err : &none);
    g_free(c->kind);
    g_free(c->name);
    g_free(c);
}

static void done(void *self, int rc, struct dpl_store_version version, const struct dpl_err *err)
{
    (void)version;
    end(self, rc, err);
}

static void give_up(struct dpl_change *c, int code, const char *what)
{
    const struct dpl_group *group = dpl_store_group(c->daemon->store);
    const char *why = dpl_group_why(group);
    struct dpl_err err = {0};
    dpl_store_forget(c->daemon->store, c);
    dpl_err_set(&err, code, "%s; whether %s \"%s\" is changed, doppel store show says later%s%s",
                what, c->kind, c->name, why[0] ? ": " : "", why);
    end(c, code, &err);
}

static void late(void *self)
{
    struct dpl_change *c = self;
    g_autofree char *awaited = dpl_group_awaited(dpl_store_group(c->daemon->store));
    g_autofree char *what =
        awaited ? g_strdup_printf("node %s does not answer: look at its disk and doppeld, or have "
                                  "it fenced",
                                  awaited)
                : g_strdup("not every node has acknowledged it in time");
    give_up(c, DPL_E_TIMEOUT, what);
}

void dpl_change(struct dpl_daemon *daemon, const char *kind, const char *name,
                const struct dpl_store_version *expected, const struct dpl_doc *doc,
                struct dpl_request *request, dpl_change_fn *then)
{
    struct dpl_change *c = g_new0(struct dpl_change, 1);
    struct dpl_store_version version = expected ? *expected : (struct dpl_store_version){0};
    *c = (struct dpl_change){daemon, request, then, g_strdup(kind), g_strdup(name), {0}};
    g_ptr_array_add(daemon->changes, c);
    dpl_timer_set(&c->timer, daemon->loop, WAIT_MS, late, c);
    /* The version may be of something that the change itself replaces. */
    dpl_store_put(daemon->store, kind, name, expected ? &version : NULL, doc, done, c);
}

static void found_is_put(struct dpl_daemon *daemon, struct dpl_request *request, const char *name,
                         int rc, const struct dpl_err *err)
{
    struct dpl_set *set = dpl_set_find(daemon, name);
    (void)request;
    if (set)
        set->found = false;
    if (rc < 0 && rc != DPL_E_BUSY)
        dpl_log(LOG_WARNING, "set \"%s\": %s", name, err->text);
}

void dpl_change_found(struct dpl_set *set, const struct dpl_doc *doc)
{
    if (set->found)
        return;
    set->found = true;
    dpl_change(set->daemon, "set", set->name, &set->version, doc, NULL, found_is_put);
}

void dpl_changes_end(struct dpl_daemon *daemon)
{
    while (daemon->changes->len > 0)
        give_up(daemon->changes->pdata[0], DPL_E_NOT_RUNNING, "doppeld stops");
    dpl_store_end_changes(daemon->store); /* what others wait for */
}
