/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/mail_server_start.h"

#include "agents/host.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/service/command.h"
#include "lib/service/holder.h"
#include "lib/service/origin.h"
#include "lib/service/stop.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_US = 20000, LOG_BYTES = 1 << 20, APPEAR_MS = 5000, STAYS_MS = 1000 };

/* The name of this site, or "" where doppel is not configured. */
static void read_site(char site[65])
{
    struct host host;
    (void)host_read(&host, NULL);
    snprintf(site, 65, "%s", host.site);
    host_done(&host);
}

static struct dpl_service_time time_of(const struct ms_check *check)
{
    return (struct dpl_service_time){.clock = check->run->steps.clock,
                                     .deadline_ns = check->deadline_ns};
}

static int learn(struct ms_check *check, struct dpl_service_learnt *learnt, struct dpl_err *err)
{
    const struct dpl_service *service = &check->want->service;
    const struct dpl_service_time time = time_of(check);
    dpl_ocf_step(&check->run->steps, "reading the service's configuration");
    int code = service->kind->learn ? service->kind->learn(service, &time, learnt, err) : DPL_OK;
    if (code == DPL_OK && learnt->facts.point_count == 0 && service->kind->point)
        snprintf(learnt->facts.points[learnt->facts.point_count++], DPL_FACTS_POINT, "%s",
                 service->kind->point);
    return code;
}

static void keep_facts(struct ms_check *check, const struct dpl_service_learnt *learnt)
{
    check->state->facts = learnt->facts;
    memcpy(check->state->memory.pid_file, learnt->facts.pid_file,
           sizeof check->state->memory.pid_file);
}

static int check_ports(struct ms_check *check, const struct dpl_service_learnt *learnt,
                       struct dpl_err *err)
{
    struct dpl_address address;
    int code = DPL_OK;
    dpl_ocf_step(&check->run->steps, "looking at the ports that it wants");
    for (guint i = 0; code == DPL_OK && i < learnt->listens->len; i++)
        code = dpl_holder_check(&g_array_index(learnt->listens, struct dpl_service_listen, i), err);
    /* One of which nothing is known but where it is probed. */
    if (code == DPL_OK && !check->want->service.kind->learn && learnt->facts.point_count &&
        !check->want->probe_address &&
        dpl_address_parse(strchr(learnt->facts.points[0], ':') + 1, 0, &address) &&
        address.socket.any.sa_family == AF_INET) {
        struct dpl_service_listen listen = {.port = ntohs(address.socket.in.sin_port)};
        snprintf(listen.host, sizeof listen.host, "127.0.0.1");
        code = dpl_holder_check(&listen, err);
    }
    return code;
}

int ms_start_learn(struct ms_check *check, bool ports, struct dpl_err *err)
{
    struct dpl_service_learnt learnt;
    dpl_service_learnt_init(&learnt);
    int code = learn(check, &learnt, err);
    for (guint i = 0; code == DPL_OK && i < learnt.warnings->len; i++)
        dpl_ocf_log(check->run, "WARNING", "%s", (const char *)learnt.warnings->pdata[i]);
    if (code == DPL_OK && ports)
        code = check_ports(check, &learnt, err);
    if (code == DPL_OK)
        keep_facts(check, &learnt);
    dpl_service_learnt_done(&learnt);
    return code;
}

/* The file in which its master writes its process id names a living process that is not ours. */
static int check_stranger(const struct ms_check *check, struct dpl_err *err)
{
    const struct dpl_service *service = &check->want->service;
    const char *path = service->pid_file ? service->pid_file : check->state->memory.pid_file;
    pid_t pid = dpl_proc_read_pid_file(path);
    struct dpl_proc proc;
    if (pid <= 1 || !dpl_proc_read(pid, &proc) ||
        (strcmp(proc.name, "master") != 0 && !strstr(service->binary, proc.name)))
        return DPL_OK;
    return dpl_err_set(
        err, DPL_E_REFUSED,
        "\"%s\" belongs to process %d (%s), another instance: each needs directories "
        "of its own",
        path, (int)pid, proc.name);
}

/* Our own time of start, for what begins from now on: it is later. */
static uint64_t now_ticks(void)
{
    struct dpl_proc self;
    return dpl_proc_read(getpid(), &self) ? self.start : 1;
}

static int run_starter(struct ms_check *check, const char *const *argv, const char *variable,
                       struct dpl_err *err)
{
    const struct dpl_service_time time = time_of(check);
    const char *const variables[] = {variable, NULL};
    const struct dpl_command command = {.argv = argv,
                                        .variables = variables,
                                        .clock = time.clock,
                                        .deadline_ns = time.deadline_ns,
                                        .terminal = true};
    pid_t session = 0;
    int code = dpl_command_run(&command, NULL, &session, err);
    if (session)
        check->state->memory.known[MS_STARTER] =
            (struct dpl_service_known){.pid = session, .start = now_ticks()};
    return code;
}

