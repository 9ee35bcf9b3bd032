/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/ocf/deadline.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

static char before[160], after[96];
static const struct dpl_ocf_steps *watched;

static struct iovec piece(const char *text)
{
    return (struct iovec){.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
}

/* Only calls that are safe in a signal handler. */
static void give_up(int signal_number)
{
    (void)signal_number;
    struct iovec line[] = {piece(before), piece(dpl_ocf_steps_current(watched)), piece(after)};
    ssize_t ignored = writev(STDERR_FILENO, line, 3);
    (void)ignored;
    _exit(1);
}

int64_t dpl_ocf_deadline_margin_ms(int64_t timeout_ms)
{
    int64_t margin = timeout_ms / 20;
    if (margin < 50)
        margin = 50;
    if (margin > 1000)
        margin = 1000;
    return margin > timeout_ms / 2 ? timeout_ms / 2 : margin;
}

void dpl_ocf_deadline_arm(const char *action, int64_t timeout_ms, const struct dpl_ocf_steps *steps)
{
    int64_t left_ms = timeout_ms - dpl_ocf_deadline_margin_ms(timeout_ms);
    if (left_ms <= 0)
        return;
    watched = steps;
    snprintf(before, sizeof before, "ocf-exit-reason:%s gave up after %" PRId64 " ms, while ",
             action, left_ms);
    snprintf(after, sizeof after, " (its timeout is %" PRId64 " ms)\n", timeout_ms);
    struct sigaction act = {.sa_handler = give_up};
    sigaction(SIGALRM, &act, NULL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    struct itimerval timer = {
        .it_value = {.tv_sec = left_ms / 1000, .tv_usec = (left_ms % 1000) * 1000}};
    setitimer(ITIMER_REAL, &timer, NULL);
}
