/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/loop.h"

#include <errno.h>
#include <glib.h>
#include <stddef.h>

static int32_t fd_event(int32_t fd, int32_t revents, void *data)
{
    struct dpl_watch *watch = data;
    (void)fd;
    watch->fn(watch->self, revents);
    return 0;
}

int dpl_watch_add(struct dpl_watch *watch, qb_loop_t *loop, int fd, int events, dpl_fd_fn *fn,
                  void *self, struct dpl_err *err)
{
    g_assert(!watch->loop);
    *watch = (struct dpl_watch){loop, fd, events, fn, self};
    int rc = qb_loop_poll_add(loop, QB_LOOP_MED, fd, events, watch, fd_event);
    if (rc < 0) {
        watch->loop = NULL;
        return dpl_err_sys(err, -rc, "watch a descriptor");
    }
    return DPL_OK;
}

void dpl_watch_events(struct dpl_watch *watch, int events)
{
    if (!watch->loop || watch->events == events)
        return;
    watch->events = events;
    qb_loop_poll_mod(watch->loop, QB_LOOP_MED, watch->fd, events, watch, fd_event);
}

void dpl_watch_remove(struct dpl_watch *watch)
{
    if (watch->loop)
        qb_loop_poll_del(watch->loop, watch->fd);
    watch->loop = NULL;
}

static void timer_event(void *data)
{
    struct dpl_timer *timer = data;
    timer->loop = NULL;
    timer->fn(timer->self);
}

void dpl_timer_set(struct dpl_timer *timer, qb_loop_t *loop, int64_t after_ms, dpl_timer_fn *fn,
                   void *self)
{
    dpl_timer_clear(timer);
    *timer = (struct dpl_timer){.loop = loop, .fn = fn, .self = self};
    uint64_t after_ns = after_ms > 0 ? (uint64_t)after_ms * 1000000 : 0;
    int rc = qb_loop_timer_add(loop, QB_LOOP_MED, after_ns, timer, timer_event, &timer->handle);
    g_assert(rc == 0); /* GLib ends the process too when no memory is left */
}

void dpl_timer_clear(struct dpl_timer *timer)
{
    if (timer->loop)
        qb_loop_timer_del(timer->loop, timer->handle);
    timer->loop = NULL;
}

bool dpl_timer_armed(const struct dpl_timer *timer)
{
    return timer->loop != NULL;
}
