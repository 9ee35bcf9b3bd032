/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Alert programs: run once for each thing to tell, with the environment that Pacemaker gives to its
 * own, so that its stock agents understand us. Each has 30 seconds; so many run at a time, the rest
 * wait in order, bounded.
 */
#include "daemon/parent/daemon.h"
#include "daemon/parent/log.h"

#include <stdio.h>
#include <time.h>

enum { RUNNING_MAX = 8, WAITING_MAX = 256 };

struct dpl_alert {
    struct dpl_daemon *daemon;
    struct dpl_child_kind kind;
    char *program;
    struct dpl_child *child;
    bool runs;
};

static void start_next(struct dpl_daemon *daemon);

static void alert_free(struct dpl_alert *alert)
{
    g_ptr_array_remove(alert->daemon->alerts, alert);
    dpl_child_free(alert->child);
    g_free(alert->program);
    g_free(alert);
}

static void ended(void *self, int status, bool again)
{
    struct dpl_alert *alert = self;
    struct dpl_daemon *daemon = alert->daemon;
    (void)again;
    if (status != 0)
        dpl_log(LOG_WARNING, "alert program \"%s\" failed (%d)", alert->program, status);
    alert_free(alert);
    start_next(daemon);
}

static const struct dpl_child_fns fns = {.ended = ended};

static void put(struct dpl_child *child, const char *name, const char *value)
{
    g_autofree char *pair = g_strdup_printf("CRM_alert_%s=%s", name, value);
    dpl_child_set_env(child, pair);
}

static void put_time(struct dpl_child *child)
{
    struct timespec now;
    struct tm tm;
    char text[64], small[32];
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    put(child, "timestamp", text);
    snprintf(small, sizeof small, "%lld", (long long)now.tv_sec);
    put(child, "timestamp_epoch", small);
    snprintf(small, sizeof small, "%ld", now.tv_nsec / 1000);
    put(child, "timestamp_usec", small);
}

/* The first that waits, where there is room. */
static void start_next(struct dpl_daemon *daemon)
{
    unsigned running = 0;
    for (guint i = 0; i < daemon->alerts->len && running < RUNNING_MAX; i++) {
        struct dpl_alert *alert = daemon->alerts->pdata[i];
        struct dpl_err err = {0};
        running++;
        if (alert->runs)
            continue;
        alert->runs = true;
        if (dpl_child_start(alert->child, &err) < 0) {
            dpl_log(LOG_ERR, "alert: %s", err.text);
            alert_free(alert);
            i--;
            running--;
        }
    }
}

static void run(struct dpl_daemon *daemon, const char *program, const char *name, const char *value,
                const char *text)
{
    static const char *const args[] = {NULL};
    const char *recipient = dpl_conf_text(daemon->settings.conf, "alerts", "recipient");
    if (daemon->alerts->len >= WAITING_MAX) {
        dpl_log(LOG_ERR, "alert program \"%s\" is not run for %s: %d wait before it", program, name,
                WAITING_MAX);
        return;
    }
    struct dpl_alert *alert = g_new0(struct dpl_alert, 1);
    alert->daemon = daemon;
    alert->program = g_strdup(program);
    alert->kind = (struct dpl_child_kind){
        .name = "alert", .program = alert->program, .stop_ms = 2000, .most_ms = 30000};
    alert->child = dpl_child_new(daemon->children, &alert->kind, name, args, &fns, alert);
    put(alert->child, "kind", "attribute");
    put(alert->child, "version", PACKAGE_VERSION);
    put(alert->child, "node", daemon->settings.node);
    put(alert->child, "attribute_name", name);
    put(alert->child, "attribute_value", value);
    put(alert->child, "desc", text);
    put(alert->child, "recipient", recipient ? recipient : "");
    put_time(alert->child);
    g_ptr_array_add(daemon->alerts, alert);
}

void dpl_alert(struct dpl_daemon *daemon, const char *name, const char *value, const char *text)
{
    const char *const *program = dpl_conf_list(daemon->settings.conf, "alerts", "program");
    for (; *program && !daemon->stopping; program++)
        run(daemon, *program, name, value, text);
    start_next(daemon);
}

void dpl_alert_set(struct dpl_set *set, const char *what, const char *value, const char *text)
{
    g_autofree char *name = g_strdup_printf("doppel-%s.%s", set->name, what);
    dpl_alert(set->daemon, name, value, text);
}

/* Over lag_warn it is told once, and again when it is back below half of that. */
void dpl_alert_lag(struct dpl_set *set)
{
    int64_t lag_ms = dpl_doc_int(set->status, "lag_ms", -1);
    int64_t warn_ms = dpl_option_value(set, "lag_warn");
    bool over = set->lag_told ? lag_ms > warn_ms / 2 : lag_ms > warn_ms;
    if (warn_ms == 0 || lag_ms < 0 || over == set->lag_told)
        return;
    g_autofree char *value = g_strdup_printf("%lld", (long long)lag_ms / 1000);
    g_autofree char *text = g_strdup_printf("set %s: the replica is %s s old%s", set->name, value,
                                            over ? ", more than lag_warn" : "");
    set->lag_told = over;
    dpl_log(over ? LOG_WARNING : LOG_NOTICE, "%s", text);
    dpl_alert_set(set, "lag", value, text);
}

void dpl_alerts_end(struct dpl_daemon *daemon)
{
    while (daemon->alerts->len > 0)
        alert_free(daemon->alerts->pdata[0]);
}
