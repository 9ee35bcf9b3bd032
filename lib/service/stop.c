/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/service/stop.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum {
    ORPHAN_MS = 3000, /* for what has lost its master, or is left behind by what started it */
    LOOK_MS = 100,    /* new ones may have come meanwhile */
    NUDGE_MS = 100,   /* until those are asked that should have gone with the first one */
    SETTLE_MS = 6000, /* for what is half done */
    WATCHED = 64,
    NAME_BYTES = 15, /* so much of a name the kernel keeps */
};

/* What was sent to a process, and when. */
struct sent {
    pid_t pid;
    uint64_t start;
    int64_t asked_ns;
    bool killed;
};

static struct sent *find_sent(GArray *sents, const struct dpl_proc *proc)
{
    for (guint i = 0; i < sents->len; i++) {
        struct sent *sent = &g_array_index(sents, struct sent, i);
        if (sent->pid == proc->pid && sent->start == proc->start)
            return sent;
    }
    struct sent fresh = {.pid = proc->pid, .start = proc->start};
    g_array_append_val(sents, fresh);
    return &g_array_index(sents, struct sent, sents->len - 1);
}

/* One that is stopped would not hear it. */
static void ask(const struct dpl_proc *proc, int number)
{
    dpl_proc_signal(proc->pid, proc->start, number);
    dpl_proc_signal(proc->pid, proc->start, SIGCONT);
}

static bool is_last(const struct dpl_service_stop *stop, const struct dpl_proc *proc)
{
    const char *last = stop->service->kind->last;
    return last && strcmp(proc->name, last) == 0;
}

static bool is_nudged(const struct dpl_service_stop *stop, const struct dpl_proc *proc)
{
    for (const char *const *name = stop->service->kind->nudged; name && *name; name++)
        if (strncmp(*name, proc->name, NAME_BYTES) == 0)
            return true;
    return false;
}

/* When the first of them was asked; INT64_MAX: none was. */
static int64_t asked_first_ns(const GArray *sents)
{
    int64_t first_ns = INT64_MAX;
    for (guint i = 0; i < sents->len; i++) {
        const struct sent *sent = &g_array_index(sents, struct sent, i);
        if (sent->asked_ns)
            first_ns = MIN(first_ns, sent->asked_ns);
    }
    return first_ns;
}

/* Its first process, if that was asked, had its time, and nothing else is left but what ends behind
 * it. */
static const struct dpl_proc *waits_alone(const struct dpl_service_stop *stop,
                                          const struct dpl_procs *procs, GArray *sents,
                                          int64_t now_ns)
{
    const struct dpl_service_kind *kind = stop->service->kind;
    const struct dpl_proc *first = NULL;
    for (size_t i = 0; i < procs->count; i++) {
        const struct dpl_proc *proc = &procs->items[i];
        if (!proc->ours || is_last(stop, proc))
            continue;
        if (first || proc->session != proc->pid || !find_sent(sents, proc)->asked_ns)
            return NULL;
        first = proc;
    }
    if (!first || !kind->last)
        return NULL;
    int64_t asked_ns = find_sent(sents, first)->asked_ns;
    return now_ns >= asked_ns + kind->last_ms * INT64_C(1000000) ? first : NULL;
}

/* A file that names it would stop the next start, when another process has its number. */
static void end_first(const struct dpl_service_stop *stop, const struct dpl_proc *first)
{
    const char *path = stop->service->pid_file ? stop->service->pid_file : stop->memory->pid_file;
    if (dpl_proc_read_pid_file(path) == first->pid)
        (void)unlink(path);
    dpl_proc_signal(first->pid, first->start, SIGKILL);
}

