/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What mail-server remembers while it runs, beneath /run, so that a boot forgets it: what was
 * started, by which processes it is known, what a monitor needs of its configuration, and how many
 * monitors in a row had no answer.
 *
 * The file is text, a key and its values in each line. All of it can be lost: stop and probe then
 * go by what the parameters say.
 */
#ifndef DPL_AGENTS_MAIL_SERVER_STATE_H
#define DPL_AGENTS_MAIL_SERVER_STATE_H

#include "lib/ocf/state.h"
#include "lib/service/own.h"

/* The places of struct dpl_service_memory. */
enum { MS_MASTER, MS_STARTER, MS_AFTERWARDS };

struct ms_state {
    char path[DPL_OCF_STATE_PATH],
        log[DPL_OCF_STATE_PATH]; /* of this state, and what a service in the foreground says */
    bool there;                  /* it was read from the file */
    bool started;                /* a start has ended well */
    char kind[24], config[DPL_FACTS_PATH], binary[DPL_FACTS_PATH], unit[256];
    char set[64]; /* the replication set, or empty */
    int64_t misses;
    struct dpl_service_memory memory;
    struct dpl_service_facts facts;
};

/* Reads it; a file that is not there or damaged is nothing remembered. */
void ms_state_read(const struct dpl_ocf_run *run, struct ms_state *state_r);
int ms_state_write(const struct ms_state *state, struct dpl_err *err);
int ms_state_remove(const struct ms_state *state, struct dpl_err *err);
/* Whether it is about this service. */
bool ms_state_is_of(const struct ms_state *state, const struct dpl_service *service);
/* From now on it is about this service, and nothing is known of its processes. */
void ms_state_begin(struct ms_state *state, const struct dpl_service *service);
/* The service as the state remembers it; false if there is none. Borrows from the state. */
bool ms_state_service(const struct ms_state *state, struct dpl_service *service_r);

#endif
