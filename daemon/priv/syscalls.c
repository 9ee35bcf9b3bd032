/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The system calls that are left to a door (see confine.h). What is not named here fails with
 * EPERM: a call that another libc makes where this one does not ends no connection by itself.
 */
#include "daemon/priv/confine.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>

/* Reading, writing and waiting on what is open; memory; the clock; the end. */
static const int allowed[] = {
    SCMP_SYS(read),          SCMP_SYS(write),        SCMP_SYS(readv),
    SCMP_SYS(writev),        SCMP_SYS(recvfrom),     SCMP_SYS(recvmsg),
    SCMP_SYS(sendto),        SCMP_SYS(sendmsg),      SCMP_SYS(poll),
    SCMP_SYS(ppoll),         SCMP_SYS(close),        SCMP_SYS(shutdown),
    SCMP_SYS(fcntl),         SCMP_SYS(fstat),        SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(brk),           SCMP_SYS(munmap),       SCMP_SYS(mremap),
    SCMP_SYS(madvise),       SCMP_SYS(futex),        SCMP_SYS(sched_yield),
    SCMP_SYS(getpid),        SCMP_SYS(gettid),       SCMP_SYS(sigaltstack),
    SCMP_SYS(rt_sigaction),  SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(exit),          SCMP_SYS(exit_group),   SCMP_SYS(restart_syscall),
};

/* Memory may be mapped, not from files, and never to be executed. */
static int allow_memory(scmp_filter_ctx filter)
{
    int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                              SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
    if (rc < 0)
        return rc;
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

int dpl_confine_filter(struct dpl_err *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        return dpl_err_set(err, DPL_E_NO_MEMORY, "a filter of system calls");
    int rc = allow_memory(filter);
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0] && rc >= 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    if (rc >= 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    if (rc < 0)
        return dpl_err_sys(err, -rc, "filter system calls");
    return DPL_OK;
}
