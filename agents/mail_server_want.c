/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/mail_server_want.h"

#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/service/probe.h"
#include "mail-server.params.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PASSWORD_MAX = 256, USER_MAX = 200, SET_MAX = 32 };

/* The parameter's text, or NULL if it was not given or cannot be read. */
static const char *given(const struct dpl_ocf_run *run, int index)
{
    return run->values[index].given && !run->values[index].bad ? run->values[index].text : NULL;
}

static int wrong(const struct dpl_ocf_run *run, int index, const char *expected,
                 struct dpl_err *err)
{
    return dpl_ocf_param_wrong(&run->agent->params[index], &run->values[index], expected, err);
}

static bool is_plain(const char *text, size_t max)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return length > 0 && length <= max;
}

static int read_kind(const struct dpl_ocf_run *run, struct ms_want *want, struct dpl_err *err)
{
    const char *name = given(run, MAIL_SERVER_SERVICE);
    want->service.kind = name ? dpl_service_kind_find(name) : NULL;
    if (!want->service.kind)
        return dpl_err_set(err, DPL_E_PARAM, "parameter service is missing");
    want->service.binary = want->service.kind->binary;
    return DPL_OK;
}

/* An absolute path as it is, but for slashes at its end. */
static bool take_path(const char *text, char *path, size_t size)
{
    size_t length = strlen(text);
    while (length > 1 && text[length - 1] == '/')
        length--;
    if (length >= size - 64)
        return false;
    snprintf(path, size, "%.*s", (int)length, text);
    return is_plain(path, size) && dpl_path_absolute_ok(path);
}

static int read_config(const struct dpl_ocf_run *run, struct ms_want *want, struct dpl_err *err)
{
    enum dpl_service_config config = want->service.kind->config;
    const char *dir = given(run, MAIL_SERVER_CONFIG_DIR);
    const char *file = given(run, MAIL_SERVER_CONFIG_FILE);
    char expected[96];
    if (dir && config != DPL_SERVICE_CONFIG_DIR) {
        snprintf(expected, sizeof expected, "nothing: service=%s has %s", want->service.kind->name,
                 config == DPL_SERVICE_CONFIG_FILE ? "a config_file" : "none");
        return wrong(run, MAIL_SERVER_CONFIG_DIR, expected, err);
    }
    if (file && config != DPL_SERVICE_CONFIG_FILE) {
        snprintf(expected, sizeof expected, "nothing: service=%s has %s", want->service.kind->name,
                 config == DPL_SERVICE_CONFIG_DIR ? "a config_dir" : "none");
        return wrong(run, MAIL_SERVER_CONFIG_FILE, expected, err);
    }
    if (config == DPL_SERVICE_CONFIG_NONE)
        return DPL_OK;
    const char *text = dir ? dir : file ? file : want->service.kind->config_default;
    if (!take_path(text, want->config, sizeof want->config))
        return wrong(run, dir ? MAIL_SERVER_CONFIG_DIR : MAIL_SERVER_CONFIG_FILE,
                     "an absolute path without \".\" and \"..\"", err);
    want->service.config = want->config;
    return DPL_OK;
}

