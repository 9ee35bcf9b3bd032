/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The daemon's one loop, on libqb: descriptors, timers. Nothing in it waits.
 *
 * A failure to add to it is a lack of memory or descriptors, and is answered; removing never fails.
 */
#ifndef DPL_PARENT_LOOP_H
#define DPL_PARENT_LOOP_H

#include "lib/base/err.h"

#include <qb/qbloop.h>
#include <stdbool.h>
#include <stdint.h>

/* Called with the events of poll(2). */
typedef void dpl_fd_fn(void *self, int revents);
typedef void dpl_timer_fn(void *self);

/* A descriptor that is watched. Lives where its owner put it, zeroed before the first use; the
 * descriptor stays the owner's. */
struct dpl_watch {
    qb_loop_t *loop;
    int fd;
    int events;
    dpl_fd_fn *fn;
    void *self;
};

int dpl_watch_add(struct dpl_watch *watch, qb_loop_t *loop, int fd, int events, dpl_fd_fn *fn,
                  void *self, struct dpl_err *err);
void dpl_watch_events(struct dpl_watch *watch, int events);
/* Harmless when it is not watched. Before the descriptor is closed. */
void dpl_watch_remove(struct dpl_watch *watch);

/* A timer that fires once. Likewise zeroed first. */
struct dpl_timer {
    qb_loop_t *loop;
    qb_loop_timer_handle handle;
    dpl_timer_fn *fn;
    void *self;
};

/* (Re)starts it. */
void dpl_timer_set(struct dpl_timer *timer, qb_loop_t *loop, int64_t after_ms, dpl_timer_fn *fn,
                   void *self);
void dpl_timer_clear(struct dpl_timer *timer);
bool dpl_timer_armed(const struct dpl_timer *timer);

#endif
