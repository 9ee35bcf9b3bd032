/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Descriptors of lower objects, see fdcache.h.
 */
#include "daemon/capture/fdcache.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int fdcache_init(struct fdcache *cache, struct shared *shared, uint32_t limit, struct dpl_err *err)
{
    void *at = memory_private(sizeof(struct fdcache_entry) * (size_t)SHARED_NODES);

    memset(cache, 0, sizeof(*cache));
    if (at == NULL)
        return dpl_err_sys(err, errno, "no memory for the cache of descriptors");
    cache->shared = shared;
    cache->entries = at;
    cache->limit = limit;
    pthread_mutex_init(&cache->lock, NULL);
    return 0;
}

int fdcache_open(const struct shared *shared, uint32_t index, int flags)
{
    const struct node *node = &shared->nodes[index];
    union {
        struct file_handle head;
        uint8_t room[sizeof(struct file_handle) + SHARED_HANDLE_BYTES];
    } u;
    int fd;

    u.head.handle_bytes = node->handle_bytes;
    u.head.handle_type = node->handle_type;
    memcpy(u.head.f_handle, node->handle, node->handle_bytes);
    fd = open_by_handle_at(shared->roots[node->root].dir_fd, &u.head,
                           flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    return fd < 0 ? -errno : fd;
}

/* Opens a node's object: anew by the descriptor that is held, else by its handle. An object without
 * a name has no handle that could be opened. */
static int open_object(const struct shared *shared, uint32_t index, int held, int flags)
{
    char path[48];
    int fd;

    if (held < 0)
        return fdcache_open(shared, index, flags);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", held);
    fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    return fd < 0 ? -errno : fd;
}

static bool is_append_only(const struct shared *shared, uint32_t index, int held)
{
    int fd = open_object(shared, index, held, O_RDONLY);
    int flags = 0;
    bool yes;

    if (fd < 0)
        return false;
    yes = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_APPEND_FL) != 0;
    close(fd);
    return yes;
}

static int open_regular(const struct shared *shared, uint32_t index, int held, uint16_t *flags)
{
    int fd = open_object(shared, index, held, O_RDWR);

    if (fd == -EPERM && is_append_only(shared, index, held)) {
        *flags |= FD_APPEND;
        fd = open_object(shared, index, held, O_RDWR | O_APPEND);
    }
    if (fd == -EPERM || fd == -EROFS || fd == -EACCES || fd == -ETXTBSY) {
        *flags |= FD_READ_ONLY;
        fd = open_object(shared, index, held, O_RDONLY);
    }
    return fd;
}

static int open_node(const struct shared *shared, uint32_t index, uint16_t *flags)
{
    *flags = 0;
    switch (shared->nodes[index].mode & S_IFMT) {
    case S_IFREG:
        return open_regular(shared, index, -1, flags);
    case S_IFDIR:
        return fdcache_open(shared, index, O_RDONLY | O_DIRECTORY);
    default:
        *flags = FD_PATH;
        return fdcache_open(shared, index, O_PATH);
    }
}

static void list_remove(struct fdcache *cache, uint32_t index)
{
    struct fdcache_entry *entry = &cache->entries[index];

    if (entry->newer != 0)
        cache->entries[entry->newer].older = entry->older;
    else if (cache->newest == index)
        cache->newest = entry->older;
    if (entry->older != 0)
        cache->entries[entry->older].newer = entry->newer;
    else if (cache->oldest == index)
        cache->oldest = entry->newer;
    entry->newer = entry->older = 0;
}

static void list_add(struct fdcache *cache, uint32_t index)
{
    struct fdcache_entry *entry = &cache->entries[index];

    entry->newer = 0;
    entry->older = cache->newest;
    if (cache->newest != 0)
        cache->entries[cache->newest].newer = index;
    cache->newest = index;
    if (cache->oldest == 0)
        cache->oldest = index;
}

/* Takes an entry's descriptor away; the caller closes it. */
static int entry_clear(struct fdcache *cache, uint32_t index)
{
    struct fdcache_entry *entry = &cache->entries[index];
    int fd = entry->fd_plus_1 - 1;

    if (fd >= 0)
        cache->count--;
    memset(entry, 0, sizeof(*entry));
    return fd;
}

/* Closes the least recently used descriptor. False if there is none. */
static bool evict(struct fdcache *cache)
{
    uint32_t index = cache->oldest;

    if (index == 0)
        return false;
    list_remove(cache, index);
    close(entry_clear(cache, index));
    return true;
}

static void entry_fill(struct fdcache *cache, uint32_t index, int fd, uint16_t flags)
{
    struct fdcache_entry *entry = &cache->entries[index];

    while (cache->count >= cache->limit && evict(cache))
        ;
    entry->fd_plus_1 = fd + 1;
    entry->flags = flags;
    cache->count++;
}

/* Opens it, without the lock, and makes room when descriptors run out. */
static int open_with_room(struct fdcache *cache, uint32_t index, uint16_t *flags)
{
    int fd = open_node(cache->shared, index, flags);

    for (int tries = 0; tries < 64 && (fd == -EMFILE || fd == -ENFILE); tries++) {
        bool freed;

        pthread_mutex_lock(&cache->lock);
        freed = evict(cache);
        pthread_mutex_unlock(&cache->lock);
        if (!freed)
            break;
        fd = open_node(cache->shared, index, flags);
    }
    return fd;
}

