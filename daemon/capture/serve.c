/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A thread's work, see serve.h.
 */
#include "daemon/capture/serve.h"

#include "daemon/capture/op.h"
#include "daemon/capture/recorder.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAGE    4096U
#define MARK_AT (PAGE - 8U)

static uint8_t *buffer_of(const struct worker *worker, int buffer)
{
    return dpl_arena_buffer(&worker->arena, buffer, NULL);
}

/* A mark at the end of every page that the last request touched; the first page's may be
 * overwritten by any request, the header's zeros say that none was read. */
void serve_mark_buffer(struct worker *worker, int buffer)
{
    uint8_t *at = buffer_of(worker, buffer);
    uint32_t used = worker->shared->buffer_used[buffer];

    for (uint32_t i = MARK_AT; i < used; i += PAGE)
        memcpy(at + i, &worker->shared->mark, sizeof(worker->shared->mark));
    memset(at, 0, sizeof(struct fuse_in_header));
    worker->shared->buffer_used[buffer] = 0;
}

/* The kernel copies a request in order. A mark that stands within its length was not copied over.
 */
bool serve_request_torn(const struct worker *worker, int buffer)
{
    const uint8_t *at = buffer_of(worker, buffer);
    uint32_t size = ((const struct fuse_in_header *)(const void *)at)->len;

    if (size > SHARED_BUFFER)
        return true;
    for (uint32_t i = MARK_AT; i + 8 <= size; i += PAGE)
        if (memcmp(at + i, &worker->shared->mark, sizeof(worker->shared->mark)) == 0)
            return true;
    return false;
}

/* Returns 0 or the negative errno of the write. */
static int send_reply(struct op *op, int error, const void *data, size_t size)
{
    struct fuse_out_header head = {.error = error, .unique = op->slot->unique};
    struct iovec iov[2] = {{.iov_base = &head, .iov_len = sizeof(head)},
                           {.iov_base = (void *)(uintptr_t)data, .iov_len = size}};
    int count = error != 0 || size == 0 ? 1 : 2;
    int code = 0;

    head.len = (uint32_t)(sizeof(head) + (count == 2 ? size : 0));
    inject(INJECT_REPLY);
    if (writev(op->root->device_fd, iov, count) < 0)
        code = -errno;
    inject(INJECT_REPLIED);
    return code;
}

static int handle(struct op *op)
{
    struct worker *worker = op->worker;
    bool ext = (op->root->flags & FUSE_SETXATTR_EXT) != 0;
    const void *buffer = buffer_of(worker, op->slot->buffer);
    const struct fuse_in_header *in = buffer;
    int code = request_parse(buffer, in->len, ext, &op->rq);

    if (code != 0)
        return code;
    op->no_answer = (op->rq.kind->flags & REQUEST_NO_REPLY) != 0;
    if ((op->rq.kind->flags & REQUEST_ANY_NODE) == 0) {
        op->node = node_index(&worker->nodes, op->root_index, in->nodeid);
        if (op->node == 0) {
            /* In a takeover it was answered and forgotten since: nobody waits for this. */
            atomic_fetch_add(&worker->shared->count.bad_nodes, !op->in_takeover);
            return -ESTALE;
        }
    }
    return op_handler_of(in->opcode)(op);
}

/* A request that kills every worker is not tried for ever. */
static int give_up(struct op *op)
{
    struct slot *slot = op->slot;
    struct dpl_record record = {
        .type = DPL_R_MIRROR, .has = DPL_F_NUMBER, .number = DPL_MIRROR_FAILED};

    atomic_fetch_add(&op->worker->shared->count.given_up, 1);
    recorder_extra(op, &record);
    slot->outcome = DPL_OUTCOME_VOID;
    slot->body_bytes = slot->data_bytes = 0;
    recorder_commit(op->worker, slot);
    return -EIO;
}

/* Serves, answers; returns what became of the answer. */
static int serve_and_answer(struct op *op)
{
    struct slot *slot = op->slot;
    int code;

    if (op->in_takeover && atomic_load(&slot->state) == SLOT_DONE) {
        recorder_commit(op->worker, slot);
        return send_reply(op, slot->error, slot->reply, slot->reply_bytes);
    }
    if (op->in_takeover && slot->attempts > SERVE_ATTEMPTS)
        code = give_up(op);
    else
        code = handle(op);
    op_release(op);
    if (op->no_answer)
        return 0;
    if (op->finished)
        return send_reply(op, slot->error, slot->reply, slot->reply_bytes);
    return send_reply(op, code, op->answer.iov_base, op->answer.iov_len);
}

