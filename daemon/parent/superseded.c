/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/superseded.h"

#include "daemon/parent/change.h"
#include "daemon/parent/cold.h"
#include "daemon/parent/log.h"
#include "daemon/parent/roles.h"
#include "daemon/parent/service.h"
#include "daemon/parent/set_become.h"
#include "daemon/store/published.h"

/* The document as it is to be; NULL: there is nothing to change. */
static struct dpl_doc *superseded_doc(const struct dpl_set *set, int64_t generation)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set->doc);
    if (dpl_set_become(doc, DPL_SET_EVENT_MEET, generation, NULL) <= 0)
        return NULL;
    dpl_doc_unset(doc, "cold");
    return g_steal_pointer(&doc);
}

/* The copy for agents first: what Pacemaker starts in this moment is refused. */
static void end_services(struct dpl_set *set, const char *why)
{
    g_autoptr(dpl_doc_auto) doc = superseded_doc(set, set->met.generation);
    struct dpl_err err = {0};
    bool news = !set->met.unnoted;
    if (!doc)
        return;
    set->met.unnoted = true;
    dpl_set_error(set, "site \"%s\" serves it with generation %lld: its services end here; %s",
                  dpl_set_peer(set), (long long)set->met.generation, why);
    if (news) {
        dpl_published_say(set->name, doc);
        if (dpl_cold_forget(set, &err) < 0)
            dpl_log(LOG_WARNING, "set \"%s\": %s", set->name, err.text);
        dpl_alert_set(set, "role", "superseded", set->last_error);
    }
    dpl_services_review(set);
    dpl_roles_look(set->daemon);
}

static void is_noted(struct dpl_daemon *daemon, struct dpl_request *request, const char *name,
                     int rc, const struct dpl_err *err)
{
    struct dpl_set *set = dpl_set_find(daemon, name);
    (void)request;
    if (set)
        set->met.noting = false;
    /* What was changed meanwhile is looked at again. */
    if (!set || rc == DPL_E_BUSY || daemon->stopping)
        return;
    if (rc == DPL_OK) {
        dpl_set_error(set,
                      "site \"%s\" serves set \"%s\" with generation %lld: it is superseded here, "
                      "and its services end",
                      dpl_set_peer(set), name, (long long)set->met.generation);
        dpl_alert_set(set, "role", "superseded", set->last_error);
    } else {
        end_services(set, err->text);
    }
}

void dpl_superseded(struct dpl_set *set, int64_t generation)
{
    g_autoptr(dpl_doc_auto) doc = superseded_doc(set, generation);
    if (!doc || set->met.noting)
        return;
    set->met.generation = generation;
    set->met.noting = true;
    dpl_change(set->daemon, "set", set->name, &set->version, doc, NULL, is_noted);
}

void dpl_superseded_over(struct dpl_set *set)
{
    if (!set->met.unnoted)
        return;
    set->met.unnoted = false;
    dpl_log(LOG_NOTICE, "set \"%s\": site \"%s\" does not serve it with a higher generation by now",
            set->name, dpl_set_peer(set));
    dpl_set_error(set, NULL);
    dpl_published_say(set->name, NULL);
    dpl_cold_loaded(set); /* a stand-alone server */
    dpl_roles_look(set->daemon);
}
