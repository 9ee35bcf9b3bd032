/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The kernel's part of the capability report: each thing is done once, on something of our own, and
 * its outcome told. FUSE is asked by a mount that is attached nowhere: the kernel's FUSE_INIT
 * request says which protocol it speaks and what it offers; it is never answered.
 */
#include "daemon/capture/capability.h"
#include "daemon/capture/privmount.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/fuse.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PR_GET_IO_FLUSHER
#define PR_GET_IO_FLUSHER 58
#endif
/* Of protocol 7.39 and later. */
#ifndef FUSE_CREATE_SUPP_GROUP
#define FUSE_CREATE_SUPP_GROUP (1ULL << 34)
#endif
#ifndef FUSE_HAS_RESEND
#define FUSE_HAS_RESEND (1ULL << 39)
#endif

#define INIT_WAIT_MS 5000

const struct dpl_fuse_feature dpl_fuse_features[] = {
    {"BIG_WRITES", FUSE_BIG_WRITES, DPL_FUSE_NEEDED, "a write comes in pages"},
    {"DONT_MASK", FUSE_DONT_MASK, DPL_FUSE_NEEDED,
     "new files get wrong modes where a directory has a default ACL"},
    {"POSIX_ACL", FUSE_POSIX_ACL, DPL_FUSE_NEEDED, "ACLs are not obeyed"},
    {"NO_OPEN_SUPPORT", FUSE_NO_OPEN_SUPPORT, DPL_FUSE_NEEDED,
     "open files do not survive our death without a table of them"},
    {"NO_OPENDIR_SUPPORT", FUSE_NO_OPENDIR_SUPPORT, DPL_FUSE_NEEDED,
     "open directories do not survive our death without a table of them"},
    {"HANDLE_KILLPRIV_V2", FUSE_HANDLE_KILLPRIV_V2, DPL_FUSE_NEEDED,
     "set-id bits are not cleared in one step with the write"},
    {"INIT_EXT", FUSE_INIT_EXT, DPL_FUSE_WISHED, "newer features cannot be asked for"},
    {"CREATE_SUPP_GROUP", FUSE_CREATE_SUPP_GROUP, DPL_FUSE_WISHED,
     "members of a supplementary group cannot create in a set-group-id directory of mode 02770"},
    {"SETXATTR_EXT", FUSE_SETXATTR_EXT, DPL_FUSE_WISHED,
     "setting an ACL may leave the set-group-id bit"},
    {"EXPLICIT_INVAL_DATA", FUSE_EXPLICIT_INVAL_DATA, DPL_FUSE_WISHED,
     "cached data is dropped more often than needed"},
    {"PARALLEL_DIROPS", FUSE_PARALLEL_DIROPS, DPL_FUSE_WISHED,
     "look-ups in one directory wait for each other"},
    {"DO_READDIRPLUS", FUSE_DO_READDIRPLUS, DPL_FUSE_WISHED, "a listing costs a look-up per name"},
    {"READDIRPLUS_AUTO", FUSE_READDIRPLUS_AUTO, DPL_FUSE_WISHED,
     "listings bring attributes that nobody asked for"},
    {"MAX_PAGES", FUSE_MAX_PAGES, DPL_FUSE_WISHED, "a write of 1 MiB comes in 8 requests"},
    {"ASYNC_READ", FUSE_ASYNC_READ, DPL_FUSE_WISHED, "reads of one file wait for each other"},
    {"ASYNC_DIO", FUSE_ASYNC_DIO, DPL_FUSE_WISHED, "O_DIRECT requests wait for each other"},
    {"ATOMIC_O_TRUNC", FUSE_ATOMIC_O_TRUNC, DPL_FUSE_WISHED,
     "opening with O_TRUNC costs a request more"},
    {"CACHE_SYMLINKS", FUSE_CACHE_SYMLINKS, DPL_FUSE_WISHED, "links are read again each time"},
    {"ABORT_ERROR", FUSE_ABORT_ERROR, DPL_FUSE_WISHED, "an abort cannot be told from an unmount"},
    {"HAS_RESEND", FUSE_HAS_RESEND, DPL_FUSE_WISHED,
     "a takeover cannot be checked against the kernel's own list of open requests"},
};
const size_t dpl_fuse_feature_count = G_N_ELEMENTS(dpl_fuse_features);

/* Runs a check in a process of its own. Returns its exit status, an errno. */
static int in_child(int (*check)(void))
{
    pid_t child = fork();
    if (child < 0)
        return errno;
    if (child == 0)
        _exit(check());
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

static int check_oom_score(void)
{
    dpl_autofd int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    return fd < 0 || write(fd, "-1000", 5) != 5 ? errno : 0;
}

static int check_io_flusher(void)
{
    return prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0) < 0 ? errno : 0;
}

