/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/service.h"
#include "daemon/parent/cold.h"
#include "daemon/parent/online.h"

#include "daemon/core/service_order.h"
#include "daemon/parent/log.h"
#include "daemon/parent/scope.h"
#include "lib/capstat/detached.h"

#include <stdlib.h>
#include <string.h>

enum {
    AGENT_MS = 90000,
    AGENT_SPARE_MS = 2000, /* an agent gives its reason before it is ended */
    MONITOR_MS = 10000,
    OCF_SUCCESS = 0,
    OCF_NOT_RUNNING = 7,
    OCF_DEGRADED = 190,
};

static const struct dpl_child_kind direct_kind = {
    .name = "service", .program = "/usr/bin/env", .stop_ms = 2000, .most_ms = AGENT_MS};
static const struct dpl_child_kind scope_kind = {
    .name = "service", .program = DPL_SCOPE_PROGRAM, .stop_ms = 2000, .most_ms = AGENT_MS};
static const struct dpl_backoff_policy policy = {1000, 60000, 30000};

struct service {
    char *name, *agent;
    char **params; /* KEY=VALUE */
};

enum wish { LEAVE, RUN, REST };

struct dpl_services {
    struct dpl_set *set;
    GPtrArray *all;                 /* of struct service, in the order of the file */
    enum dpl_service_state *states; /* as many */
    struct dpl_child *child;        /* of the step that runs */
    struct dpl_online online;
    enum dpl_service_step step;
    size_t which;
    size_t looked;               /* which one the monitor looked at last */
    enum wish reviewed, settled; /* what was wished for last; for what all is as it should be */
    struct dpl_timer timer;
    struct dpl_backoff backoff;
    char why[320]; /* what failed last, until all are as they should be */
};

static void go_on(void *self);

static void service_free(void *data)
{
    struct service *s = data;
    g_free(s->name);
    g_free(s->agent);
    g_strfreev(s->params);
    g_free(s);
}

/* What group_look.h looks at. */
static const char *const asked_params[] = {"ip", "service"};

static char **copy_of(const char *const *list)
{
    g_autoptr(GPtrArray) copy = g_ptr_array_new();
    for (size_t i = 0; list[i]; i++)
        g_ptr_array_add(copy, g_strdup(list[i]));
    g_ptr_array_add(copy, NULL);
    return (char **)g_ptr_array_steal(copy, NULL);
}

