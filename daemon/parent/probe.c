/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/probe.h"

static const struct dpl_child_kind kind = {
    .name = "probe", .program = "doppel-probe", .channel = true, .stop_ms = 1000, .most_ms = 60000};

struct probe {
    struct dpl_child *child;
    size_t count, answered;
    struct dpl_err err;
    dpl_probe_fn *fn;
    void *self;
    struct probe *other;
};

static struct probe *running; /* in the process's one loop */

static void probe_free(struct probe *p)
{
    struct probe **at = &running;
    while (*at != p)
        at = &(*at)->other;
    *at = p->other;
    dpl_child_free(p->child);
    g_free(p);
}

static void end(struct probe *p)
{
    struct dpl_err err = p->err;
    dpl_probe_fn *fn = p->fn;
    void *self = p->self;
    probe_free(p);
    fn(self, err.code, &err);
}

static void message(void *self, const struct dpl_doc *doc)
{
    struct probe *p = self;
    const char *text = dpl_doc_text(doc, "text"), *point = dpl_doc_text(doc, "point");
    p->answered++;
    if (dpl_doc_int(doc, "code", -1) < 0 && p->err.code == 0)
        dpl_err_set(&p->err, DPL_E_FAILED, "%s: %s", point ? point : "?", text ? text : "?");
}

static void ended(void *self, int status, bool again)
{
    struct probe *p = self;
    (void)again;
    if (p->err.code == 0 && (status != 0 || p->answered < p->count))
        dpl_err_set(&p->err, DPL_E_FAILED, "doppel-probe ended by %d after %zu of %zu", status,
                    p->answered, p->count);
    end(p);
}

static const struct dpl_child_fns fns = {.message = message, .ended = ended};

void dpl_probe_points(struct dpl_daemon *daemon, const struct dpl_doc *points, dpl_probe_fn *fn,
                      void *self)
{
    g_autoptr(GPtrArray) args = g_ptr_array_new();
    struct probe *p = g_new0(struct probe, 1);
    for (size_t i = 0; i < dpl_doc_count(points); i++)
        g_ptr_array_add(args, (gpointer)(uintptr_t)dpl_doc_as_text(dpl_doc_at(points, i)));
    *p = (struct probe){.count = args->len, .fn = fn, .self = self, .other = running};
    running = p;
    g_ptr_array_add(args, NULL);
    p->child = dpl_child_new(daemon->children, &kind, "services", (const char *const *)args->pdata,
                             &fns, p);
    if (dpl_child_start(p->child, &p->err) < 0)
        end(p);
}

void dpl_probes_end(void)
{
    while (running)
        probe_free(running);
}
