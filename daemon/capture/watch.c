/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The thread that reads the events of the watch, see watch.h.
 */
#include "daemon/capture/watch.h"
#include "daemon/capture/dirty.h"

#include "daemon/capture/bypass.h"
#include "daemon/capture/op.h"
#include "daemon/capture/recorder.h"
#include "daemon/capture/teller.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define GATHER_MS 20 /* our own events come in great number: they are read together */
#define QUIET_MS  1000
#define QUEUE_MAX 100000 /* events: more than that are not read any more */
#define RECENT    16
#define SAY_NS    INT64_C(10000000000)
#define PATH_ROOM 4352

static struct {
    struct worker *worker;
    struct thread thread; /* of no slot: what it leaves reserved is void */
    struct slot slot;
    int64_t said_ns;
    uint64_t unsaid;
    /* Objects of this reading that were dealt with: all of its changes came before that. */
    struct dpl_oid recent[RECENT];
    uint32_t recent_count;
} at;

/* An object that an event names. */
struct found {
    int fd;
    struct statx stx;
    uint32_t node[SHARED_ROOTS]; /* by root; 0: the kernel does not know it */
    uint32_t root;               /* by its path; SHARED_ROOTS: beneath none, or not to be told */
    char path[PATH_ROOM];        /* as applications name it, if root is */
};

/* --- who we are ------------------------------------------------------------------------------- */

void watch_note_own(struct shared *shared)
{
    uint32_t pid = (uint32_t)getpid();

    if (pid < SHARED_PIDS)
        shared->watch.own[pid / 64] |= UINT64_C(1) << (pid % 64);
}

static bool is_own(const struct shared *shared, pid_t pid)
{
    return pid > 0 && (uint32_t)pid < SHARED_PIDS &&
           (shared->watch.own[pid / 64] >> (pid % 64) & 1) != 0;
}

/* Every event of those that died has been read: their numbers will be others'. Our own is there all
 * the time: we may die here too. */
static void forget_dead(struct shared *shared)
{
    uint32_t pid = (uint32_t)getpid();

    for (uint32_t i = 0; i < SHARED_PIDS / 64; i++)
        if (shared->watch.own[i] != 0)
            shared->watch.own[i] &= i == pid / 64 ? UINT64_C(1) << (pid % 64) : 0;
}

/* --- what it is ------------------------------------------------------------------------------- */

/* Which root's directory this path of the lower file system lies in, and its path for applications.
 */
static void place(struct found *found, const char *lower)
{
    const struct worker *worker = at.worker;

    found->root = SHARED_ROOTS;
    found->path[0] = '\0';
    for (uint32_t i = 0; i < worker->shared->root_count; i++) {
        char link[40], top[PATH_ROOM];
        ssize_t size;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", worker->shared->roots[i].dir_fd);
        size = readlink(link, top, sizeof(top) - 1);
        if (size <= 0 || strncmp(lower, top, (size_t)size) != 0 ||
            (lower[size] != '/' && lower[size] != '\0'))
            continue;
        found->root = i;
        snprintf(found->path, sizeof(found->path), "%s%s", worker->options->roots[i], lower + size);
        return;
    }
}

static bool find(uint32_t group, const struct dpl_bypass_handle *handle, struct found *found)
{
    struct shared *shared = at.worker->shared;
    union {
        struct file_handle head;
        uint8_t room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } raw = {0};
    char link[40], lower[PATH_ROOM];
    ssize_t size;

    if (handle->size == 0 || handle->size > MAX_HANDLE_SZ)
        return false;
    raw.head.handle_bytes = handle->size;
    raw.head.handle_type = handle->type;
    memcpy(raw.room + sizeof(raw.head), handle->bytes, handle->size);
    found->fd = open_by_handle_at(shared->roots[group].dir_fd, &raw.head, O_PATH | O_CLOEXEC);
    if (found->fd < 0)
        return false; /* gone: the event of its name tells where from */
    if (stat_fd(found->fd, &found->stx) != 0) {
        close(found->fd);
        return false;
    }
    for (uint32_t i = 0; i < SHARED_ROOTS; i++)
        found->node[i] =
            i < shared->root_count && shared->roots[i].device == shared->roots[group].device
                ? node_find(&at.worker->nodes, i, &found->stx)
                : 0;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", found->fd);
    size = readlink(link, lower, sizeof(lower) - 1);
    lower[size > 0 ? size : 0] = '\0';
    place(found, lower);
    return true;
}

