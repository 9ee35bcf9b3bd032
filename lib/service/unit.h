/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A unit of systemd, by systemctl.
 */
#ifndef DPL_SERVICE_UNIT_H
#define DPL_SERVICE_UNIT_H

#include "lib/service/kind.h"

struct dpl_unit {
    char loaded[24]; /* "loaded", "not-found", "masked", ... */
    char active[24]; /* "active", "inactive", "failed", "deactivating", ... */
    char enabled[24];
    pid_t pid; /* of its main process, or 0 */
};

/* What "systemctl show" says of it. */
int dpl_unit_show(const struct dpl_service *service, const struct dpl_service_time *time,
                  struct dpl_unit *unit_r, struct dpl_err *err);
void dpl_unit_parse(const char *output, struct dpl_unit *unit_r);
/* Runs "systemctl VERB [OPTION] UNIT". */
int dpl_unit_do(const struct dpl_service *service, const struct dpl_service_time *time,
                const char *verb, const char *option, struct dpl_err *err);
/* Whether nothing of it runs. */
bool dpl_unit_is_down(const struct dpl_unit *unit);

#endif
