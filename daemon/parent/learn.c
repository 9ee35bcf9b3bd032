/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/learn.h"

#include "daemon/parent/change.h"
#include "daemon/parent/log.h"
#include "daemon/parent/set_become.h"
#include "daemon/parent/talk.h"

#include <string.h>

enum { ANSWER_MS = 10000, AGAIN_MS = 60000, SOON_MS = 3000 };

static void ask(void *self);

static void ask_in(struct dpl_set *set, int64_t ms)
{
    dpl_timer_set(&set->learn.timer, set->daemon->loop, ms, ask, set);
}

static char *flaw_of(const struct dpl_set *set, const char *rules)
{
    struct dpl_err err = {0};
    g_autofree char *here = NULL;
    return rules && dpl_set_rules_here(rules, dpl_doc_list(set->doc, "map"), &here, &err) < 0
               ? g_strdup_printf("this site could not serve it: %s", err.text)
               : NULL;
}

char *dpl_learn_flaw(const struct dpl_set *set)
{
    return set->source ? NULL : flaw_of(set, dpl_doc_text(set->doc, "peer_rules"));
}

/* Rules by which nothing can be served here are told while there is time. */
static void tell(struct dpl_set *set, const char *rules)
{
    const struct dpl_doc *map = dpl_doc_list(set->doc, "map");
    g_autofree char *was = dpl_learn_flaw(set), *flaw = flaw_of(set, rules);
    g_autofree char *mapped = dpl_set_rules_mapped(rules, map);
    if (flaw)
        dpl_log(LOG_ERR, "set \"%s\": %s", set->name, flaw);
    else if (strcmp(mapped, rules) != 0)
        dpl_log(LOG_NOTICE,
                "set \"%s\": what site \"%s\" excludes outside the map is left out here", set->name,
                dpl_set_peer(set));
    if (flaw || was) {
        g_autofree char *text =
            g_strdup_printf("set %s: %s", set->name,
                            flaw ? flaw : "this site could serve it: its rules lie in the map");
        dpl_alert_set(set, "rules", flaw ? "unusable" : "usable", text);
    }
}

void dpl_learn_rules(struct dpl_set *set, const char *rules)
{
    if (!rules || g_strcmp0(rules, dpl_doc_text(set->doc, "peer_rules")) == 0 ||
        g_strcmp0(dpl_doc_text(set->doc, "role"), "standby") != 0)
        return;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set->doc);
    dpl_doc_set_text(doc, "peer_rules", rules);
    tell(set, rules);
    dpl_change(set->daemon, "set", set->name, &set->version, doc, NULL, NULL);
}

static void answered(void *self, int rc, const struct dpl_doc *answer, const struct dpl_err *err)
{
    struct dpl_set *set = ((struct dpl_learn *)self)->set;
    (void)err;
    if (rc == DPL_OK)
        dpl_learn_rules(set, dpl_doc_text(answer, "rules"));
    ask_in(set, rc == DPL_OK ? AGAIN_MS : SOON_MS);
}

static void ask(void *self)
{
    struct dpl_set *set = self;
    const char *from = dpl_doc_text(set->doc, "from");
    if (from && set->connected && !set->source)
        dpl_talk_ask(set->daemon, from, dpl_talk_question("state", set->name), ANSWER_MS, answered,
                     &set->learn);
}

void dpl_learn_begin(struct dpl_set *set)
{
    set->learn.set = set;
    if (!set->source)
        ask_in(set, 0);
}

void dpl_learn_end(struct dpl_set *set)
{
    dpl_timer_clear(&set->learn.timer);
    dpl_talk_forget(set->daemon, &set->learn);
}