static uint64_t kernel_name(uint32_t root, uint32_t node)
{
    return node == 1 + root ? FUSE_ROOT_ID : node;
}

static bool path_inside(const char *path, bool is_dir)
{
    const struct dpl_rules *rules = at.worker->border.rules;
    struct dpl_rules_at what;

    if (rules == NULL)
        return true;
    what = dpl_rules_find(rules, path);
    return what.inside || (is_dir && what.some_beneath);
}

/* Whether it is in the set: by what the capture knows of it, else by its path. */
static bool is_inside(const struct found *found)
{
    for (uint32_t i = 0; i < at.worker->shared->root_count; i++)
        if (found->node[i] != 0 && border_inside(&at.worker->border, found->node[i]))
            return true;
    return found->root < SHARED_ROOTS && path_inside(found->path, S_ISDIR(found->stx.stx_mode));
}

/* --- what is done about it --------------------------------------------------------------------
 * In this order: named in the journal, counted, told to the kernel. Who sees the new state through
 * the mount can rely on the others. */

static void record(const struct dpl_oid *oid)
{
    struct op op = {.thread = &at.thread,
                    .worker = at.worker,
                    .slot = &at.slot,
                    .journals = atomic_load(&at.worker->shared->mode) == MODE_JOURNAL,
                    .own_fd = -1};
    struct dpl_record mirror = {
        .type = DPL_R_MIRROR, .has = DPL_F_NUMBER, .number = DPL_MIRROR_BYPASS};

    if (oid != NULL) {
        mirror.object = dpl_oid_view(oid);
        mirror.has |= DPL_F_OBJECT;
    }
    recorder_extra(&op, &mirror);
    dirty_bypassed(at.worker, oid);
}

/* Whether this reading has it already; notes it. */
static bool seen_already(const struct dpl_oid *oid)
{
    for (uint32_t i = 0; i < at.recent_count && i < RECENT; i++)
        if (at.recent[i].size == oid->size &&
            memcmp(at.recent[i].bytes, oid->bytes, oid->size) == 0)
            return true;
    at.recent[at.recent_count++ % RECENT] = *oid;
    return false;
}

static void record_object(int fd)
{
    struct node_handle handle = {0};
    struct dpl_oid oid;

    if (node_handle_get(fd, "", &handle) != 0 ||
        dpl_oid_make(&oid, handle.type, 0, handle.bytes, handle.size, NULL) != 0)
        record(NULL);
    else if (!seen_already(&oid))
        record(&oid);
}

static bool order(uint32_t root, enum shared_tell_kind kind, uint64_t node, const char *name)
{
    struct shared_tell order = {.root = root, .kind = (uint32_t)kind, .node = node};

    if (name != NULL)
        strncpy(order.name, name, sizeof(order.name) - 1);
    return teller_order(at.worker->shared, true, &order);
}

static void forget_object(const struct found *found)
{
    struct shared *shared = at.worker->shared;

    for (uint32_t i = 0; i < shared->root_count; i++)
        if (found->node[i] != 0)
            order(i, TELL_INODE, kernel_name(i, found->node[i]), NULL);
}

static void forget_name(const struct found *dir, const char *name)
{
    struct shared *shared = at.worker->shared;

    for (uint32_t i = 0; i < shared->root_count; i++)
        if (dir->node[i] != 0)
            order(i, TELL_ENTRY, kernel_name(i, dir->node[i]), name);
}

