/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/confine/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int dpl_confine_caps(uint64_t kept, struct dpl_err *err)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &head, data) < 0)
        return dpl_err_sys(err, errno, "look at the process's capabilities");
    for (int cap = 0; cap <= CAP_LAST_CAP || prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if ((cap > 63 || !(kept & UINT64_C(1) << cap)) &&
            prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL && errno != EPERM)
            return dpl_err_sys(err, errno, "drop capability %d", cap);
    for (int i = 0; i < 2; i++) {
        uint32_t mask = (uint32_t)(kept >> 32 * i);
        data[i].effective &= mask;
        data[i].permitted &= mask;
        data[i].inheritable = 0;
    }
    if (syscall(SYS_capset, &head, data) < 0)
        return dpl_err_sys(err, errno, "drop capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return dpl_err_sys(err, errno, "forbid new privileges");
    return DPL_OK;
}
