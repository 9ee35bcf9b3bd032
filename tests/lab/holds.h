/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What each host holds: shared disks in use and addresses, seen from outside. A frozen host cannot
 * be asked, and still holds them.
 */
#ifndef DPL_LAB_HOLDS_H
#define DPL_LAB_HOLDS_H

#include "tests/lab/lab.h"

/* One line for each host: "a1 disk1 10.71.1.1 ...". Enters the hosts' network namespaces, so it
 * must be called in a process that ends after it. */
char *lab_holds(const struct lab *lab);

/* `lab watch`, in the client: samples until the lab ends or a signal comes. Prints a line when the
 * holder of a thing changes, and one that begins with DOUBLE when two hosts of a site hold a disk
 * or any two hosts hold one of the addresses. */
int lab_watch(const char *dir, const char *const addresses[]);

#endif
