/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rules of a set: what parses comes back from its own text, and its roots are inside or empty.
 */
#include "daemon/core/rules.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dpl_rules *rules, *again;
    struct dpl_err err;
    if (dpl_rules_parse(&rules, (const char *)data, size, &err) < 0) {
        g_assert(err.text[0] && !strchr(err.text, '\n'));
        return 0;
    }
    size_t room = 2 * size + 64 + 24 * DPL_RULES_MAX;
    g_autofree char *text = g_malloc(room), *second = g_malloc(room);
    int n = dpl_rules_format(rules, text, room);
    g_assert(n > 0 && dpl_rules_parse(&again, text, (size_t)n, NULL) == 0);
    g_assert(dpl_rules_format(again, second, room) == n && strcmp(text, second) == 0);
    g_assert(dpl_rules_root_count(rules) == dpl_rules_root_count(again));
    for (size_t i = 0; i < dpl_rules_root_count(rules); i++) {
        const char *root = dpl_rules_root(rules, i);
        struct dpl_rules_at here = dpl_rules_find(rules, root);
        struct dpl_rules_at same = dpl_rules_find(again, root);
        g_assert(here.inside == same.inside && here.some_beneath == same.some_beneath);
        g_assert(here.some_beneath || !here.all_beneath);
        g_assert(dpl_rules_check_mount(rules, root, &err) == DPL_E_REFUSED);
    }
    g_assert(dpl_rules_check_apart(rules, "a", again, "b", &err) == DPL_E_REFUSED);
    dpl_rules_free(rules);
    dpl_rules_free(again);
    return 0;
}
