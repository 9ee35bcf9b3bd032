/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Ending a replica's writer without doppeld: its lock says whether there is one, the text in the
 * lock which process it is (doppel-replica(5)).
 */
#include "agents/replica.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LOOK_MS = 20 };

/* 1: somebody holds it; 0: nobody; or a negative code. */
static int is_held(const char *path, struct dpl_err *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    dpl_autofd int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) < 0)
        return dpl_err_sys(err, errno, "look at the lock \"%s\"", path);
    return lock.l_type != F_UNLCK;
}

/* The writer, by a descriptor that stands before it is looked at, so that its number is its own. */
static int open_writer(const char *path, const char *set)
{
    char name[64];
    g_autofree char *text = NULL, *line = NULL;
    size_t size = 0;
    long pid = 0;
    if (dpl_file_read(AT_FDCWD, path, 1024, &text, NULL, NULL) < 0 ||
        sscanf(text, "%*s %*s %ld", &pid) != 1 || pid <= 1)
        return -1;
    dpl_autofd int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    snprintf(name, sizeof name, "/proc/%ld/cmdline", pid);
    if (fd < 0 || dpl_file_read(AT_FDCWD, name, 65536, &line, &size, NULL) < 0)
        return -1;
    bool program = false, its_set = false;
    for (const char *word = line; word < line + size; word += strlen(word) + 1) {
        program |= word == line && g_str_has_suffix(word, "doppel-replica");
        its_set |= strcmp(word, set) == 0;
    }
    return program && its_set ? dpl_fd_steal(&fd) : -1;
}

/* Waits until nobody holds the lock: 0, 1 when time is up, or a negative code. */
static int wait_free(const char *path, int64_t most_ms, struct dpl_err *err)
{
    int64_t until_ns = dpl_clock_now_ns(&dpl_clock_system) + most_ms * 1000000;
    for (;;) {
        int held = is_held(path, err);
        if (held <= 0 || dpl_clock_left_ms(&dpl_clock_system, until_ns) == 0)
            return held;
        poll(NULL, 0, LOOK_MS);
    }
}

int replica_end_writer(const char *reserve, const char *set, int64_t most_ms, struct dpl_err *err)
{
    static const int signals[] = {SIGTERM, SIGKILL};
    g_autofree char *path = g_build_filename(reserve, "lock", NULL);
    int held = is_held(path, err);
    for (size_t i = 0; held > 0 && i < G_N_ELEMENTS(signals); i++) {
        dpl_autofd int fd = open_writer(path, set);
        if (fd >= 0)
            syscall(SYS_pidfd_send_signal, fd, signals[i], NULL, 0);
        held = wait_free(path, most_ms / 2, err);
    }
    return held > 0
               ? dpl_err_set(err, DPL_E_TIMEOUT,
                             "the replica of set \"%s\" still has a writer (\"%s\")", set, path)
               : held;
}
