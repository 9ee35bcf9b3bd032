/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table of nodes, see node.h.
 */
#include "daemon/capture/node.h"

#include "daemon/capture/check.h"
#include "daemon/capture/fdcache.h"
#include "daemon/capture/inject.h"
#include "daemon/capture/stat.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static uint32_t hash_of(uint64_t ino, uint32_t root)
{
    return (uint32_t)(((ino + root) * 0x9e3779b97f4a7c15ULL) >> (64 - NODE_HASH_BITS));
}

static void hash_insert(struct node_table *table, uint32_t index)
{
    const struct node *node = &table->shared->nodes[index];
    uint32_t *head = &table->first[hash_of(node->ino, node->root)];

    table->next[index] = *head;
    *head = index;
}

static void hash_remove(struct node_table *table, uint32_t index)
{
    const struct node *node = &table->shared->nodes[index];
    uint32_t *at = &table->first[hash_of(node->ino, node->root)];

    while (*at != 0 && *at != index)
        at = &table->next[*at];
    if (*at != 0)
        *at = table->next[index];
}

int node_table_init(struct node_table *table, struct shared *shared, struct fdcache *cache,
                    struct dpl_err *err)
{
    uint32_t top = shared->node_top;

    memset(table, 0, sizeof(*table));
    table->shared = shared;
    table->cache = cache;
    pthread_mutex_init(&table->lock, NULL);
    table->next = memory_private(sizeof(uint32_t) * SHARED_NODES);
    table->free = memory_private(sizeof(uint32_t) * SHARED_NODES);
    table->first = memory_private(sizeof(uint32_t) << NODE_HASH_BITS);
    if (table->next == NULL || table->free == NULL || table->first == NULL)
        return dpl_err_sys(err, errno, "no memory for the table of nodes");
    for (uint32_t i = 1; i < top; i++) {
        struct node *node = &shared->nodes[i];

        if (i > SHARED_ROOTS && node->used && node->lookups == 0)
            node->used = 0;
        if (node->used && node->check != check_node(node)) {
            node->damaged = 1;
            table->damaged++;
        } else if (node->used) {
            hash_insert(table, i);
            if (i > SHARED_ROOTS && node->pin_fd >= 0)
                fdcache_adopt(cache, i, node->pin_fd);
        } else if (i > SHARED_ROOTS) {
            table->free[table->free_count++] = i;
        }
    }
    return 0;
}

int node_handle_get(int dir_fd, const char *name, struct node_handle *handle)
{
    union {
        struct file_handle head;
        uint8_t room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } u;
    int mount_id;

    u.head.handle_bytes = MAX_HANDLE_SZ;
    if (name_to_handle_at(dir_fd, name, &u.head, &mount_id, name[0] == '\0' ? AT_EMPTY_PATH : 0) !=
        0)
        return -errno;
    if (u.head.handle_bytes > SHARED_HANDLE_BYTES)
        return -EOVERFLOW;
    handle->type = u.head.handle_type;
    handle->size = (uint8_t)u.head.handle_bytes;
    memcpy(handle->bytes, u.head.f_handle, u.head.handle_bytes);
    return 0;
}

uint32_t node_index(const struct node_table *table, uint32_t root, uint64_t nodeid)
{
    const struct node *nodes = table->shared->nodes;

    if (nodeid == FUSE_ROOT_ID)
        return nodes[1 + root].damaged ? 0 : 1 + root;
    if (nodeid <= SHARED_ROOTS || nodeid >= SHARED_NODES || !nodes[nodeid].used ||
        nodes[nodeid].root != root || nodes[nodeid].damaged)
        return 0;
    return (uint32_t)nodeid;
}

/* Makes the change and moves the counter on; may be repeated from the start. */
void node_pending_apply(struct shared *shared, struct slot *slot)
{
    shared->nodes[slot->pending.node].lookups = slot->pending.count;
    inject(INJECT_REFERENCED);
    switch (slot->pending.progress) {
    case PENDING_FORGET:
        slot->forgotten = slot->pending.value;
        break;
    case PENDING_REFERENCE:
        slot->references = slot->pending.value;
        break;
    case PENDING_DROP:
        slot->drop_from = slot->pending.value;
        break;
    default:
        break;
    }
    atomic_store(&slot->pending.valid, 0);
}

static void count_set(struct node_table *table, struct slot *slot, uint32_t index, uint64_t count,
                      enum pending_progress progress, uint64_t value)
{
    slot->pending.node = index;
    slot->pending.count = count;
    slot->pending.progress = progress;
    slot->pending.value = value;
    atomic_store(&slot->pending.valid, 1);
    inject(INJECT_REFERENCE);
    node_pending_apply(table->shared, slot);
}

