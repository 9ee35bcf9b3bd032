/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Programs run for an answer, data that moved, and a stop that is true. */
#include "lib/service/command.h"
#include "lib/service/origin.h"
#include "lib/service/stop.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int run(const char *script, int64_t ms, bool terminal, char **output_r, struct dpl_err *err)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    const struct dpl_command command = {.argv = argv,
                                        .clock = &dpl_clock_system,
                                        .deadline_ns =
                                            dpl_clock_now_ns(&dpl_clock_system) + ms * 1000000,
                                        .terminal = terminal};
    *err = (struct dpl_err){0};
    return dpl_command_run(&command, output_r, NULL, err);
}

static void a_command_gives_its_output_and_its_reason(void)
{
    struct dpl_err err;
    g_autofree char *one = NULL, *two = NULL, *three = NULL;
    CU_ASSERT_EQUAL(run("echo a; echo b >&2", 60000, false, &one, &err), DPL_OK);
    CU_ASSERT_STRING_EQUAL(one, "a\nb\n");
    CU_ASSERT_EQUAL(run("echo so; exit 3", 60000, false, &two, &err), DPL_E_FAILED);
    CU_ASSERT_STRING_EQUAL(err.text, "sh: so");
    CU_ASSERT_EQUAL(run("test -t 2 && echo here >&2", 60000, true, &three, &err), DPL_OK);
    CU_ASSERT_STRING_EQUAL(three, "here\r\n");
}

static void a_command_that_hangs_is_ended_and_its_children_with_it(void)
{
    struct dpl_err err;
    struct dpl_proc proc;
    g_autofree char *output = NULL;
    CU_ASSERT_EQUAL(run("sleep 600 & echo $!; wait", 2000, false, &output, &err), DPL_E_TIMEOUT);
    pid_t child = dpl_proc_parse_pid_file(output);
    CU_ASSERT_FATAL(child > 1);
    for (int i = 0; i < 6000 && dpl_proc_read(child, &proc); i++)
        g_usleep(10000);
    CU_ASSERT_FALSE(dpl_proc_read(child, &proc));
    /* At a deadline that has passed before it could begin. */
    CU_ASSERT_EQUAL(run("sleep 600", 0, false, NULL, &err), DPL_E_TIMEOUT);
}

static void what_stays_in_the_background_does_not_hold_a_command(void)
{
    struct dpl_err err;
    g_autofree char *output = NULL;
    CU_ASSERT_EQUAL(run("sleep 600 & echo $!", 60000, false, &output, &err), DPL_OK);
    pid_t child = dpl_proc_parse_pid_file(output);
    CU_ASSERT(child > 1 && kill(child, SIGKILL) == 0);
}

static void a_copy_of_the_data_counts_as_moved(void)
{
    g_autofree char *dir = g_build_filename(unit_tempdir(), "a", NULL);
    g_autofree char *stamp = g_build_filename(dir, ".doppel-origin", NULL);
    g_autofree char *text = NULL;
    g_mkdir_with_parents(dir, 0755);
    CU_ASSERT_TRUE(dpl_origin_moved(dir, "site-a"));
    CU_ASSERT_EQUAL(dpl_origin_stamp(dir, "site-a", NULL), DPL_OK);
    CU_ASSERT_FALSE(dpl_origin_moved(dir, "site-a"));
    CU_ASSERT_TRUE(dpl_origin_moved(dir, "site-b"));
    /* The same bytes in another file, while the first one holds its inode number. */
    g_autofree char *other = g_build_filename(dir, "other", NULL);
    CU_ASSERT_FATAL(g_file_get_contents(stamp, &text, NULL, NULL));
    CU_ASSERT_EQUAL(rename(stamp, other), 0);
    CU_ASSERT_TRUE(g_file_set_contents(stamp, text, -1, NULL));
    CU_ASSERT_TRUE(dpl_origin_moved(dir, "site-a"));
    CU_ASSERT_EQUAL(dpl_origin_stamp(dir, "site-a", NULL), DPL_OK);
    CU_ASSERT_FALSE(dpl_origin_moved(dir, "site-a"));
    CU_ASSERT_TRUE(dpl_origin_moved("/nonexistent", ""));
    CU_ASSERT_TRUE(dpl_origin_stamp("/nonexistent", "", NULL) < 0);
}

/* A session of its own: a shell and a child, both deaf to SIGTERM if they shall be. Returns the
 * shell. */
static pid_t begin_session(const char *script)
{
    g_autofree char *log = g_build_filename(unit_tempdir(), "log", NULL);
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    const struct dpl_command_task task = {.argv = argv, .log = log};
    pid_t pid = 0;
    CU_ASSERT_EQUAL_FATAL(dpl_command_start(&task, &pid, NULL), DPL_OK);
    g_autofree char *text = NULL;
    for (int i = 0; i < 6000 && (!text || !strstr(text, "up")); i++) {
        g_clear_pointer(&text, g_free);
        g_file_get_contents(log, &text, NULL, NULL);
        g_usleep(10000);
    }
    return pid;
}

