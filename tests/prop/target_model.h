/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The least that is a target of doppel-protocol(5): a queue in memory, of which a crash leaves what
 * was durable. It verifies what it receives as a journal's reader would, and it acknowledges as
 * told, so that a test decides what the "disk" does and when.
 */
#ifndef DPL_TESTS_TARGET_MODEL_H
#define DPL_TESTS_TARGET_MODEL_H

#include "lib/journal/segment.h"
#include "lib/proto/message.h"

#include <glib.h>

struct tmodel {
    /* what its disk holds */
    bool has_epoch, ended, needs_mirror;
    struct dpl_epoch epoch;
    uint64_t start;    /* LSN of the first byte of `bytes` */
    GByteArray *bytes; /* received; the first `durable - start` survive a crash */
    uint64_t durable, applied, checkpoint;
    uint32_t durable_chain, reason;
    /* its memory */
    uint64_t received;
    uint32_t chain;
    bool streaming, refused, told_to_close, full, paused, pending_ended;
    unsigned epochs_accepted;
    uint64_t window, head_heard, room; /* room: 0: nothing is said of it */
    /* out */
    int (*send)(void *self, const struct dpl_message *message);
    void *self;
};

void tmodel_init(struct tmodel *t);
void tmodel_done(struct tmodel *t);
/* Says where it is. */
void tmodel_connect(struct tmodel *t);
/* Negative: the source broke the protocol. */
int tmodel_receive(struct tmodel *t, const struct dpl_message *message);
/* The disk has got everything. */
void tmodel_sync(struct tmodel *t);
/* Applies up to so many bytes, whole records; a checkpoint of what is durable. */
void tmodel_apply(struct tmodel *t, uint64_t bytes);
void tmodel_checkpoint(struct tmodel *t);
void tmodel_ack(struct tmodel *t);
/* Loses what was not durable, and the session. */
void tmodel_crash(struct tmodel *t);

#endif
