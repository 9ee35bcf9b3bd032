/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One value of a configuration file against its row of the schema.
 */
#ifndef DPL_CONFIG_VALUE_H
#define DPL_CONFIG_VALUE_H

#include "lib/config/conf.h"

/* 0 and, for types that have one, the value in *value_r; else what was expected. */
int dpl_value_check(const struct dpl_conf_key *key, const char *text, int64_t *value_r,
                    struct dpl_err *err);

#endif
