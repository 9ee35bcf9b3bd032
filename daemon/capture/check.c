/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Sums, see check.h.
 */
#include "daemon/capture/check.h"

#include "lib/journal/crc32c.h"

#include <sys/stat.h>

/* Few calls of the sum: each costs as much as some hundred bytes. */
uint32_t check_node(const struct node *node)
{
    uint64_t words[] = {
        node->ino,
        (uint64_t)node->btime_ns,
        (uint64_t)node->generation << 32 | (uint32_t)node->handle_type,
        (uint64_t)node->root << 40 | (uint64_t)node->handle_bytes << 32 | (node->mode & S_IFMT),
    };
    size_t bytes = node->handle_bytes <= SHARED_HANDLE_BYTES ? node->handle_bytes : 0;

    return dpl_crc32c(dpl_crc32c(0, words, sizeof(words)), node->handle, bytes);
}

uint32_t check_pre(const struct slot *slot)
{
    uint64_t words[] = {slot->unique, slot->pre[0], slot->pre[1], slot->pre[2], slot->pre[3]};

    return dpl_crc32c(0, words, sizeof(words));
}

uint32_t check_done(const struct slot *slot)
{
    uint64_t words[] = {
        slot->unique,
        slot->lsn,
        (uint64_t)slot->root << 32 | (uint32_t)slot->buffer,
        (uint64_t)slot->record_type << 32 | slot->outcome,
        (uint64_t)slot->data_offset << 32 | slot->data_bytes,
        (uint64_t)slot->body_bytes << 32 | slot->reply_bytes,
        (uint32_t)slot->error,
    };
    uint32_t sum = dpl_crc32c(0, words, sizeof(words));

    if (slot->reply_bytes <= SLOT_REPLY_BYTES)
        sum = dpl_crc32c(sum, slot->reply, slot->reply_bytes);
    if (slot->body_bytes <= SLOT_BODY_BYTES)
        sum = dpl_crc32c(sum, slot->body, slot->body_bytes);
    return sum;
}
