/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The keeper, see keeper.h.
 */
#include "daemon/capture/keeper.h"

#include "daemon/capture/inject.h"
#include "daemon/capture/mount.h"
#include "daemon/capture/ownership.h"
#include "daemon/capture/report.h"
#include "daemon/capture/runstate.h"
#include "daemon/capture/setup.h"
#include "daemon/capture/sweep.h"
#include "daemon/capture/teller.h"
#include "daemon/capture/worker.h"

#include "lib/base/clock.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS      20
#define NICE          (-10)
#define RESTART_MS    200 /* until a worker that could not start is tried again */
#define TELLER_STARTS 100 /* of one that dies again and again */
#define ARGUMENTS     128 /* of the command line that we can be started again with */

static struct {
    const struct options *options;
    char **argv;
    char program[4096];
    struct memory memory;
    int signal_fd;
    int pidfd;
    pid_t worker;
    pid_t teller;
    uint32_t teller_starts;
    int ready_fd;
    int64_t deaths_ns[64];
    uint32_t death_count;
    int64_t stop_deadline_ns; /* 0: nobody asked */
    bool told_ready, told_busy;
    bool upgrade_wanted;
} keeper = {.signal_fd = -1, .pidfd = -1, .ready_fd = -1};

static int64_t now_ns(void)
{
    return dpl_clock_now_ns(&dpl_clock_system);
}

static void prepare_process(void)
{
    struct rlimit files, memory = {RLIM_INFINITY, RLIM_INFINITY};
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (score >= 0) {
        dpl_fd_write_all(score, "-1000", 5, NULL);
        close(score);
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    setrlimit(RLIMIT_MEMLOCK, &memory);
    prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
    /* Applications wait for us, so we must not wait for them. */
    if (getpriority(PRIO_PROCESS, 0) > NICE)
        setpriority(PRIO_PROCESS, 0, NICE);
    prctl(PR_SET_NAME, "doppel-capture"); /* a successor was run as /proc/self/exe */
}

static int open_signals(struct dpl_err *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    keeper.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return keeper.signal_fd < 0 ? dpl_err_sys(err, errno, "no signals") : 0;
}

static int start_worker(struct dpl_err *err)
{
    pid_t pid;

    keeper.memory.shared->keeper = getpid();
    pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    if (pid < 0)
        return dpl_err_sys(err, errno, "the worker cannot be started");
    if (pid == 0)
        _exit(worker_run(keeper.options, &keeper.memory));
    keeper.worker = pid;
    keeper.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    return keeper.pidfd < 0 ? dpl_err_sys(err, errno, "the worker cannot be watched") : 0;
}

static void start_teller(void)
{
    keeper.teller = 0;
    if (keeper.teller_starts++ == TELLER_STARTS)
        fprintf(stderr, "doppel-capture: the teller dies again and again: without\n");
    if (keeper.teller_starts <= TELLER_STARTS)
        keeper.teller = teller_start(keeper.memory.shared);
}

/* Children other than the worker. */
static void reap_others(void)
{
    for (;;) {
        siginfo_t info = {0};

        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0 ||
            info.si_pid == keeper.worker)
            return;
        waitpid(info.si_pid, NULL, 0);
        if (info.si_pid == keeper.teller)
            start_teller();
    }
}

/* Waits until every thread of the worker is gone. Returns its status. */
static int reap_worker(void)
{
    int status = 0;

    while (waitpid(keeper.worker, &status, 0) < 0 && errno == EINTR)
        ;
    close(keeper.pidfd);
    keeper.pidfd = -1;
    keeper.worker = 0;
    reap_others(); /* its end may have hidden theirs */
    return status;
}

/* Too many deaths in too short a time: the journal is given up, so that what kills us there cannot.
 */
