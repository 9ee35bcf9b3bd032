/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the daemon was told by its command line and its configuration, with the defaults of its
 * instance: an instance N has N in the names of its configuration, state and runtime directories
 * unless the file says otherwise.
 */
#ifndef DPL_PARENT_SETTINGS_H
#define DPL_PARENT_SETTINGS_H

#include "lib/config/conf.h"

struct dpl_settings {
    char *instance; /* NULL: the one without a name */
    char *config_path;
    char *site, *node;
    char *state_dir, *run_dir, *journal_dir;
    char *sets_dir; /* of files that agents read */
    char *libexec_dir;
    struct dpl_conf *conf;
    bool cluster; /* this node is one of a cluster: agents say what is captured and connected */
};

/* Reads the configuration; config_path NULL: that of the instance. CONFIG with file and line. */
int dpl_settings_load(struct dpl_settings *settings, const char *instance, const char *config_path,
                      struct dpl_err *err);
/* Whether the text of a corosync.conf has a node that others can reach: what a package installs as
 * an example has none but this host itself. */
bool dpl_settings_corosync_is_set_up(const char *text);
void dpl_settings_clear(struct dpl_settings *settings);
/* The group of a set's options; NULL if the file has none, and in a cluster, where the agents'
 * parameters are in its place. Borrowed from the configuration. */
const char *dpl_settings_set_group(const struct dpl_settings *settings, const char *set);

#endif
