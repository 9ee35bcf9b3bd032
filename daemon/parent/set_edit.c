/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/set_edit.h"

enum { TRIES = 20 };

struct edit {
    struct dpl_daemon *daemon;
    char *set;
    dpl_set_edit_fn *edit;
    dpl_set_edited_fn *done;
    void *self;
    unsigned tries;
    struct edit *next;
};

static struct edit *edits; /* of the process's one loop */

static void end(struct edit *e, int rc, const struct dpl_err *err)
{
    const struct dpl_err none = {0};
    struct edit **at = &edits;
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    if (e->done)
        e->done(e->self, rc, err ? err : &none);
    g_free(e->set);
    g_free(e);
}

static void try(struct edit *e);

static void put(void *self, int rc, struct dpl_store_version version, const struct dpl_err *err)
{
    struct edit *e = self;
    (void)version;
    if (rc == DPL_E_BUSY && e->done && ++e->tries < TRIES)
        try(e);
    else
        end(e, rc, err);
}

static void try(struct edit *e)
{
    struct dpl_store_item item;
    struct dpl_err err = {0};
    int rc = dpl_store_get(e->daemon->store, "set", e->set, &item, &err);
    g_autoptr(dpl_doc_auto) doc = rc == DPL_OK ? dpl_doc_copy(item.doc) : NULL;
    if (rc == DPL_OK)
        rc = e->edit(e->self, doc, &err);
    if (rc <= 0) {
        end(e, rc, &err);
        return;
    }
    struct dpl_store_version version = item.version;
    g_autofree char *name = g_strdup(e->set); /* e may be gone when the put returns */
    dpl_store_put(e->daemon->store, "set", name, &version, doc, put, e);
}

void dpl_set_edit(struct dpl_daemon *daemon, const char *set, dpl_set_edit_fn *edit,
                  dpl_set_edited_fn *done, void *self)
{
    struct edit *e = g_new0(struct edit, 1);
    *e = (struct edit){daemon, g_strdup(set), edit, done, self, 0, edits};
    edits = e;
    try(e);
}

void dpl_set_edits_forget(const void *self)
{
    for (struct edit *e = edits; e; e = e->next)
        if (e->self == self)
            e->done = NULL;
}
