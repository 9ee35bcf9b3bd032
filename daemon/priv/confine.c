/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/priv/confine.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    FILES_MAX = 16,
    MEMORY_BYTES = 256 << 20,
};

static int find_user(struct dpl_confine *confine, const char *user, struct dpl_err *err)
{
    guint64 number;
    errno = 0;
    char room[16384];
    struct passwd pw, *found = NULL;
    if (getpwnam_r(user, &pw, room, sizeof room, &found) == 0 && found) {
        confine->uid = found->pw_uid;
        confine->gid = found->pw_gid;
    } else if (g_ascii_string_to_unsigned(user, 10, 0, 0x7fffffff, &number, NULL)) {
        confine->uid = (uid_t)number;
        confine->gid = (gid_t)number;
    } else {
        return dpl_err_set(err, DPL_E_PARAM,
                           "the user \"%s\" does not exist: make it (useradd --system), or name "
                           "another as [daemon] user",
                           user);
    }
    if (confine->uid == 0 || confine->gid == 0)
        return dpl_err_set(err, DPL_E_PARAM, "[daemon] user may not be root");
    return DPL_OK;
}

static int make_empty(const char *run_dir, struct dpl_err *err)
{
    g_autofree char *path =
        g_build_filename(run_dir ? run_dir : g_get_tmp_dir(), "door-XXXXXX", NULL);
    if (!mkdtemp(path))
        return dpl_err_sys(err, errno, "make the directory \"%s\"", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int saved = errno;
    /* Whoever the process becomes may be in it. */
    if ((fd >= 0 && fchmod(fd, 0555) < 0) || rmdir(path) < 0) {
        saved = errno;
        dpl_fd_clear(&fd);
    }
    return fd >= 0 ? fd : dpl_err_sys(err, saved, "the empty directory \"%s\"", path);
}

int dpl_confine_prepare(struct dpl_confine *confine, const char *user, const char *run_dir,
                        struct dpl_err *err)
{
    *confine = (struct dpl_confine){.empty_fd = -1};
    if (geteuid() != 0)
        return dpl_err_set(err, DPL_E_PERM, "a door is started by root, which it then is no more");
    int rc = find_user(confine, user, err);
    if (rc == DPL_OK)
        rc = confine->empty_fd = make_empty(run_dir, err);
    return rc < 0 ? rc : DPL_OK;
}

/* Permitted and effective are exactly these. */
static int set_capabilities(uint64_t set, struct dpl_err *err)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)set, .permitted = (uint32_t)set},
        {.effective = (uint32_t)(set >> 32), .permitted = (uint32_t)(set >> 32)}};
    if (syscall(SYS_capset, &head, data) < 0)
        return dpl_err_sys(err, errno, "give up capabilities");
    return DPL_OK;
}

int dpl_confine_become(const struct dpl_confine *confine, struct dpl_err *err)
{
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return dpl_err_sys(err, errno, "bound the capabilities");
    }
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
        setresgid(confine->gid, confine->gid, confine->gid) < 0 ||
        setresuid(confine->uid, confine->uid, confine->uid) < 0)
        return dpl_err_sys(err, errno, "become user %u", (unsigned)confine->uid);
    return set_capabilities((uint64_t)1 << CAP_SYS_CHROOT, err);
}

static int limit(int what, rlim_t value, const char *name, struct dpl_err *err)
{
    struct rlimit r = {value, value};
    if (setrlimit((__rlimit_resource_t)what, &r) < 0)
        return dpl_err_sys(err, errno, "limit %s", name);
    return DPL_OK;
}

static int set_limits(struct dpl_err *err)
{
    int rc = limit(RLIMIT_NOFILE, FILES_MAX, "files", err);
    if (rc == DPL_OK)
        rc = limit(RLIMIT_FSIZE, 0, "the size of files", err);
    if (rc == DPL_OK)
        rc = limit(RLIMIT_NPROC, 0, "processes", err);
    if (rc == DPL_OK)
        rc = limit(RLIMIT_CORE, 0, "core dumps", err);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    if (rc == DPL_OK) /* the sanitizers' shadow is far larger */
        rc = limit(RLIMIT_DATA, MEMORY_BYTES, "memory", err);
#endif
    return rc;
}

static bool can_open(const char *path)
{
    dpl_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

/* What must not work any more does not. */
static int check(const struct dpl_confine *confine, struct dpl_err *err)
{
    uid_t r, e, s;
    if (getresuid(&r, &e, &s) < 0 || r != confine->uid || e != confine->uid || s != confine->uid ||
        getgroups(0, NULL) != 0 || setuid(0) == 0 || setgid(0) == 0 || chroot("/") == 0 ||
        can_open("etc") || can_open("/etc") || can_open("../etc"))
        return dpl_err_set(err, DPL_E_FAILED, "rights were given up and are there still");
    return DPL_OK;
}

int dpl_confine_enclose(struct dpl_confine *confine, struct dpl_err *err)
{
    if (fchdir(confine->empty_fd) < 0 || chroot(".") < 0)
        return dpl_err_sys(err, errno, "change to an empty root");
    dpl_fd_clear(&confine->empty_fd);
    int rc = set_capabilities(0, err);
    if (rc == DPL_OK &&
        (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0))
        rc = dpl_err_sys(err, errno, "give up privileges");
    if (rc == DPL_OK)
        rc = set_limits(err);
    return rc < 0 ? rc : check(confine, err);
}