static int check_openat2(void)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    dpl_autofd int fd = (int)syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how);
    return fd < 0 ? errno : 0;
}

static int check_pidfd(void)
{
    dpl_autofd int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    return fd < 0 ? errno : 0;
}

static int check_fanotify(void)
{
    dpl_autofd int fd =
        fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_FID, O_RDONLY);
    return fd < 0 ? errno : 0;
}

/* A child with our descriptors and memory of its own opens one, says which, and is killed.
 * Afterwards it must be open here: that is what a worker's death relies on. */
static int check_clone_files(void)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return errno;
    dpl_autofd int from = ends[0];
    dpl_autofd int to = ends[1];
    long child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    if (child < 0)
        return errno;
    if (child == 0) {
        int fd = fcntl(to, F_DUPFD_CLOEXEC, 0);
        syscall(SYS_write, to, &fd, sizeof fd);
        syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
        syscall(SYS_exit_group, 0);
    }
    int status = 0;
    while (waitpid((pid_t)child, &status, 0) < 0)
        if (errno != EINTR)
            return errno;
    int fd = -1;
    struct pollfd p = {.fd = from, .events = POLLIN};
    if (poll(&p, 1, 0) != 1 || read(from, &fd, sizeof fd) != sizeof fd || fcntl(fd, F_GETFD) < 0)
        return EBADF;
    close(fd);
    return 0;
}

struct check {
    enum dpl_finding_id id;
    int (*run)(void);
    const char *good, *bad;
};
static const struct check checks[] = {
    {DPL_FINDING_openat2, check_openat2, "openat2 works",
     "openat2 is missing (%s): use kernel 5.6 or newer"},
    {DPL_FINDING_pidfd, check_pidfd, "pidfds work",
     "pidfd_open is missing (%s): use kernel 5.3 or newer"},
    {DPL_FINDING_clone_files, check_clone_files, "descriptors outlive a killed worker",
     "descriptors do not outlive a killed worker (%s): a crash of ours would reach the application;"
     " allow clone(CLONE_FILES), or force the start"},
    {DPL_FINDING_io_flusher, check_io_flusher, "PR_SET_IO_FLUSHER works",
     "PR_SET_IO_FLUSHER is refused (%s): when memory is short capture could wait for itself; start"
     " with CAP_SYS_RESOURCE, on kernel 5.6 or newer"},
    {DPL_FINDING_oom_score, check_oom_score, "the OOM killer can be kept away",
     "oom_score_adj -1000 is refused (%s): the OOM killer could end capture; start with"
     " CAP_SYS_RESOURCE"},
    {DPL_FINDING_fanotify, check_fanotify, "fanotify reports objects",
     "fanotify cannot report objects (%s): changes behind our back stay unseen; use kernel 5.1 or"
     " newer with CONFIG_FANOTIFY and CAP_SYS_ADMIN"},
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the table above holds the formats */
static void run_check(const struct check *check, bool own_process, struct dpl_findings *findings)
{
    int error = own_process ? in_child(check->run) : check->run();
    if (error == 0)
        dpl_findings_ok(findings, check->id, "%s", check->good);
    else
        dpl_findings_bad(findings, check->id, check->bad, strerror(error));
}
#pragma GCC diagnostic pop

static void check_memory(uint64_t bytes, struct dpl_findings *findings)
{
    if (bytes == 0)
        return;
    /* Only the limit is asked for: MLOCK_ONFAULT takes no memory. */
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    long rc = p == MAP_FAILED ? -1 : syscall(SYS_mlock2, p, bytes, 1 /* MLOCK_ONFAULT */);
    int error = errno;
    if (rc == 0)
        dpl_findings_ok(findings, DPL_FINDING_memlock, "%llu MiB can be locked in memory",
                        (unsigned long long)(bytes >> 20));
    else
        dpl_findings_bad(findings, DPL_FINDING_memlock,
                         "%llu MiB cannot be locked in memory (%s): capture could wait for the disk"
                         " that it serves; raise LimitMEMLOCK or give CAP_IPC_LOCK, or force the"
                         " start",
                         (unsigned long long)(bytes >> 20), strerror(error));
    if (p != MAP_FAILED)
        munmap(p, bytes);
}

/* Reads the kernel's first request. Returns 0 or an errno. */
static int read_init(int fd, struct fuse_init_in *init)
{
    union {
        struct fuse_in_header header;
        char room[FUSE_MIN_READ_BUFFER + 4096];
    } request = {0};
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, INIT_WAIT_MS) != 1)
        return ETIMEDOUT;
    ssize_t n = read(fd, request.room, sizeof request);
    if (n < 0)
        return errno;
    /* Before 7.36 the request ends after flags. */
    size_t least = sizeof request.header + offsetof(struct fuse_init_in, flags) + 4;
    if ((size_t)n < least || request.header.opcode != FUSE_INIT)
        return EPROTO;
    memcpy(init, request.room + sizeof request.header,
           MIN((size_t)n - sizeof request.header, sizeof *init));
    return 0;
}

