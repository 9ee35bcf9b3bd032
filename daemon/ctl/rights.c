/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/ctl/rights.h"

#include "lib/base/file.h"

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gid_t gid_of(const char *name)
{
    struct group group, *found = NULL;
    g_autofree char *room = g_malloc(1 << 16);
    return getgrnam_r(name, &group, room, 1 << 16, &found) == 0 && found ? found->gr_gid
                                                                         : (gid_t)-1;
}

void dpl_rights_init(struct dpl_rights *rights)
{
    rights->admin = gid_of("doppel-admin");
    rights->monitor = gid_of("doppel-monitor");
}

static enum dpl_right of_group(const struct dpl_rights *rights, gid_t gid)
{
    if (gid == (gid_t)-1)
        return DPL_RIGHT_NONE;
    return gid == rights->admin     ? DPL_RIGHT_CHANGE
           : gid == rights->monitor ? DPL_RIGHT_LOOK
                                    : DPL_RIGHT_NONE;
}

/* The numbers of a line "Name:\t1 2 3". Returns where they begin, or NULL. */
static const char *line_of(const char *status, const char *name)
{
    const char *p = strstr(status, name);
    return p ? p + strlen(name) : NULL;
}

enum dpl_right dpl_rights_of_status(const struct dpl_rights *rights, const char *status, uid_t uid,
                                    gid_t gid)
{
    enum dpl_right right = of_group(rights, gid);
    const char *uids = line_of(status, "\nUid:"), *groups = line_of(status, "\nGroups:");
    unsigned real, effective;
    /* Another process may have taken the number since, or another program may run in it. */
    if (!uids || !groups || sscanf(uids, "%u %u", &real, &effective) != 2 || effective != uid ||
        real != uid)
        return right;
    while (*groups && *groups != '\n') {
        char *end;
        unsigned long group = strtoul(groups, &end, 10);
        if (end == groups)
            break;
        enum dpl_right more = of_group(rights, (gid_t)group);
        right = more > right ? more : right;
        groups = end + strspn(end, " \t");
    }
    return right;
}

enum dpl_right dpl_rights_of(const struct dpl_rights *rights, pid_t pid, uid_t uid, gid_t gid)
{
    char name[64];
    g_autofree char *status = NULL;
    if (uid == 0)
        return DPL_RIGHT_CHANGE;
    snprintf(name, sizeof name, "/proc/%d/status", (int)pid);
    if (dpl_file_read(AT_FDCWD, name, 65536, &status, NULL, NULL) < 0)
        return of_group(rights, gid);
    return dpl_rights_of_status(rights, status, uid, gid);
}
