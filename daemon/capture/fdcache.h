/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Descriptors of lower objects: one per node, opened by handle when needed, a bounded number of
 * them.
 *
 * fdcache_get() lends a descriptor until fdcache_put(); those that nobody holds are closed when
 * room is needed, the least recently used first. A pinned one stays until the node is forgotten: it
 * is noted in the node, in shared memory, and the next worker adopts it. All others die with the
 * worker (whoever starts the next one closes them).
 *
 * Regular files are opened for reading and writing, or for reading where that is refused;
 * append-only ones with O_APPEND; directories for reading; all else by O_PATH, which never waits
 * for a peer.
 */
#ifndef DPL_CAPTURE_FDCACHE_H
#define DPL_CAPTURE_FDCACHE_H

#include "daemon/capture/shared.h"

#include <pthread.h>

enum fd_flags {
    FD_READ_ONLY = 1, /* opening for writing was refused */
    FD_APPEND = 2,
    FD_PATH = 4,
    FD_PINNED = 8,
    FD_STALE = 16, /* could not be opened anew: closed when its last user gives it back */
};

struct fdcache_entry {
    int32_t fd_plus_1; /* 0: none */
    uint16_t users;
    uint16_t flags;
    uint32_t newer, older; /* among those without users */
};

struct fdcache {
    struct shared *shared;
    pthread_mutex_t lock;
    struct fdcache_entry *entries; /* by node index */
    uint32_t newest, oldest;
    uint32_t count, limit;
};

int fdcache_init(struct fdcache *cache, struct shared *shared, uint32_t limit, struct dpl_err *err);

/* Lends the node's descriptor. flags_r, if not NULL, receives enum fd_flags. Returns it, or a
 * negative errno. */
int fdcache_get(struct fdcache *cache, uint32_t index, unsigned *flags_r);
void fdcache_put(struct fdcache *cache, uint32_t index);
/* Keeps the node's object for as long as the node lives. Returns 0 or a negative errno. */
int fdcache_pin(struct fdcache *cache, uint32_t index);
/* Gives fd, an open descriptor of the object, to the cache, pinned or not. */
void fdcache_give(struct fdcache *cache, uint32_t index, int fd, bool pin);
/* Takes a pinned descriptor over from the node. */
void fdcache_adopt(struct fdcache *cache, uint32_t index, int fd);
/* Opens anew what can be opened differently now: the inode's flags have changed. Who holds the
 * descriptor, or has pinned it, goes on with the same number. The caller has locked the node. */
void fdcache_revoke(struct fdcache *cache, uint32_t index);
/* Closes it: the node goes. False if somebody holds it; then it stays. */
bool fdcache_drop(struct fdcache *cache, uint32_t index);

/* Opens a node's object with these flags, uncached. Returns a descriptor or a negative errno. */
int fdcache_open(const struct shared *shared, uint32_t index, int flags);
/* The same for an object of which fd is a descriptor: it need not have a name any more. */
int fdcache_open_held(struct fdcache *cache, uint32_t index, int fd, int flags);

#endif
