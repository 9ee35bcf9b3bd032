/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The nodes of this cluster, and their certificates: the commands "node ...".
 *
 * Each node makes its key itself, and puts the public half into the store, as a document of the
 * kind "node": {public, cert, asked_s}. "node add", typed where the site's authority lies, signs
 * it: the certificate comes back by the store, and the node takes it. Private keys travel nowhere.
 * What was added once is signed again there by itself before it ends.
 */
#ifndef DPL_PARENT_NODE_H
#define DPL_PARENT_NODE_H

#include "daemon/parent/daemon.h"

void dpl_nodes_begin(struct dpl_daemon *daemon);
void dpl_nodes_end(struct dpl_daemon *daemon);
void dpl_node_command(struct dpl_daemon *daemon, struct dpl_request *request);

#endif
