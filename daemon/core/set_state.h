/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * In which state a set is, and what may be done to it then: the table set_state.tbl.h. Pure.
 */
#ifndef DPL_CORE_SET_STATE_H
#define DPL_CORE_SET_STATE_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum dpl_set_state {
#define SET_STATE(name, letter, text) DPL_SET_##name,
#define SET_COMMAND(name, text, states)
#include "daemon/core/set_state.tbl.h"
#undef SET_STATE
#undef SET_COMMAND
    DPL_SET_STATES
};

enum dpl_set_command {
#define SET_STATE(name, letter, text)
#define SET_COMMAND(name, text, states) DPL_SET_COMMAND_##name,
#include "daemon/core/set_state.tbl.h"
#undef SET_STATE
#undef SET_COMMAND
    DPL_SET_COMMANDS
};

/* What is known of a set at this site; the state follows from it. */
struct dpl_set_facts {
    bool wanted;        /* a connection is configured, accepted or was asked for */
    bool off;           /* and was switched off by "disconnect" */
    bool connected;     /* the peer is there */
    bool mirroring;     /* a mirror runs */
    bool mirror_needed; /* the peer or the journal says so */
    bool failing_over;  /* to this site: recorded, and not raised yet */
    bool failed_over;   /* this site serves, and a restore is required */
    bool failing_back;  /* it has let go of what it served since a failover */
    bool elsewhere;     /* another node of the cluster runs it */
};

enum dpl_set_state dpl_set_state_of(const struct dpl_set_facts *facts);
const char *dpl_set_state_text(enum dpl_set_state state);

const char *dpl_set_command_text(enum dpl_set_command command);
bool dpl_set_allowed(enum dpl_set_state state, enum dpl_set_command command);
/* REFUSED, with the state that was found and the commands that are allowed in it. */
int dpl_set_check(const char *set, enum dpl_set_state state, enum dpl_set_command command,
                  struct dpl_err *err);

#endif
