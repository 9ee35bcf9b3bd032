/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/service/own.h"

#include <string.h>

/* A session lives on without its leader, and its number is not given again while it does. */
static bool in_session(const struct dpl_procs *procs, const struct dpl_proc *proc,
                       const struct dpl_service_known *known)
{
    const struct dpl_proc *leader = dpl_procs_find(procs, known->pid);
    return known->pid > 1 && proc->session == known->pid && proc->start >= known->start &&
           (!leader || leader->start == known->start);
}

static bool is_remembered(const struct dpl_procs *procs, const struct dpl_proc *proc,
                          const struct dpl_service_memory *memory)
{
    for (size_t i = 0; i < DPL_SERVICE_KNOWN_MAX; i++) {
        const struct dpl_service_known *known = &memory->known[i];
        if (known->pid == proc->pid && known->start == proc->start)
            return true;
        if (known->pid && in_session(procs, proc, known))
            return true;
    }
    return false;
}

static void mark_session(struct dpl_procs *procs, const struct dpl_proc *leader)
{
    const struct dpl_service_known known = {.pid = leader->pid, .start = leader->start};
    for (size_t i = 0; i < procs->count; i++)
        if (in_session(procs, &procs->items[i], &known))
            procs->items[i].ours = true;
}

/* Children of ours, and theirs. */
static void mark_descendants(struct dpl_procs *procs)
{
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < procs->count; i++) {
            struct dpl_proc *proc = &procs->items[i];
            const struct dpl_proc *parent = proc->ours ? NULL : dpl_procs_find(procs, proc->parent);
            if (parent && parent->ours)
                proc->ours = more = true;
        }
    }
}

int dpl_service_own(const struct dpl_service *service, const struct dpl_service_memory *memory,
                    struct dpl_procs *procs_r, struct dpl_err *err)
{
    int code = dpl_procs_read(procs_r, err), count = 0;
    pid_t self = getpid(), named = dpl_proc_read_pid_file(service->pid_file);
    for (size_t i = 0; code == DPL_OK && i < procs_r->count; i++) {
        struct dpl_proc *proc = &procs_r->items[i];
        if (proc->pid <= 1 || proc->pid == self)
            continue;
        proc->ours = is_remembered(procs_r, proc, memory) ||
                     dpl_service_is_named(service, named, proc->pid) ||
                     dpl_service_is_master(service, proc->pid);
    }
    for (size_t i = 0; code == DPL_OK && i < procs_r->count; i++)
        if (procs_r->items[i].ours && procs_r->items[i].session == procs_r->items[i].pid)
            mark_session(procs_r, &procs_r->items[i]);
    if (code < 0)
        return code;
    mark_descendants(procs_r);
    for (size_t i = 0; i < procs_r->count; i++) {
        if (procs_r->items[i].pid == self)
            procs_r->items[i].ours = false;
        count += procs_r->items[i].ours;
    }
    return count;
}

bool dpl_service_is_top(const struct dpl_procs *procs, const struct dpl_proc *proc)
{
    const struct dpl_proc *parent = dpl_procs_find(procs, proc->parent);
    return !parent || !parent->ours;
}

struct dpl_proc *dpl_service_master(const struct dpl_service *service,
                                    const struct dpl_service_memory *memory,
                                    const struct dpl_procs *procs)
{
    struct dpl_proc *proc = dpl_procs_find(procs, memory->known[0].pid);
    if (proc && proc->ours && proc->start == memory->known[0].start)
        return proc;
    proc = dpl_procs_find(
        procs, dpl_proc_read_pid_file(service->pid_file ? service->pid_file : memory->pid_file));
    if (proc && proc->ours)
        return proc;
    for (size_t i = 0; i < procs->count; i++) {
        proc = &procs->items[i];
        if (proc->ours && proc->session == proc->pid && dpl_service_is_top(procs, proc) &&
            dpl_service_is_master(service, proc->pid))
            return proc;
    }
    return NULL;
}
