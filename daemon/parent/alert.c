/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Alert programs: run once for each change of state, with the environment that Pacemaker gives to
 * its own, so that its stock agents understand us. Each has 30 seconds.
 */
#include "daemon/parent/daemon.h"
#include "daemon/parent/log.h"

#include <stdio.h>
#include <time.h>

enum { RUNNING_MAX = 16 };

struct dpl_alert {
    struct dpl_daemon *daemon;
    struct dpl_child_kind kind;
    char *program;
    struct dpl_child *child;
};

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
    (void)again;
    if (status != 0)
        dpl_log(LOG_WARNING, "alert program \"%s\" failed (%d)", alert->program, status);
    alert_free(alert);
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

static void run(struct dpl_set *set, const char *program, const char *state)
{
    static const char *const args[] = {NULL};
    struct dpl_daemon *daemon = set->daemon;
    const char *recipient = dpl_conf_text(daemon->settings.conf, "alerts", "recipient");
    g_autofree char *attribute = g_strdup_printf("doppel-%s.state", set->name);
    g_autofree char *desc = g_strdup_printf("set %s is %s", set->name, state);
    struct dpl_err err = {0};
    if (daemon->alerts->len >= RUNNING_MAX) {
        dpl_log(LOG_ERR, "alert program \"%s\" is not run: %d others run", program, RUNNING_MAX);
        return;
    }
    struct dpl_alert *alert = g_new0(struct dpl_alert, 1);
    alert->daemon = daemon;
    alert->program = g_strdup(program);
    alert->kind = (struct dpl_child_kind){
        .name = "alert", .program = alert->program, .stop_ms = 2000, .most_ms = 30000};
    alert->child = dpl_child_new(daemon->children, &alert->kind, set->name, args, &fns, alert);
    put(alert->child, "kind", "attribute");
    put(alert->child, "version", PACKAGE_VERSION);
    put(alert->child, "node", daemon->settings.node);
    put(alert->child, "attribute_name", attribute);
    put(alert->child, "attribute_value", state);
    put(alert->child, "desc", desc);
    put(alert->child, "recipient", recipient ? recipient : "");
    put_time(alert->child);
    g_ptr_array_add(daemon->alerts, alert);
    if (dpl_child_start(alert->child, &err) < 0) {
        dpl_log(LOG_ERR, "alert: %s", err.text);
        alert_free(alert);
    }
}

void dpl_alert_state(struct dpl_set *set, const char *text)
{
    const char *const *program = dpl_conf_list(set->daemon->settings.conf, "alerts", "program");
    for (; *program && !set->daemon->stopping; program++)
        run(set, *program, text);
}

void dpl_alerts_end(struct dpl_daemon *daemon)
{
    while (daemon->alerts->len > 0)
        alert_free(daemon->alerts->pdata[0]);
}
