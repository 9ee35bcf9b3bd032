/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/service/unit.h"

#include "lib/service/command.h"

#include <stdio.h>
#include <string.h>

static void keep(char *to, size_t size, const char *line, const char *key)
{
    size_t length = strlen(key);
    if (strncmp(line, key, length) == 0)
        snprintf(to, size, "%s", line + length);
}

void dpl_unit_parse(const char *output, struct dpl_unit *unit_r)
{
    g_auto(GStrv) lines = g_strsplit(output, "\n", -1);
    *unit_r = (struct dpl_unit){0};
    for (char **line = lines; *line; line++) {
        keep(unit_r->loaded, sizeof unit_r->loaded, *line, "LoadState=");
        keep(unit_r->active, sizeof unit_r->active, *line, "ActiveState=");
        keep(unit_r->enabled, sizeof unit_r->enabled, *line, "UnitFileState=");
        if (strncmp(*line, "MainPID=", 8) == 0)
            unit_r->pid = dpl_proc_parse_pid_file(*line + 8);
    }
}

int dpl_unit_show(const struct dpl_service *service, const struct dpl_service_time *time,
                  struct dpl_unit *unit_r, struct dpl_err *err)
{
    const char *const argv[] = {
        service->binary, "show", "--property=LoadState,ActiveState,UnitFileState,MainPID", "--",
        service->unit,   NULL};
    const struct dpl_command command = {
        .argv = argv, .clock = time->clock, .deadline_ns = time->deadline_ns};
    g_autofree char *output = NULL;
    int code = dpl_command_run(&command, &output, NULL, err);
    if (code < 0)
        return code;
    dpl_unit_parse(output, unit_r);
    if (!unit_r->active[0])
        return dpl_err_set(err, DPL_E_CORRUPT, "systemctl does not say in what state %s is",
                           service->unit);
    return DPL_OK;
}

int dpl_unit_do(const struct dpl_service *service, const struct dpl_service_time *time,
                const char *verb, const char *option, struct dpl_err *err)
{
    const char *argv[] = {service->binary,      verb, option ? option : "--",
                          option ? "--" : NULL, NULL, NULL};
    size_t count = option ? 4 : 3;
    argv[count] = service->unit;
    const struct dpl_command command = {
        .argv = argv, .clock = time->clock, .deadline_ns = time->deadline_ns};
    return dpl_command_run(&command, NULL, NULL, err);
}

bool dpl_unit_is_down(const struct dpl_unit *unit)
{
    return (strcmp(unit->active, "inactive") == 0 || strcmp(unit->active, "failed") == 0) &&
           unit->pid == 0;
}