static uint32_t find_locked(const struct node_table *table, uint32_t root, const struct statx *stx)
{
    uint32_t i = table->first[hash_of(stx->stx_ino, root)];
    int64_t btime_ns = node_btime_ns(stx);

    for (; i != 0; i = table->next[i]) {
        const struct node *node = &table->shared->nodes[i];

        if (node->ino == stx->stx_ino && node->root == root && node->btime_ns == btime_ns &&
            ((node->mode ^ stx->stx_mode) & S_IFMT) == 0)
            return i;
    }
    return 0;
}

static uint32_t take_free(struct node_table *table)
{
    struct shared *shared = table->shared;

    if (table->free_count > 0)
        return table->free[--table->free_count];
    if (shared->node_top >= SHARED_NODES)
        return 0;
    return shared->node_top++;
}

static void fill(struct node *node, uint32_t root, const struct statx *stx,
                 const struct node_handle *handle)
{
    node->ino = stx->stx_ino;
    node->btime_ns = node_btime_ns(stx);
    node->lookups = 0;
    node->generation++;
    node->mode = stx->stx_mode;
    node->pin_fd = -1;
    node->root = (uint8_t)root;
    node->sync_error = 0;
    node->side = 0;
    memset(&node->rules, 0, sizeof(node->rules));
    node->handle_type = handle->type;
    node->handle_bytes = handle->size;
    memcpy(node->handle, handle->bytes, handle->size);
    node->damaged = 0;
    node->check = check_node(node);
}

int64_t node_reference(struct node_table *table, struct slot *slot, uint32_t root,
                       const struct statx *stx, const struct node_handle *handle)
{
    struct shared *shared = table->shared;
    uint32_t index;

    if (slot->references >= SLOT_REFERENCES)
        return -EOVERFLOW;
    pthread_mutex_lock(&table->lock);
    index = find_locked(table, root, stx);
    if (index == 0 && handle != NULL) {
        index = take_free(table);
        if (index == 0) {
            pthread_mutex_unlock(&table->lock);
            return -ENFILE;
        }
        fill(&shared->nodes[index], root, stx, handle);
        inject(INJECT_NODE);
        atomic_thread_fence(memory_order_release);
        shared->nodes[index].used = 1;
        hash_insert(table, index);
    }
    if (index > SHARED_ROOTS) {
        slot->node[slot->references] = index;
        count_set(table, slot, index, shared->nodes[index].lookups + 1, PENDING_REFERENCE,
                  slot->references + 1);
    }
    pthread_mutex_unlock(&table->lock);
    return index;
}

uint32_t node_find(struct node_table *table, uint32_t root, const struct statx *stx)
{
    uint32_t index;

    pthread_mutex_lock(&table->lock);
    index = find_locked(table, root, stx);
    pthread_mutex_unlock(&table->lock);
    return index;
}

void node_forget(struct node_table *table, struct slot *slot, uint32_t index, uint64_t count,
                 enum pending_progress progress, uint64_t value)
{
    struct shared *shared = table->shared;
    struct node *node = &shared->nodes[index];
    bool known = index > SHARED_ROOTS && index < SHARED_NODES && node->used;
    bool gone = false;

    pthread_mutex_lock(&table->lock);
    if (!known || node->lookups < count)
        atomic_fetch_add(&shared->count.underflows, index > SHARED_ROOTS);
    if (!known) {
        count_set(table, slot, 1, shared->nodes[1].lookups, progress, value);
    } else {
        count_set(table, slot, index, node->lookups > count ? node->lookups - count : 0, progress,
                  value);
        gone = node->lookups == 0;
    }
    if (gone) {
        inject(INJECT_FORGOTTEN);
        /* An object that is in use all the same waits for the next takeover. */
        if (fdcache_drop(table->cache, index)) {
            hash_remove(table, index);
            node->used = 0;
            table->free[table->free_count++] = index;
        }
    }
    pthread_mutex_unlock(&table->lock);
}

void node_drop(struct node_table *table, struct slot *slot)
{
    while (slot->drop_from < slot->drop_to) {
        uint64_t i = slot->drop_from;

        node_forget(table, slot, slot->node[i], 1, PENDING_DROP, i + 1);
    }
}

int node_set_root(struct shared *shared, uint32_t root, int dir_fd, struct dpl_err *err)
{
    struct node *node = &shared->nodes[1 + root];
    struct node_handle handle = {0};
    struct statx stx;
    int code = stat_fd(dir_fd, &stx);

    if (code == 0)
        code = node_handle_get(dir_fd, "", &handle);
    if (code != 0)
        return dpl_err_sys(err, -code, "its file system gives no usable file handles");
    fill(node, root, &stx, &handle);
    node->pin_fd = dir_fd;
    node->lookups = 1;
    node->used = 1;
    return 0;
}
