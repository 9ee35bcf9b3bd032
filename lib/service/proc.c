/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/service/proc.h"

#include "lib/base/fd.h"
#include "lib/base/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STAT_BYTES = 4096, WORDS_BYTES = 1 << 20, PID_FILE_BYTES = 4096 };

/* The fields behind the name, of which 22 counts the name as the second. */
bool dpl_proc_parse(const char *text, struct dpl_proc *proc_r)
{
    const char *open = strchr(text, '('), *close = strrchr(text, ')');
    long pid, parent, session;
    unsigned long long start;
    char state;
    if (!open || !close || close < open || sscanf(text, "%ld", &pid) != 1)
        return false;
    if (sscanf(close + 1,
               " %c %ld %*d %ld %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &state, &parent, &session, &start) != 4)
        return false;
    if (pid <= 0 || pid > INT32_MAX || parent < 0 || parent > INT32_MAX || session < 0 ||
        session > INT32_MAX)
        return false;
    *proc_r = (struct dpl_proc){.pid = (pid_t)pid,
                                .parent = (pid_t)parent,
                                .session = (pid_t)session,
                                .start = start ? start : 1,
                                .state = state};
    snprintf(proc_r->name, sizeof proc_r->name, "%.*s", (int)(close - open - 1), open + 1);
    return true;
}

bool dpl_proc_read(pid_t pid, struct dpl_proc *proc_r)
{
    char path[64], text[STAT_BYTES];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    dpl_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : dpl_fd_read_full(fd, text, sizeof text - 1, NULL);
    if (size <= 0)
        return false;
    text[size] = '\0';
    return dpl_proc_parse(text, proc_r) && !strchr("ZXx", proc_r->state);
}

bool dpl_proc_runs(pid_t pid, uint64_t start)
{
    struct dpl_proc proc;
    return pid > 0 && start > 0 && dpl_proc_read(pid, &proc) && proc.start == start;
}

int dpl_procs_read(struct dpl_procs *procs_r, struct dpl_err *err)
{
    DIR *dir = opendir("/proc");
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct dpl_proc));
    struct dpl_proc proc;
    struct dirent *entry;
    *procs_r = (struct dpl_procs){0};
    if (!dir)
        return dpl_err_sys(err, errno, "cannot look at the processes in /proc");
    while ((entry = readdir(dir)))
        if (isdigit((unsigned char)entry->d_name[0]) && dpl_proc_read(atoi(entry->d_name), &proc))
            g_array_append_val(list, proc);
    closedir(dir);
    procs_r->count = list->len;
    procs_r->items = (struct dpl_proc *)(void *)g_array_free(g_steal_pointer(&list), FALSE);
    return procs_r->count ? DPL_OK : dpl_err_set(err, DPL_E_IO, "/proc shows no process");
}

void dpl_procs_done(struct dpl_procs *procs)
{
    g_clear_pointer(&procs->items, g_free);
    procs->count = 0;
}

struct dpl_proc *dpl_procs_find(const struct dpl_procs *procs, pid_t pid)
{
    for (size_t i = 0; i < procs->count; i++)
        if (procs->items[i].pid == pid)
            return &procs->items[i];
    return NULL;
}

bool dpl_proc_is_near(pid_t pid)
{
    char path[64];
    struct stat here, there;
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
    return stat("/proc/self/ns/pid", &here) == 0 && stat(path, &there) == 0 &&
           here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

/* The bytes of a file of the process, with a zero behind them; NULL when it is gone. */
static char *read_words(pid_t pid, const char *file, size_t *size_r)
{
    char path[64], *bytes = NULL;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    return dpl_file_read(AT_FDCWD, path, WORDS_BYTES, &bytes, size_r, NULL) < 0 ? NULL : bytes;
}

bool dpl_proc_has_variable(pid_t pid, const char *variable)
{
    size_t size = 0;
    g_autofree char *bytes = read_words(pid, "environ", &size);
    for (size_t at = 0; bytes && at < size; at += strlen(bytes + at) + 1)
        if (strcmp(bytes + at, variable) == 0)
            return true;
    return false;
}

/* Whether the argument has the text as a word: all of it, or between blanks. */
static bool has_word(const char *argument, const char *text)
{
    size_t length = strlen(text);
    for (const char *at = argument; (at = strstr(at, text)); at++)
        if ((at == argument || at[-1] == ' ') && (at[length] == '\0' || at[length] == ' '))
            return true;
    return false;
}

bool dpl_proc_argument_in(const char *bytes, size_t size, const char *text)
{
    for (size_t at = 0; at < size; at += strlen(bytes + at) + 1) {
        const char *argument = bytes + at, *equals = strchr(argument, '=');
        if (has_word(argument, text))
            return true;
        if (argument[0] == '-' && argument[1] && strcmp(argument + 2, text) == 0)
            return true;
        if (argument[0] == '-' && equals && strcmp(equals + 1, text) == 0)
            return true;
    }
    return false;
}

bool dpl_proc_has_argument(pid_t pid, const char *text)
{
    size_t size = 0;
    g_autofree char *bytes = read_words(pid, "cmdline", &size);
    return bytes && dpl_proc_argument_in(bytes, size, text);
}

void dpl_proc_program(pid_t pid, char *path, size_t size)
{
    static const char deleted[] = " (deleted)";
    char link[64];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
    ssize_t length = readlink(link, path, size - 1);
    path[length > 0 ? length : 0] = '\0';
    if (g_str_has_suffix(path, deleted))
        path[strlen(path) - strlen(deleted)] = '\0';
}

pid_t dpl_proc_parse_pid_file(const char *text)
{
    char *end;
    text += strspn(text, " \t");
    if (!isdigit((unsigned char)*text))
        return 0;
    errno = 0;
    long pid = strtol(text, &end, 10);
    bool whole = *end == '\0' || isspace((unsigned char)*end);
    return errno == 0 && whole && pid > 0 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

pid_t dpl_proc_read_pid_file(const char *path)
{
    g_autofree char *text = NULL;
    if (!path || dpl_file_read(AT_FDCWD, path, PID_FILE_BYTES, &text, NULL, NULL) < 0)
        return 0;
    return dpl_proc_parse_pid_file(text);
}

int dpl_proc_open(pid_t pid, uint64_t start)
{
    dpl_autofd int fd = pidfd_open(pid, 0);
    return fd >= 0 && dpl_proc_runs(pid, start) ? dpl_fd_steal(&fd) : -1;
}

bool dpl_proc_signal(pid_t pid, uint64_t start, int number)
{
    dpl_autofd int fd = dpl_proc_open(pid, start);
    return fd >= 0 && pidfd_send_signal(fd, number, NULL, 0) == 0;
}
