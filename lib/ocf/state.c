/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/ocf/state.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void dpl_ocf_state_path(const struct dpl_ocf_run *run, const char *by_hand, const char *suffix,
                        char path[DPL_OCF_STATE_PATH])
{
    bool unnamed = by_hand && strcmp(run->instance, "default") == 0;
    int n = snprintf(path, DPL_OCF_STATE_PATH, "%s/", DPL_RUN_DIR);
    snprintf(path + n, DPL_OCF_STATE_PATH - (size_t)n, "%.64s-%.256s.%s", run->agent->name,
             unnamed ? by_hand : run->instance, suffix);
    for (char *p = path + n; *p; p++)
        if (*p == '/')
            *p = '_';
}

/* What a boot forgets need not be durable: renamed, not synced. */
int dpl_ocf_state_write(const char *path, void (*print)(FILE *file, const void *state),
                        const void *state, struct dpl_err *err)
{
    char temporary[DPL_OCF_STATE_PATH + 8];
    if (mkdir(DPL_RUN_DIR, 0755) < 0 && errno != EEXIST)
        return dpl_err_sys(err, errno, "cannot make \"%s\"", DPL_RUN_DIR);
    snprintf(temporary, sizeof temporary, "%s.new", path);
    FILE *file = fopen(temporary, "we");
    if (!file)
        return dpl_err_sys(err, errno, "cannot write \"%s\"", temporary);
    print(file, state);
    bool ok = !ferror(file);
    if (fclose(file) != 0 || !ok || rename(temporary, path) < 0) {
        int code = dpl_err_sys(err, errno, "cannot write \"%s\"", path);
        unlink(temporary);
        return code;
    }
    return DPL_OK;
}

int dpl_ocf_state_remove(const char *path, struct dpl_err *err)
{
    if (unlink(path) < 0 && errno != ENOENT)
        return dpl_err_sys(err, errno, "cannot remove \"%s\"", path);
    return DPL_OK;
}
