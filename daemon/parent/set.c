/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/asked.h"
#include "daemon/parent/attribute.h"
#include "daemon/parent/cold.h"
#include "daemon/parent/daemon.h"
#include "daemon/parent/door.h"
#include "daemon/parent/kept.h"
#include "daemon/parent/learn.h"
#include "daemon/parent/log.h"
#include "daemon/parent/other.h"
#include "daemon/parent/release.h"
#include "daemon/parent/sender.h"
#include "daemon/parent/service.h"
#include "daemon/parent/settle.h"
#include "daemon/parent/turn.h"
#include "lib/base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct dpl_set *dpl_set_find(const struct dpl_daemon *daemon, const char *name)
{
    for (guint i = 0; i < daemon->sets->len; i++) {
        struct dpl_set *set = daemon->sets->pdata[i];
        if (strcmp(set->name, name) == 0)
            return set;
    }
    return NULL;
}

int dpl_set_get(const struct dpl_daemon *daemon, const char *name, struct dpl_set **set_r,
                struct dpl_err *err)
{
    *set_r = dpl_set_find(daemon, name);
    return *set_r ? DPL_OK
                  : dpl_err_set(err, DPL_E_NOT_FOUND, "there is no set \"%s\" at this site", name);
}

const char *dpl_set_peer(const struct dpl_set *set)
{
    const char *from = dpl_doc_text(set->doc, "from"), *target = dpl_option_text(set, "target");
    if (from)
        return from;
    return target ? target : dpl_doc_text(set->doc, "peer");
}

bool dpl_set_off(const struct dpl_set *set)
{
    return dpl_doc_bool(set->doc, "off", false);
}

void dpl_set_error(struct dpl_set *set, const char *format, ...)
{
    char text[sizeof set->last_error];
    va_list args;
    if (!format) {
        set->last_error[0] = '\0';
        return;
    }
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (strcmp(text, set->last_error) == 0)
        return; /* the same as before is no event */
    g_strlcpy(set->last_error, text, sizeof set->last_error);
    dpl_log(LOG_ERR, "set \"%s\": %s", set->name, text);
}

static struct dpl_set_facts facts_of(const struct dpl_set *set)
{
    bool unasked =
        set->source && set->daemon->settings.cluster && !set->asked && !dpl_sender_options(set);
    return (struct dpl_set_facts){
        .wanted = dpl_set_peer(set) != NULL && !unasked,
        .off = dpl_set_off(set),
        .connected = set->connected,
        .mirroring = dpl_doc_bool(set->status, "mirroring", false),
        .mirror_needed = dpl_doc_bool(set->status, "mirror_needed", false) ||
                         (set->capture.wanted &&
                          (set->capture.gap || set->capture.state == DPL_CAPSTAT_IS_PASSING)),
        .elsewhere = set->on_node != NULL,
        .failing_over = dpl_doc_tree(set->doc, "failing_over") != NULL,
        .failed_over = dpl_doc_bool(set->doc, "restore_required", false) &&
                       g_strcmp0(dpl_doc_text(set->doc, "role"), "serving") == 0,
        .failing_back = dpl_doc_bool(set->doc, "restore_required", false) &&
                        g_strcmp0(dpl_doc_text(set->doc, "role"), "released") == 0,
    };
}

void dpl_set_review(struct dpl_set *set)
{
    g_free(set->on_node);
    set->on_node = g_strdup(dpl_sender_elsewhere(set));
    struct dpl_set_facts facts = facts_of(set);
    enum dpl_set_state state = dpl_set_state_of(&facts);
    if (state != set->state) {
        dpl_log(LOG_NOTICE, "set \"%s\" is %s (was %s)", set->name, dpl_set_state_text(state),
                dpl_set_state_text(set->state));
        set->state = state;
        set->state_ns = dpl_clock_now_ns(&dpl_clock_system);
        g_autofree char *text =
            g_strdup_printf("set %s is %s", set->name, dpl_set_state_text(state));
        dpl_alert_set(set, "state", dpl_set_state_text(state), text);
    }
    dpl_alert_lag(set);
    dpl_other_review(set);
    dpl_attribute_review(set);
    dpl_wait_review(set);
    dpl_asked_review(set);
    dpl_services_review(set);
    dpl_settle_review(set);
    dpl_kept_changed_review(set);
    dpl_sender_review(set);
    dpl_release_review(set);
}

