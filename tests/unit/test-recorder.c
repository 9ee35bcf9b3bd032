/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture/recorder.h"
#include "lib/journal/arena-layout.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define NODE (SHARED_ROOTS + 1)

static const struct dpl_arena_sizes sizes = {16, 16384, 4, 4096};
static struct worker worker;
static struct thread thread = {.worker = &worker};
static struct op op;
static void *memory;
static uint8_t out[SHARED_BUFFER];

/* Zeroed whole pages: the layouts of shared memory begin at one. */
static void *pages(size_t bytes)
{
    size_t rounded = (bytes + 4095) / 4096 * 4096;
    void *start = aligned_alloc(4096, rounded);

    CU_ASSERT_PTR_NOT_NULL_FATAL(start);
    memset(start, 0, rounded);
    return start;
}

static void begin(void)
{
    struct dpl_arena_start start = {.epoch_tag = 1};
    size_t bytes = (size_t)dpl_arena_bytes(&sizes, NULL);
    struct node *node;

    memory = pages(bytes);
    CU_ASSERT_EQUAL_FATAL(dpl_arena_format(memory, bytes, &sizes, &start, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_arena_attach(&worker.arena, memory, bytes, NULL), 0);
    worker.shared = pages(sizeof(struct shared) + (NODE + 1) * sizeof(struct node));
    node = &worker.shared->nodes[NODE];
    node->handle_type = 1;
    node->handle_bytes = 8;
    thread.out = out;
    op = (struct op){
        .thread = &thread, .worker = &worker, .slot = &worker.shared->slots[0], .journals = true};
    op.slot->lsn = SLOT_NO_RECORD;
    op.slot->unique = 7;
    op.slot->buffer = dpl_arena_buffer_take(&worker.arena);
}

static void end(void)
{
    dpl_arena_detach(&worker.arena);
    free(worker.shared);
    free(memory);
}

/* The record at an index of the arena must be unknown and name the object. */
static void check_unknown(uint64_t index)
{
    const struct dpl_arena_entry *e = dpl_arena_entry(&worker.arena, index);
    struct dpl_record record = {0};

    CU_ASSERT_EQUAL_FATAL(atomic_load(&e->state), DPL_ENTRY_UNKNOWN);
    CU_ASSERT_EQUAL_FATAL(dpl_record_decode(&record, e->type, DPL_OUTCOME_UNKNOWN,
                                            dpl_arena_ring(&worker.arena, e->ring_at),
                                            e->head_bytes + e->data_bytes, NULL),
                          0);
    CU_ASSERT_EQUAL(record.has, DPL_F_OBJECT);
    CU_ASSERT_EQUAL(record.object.size, recorder_oid(&op, NODE).size);
    CU_ASSERT_EQUAL(dpl_arena_state(&worker.arena), DPL_JOURNAL_RUNS);
}

/* Room for one more name than the largest is not there. */
static char too_long[400];

static void own(void)
{
    begin();
    memset(too_long, 'x', sizeof(too_long) - 1);
    recorder_begin(&op, true, DPL_R_SETXATTR);
    recorder_object(&op, NODE);
    recorder_attr_room(&op, DPL_F_ATTR);
    op.record.xattr = (struct dpl_view){(const uint8_t *)too_long, sizeof(too_long) - 1};
    op.record.has |= DPL_F_XATTR | DPL_F_VALUE;
    op.slot->record_type = op.record.type;
    recorder_reserve(&op);
    CU_ASSERT_TRUE_FATAL(op.recording);
    recorder_encode(&op, DPL_OUTCOME_OK);
    recorder_commit(&worker, op.slot);
    check_unknown(op.slot->lsn_index);
    end();
}

static void extra(void)
{
    struct dpl_record record = {.type = DPL_R_SETATTR, .has = DPL_F_OBJECT | DPL_F_XATTRS};

    begin();
    record.object = recorder_oid(&op, NODE);
    recorder_extra(&op, &record);
    check_unknown(0);
    end();
}

static const struct unit_test tests[] = {
    {"a record of an op that happened and cannot be encoded is unknown, and names its object", own},
    {"so is a record beside the op's own", extra},
};
UNIT_MAIN(tests)
