/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a confined process cannot do any more. Each attempt is made in a child of its own.
 */
#include "daemon/priv/confine.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Exits 0 if what was tried failed. */
static int open_file(void)
{
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static int open_here(void)
{
    return open(".", O_RDONLY | O_CLOEXEC) >= 0;
}

static int make_file(void)
{
    return open("x", O_CREAT | O_WRONLY | O_CLOEXEC, 0600) >= 0 || mkdir("y", 0700) == 0;
}

static int make_socket(void)
{
    int ends[2];
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 ||
           socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 ||
           socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0;
}

static int trace(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0 ||
           ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static int make_process(void)
{
    return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0 || syscall(SYS_fork) >= 0;
}

static int run_program(void)
{
    char *const none[] = {NULL};
    execve("/bin/true", none, none);
    return 0; /* a program that ran would exit with another status */
}

static int execute_memory(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED || mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0 ||
           mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
               MAP_FAILED;
}

static int send_signal(void)
{
    return kill(getppid(), 0) == 0 || kill(1, 0) == 0;
}

static int become_root(void)
{
    return setuid(0) == 0 || setresuid(0, 0, 0) == 0 || chroot(".") == 0 ||
           unshare(CLONE_NEWUSER) == 0;
}

static int lift_limits(void)
{
    struct rlimit most = {RLIM_INFINITY, RLIM_INFINITY};
    return setrlimit(RLIMIT_NOFILE, &most) == 0 || setrlimit(RLIMIT_CORE, &most) == 0;
}

/* What must still work. */
static int useful(void)
{
    void *memory = malloc(8 << 20);
    if (!memory)
        return 1;
    memset(memory, 1, 8 << 20);
    free(memory);
    return write(STDOUT_FILENO, "", 0) < 0;
}

static int confined(int (*attempt)(void))
{
    struct dpl_confine confine;
    struct dpl_err err = {0};
    if (dpl_confine_prepare(&confine, "65534", NULL, &err) < 0 ||
        dpl_confine_become(&confine, &err) < 0 || dpl_confine_enclose(&confine, &err) < 0 ||
        dpl_confine_filter(&err) < 0) {
        dprintf(STDERR_FILENO, "%s\n", err.text);
        return 50;
    }
    return attempt() ? 51 : 7;
}

static void denied(int (*attempt)(void))
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    CU_ASSERT_TRUE_FATAL(pid >= 0);
    if (pid == 0)
        _exit(confined(attempt));
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void files(void)
{
    denied(open_file);
    denied(open_here);
    denied(make_file);
}

static void sockets(void)
{
    denied(make_socket);
}

static void processes(void)
{
    denied(trace);
    denied(make_process);
    denied(run_program);
    denied(send_signal);
}

static void memory(void)
{
    denied(execute_memory);
}

static void back(void)
{
    denied(become_root);
    denied(lift_limits);
}

static void work(void)
{
    denied(useful);
}

static void users(void)
{
    struct dpl_confine confine;
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL(dpl_confine_prepare(&confine, "nobody-has-this-name", NULL, &err), DPL_E_PARAM);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "\"nobody-has-this-name\" does not exist"));
    CU_ASSERT_EQUAL(dpl_confine_prepare(&confine, "root", NULL, &err), DPL_E_PARAM);
    CU_ASSERT_EQUAL(dpl_confine_prepare(&confine, "0", NULL, &err), DPL_E_PARAM);
    CU_ASSERT_NOT_EQUAL(dpl_confine_prepare(&confine, "65534", "/not/there", &err), 0);
}

static const struct unit_test tests[] = {
    {"no file can be opened or made", files},
    {"no socket can be made", sockets},
    {"no process can be made, run, traced or signalled", processes},
    {"no memory can be executed", memory},
    {"nothing of it can be taken back", back},
    {"memory and what is open can be used", work},
    {"a user that is missing, or root, is refused by name", users},
};

int main(void)
{
    if (geteuid() != 0) {
        printf("SKIP: only root can give up root's rights\n");
        return 77;
    }
    return unit_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
