/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/child.h"

#include "daemon/parent/lines.h"
#include "daemon/parent/log.h"
#include "daemon/parent/spawn.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct dpl_children {
    qb_loop_t *loop;
    const char *dir;
    GPtrArray *all; /* of struct dpl_child, also those that were freed and still run */
    bool stopping;
    dpl_timer_fn *done;
    void *done_self;
    struct dpl_timer done_timer;
};

struct dpl_child {
    struct dpl_children *children;
    const struct dpl_child_kind *kind;
    const struct dpl_child_fns *fns;
    void *self;
    char *name;
    char **argv;
    GPtrArray *env; /* pairs beside ours */
    int given[DPL_SPAWN_FDS_MAX];
    size_t given_count;

    pid_t pid; /* 0: it does not run */
    int pidfd;
    struct dpl_watch end_watch;
    struct dpl_channel *channel;
    struct dpl_watch channel_watch;
    struct dpl_lines log;
    char *last_line; /* of it, when it ended last */
    int stderr_fd;   /* what it gets as 2 in place of our log; -1 */

    bool wanted;
    bool freed;
    bool at_once; /* restart without a wait */
    unsigned starts;
    int64_t started_ns;
    struct dpl_backoff backoff;
    struct dpl_timer timer; /* to start again, to kill, or the end of its time */
};

static int64_t now_ns(void)
{
    return dpl_clock_now_ns(&dpl_clock_system);
}

struct dpl_children *dpl_children_new(qb_loop_t *loop, const char *dir)
{
    struct dpl_children *children = g_new0(struct dpl_children, 1);
    children->loop = loop;
    children->dir = dir;
    children->all = g_ptr_array_new();
    return children;
}

struct dpl_child *dpl_child_new(struct dpl_children *children, const struct dpl_child_kind *kind,
                                const char *name, const char *const *args,
                                const struct dpl_child_fns *fns, void *self)
{
    struct dpl_child *child = g_new0(struct dpl_child, 1);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    child->children = children;
    child->kind = kind;
    child->fns = fns;
    child->self = self;
    child->name = g_strdup_printf("%s%s%s", kind->name, name ? " " : "", name ? name : "");
    g_ptr_array_add(argv, kind->program[0] == '/'
                              ? g_strdup(kind->program)
                              : g_build_filename(children->dir, kind->program, NULL));
    for (; *args; args++)
        g_ptr_array_add(argv, g_strdup(*args));
    g_ptr_array_add(argv, NULL);
    child->argv = (char **)g_ptr_array_steal(argv, NULL);
    child->env = g_ptr_array_new_with_free_func(g_free);
    child->pidfd = child->stderr_fd = -1;
    g_ptr_array_add(children->all, child);
    return child;
}

static void drop_given(struct dpl_child *child)
{
    while (child->given_count > 0)
        dpl_fd_clear(&child->given[--child->given_count]);
}

static void destroy(struct dpl_child *child)
{
    g_ptr_array_remove(child->children->all, child);
    dpl_timer_clear(&child->timer);
    drop_given(child);
    g_ptr_array_unref(child->env);
    g_strfreev(child->argv);
    dpl_fd_clear(&child->stderr_fd);
    g_free(child->last_line);
    g_free(child->name);
    g_free(child);
}

static void send_signal(struct dpl_child *child, int number)
{
    if (child->pid)
        syscall(SYS_pidfd_send_signal, child->pidfd, number, NULL, 0);
}

static void close_channel(struct dpl_child *child)
{
    dpl_watch_remove(&child->channel_watch);
    g_clear_pointer(&child->channel, dpl_channel_free);
}

void dpl_child_free(struct dpl_child *child)
{
    if (!child)
        return;
    child->fns = NULL;
    child->wanted = false;
    child->freed = true;
    dpl_timer_clear(&child->timer);
    if (!child->pid) {
        destroy(child);
        return;
    }
    close_channel(child);
    send_signal(child, SIGKILL);
}

void dpl_child_give_fd(struct dpl_child *child, int fd)
{
    g_assert(child->given_count + 4 < DPL_SPAWN_FDS_MAX);
    child->given[child->given_count++] = fd;
}

void dpl_child_set_stderr(struct dpl_child *child, int fd)
{
    dpl_fd_clear(&child->stderr_fd);
    child->stderr_fd = fd;
}

void dpl_child_set_env(struct dpl_child *child, const char *pair)
{
    g_ptr_array_add(child->env, g_strdup(pair));
}

/* Its end of the channel is closed, or it sent nonsense: it will end, or is made to. */
static void channel_failed(struct dpl_child *child, const struct dpl_err *err)
{
    if (err->code != DPL_E_NOT_RUNNING)
        dpl_log(LOG_ERR, "%s: %s: it is ended", child->name, err->text);
    close_channel(child);
    if (err->code != DPL_E_NOT_RUNNING)
        send_signal(child, SIGKILL);
}

