/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Waiting for the target, see remote.h.
 */
#include "daemon/capture/remote.h"

#include "lib/base/clock.h"
#include "lib/capstat/remote.h"

#include <errno.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#define LOOK_NS INT64_C(1000000000)
#define SAY_NS  INT64_C(10000000000)

static const char another_journal[] = "another journal has begun";

static struct {
    _Atomic uint32_t waiting; /* rows in use */
    _Atomic int64_t said_ns;
    _Atomic uint32_t lied;
} at;

static int64_t now_ns(void)
{
    return dpl_clock_now_ns(&dpl_clock_system);
}

/* What the link says, and nothing that cannot be. Returns of which journal that is: an odd number
 * is that of none. */
static uint32_t look(struct worker *worker, struct dpl_remote_view *view)
{
    uint32_t journal = atomic_load(&worker->shared->journal);

    dpl_remote_look(worker->memory.remote, dpl_epoch_tag(&worker->shared->epoch), view);
    if (view->durable_lsn <= dpl_arena_next_lsn(&worker->arena))
        return atomic_load(&worker->shared->journal) == journal ? journal : journal | 1U;
    view->durable_lsn = 0;
    if (atomic_load(&worker->shared->journal) != journal)
        return journal | 1U;
    if (atomic_exchange(&at.lied, 1) == 0)
        fprintf(stderr,
                "doppel-capture: set '%s': the link names a position that was never journalled: "
                "not believed\n",
                worker->options->set);
    return journal;
}

static void say(const struct worker *worker, const struct dpl_remote_view *view, const char *why)
{
    int64_t at_ns = now_ns(), said_ns = atomic_load(&at.said_ns);

    atomic_fetch_add(&worker->shared->count.remote_fallbacks, 1);
    if ((said_ns != 0 && at_ns - said_ns < SAY_NS) ||
        !atomic_compare_exchange_strong(&at.said_ns, &said_ns, at_ns))
        return;
    fprintf(stderr, "doppel-capture: set '%s': syncs are %s without the target: %s\n",
            worker->options->set, view->policy == DPL_REMOTE_REFUSE ? "refused" : "answered", why);
}

/* The policy's answer. */
static int fall_back(const struct worker *worker, const struct dpl_remote_view *view,
                     const char *why)
{
    say(worker, view, why);
    return view->policy == DPL_REMOTE_REFUSE ? -view->error : 0;
}

/* Why nobody should wait; NULL: the target is expected to answer. */
static const char *not_in_force(const struct worker *worker, const struct dpl_remote_view *view,
                                int64_t at_ns)
{
    if (view->mode != DPL_REMOTE_ON)
        return "the set is not protected";
    if (at_ns >= view->stale_ns)
        return "the link gives no sign";
    if (atomic_load(&worker->shared->mode) != MODE_JOURNAL)
        return "there is no journal";
    return NULL;
}

struct remote_arrival remote_arrive(const struct op *op)
{
    uint32_t journal = atomic_load(&op->worker->shared->journal);
    struct remote_arrival arrival = {.head = dpl_arena_next_lsn(&op->worker->arena),
                                     .at_ns = now_ns()};

    arrival.journal = atomic_load(&op->worker->shared->journal) == journal ? journal : journal | 1U;
    return arrival;
}

/* Whether what was said is about this journal, and that one is. */
static bool same_journal(uint32_t a, uint32_t b)
{
    return a == b && (a & 1U) == 0;
}

static struct shared_wait *take_row(struct shared *shared)
{
    for (uint32_t i = 0; i < SHARED_WAITS; i++) {
        uint32_t state = WAIT_FREE;

        if (atomic_load_explicit(&shared->waits[i].state, memory_order_relaxed) == WAIT_FREE &&
            atomic_compare_exchange_strong(&shared->waits[i].state, &state, WAIT_TAKEN))
            return &shared->waits[i];
    }
    return NULL;
}

static bool make_row(struct op *op, const struct remote_arrival *arrival, int64_t deadline_ns)
{
    struct shared_wait *row = take_row(op->worker->shared);

    if (row == NULL)
        return false;
    row->root = op->root_index;
    row->unique = op->slot->unique;
    row->journal = arrival->journal;
    row->lsn = arrival->head;
    row->deadline_ns = deadline_ns;
    row->node = op->node;
    row->generation = op_node(op, op->node)->generation;
    atomic_fetch_add(&at.waiting, 1);
    atomic_store(&row->state, WAIT_WAITING);
    dpl_remote_ring(op->worker->memory.remote);
    return true;
}

