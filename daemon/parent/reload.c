/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads the configuration again while all goes on (SIGHUP): first everything that can fail, and
 * only then is the new one taken. What fails leaves the old one as it was.
 *
 * Where the daemon's own files lie, and what the site is called, cannot change while it runs. What
 * a running capture was told is for its next start.
 */
#include "daemon/parent/daemon.h"
#include "daemon/parent/door.h"
#include "daemon/parent/log.h"
#include "lib/base/fd.h"

#include <string.h>

/* What was told before, to see what has changed. */
struct before {
    struct dpl_set *set;
    struct dpl_doc *door;
};

static void before_free(void *data)
{
    struct before *b = data;
    dpl_doc_free(b->door);
    g_free(b);
}

static int check_same(const struct dpl_settings *old, const struct dpl_settings *new,
                      struct dpl_err *err)
{
    const struct {
        const char *group, *key, *old, *new;
    } rows[] = {
        {"site", "name", old->site, new->site},
        {"daemon", "run_dir", old->run_dir, new->run_dir},
        {"daemon", "state_dir", old->state_dir, new->state_dir},
        {"journal", "dir", old->journal_dir, new->journal_dir},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (strcmp(rows[i].old, rows[i].new) != 0)
            return dpl_err_set(err, DPL_E_CONFIG,
                               "%s: [%s] %s cannot become \"%s\" while doppeld runs: restart it",
                               dpl_conf_origin(new->conf, rows[i].group, rows[i].key),
                               rows[i].group, rows[i].key, rows[i].new);
    if (old->cluster != new->cluster)
        return dpl_err_set(err, DPL_E_CONFIG,
                           "%s: this node %s a cluster now, which doppeld takes notice of at its "
                           "start: restart it",
                           dpl_conf_origin(new->conf, "daemon", "cluster"),
                           new->cluster ? "is one of" : "is not one of");
    return DPL_OK;
}

/* What must be there before the new settings are taken. */
static int prepare(struct dpl_daemon *daemon, const struct dpl_settings *new, int *doors_fd,
                   int *metrics_fd, struct dpl_err *err)
{
    int rc = check_same(&daemon->settings, new, err);
    if (rc == DPL_OK)
        rc = dpl_doors_prepare(daemon, new->conf, doors_fd, err);
    if (rc == DPL_OK)
        rc = dpl_metrics_prepare(daemon, new->conf, metrics_fd, err);
    return rc;
}

static GPtrArray *look_at_doors(const struct dpl_daemon *daemon)
{
    GPtrArray *all = g_ptr_array_new_with_free_func(before_free);
    for (guint i = 0; i < daemon->sets->len; i++) {
        struct before *b = g_new(struct before, 1);
        *b = (struct before){daemon->sets->pdata[i], dpl_door_options(daemon->sets->pdata[i])};
        g_ptr_array_add(all, b);
    }
    return all;
}

static void take_set(struct dpl_set *set, const struct before *before)
{
    g_autoptr(dpl_doc_auto) now = NULL;
    set->group = dpl_settings_set_group(&set->daemon->settings, set->name);
    now = dpl_door_options(set);
    if (!dpl_doc_equal(before->door, now))
        dpl_door_close(set, "the configuration has changed");
    dpl_capture_reload(set);
    dpl_engine_reload(set);
    dpl_set_review(set);
}

static void take(struct dpl_daemon *daemon, struct dpl_settings *new, int doors_fd, int metrics_fd)
{
    g_autoptr(GPtrArray) before = look_at_doors(daemon);
    struct dpl_settings old = daemon->settings;
    struct dpl_err err = {0};
    /* The directory of programs is known to the children by this very text. */
    char *libexec = new->libexec_dir;
    new->libexec_dir = old.libexec_dir;
    old.libexec_dir = libexec;
    daemon->settings = *new;
    const struct dpl_conf *conf = new->conf;
    dpl_log_open_words("doppeld",
                       daemon->foreground ? "stderr" : dpl_conf_text(conf, "daemon", "log_target"),
                       dpl_conf_text(conf, "daemon", "log_level"));
    if (dpl_doors_listen(daemon, doors_fd, &err) < 0 ||
        dpl_metrics_listen(daemon, metrics_fd, &err) < 0)
        dpl_log(LOG_ERR, "%s", err.text);
    for (guint i = 0; i < before->len; i++) {
        const struct before *b = before->pdata[i];
        take_set(b->set, b);
    }
    dpl_server_reload(daemon->server);
    dpl_settings_clear(&old);
}

int dpl_reload(struct dpl_daemon *daemon, struct dpl_err *err)
{
    struct dpl_settings new = {0};
    dpl_autofd int doors_fd = -1, metrics_fd = -1;
    int rc = dpl_settings_load(&new, daemon->settings.instance, daemon->settings.config_path, err);
    if (rc < 0)
        return rc;
    rc = prepare(daemon, &new, &doors_fd, &metrics_fd, err);
    if (rc < 0)
        dpl_settings_clear(&new);
    else
        take(daemon, &new, dpl_fd_steal(&doors_fd), dpl_fd_steal(&metrics_fd));
    return rc;
}
