/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Cold starts of a stand-alone server, whose services the daemon runs (service.h). That a set was
 * let to serve since the host's boot is marked beneath the runtime directory: a daemon that only
 * starts again finds the mark. Without one the services stay as they are, which after a boot is
 * ended, until the other site was asked.
 */
#include "daemon/parent/boot_mark.h"
#include "daemon/parent/cold.h"
#include "daemon/parent/log.h"
#include "daemon/parent/other.h"
#include "daemon/parent/service.h"
#include "daemon/parent/turn.h"

#include <string.h>

#define SERVED_DIR "served"

static bool is_candidate(const struct dpl_set *set)
{
    return !set->daemon->settings.cluster && dpl_turn_role_is(set, "serving");
}

static bool is_marked(const struct dpl_set *set)
{
    return dpl_boot_mark_is(set, SERVED_DIR);
}

static void put_mark(const struct dpl_set *set)
{
    struct dpl_err err = {0};
    if (dpl_boot_mark_put(set, SERVED_DIR, &err) < 0)
        dpl_log(LOG_WARNING, "set \"%s\": a start of doppeld will be taken for one of the host: %s",
                set->name, err.text);
}

int dpl_cold_forget(const struct dpl_set *set, struct dpl_err *err)
{
    return dpl_boot_mark_drop(set, SERVED_DIR, err);
}

static bool has_services(const struct dpl_set *set)
{
    const struct dpl_conf *conf = set->daemon->settings.conf;
    g_autofree const char **groups = dpl_conf_groups(conf, "service *");
    for (size_t i = 0; groups[i]; i++)
        if (g_strcmp0(dpl_conf_text(conf, groups[i], "set"), set->name) == 0)
            return true;
    return false;
}

static bool asks(const struct dpl_set *set)
{
    return g_strcmp0(dpl_option_text(set, "cold_start"), "go") != 0;
}

void dpl_cold_loaded(struct dpl_set *set)
{
    set->held.cold = is_candidate(set) && has_services(set) && dpl_set_peer(set) && !is_marked(set);
    if (!set->held.cold) {
        dpl_cold_role_changed(set);
        return;
    }
    if (!asks(set)) {
        dpl_log(LOG_NOTICE, "set \"%s\" starts cold, and serves unasked, by cold_start=go",
                set->name);
        return; /* until dpl_cold_begin: that it was held may have to be taken out of the store */
    }
    dpl_log(LOG_NOTICE, "set \"%s\" starts cold: site \"%s\" is asked whether it serves by now",
            set->name, dpl_set_peer(set));
    dpl_other_want(set, true);
}

void dpl_cold_role_changed(struct dpl_set *set)
{
    bool was = set->held.cold;
    set->held.cold = false;
    if (is_candidate(set))
        put_mark(set);
    if (was)
        dpl_cold_over(set);
    dpl_services_review(set);
}

void dpl_cold_review(struct dpl_set *set)
{
    if (set->held.cold && (!asks(set) || !dpl_cold_holds(set)))
        dpl_cold_role_changed(set);
}

void dpl_cold_begin(struct dpl_daemon *daemon)
{
    for (guint i = 0; i < daemon->sets->len; i++)
        dpl_cold_review(daemon->sets->pdata[i]);
}

bool dpl_cold_keeps_services(const struct dpl_set *set)
{
    return set->held.cold || dpl_doc_bool(set->doc, "held", false);
}
