/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Another wall clock for the processes that preload this: so many seconds beside the host's, which
 * may change at any time, forwards and backwards. What measures spans is not touched, and neither
 * are the times of files, which the kernel gives.
 *
 *     CLOCK_FILE=FILE LD_PRELOAD=clock.so doppeld ...
 *     echo -7200 >FILE                  it is two hours earlier now
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile char *text; /* the file, mapped: a process may give up opening others */

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("CLOCK_FILE");
    int fd = name != NULL ? open(name, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    text = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    if (text == MAP_FAILED)
        text = NULL;
    close(fd);
}

static time_t offset(void)
{
    time_t value = 0;
    int at = 0, minus;

    if (text == NULL)
        return 0;
    minus = text[0] == '-';
    for (at = minus; text[at] >= '0' && text[at] <= '9' && at < 12; at++)
        value = value * 10 + (text[at] - '0');
    return minus ? -value : value;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int code = (int)syscall(SYS_clock_gettime, clock, now);

    if (code == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += offset();
    return code;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec t;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &t) == 0)
        *now = (struct timeval){t.tv_sec, t.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *at)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_REALTIME, &t);
    if (at != NULL)
        *at = t.tv_sec;
    return t.tv_sec;
}
