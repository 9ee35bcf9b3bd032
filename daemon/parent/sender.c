/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/sender.h"

#include "daemon/parent/turn.h"

#include <string.h>

static const char *kind_of(const struct dpl_set *set)
{
    return set->source ? DPL_SENDER_KIND : DPL_SENDER_REPLICA_KIND;
}

static const struct dpl_doc *noted(const struct dpl_set *set)
{
    struct dpl_store_item item;
    bool is = dpl_store_get(set->daemon->store, kind_of(set), set->name, &item, NULL) == DPL_OK;
    return is ? item.doc : NULL;
}

const struct dpl_doc *dpl_sender_options(const struct dpl_set *set)
{
    const struct dpl_settings *s = &set->daemon->settings;
    const struct dpl_doc *sender = s->cluster && set->source ? noted(set) : NULL;
    return dpl_turn_role_is(set, "released") &&
                   g_strcmp0(dpl_doc_text(sender, "node"), s->node) == 0
               ? dpl_doc_tree(sender, "options")
               : NULL;
}

const char *dpl_sender_elsewhere(const struct dpl_set *set)
{
    const struct dpl_daemon *daemon = set->daemon;
    bool runs = set->source ? dpl_turn_role_is(set, "serving") || dpl_turn_role_is(set, "released")
                            : dpl_turn_role_is(set, "standby");
    const char *node =
        daemon->settings.cluster && runs && !set->asked ? dpl_doc_text(noted(set), "node") : NULL;
    return node && strcmp(node, daemon->settings.node) != 0 &&
                   dpl_group_present(dpl_store_group(daemon->store), node)
               ? node
               : NULL;
}

static void put(void *self, int rc, struct dpl_store_version version, const struct dpl_err *err)
{
    struct dpl_sender *sender = self;
    (void)rc; /* where the store took nothing, the next review tries again */
    (void)version;
    (void)err;
    sender->noting = false;
}

void dpl_sender_review(struct dpl_set *set)
{
    const struct dpl_daemon *daemon = set->daemon;
    if (!daemon->settings.cluster || !set->asked || set->sender.noting ||
        set->work.phase == DPL_WORK_STARTING || set->work.phase == DPL_WORK_OPENING ||
        daemon->stopping)
        return;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_text(doc, "node", daemon->settings.node);
    if (set->source)
        dpl_doc_set(doc, "options", dpl_doc_copy(set->asked));
    if (noted(set) && dpl_doc_equal(noted(set), doc))
        return;
    set->sender.noting = true;
    dpl_store_put(daemon->store, kind_of(set), set->name, NULL, doc, put, &set->sender);
}

void dpl_sender_forget(struct dpl_set *set)
{
    dpl_store_forget(set->daemon->store, &set->sender);
}
