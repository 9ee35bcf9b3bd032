/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Postfix: its configuration directory is known to all its processes by MAIL_CONFIG in their
 * environment, which it must name absolutely. It is asked by postconf. Queue files are named after
 * their inodes, so postsuper goes first: on data that came from elsewhere it names all of them
 * anew.
 */
#include "lib/base/file.h"
#include "lib/service/command.h"
#include "lib/service/kind.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAIN_CF_BYTES = 1 << 20 };

/* By what it runs and for which configuration; a shell in which somebody has set MAIL_CONFIG is
 * none of it. */
bool dpl_service_postfix_is_master(const struct dpl_service *service, pid_t pid)
{
    char path[PATH_MAX];
    dpl_proc_program(pid, path, sizeof path);
    if (!strstr(path, "/postfix/") || !service->config)
        return false;
    g_autofree char *variable = g_strdup_printf("MAIL_CONFIG=%s", service->config);
    return dpl_proc_has_variable(pid, variable);
}

char *dpl_service_postfix_setting(char **lines, const char *name)
{
    size_t length = strlen(name);
    for (; *lines; lines++)
        if (strncmp(*lines, name, length) == 0 && strncmp(*lines + length, " =", 2) == 0)
            return g_strstrip(g_strdup(*lines + length + 2));
    return g_strdup("");
}

/* The host that an entry of master.cf without one listens on, and where it is probed. */
static void default_host(char **lines, char *host, size_t size)
{
    g_autofree char *interfaces = dpl_service_postfix_setting(lines, "inet_interfaces");
    g_autofree char *protocols = dpl_service_postfix_setting(lines, "inet_protocols");
    bool v6_only = strcmp(protocols, "ipv6") == 0;
    struct dpl_address address;
    g_auto(GStrv) words = g_strsplit_set(interfaces, ", \t", -1);
    snprintf(host, size, "%s", v6_only ? "::" : "");
    for (char **word = words; *word; word++)
        if (strcmp(*word, "loopback-only") == 0 || strcmp(*word, "localhost") == 0) {
            snprintf(host, size, "%s", v6_only ? "::1" : "127.0.0.1");
            return;
        } else if (**word && dpl_address_make(*word, 25, &address)) {
            snprintf(host, size, "%s", *word);
            return;
        }
}

/* "smtp", "10025", "192.0.2.1:smtp", "[::1]:25". */
static void read_service(const char *text, const char *fallback, char *host, size_t size,
                         unsigned *port_r)
{
    const char *colon = strrchr(text, ':');
    *port_r = dpl_address_port(colon ? colon + 1 : text);
    snprintf(host, size, "%s", fallback);
    if (colon && colon > text) {
        bool bracket = text[0] == '[' && colon[-1] == ']';
        snprintf(host, size, "%.*s", (int)(colon - text) - 2 * bracket, text + bracket);
    }
}

static void read_line(const char *line, const char *fallback, struct dpl_service_learnt *learnt)
{
    char name[160], type[16], command[64], host[64];
    unsigned port;
    int used = 0;
    struct dpl_address address;
    if (sscanf(line, "%159s %15s %*s %*s %*s %*s %*s %63s%n", name, type, command, &used) != 3 ||
        strcmp(type, "inet") != 0)
        return;
    read_service(name, fallback, host, sizeof host, &port);
    dpl_service_learnt_listen(learnt, host, port);
    bool implicit_tls = strstr(line + used, "smtpd_tls_wrappermode=yes") != NULL;
    bool screen = strcmp(command, "postscreen") == 0;
    if ((strcmp(command, "smtpd") == 0 || screen) && !implicit_tls &&
        learnt->facts.point_count == 0 && dpl_address_make(host, port, &address))
        dpl_service_learnt_point(learnt, screen ? "postscreen" : "smtp", address.text);
}

void dpl_service_postfix_parse(const char *settings, const char *services,
                               struct dpl_service_learnt *learnt)
{
    g_auto(GStrv) lines = g_strsplit(settings, "\n", -1);
    g_auto(GStrv) rows = g_strsplit(services, "\n", -1);
    g_autofree char *queue = dpl_service_postfix_setting(lines, "queue_directory");
    g_autofree char *log = dpl_service_postfix_setting(lines, "maillog_file");
    char host[64];
    default_host(lines, host, sizeof host);
    for (char **row = rows; *row; row++)
        read_line(*row, host, learnt);
    if (queue[0] == '/' && strlen(queue) < DPL_FACTS_PATH - 32) {
        snprintf(learnt->facts.data, DPL_FACTS_PATH, "%s", queue);
        snprintf(learnt->facts.pid_file, DPL_FACTS_PATH, "%.400s/pid/master.pid", queue);
    }
    if (!log[0] && access("/dev/log", F_OK) < 0)
        dpl_service_learnt_warn(learnt, "no syslog here (/dev/log) and no maillog_file in main.cf: "
                                        "what Postfix would log is lost");
}

/* A program of Postfix beside the one that is given. */
static char *beside(const struct dpl_service *service, const char *name)
{
    g_autofree char *dir = g_path_get_dirname(service->binary);
    return g_build_filename(dir, name, NULL);
}

