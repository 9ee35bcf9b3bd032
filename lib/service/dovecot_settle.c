/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a delivery needs before Dovecot is told to end. Its LMTP servers, when they are told, answer
 * "421 Shutting down" even to a message that they have just saved (2.3: the answer waits in a queue
 * that is thrown away), so that it comes a second time. Hence each is ended here where it waits for
 * input: what it took it has answered, what it has not taken comes again, once.
 *
 * Its master is stopped before, so that no new ones begin; who then asks it to end must wake it.
 */
#include "lib/service/kind.h"

#include "lib/base/file.h"

#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

enum { SYSCALL_BYTES = 4096, LOOK_US = 1000, STOPPED_LOOKS = 100 };

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
static bool end_idle(const struct dpl_proc *proc)
{
    if (!dpl_proc_runs(proc->pid, proc->start))
        return true;
    if (!is_in_state(proc, "S") || !waits(proc->pid))
        return false;
    bool idle = stop(proc) && waits(proc->pid);
    dpl_proc_signal(proc->pid, proc->start, idle ? SIGKILL : SIGCONT);
    return idle;
}

static bool is_lmtp(const struct dpl_proc *proc)
{
    return proc->ours && strcmp(proc->name, "lmtp") == 0;
}

void dpl_service_dovecot_settle(struct dpl_procs *procs, const struct dpl_service_time *time)
{
    bool more = false;
    for (size_t i = 0; i < procs->count; i++) {
        const struct dpl_proc *proc = &procs->items[i];
        const struct dpl_proc *master = is_lmtp(proc) ? dpl_procs_find(procs, proc->parent) : NULL;
        if (master && master->ours && !is_in_state(master, "Tt"))
            more |= stop(master);
    }
    while (more && dpl_clock_left_ms(time->clock, time->deadline_ns) > 0) {
        more = false;
        for (size_t i = 0; i < procs->count; i++)
            if (is_lmtp(&procs->items[i]) && !end_idle(&procs->items[i]))
                more = true;
        if (more)
            g_usleep(LOOK_US);
    }
}
