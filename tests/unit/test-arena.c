/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/journal/arena-layout.h"
#include "tests/prop/rig.h"
#include "tests/unit/unit.h"

#include <string.h>

static const struct dpl_arena_sizes small = {16, 8192, 4, 4096};
static struct rig rig;
static uint8_t data[4096];

static void begin(const struct dpl_arena_sizes *sizes)
{
    CU_ASSERT_EQUAL_FATAL(rig_init(&rig, "arena", sizes, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(rig_attach(&rig), 0);
}

static struct dpl_record record_of(uint64_t mark, size_t size)
{
    static struct dpl_oid oid;
    struct dpl_record record;
    rig_write(&record, &oid, mark, data, size);
    return record;
}

static void positions(void)
{
    begin(&small);
    struct dpl_record record = record_of(1, 100);
    struct dpl_arena_res a, b;
    CU_ASSERT_EQUAL(rig_reserve(&rig, &record, -1, 7, &a), 0);
    CU_ASSERT_EQUAL(a.lsn, 0);
    CU_ASSERT_EQUAL(dpl_arena_lowest_open(&rig.arena), 0);
    CU_ASSERT_EQUAL(rig_reserve(&rig, &record, -1, 8, &b), 0);
    uint64_t size = dpl_record_align(DPL_RECORD_HEADER + dpl_record_body_bytes(&record));
    CU_ASSERT_EQUAL(b.lsn, size);
    CU_ASSERT_EQUAL(dpl_arena_next_lsn(&rig.arena), 2 * size);
    CU_ASSERT_EQUAL(rig_commit(&rig, &record, &a), 0);
    CU_ASSERT_EQUAL(dpl_arena_lowest_open(&rig.arena), b.lsn);
    struct dpl_arena_open open;
    CU_ASSERT_EQUAL_FATAL(dpl_arena_open_list(&rig.arena, &open, 1), 1);
    CU_ASSERT_TRUE(open.res.lsn == b.lsn && open.tag == 8 && open.slot == 8 &&
                   open.type == DPL_R_WRITE && !open.spilled);
    rig_done(&rig);
}

static void full(void)
{
    begin(&small);
    struct dpl_record record = record_of(1, 3000);
    struct dpl_arena_res res, more;
    CU_ASSERT_EQUAL(rig_reserve(&rig, &record, -1, 1, &res), 0);
    CU_ASSERT_EQUAL(rig_put(&rig, &record, NULL), 0);
    CU_ASSERT_EQUAL(rig_put(&rig, &record, NULL), DPL_E_NO_SPACE);
    CU_ASSERT_EQUAL(dpl_arena_state(&rig.arena), DPL_JOURNAL_MEMORY_FULL);
    uint64_t end = dpl_arena_next_lsn(&rig.arena);
    record = record_of(2, 1);
    CU_ASSERT_EQUAL(rig_reserve(&rig, &record, -1, 2, &more), DPL_E_NO_SPACE);
    CU_ASSERT_EQUAL(dpl_arena_next_lsn(&rig.arena), end);
    record = record_of(1, 3000);
    CU_ASSERT_EQUAL(rig_commit(&rig, &record, &res), 0);
    CU_ASSERT_EQUAL(rig_drain(&rig), 0);
    CU_ASSERT_EQUAL(rig.ended, 1);
    CU_ASSERT_EQUAL(rig.ended_durable, 1);
    CU_ASSERT_EQUAL(rig.segments.head.flags, DPL_SEGMENT_MIRROR_NEEDED);
    CU_ASSERT_EQUAL(rig.segments.head.end_lsn, end);
    CU_ASSERT_EQUAL(dpl_arena_spilled(&rig.arena), end);
    CU_ASSERT_TRUE(dpl_spill_idle(&rig.spill));
    rig_done(&rig);
}

static void too_large(void)
{
    static const struct dpl_arena_sizes large = {16, 8 << 20, 0, 0};
    begin(&large);
    struct dpl_arena_request q = {
        .type = DPL_R_WRITE, .data_bytes = DPL_RECORD_DATA_MAX + 1, .buffer = -1};
    struct dpl_arena_res res;
    CU_ASSERT_EQUAL(dpl_arena_reserve(&rig.arena, &q, &res), DPL_E_TOO_LARGE);
    CU_ASSERT_EQUAL(dpl_arena_state(&rig.arena), DPL_JOURNAL_TOO_LARGE);
    rig_done(&rig);

    begin(&large);
    struct dpl_record record = record_of(1, 10);
    CU_ASSERT_EQUAL(rig_reserve(&rig, &record, -1, 1, &res), 0);
    record = record_of(1, 11);
    CU_ASSERT_EQUAL(rig_commit(&rig, &record, &res), DPL_E_TOO_LARGE);
    CU_ASSERT_EQUAL(dpl_arena_state(&rig.arena), DPL_JOURNAL_TOO_LARGE);
    CU_ASSERT_EQUAL(dpl_arena_entry(&rig.arena, res.index)->state, DPL_ENTRY_UNKNOWN);
    rig_done(&rig);
}

static void twice(void)
{
    begin(&small);
    struct dpl_record record = record_of(1, 100);
    struct dpl_arena_res res;
    CU_ASSERT_EQUAL(rig_put(&rig, &record, &res), 0);
    CU_ASSERT_EQUAL(dpl_arena_commit(&rig.arena, &res, DPL_OUTCOME_VOID, NULL, 0, NULL, 0), 0);
    CU_ASSERT_EQUAL(dpl_arena_entry(&rig.arena, res.index)->state, DPL_ENTRY_OK);
    CU_ASSERT_EQUAL(rig_drain(&rig), 0);
    uint64_t end = dpl_arena_next_lsn(&rig.arena);
    CU_ASSERT_EQUAL(rig_commit(&rig, &record, &res), 0);
    CU_ASSERT_EQUAL(dpl_arena_next_lsn(&rig.arena), end);
    rig_done(&rig);
}

/* An op that is stuck is written around; its outcome comes later, and reads as if in its place. */
static void stuck(void)
{
    begin(&small);
    struct dpl_record record = record_of(1, 100), read;
    struct dpl_arena_res stuck_one;
    struct dpl_journal *journal;
    struct dpl_err err;
    CU_ASSERT_EQUAL(rig_reserve(&rig, &record, -1, 9, &stuck_one), 0);
    for (uint64_t mark = 2; mark < 5; mark++) {
        record = record_of(mark, 10);
        CU_ASSERT_EQUAL(rig_put(&rig, &record, NULL), 0);
    }
    CU_ASSERT_EQUAL(dpl_spill_run(&rig.spill, 1, NULL), 0);
    CU_ASSERT_EQUAL(dpl_spill_run(&rig.spill, DPL_SPILL_STUCK_NS, NULL), 0);
    CU_ASSERT_EQUAL(dpl_spill_run(&rig.spill, DPL_SPILL_STUCK_NS + 1, NULL), 4);
    CU_ASSERT_EQUAL(dpl_arena_lowest_open(&rig.arena), stuck_one.lsn);
    CU_ASSERT_EQUAL_FATAL(dpl_journal_open(&journal, rig.dir_fd, 0, 0, &err), 0);
    CU_ASSERT_EQUAL(dpl_journal_next(journal, &read, &err), DPL_NEXT_OPEN);
    CU_ASSERT_EQUAL(dpl_journal_lsn(journal), 0);

    rig_detach(&rig);
    CU_ASSERT_EQUAL_FATAL(rig_attach(&rig), 0);
    struct dpl_arena_open open;
    CU_ASSERT_EQUAL_FATAL(dpl_arena_open_list(&rig.arena, &open, 1), 1);
    CU_ASSERT_TRUE(open.res.lsn == 0 && open.tag == 9 && open.spilled);
    record = record_of(1, 100);
    CU_ASSERT_EQUAL(rig_commit(&rig, &record, &stuck_one), 0);
    CU_ASSERT_EQUAL(dpl_arena_open_list(&rig.arena, &open, 1), 0);
    CU_ASSERT_EQUAL(dpl_journal_next(journal, &read, &err), DPL_NEXT_OPEN);
    CU_ASSERT_EQUAL(rig_drain(&rig), 0);
    for (uint64_t mark = 1; mark < 5; mark++) {
        CU_ASSERT_EQUAL(dpl_journal_next(journal, &read, &err), DPL_NEXT_RECORD);
        CU_ASSERT_EQUAL(rig_mark(&read), mark);
    }
    CU_ASSERT_EQUAL(dpl_journal_next(journal, &read, &err), DPL_NEXT_END);
    dpl_journal_close(journal);
    rig_done(&rig);
}

static void pool(void)
{
    begin(&small);
    int mine = dpl_arena_buffer_take(&rig.arena), other;
    struct dpl_record record = record_of(1, 4000), read;
    struct dpl_arena_res res[4];
    CU_ASSERT_TRUE_FATAL(mine >= 0);
    CU_ASSERT_EQUAL(dpl_arena_buffer_swap(&rig.arena, mine), mine);
    /* By reference while a spare one is left: three of four, the last is copied. */
    for (int i = 0; i < 4; i++) {
        record = record_of((uint64_t)i, 4000);
        memcpy(dpl_arena_buffer(&rig.arena, mine, NULL), data, 4000);
        CU_ASSERT_EQUAL_FATAL(rig_reserve(&rig, &record, mine, 0, &res[i]), 0);
        CU_ASSERT_EQUAL(rig_commit(&rig, &record, &res[i]), 0);
        const struct dpl_arena_entry *e = dpl_arena_entry(&rig.arena, res[i].index);
        CU_ASSERT_EQUAL(e->buffer, i < 3 ? mine : -1);
        other = dpl_arena_buffer_swap(&rig.arena, mine);
        CU_ASSERT_TRUE_FATAL(other >= 0);
        CU_ASSERT_EQUAL(other == mine, i == 3);
        mine = other;
    }
    CU_ASSERT_EQUAL(dpl_arena_buffer_take(&rig.arena), -1);
    /* A successor claims what the slot says, and finds the same. */
    rig_detach(&rig);
    CU_ASSERT_EQUAL_FATAL(rig_attach(&rig), 0);
    dpl_arena_buffer_claim(&rig.arena, mine);
    CU_ASSERT_EQUAL(dpl_arena_buffer_take(&rig.arena), -1);
    CU_ASSERT_EQUAL(rig_drain(&rig), 0);
    struct dpl_arena_usage usage;
    dpl_arena_usage(&rig.arena, &usage);
    CU_ASSERT_TRUE(usage.buffers == 1 && usage.records == 0);
    struct dpl_journal *journal;
    CU_ASSERT_EQUAL_FATAL(dpl_journal_open(&journal, rig.dir_fd, 3, 0, NULL), 0);
    for (uint64_t i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(dpl_journal_next(journal, &read, NULL), DPL_NEXT_RECORD);
        CU_ASSERT_EQUAL(rig_mark(&read), i);
    }
    dpl_journal_close(journal);
    rig_done(&rig);
}

static void closed(void)
{
    begin(&small);
    struct dpl_record record = record_of(1, 10), read;
    struct dpl_journal *journal;
    CU_ASSERT_EQUAL(rig_put(&rig, &record, NULL), 0);
    dpl_arena_end(&rig.arena, DPL_JOURNAL_CLOSED);
    dpl_arena_end(&rig.arena, DPL_JOURNAL_OPERATOR);
    CU_ASSERT_EQUAL(rig_drain(&rig), 0);
    CU_ASSERT_EQUAL(rig.reason, DPL_JOURNAL_CLOSED);
    CU_ASSERT_EQUAL_FATAL(dpl_journal_open(&journal, rig.dir_fd, 3, 0, NULL), 0);
    CU_ASSERT_EQUAL(dpl_journal_next(journal, &read, NULL), DPL_NEXT_RECORD);
    CU_ASSERT_EQUAL(dpl_journal_next(journal, &read, NULL), DPL_NEXT_ENDED);
    dpl_journal_close(journal);
    rig_done(&rig);
}

static void damaged(void)
{
    begin(&small);
    struct dpl_record record = record_of(1, 10);
    struct dpl_arena_res res;
    CU_ASSERT_EQUAL(rig_put(&rig, &record, &res), 0);
    dpl_arena_entry(&rig.arena, res.index)->lsn += 8;
    rig_detach(&rig);
    CU_ASSERT_EQUAL(rig_attach(&rig), DPL_E_CORRUPT);
    rig_done(&rig);
}

/* What is not believed is given up: nothing of it is there, and nothing is taken any more. */
static void given_up(void)
{
    begin(&small);
    struct dpl_record record = record_of(1, 100);
    struct dpl_arena_res open;
    CU_ASSERT_EQUAL(rig_put(&rig, &record, NULL), 0);
    CU_ASSERT_EQUAL(rig_reserve(&rig, &record, -1, 7, &open), 0);
    struct dpl_arena_shared *shared = rig.memory;
    memset(dpl_arena_buffer(&rig.arena, 2, NULL), 0x5a, 4096);
    atomic_fetch_add(&shared->head, shared->entries + 1);
    rig_detach(&rig);
    CU_ASSERT_EQUAL(rig_attach(&rig), DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(dpl_arena_give_up(shared, shared->bytes, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(rig_attach(&rig), 0);
    CU_ASSERT_EQUAL(dpl_arena_state(&rig.arena), DPL_JOURNAL_DAMAGED);
    CU_ASSERT_EQUAL(dpl_arena_open_list(&rig.arena, NULL, 0), 0);
    CU_ASSERT_EQUAL(rig_commit(&rig, &record, &open), 0);
    CU_ASSERT_EQUAL(rig_put(&rig, &record, NULL), DPL_E_NO_SPACE);
    CU_ASSERT_EQUAL(((uint8_t *)dpl_arena_buffer(&rig.arena, 2, NULL))[4095], 0x5a);
    shared->magic = 0;
    CU_ASSERT_EQUAL(dpl_arena_give_up(shared, shared->bytes, NULL), DPL_E_CORRUPT);
    rig_done(&rig);
}

static void renewed(void)
{
    const struct dpl_arena_start next = {.epoch_tag = 4711, .lsn = 0, .chain = 5};
    begin(&small);
    struct dpl_record record = record_of(1, 100);
    struct dpl_arena_res old, now;
    int mine = dpl_arena_buffer_take(&rig.arena);
    struct dpl_record large = record_of(2, 3000);
    CU_ASSERT_EQUAL(rig_reserve(&rig, &record, -1, 7, &old), 0);
    CU_ASSERT_EQUAL(rig_reserve(&rig, &large, mine, 8, &now), 0);
    dpl_arena_end(&rig.arena, DPL_JOURNAL_BOUND);
    CU_ASSERT_EQUAL(rig_put(&rig, &record, NULL), DPL_E_NO_SPACE);
    dpl_arena_renew(&rig.arena, &next);
    CU_ASSERT_EQUAL(dpl_arena_state(&rig.arena), DPL_JOURNAL_RUNS);
    CU_ASSERT_EQUAL(dpl_arena_next_lsn(&rig.arena), 0);
    CU_ASSERT_EQUAL(dpl_arena_open_list(&rig.arena, NULL, 0), 0);
    /* The same position, of two epochs. */
    CU_ASSERT_EQUAL(rig_reserve(&rig, &record, -1, 9, &now), 0);
    CU_ASSERT_TRUE(now.lsn == old.lsn && now.index == old.index && now.epoch_tag == 4711);
    CU_ASSERT_EQUAL(rig_commit(&rig, &record, &old), 0);
    CU_ASSERT_EQUAL(dpl_arena_entry(&rig.arena, now.index)->state, DPL_ENTRY_RESERVED);
    CU_ASSERT_EQUAL(rig_commit(&rig, &record, &now), 0);
    CU_ASSERT_EQUAL(dpl_arena_entry(&rig.arena, now.index)->state, DPL_ENTRY_OK);
    /* The thread that claimed a buffer has it still, and nothing refers to it. */
    CU_ASSERT_EQUAL(dpl_arena_buffer_swap(&rig.arena, mine), mine);
    struct dpl_arena_usage usage;
    dpl_arena_usage(&rig.arena, &usage);
    CU_ASSERT_TRUE(usage.buffers == 1 && usage.records == 1 && usage.pending == 0);
    /* What died in the middle of it is made anew, whatever it left. */
    atomic_fetch_add(&rig.arena.shared->head, 3);
    struct dpl_arena_shared *shared = rig.memory;
    rig_detach(&rig);
    CU_ASSERT_EQUAL(dpl_arena_restart(shared, shared->bytes, &next, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(rig_attach(&rig), 0);
    CU_ASSERT_EQUAL(dpl_arena_next_lsn(&rig.arena), 0);
    CU_ASSERT_EQUAL(rig_put(&rig, &record, NULL), 0);
    rig_done(&rig);
}

static void sizes(void)
{
    static const struct dpl_arena_sizes bad[] = {
        {15, 8192, 0, 0}, {16, 5000, 0, 0}, {16, 8192, 257, 4096}, {16, 8192, 2, 100}, {0}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_EQUAL(dpl_arena_bytes(&bad[i], NULL), DPL_E_PARAM);
}

static const struct unit_test tests[] = {
    {"positions are byte offsets, in order of reservation", positions},
    {"a full arena ends the journal at once, and what is reserved still comes", full},
    {"a record above its bound or its reservation ends the journal", too_large},
    {"a second commit changes nothing, also when the first was spilled", twice},
    {"a stuck op is written around, and its outcome counts in its place", stuck},
    {"data by reference takes a buffer, and a spare one is always left", pool},
    {"a closed journal ends when all is written; the first reason stays", closed},
    {"shared memory that contradicts itself is refused", damaged},
    {"what is given up can be attached, and has ended", given_up},
    {"another epoch begins in the same memory, and positions of the last one are none", renewed},
    {"sizes that cannot be are refused", sizes},
};
UNIT_MAIN(tests)
