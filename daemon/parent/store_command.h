/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The commands "store ...".
 *
 * An export is a text: a line "doppel store 1", then in base64 an encoded document {store, era,
 * documents: [items]}. Nothing in it is secret but what the documents say.
 */
#ifndef DPL_PARENT_STORE_COMMAND_H
#define DPL_PARENT_STORE_COMMAND_H

#include "daemon/parent/daemon.h"

void dpl_store_command(struct dpl_daemon *daemon, struct dpl_request *request);

#endif
