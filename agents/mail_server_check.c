/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/mail_server_check.h"

#include "lib/service/holder.h"
#include "lib/service/probe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { QUEUE_LOOK_US = 50000 };

/* Who is silent may be stopped, overrun or broken; only the second is nobody's fault. */
struct silence {
    int processes, stopped, waiting;
};

static void look_at_processes(const struct ms_check *check, struct silence *silence)
{
    struct dpl_procs procs;
    if (dpl_service_own(&check->want->service, &check->state->memory, &procs, NULL) < 0)
        return;
    for (size_t i = 0; i < procs.count; i++) {
        if (!procs.items[i].ours)
            continue;
        silence->processes++;
        silence->stopped += procs.items[i].state == 'T' || procs.items[i].state == 't';
        silence->waiting += procs.items[i].state == 'D';
    }
    dpl_procs_done(&procs);
}

/* How many connections wait to be accepted there, ours among them. */
static unsigned backlog_of(const struct dpl_address *address)
{
    int family = address->socket.any.sa_family;
    if (family != AF_INET && family != AF_INET6)
        return 0;
    return dpl_holder_backlog(
        ntohs(family == AF_INET ? address->socket.in.sin_port : address->socket.in6.sin6_port));
}

/* No answer, or no connection, from somebody who listens. screen: he makes everybody wait. */
static int explain_silence(const struct ms_check *check, const struct dpl_address *address,
                           bool screen, int code, struct dpl_err *err)
{
    struct silence silence = {0};
    struct dpl_err why = *err;
    look_at_processes(check, &silence);
    if (silence.stopped)
        return dpl_err_set(err, DPL_E_FAILED, "%s: %d of its %d processes are stopped (SIGSTOP)",
                           why.text, silence.stopped, silence.processes);
    if (silence.waiting && silence.waiting == silence.processes)
        return dpl_err_set(err, DPL_E_FAILED, "%s: all of it waits for a disk or a mount",
                           why.text);
    unsigned backlog = code == DPL_E_BUSY ? 0 : backlog_of(address);
    if (screen && code == DPL_E_TIMEOUT && backlog == 0)
        return dpl_err_set(err, DPL_E_DEGRADED, "%s: postscreen lets us wait", why.text);
    if (code == DPL_E_BUSY)
        return dpl_err_set(err, DPL_E_DEGRADED, "overloaded: %s", why.text);
    if (backlog > 1)
        return dpl_err_set(err, DPL_E_DEGRADED, "overloaded: %s, and %u connections wait", why.text,
                           backlog);
    return code;
}

/* The host of a socket's address, as a name for ourselves. */
static void name_ourselves(char name[80])
{
    char host[65];
    if (gethostname(host, sizeof host) < 0 || !host[0])
        snprintf(host, sizeof host, "localhost");
    host[sizeof host - 1] = '\0';
    snprintf(name, 80, "%s", host);
}

/* A question under way. */
struct question {
    const struct dpl_probe_row *row;
    struct dpl_address address;
    struct dpl_talk talk;
    struct dpl_err err;
    int code; /* of the connection */
};

static void open_question(const struct ms_check *check, const char *point, struct question *q)
{
    q->err = (struct dpl_err){0};
    q->row = dpl_probe_parse(point, check->want->service.kind->protocol, &q->address);
    q->code = q->row ? dpl_talk_open(&q->talk, &q->address, check->run->steps.clock,
                                     check->deadline_ns, &q->err)
                     : dpl_err_set(&q->err, DPL_E_CONFIG, "it cannot be probed at \"%s\"", point);
}

static int finish_question(const struct ms_check *check, struct question *q,
                           struct dpl_probe *probe, struct dpl_err *err)
{
    int code = q->code;
    if (q->row) {
        if (code == DPL_OK)
            code = q->row->run(&q->talk, probe, &q->err);
        if (code < 0)
            dpl_err_context(&q->err, "%s at %s", q->row->protocol, q->address.text);
        if (code == DPL_E_BUSY || code == DPL_E_TIMEOUT)
            code = explain_silence(check, &q->address, strcmp(q->row->protocol, "postscreen") == 0,
                                   code, &q->err);
    }
    if (code < 0)
        return dpl_err_set(err, code, "%s", q->err.text);
    return DPL_OK;
}

/* Connects to all before the first is asked: so their greetings come beside each other. The first
 * failure is the answer. */
