/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The figures of all sets as text for Prometheus: samples are gathered set by set, and printed name
 * by name, as the format wants it.
 */
#include "daemon/parent/daemon.h"
#include "daemon/parent/door.h"
#include "daemon/parent/site.h"
#include "lib/base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct sample {
    char *name, *labels, *value;
};

static void sample_free(void *data)
{
    struct sample *s = data;
    g_free(s->name);
    g_free(s->labels);
    g_free(s->value);
    g_free(s);
}

static void put_text(GPtrArray *to, const char *name, char *labels, char *value)
{
    struct sample *s = g_new(struct sample, 1);
    *s = (struct sample){g_strdup_printf("doppel_%s", name), labels, value};
    for (char *p = s->name; *p; p++)
        if (!g_ascii_isalnum(*p))
            *p = '_';
    g_ptr_array_add(to, s);
}

static void put(GPtrArray *to, const char *name, const char *set, int64_t value)
{
    put_text(to, name, g_strdup_printf("set=\"%s\"", set),
             g_strdup_printf("%lld", (long long)value));
}

/* Every integer and boolean of a tree, each with this before its name. */
static void put_all(GPtrArray *to, const char *prefix, const struct dpl_set *set,
                    const struct dpl_doc *tree)
{
    for (size_t i = 0; i < dpl_doc_count(tree); i++) {
        const struct dpl_doc *value = dpl_doc_at(tree, i);
        g_autofree char *name = g_strdup_printf("%s_%s", prefix, dpl_doc_key(value));
        if (dpl_doc_kind(value) == DPL_DOC_INTEGER)
            put(to, name, set->name, dpl_doc_as_int(value, 0));
        else if (dpl_doc_kind(value) == DPL_DOC_BOOLEAN)
            put(to, name, set->name, dpl_doc_as_bool(value, false));
    }
}

static void put_wire(GPtrArray *to, const struct dpl_set *set)
{
    struct dpl_wire wire = dpl_door_wire(set);
    put(to, "wire_sent_bytes_total", set->name, wire.sent_bytes);
    put(to, "wire_received_bytes_total", set->name, wire.received_bytes);
    put(to, "wire_plain_bytes_total", set->name, wire.plain_bytes);
    put(to, "wire_packed_bytes_total", set->name, wire.packed_bytes);
    if (wire.packed_bytes > 0)
        put_text(to, "compression_ratio", g_strdup_printf("set=\"%s\"", set->name),
                 g_strdup_printf("%.3f", (double)wire.plain_bytes / (double)wire.packed_bytes));
}

static void put_lag(GPtrArray *to, const struct dpl_set *set)
{
    int64_t ms = dpl_doc_int(set->status, "lag_ms", -1);
    if (ms >= 0)
        put_text(to, "lag_seconds", g_strdup_printf("set=\"%s\"", set->name),
                 g_strdup_printf("%lld.%03lld", (long long)ms / 1000, (long long)ms % 1000));
}

static void put_set(GPtrArray *to, struct dpl_set *set)
{
    for (enum dpl_set_state s = 0; s < DPL_SET_STATES; s++)
        put_text(to, "state",
                 g_strdup_printf("set=\"%s\",state=\"%s\"", set->name, dpl_set_state_text(s)),
                 g_strdup(set->state == s ? "1" : "0"));
    put(to, "connected", set->name, set->connected);
    put(to, "engine_running", set->name, dpl_child_running(set->engine));
    put(to, "engine_starts_total", set->name, dpl_child_starts(set->engine));
    put_lag(to, set);
    put_wire(to, set);
    put_all(to, "engine", set, set->status);
    if (!set->source)
        return;
    g_autoptr(dpl_doc_auto) capture = dpl_capture_doc(set);
    put(to, "capture_serving", set->name, set->capture.state == DPL_CAPSTAT_IS_SERVING);
    put_all(to, "capture", set, capture);
}

static void put_daemon(GPtrArray *to, const struct dpl_daemon *daemon)
{
    int64_t up_ns = dpl_clock_now_ns(&dpl_clock_system) - daemon->started_ns;
    int64_t days;
    put_text(to, "info",
             g_strdup_printf("site=\"%s\",node=\"%s\",version=\"%s\"", daemon->settings.site,
                             daemon->settings.node, PACKAGE_VERSION),
             g_strdup("1"));
    put_text(to, "uptime_seconds", g_strdup(""),
             g_strdup_printf("%lld", (long long)(up_ns / 1000000000)));
    put_text(to, "store_ready", g_strdup(""), g_strdup(dpl_store_ready(daemon->store) ? "1" : "0"));
    if (dpl_site_days_left(daemon, &days))
        put_text(to, "certificate_days_left", g_strdup(""),
                 g_strdup_printf("%lld", (long long)days));
}

/* Samples of one name stay in the order in which they were put. */
static gint by_name(gconstpointer a, gconstpointer b)
{
    const struct sample *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

GString *dpl_figures(struct dpl_daemon *daemon)
{
    GString *out = g_string_new(NULL);
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(sample_free);
    const char *last = "";
    put_daemon(all, daemon);
    for (guint i = 0; i < daemon->sets->len; i++)
        put_set(all, daemon->sets->pdata[i]);
    g_ptr_array_sort(all, by_name);
    for (guint i = 0; i < all->len; i++) {
        const struct sample *s = all->pdata[i];
        if (strcmp(s->name, last) != 0)
            g_string_append_printf(out, "# TYPE %s %s\n", s->name,
                                   g_str_has_suffix(s->name, "_total") ? "counter" : "gauge");
        g_string_append_printf(out, s->labels[0] ? "%s{%s} %s\n" : "%s%s %s\n", s->name, s->labels,
                               s->value);
        last = s->name;
    }
    return out;
}
