/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Rights of a thread, see cred.h. The system calls are made directly: those of the C library change
 * every thread of the process.
 */
#include "daemon/capture/cred.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct caps {
    struct __user_cap_header_struct head;
    struct __user_cap_data_struct data[2];
};

static int caps_get(struct caps *caps)
{
    memset(caps, 0, sizeof(*caps));
    caps->head.version = _LINUX_CAPABILITY_VERSION_3;
    return syscall(SYS_capget, &caps->head, caps->data) != 0 ? -errno : 0;
}

static int caps_set(struct caps *caps)
{
    return syscall(SYS_capset, &caps->head, caps->data) != 0 ? -errno : 0;
}

/* Everything that is permitted becomes effective, but for CAP_FSETID where it must not act. */
static int raise_caps(bool may_keep_setid)
{
    struct caps caps;
    int code = caps_get(&caps);

    if (code != 0)
        return code;
    for (int i = 0; i < 2; i++)
        caps.data[i].effective = caps.data[i].permitted;
    if (!may_keep_setid)
        caps.data[CAP_TO_INDEX(CAP_FSETID)].effective &= ~CAP_TO_MASK(CAP_FSETID);
    return caps_set(&caps);
}

int cred_init_process(struct dpl_err *err)
{
    struct caps caps;
    int code = caps_get(&caps);

    if (code == 0) {
        uint32_t mask = CAP_TO_MASK(CAP_SYS_RESOURCE);

        caps.data[CAP_TO_INDEX(CAP_SYS_RESOURCE)].permitted &= ~mask;
        caps.data[CAP_TO_INDEX(CAP_SYS_RESOURCE)].effective &= ~mask;
        code = caps_set(&caps);
    }
    if (code == 0 && syscall(SYS_setgroups, 0, NULL) != 0)
        code = -errno;
    if (code != 0)
        return dpl_err_sys(err, -code, "rights cannot be reduced");
    return 0;
}

int cred_init_thread(struct cred *now, struct dpl_err *err)
{
    if (unshare(CLONE_FS) != 0)
        return dpl_err_sys(err, errno, "a thread cannot have a umask of its own");
    memset(now, 0, sizeof(*now));
    now->may_keep_setid = true;
    umask(0);
    return 0;
}

static bool same_groups(const struct cred *a, const struct cred *b)
{
    return a->group_count == b->group_count &&
           memcmp(a->groups, b->groups, a->group_count * sizeof(a->groups[0])) == 0;
}

int cred_switch(struct cred *now, const struct cred *wanted)
{
    bool ids = now->uid != wanted->uid || now->gid != wanted->gid || !same_groups(now, wanted);

    if (now->umask != wanted->umask) {
        umask(wanted->umask);
        now->umask = wanted->umask;
    }
    if (!ids && now->may_keep_setid == wanted->may_keep_setid)
        return 0;
    if (ids) {
        if (!same_groups(now, wanted) &&
            syscall(SYS_setgroups, wanted->group_count, wanted->groups) != 0)
            return -errno;
        /* Both answer what was before, never an error: with our capabilities they cannot fail. */
        syscall(SYS_setfsgid, wanted->gid);
        syscall(SYS_setfsuid, wanted->uid);
    }
    *now = *wanted;
    return raise_caps(wanted->may_keep_setid);
}