static void forget_everything(void)
{
    struct shared *shared = at.worker->shared;

    atomic_store(&shared->teller.lost, 0);
    for (uint32_t i = 0; i < shared->root_count; i++)
        if (!order(i, TELL_NAMES, 0, NULL) || !order(i, TELL_INODE, FUSE_ROOT_ID, NULL))
            return;
    for (uint32_t i = 1 + SHARED_ROOTS; i < atomic_load(&shared->node_top); i++)
        if (shared->nodes[i].used && !order(shared->nodes[i].root, TELL_INODE, i, NULL))
            return;
}

static void count(void)
{
    atomic_fetch_add(&at.worker->shared->count.bypasses, 1);
    atomic_store(&at.worker->memory.page->now.bypasses,
                 atomic_load(&at.worker->shared->count.bypasses));
}

static void say(const struct dpl_bypass_change *change, const char *path)
{
    int64_t now_ns = dpl_clock_now_ns(&dpl_clock_system);
    char comm[DPL_COMM_SIZE];

    count();
    if (at.said_ns != 0 && now_ns - at.said_ns < SAY_NS) {
        at.unsaid++;
        return;
    }
    at.said_ns = now_ns;
    dpl_proc_comm(change->pid, comm);
    fprintf(
        stderr,
        "doppel-capture: set '%s': process %d (%s) changed '%s' past the mount: the target will "
        "ask for it (%lu more since the last such line)\n",
        at.worker->options->set, (int)change->pid, comm, path, at.unsaid);
    at.unsaid = 0;
}

static void everything(const char *why)
{
    count();
    fprintf(stderr, "doppel-capture: set '%s': %s: all of the set is to be compared\n",
            at.worker->options->set, why);
    record(NULL);
    forget_everything();
}

static void object_changed(const struct dpl_bypass_change *change, const struct found *object)
{
    if (is_inside(object)) {
        record_object(object->fd);
        say(change, object->path);
    }
    forget_object(object);
}

/* A name came or went: the directory is not what it was. */
static void name_changed(const struct dpl_bypass_change *change, const struct found *dir)
{
    char path[PATH_ROOM + 256];

    snprintf(path, sizeof(path), "%s/%s", dir->path, change->name);
    if (dir->root < SHARED_ROOTS && is_inside(dir) &&
        path_inside(path, (change->what & DPL_BYPASS_DIR) != 0)) {
        record_object(dir->fd);
        say(change, path);
    }
    forget_name(dir, change->name);
    forget_object(dir);
}

static void report(void *self, const struct dpl_bypass_change *change)
{
    const unsigned names = DPL_BYPASS_CREATED | DPL_BYPASS_REMOVED | DPL_BYPASS_MOVED;
    uint32_t group = at.worker->shared->watch.root;
    bool named = change->name != NULL && strcmp(change->name, ".") != 0;
    struct found found;

    (void)self;
    if (change->what == DPL_BYPASS_UNKNOWN) {
        everything("events of changes past the mount were lost");
        return;
    }
    if (is_own(at.worker->shared, change->pid))
        return;
    if ((change->what & names) != 0 && named && find(group, &change->parent, &found)) {
        name_changed(change, &found);
        close(found.fd);
    }
    /* Of older kernels an event of a directory itself names it as the parent. */
    if (find(group, change->object.size != 0 || named ? &change->object : &change->parent,
             &found)) {
        object_changed(change, &found);
        close(found.fd);
    }
}

/* --- reading ---------------------------------------------------------------------------------- */

/* What nobody reads fast enough is thrown away with its queue. */
static void begin_anew(struct shared_root *root)
{
    const char *detail;
    int fd = dpl_bypass_mark(root->dir_fd, true, &detail, NULL);

    if (fd < 0)
        return;
    dup3(fd, root->watch_fd, 0);
    close(fd);
    everything("changes past the mount came faster than they could be read");
}

