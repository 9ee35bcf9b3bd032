/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The schema of /etc/doppel/doppel.conf: what is true of this host and site.
 */
#ifndef DPL_CONFIG_SITE_CONF_H
#define DPL_CONFIG_SITE_CONF_H

#include "lib/config/conf.h"

extern const struct dpl_conf_schema dpl_site_conf;

#endif
