/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a delivery needs before a service is told to end: one that was made and not noted comes a
 * second time.
 *
 * Dovecot's LMTP servers, when they are told, answer "421 Shutting down" even to a message that
 * they have just saved (2.3: the answer waits in a queue that is thrown away). Hence each is ended
 * here where it waits for input: what it took it has answered, what it has not taken comes again,
 * once. The master is stopped before, so that no new ones begin.
 *
 * Postfix's delivery agents die at once, also between an answer and their note in the queue file.
 * So each of those that deliver here is stopped while it has no message of the active queue open.
 * The master runs on meanwhile: who writes the log tells it of each line, and waits when nobody
 * listens; and an agent logs before it notes. An agent that is stopped counts as free there, so
 * that no new ones begin.
 *
 * Who then asks the master to end must wake it.
 */
#include "lib/service/kind.h"

#include "lib/base/file.h"

#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    FILE_BYTES = 4096,
    LOOK_US = 1000,
    STOPPED_LOOKS = 100,
    POSTFIX_MS = 2000,
    YOUNG_MS = 500, /* for a new process to become what it shall be */
};

typedef bool idle_fn(pid_t pid);

/* Whether it is in a wait for events. */
static bool waits(pid_t pid)
{
    char path[64];
    g_autofree char *text = NULL;
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)pid);
    if (dpl_file_read(AT_FDCWD, path, FILE_BYTES, &text, NULL, NULL) < 0)
        return false;
    char *end;
    long number = strtol(text, &end, 10);
    if (end == text)
        return false;
#ifdef SYS_epoll_wait
    if (number == SYS_epoll_wait)
        return true;
#endif
    return number == SYS_epoll_pwait;
}

/* Whether it has no message of an active queue open. */
static bool has_no_message(pid_t pid)
{
    char path[64], target[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *link = g_build_filename(path, name, NULL);
        ssize_t length = readlink(link, target, sizeof target - 1);
        target[MAX(length, 0)] = '\0';
        if (strstr(target, "/active/"))
            return false;
    }
    return dir != NULL;
}

static bool is_in_state(const struct dpl_proc *proc, const char *states)
{
    struct dpl_proc now;
    return dpl_proc_read(proc->pid, &now) && now.start == proc->start && strchr(states, now.state);
}

static bool stop(const struct dpl_proc *proc)
{
    if (!dpl_proc_signal(proc->pid, proc->start, SIGSTOP))
        return false;
    for (int i = 0; i < STOPPED_LOOKS && !is_in_state(proc, "Tt"); i++)
        g_usleep(LOOK_US);
    return is_in_state(proc, "Tt");
}

/* How often it has read; -1: not known. */
static int64_t reads_of(pid_t pid)
{
    char path[64];
    g_autofree char *text = NULL;
    snprintf(path, sizeof path, "/proc/%d/io", (int)pid);
    if (dpl_file_read(AT_FDCWD, path, FILE_BYTES, &text, NULL, NULL) < 0)
        return -1;
    const char *line = strstr(text, "syscr: ");
    return line ? g_ascii_strtoll(line + strlen("syscr: "), NULL, 10) : -1;
}

/* Stops it where it is idle; else it goes on. It sleeps only when there is nothing to read and
 * nothing left to say; and what began between that look and the stop shows in the second, or in
 * what it has read: Dovecot looks for events between a message that it saved and the answer. */
static bool stop_idle(const struct dpl_proc *proc, idle_fn *is_idle)
{
    int64_t reads = reads_of(proc->pid);
    if (!is_in_state(proc, "S") || !is_idle(proc->pid))
        return false;
    if (stop(proc) && is_idle(proc->pid) && reads_of(proc->pid) == reads)
        return true;
    dpl_proc_signal(proc->pid, proc->start, SIGCONT);
    return false;
}

/* True if it has ended. */
static bool end_idle(const struct dpl_proc *proc)
{
    if (!dpl_proc_runs(proc->pid, proc->start))
        return true;
    if (!stop_idle(proc, waits))
        return false;
    dpl_proc_signal(proc->pid, proc->start, SIGKILL);
    return true;
}

static bool is_lmtp(const struct dpl_proc *proc)
{
    return proc->ours && strcmp(proc->name, "lmtp") == 0;
}

/* Those that deliver here: another host may take minutes for what it is sent. */
static bool delivers_here(const struct dpl_proc *proc)
{
    static const char *const names[] = {"lmtp", "local", "virtual", "pipe", NULL};
    return proc->ours && g_strv_contains(names, proc->name);
}

