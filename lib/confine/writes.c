/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/confine/confine.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of newer kernel headers. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

#define BASIC                                                                                      \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |  \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static uint64_t rights_of(long version)
{
    return BASIC | (version >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0) |
           (version >= 3 ? LANDLOCK_ACCESS_FS_TRUNCATE : 0);
}

static int allow(int ruleset, const char *dir, uint64_t rights, struct dpl_err *err)
{
    dpl_autofd int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct landlock_path_beneath_attr attr = {.allowed_access = rights, .parent_fd = fd};
    if (fd < 0 && errno == ENOENT)
        return DPL_OK;
    if (fd < 0)
        return dpl_err_sys(err, errno, "open \"%s\"", dir);
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) < 0)
        return dpl_err_sys(err, errno, "allow writes beneath \"%s\"", dir);
    return DPL_OK;
}

int dpl_confine_writes(const char *const *dirs, size_t count, struct dpl_err *err)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1)
        return dpl_err_set(err, DPL_E_UNSUPPORTED, "the kernel has no Landlock");
    uint64_t rights = rights_of(version);
    struct landlock_ruleset_attr attr = {.handled_access_fs = rights};
    dpl_autofd int ruleset =
        (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr.handled_access_fs, 0);
    if (ruleset < 0)
        return dpl_err_sys(err, errno, "make a set of rules for writes");
    int rc = DPL_OK;
    for (size_t i = 0; i < count && rc == DPL_OK; i++)
        rc = allow(ruleset, dirs[i], rights & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE, err);
    /* Who gave up system calls has no new privileges already, and no prctl any more. */
    if (rc == DPL_OK && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 &&
        (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
         syscall(SYS_landlock_restrict_self, ruleset, 0) < 0))
        rc = dpl_err_sys(err, errno, "give up writes");
    return rc;
}