static int run_foreground(struct ms_check *check, const char *const *argv, struct dpl_err *err)
{
    g_autofree char *mark = dpl_service_mark(&check->want->service);
    const struct dpl_command_task task = {.argv = argv,
                                          .log = check->state->log,
                                          .variable = mark,
                                          .user = check->want->service.kind->user};
    struct dpl_proc proc;
    pid_t pid;
    int code = dpl_command_start(&task, &pid, err);
    if (code == DPL_OK && dpl_proc_read(pid, &proc))
        check->state->memory.known[MS_MASTER] =
            (struct dpl_service_known){.pid = pid, .start = proc.start};
    return code;
}

static bool is_direct(const struct ms_check *check, const struct dpl_service_learnt *learnt)
{
    const struct dpl_service *service = &check->want->service;
    return learnt->direct && service->kind->direct && !service->parameters;
}

static int launch(struct ms_check *check, const struct dpl_service_learnt *learnt,
                  struct dpl_err *err)
{
    const struct dpl_service *service = &check->want->service;
    const struct dpl_service_kind *kind = service->kind;
    bool direct = is_direct(check, learnt);
    g_autofree char *variable = direct ? dpl_service_fill(service, kind->direct_variable) : NULL;
    g_auto(GStrv) argv = NULL;
    dpl_ocf_step(&check->run->steps, "starting the service");
    int code =
        dpl_service_argv(service, direct ? learnt->direct : service->binary,
                         direct ? kind->direct : kind->arguments, service->parameters, &argv, err);
    if (code < 0)
        return code;
    const char *const *words = (const char *const *)(void *)argv;
    return kind->foreground ? run_foreground(check, words, err)
                            : run_starter(check, words, variable, err);
}

/* It has ended again: what stays in the foreground says why in its log. */
static int died(const struct ms_check *check, const struct dpl_err *why, struct dpl_err *err)
{
    g_autofree char *text = NULL;
    char line[256] = "";
    if (!check->want->service.kind->foreground)
        return dpl_err_set(err, DPL_E_FAILED, "it was started, and ended again: %s", why->text);
    if (dpl_file_read(AT_FDCWD, check->state->log, LOG_BYTES, &text, NULL, NULL) == DPL_OK)
        dpl_command_telling_line(text, line, sizeof line);
    return dpl_err_set(err, DPL_E_FAILED, "it ended at once: %s",
                       line[0] ? line : "it said nothing");
}

/* Of one that nobody can ask it is known only that it stays. */
static bool ends_at_once(const struct ms_check *check)
{
    const struct dpl_service_known *known = &check->state->memory.known[MS_MASTER];
    if (check->state->facts.point_count || check->want->probe_address)
        return false;
    struct pollfd one = {.fd = dpl_proc_open(known->pid, known->start), .events = POLLIN};
    bool ended = one.fd < 0 || poll(&one, 1, STAYS_MS) != 0;
    dpl_fd_clear(&one.fd);
    return ended;
}

/* Until it answers; who is only busy has started. What has just been started has a while to become
 * a daemon. NOT_RUNNING: one that ran before has no master. */
static int await_service(struct ms_check *check, bool fresh, struct dpl_err *err)
{
    const struct dpl_clock *clock = check->run->steps.clock;
    int64_t appear_ns = dpl_clock_now_ns(clock) + APPEAR_MS * INT64_C(1000000);
    for (;;) {
        struct dpl_err why = {0};
        dpl_ocf_step(&check->run->steps, "waiting for its answer");
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        int code = ms_check_master(check, &why);
        bool gone = code < 0;
        if (gone && !fresh)
            return DPL_E_NOT_RUNNING;
        bool at_once = code == DPL_E_NOT_RUNNING && check->want->service.kind->foreground;
        if (gone && (at_once || dpl_clock_left_ms(clock, appear_ns) == 0))
            return died(check, &why, err);
        if (!gone)
            code = ms_check_probe(check, 0, &why);
        if (code == DPL_OK && fresh && ends_at_once(check))
            continue;
        if (code == DPL_E_DEGRADED)
            dpl_ocf_log(check->run, "WARNING", "%s", why.text);
        if (code == DPL_OK || code == DPL_E_DEGRADED)
            return DPL_OK;
        if (dpl_clock_left_ms(clock, check->deadline_ns) == 0)
            return dpl_err_set(err, DPL_E_TIMEOUT, "it was started, and does not serve: %s",
                               why.text);
        g_usleep(LOOK_US);
    }
}

/* What goes on beside it for a while; that it cannot is not the service's failure. */
static void begin_afterwards(struct ms_check *check, const char *program,
                             const char *const *arguments, const char *reason)
{
    g_auto(GStrv) argv = NULL;
    struct dpl_err why = {0};
    struct dpl_proc proc;
    pid_t pid;
    int code = dpl_service_argv(&check->want->service, program, arguments, NULL, &argv, &why);
    const struct dpl_command_task task = {
        .argv = (const char *const *)(void *)argv, .log = check->state->log, .idle = true};
    if (code == DPL_OK)
        code = dpl_command_start(&task, &pid, &why);
    if (code == DPL_OK && dpl_proc_read(pid, &proc))
        check->state->memory.known[MS_AFTERWARDS] =
            (struct dpl_service_known){.pid = pid, .start = proc.start};
    if (code < 0)
        dpl_ocf_log(check->run, "WARNING", "%s", why.text);
    else
        dpl_ocf_log(check->run, "INFO", "%s: %s runs beside it", reason, argv[0]);
}

