/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/set_state.h"

#include <stdio.h>
#include <string.h>

static const struct {
    char letter;
    const char *text;
} states[] = {
#define SET_STATE(name, letter, text) {letter, text},
#define SET_COMMAND(name, text, states)
#include "daemon/core/set_state.tbl.h"
#undef SET_STATE
#undef SET_COMMAND
};

static const struct {
    const char *text;
    const char *states;
} commands[] = {
#define SET_STATE(name, letter, text)
#define SET_COMMAND(name, text, states) {text, states},
#include "daemon/core/set_state.tbl.h"
#undef SET_STATE
#undef SET_COMMAND
};

enum dpl_set_state dpl_set_state_of(const struct dpl_set_facts *facts)
{
    if (facts->failing_over)
        return DPL_SET_FAILING_OVER;
    if (facts->failing_back)
        return DPL_SET_FAILING_BACK;
    if (facts->elsewhere)
        return DPL_SET_ELSEWHERE;
    if (facts->failed_over && (!facts->connected || facts->off))
        return DPL_SET_FAILED_OVER;
    if (facts->failed_over && (facts->mirroring || facts->mirror_needed))
        return DPL_SET_RESTORING;
    if (!facts->wanted && !facts->connected)
        return DPL_SET_UNPROTECTED;
    if (facts->connected && facts->mirroring)
        return DPL_SET_MIRRORING;
    if (facts->mirror_needed)
        return DPL_SET_MIRROR_NEEDED;
    return facts->connected && !facts->off ? DPL_SET_PROTECTED : DPL_SET_DISCONNECTED;
}

const char *dpl_set_state_text(enum dpl_set_state state)
{
    return states[state].text;
}

const char *dpl_set_command_text(enum dpl_set_command command)
{
    return commands[command].text;
}

bool dpl_set_allowed(enum dpl_set_state state, enum dpl_set_command command)
{
    return strchr(commands[command].states, states[state].letter) != NULL;
}

int dpl_set_check(const char *set, enum dpl_set_state state, enum dpl_set_command command,
                  struct dpl_err *err)
{
    char allowed[300] = "";
    size_t used = 0;
    if (dpl_set_allowed(state, command))
        return DPL_OK;
    for (enum dpl_set_command c = 0; c < DPL_SET_COMMANDS; c++) {
        if (!dpl_set_allowed(state, c))
            continue;
        int n = snprintf(allowed + used, sizeof allowed - used, "%s%s", used ? ", " : "",
                         commands[c].text);
        if (n < 0 || (size_t)n >= sizeof allowed - used)
            break;
        used += (size_t)n;
    }
    return dpl_err_set(err, DPL_E_REFUSED,
                       "set \"%s\" is %s: \"%s\" is out of place; allowed are: %s", set,
                       states[state].text, commands[command].text, allowed);
}
