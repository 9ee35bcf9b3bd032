/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What another site may ask. A handler is called with a set that is shared with that site.
 */
#include "daemon/parent/kept.h"
#include "daemon/parent/release.h"
#include "daemon/parent/side_asked.h"
#include "daemon/parent/talk.h"
#include "daemon/parent/talk_state.h"

#include <string.h>

static const struct {
    const char *ask;
    dpl_talk_handler *handler;
} rows[] = {
    {"cede", dpl_release_cede},
    {"kept", dpl_kept_asked},
    {"online", dpl_side_online},
    {"protect", dpl_side_protect},
    {"release", dpl_release_asked},
    {"serve", dpl_side_serve},
    {"settle", dpl_side_settle},
    {"standby", dpl_side_stand_by},
    {"state", dpl_talk_state},
    {"stopped", dpl_release_stopped},
    {"take_back", dpl_release_take_back},
    {"withdraw", dpl_side_withdraw},
};

dpl_talk_handler *dpl_talk_find(const char *ask)
{
    for (size_t i = 0; ask && i < G_N_ELEMENTS(rows); i++)
        if (strcmp(rows[i].ask, ask) == 0)
            return rows[i].handler;
    return NULL;
}
