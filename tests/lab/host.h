/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Power and faults of a host. Each function starts what it says; what takes time ends in
 * lab_host_reaped or lab_host_booted, which the supervisor calls.
 */
#ifndef DPL_LAB_HOST_H
#define DPL_LAB_HOST_H

#include "tests/lab/lab.h"

int lab_host_on(struct lab *lab, struct lab_host *host, struct dpl_err *err);
/* The plug is pulled: what was not flushed is lost. Off only when its disks are free. */
int lab_host_off(struct lab *lab, struct lab_host *host, struct dpl_err *err);
/* The power button: its services stop in order, then it is off. */
int lab_host_button(struct lab_host *host, struct dpl_err *err);
/* Its init is killed and the power switch does not know. What the kernel holds is flushed. */
int lab_host_crash(struct lab_host *host, struct dpl_err *err);
/* All processes of the host stop where they are; its kernel goes on (it answers pings). */
int lab_host_freeze(struct lab_host *host, bool on, struct dpl_err *err);

/* A child of the supervisor has ended. Returns whether it was of this host. */
bool lab_host_reaped(struct lab *lab, struct lab_host *host, pid_t pid, int status);
/* The boot pipe can be read. */
void lab_host_booted(struct lab_host *host);

/* Whether the power switch says on. */
bool lab_host_switch_on(const struct lab_host *host);
const char *lab_host_state(const struct lab_host *host);

#endif
