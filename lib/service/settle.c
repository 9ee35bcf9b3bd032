/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a delivery needs before a service is told to end: one that was made and not noted comes a
 * second time.
 *
 * Dovecot's LMTP servers, when they are told, answer "421 Shutting down" even to a message that
 * they have just saved (2.3: the answer waits in a queue that is thrown away). Hence each is ended
 * here where it waits for input: what it took it has answered, what it has not taken comes again,
 * once. Postfix's delivery agents die at once, also between an answer and their note in the queue
 * file. So each of those that deliver here is ended while it has no message of the active queue
 * open.
 *
 * The master is stopped before, so that no new ones begin; who then asks it to end must wake it.
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

enum { SYSCALL_BYTES = 4096, LOOK_US = 1000, STOPPED_LOOKS = 100, POSTFIX_MS = 2000 };

typedef bool idle_fn(pid_t pid);
typedef bool chosen_fn(const struct dpl_proc *proc);

/* Whether it is in a wait for events. */
static bool waits(pid_t pid)
{
    char path[64];
    g_autofree char *text = NULL;
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)pid);
    if (dpl_file_read(AT_FDCWD, path, SYSCALL_BYTES, &text, NULL, NULL) < 0)
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

/* True if it has ended. It sleeps only when there is nothing to read and nothing left to say; and
 * what began between that look and the stop shows in the second. */
static bool end_idle(const struct dpl_proc *proc, idle_fn *is_idle, int number)
{
    if (!dpl_proc_runs(proc->pid, proc->start))
        return true;
    if (!is_in_state(proc, "S") || !is_idle(proc->pid))
        return false;
    bool idle = stop(proc) && is_idle(proc->pid);
    if (idle)
        dpl_proc_signal(proc->pid, proc->start, number);
    dpl_proc_signal(proc->pid, proc->start, SIGCONT);
    return idle;
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

static void settle(struct dpl_procs *procs, const struct dpl_clock *clock, int64_t deadline_ns,
                   chosen_fn *is_chosen, idle_fn *is_idle, int number)
{
    bool more = false;
    for (size_t i = 0; i < procs->count; i++) {
        const struct dpl_proc *proc = &procs->items[i];
        const struct dpl_proc *master =
            is_chosen(proc) ? dpl_procs_find(procs, proc->parent) : NULL;
        if (master && master->ours && !is_in_state(master, "Tt"))
            more |= stop(master);
    }
    while (more && dpl_clock_left_ms(clock, deadline_ns) > 0) {
        more = false;
        for (size_t i = 0; i < procs->count; i++)
            if (is_chosen(&procs->items[i]) && !end_idle(&procs->items[i], is_idle, number))
                more = true;
        if (more)
            g_usleep(LOOK_US);
    }
}

void dpl_service_dovecot_settle(struct dpl_procs *procs, const struct dpl_service_time *time)
{
    settle(procs, time->clock, time->deadline_ns, is_lmtp, waits, SIGKILL);
}

void dpl_service_postfix_settle(struct dpl_procs *procs, const struct dpl_service_time *time)
{
    int64_t soon_ns = dpl_clock_now_ns(time->clock) + POSTFIX_MS * INT64_C(1000000);
    settle(procs, time->clock, MIN(soon_ns, time->deadline_ns), delivers_here, has_no_message,
           SIGTERM);
}
