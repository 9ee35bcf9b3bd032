/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bringing a service up: what must be there and must not, what its data needs, the start itself,
 * and waiting until it answers.
 */
#ifndef DPL_AGENTS_MAIL_SERVER_START_H
#define DPL_AGENTS_MAIL_SERVER_START_H

#include "agents/mail_server_check.h"

int ms_start(struct ms_check *check, struct dpl_err *err);
/* What its configuration says, into the state; for validate-all with the ports that it wants, too.
 * Warnings go to the log. */
int ms_start_learn(struct ms_check *check, bool ports, struct dpl_err *err);

#endif
