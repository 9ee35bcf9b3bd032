/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The first request of a mount, and the last.
 */
#include "daemon/capture/op.h"

#include <errno.h>
#include <string.h>

#define MAX_BACKGROUND 64

/* What we want of the protocol. Left out on purpose: WRITEBACK_CACHE (a write must not return
 * before we have its bytes), ATOMIC_O_TRUNC (a truncation is one kind of request), POSIX_LOCKS and
 * FLOCK_LOCKS (locks stay in the kernel and survive us), EXPORT_SUPPORT. */
#define WANTED                                                                                     \
    ((uint64_t)(FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_DONT_MASK | FUSE_ASYNC_DIO |              \
                FUSE_PARALLEL_DIROPS | FUSE_POSIX_ACL | FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS |     \
                FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO | FUSE_NO_OPEN_SUPPORT |               \
                FUSE_NO_OPENDIR_SUPPORT | FUSE_EXPLICIT_INVAL_DATA | FUSE_HANDLE_KILLPRIV_V2 |     \
                FUSE_SETXATTR_EXT | FUSE_INIT_EXT) |                                               \
     FUSE_CREATE_SUPP_GROUP | FUSE_NO_EXPORT_SUPPORT)

int op_init(struct op *op)
{
    const struct fuse_init_in *in = op->rq.fixed;
    struct fuse_init_out *out = (void *)op->thread->out;
    uint64_t offered = in->flags;
    uint64_t agreed;

    memset(out, 0, sizeof(*out));
    out->major = FUSE_KERNEL_VERSION;
    out->minor = in->minor < PROTO_MINOR ? in->minor : PROTO_MINOR;
    if (in->major != FUSE_KERNEL_VERSION)
        return in->major > FUSE_KERNEL_VERSION ? op_answer(op, out, sizeof(*out)) : -EPROTO;
    if ((in->flags & FUSE_INIT_EXT) != 0 &&
        op->rq.in->len >= sizeof(*op->rq.in) + sizeof(struct fuse_init_in))
        offered |= (uint64_t)in->flags2 << 32;
    agreed = offered & WANTED;
    out->max_readahead = in->max_readahead;
    out->flags = (uint32_t)agreed;
    out->flags2 = (uint32_t)(agreed >> 32);
    out->max_background = MAX_BACKGROUND;
    out->congestion_threshold = MAX_BACKGROUND * 3 / 4;
    out->max_write = SHARED_MAX_WRITE;
    out->max_pages = SHARED_MAX_WRITE / 4096;
    out->time_gran = 1;
    op->root->flags = agreed;
    op->root->minor = in->minor;
    return op_answer(op, out, sizeof(*out));
}

int op_destroy(struct op *op)
{
    atomic_store(&op->root->ended, 1);
    return op_answer(op, NULL, 0);
}
