/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A lower file system that does what it is asked, and then says that it failed: preloaded into the
 * capture, for which a call and its file system are one. (Network file systems do this.)
 *
 *     FAILING_CALL=FILE LD_PRELOAD=failing.so doppel-capture ...
 *     echo 'renameat2 28' >FILE       the next renameat2 is made, and answers errno 28
 *     echo 'append 9' >FILE           of the next write(2) to an append-only file half is made, and
 *                                     then the process is killed
 *     echo 'threads 11' >FILE         no thread can be made, with errno 11, as long as it is there
 *
 * The file is removed when that has happened.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int suffer(const char *call, long result)
{
    const char *file = getenv("FAILING_CALL");
    char text[32] = "", name[16] = "";
    int error = 0, fd;

    if (result != 0 || file == NULL)
        return (int)result;
    fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (read(fd, text, sizeof(text) - 1) < 0)
        text[0] = '\0';
    close(fd);
    if (sscanf(text, "%15s %d", name, &error) != 2 || strcmp(name, call) != 0)
        return 0;
    unlink(file);
    errno = error;
    return -1;
}

/* What the file asks for, or 0. */
static int asked(const char *call, int take)
{
    const char *file = getenv("FAILING_CALL");
    char text[32] = "", name[16] = "";
    int error = 0, fd = file == NULL ? -1 : open(file, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    if (read(fd, text, sizeof(text) - 1) < 0)
        text[0] = '\0';
    close(fd);
    if (sscanf(text, "%15s %d", name, &error) != 2 || strcmp(name, call) != 0)
        return 0;
    if (take)
        unlink(file);
    return error;
}

ssize_t write(int fd, const void *data, size_t size)
{
    int signal_number;

    if (size > 1 && (fcntl(fd, F_GETFL) & O_APPEND) != 0 &&
        (signal_number = asked("append", 1)) != 0) {
        syscall(SYS_write, fd, data, size / 2);
        kill(getpid(), signal_number);
        for (;;)
            pause();
    }
    return syscall(SYS_write, fd, data, size);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*begin)(void *), void *arg)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    int error = asked("threads", 0);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return error != 0 ? error : real(thread, attr, begin, arg);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    return suffer("renameat2", syscall(SYS_renameat2, from_fd, from, to_fd, to, flags));
}

int mkdirat(int fd, const char *name, mode_t mode)
{
    return suffer("mkdirat", syscall(SYS_mkdirat, fd, name, mode));
}

int unlinkat(int fd, const char *name, int flags)
{
    return suffer("unlinkat", syscall(SYS_unlinkat, fd, name, flags));
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    return suffer("linkat", syscall(SYS_linkat, from_fd, from, to_fd, to, flags));
}

int symlinkat(const char *target, int fd, const char *name)
{
    return suffer("symlinkat", syscall(SYS_symlinkat, target, fd, name));
}