static int ask_all(struct ms_check *check, const char *const *points, size_t count,
                   struct dpl_probe *probe, struct dpl_err *err)
{
    struct question questions[DPL_FACTS_POINTS];
    int code = DPL_OK;
    for (size_t i = 0; i < count; i++)
        open_question(check, points[i], &questions[i]);
    for (size_t i = 0; i < count; i++) {
        if (code == DPL_OK)
            code = finish_question(check, &questions[i], probe, err);
        if (questions[i].code == DPL_OK)
            dpl_talk_close(&questions[i].talk);
    }
    return code;
}

static int ask_one(struct ms_check *check, const char *point, struct dpl_probe *probe,
                   struct dpl_err *err)
{
    return ask_all(check, &point, 1, probe, err);
}

/* Where a message is in Postfix's queue: the directory, or NULL if it has left it. */
static const char *find_queued(const char *queue, const char *id)
{
    static const char *const dirs[] = {"active", "incoming", "hold", "deferred"};
    char path[DPL_FACTS_PATH + 96];
    for (size_t i = 0; i < G_N_ELEMENTS(dirs); i++) {
        snprintf(path, sizeof path, "%s/%s/%s", queue, dirs[i], id);
        if (access(path, F_OK) == 0)
            return dirs[i];
        for (const char *hash = "0123456789ABCDEF"; *hash; hash++) {
            snprintf(path, sizeof path, "%s/%s/%c/%s", queue, dirs[i], *hash, id);
            if (access(path, F_OK) == 0)
                return dirs[i];
        }
    }
    return NULL;
}

/* As it moves between directories, one look may miss it. */
static const char *look_for(const char *queue, const char *id)
{
    const char *where = find_queued(queue, id);
    return where ? where : find_queued(queue, id);
}

/* Postfix has the message: it shall leave the queue. */
static int await_queue(const struct ms_check *check, const char *id, struct dpl_err *err)
{
    const char *queue = check->state->facts.data, *where;
    while ((where = look_for(queue, id))) {
        bool late = dpl_clock_left_ms(check->run->steps.clock, check->deadline_ns) == 0;
        if (late && strcmp(where, "incoming") == 0)
            return dpl_err_set(err, DPL_E_FAILED,
                               "nobody takes the probe message %s out of the queue", id);
        if (late || strcmp(where, "deferred") == 0 || strcmp(where, "hold") == 0)
            return dpl_err_set(
                err, DPL_E_DEGRADED,
                "the probe message %s was not delivered yet: it is in the queue \"%s\"", id, where);
        g_usleep(QUEUE_LOOK_US);
    }
    return DPL_OK;
}

static const char *find_point(const struct dpl_service_facts *facts, const char *protocol)
{
    size_t length = strlen(protocol);
    for (size_t i = 0; i < facts->point_count; i++)
        if (strncmp(facts->points[i], protocol, length) == 0 && facts->points[i][length] == ':')
            return facts->points[i];
    return NULL;
}

/* A message by LMTP, then found by IMAP; or by SMTP, then gone from the queue. */
static int deliver(struct ms_check *check, const char *first, struct dpl_probe *probe,
                   struct dpl_err *err)
{
    const char *lmtp = find_point(&check->state->facts, "lmtp");
    const char *password = probe->password;
    bool imap = strcmp(check->want->service.kind->protocol, "imap") == 0;
    if (imap && !lmtp)
        return dpl_err_set(err, DPL_E_DEGRADED,
                           "OCF_CHECK_LEVEL 20 wants a listener of LMTP in its configuration");
    if (imap && !password)
        return dpl_err_set(err, DPL_E_DEGRADED, "OCF_CHECK_LEVEL 20 wants probe_passfile");
    int code = ask_one(check, imap ? lmtp : first, probe, err);
    if (code == DPL_OK && imap)
        code = ask_one(check, first, probe, err);
    else if (code == DPL_OK && probe->queue_id[0] && check->state->facts.data[0])
        code = await_queue(check, probe->queue_id, err);
    return code;
}

