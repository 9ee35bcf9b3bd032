/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/confine/confine.h"

#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/mman.h>

/* Files that are read, sockets and pipes that are open, memory, time, threads, the end. */
static const int reader[] = {
    SCMP_SYS(access),
    SCMP_SYS(brk),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(close),
    SCMP_SYS(close_range),
    SCMP_SYS(dup),
    SCMP_SYS(dup3),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(eventfd2),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(fadvise64),
    SCMP_SYS(fcntl),
    SCMP_SYS(fdatasync),
    SCMP_SYS(fgetxattr),
    SCMP_SYS(flistxattr),
    SCMP_SYS(flock),
    SCMP_SYS(fstat),
    SCMP_SYS(fstatfs),
    SCMP_SYS(fsync),
    SCMP_SYS(ftruncate),
    SCMP_SYS(futex),
    SCMP_SYS(getcpu),
    SCMP_SYS(getcwd),
    SCMP_SYS(getdents64),
    SCMP_SYS(getegid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(getrandom),
    SCMP_SYS(getrlimit),
    SCMP_SYS(getrusage),
    SCMP_SYS(getsockopt),
    SCMP_SYS(gettid),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getuid),
    SCMP_SYS(getxattr),
    SCMP_SYS(inotify_add_watch),
    SCMP_SYS(inotify_init1),
    SCMP_SYS(inotify_rm_watch),
    SCMP_SYS(ioctl),
    SCMP_SYS(landlock_add_rule),
    SCMP_SYS(landlock_create_ruleset),
    SCMP_SYS(landlock_restrict_self),
    SCMP_SYS(lgetxattr),
    SCMP_SYS(listxattr),
    SCMP_SYS(llistxattr),
    SCMP_SYS(lseek),
    SCMP_SYS(lstat),
    SCMP_SYS(madvise),
    SCMP_SYS(membarrier),
    SCMP_SYS(mincore),
    SCMP_SYS(mlock),
    SCMP_SYS(mremap),
    SCMP_SYS(msync),
    SCMP_SYS(munlock),
    SCMP_SYS(munmap),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(nanosleep),
    SCMP_SYS(newfstatat),
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(openat2),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(pipe2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(pread64),
    SCMP_SYS(preadv),
    SCMP_SYS(preadv2),
    SCMP_SYS(prlimit64),
    SCMP_SYS(pselect6),
    SCMP_SYS(pwrite64),
    SCMP_SYS(pwritev),
    SCMP_SYS(pwritev2),
    SCMP_SYS(read),
    SCMP_SYS(readahead),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(readv),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rseq),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(setsockopt),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(shutdown),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(stat),
    SCMP_SYS(statfs),
    SCMP_SYS(statx),
    SCMP_SYS(sysinfo),
    SCMP_SYS(tgkill),
    SCMP_SYS(time),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(uname),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(write),
    SCMP_SYS(writev),
};

/* What a replica does to files besides. */
static const int writer[] = {
    SCMP_SYS(chmod),        SCMP_SYS(chown),     SCMP_SYS(copy_file_range), SCMP_SYS(fallocate),
    SCMP_SYS(fchmod),       SCMP_SYS(fchmodat),  SCMP_SYS(fchown),          SCMP_SYS(fchownat),
    SCMP_SYS(fremovexattr), SCMP_SYS(fsetxattr), SCMP_SYS(futimesat),       SCMP_SYS(lchown),
    SCMP_SYS(link),         SCMP_SYS(linkat),    SCMP_SYS(lremovexattr),    SCMP_SYS(lsetxattr),
    SCMP_SYS(mkdir),        SCMP_SYS(mkdirat),   SCMP_SYS(mknod),           SCMP_SYS(mknodat),
    SCMP_SYS(removexattr),  SCMP_SYS(rename),    SCMP_SYS(renameat),        SCMP_SYS(renameat2),
    SCMP_SYS(rmdir),        SCMP_SYS(setfsgid),  SCMP_SYS(setfsuid),        SCMP_SYS(setxattr),
    SCMP_SYS(symlink),      SCMP_SYS(symlinkat), SCMP_SYS(sync_file_range), SCMP_SYS(syncfs),
    SCMP_SYS(truncate),     SCMP_SYS(umask),     SCMP_SYS(utimensat),
};