static void drain(uint32_t index)
{
    struct shared *shared = at.worker->shared;
    struct shared_watch *watch = &shared->watch;
    struct shared_root *root = &shared->roots[index];
    int waiting = 0;

    /* The kernel counts the fixed part of each alone. */
    if (ioctl(root->watch_fd, FIONREAD, &waiting) == 0 &&
        waiting / (int)sizeof(struct fanotify_event_metadata) > QUEUE_MAX)
        begin_anew(root);
    for (;;) {
        ssize_t size;

        memset(watch->buffer, 0, sizeof(watch->buffer));
        at.recent_count = 0;
        watch->root = index;
        size = read(root->watch_fd, watch->buffer, sizeof(watch->buffer));
        if (size <= 0)
            return;
        if (dpl_bypass_parse(watch->buffer, (size_t)size, report, NULL, NULL) < 0)
            everything("an event of a change past the mount was not understood");
    }
}

/* What a worker that died had read: as far as it goes, it is dealt with again. */
static void take_over(void)
{
    struct shared_watch *watch = &at.worker->shared->watch;

    dpl_bypass_parse(watch->buffer, sizeof(watch->buffer), report, NULL, NULL);
    memset(watch->buffer, 0, sizeof(watch->buffer));
}

static void *watch_main(void *arg)
{
    const struct timespec gather = {.tv_nsec = GATHER_MS * 1000000};
    struct shared *shared = at.worker->shared;
    struct pollfd fds[SHARED_ROOTS];
    bool dead_known = true;

    (void)arg;
    take_over();
    for (;;) {
        int ready;

        for (uint32_t i = 0; i < shared->root_count; i++)
            fds[i] = (struct pollfd){.fd = shared->roots[i].watch_fd, .events = POLLIN};
        ready = poll(fds, shared->root_count, QUIET_MS);
        if (ready > 0)
            nanosleep(&gather, NULL);
        for (uint32_t i = 0; ready > 0 && i < shared->root_count; i++)
            if ((fds[i].revents & POLLIN) != 0)
                drain(i);
        if (ready >= 0 && dead_known) {
            forget_dead(shared);
            dead_known = false;
        }
        if (atomic_load(&shared->teller.lost) != 0)
            forget_everything();
    }
    return NULL;
}

/* --- the worker's beginning ------------------------------------------------------------------- */

static void be_nobody(struct worker *worker)
{
    at.worker = worker;
    at.thread.worker = worker;
    at.thread.index = SHARED_SLOTS;
    at.thread.slot = &at.slot;
    if (at.thread.out == NULL)
        at.thread.out = memory_private(SHARED_BUFFER);
}

void watch_record_mapped(struct worker *worker)
{
    const struct shared_watch *watch = &worker->shared->watch;

    be_nobody(worker);
    if (watch->mapped_count > SHARED_MAPPED) {
        record(NULL);
        return;
    }
    for (uint32_t i = 0; i < watch->mapped_count; i++) {
        struct dpl_oid oid;

        if (dpl_oid_make(&oid, watch->mapped[i].type, 0, watch->mapped[i].handle,
                         watch->mapped[i].bytes, NULL) == 0)
            record(&oid);
    }
    atomic_fetch_add(&worker->shared->count.bypasses, watch->mapped_count);
}

/* All of them, or it would be no watch. */
static bool sees_all(const struct shared *shared)
{
    for (uint32_t i = 0; i < shared->root_count; i++) {
        bool seen = false;

        for (uint32_t k = 0; k <= i; k++)
            seen |= shared->roots[k].device == shared->roots[i].device &&
                    shared->roots[k].watch_fd >= 0;
        if (!seen)
            return false;
    }
    return true;
}

int watch_start(struct worker *worker, struct dpl_err *err)
{
    pthread_t id;
    int code;

    be_nobody(worker);
    if (at.thread.out == NULL)
        return dpl_err_sys(err, errno, "no memory for the watch");
    atomic_store(&worker->memory.page->now.bypass_watched, sees_all(worker->shared));
    code = pthread_create(&id, NULL, watch_main, NULL);
    if (code != 0)
        return dpl_err_sys(err, code, "no thread for the watch");
    pthread_detach(id);
    return 0;
}