/* What follows from the document. */
static void read_doc(struct dpl_set *set, const struct dpl_store_item *item)
{
    dpl_doc_free(set->doc);
    set->doc = dpl_doc_copy(item->doc);
    set->version = item->version;
    dpl_option_preset(set);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    const struct dpl_set *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static void set_begin(struct dpl_daemon *daemon, const struct dpl_store_item *item, bool loaded)
{
    struct dpl_set *set = g_new0(struct dpl_set, 1);
    set->daemon = daemon;
    set->name = g_strdup(item->name);
    set->group = dpl_settings_set_group(&daemon->settings, item->name);
    set->pending = g_ptr_array_new();
    set->capture.keeper_fd = -1;
    set->limit.bytes = -1;
    read_doc(set, item);
    set->source = g_strcmp0(dpl_doc_text(set->doc, "side"), "target") != 0;
    g_ptr_array_add(daemon->sets, set);
    g_ptr_array_sort(daemon->sets, by_name);
    dpl_log(LOG_INFO, "set \"%s\": %s", set->name,
            set->source ? "served by this site" : "a replica of another site's");
    dpl_asked_load(set);
    dpl_capture_begin(set);
    dpl_engine_begin(set);
    if (loaded)
        dpl_cold_loaded(set);
    else
        dpl_cold_role_changed(set);
    dpl_services_begin(set);
    dpl_turn_review(set);
    dpl_set_review(set);
}

static void set_end(struct dpl_set *set)
{
    g_ptr_array_remove(set->daemon->sets, set);
    dpl_waits_end(set->daemon, set);
    dpl_door_forget(set);
    dpl_services_end(set);
    dpl_engine_end(set);
    dpl_learn_end(set);
    dpl_turn_forget(set);
    dpl_asked_forget(set);
    dpl_other_forget(set);
    dpl_kept_forget(set);
    dpl_sender_forget(set);
    g_free(set->held.why);
    g_free(set->on_node);
    dpl_attribute_end(set);
    dpl_capture_end(set);
    dpl_doc_free(set->doc);
    dpl_doc_free(set->status);
    dpl_doc_free(set->told);
    dpl_doc_free(set->preset);
    g_free(set->limit.schedule);
    g_ptr_array_unref(set->pending);
    g_free(set->name);
    g_free(set);
}

static bool role_changes(const struct dpl_set *set, const struct dpl_doc *doc)
{
    return g_strcmp0(dpl_doc_text(set->doc, "role"), dpl_doc_text(doc, "role")) != 0 ||
           dpl_doc_int(set->doc, "generation", 0) != dpl_doc_int(doc, "generation", 0);
}

static void sender_changed(struct dpl_set *set)
{
    dpl_option_preset(set);
    dpl_turn_review(set);
    dpl_set_review(set);
}

/* A replica learns it by a hello. Who never heard that it was raised would serve by the same number
 * when this site is lost. */
static void say_generation(struct dpl_set *set)
{
    if (!set->source || !set->door)
        return;
    dpl_door_close(set, "the generation has changed");
    dpl_door_soon(set);
}

static void store_changed(void *self, const struct dpl_store_item *item)
{
    struct dpl_daemon *daemon = self;
    struct dpl_set *set = dpl_set_find(daemon, item->name);
    if (set && strcmp(item->kind, DPL_SENDER_KIND) == 0)
        sender_changed(set);
    if (set && strcmp(item->kind, DPL_SENDER_REPLICA_KIND) == 0)
        dpl_set_review(set);
    if (strcmp(item->kind, "site") == 0 || (!set && strcmp(item->kind, "set") == 0))
        dpl_doors_forgive(daemon);
    if (strcmp(item->kind, "set") != 0)
        return;
    if (!set && item->doc) {
        set_begin(daemon, item, false);
    } else if (set && !item->doc) {
        dpl_log(LOG_NOTICE, "set \"%s\" is deleted", set->name);
        set_end(set);
    } else if (set) {
        bool begun = dpl_doc_bool(set->doc, "begun", false);
        bool changed = role_changes(set, item->doc);
        int64_t generation = dpl_doc_int(set->doc, "generation", 0);
        read_doc(set, item);
        if (changed) {
            set->met.unnoted = false; /* what it is now stands in the store */
            dpl_cold_role_changed(set);
        }
        dpl_turn_review(set);
        if (generation != dpl_doc_int(set->doc, "generation", 0))
            say_generation(set);
        if (!begun && dpl_doc_bool(set->doc, "begun", false))
            dpl_door_soon(set);
        if (dpl_turn_is_done(set))
            dpl_engine_refresh(set);
        dpl_engine_wish(set);
        dpl_set_review(set);
    }
}

void dpl_sets_begin(struct dpl_daemon *daemon)
{
    g_auto(GStrv) names = dpl_store_list(daemon->store, "set");
    for (size_t i = 0; names[i]; i++) {
        struct dpl_store_item item;
        if (dpl_store_get(daemon->store, "set", names[i], &item, NULL) == DPL_OK)
            set_begin(daemon, &item, true);
    }
    g_autofree const char **groups = dpl_conf_groups(daemon->settings.conf, "set *");
    for (size_t i = 0; groups[i]; i++)
        if (daemon->settings.cluster)
            dpl_log(LOG_WARNING,
                    "%s: [%s] counts for nothing on a node of a cluster: the parameters of its "
                    "resources do",
                    daemon->settings.config_path, groups[i]);
        else if (!dpl_set_find(daemon, groups[i] + strlen("set ")))
            dpl_log(LOG_NOTICE, "%s: [%s] is for a set that was not created yet",
                    daemon->settings.config_path, groups[i]);
    dpl_store_watch(daemon->store, store_changed, daemon);
}

void dpl_sets_end(struct dpl_daemon *daemon)
{
    while (daemon->sets->len > 0)
        set_end(daemon->sets->pdata[daemon->sets->len - 1]);
}
