/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One daemon for each runtime directory and each state directory: locks that vanish with the
 * process, and a file with its id for people.
 */
#ifndef DPL_PARENT_INSTANCE_H
#define DPL_PARENT_INSTANCE_H

#include "daemon/parent/settings.h"

struct dpl_instance {
    int run_lock, state_lock;
    char *pid_path;
};

/* Makes the directories and takes the locks. BUSY, with the id of the other one, if they are taken.
 */
int dpl_instance_take(struct dpl_instance *instance, const struct dpl_settings *settings,
                      struct dpl_err *err);
void dpl_instance_drop(struct dpl_instance *instance);

#endif