static int stop_kind(const struct dpl_service_kind *kind, pid_t pid, uint64_t start,
                     int64_t kill_ms, int *killed_r)
{
    const struct dpl_service service = {.kind = kind, .binary = "/nonexistent"};
    const struct dpl_service_memory memory = {.known = {{.pid = pid, .start = start}}};
    int64_t now = dpl_clock_now_ns(&dpl_clock_system);
    struct dpl_service_stop stop = {.service = &service,
                                    .memory = &memory,
                                    .clock = &dpl_clock_system,
                                    .kill_ns = now + kill_ms * 1000000,
                                    .deadline_ns = now + 120 * INT64_C(1000000000)};
    int code = dpl_service_stop(&stop, NULL);
    *killed_r = stop.killed;
    return code;
}

static int stop(pid_t pid, uint64_t start, int64_t kill_ms, int *killed_r)
{
    static const struct dpl_service_kind kind = {.name = "test", .stop_signal = SIGTERM};
    return stop_kind(&kind, pid, start, kill_ms, killed_r);
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void a_stop_ends_a_session_whose_leader_is_gone(void)
{
    int killed;
    struct dpl_proc proc, child = {0};
    struct dpl_procs procs;
    pid_t pid = begin_session("sleep 601 & echo up; wait");
    CU_ASSERT_TRUE(dpl_proc_read(pid, &proc));
    kill(pid, SIGKILL);
    reap(pid);
    CU_ASSERT_EQUAL(dpl_procs_read(&procs, NULL), DPL_OK);
    for (size_t i = 0; i < procs.count; i++)
        if (procs.items[i].session == pid)
            child = procs.items[i];
    dpl_procs_done(&procs);
    CU_ASSERT(child.pid > 0);
    CU_ASSERT_EQUAL(stop(pid, proc.start, 100000, &killed), DPL_OK);
    CU_ASSERT_EQUAL(killed, 0);
    CU_ASSERT_FALSE(dpl_proc_runs(child.pid, child.start));
}

static void a_stop_kills_what_is_deaf_and_wakes_what_is_stopped(void)
{
    int killed;
    struct dpl_proc proc;
    pid_t pid = begin_session("trap '' TERM; echo up; while :; do sleep 0.1; done");
    CU_ASSERT_TRUE(dpl_proc_read(pid, &proc));
    CU_ASSERT_EQUAL(stop(pid, proc.start, 500, &killed), DPL_OK);
    CU_ASSERT(killed > 0);
    reap(pid);
    pid = begin_session("echo up; exec sleep 602");
    CU_ASSERT_TRUE(dpl_proc_read(pid, &proc));
    kill(pid, SIGSTOP);
    CU_ASSERT_EQUAL(stop(pid, proc.start, 100000, &killed), DPL_OK);
    CU_ASSERT_EQUAL(killed, 0);
    reap(pid);
    CU_ASSERT_EQUAL(stop(pid, proc.start, 500, &killed), DPL_OK);
}

/* An LMTP server: takes a message ('b'), saves it, answers ('e'), waits for the next. */
static void play_lmtp(int fd)
{
    int events = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event;
    prctl(PR_SET_NAME, "lmtp");
    for (;;) {
        bool told = write(fd, "b", 1) == 1;
        usleep(20000);
        if (!told || write(fd, "e", 1) != 1)
            _exit(1);
        epoll_wait(events, &event, 1, 3);
    }
}

/* A Dovecot in a session of its own; what its LMTP server does is read from *fd_r. */
static pid_t begin_dovecot(int *fd_r)
{
    int fds[2];
    char byte;
    CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        if (fork() == 0)
            play_lmtp(fds[1]);
        for (;;)
            pause();
    }
    close(fds[1]);
    CU_ASSERT_EQUAL(read(fds[0], &byte, 1), 1);
    *fd_r = fds[0];
    return pid;
}

static void a_stop_of_dovecot_cuts_no_delivery(void)
{
    static const struct dpl_service_kind kind = {
        .name = "test", .stop_signal = SIGTERM, .settle = dpl_service_dovecot_settle};
    for (int i = 0; i < 5; i++) {
        int killed, fd;
        char byte, last = 0;
        struct dpl_proc proc;
        pid_t pid = begin_dovecot(&fd);
        CU_ASSERT_TRUE(dpl_proc_read(pid, &proc));
        CU_ASSERT_EQUAL(stop_kind(&kind, pid, proc.start, 100000, &killed), DPL_OK);
        CU_ASSERT_EQUAL(killed, 0);
        while (read(fd, &byte, 1) == 1)
            last = byte;
        CU_ASSERT_EQUAL(last, 'e');
        close(fd);
        reap(pid);
    }
}

