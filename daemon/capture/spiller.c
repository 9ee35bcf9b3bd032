/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Writing the journal, see spiller.h.
 */
#include "daemon/capture/spiller.h"

#include "daemon/capture/recorder.h"
#include "lib/base/clock.h"
#include "lib/journal/segment.h"
#include "lib/journal/spill.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define IDLE_MS      1000
#define TICK_NS      1000000
#define QUIET_TICKS  8
#define RETIRE_TICKS 1000

static struct {
    struct dpl_spill spill;
    struct dpl_segments segments;
    pthread_t thread;
    bool running;
    _Atomic bool stopping, retiring, gone;
} at;

static void ended(void *self, enum dpl_journal_end reason, bool durable)
{
    struct worker *worker = self;

    atomic_store(&worker->shared->mode, MODE_PASS);
    if (reason != DPL_JOURNAL_CLOSED)
        fprintf(stderr, "doppel-capture: the journal has ended (%s): a mirror is needed%s\n",
                dpl_journal_end_text(reason),
                durable ? "" : "; this could not be written to its header");
}

/* By the tick while there is something to write, so that who commits a record wakes nobody; what
 * comes within a tick goes out together. After some ticks with nothing, the next record wakes it.
 */
static void wait_for_more(int *quiet)
{
    const struct timespec tick = {.tv_nsec = TICK_NS};

    if (*quiet >= QUIET_TICKS && !atomic_load(&at.stopping) && !atomic_load(&at.retiring)) {
        dpl_spill_wait(&at.spill, IDLE_MS);
        *quiet = 0;
    }
    nanosleep(&tick, NULL);
}

static void *spiller_main(void *arg)
{
    struct dpl_err err = {0};
    int quiet = 0;

    (void)arg;
    for (;;) {
        uint64_t now_ns = (uint64_t)dpl_clock_now_ns(&dpl_clock_system);
        ssize_t count = dpl_spill_run(&at.spill, now_ns, &err);

        if (count < 0)
            fprintf(stderr, "doppel-capture: %s\n", err.text);
        if (count < 0 || at.spill.more)
            continue;
        if (count == 0 && atomic_load(&at.stopping) && dpl_spill_idle(&at.spill))
            break;
        if (atomic_load(&at.retiring) && (at.spill.told || at.spill.failed))
            break;
        quiet = count == 0 ? quiet + 1 : 0;
        wait_for_more(&quiet);
    }
    atomic_store(&at.gone, true);
    return NULL;
}

struct dpl_segment_limits spiller_limits(const struct options *options)
{
    return (struct dpl_segment_limits){.segment_bytes = options->segment_bytes,
                                       .max_bytes = options->journal_max_bytes,
                                       .min_free_bytes = options->journal_min_free_bytes};
}

int spiller_start(struct worker *worker, struct dpl_err *err)
{
    const struct options *options = worker->options;
    struct dpl_segment_limits limits = spiller_limits(options);
    struct dpl_spill_events events = {.ended = ended, .self = worker};
    int code =
        dpl_segments_open(&at.segments, worker->shared->journal_fd, &worker->shared->epoch, &limits,
                          &dpl_segment_io_system, dpl_arena_spilled(&worker->arena), err);

    if (code != 0) {
        dpl_err_context(err, "the journal of set '%s' cannot be written", options->set);
        fprintf(stderr, "doppel-capture: %s\n", err->text);
        dpl_arena_end(&worker->arena, DPL_JOURNAL_IO_ERROR);
        atomic_store(&worker->shared->mode, MODE_PASS);
        dpl_segments_close(&at.segments);
        return 0;
    }
    dpl_spill_open(&at.spill, &worker->arena, &at.segments, &events);
    atomic_store(&at.retiring, false);
    atomic_store(&at.gone, false);
    code = pthread_create(&at.thread, NULL, spiller_main, worker);
    at.running = code == 0;
    return code != 0 ? dpl_err_sys(err, code, "no thread for the journal") : 0;
}

bool spiller_retire(void)
{
    const struct timespec moment = {.tv_nsec = TICK_NS};

    if (!at.running)
        return true;
    atomic_store(&at.retiring, true);
    dpl_spill_wake(at.spill.arena);
    for (int i = 0; i < RETIRE_TICKS && !atomic_load(&at.gone); i++)
        nanosleep(&moment, NULL);
    if (!atomic_load(&at.gone))
        return false; /* its disk hangs */
    pthread_join(at.thread, NULL);
    at.running = false;
    dpl_segments_close(&at.segments);
    return true;
}

void spiller_stop(struct worker *worker)
{
    if (!at.running)
        return;
    dpl_arena_end(&worker->arena, DPL_JOURNAL_CLOSED);
    atomic_store(&at.stopping, true);
    dpl_spill_wake(&worker->arena);
    pthread_join(at.thread, NULL);
    dpl_segments_close(&at.segments);
}