int remote_settle(struct op *op, const struct remote_arrival *arrival)
{
    struct worker *worker = op->worker;
    struct dpl_remote_view view;
    uint32_t journal = look(worker, &view);
    const char *why;

    if (view.mode == DPL_REMOTE_OFF)
        return 0;
    if (!same_journal(journal, arrival->journal))
        return fall_back(worker, &view, another_journal);
    if (view.mode == DPL_REMOTE_ON && view.durable_lsn >= arrival->head) {
        atomic_fetch_add(&worker->shared->count.remote_answered, 1);
        return 0;
    }
    why = not_in_force(worker, &view, now_ns());
    if (why == NULL && make_row(op, arrival, arrival->at_ns + view.timeout_ns))
        return REMOTE_WAITS;
    return fall_back(worker, &view, why != NULL ? why : "too many wait already");
}

bool remote_waits(const struct op *op)
{
    const struct shared_wait *waits = op->worker->shared->waits;

    for (uint32_t i = 0; i < SHARED_WAITS; i++)
        if (atomic_load(&waits[i].state) == WAIT_WAITING && waits[i].root == op->root_index &&
            waits[i].unique == op->slot->unique)
            return true;
    return false;
}

/* --- the thread ------------------------------------------------------------------------------- */

static void answer(struct worker *worker, struct shared_wait *row, int error)
{
    struct fuse_out_header head = {.len = sizeof(head), .error = error, .unique = row->unique};

    ssize_t sent = write(worker->shared->roots[row->root].device_fd, &head, sizeof(head));

    (void)sent; /* refused: answered by a worker that died then, or the mount has ended */
    atomic_fetch_sub(&at.waiting, 1);
    atomic_store(&row->state, WAIT_FREE);
}

/* An error that the lower file system has told of this object since. */
static int sync_error(const struct shared *shared, const struct shared_wait *row)
{
    const struct node *node = &shared->nodes[row->node < SHARED_NODES ? row->node : 0];

    return node->used && node->generation == row->generation ? node->sync_error : 0;
}

/* Answers the row if its time has come. Returns when to look again. */
static int64_t look_at(struct worker *worker, struct shared_wait *row, uint32_t journal,
                       const struct dpl_remote_view *view, int64_t at_ns)
{
    const char *why = not_in_force(worker, view, at_ns);
    int error = sync_error(worker->shared, row);

    if (error != 0) {
        answer(worker, row, -error);
    } else if (!same_journal(journal, row->journal)) {
        /* One that came with a journal that was begun since this look is looked at again at once.
         */
        if (row->journal == atomic_load(&worker->shared->journal))
            return at_ns;
        answer(worker, row, fall_back(worker, view, another_journal));
    } else if (view->mode == DPL_REMOTE_ON && view->durable_lsn >= row->lsn) {
        atomic_fetch_add(&worker->shared->count.remote_answered, 1);
        answer(worker, row, 0);
    } else if (why != NULL) {
        answer(worker, row, fall_back(worker, view, why));
    } else if (at_ns >= row->deadline_ns) {
        answer(worker, row, fall_back(worker, view, "the target does not keep up"));
    } else {
        return row->deadline_ns < view->stale_ns ? row->deadline_ns : view->stale_ns;
    }
    return INT64_MAX;
}

static int64_t look_at_all(struct worker *worker, int64_t at_ns)
{
    uint32_t left = atomic_load(&at.waiting);
    int64_t next_ns = INT64_MAX;
    struct dpl_remote_view view;
    uint32_t journal = look(worker, &view);

    for (uint32_t i = 0; i < SHARED_WAITS && left > 0; i++) {
        struct shared_wait *row = &worker->shared->waits[i];
        int64_t row_ns;

        if (atomic_load(&row->state) != WAIT_WAITING)
            continue;
        left--;
        row_ns = look_at(worker, row, journal, &view, at_ns);
        next_ns = row_ns < next_ns ? row_ns : next_ns;
    }
    return next_ns;
}

static void *remote_main(void *arg)
{
    struct worker *worker = arg;
    struct dpl_remote_page *page = worker->memory.remote;

    for (;;) {
        uint32_t seen = atomic_load(&page->bell);
        int64_t at_ns = now_ns();
        int64_t next_ns = look_at_all(worker, at_ns);

        atomic_store(&worker->memory.page->now.remote_waiting, atomic_load(&at.waiting));
        dpl_remote_wait(page, seen, next_ns - at_ns < LOOK_NS ? next_ns - at_ns : LOOK_NS);
    }
    return NULL;
}

int remote_start(struct worker *worker, struct dpl_err *err)
{
    pthread_t id;
    int code;

    for (uint32_t i = 0; i < SHARED_WAITS; i++) {
        struct shared_wait *row = &worker->shared->waits[i];

        if (atomic_load(&row->state) == WAIT_TAKEN) /* its request is still in a slot */
            atomic_store(&row->state, WAIT_FREE);
        else if (atomic_load(&row->state) == WAIT_WAITING)
            atomic_fetch_add(&at.waiting, 1);
    }
    code = pthread_create(&id, NULL, remote_main, worker);
    if (code != 0)
        return dpl_err_sys(err, code, "no thread for syncs that wait");
    pthread_detach(id);
    return 0;
}
