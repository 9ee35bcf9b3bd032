/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A lower file system that does what it is asked, and then says that it failed: preloaded into the
 * capture, for which a call and its file system are one. (Network file systems do this.)
 *
 *     FAILING_CALL=FILE LD_PRELOAD=failing.so doppel-capture ...
 *     echo 'renameat2 28' >FILE       the next renameat2 is made, and answers errno 28
 *
 * The file is removed when that has happened.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
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
