/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Any text as mountinfo, and any line of it as a line of maps: never more than an error; what is
 * read is whole, and the questions that are asked of it end.
 */
#include "daemon/capture/mountinfo.h"
#include "daemon/capture/proc.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct dpl_mounts *mounts)
{
    const struct dpl_mount *at = dpl_mounts_covering(mounts, "/srv/mail/data");
    if (at)
        g_free(dpl_mount_inner_path(at, "/srv/mail/data"));
    for (size_t i = 0; i < mounts->count && i < 64; i++) {
        const struct dpl_mount *m = &mounts->items[i];
        size_t all = strlen(m->root) + strlen(m->point) + strlen(m->options) + strlen(m->type) +
                     strlen(m->source) + strlen(m->super_options);
        g_assert(all <= DPL_MOUNTINFO_MAX_BYTES);
        g_assert(dpl_mounts_by_id(mounts, m->id));
        dpl_mount_is_ours(m);
        dpl_mount_option(m->super_options, "ro");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dpl_mounts *mounts = NULL;
    struct dpl_err err = {0};
    int rc = dpl_mountinfo_parse((const char *)data, size, &mounts, &err);
    g_assert((rc == DPL_OK) == (mounts != NULL) && rc == err.code);
    if (mounts)
        ask(mounts);
    dpl_mounts_free(mounts);

    g_autofree char *line = g_strndup((const char *)data, size);
    struct dpl_proc_map map;
    if (dpl_proc_map_parse(line, &map))
        g_assert(map.path >= line && map.path <= line + strlen(line));
    return 0;
}
