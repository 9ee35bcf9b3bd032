/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fsops: locks. Descriptors conflict in one process for flock(2) and OFD locks; POSIX locks are
 * asked for by a child.
 */
#include "tests/prop/fsops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

void fsops_flock(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    static const int ways[] = {LOCK_SH, LOCK_EX, LOCK_UN, LOCK_EX};
    unsigned slot = fsops_pick(op, 0, FSOPS_FDS);
    int way = FSOPS_ONE_OF(op, 1, ways);
    fsops_call(out, "flock(fd%u, %d)", slot, way);
    fsops_result(out, flock(side->fds[slot], way | LOCK_NB));
}

static struct flock range_of(const struct fsops_op *op)
{
    static const short types[] = {F_RDLCK, F_WRLCK, F_UNLCK, F_WRLCK};
    return (struct flock){.l_type = FSOPS_ONE_OF(op, 1, types),
                          .l_whence = SEEK_SET,
                          .l_start = (off_t)(op->r[2] % 8) * 10,
                          .l_len = (off_t)(op->r[3] % 4) * 10};
}

static void say_lock(struct fsops_out *out, const struct flock *lock)
{
    fsops_say(out, "lock %d %lld+%lld ", lock->l_type, (long long)lock->l_start,
              (long long)lock->l_len);
}

void fsops_ofd_lock(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    unsigned slot = fsops_pick(op, 0, FSOPS_FDS);
    struct flock lock = range_of(op);
    bool ask = op->r[4] % 4 == 0;
    fsops_call(out, "%s(fd%u, %d, %lld+%lld)", ask ? "F_OFD_GETLK" : "F_OFD_SETLK", slot,
               lock.l_type, (long long)lock.l_start, (long long)lock.l_len);
    long rc = fsops_result(out, fcntl(side->fds[slot], ask ? F_OFD_GETLK : F_OFD_SETLK, &lock));
    if (ask && rc == 0)
        say_lock(out, &lock);
}

struct answer {
    struct flock lock;
    int rc;
    int error;
};

/* Another process asks who is in the way, by a descriptor of its own. */
static void ask_by_child(int fd, struct flock lock, struct fsops_out *out)
{
    int ends[2];
    struct answer answer = {.rc = -2};
    if (pipe(ends) < 0)
        return;
    pid_t child = fork();
    if (child == 0) {
        answer.rc = fcntl(fd, F_GETLK, &lock);
        answer.error = answer.rc < 0 ? errno : 0;
        answer.lock = lock;
        _exit(write(ends[1], &answer, sizeof answer) == sizeof answer ? 0 : 1);
    }
    close(ends[1]);
    if (read(ends[0], &answer, sizeof answer) == sizeof answer && answer.rc == 0) {
        say_lock(out, &answer.lock);
        fsops_say(out, "held by me: %d ",
                  answer.lock.l_type != F_UNLCK && answer.lock.l_pid == getpid());
    } else {
        fsops_say(out, "child %d %d ", answer.rc, answer.error);
    }
    close(ends[0]);
    waitpid(child, NULL, 0);
}

void fsops_posix_lock(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    unsigned slot = fsops_pick(op, 0, FSOPS_FDS);
    struct flock lock = range_of(op);
    fsops_call(out, "F_SETLK(fd%u, %d, %lld+%lld), F_GETLK by another process", slot, lock.l_type,
               (long long)lock.l_start, (long long)lock.l_len);
    fsops_result(out, fcntl(side->fds[slot], F_SETLK, &lock));
    lock = range_of(op);
    lock.l_type = F_WRLCK;
    ask_by_child(side->fds[slot], lock, out);
}