/* What nothing of ours does, and whoever took it over would. */
static const int hostile[] = {
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(acct),
    SCMP_SYS(add_key),
    SCMP_SYS(bind),
    SCMP_SYS(bpf),
    SCMP_SYS(chroot),
    SCMP_SYS(connect),
    SCMP_SYS(delete_module),
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(finit_module),
    SCMP_SYS(fork),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fsopen),
    SCMP_SYS(init_module),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(ioperm),
    SCMP_SYS(iopl),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(kexec_load),
    SCMP_SYS(keyctl),
    SCMP_SYS(listen),
    SCMP_SYS(mount),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(personality),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pivot_root),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(reboot),
    SCMP_SYS(request_key),
    SCMP_SYS(setdomainname),
    SCMP_SYS(setgid),
    SCMP_SYS(setgroups),
    SCMP_SYS(sethostname),
    SCMP_SYS(setns),
    SCMP_SYS(setregid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setreuid),
    SCMP_SYS(settimeofday),
    SCMP_SYS(setuid),
    SCMP_SYS(socket),
    SCMP_SYS(socketpair),
    SCMP_SYS(swapoff),
    SCMP_SYS(swapon),
    SCMP_SYS(umount2),
    SCMP_SYS(unshare),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(vfork),
};

#ifdef __SANITIZE_ADDRESS__
/* What its look for leaks makes at the end: a process that stops this one and reads it. */
static const int sanitizer[] = {SCMP_SYS(clone), SCMP_SYS(getdents), SCMP_SYS(kill),
                                SCMP_SYS(prctl), SCMP_SYS(ptrace),   SCMP_SYS(wait4)};
#else
static const int sanitizer[] = {SCMP_SYS(sched_yield)};
#endif

static int add(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
    int rc = 0;
    for (size_t i = 0; i < count && rc >= 0; i++)
        rc = seccomp_rule_add(filter, action, calls[i], 0);
    return rc;
}

/* Memory that is mapped or changed is never to be executed. */
static int add_memory(scmp_filter_ctx filter)
{
    int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return rc < 0 ? rc
                  : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* Threads may be made, processes not. The arguments of clone3 lie in memory, where a filter cannot
 * see them; without it a libc takes clone. */
static int add_threads(scmp_filter_ctx filter)
{
    int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return rc < 0 ? rc
                  : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                     SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
}

static int fill(scmp_filter_ctx filter, enum dpl_confine_kind kind)
{
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (rc >= 0)
        rc = add(filter, SCMP_ACT_ALLOW, reader, sizeof reader / sizeof reader[0]);
    if (rc >= 0 && kind == DPL_CONFINE_WRITER)
        rc = add(filter, SCMP_ACT_ALLOW, writer, sizeof writer / sizeof writer[0]);
    if (rc >= 0)
        rc = add(filter, SCMP_ACT_KILL_PROCESS, hostile, sizeof hostile / sizeof hostile[0]);
    if (rc >= 0)
        rc = add(filter, SCMP_ACT_ALLOW, sanitizer, sizeof sanitizer / sizeof sanitizer[0]);
    if (rc >= 0)
        rc = add_memory(filter);
    return rc < 0 ? rc : add_threads(filter);
}

int dpl_confine_calls(enum dpl_confine_kind kind, struct dpl_err *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        return dpl_err_set(err, DPL_E_NO_MEMORY, "a filter of system calls");
    int rc = fill(filter, kind);
    if (rc >= 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc < 0 ? dpl_err_sys(err, -rc, "filter system calls") : DPL_OK;
}
