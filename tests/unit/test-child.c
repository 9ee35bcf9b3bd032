/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Supervision against real children: /bin/sh, and this program itself as a child with a channel.
 */
#include "daemon/parent/child.h"
#include "daemon/parent/log.h"
#include "lib/base/fd.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a test saw. */
struct seen {
    qb_loop_t *loop;
    struct dpl_children *children;
    struct dpl_child *child;
    unsigned started, ended, messages, stop_after;
    int status;
    bool again;
    bool free_at_end;
    char text[64];
    struct dpl_timer guard;
};

static void give_up(void *self)
{
    struct seen *seen = self;
    CU_FAIL("nothing happened any more");
    qb_loop_stop(seen->loop);
}

static void on_started(void *self)
{
    struct seen *seen = self;
    seen->started++;
}

static void on_ended(void *self, int status, bool again)
{
    struct seen *seen = self;
    seen->ended++;
    seen->status = status;
    seen->again = again;
    if (seen->free_at_end)
        g_clear_pointer(&seen->child, dpl_child_free);
    if (seen->ended >= seen->stop_after)
        qb_loop_stop(seen->loop);
}

static void on_message(void *self, const struct dpl_doc *doc)
{
    struct seen *seen = self;
    seen->messages++;
    const char *text = dpl_doc_text(doc, "text");
    g_strlcpy(seen->text, text ? text : "", sizeof seen->text);
    dpl_autofd int fd = dpl_child_take_fd(seen->child);
    if (fd >= 0)
        seen->status = (int)lseek(fd, 0, SEEK_END);
}

static const struct dpl_child_fns fns = {on_started, on_message, on_ended};

static void begin(struct seen *seen, const struct dpl_child_kind *kind, const char *const *args)
{
    *seen = (struct seen){.loop = qb_loop_create(), .stop_after = 1};
    seen->children = dpl_children_new(seen->loop, "/nowhere");
    seen->child = dpl_child_new(seen->children, kind, "x", args, &fns, seen);
    dpl_timer_set(&seen->guard, seen->loop, 120000, give_up, seen);
}

static void finish(struct seen *seen)
{
    dpl_timer_clear(&seen->guard);
    dpl_child_free(seen->child);
    dpl_children_free(seen->children);
    qb_loop_destroy(seen->loop);
}

static struct dpl_child_kind shell = {
    .name = "shell", .program = "/bin/sh", .stop_ms = 120000, .backoff = {1, 4, 1000000}};

static void runs_once(void)
{
    struct seen seen;
    const char *args[] = {"-c", "exit 7", NULL};
    begin(&seen, &shell, args);
    CU_ASSERT_EQUAL(dpl_child_start(seen.child, NULL), 0);
    CU_ASSERT_TRUE(dpl_child_running(seen.child));
    qb_loop_run(seen.loop);
    CU_ASSERT_TRUE(seen.started == 1 && seen.ended == 1 && seen.status == 7 && !seen.again);
    CU_ASSERT_FALSE(dpl_child_running(seen.child));
    finish(&seen);
}

static void started_again(void)
{
    struct seen seen;
    const char *args[] = {"-c", "kill -9 $$", NULL};
    struct dpl_child_kind kind = shell;
    kind.restart = true;
    begin(&seen, &kind, args);
    seen.stop_after = 5;
    CU_ASSERT_EQUAL(dpl_child_start(seen.child, NULL), 0);
    qb_loop_run(seen.loop);
    CU_ASSERT_TRUE(seen.started == 5 && seen.again && seen.status == -SIGKILL);
    finish(&seen);
}

static void stopped_for_good(void)
{
    struct seen seen;
    const char *args[] = {"-c", "while :; do read x </dev/zero; done", NULL};
    struct dpl_child_kind kind = shell;
    kind.restart = true;
    begin(&seen, &kind, args);
    dpl_child_start(seen.child, NULL);
    dpl_child_stop(seen.child);
    qb_loop_run(seen.loop);
    CU_ASSERT_TRUE(seen.ended == 1 && !seen.again && seen.status == -SIGTERM);
    finish(&seen);
}

static void killed_when_deaf(void)
{
    struct seen seen;
    /* It says by its channel that it is deaf; then it is asked to end. */
    const char *args[] = {"deaf", NULL};
    struct dpl_child_kind kind = {.name = "deaf",
                                  .program = "/proc/self/exe",
                                  .channel = true,
                                  .stop_ms = 20,
                                  .backoff = {1, 4, 1000}};
    begin(&seen, &kind, args);
    CU_ASSERT_EQUAL(dpl_child_start(seen.child, NULL), 0);
    while (seen.messages == 0 && seen.ended == 0) {
        dpl_timer_set(&seen.guard, seen.loop, 5, (dpl_timer_fn *)qb_loop_stop, seen.loop);
        qb_loop_run(seen.loop);
    }
    dpl_timer_set(&seen.guard, seen.loop, 120000, give_up, &seen);
    dpl_child_stop(seen.child);
    qb_loop_run(seen.loop);
    CU_ASSERT_EQUAL(seen.status, -SIGKILL);
    finish(&seen);
}

static void not_there(void)
{
    struct seen seen;
    const char *args[] = {NULL};
    struct dpl_err err = {0};
    struct dpl_child_kind kind = {.name = "absent", .program = "absent", .backoff = {1, 4, 1000}};
    begin(&seen, &kind, args);
    CU_ASSERT_EQUAL(dpl_child_start(seen.child, &err), DPL_E_NOT_FOUND);
    CU_ASSERT_STRING_EQUAL(err.text, "start \"/nowhere/absent\": No such file or directory");
    CU_ASSERT_EQUAL(seen.ended, 0);
    finish(&seen);
}