static int ask_deeper(struct ms_check *check, int level, const char *first, const char *name,
                      struct dpl_err *err)
{
    g_autofree char *password = NULL;
    char mark[96];
    struct dpl_err why = {0};
    struct dpl_probe probe = {.level =
                                  level >= DPL_PROBE_DELIVER ? DPL_PROBE_DELIVER : DPL_PROBE_LOGIN,
                              .name = name,
                              .user = check->want->probe_user,
                              .mark = mark};
    if (!probe.user || (level < DPL_PROBE_DELIVER && !check->want->probe_passfile))
        return dpl_err_set(err, DPL_E_DEGRADED, "OCF_CHECK_LEVEL %d wants probe_user%s", level,
                           level < DPL_PROBE_DELIVER ? " and probe_passfile" : "");
    if (check->want->probe_passfile && ms_want_password(check->want, &password, &why) < 0)
        return dpl_err_set(err, DPL_E_DEGRADED, "%s", why.text);
    snprintf(mark, sizeof mark, "doppel.%d.%" PRId64, (int)getpid(),
             dpl_clock_wall_ns(check->run->steps.clock));
    probe.password = password;
    int code = probe.level == DPL_PROBE_DELIVER ? deliver(check, first, &probe, err)
                                                : ask_one(check, first, &probe, err);
    if (password)
        explicit_bzero(password, strlen(password));
    return code;
}

int ms_check_probe(struct ms_check *check, int level, struct dpl_err *err)
{
    const struct dpl_service_facts *facts = &check->state->facts;
    const char *given = check->want->probe_address;
    const char *first = given ? given : facts->point_count ? facts->points[0] : NULL;
    char name[80];
    name_ourselves(name);
    struct dpl_probe probe = {.name = name};
    dpl_ocf_step(&check->run->steps, "asking the service");
    if (!first)
        return level == 0 ? DPL_OK
                          : dpl_err_set(err, DPL_E_DEGRADED,
                                        "OCF_CHECK_LEVEL %d wants probe_address", level);
    if (level >= DPL_PROBE_LOGIN)
        return ask_deeper(check, level, first, name, err);
    const char *points[DPL_FACTS_POINTS] = {first};
    size_t count = 1;
    for (; !given && count < facts->point_count; count++)
        points[count] = facts->points[count];
    return ask_all(check, points, count, &probe, err);
}

int ms_check_judge(struct ms_check *check, int code, struct dpl_err *err)
{
    struct ms_state *state = check->state;
    bool failed = code < 0 && code != DPL_E_DEGRADED;
    int64_t misses = failed ? state->misses + 1 : 0;
    struct dpl_err why = *err;
    if (misses != state->misses) {
        state->misses = misses;
        struct dpl_err ignored = {0};
        if (ms_state_write(state, &ignored) < 0)
            dpl_ocf_log(check->run, "WARNING", "%s", ignored.text);
    }
    if (!failed)
        return code;
    if (misses >= check->want->probe_failures)
        return dpl_err_set(err, DPL_E_FAILED, "%s; %" PRId64 " times in a row", why.text, misses);
    return dpl_err_set(err, DPL_E_DEGRADED, "%s; %" PRId64 " of %" PRId64 " times in a row",
                       why.text, misses, check->want->probe_failures);
}

int ms_check_any(const struct ms_want *want, const struct ms_state *state, struct dpl_err *err)
{
    struct dpl_procs procs = {0};
    int count = dpl_service_own(&want->service, &state->memory, &procs, err);
    dpl_procs_done(&procs);
    return count;
}

static int adopt(struct ms_check *check, const struct dpl_proc *master, struct dpl_err *err)
{
    check->state->memory.known[MS_MASTER] =
        (struct dpl_service_known){.pid = master->pid, .start = master->start};
    return check->state->there ? ms_state_write(check->state, err) : DPL_OK;
}

/* The remembered master is gone: somebody started another, or it died. */
static int search(struct ms_check *check, struct dpl_err *err)
{
    const struct dpl_service *service = &check->want->service;
    struct dpl_procs procs = {0};
    dpl_ocf_step(&check->run->steps, "looking for its processes");
    int count = dpl_service_own(service, &check->state->memory, &procs, err), code = count;
    const struct dpl_proc *master =
        count > 0 ? dpl_service_master(service, &check->state->memory, &procs) : NULL;
    if (master)
        code = adopt(check, master, err);
    else if (count == 0)
        code = dpl_err_set(err, DPL_E_NOT_RUNNING, "no process of %s runs for \"%s\"",
                           service->kind->name, service->config);
    else if (count > 0)
        code = dpl_err_set(err, DPL_E_FAILED, "its master is gone, and %d processes of it are left",
                           count);
    dpl_procs_done(&procs);
    return code;
}

int ms_check_master(struct ms_check *check, struct dpl_err *err)
{
    const struct dpl_service_known *known = &check->state->memory.known[MS_MASTER];
    struct dpl_proc proc;
    if (known->pid && dpl_proc_read(known->pid, &proc) && proc.start == known->start)
        return DPL_OK;
    return search(check, err);
}