static int ask(const struct dpl_service *service, const struct dpl_service_time *time,
               const char *const *words, char **output_r, struct dpl_err *err)
{
    const char *argv[20];
    size_t count = 0;
    g_autofree char *program = beside(service, "postconf");
    argv[count++] = program;
    argv[count++] = "-c";
    argv[count++] = service->config;
    while (*words && count < G_N_ELEMENTS(argv) - 1)
        argv[count++] = *words++;
    argv[count] = NULL;
    const struct dpl_command command = {
        .argv = argv, .clock = time->clock, .deadline_ns = time->deadline_ns};
    int code = dpl_command_run(&command, output_r, NULL, err);
    if (code != DPL_E_FAILED)
        return code;
    struct dpl_err why = *err;
    return dpl_err_set(err, DPL_E_CONFIG, "the configuration \"%s\" is wrong: %s", service->config,
                       why.text);
}

int dpl_service_postfix_learn(const struct dpl_service *service,
                              const struct dpl_service_time *time,
                              struct dpl_service_learnt *learnt, struct dpl_err *err)
{
    static const char *const names[] = {"-x",
                                        "queue_directory",
                                        "inet_interfaces",
                                        "inet_protocols",
                                        "maillog_file",
                                        "data_directory",
                                        "command_directory",
                                        "daemon_directory",
                                        "shlib_directory",
                                        "meta_directory",
                                        NULL};
    static const char *const master[] = {"-M", NULL};
    g_autofree char *settings = NULL, *services = NULL;
    struct dpl_err why = {0};
    int code = ask(service, time, names, &settings, &why);
    if (code == DPL_OK)
        code = ask(service, time, master, &services, &why);
    if (code < 0)
        return dpl_err_set(err, code, "%s", why.text);
    dpl_service_postfix_parse(settings, services, learnt);
    learnt->direct = dpl_service_postfix_direct(settings, services);
    if (!learnt->facts.data[0])
        return dpl_err_set(err, DPL_E_CONFIG,
                           "the configuration \"%s\" is wrong: queue_directory is no absolute path",
                           service->config);
    return DPL_OK;
}

/* Postfix waits until a configuration has not been changed for two seconds, lest it reads half of
 * one. This one is whole. */
static int write_whole(const char *path, const char *text, struct dpl_err *err)
{
    const struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    if (!g_file_set_contents(path, text, -1, NULL) || utimensat(AT_FDCWD, path, long_ago, 0) < 0)
        return dpl_err_set(err, DPL_E_IO, "cannot write \"%s\"", path);
    return DPL_OK;
}

/* postsuper gives up its rights, and then cannot write a maillog_file of root's: it gets the same
 * settings without one. "postfix start" runs it again, and would fail by that if it had found
 * anything: so this one finds it all. */
static int mend_queue(const struct dpl_service *service, const struct dpl_service_time *time,
                      struct dpl_err *err)
{
    g_autofree char *dir = g_dir_make_tmp("doppel-postsuper-XXXXXX", NULL);
    if (!dir)
        return dpl_err_sys(err, errno, "cannot make a directory in \"%s\"", g_get_tmp_dir());
    g_autofree char *from = g_build_filename(service->config, "main.cf", NULL);
    g_autofree char *to = g_build_filename(dir, "main.cf", NULL);
    g_autofree char *program = beside(service, "postsuper"), *text = NULL;
    int code = dpl_file_read(AT_FDCWD, from, MAIN_CF_BYTES, &text, NULL, err);
    g_autofree char *all = g_strconcat(text ? text : "", "\nmaillog_file =\n", NULL);
    if (code == DPL_OK)
        code = write_whole(to, all, err);
    const char *const argv[] = {program, "-c", dir, NULL};
    const struct dpl_command command = {
        .argv = argv, .clock = time->clock, .deadline_ns = time->deadline_ns, .terminal = true};
    if (code == DPL_OK)
        code = dpl_command_run(&command, NULL, NULL, err);
    unlink(to);
    rmdir(dir);
    return code;
}

/* postsuper wants all directories of the queue; "postfix start" would make them too, but later. */
static int make_missing(const struct dpl_service *service, const struct dpl_service_time *time,
                        struct dpl_err *err)
{
    const char *const argv[] = {service->binary,  "-c", service->config, "post-install",
                                "create-missing", NULL};
    const struct dpl_command command = {
        .argv = argv, .clock = time->clock, .deadline_ns = time->deadline_ns, .terminal = true};
    return dpl_command_run(&command, NULL, NULL, err);
}

int dpl_service_postfix_prepare(const struct dpl_service *service,
                                const struct dpl_service_time *time,
                                const struct dpl_service_learnt *learnt, bool moved,
                                struct dpl_err *err)
{
    g_autofree char *incoming = g_build_filename(learnt->facts.data, "incoming", NULL);
    if (access(learnt->facts.data, F_OK) < 0)
        return dpl_err_set(err, DPL_E_PARAM_HERE,
                           "the queue directory \"%s\" is not there: is its disk mounted?",
                           learnt->facts.data);
    (void)moved; /* a crash may leave files as misnamed as a copy does */
    /* A queue that was never used has nothing to be named anew. */
    if (access(incoming, F_OK) < 0)
        return DPL_OK;
    int code = learnt->direct ? DPL_OK : make_missing(service, time, err);
    return code == DPL_OK ? mend_queue(service, time, err) : code;
}
