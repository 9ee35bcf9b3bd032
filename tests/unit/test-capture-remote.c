/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture/remote.h"
#include "daemon/capture/worker.h"
#include "lib/base/clock.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODE   (SHARED_ROOTS + 1)
#define UNIQUE 4711U
#define WAIT_S 120

static const struct dpl_arena_sizes sizes = {64, 16384, 4, 4096};
static const struct options options = {.set = "test"};
static struct worker worker = {.options = &options};
static int answers = -1;

/* Zeroed whole pages: the layouts of shared memory begin at one. */
static void *pages(size_t bytes)
{
    size_t rounded = (bytes + 4095) / 4096 * 4096;
    void *start = aligned_alloc(4096, rounded);

    CU_ASSERT_PTR_NOT_NULL_FATAL(start);
    memset(start, 0, rounded);
    return start;
}

/* A worker with its thread that answers, and a target that has nothing and gives signs of life. */
static void begin(void)
{
    const struct dpl_remote_config on = {.mode = DPL_REMOTE_ON,
                                         .policy = DPL_REMOTE_LOCAL,
                                         .timeout_ms = WAIT_S * 1000,
                                         .error = EPROTO};
    struct dpl_arena_start start = {.epoch_tag = 1};
    size_t bytes = (size_t)dpl_arena_bytes(&sizes, NULL);
    void *memory = pages(bytes);
    int dir = open(unit_tempdir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int ends[2];

    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    answers = ends[0];
    CU_ASSERT_EQUAL_FATAL(dpl_arena_format(memory, bytes, &sizes, &start, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_arena_attach(&worker.arena, memory, bytes, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_remote_create(dir, &worker.memory.remote, NULL), 0);
    close(dir);
    worker.memory.page = pages(sizeof(*worker.memory.page));
    worker.shared = pages(sizeof(struct shared) + (NODE + 1) * sizeof(struct node));
    worker.shared->root_count = 1;
    worker.shared->roots[0].device_fd = ends[1];
    worker.shared->nodes[NODE] = (struct node){.used = 1, .generation = 5};
    dpl_remote_configure(worker.memory.remote, &on);
    dpl_remote_beat(worker.memory.remote, dpl_clock_now_ns(&dpl_clock_system));
}

/* A sync of the node waits, as a worker that died has left it. */
static void wait_in(struct shared_wait *row, uint64_t unique, uint32_t generation)
{
    *row = (struct shared_wait){.unique = unique,
                                .lsn = 64,
                                .deadline_ns = dpl_clock_now_ns(&dpl_clock_system) +
                                               WAIT_S * INT64_C(1000000000),
                                .node = NODE,
                                .generation = generation};
    atomic_store(&row->state, WAIT_WAITING);
}

/* The lower disk has failed: that is the answer, whatever the target says or will say; who waits
 * for another object, which had this place before, waits on. */
static void sticky_error(void)
{
    struct fuse_out_header head = {0};
    struct pollfd p;

    begin();
    p = (struct pollfd){.fd = answers, .events = POLLIN};
    wait_in(&worker.shared->waits[0], UNIQUE, 5);
    wait_in(&worker.shared->waits[1], UNIQUE + 1, 4);
    wait_in(&worker.shared->waits[2], UNIQUE + 2, 4);
    worker.shared->waits[2].journal = 6; /* of one that has ended: the policy answers */
    worker.shared->nodes[NODE].sync_error = EIO;
    CU_ASSERT_EQUAL_FATAL(remote_start(&worker, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(poll(&p, 1, WAIT_S * 1000), 1);
    CU_ASSERT_EQUAL(read(answers, &head, sizeof(head)), (ssize_t)sizeof(head));
    CU_ASSERT_TRUE(head.unique == UNIQUE && head.error == -EIO && head.len == sizeof(head));
    CU_ASSERT_EQUAL(read(answers, &head, sizeof(head)), (ssize_t)sizeof(head));
    CU_ASSERT_TRUE(head.unique == UNIQUE + 2 && head.error == 0);
    /* When the count is told, all rows have been looked at. */
    while (atomic_load(&worker.memory.page->now.remote_waiting) != 1)
        usleep(1000);
    CU_ASSERT_EQUAL(atomic_load(&worker.shared->waits[0].state), WAIT_FREE);
    CU_ASSERT_EQUAL(atomic_load(&worker.shared->waits[1].state), WAIT_WAITING);
    CU_ASSERT_EQUAL(poll(&p, 1, 0), 0);
}

/* A sync that came in a journal that has ended: its position is none in the next one, however far
 * the target is in that. */
static void settled_late(void)
{
    const struct dpl_remote_config refuse = {.mode = DPL_REMOTE_ON,
                                             .policy = DPL_REMOTE_REFUSE,
                                             .timeout_ms = WAIT_S * 1000,
                                             .error = EPROTO};
    struct op op = {.worker = &worker};
    struct remote_arrival arrival = remote_arrive(&op);

    dpl_remote_configure(worker.memory.remote, &refuse);
    CU_ASSERT_EQUAL(remote_settle(&op, &arrival), 0); /* nothing is in front of it */
    worker.shared->journal += 2;
    CU_ASSERT_EQUAL(remote_settle(&op, &arrival), -EPROTO);
    arrival = remote_arrive(&op);
    CU_ASSERT_EQUAL(remote_settle(&op, &arrival), 0);
    worker.shared->journal++; /* while it is changed nobody can tell */
    arrival = remote_arrive(&op);
    CU_ASSERT_EQUAL(remote_settle(&op, &arrival), -EPROTO);
}

static const struct unit_test tests[] = {
    {"a sync that waits for the target answers with its own disk's error", sticky_error},
    {"a sync that came in a journal that has ended gets the policy's answer", settled_late},
};
UNIT_MAIN(tests)
