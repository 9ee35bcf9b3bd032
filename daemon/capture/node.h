/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table of nodes: what the kernel has references to, by device and inode number.
 *
 * The nodes themselves are in shared memory and survive; the hash over them, the list of free ones
 * and the lock are this process's. Each change of a lookup count goes through the slot's pending
 * record, so that it is made exactly once, however often the worker dies around it.
 */
#ifndef DPL_CAPTURE_NODE_H
#define DPL_CAPTURE_NODE_H

#include "daemon/capture/proto.h"
#include "daemon/capture/shared.h"

#include <pthread.h>
#include <sys/stat.h>

struct fdcache;

#define NODE_HASH_BITS 20

struct node_table {
    struct shared *shared;
    struct fdcache *cache;
    pthread_mutex_t lock;
    uint32_t *next;  /* of the same hash, by index */
    uint32_t *first; /* by hash */
    uint32_t *free;
    uint32_t free_count;
    uint32_t damaged; /* nodes that a takeover found so */
};

/* A file handle as name_to_handle_at(2) gives it. */
struct node_handle {
    int32_t type;
    uint8_t size;
    uint8_t bytes[SHARED_HANDLE_BYTES];
};

/* Maps what is private and builds the hash over what is there. Nodes without references go first:
 * their descriptors are closed by whoever sweeps. */
int node_table_init(struct node_table *table, struct shared *shared, struct fdcache *cache,
                    struct dpl_err *err);

/* The handle of name in dir_fd ("": of dir_fd itself). Returns 0 or a negative errno. */
int node_handle_get(int dir_fd, const char *name, struct node_handle *handle);

/* The index of what the kernel calls nodeid on this root, or 0 if there is none in use. */
uint32_t node_index(const struct node_table *table, uint32_t root, uint64_t nodeid);

/* Notes in the slot one more reference to this object. Returns its index, or 0 if it is unknown and
 * handle is NULL, or a negative errno (-ENFILE: the table is full). */
int64_t node_reference(struct node_table *table, struct slot *slot, uint32_t root,
                       const struct statx *stx, const struct node_handle *handle);
/* The index of an object, without a reference; 0 if it is not in the table. */
uint32_t node_find(struct node_table *table, uint32_t root, const struct statx *stx);

/* Takes count references away; value goes to the counter that progress names. */
void node_forget(struct node_table *table, struct slot *slot, uint32_t index, uint64_t count,
                 enum pending_progress progress, uint64_t value);
/* Finishes the change that a dead worker left half made. */
void node_pending_apply(struct shared *shared, struct slot *slot);
/* Gives up references that the slot noted and the kernel never heard of: drop_from to drop_to. */
void node_drop(struct node_table *table, struct slot *slot);

/* Fills a root's node. */
int node_set_root(struct shared *shared, uint32_t root, int dir_fd, struct dpl_err *err);

static inline int64_t node_btime_ns(const struct statx *stx)
{
    if ((stx->stx_mask & STATX_BTIME) == 0)
        return 0;
    return (int64_t)stx->stx_btime.tv_sec * 1000000000 + stx->stx_btime.tv_nsec;
}

#endif