/* Once more all processes; ours are those that were, and what they have made since. */
static void look_again(struct dpl_procs *procs)
{
    struct dpl_procs now;
    if (dpl_procs_read(&now, NULL) < 0)
        return;
    for (size_t i = 0; i < now.count; i++) {
        struct dpl_proc *proc = &now.items[i];
        const struct dpl_proc *was = dpl_procs_find(procs, proc->pid);
        const struct dpl_proc *parent = dpl_procs_find(procs, proc->parent);
        bool same = was && was->start == proc->start;
        proc->ours = same ? was->ours : parent && parent->ours && parent->start <= proc->start;
    }
    dpl_procs_done(procs);
    *procs = now;
}

static bool has_child(const struct dpl_procs *procs, pid_t pid)
{
    for (size_t i = 0; i < procs->count; i++)
        if (procs->items[i].ours && procs->items[i].parent == pid)
            return true;
    return false;
}

/* One of ours that makes the others; who has lost his master is none. */
static bool is_master(const struct dpl_procs *procs, const struct dpl_proc *proc)
{
    const struct dpl_proc *parent = dpl_procs_find(procs, proc->parent);
    return proc->ours && !(parent && parent->ours) && !is_lmtp(proc) && !delivers_here(proc) &&
           has_child(procs, proc->pid);
}

/* It has yet to become what it shall be: it bears the name of the master still. */
static bool has_young(const struct dpl_procs *procs)
{
    for (size_t i = 0; i < procs->count; i++) {
        const struct dpl_proc *master = dpl_procs_find(procs, procs->items[i].parent);
        if (master && is_master(procs, master) && strcmp(master->name, procs->items[i].name) == 0)
            return true;
    }
    return false;
}

/* No new ones begin from here on, and procs has all of them: also what was made just before. */
static void stop_masters(struct dpl_procs *procs, const struct dpl_clock *clock)
{
    for (size_t i = 0; i < procs->count; i++)
        if (is_master(procs, &procs->items[i]) && !is_in_state(&procs->items[i], "Tt"))
            stop(&procs->items[i]);
    int64_t until_ns = dpl_clock_now_ns(clock) + YOUNG_MS * INT64_C(1000000);
    look_again(procs);
    while (has_young(procs) && dpl_clock_left_ms(clock, until_ns) > 0) {
        g_usleep(LOOK_US);
        look_again(procs);
    }
}

void dpl_service_dovecot_settle(struct dpl_procs *procs, const struct dpl_service_time *time)
{
    stop_masters(procs, time->clock);
    for (bool more = true; more && dpl_clock_left_ms(time->clock, time->deadline_ns) > 0;) {
        more = false;
        for (size_t i = 0; i < procs->count; i++)
            if (is_lmtp(&procs->items[i]) && !end_idle(&procs->items[i]))
                more = true;
        if (more)
            g_usleep(LOOK_US);
    }
}

static bool rests(const struct dpl_proc *proc)
{
    if (!dpl_proc_runs(proc->pid, proc->start))
        return true;
    return is_in_state(proc, "Tt") ? has_no_message(proc->pid) : stop_idle(proc, has_no_message);
}

/* Whether all that deliver are stopped where they have no message. */
static bool agents_rest(const struct dpl_procs *procs)
{
    bool all = true;
    for (size_t i = 0; i < procs->count; i++)
        if (delivers_here(&procs->items[i]) && !rests(&procs->items[i]))
            all = false;
    return all;
}

/* Between two messages they rest for a moment only, so they are looked at often; all processes of
 * the host are looked at when those that were known rest. */
static void await_agents(struct dpl_procs *procs, const struct dpl_clock *clock, int64_t until_ns)
{
    for (bool all = false; !all && dpl_clock_left_ms(clock, until_ns) > 0;) {
        while (!agents_rest(procs) && dpl_clock_left_ms(clock, until_ns) > 0)
            g_usleep(LOOK_US);
        look_again(procs);
        all = agents_rest(procs);
    }
}

void dpl_service_postfix_settle(struct dpl_procs *procs, const struct dpl_service_time *time)
{
    int64_t soon_ns = dpl_clock_now_ns(time->clock) + POSTFIX_MS * INT64_C(1000000);
    int64_t until_ns = MIN(soon_ns, time->deadline_ns);
    await_agents(procs, time->clock, until_ns);
    stop_masters(procs, time->clock);
    await_agents(procs, time->clock, until_ns);
    for (size_t i = 0; i < procs->count; i++)
        if (delivers_here(&procs->items[i]) && is_in_state(&procs->items[i], "Tt")) {
            dpl_proc_signal(procs->items[i].pid, procs->items[i].start, SIGTERM);
            dpl_proc_signal(procs->items[i].pid, procs->items[i].start, SIGCONT);
        }
}
