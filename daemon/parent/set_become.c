/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/set_become.h"

#include "daemon/core/rules.h"
#include "lib/base/path.h"

#include <string.h>

void dpl_set_side_read(const struct dpl_doc *doc, struct dpl_set_side *side_r)
{
    *side_r = (struct dpl_set_side){
        .role = dpl_set_role_of(dpl_doc_text(doc, "role")),
        .generation = dpl_doc_int(doc, "generation", 0),
        .failing_over = dpl_doc_int(dpl_doc_tree(doc, "failing_over"), "generation", 0),
        .tried = dpl_doc_int(doc, "tried", 0),
        .released_for = dpl_doc_int(doc, "released_for", 0),
        .ceded = dpl_doc_int(doc, "ceded", 0),
        .restore_required = dpl_doc_bool(doc, "restore_required", false),
        .held = dpl_doc_bool(doc, "held", false),
    };
}

static void put_number(struct dpl_doc *doc, const char *key, int64_t value)
{
    if (value)
        dpl_doc_set_int(doc, key, value);
    else
        dpl_doc_unset(doc, key);
}

static void put_flag(struct dpl_doc *doc, const char *key, bool value)
{
    if (value)
        dpl_doc_set_bool(doc, key, true);
    else
        dpl_doc_unset(doc, key);
}

static void put_pending(struct dpl_doc *doc, int64_t generation)
{
    if (!generation)
        dpl_doc_unset(doc, "failing_over");
    else if (dpl_doc_int(dpl_doc_tree(doc, "failing_over"), "generation", 0) != generation)
        dpl_doc_set_int(dpl_doc_set_tree(doc, "failing_over"), "generation", generation);
}

static void side_write(struct dpl_doc *doc, const struct dpl_set_side *side)
{
    dpl_doc_set_text(doc, "role", dpl_set_role_text(side->role));
    dpl_doc_set_text(doc, "side", side->role == DPL_SET_ROLE_STANDBY ? "target" : "source");
    dpl_doc_set_int(doc, "generation", side->generation);
    put_pending(doc, side->failing_over);
    put_number(doc, "tried", side->tried);
    put_number(doc, "released_for", side->released_for);
    put_number(doc, "ceded", side->ceded);
    put_flag(doc, "restore_required", side->restore_required);
    put_flag(doc, "held", side->held);
}

/* What was agreed or asked for with the replica, or the connection, that is no more. */
static void forget_session(struct dpl_doc *doc)
{
    static const char *const keys[] = {"equal", "equal_epoch", "mirror_wish", "mirror_stopped",
                                       "begun", "off",         "look_changed"};
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        dpl_doc_unset(doc, keys[i]);
}

static int to_source(struct dpl_doc *doc, struct dpl_err *err)
{
    const char *theirs = dpl_doc_text(doc, "peer_rules"), *from = dpl_doc_text(doc, "from");
    g_autofree char *rules = NULL;
    if (!theirs)
        return dpl_err_set(err, DPL_E_REFUSED,
                           "its rules are not known here: it was never connected with site \"%s\"",
                           from ? from : "?");
    int rc = dpl_set_rules_here(theirs, dpl_doc_list(doc, "map"), &rules, err);
    if (rc < 0)
        return rc;
    forget_session(doc);
    dpl_doc_set_text(doc, "rules", rules);
    if (from)
        dpl_doc_set_text(doc, "peer", from);
    dpl_doc_unset(doc, "from");
    dpl_doc_unset(doc, "peer_rules");
    dpl_doc_unset(doc, "set_aside");
    return DPL_OK;
}

static int to_target(struct dpl_doc *doc, int64_t generation, struct dpl_err *err)
{
    g_autofree char *peer = g_strdup(dpl_doc_text(doc, "peer"));
    if (!peer)
        return dpl_err_set(err, DPL_E_REFUSED, "it has no other site");
    g_autoptr(dpl_doc_auto) there = dpl_set_map_there(dpl_doc_list(doc, "map"));
    g_autofree char *rules = NULL;
    /* Until the new source says its own. */
    if (dpl_doc_text(doc, "rules") &&
        dpl_set_rules_here(dpl_doc_text(doc, "rules"), there, &rules, NULL) == DPL_OK)
        dpl_doc_set_text(doc, "peer_rules", rules);
    forget_session(doc);
    dpl_doc_set_text(doc, "from", peer);
    dpl_doc_unset(doc, "rules");
    dpl_doc_unset(doc, "parted_ms");
    dpl_doc_set_int(doc, "life", generation);
    dpl_doc_set_bool(doc, "set_aside", true);
    return DPL_OK;
}

