/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What an engine cannot do any more, and what it still can. Each attempt is made in a process of
 * its own, which is confined first.
 */
#include "lib/confine/confine.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SUCCEEDED = 10, FAILED = 11, NOT_CONFINED = 12, NO_LANDLOCK = 13 };

static int exec_program(void)
{
    char *const none[] = {NULL};
    return execve("/bin/true", none, none);
}
static int open_socket(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}
static int fork_process(void)
{
    return (int)syscall(SYS_fork);
}
static int mount_something(void)
{
    return mount("none", "/tmp", "tmpfs", 0, NULL);
}
static int become_another(void)
{
    return (int)syscall(SYS_setuid, 1);
}
static int leave_namespace(void)
{
    return (int)syscall(SYS_unshare, 0);
}
static int use_bpf(void)
{
    return (int)syscall(SYS_bpf, 0, NULL, 0);
}
static int executable_memory(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? -1 : 0;
}
static int make_directory(void)
{
    return mkdirat(AT_FDCWD, "made", 0700);
}
static int read_file(void)
{
    char byte;
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -1 : (int)read(fd, &byte, 1) - 1;
}
static void *nothing(void *self)
{
    return self;
}
static int make_thread(void)
{
    pthread_t thread;
    return pthread_create(&thread, NULL, nothing, NULL) == 0 ? pthread_join(thread, NULL) : -1;
}

static int enclose(void)
{
    const char *dirs[] = {"."};
    int rc = dpl_confine_writes(dirs, 1, NULL);
    return rc == DPL_E_UNSUPPORTED ? 0 : rc;
}

/* What a confined process ends with: one of the codes above, or -signal. */
static int ends_with(enum dpl_confine_kind kind, int (*try)(void))
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (chdir(unit_tempdir()) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            dpl_confine_calls(kind, NULL) < 0)
            _exit(NOT_CONFINED);
        _exit(try() == 0 ? SUCCEEDED : FAILED);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void hostile_calls_end_it(void)
{
    int (*const tries[])(void) = {exec_program,   open_socket,     fork_process, mount_something,
                                  become_another, leave_namespace, use_bpf};
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        CU_ASSERT_EQUAL(ends_with(DPL_CONFINE_READER, tries[i]), -SIGSYS);
        CU_ASSERT_EQUAL(ends_with(DPL_CONFINE_WRITER, tries[i]), -SIGSYS);
    }
}

static void other_calls_fail(void)
{
    CU_ASSERT_EQUAL(ends_with(DPL_CONFINE_READER, executable_memory), FAILED);
    CU_ASSERT_EQUAL(ends_with(DPL_CONFINE_WRITER, executable_memory), FAILED);
    CU_ASSERT_EQUAL(ends_with(DPL_CONFINE_READER, make_directory), FAILED);
}

static void what_is_needed_goes_on(void)
{
    CU_ASSERT_EQUAL(ends_with(DPL_CONFINE_READER, read_file), SUCCEEDED);
    CU_ASSERT_EQUAL(ends_with(DPL_CONFINE_READER, make_thread), SUCCEEDED);
    CU_ASSERT_EQUAL(ends_with(DPL_CONFINE_READER, enclose), SUCCEEDED);
    CU_ASSERT_EQUAL(ends_with(DPL_CONFINE_WRITER, make_thread), SUCCEEDED);
    CU_ASSERT_EQUAL(ends_with(DPL_CONFINE_WRITER, make_directory), SUCCEEDED);
}

static void capabilities_are_gone(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2];
        if (dpl_confine_caps(UINT64_C(1) << CAP_DAC_READ_SEARCH, NULL) < 0 ||
            syscall(SYS_capget, &head, data) < 0)
            _exit(NOT_CONFINED);
        _exit(data[0].permitted == 1U << CAP_DAC_READ_SEARCH && data[1].permitted == 0 &&
                      data[0].effective == data[0].permitted &&
                      prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 0 &&
                      prctl(PR_CAPBSET_READ, CAP_DAC_READ_SEARCH, 0, 0, 0) == 1 &&
                      prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
                  ? SUCCEEDED
                  : FAILED);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == SUCCEEDED);
}

static bool can_write(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int writes_in_child(void)
{
    const char *dirs[] = {"may", "nowhere"};
    if (chdir(unit_tempdir()) < 0 || mkdir("may", 0700) < 0 || mkdir("not", 0700) < 0 ||
        !can_write("not/old"))
        return NOT_CONFINED;
    int rc = dpl_confine_writes(dirs, 2, NULL);
    if (rc == DPL_E_UNSUPPORTED)
        return NO_LANDLOCK;
    bool held = rc == DPL_OK && can_write("may/x") && unlink("may/x") == 0 && !can_write("not/x") &&
                !can_write("not/old") && unlink("not/old") < 0 && mkdir("not/d", 0700) < 0 &&
                open("not/old", O_RDONLY | O_CLOEXEC) >= 0;
    return held ? SUCCEEDED : FAILED;
}

static void writes_elsewhere_are_gone(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(writes_in_child());
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_LANDLOCK)
        printf("the kernel has no Landlock: not looked at ... ");
    else
        CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == SUCCEEDED);
}

/* In the order of doppel-link: rights and calls first, what it writes when it knows its
 * directories. */
static void writes_go_after_calls(void)
{
    const char *dirs[] = {unit_tempdir()};
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (dpl_confine_caps(UINT64_C(1) << CAP_DAC_READ_SEARCH, NULL) < 0 ||
            dpl_confine_calls(DPL_CONFINE_READER, NULL) < 0)
            _exit(NOT_CONFINED);
        int rc = dpl_confine_writes(dirs, 1, NULL);
        _exit(rc == DPL_OK || rc == DPL_E_UNSUPPORTED ? SUCCEEDED : FAILED);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == SUCCEEDED);
}

static const struct unit_test tests[] = {
    {"a call that an engine never makes ends it", hostile_calls_end_it},
    {"a call that it need not make fails", other_calls_fail},
    {"what it needs goes on, threads too", what_is_needed_goes_on},
    {"capabilities that were not kept are gone", capabilities_are_gone},
    {"files elsewhere can be read, and not written or removed", writes_elsewhere_are_gone},
    {"writes are given up also when calls were before", writes_go_after_calls},
};
UNIT_MAIN_ROOT(tests, "give up rights")
