/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/mail_server_role.h"

#include "agents/host.h"
#include "lib/client/claim.h"
#include "lib/client/role.h"

#include <stddef.h>

int ms_role_take(const char *set, const char *who, struct dpl_err *err)
{
    struct host host;
    struct dpl_err why = {0};
    int code = host_read(&host, &why);
    if (code < 0)
        code = dpl_err_set(err, code, "the role of set \"%s\" is not known: %s", set, why.text);
    if (code == DPL_OK)
        code = dpl_role_want(host.state_dir, set, DPL_ROLE_SERVING, NULL, err);
    if (code == DPL_OK)
        code = dpl_claim_take(host.run_dir, set, DPL_CLAIM_SERVICE, who, err);
    host_done(&host);
    return code;
}

int ms_role_drop(const char *set, const char *who, struct dpl_err *err)
{
    struct host host;
    (void)host_read(&host, NULL);
    int code = dpl_claim_drop(host.run_dir, set, DPL_CLAIM_SERVICE, who, err);
    host_done(&host);
    return code;
}
