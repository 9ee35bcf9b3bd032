/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The init of a host: pid 1 of its namespaces. Makes the host's root, starts what a host of its
 * kind runs, and reaps what nobody else waits for.
 */
#ifndef DPL_LAB_BOOT_H
#define DPL_LAB_BOOT_H

#include "tests/lab/lab.h"

/* Never returns. Waits for a byte from go (the network cable is there); writes 'b' to booted, or an
 * error's code and text. */
void lab_boot(const struct lab *lab, const struct lab_host *host, int go, int booted)
    __attribute__((noreturn));

#endif
