/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/failover.h"
#include "daemon/parent/restore.h"
#include "daemon/parent/set_become.h"

static const struct dpl_run_step steps[] = {
    {"look", "see that the other site stands by and equals this one", false, NULL,
     dpl_failback_look, NULL, NULL},
    {"hooks", "run the programs of hooks.d/pre-failback.d; one that fails stops it", false, NULL,
     dpl_failback_pre, NULL, NULL},
    {"release", "release the set here: its services stop", false, NULL, dpl_failback_release,
     dpl_failback_released, dpl_failback_take_back},
    {"drain", "wait until the other site holds all that this one wrote", false, NULL, NULL,
     dpl_failback_drained, NULL},
    {"settle", "let the other site close its replica, apply what came, and prove it equal", false,
     NULL, dpl_failback_settle, dpl_failback_settled, dpl_failback_withdraw},
    {"directory", "move the users of the set back", false, NULL, dpl_failback_directory, NULL,
     NULL},
    {"names", "give the names of the other site back", false, NULL, dpl_failback_names, NULL, NULL},
    {"cede", "give the generation away: this site serves by itself no more", false, NULL,
     dpl_failback_cede, NULL, dpl_failback_uncede},
    {"serve", "let the other site serve", true, NULL, dpl_failback_serve, dpl_failback_serves,
     NULL},
    {"online", "wait until the services run there", true, NULL, NULL, dpl_failback_online, NULL},
    {"standby", "stand by here", true, NULL, dpl_failback_stand_by, NULL, NULL},
    {"changed",
     "see that nothing was changed here since it let go; what was is shown, and asked about", true,
     NULL, dpl_failback_look_changed, dpl_failback_changed, NULL},
    {"protect",
     "replicate to this site, which is compared; what only it has is kept here, and listed", true,
     NULL, dpl_failback_protect, dpl_failback_protected, NULL},
};

const struct dpl_run_kind dpl_failback_kind = {"failback", steps, G_N_ELEMENTS(steps)};

void dpl_failback_command(struct dpl_set *set, struct dpl_request *request)
{
    struct dpl_set_side side;
    struct dpl_err err = {0};
    int64_t ms;
    dpl_set_side_read(set->doc, &side);
    int rc = dpl_failover_wait_ms(request->args, &ms, &err);
    if (rc < 0)
        dpl_request_fail(request, &err);
    else
        dpl_restore_begin(set, &dpl_failback_kind, dpl_set_role_next(&side, 0), dpl_failback_judge,
                          request);
}
