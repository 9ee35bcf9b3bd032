/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/set_doc.h"

#include "daemon/core/rules.h"
#include "lib/base/path.h"
#include "lib/ctl/quote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

/* Two names that differ only in case would be one to many an eye. */
static int check_name(const struct dpl_daemon *daemon, const char *name, struct dpl_err *err)
{
    g_auto(GStrv) names = dpl_store_list(daemon->store, "set");
    if (!dpl_conf_name_ok(name)) {
        g_autofree char *quoted = dpl_quote(name, strlen(name));
        return dpl_err_set(err, DPL_E_USAGE,
                           "%s is no name for a set: letters, digits, \"_\" and \"-\", at most 32",
                           quoted);
    }
    for (size_t i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0)
            return dpl_err_set(err, DPL_E_EXISTS, "set \"%s\" exists already", name);
        if (strcasecmp(names[i], name) == 0)
            return dpl_err_set(err, DPL_E_EXISTS, "set \"%s\" differs from \"%s\" only in case",
                               names[i], name);
    }
    return DPL_OK;
}

/* A root is a directory beneath a mount point, by its true name. */
static int check_root(const char *root, struct dpl_err *err)
{
    struct statx st;
    char real[PATH_MAX];
    if (statx(AT_FDCWD, root, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) < 0)
        return dpl_err_sys(err, errno, "the root \"%s\"", root);
    if (!S_ISDIR(st.stx_mode))
        return dpl_err_set(err, DPL_E_PARAM_HERE, "the root \"%s\" is not a directory", root);
    if (!realpath(root, real) || strcmp(real, root) != 0)
        return dpl_err_set(err, DPL_E_PARAM_HERE,
                           "the root \"%s\" is reached through a symbolic link: name it \"%s\"",
                           root, real);
    if ((st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
        return dpl_err_set(err, DPL_E_PARAM_HERE,
                           "the root \"%s\" is a mount point: name a directory beneath it", root);
    return DPL_OK;
}

/* A set lies on one file system. Where a root is captured, what lies below is its parent's. */
static int check_disk(const char *root, const char *first, struct dpl_err *err)
{
    g_autofree char *above = g_path_get_dirname(root), *above_first = g_path_get_dirname(first);
    struct stat st, st_first;
    if (stat(above, &st) < 0 || stat(above_first, &st_first) < 0)
        return dpl_err_sys(err, errno, "the root \"%s\"", root);
    return st.st_dev == st_first.st_dev
               ? DPL_OK
               : dpl_err_set(err, DPL_E_REFUSED,
                             "the root \"%s\" lies on another file system than \"%s\": a set lies "
                             "on one: make a set of its own for it",
                             root, first);
}

/* What the capture waits for may not lie in what it captures. */
static int check_ours(const struct dpl_daemon *daemon, const char *root, struct dpl_err *err)
{
    const char *ours[] = {daemon->settings.state_dir, daemon->settings.journal_dir,
                          daemon->settings.run_dir, DPL_CONF_DIR, "/var/log"};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (dpl_path_is_beneath(ours[i], root))
            return dpl_err_set(err, DPL_E_REFUSED,
                               "the root \"%s\" holds \"%s\", which is needed "
                               "while it is captured",
                               root, ours[i]);
    return DPL_OK;
}

/* The files of a set that stands here: where a replica is, without a map in the configured roots
 * themselves; the roots of a source. The caller owns the list. */
static struct dpl_doc *places_of(const struct dpl_daemon *daemon, const struct dpl_set *set)
{
    const struct dpl_doc *map = dpl_doc_list(set->doc, "map");
    const char *const *roots = dpl_conf_list(daemon->settings.conf, "target", "root");
    if (g_strcmp0(dpl_doc_text(set->doc, "side"), "target") != 0)
        return dpl_set_doc_roots(set->doc);
    struct dpl_doc *list = dpl_doc_new_list();
    for (size_t i = 0; i < dpl_doc_count(map); i++)
        dpl_doc_add_text(list, dpl_doc_text(dpl_doc_at(map, i), "target"));
    for (size_t i = 0; dpl_doc_count(map) == 0 && roots[i]; i++)
        dpl_doc_add_text(list, roots[i]);
    return list;
}

/* Nothing of another set (a replica: of rules more is known, see check_apart) stands in this
 * directory, or around it. */
static int check_free(const struct dpl_daemon *daemon, const char *name, const char *path,
                      bool replicas, struct dpl_err *err)
{
    for (guint i = 0; i < daemon->sets->len; i++) {
        const struct dpl_set *other = daemon->sets->pdata[i];
        if (replicas && g_strcmp0(dpl_doc_text(other->doc, "side"), "target") != 0)
            continue;
        g_autoptr(dpl_doc_auto) places = places_of(daemon, other);
        for (size_t j = 0; strcmp(other->name, name) != 0 && j < dpl_doc_count(places); j++) {
            const char *place = dpl_doc_as_text(dpl_doc_at(places, j));
            if (dpl_path_is_beneath(path, place) || dpl_path_is_beneath(place, path))
                return dpl_err_set(err, DPL_E_REFUSED,
                                   "\"%s\": the files of set \"%s\" are in \"%s\"; choose "
                                   "directories that are apart",
                                   path, other->name, place);
        }
    }
    return DPL_OK;
}

static int check_apart(const struct dpl_daemon *daemon, const char *name,
                       const struct dpl_rules *rules, struct dpl_err *err)
{
    for (guint i = 0; i < daemon->sets->len; i++) {
        const struct dpl_set *other = daemon->sets->pdata[i];
        const char *text = dpl_doc_text(other->doc, "rules");
        struct dpl_rules *theirs;
        if (!text || strcmp(other->name, name) == 0)
            continue;
        if (dpl_rules_parse(&theirs, text, strlen(text), err) < 0)
            return dpl_err_context(err, "set \"%s\"", other->name);
        int rc = dpl_rules_check_apart(rules, name, theirs, other->name, err);
        dpl_rules_free(theirs);
        if (rc < 0)
            return rc;
    }
    return DPL_OK;
}

/* A root that the set has was looked at then; by now its capture may be mounted there. */
static bool has_root(const struct dpl_daemon *daemon, const char *name, const char *root)
{
    const struct dpl_set *set = dpl_set_find(daemon, name);
    g_autoptr(dpl_doc_auto) roots = set ? dpl_set_doc_roots(set->doc) : NULL;
    for (size_t i = 0; i < dpl_doc_count(roots); i++)
        if (strcmp(dpl_doc_as_text(dpl_doc_at(roots, i)), root) == 0)
            return true;
    return false;
}

/* The rules in their canonical text, when everything about them holds here. */
static int checked_rules(const struct dpl_daemon *daemon, const char *name, const char *text,
                         char **rules_r, struct dpl_err *err)
{
    struct dpl_rules *rules;
    int rc = dpl_rules_parse(&rules, text, strlen(text), err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == DPL_OK && i < dpl_rules_root_count(rules); i++) {
        if (!has_root(daemon, name, dpl_rules_root(rules, i)))
            rc = check_root(dpl_rules_root(rules, i), err);
        if (rc == DPL_OK)
            rc = check_disk(dpl_rules_root(rules, i), dpl_rules_root(rules, 0), err);
        if (rc == DPL_OK)
            rc = check_ours(daemon, dpl_rules_root(rules, i), err);
        if (rc == DPL_OK)
            rc = check_free(daemon, name, dpl_rules_root(rules, i), true, err);
    }
    if (rc == DPL_OK)
        rc = check_apart(daemon, name, rules, err);
    size_t room = 2 * strlen(text) + 64 + 24 * DPL_RULES_MAX;
    g_autofree char *canonical = g_malloc(room);
    if (rc == DPL_OK)
        rc = dpl_rules_format(rules, canonical, room);
    dpl_rules_free(rules);
    if (rc < 0)
        return rc;
    *rules_r = g_steal_pointer(&canonical);
    return DPL_OK;
}

static int add_line(GString *text, const char *what, const char *depth, const char *path,
                    struct dpl_err *err)
{
    if (strchr(path, '\n') || !dpl_path_absolute_ok(path)) {
        g_autofree char *quoted = dpl_quote(path, strlen(path));
        return dpl_err_set(err, DPL_E_USAGE,
                           "%s is not an absolute path without \".\", \"..\" and \"//\", and "
                           "below \"/\"",
                           quoted);
    }
    g_string_append_printf(text, "%s %s %s\n", what, depth, path);
    return DPL_OK;
}

static int add_lines(GString *text, const char *what, const char *depth, const struct dpl_doc *list,
                     struct dpl_err *err)
{
    int rc = DPL_OK;
    for (size_t i = 0; rc == DPL_OK && i < dpl_doc_count(list); i++)
        rc = add_line(text, what, depth, dpl_doc_as_text(dpl_doc_at(list, i)), err);
    return rc;
}

static struct dpl_doc *doc_new(const char *side, const char *role, int64_t generation)
{
    struct dpl_doc *doc = dpl_doc_new();
    dpl_doc_set_text(doc, "side", side);
    dpl_doc_set_text(doc, "role", role);
    dpl_doc_set_int(doc, "generation", generation);
    dpl_doc_set_int(doc, "created", (int64_t)time(NULL));
    return doc;
}

int dpl_set_doc_create(const struct dpl_daemon *daemon, const struct dpl_doc *args,
                       struct dpl_doc **doc_r, struct dpl_err *err)
{
    const char *name = dpl_doc_text(args, "set");
    const char *depth = dpl_doc_bool(args, "flat", false) ? "flat" : "recursive";
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *rules = NULL;
    int rc = check_name(daemon, name, err);
    if (rc == DPL_OK)
        rc = add_lines(text, "include", depth, dpl_doc_list(args, "path"), err);
    if (rc == DPL_OK)
        rc = add_lines(text, "exclude", "recursive", dpl_doc_list(args, "exclude"), err);
    if (rc == DPL_OK)
        rc = checked_rules(daemon, name, text->str, &rules, err);
    if (rc < 0)
        return rc;
    *doc_r = doc_new("source", "serving", 1);
    dpl_doc_set_text(*doc_r, "rules", rules);
    return DPL_OK;
}

static int add_mapping(struct dpl_doc *map, const char *text, struct dpl_err *err)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", 3);
    if (g_strv_length(parts) != 2 || !dpl_path_absolute_ok(parts[0]) ||
        !dpl_path_absolute_ok(parts[1]))
        return dpl_err_set(err, DPL_E_USAGE,
                           "\"%s\" is no mapping: two absolute paths with \":\" between are", text);
    struct dpl_doc *pair = dpl_doc_add_tree(map);
    dpl_doc_set_text(pair, "source", parts[0]);
    dpl_doc_set_text(pair, "target", parts[1]);
    return DPL_OK;
}

/* A target writes beneath configured roots alone, and where no other set is. */
static int check_target(const struct dpl_daemon *daemon, const char *name, const char *path,
                        struct dpl_err *err)
{
    const char *const *roots = dpl_conf_list(daemon->settings.conf, "target", "root");
    for (size_t i = 0; roots[i]; i++)
        if (dpl_path_is_beneath(path, roots[i]))
            return check_free(daemon, name, path, false, err);
    return dpl_err_set(err, DPL_E_REFUSED, "\"%s\" is beneath no [target] root of %s", path,
                       daemon->settings.config_path);
}

int dpl_set_doc_check_map(const struct dpl_daemon *daemon, const char *name,
                          const struct dpl_doc *map, struct dpl_err *err)
{
    if (!dpl_conf_list(daemon->settings.conf, "target", "root")[0])
        return dpl_err_set(err, DPL_E_REFUSED,
                           "%s names no [target] root: nothing may be written here",
                           daemon->settings.config_path);
    for (size_t i = 0; i < dpl_doc_count(map); i++) {
        const char *source = dpl_doc_text(dpl_doc_at(map, i), "source");
        const char *target = dpl_doc_text(dpl_doc_at(map, i), "target");
        if (!source || !target || !dpl_path_absolute_ok(source) || !dpl_path_absolute_ok(target))
            return dpl_err_set(err, DPL_E_PARAM, "pair %zu of the map is none", i + 1);
        int rc = check_target(daemon, name, target, err);
        if (rc < 0)
            return rc;
    }
    return DPL_OK;
}

void dpl_set_doc_connect(struct dpl_doc *doc)
{
    dpl_doc_unset(doc, "off");
    dpl_doc_unset(doc, "mirror_stopped");
    dpl_doc_set_bool(doc, "begun", true);
}

int dpl_set_doc_accept(const struct dpl_daemon *daemon, const struct dpl_doc *args,
                       struct dpl_doc **doc_r, struct dpl_err *err)
{
    const char *from = dpl_doc_text(args, "from");
    const char *name = dpl_doc_text(args, "set");
    const struct dpl_doc *maps = dpl_doc_list(args, "map");
    int rc = check_name(daemon, name, err);
    if (rc < 0)
        return rc;
    if (!dpl_conf_name_ok(from))
        return dpl_err_set(err, DPL_E_USAGE, "--from: \"%s\" is no name of a site", from);
    if (strcmp(from, daemon->settings.site) == 0)
        return dpl_err_set(err, DPL_E_USAGE, "--from: \"%s\" is this site", from);
    rc = dpl_set_doc_check_map(daemon, name, NULL, err);
    if (rc < 0)
        return rc;
    g_autoptr(dpl_doc_auto) doc = doc_new("target", "standby", 1);
    dpl_doc_set_text(doc, "from", from);
    struct dpl_doc *map = dpl_doc_set_list(doc, "map");
    for (size_t i = 0; rc == DPL_OK && i < dpl_doc_count(maps); i++) {
        rc = add_mapping(map, dpl_doc_as_text(dpl_doc_at(maps, i)), err);
        if (rc == DPL_OK)
            rc = check_target(daemon, name, dpl_doc_text(dpl_doc_at(map, i), "target"), err);
    }
    const char *const *roots = dpl_conf_list(daemon->settings.conf, "target", "root");
    for (size_t i = 0; rc == DPL_OK && dpl_doc_count(maps) == 0 && roots[i]; i++)
        rc = check_free(daemon, name, roots[i], false, err);
    if (rc == DPL_OK)
        *doc_r = g_steal_pointer(&doc);
    return rc;
}

static int with_rules(const struct dpl_set *set, const char *text, struct dpl_doc **doc_r,
                      struct dpl_err *err)
{
    g_autofree char *rules = NULL;
    int rc = checked_rules(set->daemon, set->name, text, &rules, err);
    if (rc < 0)
        return rc;
    *doc_r = dpl_doc_copy(set->doc);
    dpl_doc_set_text(*doc_r, "rules", rules);
    return DPL_OK;
}

static int check_source(const struct dpl_set *set, struct dpl_err *err)
{
    if (set->source)
        return DPL_OK;
    return dpl_err_set(err, DPL_E_REFUSED, "set \"%s\" is a replica: its rules are its source's",
                       set->name);
}

int dpl_set_doc_add(const struct dpl_set *set, const struct dpl_doc *args, struct dpl_doc **doc_r,
                    struct dpl_err *err)
{
    int rc = check_source(set, err);
    if (rc < 0)
        return rc;
    g_autoptr(GString) text = g_string_new(dpl_doc_text(set->doc, "rules"));
    rc = add_lines(text, dpl_doc_bool(args, "exclude", false) ? "exclude" : "include",
                   dpl_doc_bool(args, "flat", false) ? "flat" : "recursive",
                   dpl_doc_list(args, "path"), err);
    return rc < 0 ? rc : with_rules(set, text->str, doc_r, err);
}

/* Whether a line of rules is for this path: "include recursive /path". */
static bool line_is_for(const char *line, const char *path)
{
    const char *slash = strchr(line, '/');
    return slash && strcmp(slash, path) == 0;
}

int dpl_set_doc_remove(const struct dpl_set *set, const struct dpl_doc *args,
                       struct dpl_doc **doc_r, struct dpl_err *err)
{
    const struct dpl_doc *paths = dpl_doc_list(args, "path");
    int rc = check_source(set, err);
    if (rc < 0)
        return rc;
    g_auto(GStrv) lines = g_strsplit(dpl_doc_text(set->doc, "rules"), "\n", -1);
    g_autoptr(GString) text = g_string_new(NULL);
    for (size_t p = 0; p < dpl_doc_count(paths); p++) {
        const char *path = dpl_doc_as_text(dpl_doc_at(paths, p));
        bool found = false;
        for (size_t i = 0; lines[i]; i++) {
            if (!line_is_for(lines[i], path))
                continue;
            found = true;
            lines[i][0] = '\0';
        }
        if (!found)
            return dpl_err_set(err, DPL_E_NOT_FOUND, "set \"%s\" has no rule for \"%s\"", set->name,
                               path);
    }
    for (size_t i = 0; lines[i]; i++)
        if (lines[i][0])
            g_string_append_printf(text, "%s\n", lines[i]);
    return with_rules(set, text->str, doc_r, err);
}

struct dpl_doc *dpl_set_doc_roots(const struct dpl_doc *doc)
{
    struct dpl_doc *list = dpl_doc_new_list();
    const char *text = dpl_doc_text(doc, "rules");
    struct dpl_rules *rules;
    if (!text || dpl_rules_parse(&rules, text, strlen(text), NULL) < 0)
        return list;
    for (size_t i = 0; i < dpl_rules_root_count(rules); i++)
        dpl_doc_add_text(list, dpl_rules_root(rules, i));
    dpl_rules_free(rules);
    return list;
}