/* Which of the references that the slot noted the kernel does not know of. A second answer meets
 * ENOENT: then those of the first attempts are the kernel's and this one's are not. */
static void settle_references(struct op *op, bool was_done, int sent)
{
    struct slot *slot = op->slot;

    if (op->in_takeover && sent == -ENOENT)
        atomic_fetch_add(&op->worker->shared->count.answered_twice, 1);
    if (op->in_takeover && sent == -ENOENT && !was_done) {
        slot->drop_from = slot->earlier;
        slot->drop_to = slot->references;
        /* After two attempts nobody knows which of them: too many references are the safe side. */
        if (slot->attempts > 1)
            atomic_fetch_add(&op->worker->shared->count.leaked_references, slot->earlier);
    } else {
        slot->drop_from = 0;
        slot->drop_to = slot->earlier;
    }
}

void serve_request(struct thread *thread, bool in_takeover)
{
    struct slot *slot = thread->slot;
    uint32_t state = atomic_load(&slot->state);
    struct op op = {.thread = thread,
                    .worker = thread->worker,
                    .slot = slot,
                    .root = &thread->worker->shared->roots[thread->root],
                    .root_index = thread->root,
                    .redo = in_takeover && state == SLOT_STARTED,
                    .in_takeover = in_takeover,
                    .journals = atomic_load(&thread->worker->shared->mode) == MODE_JOURNAL,
                    .own_fd = -1};
    int sent;

    op.rq.in = (const void *)buffer_of(thread->worker, slot->buffer);
    slot->unique = op.rq.in->unique;
    if (!in_takeover)
        slot->earlier = 0;
    else if (state != SLOT_DONE)
        slot->earlier = slot->references;
    inject_context(op.rq.in->opcode, in_takeover);
    inject(INJECT_GOT);
    sent = serve_and_answer(&op);
    settle_references(&op, state == SLOT_DONE, sent);
    atomic_store(&slot->state, SLOT_REPLIED);
    inject(INJECT_ENDED);
    node_drop(&thread->worker->nodes, slot);
}

/* Makes the slot ready and reads. Returns 0, or a negative errno. */
static int receive(struct thread *thread)
{
    struct worker *worker = thread->worker;
    struct slot *slot = thread->slot;
    const struct fuse_in_header *in;
    ssize_t size;

    slot->buffer = dpl_arena_buffer_swap(&worker->arena, slot->buffer);
    serve_mark_buffer(worker, slot->buffer);
    slot->references = slot->forgotten = slot->drop_from = slot->drop_to = slot->earlier = 0;
    slot->attempts = 0;
    slot->lsn = SLOT_NO_RECORD;
    slot->record_type = 0;
    atomic_store(&slot->pre_valid, 0);
    inject(INJECT_MARKED);
    atomic_store(&slot->state, SLOT_READING);
    size = read(worker->shared->roots[thread->root].device_fd, buffer_of(worker, slot->buffer),
                SHARED_BUFFER);
    if (size < 0) {
        atomic_store(&slot->state, SLOT_IDLE);
        return -errno;
    }
    in = (const void *)buffer_of(worker, slot->buffer);
    inject_context(in->opcode, 0);
    inject(INJECT_READ);
    worker->shared->buffer_used[slot->buffer] = (uint32_t)size;
    atomic_fetch_add(&slot->served, 1);
    atomic_store(&slot->state, SLOT_GOT);
    return 0;
}

static bool is_slow(const struct thread *thread)
{
    const struct fuse_in_header *in = (const void *)buffer_of(thread->worker, thread->slot->buffer);
    const struct request_kind *kind = request_kind(in->opcode);

    return kind != NULL && (kind->flags & REQUEST_SLOW) != 0;
}

void serve_loop(struct thread *thread)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    struct worker *worker = thread->worker;

    while (pool_turn(thread)) {
        int code = receive(thread);

        if (code == -ENODEV || code == -ECONNABORTED)
            break; /* unmounted */
        if (code != 0) {
            if (code != -EINTR && code != -EAGAIN && code != -ENOENT)
                nanosleep(&moment, NULL); /* no memory: others have their requests still */
            continue;
        }
        atomic_fetch_add(&worker->shared->count.requests, 1);
        pool_begin(thread, is_slow(thread));
        serve_request(thread, false);
        pool_done(thread);
    }
    atomic_store(&worker->shared->roots[thread->root].ended, 1);
    pool_end(&worker->pools[thread->root]);
}
