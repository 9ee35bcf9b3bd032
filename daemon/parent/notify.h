/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Says to the service manager how far we are: datagrams to the socket that NOTIFY_SOCKET names, as
 * in sd_notify(3). Without one nothing happens; a failure changes nothing.
 */
#ifndef DPL_PARENT_NOTIFY_H
#define DPL_PARENT_NOTIFY_H

/* Lines as "READY=1". True if it was sent. */
#include <stdbool.h>
bool dpl_notify(const char *state);
/* That the configuration is read again, until READY=1. */
bool dpl_notify_reloading(void);

#endif
