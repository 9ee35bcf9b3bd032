/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/service/command.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_MAX = 1 << 20, IOPRIO_IDLE = 3 << 13 };

/* In the child: nothing of ours reaches what comes next. */
static void become_plain(int output)
{
    sigset_t none;
    int null = open("/dev/null", O_RDWR);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setsid();
    dup2(null, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    close_range(3, ~0U, 0);
    (void)!chdir("/");
}

static void __attribute__((noreturn))
child_run(const struct dpl_command *command, int output, pid_t parent)
{
    become_plain(output);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    for (const char *const *at = command->variables; at && *at; at++)
        putenv((char *)(uintptr_t)*at);
    execv(command->argv[0], (char *const *)(uintptr_t)command->argv);
    _exit(errno == ENOENT ? 126 : 127);
}

static void append(GString *text, int fd)
{
    char bytes[4096];
    ssize_t got;
    while ((got = read(fd, bytes, sizeof bytes)) > 0)
        if (text->len < OUTPUT_MAX)
            g_string_append_len(text, bytes, got);
}

/* Reads until the process has ended: whatever it left in the background may hold the pipe longer.
 */
static int follow(const struct dpl_command *command, int pidfd, int output, GString *text)
{
    struct pollfd fds[] = {{.fd = pidfd, .events = POLLIN}, {.fd = output, .events = POLLIN}};
    for (;;) {
        int left = dpl_clock_left_ms(command->clock, command->deadline_ns);
        int ready = poll(fds, 2, left);
        if (ready < 0 && errno != EINTR)
            return DPL_E_IO;
        if (ready == 0 && left == 0)
            return DPL_E_TIMEOUT;
        append(text, output);
        if (fds[1].revents & (POLLHUP | POLLERR))
            fds[1].fd = -1;
        if (fds[0].revents)
            return DPL_OK;
    }
}

static int judge(const struct dpl_command *command, int status, const char *output,
                 struct dpl_err *err)
{
    char line[256];
    const char *name = strrchr(command->argv[0], '/') + 1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return DPL_OK;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 126 && !*output)
        return dpl_err_set(err, DPL_E_NOT_INSTALLED, "\"%s\" is not installed", command->argv[0]);
    dpl_command_telling_line(output, line, sizeof line);
    if (line[0])
        return dpl_err_set(err, DPL_E_FAILED, "%s: %s", name, line);
    if (WIFSIGNALED(status))
        return dpl_err_set(err, DPL_E_FAILED, "%s was ended by signal %d", name, WTERMSIG(status));
    return dpl_err_set(err, DPL_E_FAILED, "%s ended with status %d and said nothing", name,
                       WEXITSTATUS(status));
}

/* Both ends of what the outputs go to: ours does not wait. */
static int open_output(const struct dpl_command *command, int ends[2])
{
    char name[64];
    if (command->terminal) {
        dpl_autofd int ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        if (ours >= 0 && grantpt(ours) == 0 && unlockpt(ours) == 0 &&
            ptsname_r(ours, name, sizeof name) == 0) {
            ends[1] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
            if (ends[1] >= 0) {
                ends[0] = dpl_fd_steal(&ours);
                return 0;
            }
        }
    }
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    return fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

int dpl_command_run(const struct dpl_command *command, char **output_r, pid_t *session_r,
                    struct dpl_err *err)
{
    int ends[2], status = 0;
    g_autoptr(GString) text = g_string_new(NULL);
    pid_t parent = getpid();
    if (output_r)
        *output_r = g_strdup("");
    if (open_output(command, ends) < 0)
        return dpl_err_sys(err, errno, "cannot run \"%s\"", command->argv[0]);
    dpl_autofd int in = ends[0], out = ends[1];
    pid_t pid = fork();
    if (pid == 0)
        child_run(command, out, parent);
    dpl_fd_clear(&out);
    if (pid < 0)
        return dpl_err_sys(err, errno, "cannot run \"%s\"", command->argv[0]);
    if (session_r)
        *session_r = pid;
    dpl_autofd int pidfd = pidfd_open(pid, 0);
    int code = follow(command, pidfd, in, text);
    if (code < 0) {
        kill(-pid, SIGKILL); /* its group, if it has come so far */
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    append(text, in);
    if (code < 0)
        code = dpl_err_set(err, code, "%s took too long and was ended",
                           strrchr(command->argv[0], '/') + 1);
    else
        code = judge(command, status, text->str, err);
    if (output_r) {
        g_free(*output_r);
        *output_r = g_string_free(g_steal_pointer(&text), FALSE);
    }
    return code;
}

int dpl_command_user(const char *name, uid_t *uid_r, gid_t *gid_r, struct dpl_err *err)
{
    char room[4096];
    struct passwd entry, *found = NULL;
    int number = getpwnam_r(name, &entry, room, sizeof room, &found);
    if (!found)
        return dpl_err_set(err, DPL_E_NOT_INSTALLED, "there is no user \"%s\"%s%s", name,
                           number ? ": " : "", number ? strerror(number) : "");
    *uid_r = entry.pw_uid;
    *gid_r = entry.pw_gid;
    return DPL_OK;
}

static void __attribute__((noreturn))
child_start(const struct dpl_command_task *task, int log, uid_t uid, gid_t gid)
{
    become_plain(log);
    if (task->idle) {
        const struct sched_param none = {0};
        sched_setscheduler(0, SCHED_IDLE, &none);
        syscall(SYS_ioprio_set, 1, 0, IOPRIO_IDLE);
    }
    if (task->user && (initgroups(task->user, gid) < 0 || setgid(gid) < 0 || setuid(uid) < 0)) {
        dprintf(STDERR_FILENO, "cannot become the user %s: %s\n", task->user, strerror(errno));
        _exit(127);
    }
    if (task->variable)
        putenv((char *)(uintptr_t)task->variable);
    execv(task->argv[0], (char *const *)(uintptr_t)task->argv);
    dprintf(STDERR_FILENO, "cannot run \"%s\": %s\n", task->argv[0], strerror(errno));
    _exit(127);
}

int dpl_command_start(const struct dpl_command_task *task, pid_t *pid_r, struct dpl_err *err)
{
    uid_t uid = 0;
    gid_t gid = 0;
    int code = task->user ? dpl_command_user(task->user, &uid, &gid, err) : DPL_OK;
    if (code < 0)
        return code;
    if (access(task->argv[0], X_OK) < 0)
        return dpl_err_set(err, DPL_E_NOT_INSTALLED, "\"%s\" is not installed", task->argv[0]);
    dpl_autofd int log = open(task->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0640);
    if (log < 0)
        return dpl_err_sys(err, errno, "cannot write \"%s\"", task->log);
    *pid_r = fork();
    if (*pid_r == 0)
        child_start(task, log, uid, gid);
    return *pid_r < 0 ? dpl_err_sys(err, errno, "cannot run \"%s\"", task->argv[0]) : DPL_OK;
}

void dpl_command_telling_line(const char *output, char *line, size_t size)
{
    g_auto(GStrv) lines = g_strsplit(output, "\n", -1);
    const char *last = "", *telling = NULL;
    for (char **at = lines; *at; at++) {
        char *text = g_strstrip(*at);
        if (*text)
            last = text;
        if (!telling && (strcasestr(text, "fatal") || strcasestr(text, "error")))
            telling = text;
    }
    snprintf(line, size, "%s", telling ? telling : last);
    for (char *p = line; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
}
