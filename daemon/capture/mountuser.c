/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture/mountuser.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

static void note(struct dpl_mount_user *user, enum dpl_use how, const char *sample)
{
    user->how |= how;
    if (user->sample[0] == '\0')
        g_strlcpy(user->sample, sample, sizeof user->sample);
}

static void look_at_link(struct dpl_mount_user *user, dev_t dev, const char *link, enum dpl_use how)
{
    dev_t found = 0;
    char text[sizeof user->sample] = "?";
    if (dpl_proc_link_dev(user->pid, link, &found) < 0 || found != dev)
        return;
    dpl_proc_link_text(user->pid, link, text, sizeof text);
    note(user, how, text);
}

static void look_at_files(struct dpl_mount_user *user, dev_t dev)
{
    g_autofree int *fds = NULL;
    int count = dpl_proc_fds(user->pid, &fds, NULL);
    for (int i = 0; i < count; i++) {
        char link[32];
        snprintf(link, sizeof link, "fd/%d", fds[i]);
        look_at_link(user, dev, link, DPL_USE_FILE);
    }
}

struct map_search {
    struct dpl_mount_user *user;
    dev_t dev;
};

static bool look_at_map(void *self, const struct dpl_proc_map *map)
{
    struct map_search *search = self;
    if (map->dev != search->dev)
        return true;
    note(search->user, DPL_USE_MAP, map->path);
    return false;
}

bool dpl_mount_user_look(pid_t pid, dev_t dev, struct dpl_mount_user *user_r)
{
    struct dpl_mount_user user = {.pid = pid};
    look_at_link(&user, dev, "cwd", DPL_USE_CWD);
    look_at_link(&user, dev, "root", DPL_USE_ROOT);
    look_at_link(&user, dev, "exe", DPL_USE_PROGRAM);
    look_at_files(&user, dev);
    struct map_search search = {&user, dev};
    if (user.how == 0) /* the list of maps can wait for a lock of that process: only where needed */
        dpl_proc_maps(pid, look_at_map, &search, NULL);
    if (user.how == 0)
        return false;
    dpl_proc_comm(pid, user.comm);
    if (user_r)
        *user_r = user;
    return true;
}

int dpl_mount_users_find(dev_t dev, dpl_proc_is_ours_fn is_ours, void *ours,
                         struct dpl_mount_user **users_r, struct dpl_err *err)
{
    g_autofree pid_t *pids = NULL;
    int count = dpl_proc_list(&pids, err);
    if (count < 0)
        return count;
    g_autofree struct dpl_mount_user *users = NULL;
    int found = 0;
    for (int i = 0; i < count; i++) {
        struct dpl_mount_user user;
        if ((is_ours && is_ours(ours, pids[i])) || !dpl_mount_user_look(pids[i], dev, &user))
            continue;
        users = g_renew(struct dpl_mount_user, users, found + 1);
        users[found++] = user;
    }
    *users_r = g_steal_pointer(&users);
    return found;
}
