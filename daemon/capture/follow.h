/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Runs where the client runs.
 *
 * A client that asks alone waits for each answer; woken across CPUs, both its thread and ours wait
 * for an idle CPU to wake, which on a virtual machine takes tens of microseconds each. On one CPU
 * they only take turns. So a thread that got nearly all of its last requests from one client binds
 * itself to the CPU that this one was last seen on, and unbinds when others ask too. It binds to
 * nothing that the process was not allowed to use at its start, and gives up silently where /proc
 * does not tell.
 */
#ifndef DPL_CAPTURE_FOLLOW_H
#define DPL_CAPTURE_FOLLOW_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

struct follow {
    cpu_set_t allowed;
    uint32_t client; /* who asked last */
    uint32_t asked,
        same; /* since it was decided last: requests, and those from the same as before */
    int cpu;  /* bound to, or -1 */
    bool off;
};

/* For the calling thread. */
void follow_init(struct follow *follow);
/* A request of this client (a thread's id; 0: nobody's) was read. waits: it does nothing else until
 * the answer comes; one that reads ahead works meanwhile, and would be in our way. */
void follow_client(struct follow *follow, uint32_t client, bool waits);

#endif
