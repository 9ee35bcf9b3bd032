/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/pacemaker/run.h"

#include "lib/base/clock.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct run {
    GPid pid;
    int out, err;
    GString *said, *complained;
};

/* What a descriptor has; false at its end. */
static bool read_some(int *fd, GString *to, size_t max)
{
    char data[8192];
    ssize_t n = read(*fd, data, sizeof data);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n > 0 && to->len + (size_t)n <= max)
        g_string_append_len(to, data, n);
    if (n <= 0)
        dpl_fd_clear(fd);
    return n > 0;
}

/* Until both ends are closed, or the deadline. */
static bool gather(struct run *run, int64_t deadline_ns)
{
    while (run->out >= 0 || run->err >= 0) {
        struct pollfd fds[] = {{run->out, POLLIN, 0}, {run->err, POLLIN, 0}};
        int left = dpl_clock_left_ms(&dpl_clock_system, deadline_ns);
        int n = left > 0 ? poll(fds, 2, left) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        if (fds[0].revents)
            read_some(&run->out, run->said, DPL_PCMK_OUTPUT_MAX);
        if (fds[1].revents)
            read_some(&run->err, run->complained, 4096);
    }
    return true;
}

/* What it said of its failure, on one line. */
static const char *complaint(struct run *run, const char *fallback)
{
    g_strstrip(run->complained->str);
    for (char *p = run->complained->str; *p; p++)
        if (*p == '\n')
            *p = ' ';
    return run->complained->str[0] ? run->complained->str : fallback;
}

static int end(struct run *run, const char *program, bool in_time, struct dpl_err *err)
{
    int status = 0;
    if (!in_time)
        kill(run->pid, SIGKILL);
    while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!in_time)
        return dpl_err_set(err, DPL_E_TIMEOUT, "%s did not end in time", program);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return dpl_err_set(err, DPL_E_FAILED, "%s failed (%d): %.300s", program,
                           WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
                           complaint(run, "it does not say why"));
    return DPL_OK;
}

int dpl_pcmk_run(const char *const *argv, int64_t timeout_ms, char **out_r, size_t *size_r,
                 struct dpl_err *err)
{
    int64_t deadline_ns = dpl_clock_now_ns(&dpl_clock_system) + timeout_ms * 1000000;
    struct run run = {.out = -1, .err = -1};
    if (!g_spawn_async_with_pipes(NULL, (char **)(uintptr_t)argv, NULL,
                                  G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                  &run.pid, NULL, &run.out, &run.err, NULL))
        return dpl_err_set(err, DPL_E_NOT_INSTALLED, "%s cannot be run", argv[0]);
    fcntl(run.out, F_SETFL, O_NONBLOCK);
    fcntl(run.err, F_SETFL, O_NONBLOCK);
    run.said = g_string_new(NULL);
    run.complained = g_string_new(NULL);
    int rc = end(&run, argv[0], gather(&run, deadline_ns), err);
    dpl_fd_clear(&run.out);
    dpl_fd_clear(&run.err);
    g_string_free(run.complained, TRUE);
    if (size_r)
        *size_r = run.said->len;
    char *said = g_string_free(run.said, FALSE);
    if (rc == DPL_OK && out_r)
        *out_r = g_steal_pointer(&said);
    g_free(said);
    return rc;
}
