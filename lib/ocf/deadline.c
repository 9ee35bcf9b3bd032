/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/ocf/deadline.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

static char before[160], after[96];
static const struct dpl_ocf_steps *watched;

/* Appends what fits. */
static size_t append(char *line, size_t used, size_t size, const char *text)
{
    while (*text && used < size)
        line[used++] = *text++;
    return used;
}

/* Only calls that are safe in a signal handler. */
static void give_up(int signal_number)
{
    char line[512];
    size_t used = append(line, 0, sizeof line - 1, before);
    (void)signal_number;
    used = append(line, used, sizeof line - 1, dpl_ocf_steps_current(watched));
    used = append(line, used, sizeof line - 1, after);
    ssize_t ignored = write(STDERR_FILENO, line, used);
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
