/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The fence agent of the lab's power switch, under the name fence_lab in each host.
 */
#ifndef DPL_LAB_FENCE_H
#define DPL_LAB_FENCE_H

/* Options come as name=value on standard input, as Pacemaker gives them, or as -o ACTION -n HOST.
 */
int lab_fence_main(int argc, char **argv);

#endif
