/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Binding to a client's CPU, see follow.h.
 */
#include "daemon/capture/follow.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DECIDE_AFTER  64 /* requests */
#define ALONE_OF_THEM 56
#define FIELD_CPU     39 /* of /proc/PID/stat, the first is 1 */

void follow_init(struct follow *follow)
{
    memset(follow, 0, sizeof(*follow));
    follow->cpu = -1;
    follow->off = sched_getaffinity(0, sizeof(follow->allowed), &follow->allowed) != 0 ||
                  CPU_COUNT(&follow->allowed) < 2;
}

/* The name in the second field may hold anything, so fields are counted from the last bracket. */
static int cpu_in_stat(const char *text)
{
    const char *at = strrchr(text, ')');

    for (int field = 2; at != NULL && field < FIELD_CPU; field++) {
        at = strchr(at, ' ');
        at = at == NULL ? NULL : at + 1;
    }
    return at == NULL ? -1 : atoi(at);
}

static int cpu_of(uint32_t client)
{
    char path[32], text[1024];
    ssize_t size;
    int fd;

    snprintf(path, sizeof(path), "/proc/%u/stat", client);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    size = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (size <= 0)
        return -1;
    text[size] = '\0';
    return cpu_in_stat(text);
}

static void bind_to(struct follow *follow, int cpu)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    if (cpu >= 0)
        CPU_SET((unsigned)cpu, &one);
    if (sched_setaffinity(0, sizeof(one), cpu < 0 ? &follow->allowed : &one) == 0)
        follow->cpu = cpu;
    else
        follow->off = follow->cpu < 0;
}

void follow_client(struct follow *follow, uint32_t client, bool waits)
{
    int cpu = -1;

    if (client == 0 || follow->off)
        return;
    follow->same += waits && client == follow->client;
    follow->client = client;
    if (++follow->asked < DECIDE_AFTER)
        return;
    if (follow->same >= ALONE_OF_THEM)
        cpu = cpu_of(client);
    if (cpu < 0 || cpu >= CPU_SETSIZE || !CPU_ISSET((unsigned)cpu, &follow->allowed))
        cpu = -1;
    if (cpu != follow->cpu)
        bind_to(follow, cpu);
    follow->asked = follow->same = 0;
}
