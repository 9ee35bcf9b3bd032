/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The log of a procedure: LOG_DIR/procedures/ID.log, a line for all that happens, with the time.
 */
#include "daemon/parent/log.h"
#include "daemon/parent/run.h"
#include "lib/base/fd.h"
#include "lib/ctl/quote.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_log(const struct dpl_run *run, struct dpl_err *err)
{
    const char *top = dpl_conf_text(run->daemon->settings.conf, "daemon", "log_dir");
    g_autofree char *dir = g_build_filename(top, "procedures", NULL);
    g_autofree char *name = g_strdup_printf("%s.log", run->id);
    g_autofree char *path = g_build_filename(dir, name, NULL);
    int fd = g_mkdir_with_parents(dir, 0750) < 0
                 ? -1
                 : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    return fd < 0 ? dpl_err_sys(err, errno, "write \"%s\"", path) : fd;
}

void dpl_run_log(struct dpl_run *run, const char *text)
{
    struct dpl_err err = {0};
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *time = g_date_time_format(now, "%Y-%m-%d %H:%M:%S.%f");
    g_autoptr(GString) line = g_string_new(time);
    g_string_append_printf(line, " %s: ", run->daemon->settings.node);
    dpl_quote_into(line, text, strlen(text));
    g_string_append_c(line, '\n');
    dpl_autofd int fd = open_log(run, &err);
    if (fd >= 0 && write(fd, line->str, line->len) != (ssize_t)line->len)
        dpl_err_sys(&err, errno, "write its log");
    if (err.code < 0 && !run->unlogged) { /* it goes on without: the record is in the store */
        run->unlogged = true;
        dpl_log(LOG_WARNING, "procedure %s: %s", run->id, err.text);
    }
}
