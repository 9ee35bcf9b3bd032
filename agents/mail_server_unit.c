/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/mail_server_unit.h"

#include "lib/service/unit.h"

#include <string.h>

enum { LOOK_US = 100000 };

static int show_until(struct ms_check *check, int64_t deadline_ns, struct dpl_unit *unit_r,
                      struct dpl_err *err)
{
    const struct dpl_service_time time = {.clock = check->run->steps.clock,
                                          .deadline_ns = deadline_ns};
    dpl_ocf_step(&check->run->steps, "asking systemctl");
    return dpl_unit_show(&check->want->service, &time, unit_r, err);
}

static int show(struct ms_check *check, struct dpl_unit *unit_r, struct dpl_err *err)
{
    return show_until(check, check->deadline_ns, unit_r, err);
}

static int is_loaded(const struct ms_check *check, const struct dpl_unit *unit, struct dpl_err *err)
{
    if (strcmp(unit->loaded, "loaded") == 0)
        return DPL_OK;
    return dpl_err_set(err, DPL_E_NOT_INSTALLED, "the unit %s is %s here",
                       check->want->service.unit, unit->loaded[0] ? unit->loaded : "not known");
}

static void complain_if_enabled(const struct ms_check *check, const struct dpl_unit *unit)
{
    if (strcmp(unit->enabled, "enabled") == 0)
        dpl_ocf_log(check->run, "WARNING",
                    "the unit %s is enabled, so a boot starts it without the cluster: systemctl "
                    "disable %s",
                    check->want->service.unit, check->want->service.unit);
}

int ms_unit_here(struct ms_check *check, struct dpl_err *err)
{
    struct dpl_unit unit;
    int code = show(check, &unit, err);
    if (code == DPL_OK)
        complain_if_enabled(check, &unit);
    return code < 0 ? code : is_loaded(check, &unit, err);
}

static void remember(struct ms_check *check, pid_t pid)
{
    struct dpl_proc proc;
    struct dpl_service_known *known = &check->state->memory.known[MS_MASTER];
    *known = (struct dpl_service_known){0};
    if (pid > 1 && dpl_proc_read(pid, &proc))
        *known = (struct dpl_service_known){.pid = pid, .start = proc.start};
}

int ms_unit_start(struct ms_check *check, struct dpl_err *err)
{
    const struct dpl_service_time time = {.clock = check->run->steps.clock,
                                          .deadline_ns = check->deadline_ns};
    struct dpl_unit unit;
    int code = show(check, &unit, err);
    if (code == DPL_OK)
        code = is_loaded(check, &unit, err);
    if (code < 0)
        return code;
    complain_if_enabled(check, &unit);
    dpl_ocf_step(&check->run->steps, "starting the unit");
    code = dpl_unit_do(&check->want->service, &time, "start", NULL, err);
    if (code == DPL_OK)
        code = show(check, &unit, err);
    if (code == DPL_OK && strcmp(unit.active, "active") != 0)
        code = dpl_err_set(err, DPL_E_FAILED, "the unit %s was started, and is %s",
                           check->want->service.unit, unit.active);
    if (code == DPL_OK)
        remember(check, unit.pid);
    return code;
}

int ms_unit_active(struct ms_check *check, struct dpl_err *err)
{
    const struct dpl_service_known *known = &check->state->memory.known[MS_MASTER];
    struct dpl_unit unit;
    if (dpl_proc_runs(known->pid, known->start))
        return DPL_OK;
    int code = show(check, &unit, err);
    if (code < 0)
        return code;
    if (dpl_unit_is_down(&unit))
        return dpl_err_set(err, DPL_E_NOT_RUNNING, "the unit %s is %s", check->want->service.unit,
                           unit.active);
    if (strcmp(unit.active, "active") != 0 && strcmp(unit.active, "reloading") != 0)
        return dpl_err_set(err, DPL_E_FAILED, "the unit %s is %s", check->want->service.unit,
                           unit.active);
    remember(check, unit.pid);
    return check->state->there ? ms_state_write(check->state, err) : DPL_OK;
}

int ms_unit_reload(struct ms_check *check, struct dpl_err *err)
{
    const struct dpl_service_time time = {.clock = check->run->steps.clock,
                                          .deadline_ns = check->deadline_ns};
    return dpl_unit_do(&check->want->service, &time, "reload", NULL, err);
}

/* Down, as systemd says it; where it cannot be asked, that is no answer. */
static int is_down(struct ms_check *check, int64_t deadline_ns, struct dpl_err *err)
{
    struct dpl_unit unit;
    int code = show_until(check, deadline_ns, &unit, err);
    if (code < 0)
        return code;
    return dpl_unit_is_down(&unit) ? DPL_OK
                                   : dpl_err_set(err, DPL_E_FAILED, "the unit %s is still %s",
                                                 check->want->service.unit, unit.active);
}

int ms_unit_stop(struct ms_check *check, int64_t kill_ns, struct dpl_err *err)
{
    struct dpl_service_time time = {.clock = check->run->steps.clock, .deadline_ns = kill_ns};
    struct dpl_err why = {0};
    if (is_down(check, kill_ns, &why) == DPL_OK)
        return DPL_OK;
    dpl_ocf_step(&check->run->steps, "stopping the unit");
    (void)dpl_unit_do(&check->want->service, &time, "stop", NULL, &why);
    if (is_down(check, kill_ns, err) == DPL_OK)
        return DPL_OK;
    dpl_ocf_log(check->run, "WARNING", "it is killed: %s", why.text[0] ? why.text : err->text);
    dpl_ocf_step(&check->run->steps, "killing the unit");
    time.deadline_ns = check->deadline_ns;
    int code = dpl_unit_do(&check->want->service, &time, "kill", "--signal=SIGKILL", &why);
    while (is_down(check, check->deadline_ns, err) < 0) {
        if (dpl_clock_left_ms(time.clock, check->deadline_ns) == 0)
            return err->code;
        if (code < 0)
            return dpl_err_set(err, code, "%s", why.text);
        g_usleep(LOOK_US);
    }
    return DPL_OK;
}
