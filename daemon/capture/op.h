/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One request on its way: what a handler gets, and the steps that every handler goes through.
 *
 * A request that changes nothing answers by op_answer() and returns 0, or returns a negative errno.
 *
 * A mutation does, in this order,
 *     op_lock()       the objects that it looks at or changes; they stay locked to the end
 *     op_start()      state STARTED, position reserved (recorder.h says what the record will hold)
 *     op_pre_known()  whether a worker that died had noted what was there before; if not, note it
 * in op->slot->pre and op_pre_keep() the effect      which on a repeat is recognised as done by
 * that note op_finish()     result and answer into the slot, state DONE, record committed and
 * returns what op_finish() returned. An error before op_start() is returned as it is. Descriptors
 * of op_fd() and all locks are given back by whoever called the handler.
 */
#ifndef DPL_CAPTURE_OP_H
#define DPL_CAPTURE_OP_H

#include "daemon/capture/inject.h"
#include "daemon/capture/request.h"
#include "daemon/capture/stat.h"
#include "daemon/capture/worker.h"

#include <sys/uio.h>

#define OP_DESCRIPTORS 6
#define OP_OIDS        9 /* five of the op's own record, one per other */
#define OP_WATCHED     3

/* What an object was like before the op. */
struct watched {
    uint32_t index;
    int fd;
    int64_t ctime_ns, mtime_ns;
    uint64_t size, blocks;
    uint32_t nlink, mode;
};

struct op {
    struct thread *thread;
    struct worker *worker;
    struct slot *slot;
    struct shared_root *root;
    uint32_t root_index;
    struct request rq;
    uint32_t node; /* index of the request's node */

    bool redo; /* a worker that died had STARTED it */
    bool in_takeover;
    bool started;
    bool finished; /* the answer is in the slot */
    bool no_answer;

    struct lock_set locks;
    bool border_locked;
    bool dirty_entered; /* contents that it named may be changing */
    unsigned dirty_section;
    uint32_t held[OP_DESCRIPTORS];
    uint32_t held_count;
    int own_fd; /* opened for this op alone, or -1 */

    /* The record to come; op->recording says whether there will be one: not if there was no journal
     * when the request was read. */
    bool journals, recording;
    struct dpl_record record;
    struct dpl_oid oids[OP_OIDS];
    uint32_t oid_count;
    struct dpl_arena_res res;

    struct watched watched[OP_WATCHED];
    uint32_t watched_count;

    struct iovec answer;
};

typedef int (*op_handler)(struct op *op);
/* The handler of an opcode, or NULL. */
op_handler op_handler_of(uint32_t opcode);

struct node *op_node(const struct op *op, uint32_t index);
/* The index of another node that the request names, or 0. */
uint32_t op_other_node(const struct op *op, uint64_t nodeid);
/* A descriptor of the node, until the op ends, or a negative errno. */
int op_fd(struct op *op, uint32_t index, unsigned *flags_r);
/* A descriptor fit for changing the content of a regular file, which is locked: else the inode's
 * flags could change between this and the effect. */
int op_fd_write(struct op *op, uint32_t index, unsigned *flags_r);
void op_release(struct op *op);

void op_lock(struct op *op, uint32_t a, uint32_t b, uint32_t c);
/* Works as the caller from here on. keep_setid: writing leaves set-id bits alone; umask_bits may be
 * OP_ANY_UMASK where no object is made. */
#define OP_ANY_UMASK UINT32_MAX
int op_cred(struct op *op, bool keep_setid, uint32_t umask_bits);
/* As somebody else. */
int op_cred_as(struct op *op, uint32_t uid, uint32_t gid, bool keep_setid);

void op_start(struct op *op);
bool op_pre_known(const struct op *op);
void op_pre_keep(struct op *op);
/* Looks at what the op names, before the effect: a failure may change it. fd is kept until then. */
void op_watch(struct op *op, uint32_t index, int fd); /* op_failed.c */
/* Looks again after a failure; returns the outcome to record. */
enum dpl_outcome op_failed(struct op *op, enum dpl_outcome outcome);
/* An effect was found to be there already. */
void op_recognised(struct op *op);
/* What became of the effect: DPL_OUTCOME_*. error is told to the kernel. */
int op_finish(struct op *op, enum dpl_outcome outcome, int error, const void *reply, size_t size);
/* Gives the answer of a request that changed nothing; the memory must live until it is sent. */
int op_answer(struct op *op, const void *data, size_t size);

/* Stats name in the directory, takes a reference and fills the entry; stx, if not NULL, receives
 * its attributes. Returns 0 or a negative errno; index_r receives the node. */
int op_entry(struct op *op, uint32_t dir, int dir_fd, const char *name,
             struct fuse_entry_out *entry, struct statx *stx, uint32_t *index_r);
/* The same for an object that has a descriptor; the cache takes fd in any case. */
int op_entry_fd(struct op *op, int fd, bool pin, struct fuse_entry_out *entry, struct statx *stx,
                uint32_t *index_r);
void op_fill_attr(const struct statx *stx, struct fuse_attr_out *out);

/* Handlers, by file. */
int op_init(struct op *op); /* op_init.c */
int op_destroy(struct op *op);

int op_lookup(struct op *op); /* op_node.c */
int op_forget(struct op *op);
int op_batch_forget(struct op *op);
int op_interrupt(struct op *op);
int op_release_file(struct op *op);

int op_getattr(struct op *op); /* op_attr.c */
int op_statx(struct op *op);
int op_setattr(struct op *op);
int op_statfs(struct op *op);
int op_ioctl(struct op *op); /* op_ioctl.c */

int op_mknod(struct op *op); /* op_create.c */
int op_mkdir(struct op *op);
int op_symlink(struct op *op);
int op_create(struct op *op);
int op_tmpfile(struct op *op);

int op_link(struct op *op); /* op_name.c */
int op_unlink(struct op *op);
int op_rmdir(struct op *op);
int op_rename(struct op *op); /* op_rename.c */
int op_rename2(struct op *op);

int op_read(struct op *op); /* op_read.c */
int op_readlink(struct op *op);
int op_lseek(struct op *op);
int op_fsync(struct op *op);
int op_fsyncdir(struct op *op);
int op_syncfs(struct op *op);
int op_readdir(struct op *op); /* op_dir.c */
int op_readdirplus(struct op *op);

int op_write(struct op *op); /* op_data.c */
int op_fallocate(struct op *op);
int op_copy_file_range(struct op *op);

/* What a replica that this was has left at its files: nobody sees it, and it is not sent. */
#define OP_XATTR_OURS "trusted.doppel."
bool op_xattr_is_ours(const char *name); /* op_xattr.c */
int op_getxattr(struct op *op);
int op_listxattr(struct op *op);
int op_setxattr(struct op *op);
int op_removexattr(struct op *op);

#endif
