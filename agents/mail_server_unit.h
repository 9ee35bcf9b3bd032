/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The actions of mail-server for service=unit, where systemd has the processes.
 */
#ifndef DPL_AGENTS_MAIL_SERVER_UNIT_H
#define DPL_AGENTS_MAIL_SERVER_UNIT_H

#include "agents/mail_server_check.h"

int ms_unit_start(struct ms_check *check, struct dpl_err *err);
/* Until kill_ns by itself, then killed. */
int ms_unit_stop(struct ms_check *check, int64_t kill_ns, struct dpl_err *err);
/* That it is active; asks systemctl when its main process is another than before. */
int ms_unit_active(struct ms_check *check, struct dpl_err *err);
int ms_unit_reload(struct ms_check *check, struct dpl_err *err);
/* What of this host validate-all looks at. */
int ms_unit_here(struct ms_check *check, struct dpl_err *err);

#endif
