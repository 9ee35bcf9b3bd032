/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Telling the kernel, see teller.h.
 */
#include "daemon/capture/teller.h"

#include "daemon/capture/proto.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define ROOM_TRIES 500
#define ROOM_MS    10

/* Since protocol 7.44: every name is looked up again. */
#define NOTIFY_INC_EPOCH 8

static void send_notice(int device_fd, int32_t code, const void *body, size_t size,
                        const char *name)
{
    struct fuse_out_header head = {.error = code};
    struct iovec iov[3] = {
        {.iov_base = &head, .iov_len = sizeof(head)},
        {.iov_base = (void *)(uintptr_t)body, .iov_len = size},
        {.iov_base = (void *)(uintptr_t)name, .iov_len = name != NULL ? strlen(name) + 1 : 0}};

    head.len = (uint32_t)(sizeof(head) + iov[1].iov_len + iov[2].iov_len);
    /* Refused: it knows the object no more, or is too old for this notice. */
    if (writev(device_fd, iov, 3) < 0)
        return;
}

static void tell(const struct shared *shared, const struct shared_tell *order)
{
    struct fuse_notify_inval_inode_out inode = {.ino = order->node};
    struct fuse_notify_inval_entry_out entry = {.parent = order->node,
                                                .namelen = (uint32_t)strlen(order->name)};
    int device_fd = shared->roots[order->root].device_fd;

    if (order->kind == TELL_INODE)
        send_notice(device_fd, FUSE_NOTIFY_INVAL_INODE, &inode, sizeof(inode), NULL);
    else if (order->kind == TELL_ENTRY)
        send_notice(device_fd, FUSE_NOTIFY_INVAL_ENTRY, &entry, sizeof(entry), order->name);
    else
        send_notice(device_fd, NOTIFY_INC_EPOCH, NULL, 0, NULL);
}

static bool is_device(const struct shared *shared, int fd)
{
    for (uint32_t i = 0; i < shared->root_count; i++)
        if (shared->roots[i].device_fd == fd)
            return true;
    return false;
}

/* All but the devices: neither the lock nor anything below is to be held by us. */
static void close_others(const struct shared *shared)
{
    int top = 2;

    for (uint32_t i = 0; i < shared->root_count; i++)
        if (shared->roots[i].device_fd > top)
            top = shared->roots[i].device_fd;
    for (int fd = 0; fd < top; fd++)
        if (!is_device(shared, fd))
            close(fd);
    syscall(SYS_close_range, top + 1, ~0U, 0);
}

__attribute__((noreturn)) static void teller_main(struct shared *shared, pid_t keeper)
{
    struct shared_teller *teller = &shared->teller;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != keeper)
        _exit(0);
    prctl(PR_SET_NAME, "doppel-tell");
    close_others(shared);
    for (;;) {
        uint32_t head = atomic_load(&teller->head), tail = atomic_load(&teller->tail);

        if (head == tail) {
            syscall(SYS_futex, &teller->head, FUTEX_WAIT, head, NULL, NULL, 0);
            continue;
        }
        tell(shared, &teller->ring[tail % SHARED_TELLS]);
        atomic_store(&teller->tail, tail + 1);
    }
}

pid_t teller_start(struct shared *shared)
{
    pid_t keeper = getpid();
    pid_t pid = fork();

    if (pid == 0)
        teller_main(shared, keeper);
    return pid;
}

static bool put(struct shared_teller *teller, const struct shared_tell *order)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the worker's threads */
    uint32_t head;
    bool room;

    pthread_mutex_lock(&lock);
    head = atomic_load(&teller->head);
    room = head - atomic_load(&teller->tail) < SHARED_TELLS;
    if (room) {
        teller->ring[head % SHARED_TELLS] = *order;
        atomic_store(&teller->head, head + 1);
    }
    pthread_mutex_unlock(&lock);
    return room;
}

bool teller_order(struct shared *shared, bool patient, const struct shared_tell *order)
{
    const struct timespec pause = {.tv_nsec = ROOM_MS * 1000000};
    struct shared_teller *teller = &shared->teller;
    bool done = put(teller, order);

    for (int i = 0; patient && !done && i < ROOM_TRIES; i++) {
        nanosleep(&pause, NULL);
        done = put(teller, order);
    }
    if (!done)
        atomic_store(&teller->lost, 1);
    syscall(SYS_futex, &teller->head, FUTEX_WAKE, 1, NULL, NULL, 0);
    return done;
}