/* A master that makes a new server all the time, each for one message that takes longer than those
 * before. */
static void play_busy_master(int fd)
{
    for (int n = 0; n < 400; n++) {
        if (fork() == 0) {
            int events = epoll_create1(EPOLL_CLOEXEC);
            struct epoll_event event;
            usleep(1000);
            prctl(PR_SET_NAME, "lmtp");
            bool told = write(fd, "b", 1) == 1;
            usleep(20000 + (useconds_t)n * 5000);
            if (!told || write(fd, "e", 1) != 1)
                _exit(1);
            epoll_wait(events, &event, 1, -1);
        }
        usleep(1000);
    }
}

static pid_t begin_busy_dovecot(int *fd_r)
{
    int fds[2];
    CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        signal(SIGCHLD, SIG_IGN);
        play_busy_master(fds[1]);
        for (;;)
            pause();
    }
    close(fds[1]);
    *fd_r = fds[0];
    return pid;
}

/* How many messages were begun and not ended when Dovecot was stopped, after some of them. */
static int cut_by_a_stop(void)
{
    static const struct dpl_service_kind kind = {
        .name = "test", .stop_signal = SIGTERM, .settle = dpl_service_dovecot_settle};
    int killed, fd, open_now = 0;
    char byte;
    struct dpl_proc proc;
    pid_t pid = begin_busy_dovecot(&fd);
    for (int begun = 0; begun < 10 && read(fd, &byte, 1) == 1;) {
        begun += byte == 'b';
        open_now += byte == 'b' ? 1 : -1;
    }
    CU_ASSERT_TRUE(dpl_proc_read(pid, &proc));
    CU_ASSERT_EQUAL(stop_kind(&kind, pid, proc.start, 100000, &killed), DPL_OK);
    CU_ASSERT_EQUAL(killed, 0);
    while (read(fd, &byte, 1) == 1)
        open_now += byte == 'b' ? 1 : -1;
    close(fd);
    reap(pid);
    return open_now;
}

static void a_stop_of_dovecot_cuts_none_that_is_new(void)
{
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(cut_by_a_stop(), 0);
}

/* Its master may wait for who writes its log, and that one is gone. */
static void a_stop_of_postfix_does_not_wait_for_what_its_master_says(void)
{
    int killed;
    struct dpl_proc proc;
    pid_t pid = begin_session("trap '' TERM; echo up; exec sleep 604");
    CU_ASSERT_TRUE(dpl_proc_read(pid, &proc));
    CU_ASSERT_EQUAL(stop_kind(dpl_service_kind_find("postfix"), pid, proc.start, 20000, &killed),
                    DPL_OK);
    CU_ASSERT_EQUAL(killed, 0);
    reap(pid);
}

static void a_stop_touches_no_stranger_with_the_same_number(void)
{
    int killed;
    struct dpl_proc proc;
    pid_t pid = begin_session("echo up; exec sleep 603");
    CU_ASSERT_TRUE(dpl_proc_read(pid, &proc));
    CU_ASSERT_EQUAL(stop(pid, proc.start - 1, 0, &killed), DPL_OK);
    CU_ASSERT_TRUE(dpl_proc_runs(pid, proc.start));
    CU_ASSERT_FALSE(dpl_proc_signal(pid, proc.start - 1, SIGKILL));
    CU_ASSERT_TRUE(dpl_proc_signal(pid, proc.start, SIGKILL));
    reap(pid);
}

static const struct unit_test tests[] = {
    {"a command gives its output and its reason", a_command_gives_its_output_and_its_reason},
    {"a command that hangs is ended, and its children with it",
     a_command_that_hangs_is_ended_and_its_children_with_it},
    {"what stays in the background does not hold a command",
     what_stays_in_the_background_does_not_hold_a_command},
    {"a copy of the data counts as moved", a_copy_of_the_data_counts_as_moved},
    {"a stop ends a session whose leader is gone", a_stop_ends_a_session_whose_leader_is_gone},
    {"a stop kills what is deaf, and wakes what is stopped",
     a_stop_kills_what_is_deaf_and_wakes_what_is_stopped},
    {"a stop of Dovecot cuts no delivery", a_stop_of_dovecot_cuts_no_delivery},
    {"a stop of Dovecot cuts none that is new", a_stop_of_dovecot_cuts_none_that_is_new},
    {"a stop of Postfix does not wait for what its master says",
     a_stop_of_postfix_does_not_wait_for_what_its_master_says},
    {"a stop touches no stranger with the same number",
     a_stop_touches_no_stranger_with_the_same_number},
};
UNIT_MAIN(tests)