static void tell_features(uint64_t offered, struct dpl_findings *findings)
{
    unsigned missing = 0;
    for (size_t i = 0; i < dpl_fuse_feature_count; i++) {
        const struct dpl_fuse_feature *f = &dpl_fuse_features[i];
        if ((offered & f->bit) != 0)
            continue;
        bool needed = f->need == DPL_FUSE_NEEDED;
        missing++;
        dpl_findings_bad(findings, needed ? DPL_FINDING_fuse_feature : DPL_FINDING_fuse_wish,
                         "the kernel's FUSE has no %s: %s; a newer kernel has it", f->name,
                         f->lost);
    }
    if (missing == 0)
        dpl_findings_ok(findings, DPL_FINDING_fuse_feature, "FUSE has all %zu features",
                        dpl_fuse_feature_count);
}

static void tell_init(const struct fuse_init_in *init, struct dpl_findings *findings,
                      uint64_t *offered)
{
    struct utsname name;
    uname(&name);
    if (init->major != FUSE_KERNEL_VERSION || init->minor < DPL_FUSE_MINOR_MIN) {
        dpl_findings_bad(findings, DPL_FINDING_fuse_protocol,
                         "kernel %s speaks FUSE %u.%u: use one that speaks %d.%d or newer (5.12)",
                         name.release, init->major, init->minor, FUSE_KERNEL_VERSION,
                         DPL_FUSE_MINOR_MIN);
        return;
    }
    dpl_findings_ok(findings, DPL_FINDING_fuse_protocol, "kernel %s speaks FUSE %u.%u",
                    name.release, init->major, init->minor);
    *offered = init->flags;
    if ((init->flags & FUSE_INIT_EXT) != 0)
        *offered |= (uint64_t)init->flags2 << 32;
    tell_features(*offered, findings);
}

static void check_clone_device(const char *path, int device, struct dpl_findings *findings)
{
    dpl_autofd int second = open(path, O_RDWR | O_CLOEXEC);
    uint32_t number = (uint32_t)device;
    if (second >= 0 && ioctl(second, FUSE_DEV_IOC_CLONE, &number) == 0)
        dpl_findings_ok(findings, DPL_FINDING_fuse_clone, "FUSE connections can be cloned");
    else
        dpl_findings_bad(findings, DPL_FINDING_fuse_clone,
                         "FUSE connections cannot be cloned (%s): requests of a killed worker could"
                         " be lost; use kernel 4.2 or newer, or force the start",
                         strerror(errno));
}

static void check_fuse(const char *path, struct dpl_findings *findings, uint64_t *offered)
{
    dpl_autofd int device = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (device < 0) {
        dpl_findings_bad(findings, DPL_FINDING_fuse_device,
                         "open \"%s\": %s: load the module (modprobe fuse), or use a kernel with"
                         " CONFIG_FUSE_FS",
                         path, strerror(errno));
        return;
    }
    dpl_findings_ok(findings, DPL_FINDING_fuse_device, "\"%s\" opens", path);
    char number[16];
    snprintf(number, sizeof number, "%d", device);
    const struct dpl_privmount_option options[] = {
        {"fd", number}, {"rootmode", "40000"}, {"user_id", "0"}, {"group_id", "0"}, {NULL, NULL},
    };
    struct dpl_err err = {0};
    dpl_autofd int mount = dpl_privmount_open("fuse", options, &err);
    if (mount < 0) {
        dpl_findings_bad(findings, DPL_FINDING_fuse_protocol,
                         "a FUSE mount for trial failed: %s: capture needs CAP_SYS_ADMIN and kernel"
                         " 5.5 or newer",
                         err.text);
        return;
    }
    struct fuse_init_in init = {0};
    int error = read_init(device, &init);
    if (error != 0) {
        dpl_findings_bad(findings, DPL_FINDING_fuse_protocol,
                         "the kernel's first FUSE request did not come (%s): use another kernel",
                         strerror(error));
        return;
    }
    tell_init(&init, findings, offered);
    check_clone_device(path, device, findings);
}

void dpl_capability_kernel(const struct dpl_capability_paths *paths, uint64_t memory_bytes,
                           struct dpl_findings *findings, uint64_t *offered_r)
{
    uint64_t offered = 0;
    check_fuse(paths->fuse, findings, &offered);
    for (size_t i = 0; i < G_N_ELEMENTS(checks); i++)
        run_check(&checks[i], checks[i].id == DPL_FINDING_oom_score, findings);
    check_memory(memory_bytes, findings);
    if (offered_r)
        *offered_r = offered;
}
