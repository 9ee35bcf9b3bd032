/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/service/kind.h"

#include <limits.h>
#include <signal.h>
#include <string.h>

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

const struct dpl_service_kind dpl_service_kinds[] = {
    {
        .name = "postfix",
        .binary = "/usr/sbin/postfix",
        .config = DPL_SERVICE_CONFIG_DIR,
        .config_default = "/etc/postfix",
        .arguments = WORDS("-c", "%c", "start"),
        .direct = WORDS("-w"),
        .direct_variable = "MAIL_CONFIG=%c",
        .warns = WORDS("-c", "%c", "check-warn"),
        .stop_signal = SIGTERM,
        .reload_signal = SIGHUP,
        .protocol = "smtp",
        .is_master = dpl_service_postfix_is_master,
        .learn = dpl_service_postfix_learn,
        .prepare = dpl_service_postfix_prepare,
        .settle = dpl_service_postfix_settle,
        /* Its master says that it ends, and waits five seconds when nobody is left who writes that
         * down and others had said more than waits for him. */
        .last = "postlogd",
        .last_ms = 200,
    },
    {
        .name = "dovecot",
        .binary = "/usr/sbin/dovecot",
        .config = DPL_SERVICE_CONFIG_FILE,
        .config_default = "/etc/dovecot/dovecot.conf",
        .arguments = WORDS("-c", "%c"),
        .stop_signal = SIGTERM,
        .reload_signal = SIGHUP,
        .protocol = "imap",
        .learn = dpl_service_dovecot_learn,
        .prepare = dpl_service_dovecot_prepare,
        .afterwards = WORDS("/usr/bin/doveadm", "-c", "%c", "force-resync", "-A", "*"),
        .settle = dpl_service_dovecot_settle,
        /* One that begins just then waits five seconds for "stats", which accepts nobody more. */
        .nudged = WORDS("imap-login", "imap", "pop3-login", "pop3", "submission-login",
                        "submission", "managesieve-login", "managesieve", "indexer-worker"),
        .last = "log", /* for which its master sleeps a second */
    },
    {
        .name = "unit",
        .binary = "/usr/bin/systemctl",
        .config = DPL_SERVICE_CONFIG_NONE,
        .protocol = "connect",
    },
    {
        .name = "nginx",
        .binary = "/usr/sbin/nginx",
        .config = DPL_SERVICE_CONFIG_FILE,
        .config_default = "/etc/nginx/nginx.conf",
        .arguments = WORDS("-c", "%c", "-g", "daemon off;"),
        .foreground = true,
        .stop_signal = SIGTERM,
        .reload_signal = SIGHUP,
        .protocol = "http",
        .point = "http:127.0.0.1:80",
    },
    {
        .name = "rspamd",
        .binary = "/usr/bin/rspamd",
        .config = DPL_SERVICE_CONFIG_FILE,
        .config_default = "/etc/rspamd/rspamd.conf",
        .arguments = WORDS("-f", "-u", "_rspamd", "-g", "_rspamd", "-c", "%c"),
        .foreground = true,
        .stop_signal = SIGTERM,
        .reload_signal = SIGHUP,
        .protocol = "rspamd",
        .point = "rspamd:127.0.0.1:11333",
    },
    {
        .name = "opendkim",
        .binary = "/usr/sbin/opendkim",
        .config = DPL_SERVICE_CONFIG_FILE,
        .config_default = "/etc/opendkim.conf",
        .arguments = WORDS("-f", "-x", "%c"),
        .foreground = true,
        .stop_signal = SIGTERM,
        .reload_signal = SIGUSR1,
        .protocol = "milter",
    },
    {
        .name = "slapd",
        .binary = "/usr/sbin/slapd",
        .config = DPL_SERVICE_CONFIG_FILE,
        .config_default = "/etc/ldap/slapd.conf",
        .arguments = WORDS("-d", "0", "-f", "%c"),
        .foreground = true,
        .stop_signal = SIGTERM,
        .protocol = "ldap",
        .point = "ldap:127.0.0.1:389",
    },
    {
        .name = "postgresql",
        .binary = "/usr/lib/postgresql/15/bin/postgres",
        .config = DPL_SERVICE_CONFIG_DIR,
        .config_default = "/var/lib/postgresql/15/main",
        .arguments = WORDS("-D", "%c"),
        .foreground = true,
        .user = "postgres",
        .stop_signal = SIGINT, /* "fast": rolls back and disconnects who is there */
        .reload_signal = SIGHUP,
        .protocol = "pgsql",
        .point = "pgsql:127.0.0.1:5432",
    },
    {
        .name = "mariadb",
        .binary = "/usr/sbin/mariadbd",
        .config = DPL_SERVICE_CONFIG_FILE,
        .config_default = "/etc/mysql/mariadb.cnf",
        .arguments = WORDS("--defaults-file=%c"),
        .foreground = true,
        .user = "mysql",
        .stop_signal = SIGTERM,
        .reload_signal = SIGHUP,
        .protocol = "mysql",
        .point = "mysql:127.0.0.1:3306",
    },
};
const size_t dpl_service_kind_count = G_N_ELEMENTS(dpl_service_kinds);

