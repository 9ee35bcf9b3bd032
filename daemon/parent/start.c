/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the engine of a set is told at its start, and again when something of it has changed: from
 * the set's document, the configuration, and what was limited by hand.
 */
#include "daemon/parent/daemon.h"
#include "daemon/parent/set_doc.h"

static void put_text(struct dpl_doc *to, const char *key, const char *text)
{
    if (text)
        dpl_doc_set_text(to, key, text);
}

static void put_options(struct dpl_doc *start, const struct dpl_set *set)
{
    static const char *const texts[] = {"target", "mirror", "orphans", "durability",
                                        "durability_policy"};
    static const char *const numbers[][2] = {{"durability_timeout", "durability_timeout_ms"},
                                             {"lag_warn", "lag_warn_ms"},
                                             {"flush_timeout", "flush_timeout_ms"}};
    if (!dpl_option_any(set))
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        put_text(start, texts[i], dpl_option_text(set, texts[i]));
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        dpl_doc_set_int(start, numbers[i][1], dpl_option_value(set, numbers[i][0]));
}

/* A limit by hand takes the place of all that the configuration says, but a schedule alone leaves
 * its bandwidth for the rest of the week. */
static void put_limits(struct dpl_doc *start, const struct dpl_set *set)
{
    const char *schedule = dpl_option_text(set, "schedule");
    int64_t bytes = dpl_option_value(set, "bandwidth");
    if (set->limit.bytes >= 0) {
        bytes = set->limit.bytes;
        schedule = NULL;
    }
    if (set->limit.schedule)
        schedule = set->limit.schedule;
    dpl_doc_set_int(start, "bandwidth_bytes", bytes);
    dpl_doc_set_text(start, "schedule", schedule ? schedule : "");
}

static void put_source(struct dpl_doc *start, const struct dpl_set *set)
{
    const struct dpl_settings *s = &set->daemon->settings;
    g_autofree char *journal = g_build_filename(s->journal_dir, set->name, NULL);
    g_autofree char *captures = g_build_filename(s->run_dir, "capture", NULL);
    dpl_doc_set_text(start, "journal", journal);
    dpl_doc_set_text(start, "capture_run_dir", captures);
    put_text(start, "rules", dpl_doc_text(set->doc, "rules"));
    dpl_doc_set(start, "roots", dpl_set_doc_roots(set->doc));
    put_options(start, set);
    put_limits(start, set);
    dpl_doc_set_bool(start, "begun", dpl_doc_bool(set->doc, "begun", false));
    dpl_doc_set_bool(start, "mirror_stopped", dpl_doc_bool(set->doc, "mirror_stopped", false));
    if (dpl_doc_tree(set->doc, "mirror_wish"))
        dpl_doc_set(start, "mirror_wish", dpl_doc_copy(dpl_doc_tree(set->doc, "mirror_wish")));
}

static void put_target(struct dpl_doc *start, const struct dpl_set *set)
{
    const struct dpl_conf *conf = set->daemon->settings.conf;
    const struct dpl_doc *map = dpl_doc_get(set->doc, "map");
    struct dpl_doc *roots = dpl_doc_set_list(start, "target_roots");
    put_text(start, "from", dpl_doc_text(set->doc, "from"));
    dpl_doc_set_int(start, "life", dpl_doc_int(set->doc, "life", 0));
    dpl_doc_set_bool(start, "set_aside", dpl_doc_bool(set->doc, "set_aside", false));
    if (map)
        dpl_doc_set(start, "map", dpl_doc_copy(map));
    for (const char *const *root = dpl_conf_list(conf, "target", "root"); *root; root++)
        dpl_doc_add_text(roots, *root);
    dpl_doc_set_int(start, "queue_max_bytes", dpl_conf_value(conf, "target", "queue_max"));
    dpl_doc_set_int(start, "min_free_bytes", dpl_conf_value(conf, "target", "queue_min_free"));
    dpl_doc_set_int(start, "max_delete_percent", dpl_conf_value(conf, "target", "max_delete"));
    if (!dpl_option_any(set))
        return;
    put_text(start, "fs_uuid", dpl_option_text(set, "device"));
    dpl_doc_set_bool(start, "allow_setid", dpl_option_value(set, "allow_setid"));
    dpl_doc_set_bool(start, "allow_devices", dpl_option_value(set, "allow_devices"));
}

struct dpl_doc *dpl_start_doc(const struct dpl_set *set)
{
    const struct dpl_settings *s = &set->daemon->settings;
    struct dpl_doc *doc = dpl_doc_new(), *start = dpl_doc_set_tree(doc, "start");
    dpl_doc_set_text(start, "set", set->name);
    put_text(start, "instance", s->instance);
    dpl_doc_set_text(start, "site", s->site);
    dpl_doc_set_text(start, "node", s->node);
    dpl_doc_set_text(start, "state_dir", s->state_dir);
    dpl_doc_set_text(start, "run_dir", s->run_dir);
    put_text(start, "role", dpl_doc_text(set->doc, "role"));
    dpl_doc_set_int(start, "generation", dpl_doc_int(set->doc, "generation", 0));
    dpl_doc_set_bool(start, "off", dpl_set_off(set));
    dpl_doc_set_bool(start, "equal", dpl_doc_bool(set->doc, "equal", false));
    dpl_doc_set_int(start, "equal_epoch", dpl_doc_int(set->doc, "equal_epoch", 0));
    if (set->source)
        put_source(start, set);
    else
        put_target(start, set);
    return doc;
}