static int read_unit(const struct dpl_ocf_run *run, struct ms_want *want, struct dpl_err *err)
{
    const char *text = given(run, MAIL_SERVER_UNIT);
    bool is_unit = want->service.kind->config == DPL_SERVICE_CONFIG_NONE;
    if (!text && is_unit)
        return dpl_err_set(err, DPL_E_PARAM, "parameter unit is missing: service=unit wants it");
    if (!text)
        return DPL_OK;
    if (!is_unit)
        return wrong(run, MAIL_SERVER_UNIT, "nothing: it is for service=unit", err);
    size_t length = strlen(text);
    if (length > 200 || text[0] == '-' || text[0] == '.' ||
        text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@")])
        return wrong(run, MAIL_SERVER_UNIT, "the name of a unit, as radicale.service", err);
    snprintf(want->unit, sizeof want->unit, "%s%s", text, strchr(text, '.') ? "" : ".service");
    want->service.unit = want->unit;
    return DPL_OK;
}

static int read_program(const struct dpl_ocf_run *run, struct ms_want *want, struct dpl_err *err)
{
    const char *binary = given(run, MAIL_SERVER_BINARY);
    const char *pid_file = given(run, MAIL_SERVER_PID_FILE);
    const char *parameters = given(run, MAIL_SERVER_PARAMETERS);
    bool is_unit = want->service.kind->config == DPL_SERVICE_CONFIG_NONE;
    char path[DPL_FACTS_PATH];
    if (binary && !take_path(binary, path, sizeof path))
        return wrong(run, MAIL_SERVER_BINARY, "an absolute path without \".\" and \"..\"", err);
    if (pid_file && !take_path(pid_file, path, sizeof path))
        return wrong(run, MAIL_SERVER_PID_FILE, "an absolute path without \".\" and \"..\"", err);
    if (parameters && (is_unit || !is_plain(parameters, 1000)))
        return wrong(run, MAIL_SERVER_PARAMETERS,
                     is_unit ? "nothing: a unit has its own" : "arguments in one line", err);
    g_auto(GStrv) words = NULL;
    if (parameters && !g_shell_parse_argv(parameters, NULL, &words, NULL))
        return wrong(run, MAIL_SERVER_PARAMETERS, "arguments with paired quotes", err);
    if (binary)
        want->service.binary = binary;
    want->service.pid_file = pid_file;
    want->service.parameters = parameters;
    return DPL_OK;
}

static int read_set(const struct dpl_ocf_run *run, struct ms_want *want, struct dpl_err *err)
{
    const char *text = given(run, MAIL_SERVER_REPLICATION_SET);
    if (text &&
        (strlen(text) > SET_MAX ||
         text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")]))
        return wrong(run, MAIL_SERVER_REPLICATION_SET,
                     "the name of a set: letters, digits, _ and -, at most 32", err);
    want->replication_set = text;
    return DPL_OK;
}

static int read_probe(const struct dpl_ocf_run *run, struct ms_want *want, struct dpl_err *err)
{
    const char *address = given(run, MAIL_SERVER_PROBE_ADDRESS);
    const char *user = given(run, MAIL_SERVER_PROBE_USER);
    const char *passfile = given(run, MAIL_SERVER_PROBE_PASSFILE);
    struct dpl_address parsed;
    if (address && (!is_plain(address, DPL_FACTS_POINT - 16) ||
                    !dpl_probe_parse(address, want->service.kind->protocol, &parsed)))
        return wrong(run, MAIL_SERVER_PROBE_ADDRESS,
                     "ADDRESS:PORT, [ADDRESS]:PORT or a socket's path, with a protocol in front if "
                     "need be, as smtp:192.0.2.10:25",
                     err);
    if (user && (!is_plain(user, USER_MAX) || strpbrk(user, "<> ")))
        return wrong(run, MAIL_SERVER_PROBE_USER, "the name or address of a user", err);
    if (passfile && (passfile[0] != '/' || !is_plain(passfile, DPL_FACTS_PATH)))
        return wrong(run, MAIL_SERVER_PROBE_PASSFILE, "an absolute path", err);
    if (passfile && !user && !run->values[MAIL_SERVER_PROBE_USER].bad)
        return dpl_err_set(err, DPL_E_PARAM,
                           "parameter probe_user is missing: probe_passfile is its password");
    want->probe_address = address;
    want->probe_user = user;
    want->probe_passfile = passfile;
    return DPL_OK;
}

int ms_want_read(const struct dpl_ocf_run *run, bool strict, struct ms_want *want_r,
                 struct dpl_err *err)
{
    static int (*const readers[])(const struct dpl_ocf_run *, struct ms_want *,
                                  struct dpl_err *) = {
        read_config, read_unit, read_program, read_set, read_probe,
    };
    memset(want_r, 0, sizeof *want_r);
    want_r->probe_failures = dpl_ocf_number(run, MAIL_SERVER_PROBE_FAILURES);
    want_r->kill_after_ms =
        given(run, MAIL_SERVER_KILL_AFTER) ? dpl_ocf_number(run, MAIL_SERVER_KILL_AFTER) : 0;
    int code = read_kind(run, want_r, strict ? err : NULL);
    for (size_t i = 0; code == DPL_OK && i < G_N_ELEMENTS(readers); i++) {
        code = readers[i](run, want_r, strict ? err : NULL);
        if (!strict)
            code = DPL_OK;
    }
    return strict ? code : DPL_OK;
}

int ms_want_check(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct ms_want want;
    return ms_want_read(run, true, &want, err);
}

int ms_want_here(const struct ms_want *want, struct dpl_err *err)
{
    const struct dpl_service *service = &want->service;
    struct stat st;
    if (access(service->binary, X_OK) < 0)
        return dpl_err_set(err, DPL_E_NOT_INSTALLED, "\"%s\" is not installed", service->binary);
    if (!service->config)
        return DPL_OK;
    bool dir = service->kind->config == DPL_SERVICE_CONFIG_DIR;
    const char *name = dir ? "config_dir" : "config_file";
    if (stat(service->config, &st) < 0)
        return dpl_err_set(err, DPL_E_PARAM_HERE, "parameter %s: \"%s\": %s%s", name,
                           service->config, strerror(errno),
                           errno == ENOENT ? ": is its disk mounted?" : "");
    if (dir ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode))
        return dpl_err_set(err, DPL_E_PARAM_HERE, "parameter %s: \"%s\" is not a %s", name,
                           service->config, dir ? "directory" : "file");
    return DPL_OK;
}

int ms_want_password(const struct ms_want *want, char **password_r, struct dpl_err *err)
{
    char text[PASSWORD_MAX + 2];
    struct stat st;
    const char *path = want->probe_passfile;
    dpl_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0)
        return dpl_err_set(err, DPL_E_PARAM_HERE,
                           "parameter probe_passfile: cannot open \"%s\": %s", path,
                           strerror(errno));
    if (!S_ISREG(st.st_mode))
        return dpl_err_set(err, DPL_E_PARAM_HERE, "parameter probe_passfile: \"%s\" is not a file",
                           path);
    if (st.st_uid != 0 || (st.st_mode & 07037))
        return dpl_err_set(
            err, DPL_E_PARAM_HERE,
            "parameter probe_passfile: \"%s\" must belong to root and be readable by "
            "nobody else but its group (mode 0600 or 0640)",
            path);
    ssize_t size = dpl_fd_read_full(fd, text, sizeof text - 1, err);
    if (size < 0)
        return err->code;
    text[size] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    bool fine = is_plain(text, PASSWORD_MAX);
    *password_r = fine ? g_strdup(text) : NULL;
    explicit_bzero(text, sizeof text);
    return fine ? DPL_OK
                : dpl_err_set(err, DPL_E_PARAM_HERE,
                              "parameter probe_passfile: the first line of \"%s\" is no password",
                              path);
}
