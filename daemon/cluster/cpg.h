/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A group of corosync's CPG: who is in it, and messages to all of them in one order.
 *
 * The functions wait for corosync, which answers at once unless it hangs: so this lives in a
 * process of its own (doppel-cluster). A message that corosync does not take now stays queued. When
 * corosync goes away everything fails with NOT_RUNNING, and the owner starts anew.
 */
#ifndef DPL_CLUSTER_CPG_H
#define DPL_CLUSTER_CPG_H

#include "lib/ctl/doc.h"

enum { DPL_CPG_MEMBERS_MAX = 128, DPL_CPG_MESSAGE_MAX = 1000000 };

struct dpl_cpg;

struct dpl_cpg_fns {
    /* The nodes that are in the group from now on, by their ids. */
    void (*members)(void *self, const uint32_t *ids, size_t count);
    /* One that cannot be decoded is not told. */
    void (*message)(void *self, uint32_t from, const struct dpl_doc *message);
};

/* Joins. NOT_RUNNING when corosync does not answer. fns and self are borrowed. */
int dpl_cpg_open(const char *group, const struct dpl_cpg_fns *fns, void *self,
                 struct dpl_cpg **cpg_r, struct dpl_err *err);
void dpl_cpg_close(struct dpl_cpg *cpg);
/* To be polled for reading. */
int dpl_cpg_fd(const struct dpl_cpg *cpg);
int dpl_cpg_dispatch(struct dpl_cpg *cpg, struct dpl_err *err);
int dpl_cpg_send(struct dpl_cpg *cpg, const struct dpl_doc *message, struct dpl_err *err);
/* Tries again what corosync has not taken. 1: there is still some; try soon. */
int dpl_cpg_flush(struct dpl_cpg *cpg, struct dpl_err *err);

/* What corosync's configuration says of the nodes: this node's id and name, and the names of all in
 * a list: {id, name, nodes}. The caller owns it. A node without a name has its host's name if it is
 * this one, else "node ID". */
int dpl_cpg_nodes(struct dpl_doc **doc_r, struct dpl_err *err);

#endif
