/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the parameters of mail-server ask for.
 */
#ifndef DPL_AGENTS_MAIL_SERVER_WANT_H
#define DPL_AGENTS_MAIL_SERVER_WANT_H

#include "lib/ocf/agent.h"
#include "lib/service/kind.h"

struct ms_want {
    struct dpl_service service;  /* its kind is NULL: the parameter cannot be read */
    const char *replication_set; /* these are borrowed; NULL: not given */
    const char *probe_address, *probe_user, *probe_passfile;
    int64_t probe_failures;
    int64_t kill_after_ms;                  /* 0: by the timeout */
    char config[DPL_FACTS_PATH], unit[256]; /* what service.config and service.unit point to */
};

/* Reads all of it. Strictly, the first value that is wrong is the error. Otherwise what is wrong
 * counts as not given. service borrows from *want_r, which must stay where it is. */
int ms_want_read(const struct dpl_ocf_run *run, bool strict, struct ms_want *want_r,
                 struct dpl_err *err);
/* The frame's check. */
int ms_want_check(struct dpl_ocf_run *run, struct dpl_err *err);
/* What this host must have for it: program, configuration. */
int ms_want_here(const struct ms_want *want, struct dpl_err *err);
/* Reads the password: the caller wipes and frees it. */
int ms_want_password(const struct ms_want *want, char **password_r, struct dpl_err *err);

#endif
