/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/ocf/trace.h"

#include "lib/base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TRACE_DIR "/var/lib/heartbeat/trace_ra"

static const char *given(const char *name)
{
    const char *text = getenv(name);
    return text && *text ? text : NULL;
}

static bool wanted(void)
{
    int64_t on = 0;
    const char *text = given("OCF_RESKEY_trace_ra");
    if (!text)
        text = given("OCF_TRACE_RA");
    return text && dpl_units_boolean(text, &on, NULL) == DPL_OK && on;
}

/* Makes the directories that lead to the file. */
static void make_parents(char *path)
{
    for (char *p = path + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        mkdir(path, 0755); /* if it fails the open says why */
        *p = '/';
    }
}

static int default_path(const struct dpl_ocf_run *run, char *path, size_t size)
{
    char stamp[32], instance[NAME_MAX / 2];
    time_t now = time(NULL);
    struct tm tm;
    const char *dir = given("OCF_RESKEY_trace_dir");
    localtime_r(&now, &tm);
    strftime(stamp, sizeof stamp, "%Y-%m-%d.%H:%M:%S", &tm);
    snprintf(instance, sizeof instance, "%s", run->instance);
    for (char *p = instance; *p; p++)
        if (*p == '/')
            *p = '_';
    return snprintf(path, size, "%s/%s/%s.%s.%s", dir ? dir : TRACE_DIR, run->agent->name, instance,
                    run->action->name, stamp);
}

void dpl_ocf_trace_open(struct dpl_ocf_run *run)
{
    char path[PATH_MAX];
    const char *file = given("OCF_RESKEY_trace_file");
    if (!wanted())
        return;
    int length =
        file ? snprintf(path, sizeof path, "%s", file) : default_path(run, path, sizeof path);
    if (length < 0 || (size_t)length >= sizeof path || path[0] != '/') {
        dpl_ocf_log(run, "WARNING", "not traced: the path of the trace is too long or relative");
        return;
    }
    make_parents(path);
    run->steps.trace_fd =
        open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (run->steps.trace_fd < 0)
        dpl_ocf_log(run, "WARNING", "not traced: cannot write \"%s\": %s", path, strerror(errno));
    else
        dprintf(run->steps.trace_fd, "%s %s, level %d, timeout %lld ms\n", run->agent->name,
                run->probe ? "probe" : run->action->name, run->level, (long long)run->timeout_ms);
}