int dpl_set_become(struct dpl_doc *doc, enum dpl_set_event event, int64_t generation,
                   struct dpl_err *err)
{
    struct dpl_set_side side;
    dpl_set_side_read(doc, &side);
    bool was_target = side.role == DPL_SET_ROLE_STANDBY;
    int changed = dpl_set_role_become(&side, event, generation, err), rc = DPL_OK;
    if (changed <= 0)
        return changed;
    bool is_target = side.role == DPL_SET_ROLE_STANDBY;
    if (was_target && !is_target)
        rc = to_source(doc, err);
    else if (is_target && !was_target)
        rc = to_target(doc, side.generation, err);
    if (rc < 0)
        return rc;
    side_write(doc, &side);
    return 1;
}

/* The pair in whose directory the path lies, the innermost; NULL: none. */
static const struct dpl_doc *pair_of(const struct dpl_doc *map, const char *path)
{
    const struct dpl_doc *best = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < dpl_doc_count(map); i++) {
        const char *source = dpl_doc_text(dpl_doc_at(map, i), "source");
        if (!source || !dpl_path_is_beneath(path, source) || strlen(source) < longest)
            continue;
        best = dpl_doc_at(map, i);
        longest = strlen(source);
    }
    return best;
}

/* Adds a line with the path that it has here. False: it lies in nothing of the map. */
static bool add_moved(GString *text, const char *line, const struct dpl_doc *map)
{
    const char *path = strchr(line, '/');
    if (!path || dpl_doc_count(map) == 0) {
        g_string_append_printf(text, "%s\n", line);
        return true;
    }
    const struct dpl_doc *pair = pair_of(map, path);
    const char *target = dpl_doc_text(pair, "target");
    if (!target)
        return false;
    g_string_append_len(text, line, path - line);
    g_string_append_printf(text, "%s%s\n", target, path + strlen(dpl_doc_text(pair, "source")));
    return true;
}

/* Whoever serves captures by them: two paths there may be one here, or one may be too long. */
static int check_moved(const GString *text, struct dpl_err *err)
{
    struct dpl_rules *rules;
    struct dpl_err why;
    if (dpl_rules_parse(&rules, text->str, text->len, &why) < 0)
        return dpl_err_set(err, DPL_E_REFUSED, "the other site's rules, by the map: %s", why.text);
    dpl_rules_free(rules);
    return DPL_OK;
}

int dpl_set_rules_here(const char *rules, const struct dpl_doc *map, char **rules_r,
                       struct dpl_err *err)
{
    g_auto(GStrv) lines = g_strsplit(rules, "\n", -1);
    g_autoptr(GString) text = g_string_new(NULL);
    for (size_t i = 0; lines[i]; i++)
        if (lines[i][0] && !add_moved(text, lines[i], map) &&
            !g_str_has_prefix(lines[i], "exclude "))
            return dpl_err_set(err, DPL_E_REFUSED,
                               "the rule \"%s\" of the other site lies in no directory of the map",
                               lines[i]);
    int rc = check_moved(text, err);
    if (rc == DPL_OK)
        *rules_r = g_strdup(text->str);
    return rc;
}

char *dpl_set_rules_mapped(const char *rules, const struct dpl_doc *map)
{
    g_auto(GStrv) lines = g_strsplit(rules, "\n", -1);
    g_autoptr(GString) text = g_string_new(NULL), moved = g_string_new(NULL);
    for (size_t i = 0; lines[i]; i++)
        if (lines[i][0] && add_moved(moved, lines[i], map))
            g_string_append_printf(text, "%s\n", lines[i]);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

struct dpl_doc *dpl_set_map_there(const struct dpl_doc *map)
{
    struct dpl_doc *list = dpl_doc_new_list();
    for (size_t i = 0; i < dpl_doc_count(map); i++) {
        const struct dpl_doc *pair = dpl_doc_at(map, i);
        struct dpl_doc *turned = dpl_doc_add_tree(list);
        const char *source = dpl_doc_text(pair, "source"), *target = dpl_doc_text(pair, "target");
        dpl_doc_set_text(turned, "source", target ? target : "");
        dpl_doc_set_text(turned, "target", source ? source : "");
    }
    return list;
}