static void bound_crashes(void)
{
    const struct options *options = keeper.options;
    struct shared *shared = keeper.memory.shared;
    uint32_t bound = options->crash_count;
    int64_t at = now_ns();
    int64_t oldest;

    if (bound == 0 || atomic_load(&shared->mode) == MODE_PASS)
        return;
    oldest = keeper.deaths_ns[keeper.death_count % bound];
    keeper.deaths_ns[keeper.death_count++ % bound] = at;
    if (keeper.death_count <= bound || at - oldest > (int64_t)options->crash_seconds * 1000000000)
        return;
    atomic_store(&shared->crash_loop, 1);
    atomic_store(&shared->mode, MODE_PASS);
    fprintf(stderr,
            "doppel-capture: set '%s': the worker died more than %u times in %u s: on without "
            "journal, a mirror is needed\n",
            options->set, bound, options->crash_seconds);
}

/* How many of the arguments were there when the capture began: not what exec_again has added. */
static size_t own_arguments(char *const *argv)
{
    size_t count = 0;

    while (argv[count] != NULL)
        count++;
    if (count > 3 && strcmp(argv[count - 3], "--foreground") == 0 &&
        strcmp(argv[count - 2], "--resume") == 0)
        count -= 3;
    return count;
}

/* Goes on as this program. Returns only if that fails. Allocates nothing: in a successor of ours a
 * lock of the worker's memory may be held for ever. */
static void exec_again(const char *program)
{
    static char *argv[ARGUMENTS + 4];
    static char resume[16];
    size_t count = own_arguments(keeper.argv);

    g_assert(count <= ARGUMENTS);
    memcpy(argv, keeper.argv, count * sizeof(argv[0]));
    snprintf(resume, sizeof(resume), "%d", keeper.memory.shared->shared_fd);
    argv[count++] = (char[]){"--foreground"};
    argv[count++] = (char[]){"--resume"};
    argv[count++] = resume;
    argv[count] = NULL;
    sweep_keep_over_exec(keeper.memory.shared);
    execv(program, argv);
}