static void channel_event(void *self, int revents)
{
    struct dpl_child *child = self;
    struct dpl_err err = {0};
    int rc = revents & POLLOUT ? dpl_channel_flush(child->channel, &err) : 0;
    /* A function may free the child, or stop it, and with it the channel. */
    for (int i = 0; rc >= 0 && i < 16; i++) {
        g_autoptr(dpl_doc_auto) doc = NULL;
        rc = dpl_channel_receive(child->channel, &doc, &err);
        if (rc != 1)
            break;
        if (child->fns && child->fns->message)
            child->fns->message(child->self, doc);
        if (!child->channel)
            return;
    }
    if (rc < 0)
        channel_failed(child, &err);
    else
        dpl_watch_events(&child->channel_watch,
                         POLLIN | (dpl_channel_wants_write(child->channel) ? POLLOUT : 0));
}

static void start_again(void *self)
{
    struct dpl_err err = {0};
    if (dpl_child_start(self, &err) < 0)
        dpl_log(LOG_ERR, "%s", err.text);
}

static void children_done(void *self)
{
    struct dpl_children *children = self;
    children->done(children->done_self);
}

/* Tells that the last is gone, when all shall stop: from the loop, not from inside a child. */
static void note_if_empty(struct dpl_children *children)
{
    if (!children->stopping || !children->done)
        return;
    for (guint i = 0; i < children->all->len; i++)
        if (((struct dpl_child *)children->all->pdata[i])->pid)
            return;
    dpl_timer_set(&children->done_timer, children->loop, 0, children_done, children);
}

static void wait_and_start(struct dpl_child *child, int64_t ran_ms)
{
    int64_t wait_ms =
        child->at_once ? 0 : dpl_backoff_next_ms(&child->backoff, &child->kind->backoff, ran_ms);
    child->at_once = false;
    if (wait_ms > 0)
        dpl_log(LOG_INFO, "%s: started again in %lld ms", child->name, (long long)wait_ms);
    dpl_timer_set(&child->timer, child->children->loop, wait_ms, start_again, child);
}

