/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * store-kill DIR: a process that changes documents of a store is killed before its first, second, …
 * system call, until it comes through. Each time the store opens again and holds the old or the new
 * state, whole, and what was reported done is there.
 */
#include "daemon/store/store.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STEPS = 4 };

/* What the killed process had reported, in shared memory. */
struct progress {
    int done;
};

static void die(const char *what, const struct dpl_err *err)
{
    fprintf(stderr, "store-kill: %s: %s\n", what, err->text);
    exit(1);
}

struct ended {
    int rc;
    struct dpl_err *err;
};

static void note_end(void *self, int rc, struct dpl_store_version version,
                     const struct dpl_err *err)
{
    struct ended *ended = self;
    (void)version;
    ended->rc = rc;
    if (rc < 0)
        *ended->err = *err;
}

/* Puts 1, puts 2 in its place, deletes it, puts 4. */
static int step(struct dpl_store *store, int number, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_int(doc, "value", number);
    struct ended ended = {.err = err};
    dpl_store_put(store, "set", "x", NULL, number == 3 ? NULL : doc, note_end, &ended);
    return ended.rc;
}

static void victim(const char *dir, struct progress *progress)
{
    struct dpl_store *store;
    struct dpl_err err = {0};
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    if (dpl_store_open(dir, "node", &store, &err) < 0)
        _exit(1);
    dpl_store_start_alone(store);
    for (int i = 1; i <= STEPS; i++) {
        if (step(store, i, &err) < 0)
            _exit(1);
        progress->done = i;
    }
    _exit(0);
}

/* Lets the child run over `calls` stops at system calls, then kills it. True if it ended before. */
static int run(pid_t pid, int calls)
{
    int status;
    waitpid(pid, &status, 0);
    for (int i = 0; i < calls; i++) {
        ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
        waitpid(pid, &status, 0);
        if (WIFEXITED(status)) {
            if (WEXITSTATUS(status) != 0)
                exit(1);
            return 1;
        }
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return 0;
}

static void unlink_book(const char *dir)
{
    g_autofree char *book = g_build_filename(dir, "book", NULL);
    unlink(book);
}

static void check(const char *dir, int calls, int done)
{
    struct dpl_store *store;
    struct dpl_store_item item;
    struct dpl_err err = {0};
    if (dpl_store_open(dir, "node", &store, &err) < 0)
        die("after the kill", &err);
    dpl_store_start_alone(store);
    int64_t value =
        dpl_store_get(store, "set", "x", &item, NULL) == 0 ? dpl_doc_int(item.doc, "value", -1) : 0;
    static const int64_t after[STEPS + 1] = {0, 1, 2, 0, 4};
    if (value != after[done] && (done == STEPS || value != after[done + 1])) {
        fprintf(stderr, "store-kill: killed at stop %d after step %d: found %lld\n", calls, done,
                (long long)value);
        exit(1);
    }
    dpl_store_close(store);
    unlink_book(dir);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    struct progress *progress =
        mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int ended = 0, calls = 0;
    for (; !ended; calls++) {
        g_autofree char *dir = g_strdup_printf("%s/%d", argv[1], calls);
        progress->done = 0;
        fflush(NULL);
        pid_t pid = fork();
        if (pid < 0)
            return 1;
        if (pid == 0)
            victim(dir, progress);
        ended = run(pid, calls);
        check(dir, calls, progress->done);
    }
    printf("%d kills, each left the old state or the new one\n", calls - 1);
    return calls > 50 && progress->done == STEPS ? 0 : 1;
}