static void press(struct dpl_service_stop *stop, const struct dpl_procs *procs,
                  const struct dpl_proc *proc, struct sent *sent, int64_t first_ns, int64_t now_ns)
{
    bool top = dpl_service_is_top(procs, proc), leads = proc->session == proc->pid;
    bool nudged = is_nudged(stop, proc) && first_ns <= now_ns - NUDGE_MS * INT64_C(1000000);
    bool late = sent->asked_ns && !leads && now_ns >= sent->asked_ns + ORPHAN_MS * 1000000LL;
    if (now_ns >= stop->kill_ns || (top && late)) {
        dpl_proc_signal(proc->pid, proc->start, SIGKILL);
        stop->killed += !sent->killed;
        sent->killed = true;
    } else if ((top || nudged) && !sent->asked_ns) {
        sent->asked_ns = now_ns;
        if (!is_last(stop, proc))
            ask(proc, leads && stop->service->kind->stop_signal ? stop->service->kind->stop_signal
                                                                : SIGTERM);
    }
}

/* Until one of them ends, or it is time to look again. */
static void await_change(const struct dpl_service_stop *stop, const struct dpl_procs *procs)
{
    struct pollfd fds[WATCHED];
    nfds_t count = 0;
    int left = dpl_clock_left_ms(stop->clock, stop->deadline_ns);
    for (size_t i = 0; i < procs->count && count < WATCHED; i++) {
        if (!procs->items[i].ours)
            continue;
        int fd = dpl_proc_open(procs->items[i].pid, procs->items[i].start);
        if (fd >= 0)
            fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        else
            left = 0;
    }
    poll(fds, count, left < LOOK_MS ? left : LOOK_MS);
    while (count > 0)
        close(fds[--count].fd);
}

static int hangs(const struct dpl_procs *procs, struct dpl_err *err)
{
    for (size_t i = 0; i < procs->count; i++)
        if (procs->items[i].ours)
            return dpl_err_set(err, DPL_E_TIMEOUT, "process %d (%s) of it cannot be ended: %s",
                               (int)procs->items[i].pid, procs->items[i].name,
                               procs->items[i].state == 'D' ? "it waits for a disk or a mount"
                                                            : "it was killed, and lives");
    return DPL_OK;
}

/* On a busy machine a delivery waits long for its sync, and one that is cut off comes twice; but
 * one that waits for a lock would hold up the move of the service. */
static void settle(const struct dpl_service_stop *stop, struct dpl_procs *procs, int64_t now_ns)
{
    const struct dpl_service_time time = {
        .clock = stop->clock,
        .deadline_ns =
            now_ns + MIN(SETTLE_MS * INT64_C(1000000), MAX(stop->kill_ns - now_ns, 0) / 2)};
    if (stop->service->kind->settle)
        stop->service->kind->settle(procs, &time);
}

int dpl_service_stop(struct dpl_service_stop *stop, struct dpl_err *err)
{
    g_autoptr(GArray) sents = g_array_new(FALSE, FALSE, sizeof(struct sent));
    for (bool first = true;; first = false) {
        struct dpl_procs procs;
        int count = dpl_service_own(stop->service, stop->memory, &procs, err);
        int64_t now_ns = dpl_clock_now_ns(stop->clock);
        if (count > stop->found)
            stop->found = count;
        if (count <= 0 || now_ns >= stop->deadline_ns) {
            int code = count <= 0 ? count : hangs(&procs, err);
            dpl_procs_done(&procs);
            return code;
        }
        if (first)
            settle(stop, &procs, now_ns);
        now_ns = dpl_clock_now_ns(stop->clock);
        const struct dpl_proc *alone = waits_alone(stop, &procs, sents, now_ns);
        int64_t first_ns = asked_first_ns(sents);
        if (alone)
            end_first(stop, alone);
        for (size_t i = 0; !alone && i < procs.count; i++)
            if (procs.items[i].ours)
                press(stop, &procs, &procs.items[i], find_sent(sents, &procs.items[i]), first_ns,
                      now_ns);
        await_change(stop, &procs);
        dpl_procs_done(&procs);
    }
}