static void afterwards(struct ms_check *check, const struct dpl_service_learnt *learnt, bool moved)
{
    const struct dpl_service *service = &check->want->service;
    const struct dpl_service_kind *kind = service->kind;
    if (moved && kind->afterwards)
        begin_afterwards(check, NULL, kind->afterwards, "its data came from elsewhere");
    else if (is_direct(check, learnt) && kind->warns)
        begin_afterwards(check, service->binary, kind->warns, "it warns of wrong rights");
}

static void stamp(struct ms_check *check, const char *site)
{
    struct dpl_err why = {0};
    if (dpl_origin_stamp(check->state->facts.data, site, &why) < 0)
        dpl_ocf_log(check->run, "WARNING",
                    "the next start takes its data for that of another site: %s", why.text);
}

static int prepare(struct ms_check *check, const struct dpl_service_learnt *learnt, bool moved,
                   struct dpl_err *err)
{
    const struct dpl_service *service = &check->want->service;
    const struct dpl_service_time time = time_of(check);
    if (!service->kind->prepare)
        return DPL_OK;
    dpl_ocf_step(&check->run->steps, "preparing its data");
    int code = service->kind->prepare(service, &time, learnt, moved, err);
    return code < 0 ? dpl_err_context(err, "it was not started") : DPL_OK;
}

static int bring_up(struct ms_check *check, const struct dpl_service_learnt *learnt,
                    struct dpl_err *err)
{
    char site[65];
    read_site(site);
    bool has_data = learnt->facts.data[0] != '\0';
    bool moved = has_data && dpl_origin_moved(learnt->facts.data, site);
    int code = prepare(check, learnt, moved, err);
    if (code == DPL_OK)
        code = ms_state_write(check->state, err);
    if (code == DPL_OK)
        code = launch(check, learnt, err);
    /* From here on a stop must find what was started, however this ends. */
    if (code == DPL_OK)
        code = ms_state_write(check->state, err);
    if (code == DPL_OK)
        code = await_service(check, true, err);
    if (code == DPL_OK)
        afterwards(check, learnt, moved);
    if (code == DPL_OK && moved)
        stamp(check, site);
    return code;
}

/* Of an earlier run that lost its master; without this the new one would meet them. */
static int clear_orphans(struct ms_check *check, struct dpl_err *err)
{
    struct dpl_service_stop stop = {.service = &check->want->service,
                                    .memory = &check->state->memory,
                                    .clock = check->run->steps.clock,
                                    .deadline_ns = check->deadline_ns};
    dpl_ocf_step(&check->run->steps, "ending what an earlier run left");
    stop.kill_ns =
        dpl_clock_now_ns(stop.clock) + (check->deadline_ns - dpl_clock_now_ns(stop.clock)) / 4;
    int code = dpl_service_stop(&stop, err);
    if (code == DPL_OK)
        dpl_ocf_log(check->run, "WARNING", "%d processes without a master were ended first",
                    stop.found);
    return code;
}

/* Nothing of it runs but what has lost its master. */
static int start_anew(struct ms_check *check, const struct dpl_service_learnt *learnt,
                      struct dpl_err *err)
{
    int count = ms_check_any(check->want, check->state, err), code = count;
    if (count > 0)
        code = clear_orphans(check, err);
    memset(check->state->memory.known, 0, sizeof check->state->memory.known);
    if (code == DPL_OK)
        code = check_stranger(check, err);
    if (code == DPL_OK)
        code = check_ports(check, learnt, err);
    return code == DPL_OK ? bring_up(check, learnt, err) : code;
}

int ms_start(struct ms_check *check, struct dpl_err *err)
{
    struct dpl_service_learnt learnt;
    struct dpl_err ignored = {0};
    if (!ms_state_is_of(check->state, &check->want->service))
        ms_state_begin(check->state, &check->want->service);
    dpl_service_learnt_init(&learnt);
    int code = learn(check, &learnt, err);
    for (guint i = 0; code == DPL_OK && i < learnt.warnings->len; i++)
        dpl_ocf_log(check->run, "WARNING", "%s", (const char *)learnt.warnings->pdata[i]);
    if (code == DPL_OK) {
        keep_facts(check, &learnt);
        code = ms_check_master(check, &ignored) == DPL_OK ? await_service(check, false, err)
                                                          : DPL_E_NOT_RUNNING;
        if (code == DPL_E_NOT_RUNNING)
            code = start_anew(check, &learnt, err);
    }
    dpl_service_learnt_done(&learnt);
    return code;
}
