/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/helper.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>

static void tell(const struct dpl_helper *h)
{
    (void)eventfd_write(h->fd, 1);
}

static void *work(void *arg)
{
    struct dpl_helper *h = arg;
    dpl_checkpoint_run(h->work);
    tell(h);
    return NULL;
}

static void call_start(void *self, struct dpl_checkpoint *piece)
{
    struct dpl_helper *h = self;
    sigset_t all, before;
    h->work = piece;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    h->running = pthread_create(&h->thread, NULL, work, h) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!h->running)
        (void)work(h);
}

static void call_wait(void *self)
{
    struct dpl_helper *h = self;
    if (h->running)
        pthread_join(h->thread, NULL);
    h->running = false;
    (void)dpl_helper_heard(h); /* else the next piece would be waited for as if it had been done */
}

int dpl_helper_init(struct dpl_helper *h, struct dpl_err *err)
{
    *h = (struct dpl_helper){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                             .calls = {call_start, call_wait, h}};
    return h->fd < 0 ? dpl_err_sys(err, errno, "make an eventfd") : 0;
}

void dpl_helper_done(struct dpl_helper *h)
{
    call_wait(h);
    dpl_fd_clear(&h->fd);
}

bool dpl_helper_heard(struct dpl_helper *h)
{
    eventfd_t count;
    return eventfd_read(h->fd, &count) == 0;
}
