/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The options of a set: what an agent asked for it here, else, on a stand-alone server, its group
 * in the configuration.
 */
#include "daemon/parent/daemon.h"
#include "daemon/parent/sender.h"
#include "lib/config/schedule.h"
#include "lib/config/site_conf.h"
#include "lib/config/value.h"

#include <string.h>

const char *dpl_option_text(const struct dpl_set *set, const char *key)
{
    if (set->asked)
        return dpl_doc_text(dpl_doc_tree(set->asked, "texts"), key);
    if (!set->group)
        return dpl_doc_text(dpl_doc_tree(set->preset, "texts"), key);
    return dpl_conf_text(set->daemon->settings.conf, set->group, key);
}

int64_t dpl_option_value(const struct dpl_set *set, const char *key)
{
    if (set->asked)
        return dpl_doc_int(dpl_doc_tree(set->asked, "values"), key, 0);
    if (!set->group)
        return dpl_doc_int(dpl_doc_tree(set->preset, "values"), key, 0);
    return dpl_conf_value(set->daemon->settings.conf, set->group, key);
}

bool dpl_option_any(const struct dpl_set *set)
{
    return set->asked || set->group || set->preset;
}

static int put(const struct dpl_conf_key *key, const char *given, struct dpl_doc *texts,
               struct dpl_doc *values, struct dpl_err *err)
{
    const char *text = given ? given : key->preset;
    struct dpl_schedule schedule;
    int64_t value = 0;
    if (!text)
        return DPL_OK;
    int rc = dpl_value_check(key, text, &value, err);
    if (rc == DPL_OK && strcmp(key->key, "schedule") == 0)
        rc = dpl_schedule_parse(&schedule, text, err);
    if (rc < 0) {
        dpl_err_context(err, "%s", key->key);
        return err ? err->code = DPL_E_USAGE : DPL_E_USAGE;
    }
    dpl_doc_set_text(texts, key->key, text);
    dpl_doc_set_int(values, key->key, value);
    return DPL_OK;
}

int dpl_option_asked(const struct dpl_doc *args, struct dpl_doc **doc_r, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_doc *texts = dpl_doc_set_tree(doc, "texts");
    struct dpl_doc *values = dpl_doc_set_tree(doc, "values");
    for (size_t i = 0; i < dpl_site_conf.count; i++) {
        const struct dpl_conf_key *key = &dpl_site_conf.keys[i];
        if (strcmp(key->group, "set *") != 0)
            continue;
        int rc = put(key, dpl_doc_text(args, key->key), texts, values, err);
        if (rc < 0)
            return rc;
    }
    *doc_r = g_steal_pointer(&doc);
    return DPL_OK;
}

void dpl_option_preset(struct dpl_set *set)
{
    g_autoptr(dpl_doc_auto) none = dpl_doc_new();
    bool wanted = !set->daemon->settings.cluster && !set->group && dpl_doc_text(set->doc, "peer") &&
                  dpl_doc_text(set->doc, "rules");
    const struct dpl_doc *sent_on = dpl_sender_options(set);
    g_clear_pointer(&set->preset, dpl_doc_free);
    if (wanted)
        (void)dpl_option_asked(none, &set->preset, NULL);
    else if (sent_on)
        set->preset = dpl_doc_copy(sent_on);
}
