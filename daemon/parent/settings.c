/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/settings.h"

#include "lib/base/file.h"
#include "lib/config/schedule.h"
#include "lib/config/site_conf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define COROSYNC_CONF     "/etc/corosync/corosync.conf"
#define COROSYNC_CONF_MAX (1 << 20)

/* The path of the configuration, or its default with the instance in its name. */
static char *path_of(const struct dpl_settings *s, const char *group, const char *key)
{
    const char *path = dpl_conf_text(s->conf, group, key);
    if (!s->instance || strcmp(dpl_conf_origin(s->conf, group, key), "default") != 0)
        return g_strdup(path);
    return g_strdup_printf("%s-%s", path, s->instance);
}

static char *journal_of(const struct dpl_settings *s)
{
    if (strcmp(dpl_conf_origin(s->conf, "journal", "dir"), "default") == 0)
        return g_build_filename(s->state_dir, "journal", NULL);
    return g_strdup(dpl_conf_text(s->conf, "journal", "dir"));
}

/* A schedule that cannot be read is known now, not when it would count. */
static int check_schedules(const struct dpl_conf *conf, struct dpl_err *err)
{
    g_autofree const char **groups = dpl_conf_groups(conf, "set *");
    struct dpl_schedule schedule;
    for (size_t i = 0; groups[i]; i++) {
        const char *text = dpl_conf_text(conf, groups[i], "schedule");
        if (!text || dpl_schedule_parse(&schedule, text, err) == DPL_OK)
            continue;
        dpl_err_context(err, "%s: [%s] schedule", dpl_conf_origin(conf, groups[i], "schedule"),
                        groups[i]);
        return err ? err->code = DPL_E_CONFIG : DPL_E_CONFIG;
    }
    return DPL_OK;
}

bool dpl_settings_corosync_is_set_up(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i]; i++) {
        g_auto(GStrv) parts = g_strsplit(lines[i], ":", 2);
        const char *key = g_strstrip(parts[0] ? parts[0] : lines[i]);
        if (!parts[0] || !parts[1] || !g_str_has_prefix(key, "ring") ||
            !g_str_has_suffix(key, "_addr"))
            continue;
        const char *address = g_strstrip(parts[1]);
        if (!g_str_has_prefix(address, "127.") && strcmp(address, "::1") != 0 &&
            strcmp(address, "localhost") != 0)
            return true;
    }
    return false;
}

static bool is_cluster(const struct dpl_conf *conf)
{
    const char *word = dpl_conf_text(conf, "daemon", "cluster");
    g_autofree char *text = NULL;
    if (strcmp(word, "auto") != 0)
        return strcmp(word, "yes") == 0;
    return dpl_file_read(AT_FDCWD, COROSYNC_CONF, COROSYNC_CONF_MAX, &text, NULL, NULL) == DPL_OK &&
           dpl_settings_corosync_is_set_up(text);
}

int dpl_settings_load(struct dpl_settings *settings, const char *instance, const char *config_path,
                      struct dpl_err *err)
{
    struct dpl_settings s = {.instance = g_strdup(instance)};
    const char *libexec = secure_getenv("DOPPEL_LIBEXEC_DIR"); /* for tests */
    struct utsname host;
    s.config_path = config_path ? g_strdup(config_path)
                                : g_strdup_printf("%s/doppel%s%s.conf", DPL_CONF_DIR,
                                                  instance ? "-" : "", instance ? instance : "");
    int rc = dpl_conf_load(s.config_path, &dpl_site_conf, &s.conf, err);
    if (rc == DPL_OK && !dpl_conf_text(s.conf, "site", "name"))
        rc = dpl_err_set(err, DPL_E_CONFIG, "%s: [site] name is missing: this site's name",
                         s.config_path);
    if (rc == DPL_OK)
        rc = check_schedules(s.conf, err);
    if (rc < 0) {
        dpl_settings_clear(&s);
        return rc;
    }
    s.site = g_strdup(dpl_conf_text(s.conf, "site", "name"));
    s.node = g_strdup(uname(&host) == 0 ? host.nodename : "localhost");
    s.state_dir = path_of(&s, "daemon", "state_dir");
    s.run_dir = path_of(&s, "daemon", "run_dir");
    s.journal_dir = journal_of(&s);
    s.sets_dir = g_build_filename(s.state_dir, "set", NULL);
    s.libexec_dir = g_strdup(libexec ? libexec : DPL_LIBEXEC_DIR);
    s.cluster = is_cluster(s.conf);
    *settings = s;
    return DPL_OK;
}

void dpl_settings_clear(struct dpl_settings *s)
{
    g_free(s->instance);
    g_free(s->config_path);
    g_free(s->site);
    g_free(s->node);
    g_free(s->state_dir);
    g_free(s->run_dir);
    g_free(s->journal_dir);
    g_free(s->sets_dir);
    g_free(s->libexec_dir);
    dpl_conf_free(s->conf);
    *s = (struct dpl_settings){0};
}

const char *dpl_settings_set_group(const struct dpl_settings *settings, const char *set)
{
    g_autofree const char **groups = dpl_conf_groups(settings->conf, "set *");
    for (size_t i = 0; !settings->cluster && groups[i]; i++)
        if (strcmp(groups[i] + strlen("set "), set) == 0)
            return groups[i];
    return NULL;
}
