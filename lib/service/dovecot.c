/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Dovecot: asked by doveconf, whose simple form (-S) is a setting a line, "service/NAME/..." for
 * those of services, with "\s" for a slash in a name. It makes sockets in directories of others
 * (Postfix's private), which must be there before it starts.
 */
#include "lib/service/command.h"
#include "lib/service/kind.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *value(GHashTable *settings, const char *key)
{
    const char *text = g_hash_table_lookup(settings, key);
    return text ? text : "";
}

static const char *value_of(GHashTable *settings, const char *prefix, const char *key)
{
    g_autofree char *full = g_strconcat(prefix, key, NULL);
    return value(settings, full);
}

static bool has_word(const char *list, const char *word)
{
    g_auto(GStrv) words = g_strsplit_set(list, " \t,", -1);
    return g_strv_contains((const char *const *)(void *)words, word);
}

/* Whether the service of "service/NAME/..." is switched on; its name goes to name. */
static bool is_on(GHashTable *settings, const char *key, char *name, size_t size)
{
    const char *start = key + strlen("service/");
    snprintf(name, size, "%.*s", (int)strcspn(start, "/"), start);
    g_autofree char *prefix = g_strdup_printf("service/%s/", name);
    const char *protocol = value_of(settings, prefix, "protocol");
    return !*protocol || has_word(value(settings, "protocols"), protocol);
}

/* One "service/NAME/inet_listener/LISTENER/": where it listens, and what for. */
static void read_inet(GHashTable *settings, const char *prefix, const char *name,
                      struct dpl_service_learnt *learnt)
{
    bool tls = strcmp(value_of(settings, prefix, "ssl"), "yes") == 0;
    unsigned port = dpl_address_port(value_of(settings, prefix, "port"));
    const char *hosts = value_of(settings, prefix, "address");
    struct dpl_address address;
    if (port == 0 || (tls && strcmp(value(settings, "ssl"), "no") == 0))
        return;
    g_auto(GStrv) words = g_strsplit_set(*hosts ? hosts : value(settings, "listen"), " \t,", -1);
    const char *protocol = strcmp(name, "imap-login") == 0   ? "imap"
                           : strcmp(name, "pop3-login") == 0 ? "pop3"
                           : strcmp(name, "lmtp") == 0       ? "lmtp"
                                                             : NULL;
    bool probed = tls || !protocol;
    for (char **word = words; *word; word++) {
        if (!**word)
            continue;
        dpl_service_learnt_listen(learnt, *word, port);
        if (!probed && dpl_address_make(*word, port, &address)) {
            dpl_service_learnt_point(learnt, protocol, address.text);
            probed = true;
        }
    }
}

static void read_unix(GHashTable *settings, const char *path, const char *name,
                      struct dpl_service_learnt *learnt)
{
    const char *base = value(settings, "base_dir");
    g_autofree char *full = path[0] == '/' ? g_strdup(path) : g_build_filename(base, path, NULL);
    if (strcmp(name, "lmtp") == 0)
        dpl_service_learnt_point(learnt, "lmtp", full);
    if (!g_str_has_prefix(full, base))
        g_ptr_array_add(learnt->socket_dirs, g_path_get_dirname(full));
}

/* Those of IMAP first, as the first is the one that is asked to log in. */
static int by_protocol(const void *a, const void *b)
{
    static const char order[] = "imap pop3 lmtp";
    char x[5] = "", y[5] = "";
    memcpy(x, a, 4);
    memcpy(y, b, 4);
    const char *at = strstr(order, x), *bt = strstr(order, y);
    return (at > bt) - (at < bt);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void read_settings(GHashTable *settings, struct dpl_service_learnt *learnt)
{
    g_autofree const char **keys = (const char **)g_hash_table_get_keys_as_array(settings, NULL);
    qsort(keys, g_hash_table_size(settings), sizeof *keys, by_text);
    for (size_t i = 0; keys[i]; i++) {
        const char *key = keys[i];
        char name[64];
        if (!g_str_has_prefix(key, "service/") || !is_on(settings, key, name, sizeof name))
            continue;
        if (strstr(key, "/inet_listener/") && g_str_has_suffix(key, "/port")) {
            g_autofree char *prefix = g_strndup(key, strlen(key) - strlen("port"));
            read_inet(settings, prefix, name, learnt);
        } else if (strstr(key, "/unix_listener/") && g_str_has_suffix(key, "/path")) {
            read_unix(settings, value(settings, key), name, learnt);
        }
    }
    qsort(learnt->facts.points, learnt->facts.point_count, sizeof learnt->facts.points[0],
          by_protocol);
}

/* Locks say "PID:HOST", and one of another host holds for two minutes, whoever died with it. */
static bool names_its_host(const char *imported)
{
    g_auto(GStrv) words = g_strsplit_set(imported, " \t", -1);
    for (char **word = words; *word; word++)
        if (g_str_has_prefix(*word, "DOVECOT_HOSTNAME="))
            return true;
    return false;
}

void dpl_service_dovecot_parse(const char *text, struct dpl_service_learnt *learnt)
{
    g_autoptr(GHashTable) settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    struct dpl_service_facts *facts = &learnt->facts;
    for (char **line = lines; *line; line++) {
        char *equals = strchr(*line, '=');
        if (equals)
            g_hash_table_replace(settings, g_strndup(*line, (gsize)(equals - *line)),
                                 g_strdup(equals + 1));
    }
    read_settings(settings, learnt);
    const char *base = value(settings, "base_dir"), *state = value(settings, "state_dir");
    if (base[0] == '/' && strlen(base) < 400)
        snprintf(facts->pid_file, sizeof facts->pid_file, "%s/master.pid", base);
    if (state[0] == '/' && strlen(state) < 400)
        snprintf(facts->data, sizeof facts->data, "%s", state);
    if (base[0] == '/' && !g_str_has_prefix(base, "/run/") && !g_str_has_prefix(base, "/var/run/"))
        dpl_service_learnt_warn(
            learnt,
            "base_dir=%s lies not beneath /run: sockets and locks of a dead node "
            "stay there",
            base);
    const char *imported = value(settings, "import_environment");
    if (*imported && !names_its_host(imported))
        dpl_service_learnt_warn(
            learnt, "import_environment has no DOVECOT_HOSTNAME=NAME, the same on all nodes: "
                    "mailboxes in use on a node that dies wait two minutes for its locks");
}

int dpl_service_dovecot_learn(const struct dpl_service *service,
                              const struct dpl_service_time *time,
                              struct dpl_service_learnt *learnt, struct dpl_err *err)
{
    /* It is not beside dovecot: /usr/sbin/dovecot has /usr/bin/doveconf. */
    g_autofree char *sbin = g_path_get_dirname(service->binary);
    g_autofree char *top = g_path_get_dirname(sbin);
    g_autofree char *program = g_build_filename(top, "bin", "doveconf", NULL);
    const char *const argv[] = {program, "-c", service->config, "-S", NULL};
    const struct dpl_command command = {
        .argv = argv, .clock = time->clock, .deadline_ns = time->deadline_ns};
    g_autofree char *output = NULL;
    struct dpl_err why = {0};
    int code = dpl_command_run(&command, &output, NULL, &why);
    if (code == DPL_E_FAILED)
        return dpl_err_set(err, DPL_E_CONFIG, "the configuration \"%s\" is wrong: %s",
                           service->config, why.text);
    if (code < 0)
        return dpl_err_set(err, code, "%s", why.text);
    dpl_service_dovecot_parse(output, learnt);
    if (!learnt->facts.pid_file[0])
        return dpl_err_set(err, DPL_E_CONFIG,
                           "the configuration \"%s\" is wrong: base_dir is no absolute path",
                           service->config);
    return DPL_OK;
}

/* Postfix makes private and public itself, but maybe only after us. */
static int make_socket_dir(const char *dir, struct dpl_err *err)
{
    g_autofree char *name = g_path_get_basename(dir);
    bool postfix = strcmp(name, "private") == 0 || strcmp(name, "public") == 0;
    uid_t uid;
    gid_t gid;
    if (access(dir, F_OK) == 0)
        return DPL_OK;
    if (!postfix || dpl_command_user("postfix", &uid, &gid, NULL) < 0 || mkdir(dir, 0700) < 0)
        return dpl_err_set(err, DPL_E_PARAM_HERE,
                           "the directory \"%s\" for a socket of it is not there: is its disk "
                           "mounted, or Postfix not started before it?",
                           dir);
    if (chown(dir, uid, (gid_t)-1) < 0)
        return dpl_err_sys(err, errno, "cannot give \"%s\" to the user postfix", dir);
    return DPL_OK;
}

int dpl_service_dovecot_prepare(const struct dpl_service *service,
                                const struct dpl_service_time *time,
                                const struct dpl_service_learnt *learnt, bool moved,
                                struct dpl_err *err)
{
    int code = DPL_OK;
    (void)service;
    (void)time;
    (void)moved;
    for (guint i = 0; code == DPL_OK && i < learnt->socket_dirs->len; i++)
        code = make_socket_dir(learnt->socket_dirs->pdata[i], err);
    return code;
}