int fdcache_get(struct fdcache *cache, uint32_t index, unsigned *flags_r)
{
    struct fdcache_entry *entry = &cache->entries[index];
    int fd;

    if (index <= SHARED_ROOTS) {
        if (flags_r != NULL)
            *flags_r = FD_PINNED;
        return cache->shared->roots[index - 1].dir_fd;
    }
    pthread_mutex_lock(&cache->lock);
    if (entry->fd_plus_1 == 0) {
        uint16_t flags;

        pthread_mutex_unlock(&cache->lock);
        fd = open_with_room(cache, index, &flags);
        if (fd < 0)
            return fd;
        pthread_mutex_lock(&cache->lock);
        if (entry->fd_plus_1 == 0)
            entry_fill(cache, index, fd, flags);
        else
            close(fd);
    }
    if (entry->users++ == 0 && (entry->flags & FD_PINNED) == 0)
        list_remove(cache, index);
    fd = entry->fd_plus_1 - 1;
    if (flags_r != NULL)
        *flags_r = entry->flags;
    pthread_mutex_unlock(&cache->lock);
    return fd;
}

void fdcache_put(struct fdcache *cache, uint32_t index)
{
    struct fdcache_entry *entry = &cache->entries[index];

    if (index <= SHARED_ROOTS)
        return;
    pthread_mutex_lock(&cache->lock);
    if (--entry->users == 0 && (entry->flags & FD_PINNED) == 0) {
        if ((entry->flags & FD_STALE) != 0)
            close(entry_clear(cache, index));
        else
            list_add(cache, index);
    }
    pthread_mutex_unlock(&cache->lock);
}

int fdcache_pin(struct fdcache *cache, uint32_t index)
{
    struct fdcache_entry *entry = &cache->entries[index];
    int fd = fdcache_get(cache, index, NULL);

    if (fd < 0 || index <= SHARED_ROOTS)
        return fd < 0 ? fd : 0;
    pthread_mutex_lock(&cache->lock);
    entry->flags |= FD_PINNED;
    cache->shared->nodes[index].pin_fd = fd;
    entry->users--;
    pthread_mutex_unlock(&cache->lock);
    return 0;
}

void fdcache_give(struct fdcache *cache, uint32_t index, int fd, bool pin)
{
    struct fdcache_entry *entry = &cache->entries[index];

    pthread_mutex_lock(&cache->lock);
    if (entry->fd_plus_1 != 0) {
        close(fd);
    } else {
        entry_fill(cache, index, fd, 0);
        list_add(cache, index);
    }
    if (pin && (entry->flags & FD_PINNED) == 0) {
        if (entry->users == 0)
            list_remove(cache, index);
        entry->flags |= FD_PINNED;
        cache->shared->nodes[index].pin_fd = entry->fd_plus_1 - 1;
    }
    pthread_mutex_unlock(&cache->lock);
}

void fdcache_adopt(struct fdcache *cache, uint32_t index, int fd)
{
    uint16_t flags = FD_PINNED;
    uint32_t type = cache->shared->nodes[index].mode & S_IFMT;

    if (type != S_IFREG && type != S_IFDIR)
        flags |= FD_PATH;
    else if (type == S_IFREG && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
        flags |= FD_READ_ONLY;
    if (type == S_IFREG && (fcntl(fd, F_GETFL) & O_APPEND) != 0)
        flags |= FD_APPEND;
    entry_fill(cache, index, fd, flags);
}

/* Puts what is opened now in the place of a descriptor that somebody holds: same number, and who is
 * in a system call with it ends that one with what he began. */
static void entry_replace(struct fdcache *cache, uint32_t index)
{
    struct fdcache_entry *entry = &cache->entries[index];
    int held = entry->fd_plus_1 - 1;
    uint16_t flags = 0;
    int fd = open_regular(cache->shared, index, held, &flags);

    if (fd >= 0 && dup3(fd, held, O_CLOEXEC) == held)
        entry->flags = (uint16_t)((entry->flags & ~(FD_READ_ONLY | FD_APPEND | FD_STALE)) | flags);
    else
        entry->flags |= FD_STALE;
    if (fd >= 0)
        close(fd);
}

void fdcache_revoke(struct fdcache *cache, uint32_t index)
{
    struct fdcache_entry *entry = &cache->entries[index];

    if (index <= SHARED_ROOTS || (cache->shared->nodes[index].mode & S_IFMT) != S_IFREG)
        return;
    pthread_mutex_lock(&cache->lock);
    if (entry->fd_plus_1 != 0 && (entry->users > 0 || (entry->flags & FD_PINNED) != 0)) {
        entry_replace(cache, index);
    } else if (entry->fd_plus_1 != 0) {
        list_remove(cache, index);
        close(entry_clear(cache, index));
    }
    pthread_mutex_unlock(&cache->lock);
}

int fdcache_open_held(struct fdcache *cache, uint32_t index, int fd, int flags)
{
    return open_object(cache->shared, index, fd, flags);
}

bool fdcache_drop(struct fdcache *cache, uint32_t index)
{
    struct fdcache_entry *entry = &cache->entries[index];
    bool idle;

    pthread_mutex_lock(&cache->lock);
    idle = entry->users == 0;
    if (idle && entry->fd_plus_1 != 0) {
        int fd;

        if ((entry->flags & FD_PINNED) == 0)
            list_remove(cache, index);
        cache->shared->nodes[index].pin_fd = -1;
        fd = entry_clear(cache, index);
        close(fd);
    }
    pthread_mutex_unlock(&cache->lock);
    return idle;
}