/* The names of parameters become names of the environment. */
static bool params_ok(char **params)
{
    for (size_t i = 0; params[i]; i++) {
        size_t n = strcspn(params[i], "=");
        if (n == 0 || strspn(params[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789_") != n)
            return false;
    }
    return true;
}

/* ocf:PROVIDER:TYPE, or the name of one of ours, as a path beneath resource.d; NULL: neither. */
static char *agent_path(const char *agent)
{
    const char *root = getenv("OCF_ROOT");
    g_auto(GStrv) parts = g_strsplit(agent, ":", -1);
    guint count = g_strv_length(parts);
    const char *provider = count == 3 ? parts[1] : "doppel",
               *type = parts[count > 0 ? count - 1 : 0];
    if ((count == 3 ? strcmp(parts[0], "ocf") != 0 : count != 1) || strchr(agent, '/') ||
        !provider[0] || !type[0])
        return NULL;
    return g_build_filename(root ? root : OCF_ROOT_DIR, "resource.d", provider, type, NULL);
}

static void add_service(struct dpl_services *ss, const char *group)
{
    const struct dpl_conf *conf = ss->set->daemon->settings.conf;
    const char *agent = dpl_conf_text(conf, group, "agent");
    struct service *s = g_new0(struct service, 1);
    s->name = g_strdup(group + strlen("service "));
    s->params = copy_of(dpl_conf_list(conf, group, DPL_CONF_ANY));
    s->agent = agent ? agent_path(agent) : NULL;
    if (s->agent && params_ok(s->params)) {
        g_ptr_array_add(ss->all, s);
        return;
    }
    dpl_log(LOG_ERR, "%s: [%s] needs agent=, one of ours or ocf:PROVIDER:TYPE, and its parameters",
            dpl_conf_origin(conf, group, "set"), group);
    service_free(s);
}

/* As the file says now. Only while none runs: what was started by other words is stopped by them.
 */
static void read_services(struct dpl_services *ss, enum dpl_service_state state)
{
    const struct dpl_settings *settings = &ss->set->daemon->settings;
    g_autofree const char **groups = dpl_conf_groups(settings->conf, "service *");
    g_ptr_array_set_size(ss->all, 0);
    for (size_t i = 0; groups[i] && !settings->cluster; i++)
        if (g_strcmp0(dpl_conf_text(settings->conf, groups[i], "set"), ss->set->name) == 0)
            add_service(ss, groups[i]);
    g_free(ss->states);
    ss->states = g_new(enum dpl_service_state, ss->all->len + 1);
    for (guint i = 0; i < ss->all->len; i++)
        ss->states[i] = state;
    ss->looked = 0;
}

/* Where the capture is neither there nor gone, or somebody has taken us out by hand, all stays as
 * it is. */
static enum wish wish_of(const struct dpl_services *ss)
{
    const struct dpl_set *set = ss->set;
    if (dpl_detached_is(set->daemon->settings.state_dir, NULL, set->name))
        return LEAVE;
    if (set->met.unnoted)
        return REST;
    if (dpl_cold_keeps_services(set))
        return LEAVE;
    if (!set->source || g_strcmp0(dpl_doc_text(set->doc, "role"), "serving") != 0)
        return REST;
    switch (set->capture.wanted ? set->capture.state : DPL_CAPSTAT_IS_SERVING) {
    case DPL_CAPSTAT_IS_SERVING:
    case DPL_CAPSTAT_IS_PASSING:
        return RUN;
    case DPL_CAPSTAT_IS_DOWN:
        return REST;
    default:
        return LEAVE;
    }
}

static void look_in(struct dpl_services *ss, int64_t ms)
{
    if (!ss->set->daemon->stopping)
        dpl_timer_set(&ss->timer, ss->set->daemon->loop, ms, go_on, ss);
}

/* Why, in the agent's words: its reason is what it says last. */
static void tell(struct dpl_services *ss, const struct service *s, const char *what, int status,
                 const char *said)
{
    static const char mark[] = "ocf-exit-reason:";
    const char *reason = said ? strstr(said, mark) : NULL;
    g_autofree char *text =
        g_strdup_printf("service %s %s (%s %d)%s%s", s->name, what, status < 0 ? "signal" : "exit",
                        abs(status), reason ? ": " : "", reason ? reason + strlen(mark) : "");
    bool again = strcmp(text, ss->why) == 0;
    g_strlcpy(ss->why, text, sizeof ss->why);
    dpl_log(LOG_ERR, "set \"%s\": %s", ss->set->name, text);
    if (!again)
        dpl_alert_set(ss->set, "service", s->name, text);
}

/* What the agent's answer says of a service, and whether that is bad news. */
static enum dpl_service_state judge(enum dpl_service_step step, int status, const char **bad_r)
{
    *bad_r = NULL;
    if (step == DPL_SERVICE_STOP) {
        *bad_r = status == OCF_SUCCESS ? NULL : "could not be stopped";
        return status == OCF_SUCCESS ? DPL_SERVICE_STOPPED : DPL_SERVICE_FAILED;
    }
    if (status == OCF_SUCCESS || status == OCF_DEGRADED)
        return DPL_SERVICE_UP;
    *bad_r = step == DPL_SERVICE_START ? "could not be started" : "failed";
    return step == DPL_SERVICE_LOOK && status == OCF_NOT_RUNNING ? DPL_SERVICE_STOPPED
                                                                 : DPL_SERVICE_FAILED;
}

/* A step or hooks run. */
static bool is_busy(const struct dpl_services *ss)
{
    return ss->child || ss->online.running;
}

static void hooks_ended(void *self)
{
    struct dpl_services *ss = self;
    look_in(ss, 0);
    dpl_set_review(ss->set);
}

static void step_ended(void *self, int status, bool again)
{
    struct dpl_services *ss = self;
    const struct service *s = ss->all->pdata[ss->which];
    enum dpl_service_state before = ss->states[ss->which];
    g_autofree char *said = g_strdup(dpl_child_last_line(ss->child));
    const char *bad;
    (void)again;
    g_clear_pointer(&ss->child, dpl_child_free);
    ss->states[ss->which] = judge(ss->step, status, &bad);
    if (bad && (ss->step != DPL_SERVICE_LOOK || before == DPL_SERVICE_UP))
        tell(ss, s, bad, status, said);
    else if (before != ss->states[ss->which])
        dpl_log(LOG_NOTICE, "set \"%s\": service %s %s", ss->set->name, s->name,
                ss->states[ss->which] == DPL_SERVICE_UP ? "runs" : "is stopped");
    bool failed = bad && ss->step != DPL_SERVICE_LOOK;
    look_in(ss, failed ? dpl_backoff_next_ms(&ss->backoff, &policy, 0) : 0);
    dpl_set_review(ss->set);
}

static const struct dpl_child_fns step_fns = {.ended = step_ended};

static void put_env(struct dpl_child *child, const struct service *s)
{
    g_autofree char *provider = g_path_get_dirname(s->agent), *type = g_path_get_basename(s->agent);
    g_autofree char *name = g_path_get_basename(provider), *dir = g_path_get_dirname(provider);
    g_autofree char *root = g_path_get_dirname(dir);
    const char *const pairs[][2] = {
        {"OCF_ROOT", root},
        {"OCF_RESOURCE_INSTANCE", s->name},
        {"OCF_RESOURCE_TYPE", type},
        {"OCF_RESOURCE_PROVIDER", name},
        {"OCF_RA_VERSION_MAJOR", "1"},
        {"OCF_RA_VERSION_MINOR", "1"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autofree char *pair = g_strdup_printf("%s=%s", pairs[i][0], pairs[i][1]);
        dpl_child_set_env(child, pair);
    }
    for (size_t i = 0; s->params[i]; i++) {
        g_autofree char *pair = g_strdup_printf("OCF_RESKEY_%s", s->params[i]);
        dpl_child_set_env(child, pair);
    }
    g_autofree char *time =
        g_strdup_printf("OCF_RESKEY_CRM_meta_timeout=%d", AGENT_MS - AGENT_SPARE_MS);
    dpl_child_set_env(child, time);
}

static void run_step(struct dpl_services *ss)
{
    static const char *const actions[] = {
        [DPL_SERVICE_LOOK] = "monitor", [DPL_SERVICE_START] = "start", [DPL_SERVICE_STOP] = "stop"};
    const struct service *s = ss->all->pdata[ss->which];
    g_autoptr(GPtrArray) args = g_ptr_array_new_with_free_func(g_free);
    struct dpl_err err = {0};
    bool scope = ss->step == DPL_SERVICE_START && dpl_scope_args(args, NULL);
    g_ptr_array_add(args, g_strdup(s->agent));
    g_ptr_array_add(args, g_strdup(actions[ss->step]));
    g_ptr_array_add(args, NULL);
    ss->child = dpl_child_new(ss->set->daemon->children, scope ? &scope_kind : &direct_kind,
                              s->name, (const char *const *)args->pdata, &step_fns, ss);
    put_env(ss->child, s);
    if (dpl_child_start(ss->child, &err) == DPL_OK)
        return;
    dpl_log(LOG_ERR, "%s", err.text);
    g_clear_pointer(&ss->child, dpl_child_free);
    look_in(ss, dpl_backoff_next_ms(&ss->backoff, &policy, 0));
}

static bool all_are(const struct dpl_services *ss, enum dpl_service_state state)
{
    for (guint i = 0; i < ss->all->len; i++)
        if (ss->states[i] != state)
            return false;
    return true;
}

static void monitor(void *self)
{
    struct dpl_services *ss = self;
    if (is_busy(ss) || wish_of(ss) != RUN || !all_are(ss, DPL_SERVICE_UP)) {
        go_on(ss);
        return;
    }
    ss->looked = (ss->looked + 1) % ss->all->len;
    ss->step = DPL_SERVICE_LOOK;
    ss->which = ss->looked;
    run_step(ss);
}

/* All are as they should be. Those that run are looked at in turns. */
static void rest(struct dpl_services *ss, enum wish wish)
{
    ss->why[0] = '\0';
    ss->backoff.failures = 0;
    ss->settled = wish;
    if (wish == RUN && ss->all->len > 0)
        dpl_timer_set(&ss->timer, ss->set->daemon->loop, MONITOR_MS / (int64_t)ss->all->len,
                      monitor, ss);
}

static void go_on(void *self)
{
    struct dpl_services *ss = self;
    enum wish wish = wish_of(ss);
    if (is_busy(ss) || wish == LEAVE || ss->set->daemon->stopping)
        return;
    if (wish == RUN && all_are(ss, DPL_SERVICE_STOPPED))
        read_services(ss, DPL_SERVICE_STOPPED);
    ss->settled = LEAVE;
    ss->step = dpl_service_next(wish == RUN, ss->states, ss->all->len, &ss->which);
    if ((ss->step == DPL_SERVICE_NOTHING || ss->step == DPL_SERVICE_START) &&
        dpl_online_is_due(&ss->online, wish == RUN))
        dpl_online_turn(&ss->online, wish == RUN);
    else if (ss->step == DPL_SERVICE_NOTHING)
        rest(ss, wish);
    else
        run_step(ss);
}

void dpl_services_begin(struct dpl_set *set)
{
    struct dpl_services *ss = g_new0(struct dpl_services, 1);
    ss->set = set;
    ss->all = g_ptr_array_new_with_free_func(service_free);
    set->services = ss;
    dpl_online_begin(&ss->online, set, hooks_ended, ss);
    read_services(ss, DPL_SERVICE_UNKNOWN);
    dpl_services_review(set);
}

void dpl_services_end(struct dpl_set *set)
{
    struct dpl_services *ss = g_steal_pointer(&set->services);
    if (!ss)
        return;
    dpl_timer_clear(&ss->timer);
    g_clear_pointer(&ss->child, dpl_child_free);
    dpl_online_end(&ss->online);
    g_ptr_array_unref(ss->all);
    g_free(ss->states);
    g_free(ss);
}

void dpl_services_review(struct dpl_set *set)
{
    struct dpl_services *ss = set->services;
    /* A failed step waits for its time, unless something else is wished for now. */
    if (!ss || is_busy(ss) || ss->reviewed == wish_of(ss))
        return;
    ss->reviewed = wish_of(ss);
    if (ss->reviewed != ss->settled)
        look_in(ss, 0);
}

bool dpl_services_stopped(const struct dpl_set *set)
{
    const struct dpl_services *ss = set->services;
    bool hooks = ss && ss->online.is && wish_of(ss) != LEAVE;
    return !ss || (all_are(ss, DPL_SERVICE_STOPPED) && !hooks && !ss->online.running);
}

bool dpl_services_up(const struct dpl_set *set)
{
    const struct dpl_services *ss = set->services;
    return !ss || (all_are(ss, DPL_SERVICE_UP) && !dpl_online_is_due(&ss->online, true));
}

const char *dpl_services_why(const struct dpl_set *set)
{
    return set->services ? set->services->why : "";
}

static const char *param_of(const struct service *s, const char *key)
{
    size_t n = strlen(key);
    for (size_t i = 0; s->params[i]; i++)
        if (strncmp(s->params[i], key, n) == 0 && s->params[i][n] == '=')
            return s->params[i] + n + 1;
    return NULL;
}

struct dpl_doc *dpl_services_status(const struct dpl_set *set)
{
    const struct dpl_services *ss = set->services;
    struct dpl_doc *doc = dpl_doc_new(), *list = dpl_doc_set_list(doc, "primitives");
    struct dpl_doc *conn = dpl_doc_add_tree(list);
    dpl_doc_set_text(conn, "agent", "source-connection");
    dpl_doc_set_text(conn, "set", set->name);
    dpl_doc_set_text(conn, "group", set->name);
    for (guint i = 0; ss && i < ss->all->len; i++) {
        const struct service *s = ss->all->pdata[i];
        struct dpl_doc *row = dpl_doc_add_tree(list);
        g_autofree char *agent = g_path_get_basename(s->agent);
        dpl_doc_set_text(row, "id", s->name);
        dpl_doc_set_text(row, "agent", agent);
        dpl_doc_set_text(row, "group", set->name);
        for (size_t k = 0; k < G_N_ELEMENTS(asked_params); k++)
            if (param_of(s, asked_params[k]))
                dpl_doc_set_text(row, asked_params[k], param_of(s, asked_params[k]));
    }
    return doc;
}

struct dpl_doc *dpl_services_doc(const struct dpl_set *set)
{
    static const char *const states[] = {[DPL_SERVICE_UNKNOWN] = "not known yet",
                                         [DPL_SERVICE_STOPPED] = "stopped",
                                         [DPL_SERVICE_UP] = "running",
                                         [DPL_SERVICE_FAILED] = "failed"};
    const struct dpl_services *ss = set->services;
    if (!ss || ss->all->len == 0)
        return NULL;
    struct dpl_doc *doc = dpl_doc_new(), *list = dpl_doc_set_list(doc, "list");
    for (guint i = 0; i < ss->all->len; i++) {
        const struct service *s = ss->all->pdata[i];
        struct dpl_doc *row = dpl_doc_add_tree(list);
        dpl_doc_set_text(row, "service", s->name);
        dpl_doc_set_text(row, "state", states[ss->states[i]]);
    }
    return doc;
}
