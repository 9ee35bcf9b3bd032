/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What Pacemaker's programs say as XML (--output-as=xml, and cibadmin), read. The functions are
 * pure: text in, values out. Nothing is loaded from elsewhere, no entity is put in.
 */
#ifndef DPL_PACEMAKER_XML_H
#define DPL_PACEMAKER_XML_H

#include "lib/base/err.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum { DPL_PCMK_NAME = 256 };

/* A node that was fenced, as stonith_admin --history says. */
struct dpl_pcmk_fence {
    char node[DPL_PCMK_NAME];
    char completed[64]; /* as it stands there */
    int64_t completed_s;
};

struct dpl_pcmk_node {
    char name[DPL_PCMK_NAME];
    bool online, unclean;
};

/* A resource that runs, or failed, on a node. */
struct dpl_pcmk_resource {
    char id[DPL_PCMK_NAME], agent[DPL_PCMK_NAME], node[DPL_PCMK_NAME];
    char group[DPL_PCMK_NAME]; /* "" : in none */
    bool failed;
};

struct dpl_pcmk_attribute {
    char node[DPL_PCMK_NAME], name[DPL_PCMK_NAME], value[DPL_PCMK_NAME];
};

/* A start of a resource that failed on a node, and was not cleaned up. */
struct dpl_pcmk_failure {
    char id[DPL_PCMK_NAME], node[DPL_PCMK_NAME];
    char reason[512]; /* as the agent gave it */
};

/* What crm_mon says. */
struct dpl_pcmk_status {
    GArray *nodes, *resources, *attributes, *failures;
    bool no_quorum; /* it says that it has none; where it knows nothing, it does not */
};

/* An agent of ours with its set, as the CIB says. */
struct dpl_pcmk_primitive {
    char id[DPL_PCMK_NAME], agent[DPL_PCMK_NAME], set[DPL_PCMK_NAME];
    char group[DPL_PCMK_NAME]; /* "" : in none */
    /* "" : not given */
    char ip[64], service[64];
    char target[DPL_PCMK_NAME], cold_start[16], on_superseded[16];
};

/* Successful fencings ("off" and "reboot"); the caller owns the array. CORRUPT. */
int dpl_pcmk_fences_read(const char *xml, size_t size, GArray **fences_r, struct dpl_err *err);
int dpl_pcmk_status_read(const char *xml, size_t size, struct dpl_pcmk_status *status_r,
                         struct dpl_err *err);
void dpl_pcmk_status_clear(struct dpl_pcmk_status *status);
/* The primitives with the parameter replication_set, and those with an address. */
int dpl_pcmk_primitives_read(const char *xml, size_t size, GArray **primitives_r,
                             struct dpl_err *err);

#endif
