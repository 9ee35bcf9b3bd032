/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link/rights.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int dpl_link_rights_drop(struct dpl_err *err)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &head, data) < 0)
        return dpl_err_sys(err, errno, "look at the process's capabilities");
    for (int cap = 0; cap <= CAP_LAST_CAP || prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (cap != CAP_DAC_READ_SEARCH && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 &&
            errno != EINVAL && errno != EPERM)
            return dpl_err_sys(err, errno, "drop capability %d", cap);
    const uint32_t kept = 1U << CAP_DAC_READ_SEARCH;
    data[0].effective &= kept;
    data[0].permitted &= kept;
    data[0].inheritable = data[1].inheritable = 0;
    data[1].effective = data[1].permitted = 0;
    if (syscall(SYS_capset, &head, data) < 0)
        return dpl_err_sys(err, errno, "drop capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return dpl_err_sys(err, errno, "forbid new privileges");
    return 0;
}
