/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * load: a caller that is killed in the middle of its calls, again and again. A call that was under
 * way has happened or not; nothing else may be seen of it, and what was answered stays.
 */
#include "tests/crash/load.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORD 40

/* Appends records and makes and removes a name, until it is killed. */
static _Noreturn void suffer(struct load_worker *w)
{
    char record[RECORD + 1];
    int fd = openat(w->dir_fd, "victim", O_WRONLY | O_APPEND | O_CLOEXEC);
    for (;;) {
        long n = load_shared->victim_records;
        snprintf(record, sizeof record, "vic %035ld\n", n);
        if (LOAD_MUST(w, write(fd, record, RECORD)) != RECORD)
            _exit(1);
        load_shared->victim_records = n + 1;
        int made = (int)LOAD_TIMED(
            openat(w->dir_fd, "victim.name", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
        if (made < 0) {
            load_bad(w, "victim.name: %m");
            _exit(1);
        }
        close(made);
        LOAD_MUST(w, unlinkat(w->dir_fd, "victim.name", 0));
    }
}

/* One record may be there that was not answered, or, where it crosses the end of a page, its part
 * on the first page. */
static void check_file(struct load_worker *w)
{
    struct stat st;
    long known = load_shared->victim_records * RECORD;
    if (fstatat(w->dir_fd, "victim", &st, 0) < 0) {
        load_bad(w, "the victim's file: %m");
        return;
    }
    long more = (long)st.st_size - known;
    if (more == RECORD) {
        load_shared->victim_records++;
    } else if (more > 0 && more < RECORD && st.st_size % 4096 == 0) {
        int fd = openat(w->dir_fd, "victim", O_WRONLY | O_CLOEXEC);
        if (ftruncate(fd, known) < 0)
            load_bad(w, "the victim's file cannot be cut: %m");
        close(fd);
    } else if (more != 0) {
        load_bad(w, "the victim's file has %lld bytes, %ld are known", (long long)st.st_size,
                 known);
    }
}

void load_victims(struct load_worker *w, bool (*finished)(void))
{
    int fd =
        (int)LOAD_MUST(w, openat(w->dir_fd, "victim", O_CREAT | O_EXCL | O_CLOEXEC | O_RDWR, 0600));
    close(fd);
    while (!finished()) {
        int status;
        pid_t pid = fork();
        if (pid == 0)
            suffer(w);
        poll(NULL, 0, 3 + (int)load_random(w, 40)); /* a moment that nobody chose */
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        load_shared->victims++;
        check_file(w);
        if (unlinkat(w->dir_fd, "victim.name", 0) < 0 && errno != ENOENT)
            load_bad(w, "victim.name cannot be removed: %m");
    }
}

void load_victims_check(struct load_worker *w)
{
    char record[RECORD + 1] = "";
    long n = 0, number = -1;
    int fd = openat(w->dir_fd, "victim", O_RDONLY | O_CLOEXEC);
    for (; pread(fd, record, RECORD, n * RECORD) == RECORD; n++)
        if (sscanf(record, "vic %35ld", &number) != 1 || number != n) {
            load_bad(w, "the victim's record %ld is \"%.39s\"", n, record);
            break;
        }
    if (n != load_shared->victim_records)
        load_bad(w, "the victim's file has %ld records, not %ld", n, load_shared->victim_records);
    close(fd);
}