static void channel(void)
{
    struct seen seen;
    const char *args[] = {"echo", NULL};
    struct dpl_child_kind kind = {.name = "echo",
                                  .program = "/proc/self/exe",
                                  .channel = true,
                                  .stop_ms = 120000,
                                  .backoff = {1, 4, 1000}};
    begin(&seen, &kind, args);
    dpl_child_give_fd(seen.child, open("/dev/null", O_RDONLY | O_CLOEXEC));
    CU_ASSERT_EQUAL(dpl_child_start(seen.child, NULL), 0);
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_text(doc, "text", "hello");
    CU_ASSERT_EQUAL(dpl_child_send(seen.child, doc, NULL, 0, NULL), 0);
    qb_loop_run(seen.loop);
    /* It ended after its answer, which is read all the same. */
    CU_ASSERT_EQUAL(seen.messages, 1);
    CU_ASSERT_STRING_EQUAL(seen.text, "hello back, fds 0-4");
    CU_ASSERT_EQUAL(dpl_child_send(seen.child, doc, NULL, 0, NULL), DPL_E_NOT_RUNNING);
    finish(&seen);
}

static void freed_in_its_function(void)
{
    struct seen seen;
    const char *args[] = {"-c", "exit 0", NULL};
    begin(&seen, &shell, args);
    seen.free_at_end = true;
    dpl_child_start(seen.child, NULL);
    qb_loop_run(seen.loop);
    CU_ASSERT_TRUE(seen.ended == 1 && !seen.child);
    finish(&seen);
}

static void all_done(void *self)
{
    struct seen *seen = self;
    seen->messages = 100;
    qb_loop_stop(seen->loop);
}

static void all_stop(void)
{
    struct seen seen;
    const char *args[] = {"-c", "while :; do read x </dev/zero; done", NULL};
    struct dpl_child_kind kind = shell;
    kind.restart = true;
    begin(&seen, &kind, args);
    seen.stop_after = 100;
    struct dpl_child *second = dpl_child_new(seen.children, &kind, "y", args, NULL, NULL);
    struct dpl_child *freed = dpl_child_new(seen.children, &kind, "z", args, NULL, NULL);
    dpl_child_start(seen.child, NULL);
    dpl_child_start(second, NULL);
    dpl_child_start(freed, NULL);
    dpl_child_free(freed);
    dpl_children_stop(seen.children, all_done, &seen);
    qb_loop_run(seen.loop);
    CU_ASSERT_EQUAL(seen.messages, 100);
    CU_ASSERT_FALSE(dpl_child_running(seen.child) || dpl_child_running(second));
    CU_ASSERT_EQUAL(dpl_child_start(second, NULL), 0); /* not any more */
    CU_ASSERT_FALSE(dpl_child_running(second));
    finish(&seen);
}

static void too_long(void)
{
    struct seen seen;
    const char *args[] = {"-c", "while :; do read x </dev/zero; done", NULL};
    struct dpl_child_kind kind = shell;
    kind.most_ms = 20;
    begin(&seen, &kind, args);
    dpl_child_start(seen.child, NULL);
    qb_loop_run(seen.loop);
    CU_ASSERT_EQUAL(seen.status, -SIGTERM);
    finish(&seen);
}

static const struct unit_test tests[] = {
    {"a child runs, and its end is told once", runs_once},
    {"a child that dies is started again and again", started_again},
    {"a child that is stopped stays stopped", stopped_for_good},
    {"a child that does not listen is killed", killed_when_deaf},
    {"a program that is not there is said by name", not_there},
    {"a channel and given descriptors reach the child, nothing else does", channel},
    {"a child may be freed when its end is told", freed_in_its_function},
    {"all stop, and it is told when the last is gone", all_stop},
    {"a child that runs for too long is stopped", too_long},
};

/* As a child: waits for a document on 3 and answers, with the descriptors that are open. */
static int echo(void)
{
    struct dpl_doc *doc = NULL;
    struct dpl_channel *channel = NULL;
    char fds[64] = "";
    int first = -1, last = -1;
    for (int i = 0; i < 1000; i++) {
        if (fcntl(i, F_GETFD) < 0)
            continue;
        first = first < 0 ? i : first;
        last = i;
    }
    snprintf(fds, sizeof fds, "%d-%d", first, last);
    channel = dpl_channel_new(DPL_CHANNEL_FD);
    struct pollfd p = {.fd = DPL_CHANNEL_FD, .events = POLLIN};
    while (poll(&p, 1, 120000) == 1 && dpl_channel_receive(channel, &doc, NULL) == 0)
        ;
    if (!doc)
        return 1;
    g_autoptr(dpl_doc_auto) answer = dpl_doc_new();
    dpl_doc_set_format(answer, "text", "%s back, fds %s", dpl_doc_text(doc, "text"), fds);
    int rc = dpl_channel_send(channel, answer, NULL, 0, NULL);
    dpl_doc_free(doc);
    dpl_channel_free(channel);
    return rc < 0;
}

static int deaf(void)
{
    signal(SIGTERM, SIG_IGN);
    struct dpl_channel *channel = dpl_channel_new(DPL_CHANNEL_FD);
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_channel_send(channel, doc, NULL, 0, NULL);
    struct pollfd p = {.fd = DPL_CHANNEL_FD, .events = POLLIN};
    poll(&p, 1, 120000);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "echo") == 0)
        return echo();
    if (argc > 1 && strcmp(argv[1], "deaf") == 0)
        return deaf();
    dpl_log_open("test-child", DPL_LOG_STDERR, LOG_ERR);
    return unit_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