static int reap(struct dpl_child *child)
{
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
        return -SIGKILL;
    return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

static void clean_up(struct dpl_child *child)
{
    dpl_timer_clear(&child->timer);
    g_free(child->last_line);
    child->last_line = g_strdup(dpl_lines_last(&child->log));
    dpl_lines_close(&child->log);
    dpl_watch_remove(&child->end_watch);
    dpl_fd_clear(&child->pidfd);
    close_channel(child);
    child->pid = 0;
}

/* What it said last is read before its end is told. */
static void drain_channel(struct dpl_child *child)
{
    struct dpl_err err = {0};
    struct dpl_doc *doc;
    while (child->channel && dpl_channel_receive(child->channel, &doc, &err) == 1) {
        if (child->fns && child->fns->message)
            child->fns->message(child->self, doc);
        dpl_doc_free(doc);
    }
}

static void end_event(void *self, int revents)
{
    struct dpl_child *child = self;
    (void)revents;
    drain_channel(child);
    int status = reap(child);
    int64_t ran_ms = (now_ns() - child->started_ns) / 1000000;
    struct dpl_children *children = child->children;
    clean_up(child);
    if (child->freed) {
        destroy(child);
        note_if_empty(children);
        return;
    }
    bool again = child->wanted && (child->kind->restart || child->at_once) && !children->stopping;
    if (status != 0 && child->wanted)
        dpl_log(child->kind->quiet && status > 0 ? LOG_DEBUG : LOG_WARNING, "%s ended: %s %d",
                child->name, status < 0 ? "signal" : "exit", status < 0 ? -status : status);
    if (again)
        wait_and_start(child, ran_ms);
    else
        child->wanted = false;
    if (child->fns && child->fns->ended)
        child->fns->ended(child->self, status, again);
    note_if_empty(children);
}

static char **environment(const struct dpl_child *child)
{
    g_autoptr(GPtrArray) env = g_ptr_array_new();
    for (char **pair = environ; *pair; pair++)
        if (!g_str_has_prefix(*pair, "NOTIFY_SOCKET=") && !g_str_has_prefix(*pair, "LISTEN_"))
            g_ptr_array_add(env, *pair);
    for (guint i = 0; i < child->env->len; i++)
        g_ptr_array_add(env, child->env->pdata[i]);
    g_ptr_array_add(env, NULL);
    return (char **)g_ptr_array_steal(env, NULL);
}

/* Starts the program; the ends of channel and log that are ours are in ends. */
static int spawn(struct dpl_child *child, int channel_end, int log_end, struct dpl_err *err)
{
    dpl_autofd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return dpl_err_sys(err, errno, "open \"/dev/null\"");
    g_autofree char **env = environment(child);
    struct dpl_spawn how = {
        .path = child->argv[0],
        .argv = child->argv,
        .env = env,
        .fds = {null, null, child->stderr_fd >= 0 ? child->stderr_fd : log_end, channel_end},
        .fd_count = 4};
    for (size_t i = 0; i < child->given_count; i++)
        how.fds[how.fd_count++] = child->given[i];
    pid_t pid = dpl_spawn(&how, &child->pidfd, err);
    if (pid < 0)
        return (int)pid;
    child->pid = pid;
    return DPL_OK;
}

static void end_of_time(void *self)
{
    struct dpl_child *child = self;
    dpl_log(LOG_WARNING, "%s has run for too long: it is stopped", child->name);
    dpl_child_stop(child);
}

static int watch_all(struct dpl_child *child, struct dpl_err *err)
{
    qb_loop_t *loop = child->children->loop;
    int rc = dpl_watch_add(&child->end_watch, loop, child->pidfd, POLLIN, end_event, child, err);
    if (rc == DPL_OK && child->channel)
        rc = dpl_watch_add(&child->channel_watch, loop, dpl_channel_fd(child->channel), POLLIN,
                           channel_event, child, err);
    return rc;
}

static int try_start(struct dpl_child *child, struct dpl_err *err)
{
    int log_ends[2], ends[2] = {-1, -1};
    if (pipe2(log_ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return dpl_err_sys(err, errno, "pipe");
    dpl_autofd int log_end = log_ends[1], their_end = -1;
    if (dpl_lines_open(&child->log, child->children->loop, log_ends[0], child->name, err) < 0)
        return DPL_E_NO_MEMORY;
    if (child->kind->channel) {
        int rc = dpl_channel_pair(ends, err);
        if (rc < 0)
            return rc;
        child->channel = dpl_channel_new(ends[0]);
        their_end = ends[1];
    }
    fcntl(log_end, F_SETFL, O_WRONLY); /* the child may wait when it writes */
    int rc = spawn(child, their_end, log_end, err);
    if (rc == DPL_OK)
        rc = watch_all(child, err);
    return rc;
}

int dpl_child_start(struct dpl_child *child, struct dpl_err *err)
{
    if (child->children->stopping || child->pid)
        return DPL_OK;
    child->wanted = true;
    child->started_ns = now_ns();
    child->starts++;
    int rc = try_start(child, err);
    drop_given(child);
    if (rc < 0) {
        send_signal(child, SIGKILL);
        if (child->pid)
            waitpid(child->pid, NULL, 0);
        clean_up(child);
        if (child->kind->restart)
            wait_and_start(child, 0);
        else
            child->wanted = false;
        return rc;
    }
    dpl_log(child->kind->quiet ? LOG_DEBUG : LOG_INFO, "%s started, pid %d", child->name,
            (int)child->pid);
    if (child->kind->most_ms > 0)
        dpl_timer_set(&child->timer, child->children->loop, child->kind->most_ms, end_of_time,
                      child);
    if (child->fns && child->fns->started)
        child->fns->started(child->self);
    return DPL_OK;
}

static void kill_it(void *self)
{
    struct dpl_child *child = self;
    dpl_log(LOG_WARNING, "%s did not end when asked: it is killed", child->name);
    send_signal(child, SIGKILL);
}

static void ask_to_end(struct dpl_child *child)
{
    send_signal(child, SIGTERM);
    dpl_timer_set(&child->timer, child->children->loop, child->kind->stop_ms, kill_it, child);
}

void dpl_child_stop(struct dpl_child *child)
{
    child->wanted = child->at_once = false;
    if (child->pid)
        ask_to_end(child);
    else
        dpl_timer_clear(&child->timer);
}

void dpl_child_restart(struct dpl_child *child)
{
    child->wanted = child->at_once = true;
    if (child->pid)
        ask_to_end(child);
    else
        wait_and_start(child, 0);
}

bool dpl_child_running(const struct dpl_child *child)
{
    return child->pid != 0;
}

const char *dpl_child_last_line(const struct dpl_child *child)
{
    return child->last_line;
}

int dpl_child_pid(const struct dpl_child *child)
{
    return child->pid;
}

unsigned dpl_child_starts(const struct dpl_child *child)
{
    return child->starts;
}

int dpl_child_send(struct dpl_child *child, const struct dpl_doc *doc, const int *fds,
                   size_t fd_count, struct dpl_err *err)
{
    if (!child->channel)
        return dpl_err_set(err, DPL_E_NOT_RUNNING, "%s does not run", child->name);
    int rc = dpl_channel_send(child->channel, doc, fds, fd_count, err);
    if (rc == DPL_OK && dpl_channel_wants_write(child->channel))
        dpl_watch_events(&child->channel_watch, POLLIN | POLLOUT);
    return rc;
}

int dpl_child_take_fd(struct dpl_child *child)
{
    return child->channel ? dpl_channel_take_fd(child->channel) : -1;
}

void dpl_children_stop(struct dpl_children *children, dpl_timer_fn *done, void *self)
{
    children->stopping = true;
    children->done = done;
    children->done_self = self;
    for (guint i = 0; i < children->all->len; i++)
        dpl_child_stop(children->all->pdata[i]);
    note_if_empty(children);
}

void dpl_children_free(struct dpl_children *children)
{
    if (!children)
        return;
    while (children->all->len > 0) {
        struct dpl_child *child = children->all->pdata[0];
        send_signal(child, SIGKILL);
        clean_up(child);
        destroy(child);
    }
    dpl_timer_clear(&children->done_timer);
    g_ptr_array_unref(children->all);
    g_free(children);
}