/* Whether the program that is installed now knows our memory: one of another layout would end. */
static bool can_go_on(void)
{
    char layout[16];
    char *argv[] = {keeper.program, (char[]){"--layout"}, layout, NULL};
    int status = -1;
    pid_t pid;

    snprintf(layout, sizeof(layout), "%u", SHARED_LAYOUT);
    pid = fork();
    if (pid == 0) {
        execv(keeper.program, argv);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* True: the worker is gone, and another one is to be started. */
static bool upgrade(void)
{
    if (!can_go_on()) {
        fprintf(stderr,
                "doppel-capture: set '%s': '%s' cannot go on with this capture (layout %u): stop "
                "and start the set instead\n",
                keeper.options->set, keeper.program, SHARED_LAYOUT);
        return false;
    }
    kill(keeper.worker, SIGKILL);
    reap_worker();
    sweep_descriptors(keeper.memory.shared);
    if (keeper.teller > 0)
        kill(keeper.teller, SIGKILL); /* reaped by who comes */
    exec_again(keeper.program);
    fprintf(stderr, "doppel-capture: '%s' cannot be run (%s): going on as before\n", keeper.program,
            strerror(errno));
    return true;
}

/* The successor of a keeper, a child of the worker: ends the worker, and goes on as the keeper. It
 * alone keeps the connections now, so it does not give up. */
__attribute__((noreturn)) static void succeed(const struct memory *memory, struct pollfd *worker)
{
    static const char text[] =
        "doppel-capture: our own program cannot be run: the keeper's successor tries again\n";
    const struct timespec pause = {.tv_nsec = RESTART_MS * 1000000L};
    bool told = false;

    inject_hold();
    syscall(SYS_pidfd_send_signal, worker->fd, SIGKILL, NULL, 0);
    while (poll(worker, 1, -1) < 0 && errno == EINTR)
        ;
    atomic_fetch_add(&memory->shared->count.keepers_replaced, 1);
    for (;;) {
        /* Our own file, though another one may be installed by now. */
        exec_again("/proc/self/exe");
        if (!told)
            dpl_fd_write_all(STDERR_FILENO, text, sizeof(text) - 1, NULL);
        told = true;
        nanosleep(&pause, NULL);
    }
}

void keeper_replace(const struct memory *memory)
{
    static struct pollfd worker = {.fd = -1, .events = POLLIN};
    static pid_t successor;

    /* One at a time: two would become two keepers, with a worker each in the same memory. */
    if (successor > 0 && waitpid(successor, NULL, WNOHANG) == 0)
        return;
    if (worker.fd < 0)
        worker.fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (worker.fd < 0)
        return; /* called again soon */
    successor = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    if (successor == 0)
        succeed(memory, &worker);
}

/* Unmounts what is not in use; true when all roots are. */
static bool try_unmount(void)
{
    struct shared *shared = keeper.memory.shared;
    struct dpl_err err = {0};
    bool all = true;

    for (uint32_t i = 0; i < shared->root_count; i++) {
        int code;

        if (shared->roots[i].unmounted)
            continue;
        code = mount_release(keeper.options->roots[i], &err);
        if (code == 0)
            shared->roots[i].unmounted = 1;
        else
            all = false;
        if (code != 0 && (code != DPL_E_BUSY || !keeper.told_busy)) {
            fprintf(stderr, "doppel-capture: set '%s': %s%s\n", keeper.options->set, err.text,
                    code == DPL_E_BUSY ? ": waiting for its users" : "");
            keeper.told_busy = true;
        }
    }
    return all;
}

static void force_unmount(void)
{
    struct shared *shared = keeper.memory.shared;
    struct dpl_err err = {0};

    for (uint32_t i = 0; i < shared->root_count; i++) {
        if (shared->roots[i].unmounted)
            continue;
        fprintf(stderr, "doppel-capture: set '%s': '%s' is detached and its connection ended\n",
                keeper.options->set, keeper.options->roots[i]);
        if (mount_abort(&shared->roots[i], keeper.options->roots[i], &err) != 0)
            fprintf(stderr, "doppel-capture: %s\n", err.text);
        shared->roots[i].unmounted = 1;
    }
}

static void continue_stop(void)
{
    if (keeper.stop_deadline_ns == 0)
        return;
    if (try_unmount()) {
        keeper.stop_deadline_ns = 0;
    } else if (now_ns() > keeper.stop_deadline_ns) {
        fprintf(stderr, "doppel-capture: set '%s': still in use: not stopped\n",
                keeper.options->set);
        keeper.stop_deadline_ns = 0;
        keeper.told_busy = false;
    }
}

static void handle_signals(void)
{
    struct signalfd_siginfo info;

    while (read(keeper.signal_fd, &info, sizeof(info)) == sizeof(info)) {
        switch (info.ssi_signo) {
        case SIGTERM:
        case SIGINT:
            keeper.stop_deadline_ns =
                now_ns() + (int64_t)keeper.options->stop_wait_ms * 1000000 + 1;
            break;
        case SIGHUP:
            atomic_store(&keeper.memory.shared->renew.wanted, 1);
            break;
        case SIGQUIT:
            force_unmount();
            break;
        case SIGUSR1:
            report_figures(keeper.memory.shared);
            break;
        case SIGUSR2:
            keeper.upgrade_wanted = true;
            break;
        case SIGCHLD:
            reap_others();
            break;
        default:
            break;
        }
    }
}

/* Whoever started us and waits exits with this. */
static void tell_starter(uint8_t status)
{
    if (keeper.ready_fd < 0)
        return;
    dpl_fd_write_all(keeper.ready_fd, &status, 1, NULL);
    close(keeper.ready_fd);
    keeper.ready_fd = -1;
}

static void tell_ready(void)
{
    struct shared *shared = keeper.memory.shared;

    if (keeper.told_ready)
        return;
    for (uint32_t i = 0; i < shared->root_count; i++)
        if (shared->roots[i].minor == 0)
            return;
    keeper.told_ready = true;
    fprintf(stderr, "doppel-capture: set '%s': captured\n", keeper.options->set);
    tell_starter(0);
}

/* Waits for something to do. True when the worker is gone. */
static bool wait_for_event(void)
{
    struct pollfd fds[2] = {{.fd = keeper.pidfd, .events = POLLIN},
                            {.fd = keeper.signal_fd, .events = POLLIN}};
    bool soon = keeper.stop_deadline_ns != 0 || !keeper.told_ready;

    poll(fds, 2, soon ? RETRY_MS : -1);
    if (fds[1].revents != 0)
        handle_signals();
    return fds[0].revents != 0;
}

/* Without a worker for a moment. True: all is unmounted, and nothing is left to serve. */
static bool rest(void)
{
    struct shared *shared = keeper.memory.shared;
    int64_t end_ns = now_ns() + RESTART_MS * INT64_C(1000000);
    struct pollfd pfd = {.fd = keeper.signal_fd, .events = POLLIN};
    uint32_t unmounted = 0;

    while (now_ns() < end_ns) {
        poll(&pfd, 1, RETRY_MS);
        handle_signals();
        continue_stop();
    }
    for (uint32_t i = 0; i < shared->root_count; i++)
        unmounted += shared->roots[i].unmounted != 0;
    return unmounted == shared->root_count;
}

/* A worker is gone, with this status. 1: another one is to be started; 0: all is done. */
static int worker_gone(int status, struct dpl_err *err)
{
    struct shared *shared = keeper.memory.shared;
    bool done = false;

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    /* Once there was one, its requests are in our hands: they wait until another one can start. */
    if (WIFEXITED(status) && atomic_load(&shared->incarnation) == 0)
        return dpl_err_set(err, DPL_E_FAILED, "the worker could not start");
    if (WIFEXITED(status)) {
        fprintf(stderr, "doppel-capture: set '%s': the worker could not start: trying again\n",
                keeper.options->set);
        done = rest();
    } else {
        atomic_fetch_add(&shared->count.takeovers, 1);
        bound_crashes();
    }
    sweep_descriptors(shared);
    return !done;
}

/* Runs workers, one after the other, until one ends because all is unmounted. */
static int keep(struct dpl_err *err)
{
    for (;;) {
        int code = start_worker(err);

        if (code != 0)
            return code;
        while (!wait_for_event()) {
            tell_ready();
            continue_stop();
            if (!keeper.upgrade_wanted)
                continue;
            keeper.upgrade_wanted = false;
            if (upgrade() && start_worker(err) != 0)
                return err->code;
        }
        code = worker_gone(reap_worker(), err);
        if (code <= 0)
            return code;
    }
}

static int begin(struct dpl_err *err)
{
    const struct options *options = keeper.options;
    ssize_t length = readlink("/proc/self/exe", keeper.program, sizeof(keeper.program) - 1);
    int code;

    if (length < 0)
        return dpl_err_sys(err, errno, "our own program cannot be found");
    if (g_str_has_suffix(keeper.program, " (deleted)")) /* what is installed has its name */
        keeper.program[strlen(keeper.program) - strlen(" (deleted)")] = '\0';
    code = open_signals(err);
    if (code != 0)
        return code;
    if (options->inject != NULL && inject_open(options->inject, err) != 0)
        return err->code;
    if (options->resume_fd >= 0) {
        code = memory_adopt(&keeper.memory, options->resume_fd, err);
        if (code == 0) {
            runstate_resume(options, &keeper.memory);
            runstate_set_keeper(&keeper.memory);
        }
    } else
        code = setup_capture(options, &keeper.memory, err);
    if (code == 0) {
        sweep_note_own();
        start_teller();
    }
    return code;
}

int keeper_run(const struct options *options, char **argv, int ready_fd)
{
    struct dpl_err err = {0};
    int code;

    keeper.options = options;
    keeper.argv = argv;
    keeper.ready_fd = ready_fd;
    prepare_process();
    if (own_arguments(argv) > ARGUMENTS)
        code = dpl_err_set(&err, DPL_E_USAGE, "more than %d arguments", ARGUMENTS);
    else
        code = begin(&err);
    if (code == 0)
        code = options->single ? worker_run(options, &keeper.memory) : keep(&err);
    if (code != 0) {
        fprintf(stderr, "doppel-capture: set '%s': %s\n", options->set, err.text);
        if (keeper.memory.shared != NULL)
            force_unmount();
        code = code < 0 ? dpl_err_cli_exit(code) : 1;
        tell_starter((uint8_t)code);
        return code;
    }
    ownership_end(options, keeper.memory.shared);
    runstate_end(&keeper.memory);
    fprintf(stderr, "doppel-capture: set '%s': unmounted, ended\n", options->set);
    return 0;
}