const struct dpl_service_kind *dpl_service_kind_find(const char *name)
{
    for (size_t i = 0; i < dpl_service_kind_count; i++)
        if (strcmp(dpl_service_kinds[i].name, name) == 0)
            return &dpl_service_kinds[i];
    return NULL;
}

const char *dpl_service_kind_names(void)
{
    static char names[256];
    for (size_t i = 0; !names[0] || i < dpl_service_kind_count; i++) {
        if (names[0])
            g_strlcat(names, ", ", sizeof names);
        g_strlcat(names, dpl_service_kinds[i].name, sizeof names);
    }
    return names;
}

/* Programs are compared as files, so that a link to one (mysqld) is it. */
static bool runs_program(pid_t pid, const char *program)
{
    char path[PATH_MAX];
    g_autofree char *real = realpath(program, NULL);
    dpl_proc_program(pid, path, sizeof path);
    return path[0] && strcmp(path, real ? real : program) == 0;
}

char *dpl_service_mark(const struct dpl_service *service)
{
    return g_strdup_printf("DOPPEL_SERVICE=%s %s", service->kind->name, service->config);
}

bool dpl_service_is_master(const struct dpl_service *service, pid_t pid)
{
    if (!dpl_proc_is_near(pid))
        return false;
    if (service->kind->is_master)
        return service->kind->is_master(service, pid);
    if (!service->config || !runs_program(pid, service->binary))
        return false;
    g_autofree char *mark = dpl_service_mark(service);
    return dpl_proc_has_argument(pid, service->config) || dpl_proc_has_variable(pid, mark);
}

bool dpl_service_is_named(const struct dpl_service *service, pid_t named, pid_t pid)
{
    return named > 1 && pid == named && dpl_proc_is_near(pid) && runs_program(pid, service->binary);
}

char *dpl_service_fill(const struct dpl_service *service, const char *word)
{
    const char *at = strstr(word, "%c");
    if (!at)
        return g_strdup(word);
    return g_strdup_printf("%.*s%s%s", (int)(at - word), word, service->config, at + 2);
}

int dpl_service_argv(const struct dpl_service *service, const char *program,
                     const char *const *arguments, const char *more, char ***argv_r,
                     struct dpl_err *err)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) words = NULL;
    g_autoptr(GError) why = NULL;
    if (more && !g_shell_parse_argv(more, NULL, &words, &why))
        return dpl_err_set(err, DPL_E_PARAM, "parameter parameters=\"%s\": %s", more, why->message);
    if (program)
        g_ptr_array_add(argv, g_strdup(program));
    for (; *arguments; arguments++) {
        /* Postfix's command is its last word. */
        if (words && strcmp(*arguments, "start") == 0)
            for (char **word = words; *word; word++)
                g_ptr_array_add(argv, g_strdup(*word));
        g_ptr_array_add(argv, dpl_service_fill(service, *arguments));
        if (words && strcmp(*arguments, "start") == 0)
            g_clear_pointer(&words, g_strfreev);
    }
    for (char **word = words; word && *word; word++)
        g_ptr_array_add(argv, g_strdup(*word));
    g_ptr_array_add(argv, NULL);
    *argv_r = (char **)g_ptr_array_free(g_steal_pointer(&argv), FALSE);
    return DPL_OK;
}
