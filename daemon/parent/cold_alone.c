/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Cold starts of a stand-alone server, whose services the daemon runs (service.h). That a set was
 * let to serve since the host's boot is marked beneath the runtime directory: a daemon that only
 * starts again finds the mark. Without one the services stay as they are, which after a boot is
 * ended, until the other site was asked.
 */
#include "daemon/parent/cold.h"
#include "daemon/parent/log.h"
#include "daemon/parent/other.h"
#include "daemon/parent/service.h"
#include "daemon/parent/turn.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SERVED_DIR "served"

enum { BOOT_ID_MAX = 64 };

static bool is_candidate(const struct dpl_set *set)
{
    return !set->daemon->settings.cluster && dpl_turn_role_is(set, "serving");
}

/* Of this boot: the runtime directory may outlive one. */
static char *boot_id(void)
{
    char *id = NULL;
    if (dpl_file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", BOOT_ID_MAX, &id, NULL, NULL) <
        0)
        return g_strdup("");
    return id;
}

static int open_dir(const struct dpl_set *set, bool make)
{
    g_autofree char *dir = g_build_filename(set->daemon->settings.run_dir, SERVED_DIR, NULL);
    if (make && mkdir(dir, 0700) < 0 && errno != EEXIST)
        return -1;
    return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool is_marked(const struct dpl_set *set)
{
    g_autofree char *id = boot_id(), *mark = NULL;
    dpl_autofd int dir = open_dir(set, false);
    return dir >= 0 && dpl_file_read(dir, set->name, BOOT_ID_MAX, &mark, NULL, NULL) == DPL_OK &&
           strcmp(mark, id) == 0;
}

static void put_mark(const struct dpl_set *set)
{
    g_autofree char *id = boot_id();
    dpl_autofd int dir = open_dir(set, true);
    struct dpl_err err = {0};
    if (dir < 0)
        dpl_err_sys(&err, errno, "%s", SERVED_DIR);
    else if (!is_marked(set))
        dpl_file_replace(dir, set->name, id, strlen(id), 0600, &err);
    if (err.code < 0)
        dpl_log(LOG_WARNING, "set \"%s\": a start of doppeld will be taken for one of the host: %s",
                set->name, err.text);
}

static bool has_services(const struct dpl_set *set)
{
    const struct dpl_conf *conf = set->daemon->settings.conf;
    g_autofree const char **groups = dpl_conf_groups(conf, "service *");
    for (size_t i = 0; groups[i]; i++)
        if (g_strcmp0(dpl_conf_text(conf, groups[i], "set"), set->name) == 0)
            return true;
    return false;
}

void dpl_cold_loaded(struct dpl_set *set)
{
    set->held.cold = is_candidate(set) && has_services(set) && dpl_set_peer(set) && !is_marked(set);
    if (!set->held.cold) {
        dpl_cold_role_changed(set);
        return;
    }
    dpl_log(LOG_NOTICE, "set \"%s\" starts cold: site \"%s\" is asked whether it serves by now",
            set->name, dpl_set_peer(set));
    dpl_other_want(set, true);
}

void dpl_cold_role_changed(struct dpl_set *set)
{
    bool was = set->held.cold;
    set->held.cold = false;
    if (is_candidate(set))
        put_mark(set);
    if (was)
        dpl_cold_over(set);
    dpl_services_review(set);
}

void dpl_cold_review(struct dpl_set *set)
{
    if (set->held.cold && !dpl_cold_holds(set))
        dpl_cold_role_changed(set);
}

bool dpl_cold_keeps_services(const struct dpl_set *set)
{
    return set->held.cold || dpl_doc_bool(set->doc, "held", false);
}
