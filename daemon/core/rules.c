/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The paths of all rules are a tree of names. Of a directory D two answers suffice for all beneath
 * it that has no rule of its own: `direct` for its names (the rules at D, else the recursive ones
 * above), `recursive` for what is deeper (the recursive rules at D, else those above).
 */
#include "daemon/core/rules.h"

#include "lib/base/path.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

enum verdict { NONE = 0, IN = 1, OUT = 2 };
enum { RECURSIVE = 0, FLAT = 1, OFF_TREE = -1 };

struct node {
    int32_t parent, first, next;             /* -1: none */
    bool includes[2], excludes[2];           /* by RECURSIVE and FLAT */
    bool includes_beneath, excludes_beneath; /* some rule strictly beneath it does */
    char *name;
};

struct rule {
    bool include;
    int reach; /* RECURSIVE or FLAT */
    int32_t node;
    unsigned line;
    char *path;
};

struct dpl_rules {
    GArray *nodes;    /* of struct node; [0] is "/" */
    GArray *rules;    /* of struct rule, as in the text */
    GPtrArray *roots; /* borrowed paths of rules */
};

static struct node *node_at(const struct dpl_rules *rules, int32_t i)
{
    return &g_array_index(rules->nodes, struct node, i);
}

static const struct rule *rule_at(const struct dpl_rules *rules, unsigned i)
{
    return &g_array_index(rules->rules, struct rule, i);
}

static int32_t node_child(const struct dpl_rules *rules, int32_t parent, const char *name,
                          size_t size)
{
    for (int32_t i = node_at(rules, parent)->first; i >= 0; i = node_at(rules, i)->next) {
        const struct node *child = node_at(rules, i);
        if (strlen(child->name) == size && memcmp(child->name, name, size) == 0)
            return i;
    }
    return OFF_TREE;
}

static int32_t node_add(struct dpl_rules *rules, int32_t parent, const char *name, size_t size)
{
    struct node node = {.parent = parent, .first = -1, .next = -1, .name = g_strndup(name, size)};
    int32_t index = (int32_t)rules->nodes->len;
    if (parent >= 0) {
        node.next = node_at(rules, parent)->first;
        node_at(rules, parent)->first = index;
    }
    g_array_append_val(rules->nodes, node);
    return index;
}

/* Cuts the next name off an absolute normal path. False at its end. */
static bool next_name(const char **path, const char **name, size_t *size)
{
    if (**path != '/')
        return false;
    *name = *path + 1;
    *size = strcspn(*name, "/");
    *path = *name + *size;
    return *size > 0;
}

static int32_t node_make(struct dpl_rules *rules, const char *path)
{
    int32_t at = 0;
    const char *name;
    size_t size;
    while (next_name(&path, &name, &size)) {
        int32_t child = node_child(rules, at, name, size);
        at = child >= 0 ? child : node_add(rules, at, name, size);
    }
    return at;
}

static int bad(struct dpl_err *err, unsigned line, const char *what, const char *value)
{
    return dpl_err_set(err, DPL_E_PARAM, "line %u of the rules: %s%s%s%s", line, what,
                       value ? " \"" : "", value ? value : "", value ? "\"" : "");
}

/* Takes a word and the spaces behind it off the line. */
static bool take_word(const char **line, const char *word)
{
    size_t size = strlen(word);
    if (strncmp(*line, word, size) != 0 || (*line)[size] != ' ')
        return false;
    *line += size;
    *line += strspn(*line, " ");
    return true;
}

static int rule_add(struct dpl_rules *rules, const struct rule *rule, struct dpl_err *err)
{
    bool include = rule->include;
    struct node *node = node_at(rules, rule->node);
    bool *there = include ? &node->includes[rule->reach] : &node->excludes[rule->reach];
    if (*there)
        return bad(err, rule->line, "this rule is there already, for", rule->path);
    *there = true;
    for (int32_t i = node->parent; i >= 0; i = node_at(rules, i)->parent)
        *(include ? &node_at(rules, i)->includes_beneath : &node_at(rules, i)->excludes_beneath) =
            true;
    struct rule kept = *rule;
    kept.path = g_strdup(rule->path);
    g_array_append_val(rules->rules, kept);
    return 0;
}

static int line_parse(struct dpl_rules *rules, const char *line, unsigned number,
                      struct dpl_err *err)
{
    struct rule rule = {.line = number};
    line += strspn(line, " \t");
    if (*line == '\0' || *line == '#')
        return 0;
    if (take_word(&line, "include"))
        rule.include = true;
    else if (!take_word(&line, "exclude"))
        return bad(err, number, "\"include\" or \"exclude\" was expected, not", line);
    if (take_word(&line, "flat"))
        rule.reach = FLAT;
    else if (!take_word(&line, "recursive"))
        return bad(err, number, "\"recursive\" or \"flat\" was expected, not", line);
    if (!dpl_path_absolute_ok(line) || strlen(line) > DPL_RULES_PATH_MAX)
        return bad(err, number, "an absolute path like /a/b was expected, not", line);
    if (rules->rules->len == DPL_RULES_MAX)
        return bad(err, number, "these are too many rules", NULL);
    rule.path = (char *)(uintptr_t)line;
    rule.node = node_make(rules, line);
    return rule_add(rules, &rule, err);
}

static void find_roots(struct dpl_rules *rules)
{
    for (unsigned i = 0; i < rules->rules->len; i++) {
        const struct rule *rule = rule_at(rules, i);
        bool root = rule->include;
        for (unsigned k = 0; k < rules->rules->len && root; k++) {
            const struct rule *other = rule_at(rules, k);
            bool same = other->node == rule->node;
            if (other->include && dpl_path_is_beneath(rule->path, other->path))
                root = same && k >= i;
        }
        if (root)
            g_ptr_array_add(rules->roots, rule->path);
    }
}

static void node_clear(gpointer data)
{
    g_free(((struct node *)data)->name);
}

static void rule_clear(gpointer data)
{
    g_free(((struct rule *)data)->path);
}

int dpl_rules_parse(struct dpl_rules **rules_r, const char *text, size_t size, struct dpl_err *err)
{
    if (size > DPL_RULES_TEXT_MAX || memchr(text, '\0', size))
        return dpl_err_set(err, DPL_E_PARAM, "the rules are not a text of at most %d bytes",
                           DPL_RULES_TEXT_MAX);
    struct dpl_rules *rules = g_new0(struct dpl_rules, 1);
    rules->nodes = g_array_new(FALSE, TRUE, sizeof(struct node));
    rules->rules = g_array_new(FALSE, TRUE, sizeof(struct rule));
    rules->roots = g_ptr_array_new();
    g_array_set_clear_func(rules->nodes, node_clear);
    g_array_set_clear_func(rules->rules, rule_clear);
    node_add(rules, -1, "", 0);
    int rc = 0;
    unsigned number = 1;
    for (const char *at = text, *end = text + size; at < end && rc == 0; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        g_autofree char *line = g_strndup(at, (size_t)((stop ? stop : end) - at));
        rc = line_parse(rules, line, number, err);
        at = stop ? stop + 1 : end;
    }
    find_roots(rules);
    if (rc == 0 && rules->roots->len == 0)
        rc = dpl_err_set(err, DPL_E_PARAM, "the rules include nothing");
    if (rc < 0) {
        dpl_rules_free(rules);
        return rc;
    }
    *rules_r = rules;
    return 0;
}

void dpl_rules_free(struct dpl_rules *rules)
{
    if (!rules)
        return;
    g_array_unref(rules->nodes);
    g_array_unref(rules->rules);
    g_ptr_array_unref(rules->roots);
    g_free(rules);
}

int dpl_rules_format(const struct dpl_rules *rules, char *text, size_t room)
{
    size_t used = 0;
    for (unsigned i = 0; i < rules->rules->len; i++) {
        const struct rule *rule = rule_at(rules, i);
        int n =
            snprintf(text + used, room - used, "%s %s %s\n", rule->include ? "include" : "exclude",
                     rule->reach == FLAT ? "flat" : "recursive", rule->path);
        if (n < 0 || (size_t)n >= room - used)
            return DPL_E_TOO_LARGE;
        used += (size_t)n;
    }
    return (int)used;
}

size_t dpl_rules_root_count(const struct dpl_rules *rules)
{
    return rules->roots->len;
}

const char *dpl_rules_root(const struct dpl_rules *rules, size_t index)
{
    return g_ptr_array_index(rules->roots, index);
}

static enum verdict of(bool includes, bool excludes, enum verdict otherwise)
{
    return excludes ? OUT : includes ? IN : otherwise;
}

/* The answer for a path with this node (or none), given its parent's two. */
static struct dpl_rules_at answer(const struct dpl_rules *rules, int32_t index, enum verdict direct,
                                  enum verdict recursive)
{
    static const struct node none;
    const struct node *n = index >= 0 ? node_at(rules, index) : &none;
    bool includes = n->includes[RECURSIVE] || n->includes[FLAT];
    bool excludes = n->excludes[RECURSIVE] || n->excludes[FLAT];
    enum verdict deep = of(n->includes[RECURSIVE], n->excludes[RECURSIVE], recursive);
    enum verdict names = of(includes, excludes, recursive);
    return (struct dpl_rules_at){
        .node = index,
        .recursive = (int8_t)deep,
        .direct = (int8_t)names,
        .inside = of(includes, excludes, direct) == IN,
        .some_beneath = names == IN || deep == IN || n->includes_beneath,
        .all_beneath = names == IN && deep == IN && !n->excludes_beneath,
    };
}

struct dpl_rules_at dpl_rules_top(const struct dpl_rules *rules)
{
    return answer(rules, 0, NONE, NONE);
}

struct dpl_rules_at dpl_rules_descend(const struct dpl_rules *rules, struct dpl_rules_at at,
                                      const char *name, size_t size)
{
    int32_t child = at.node >= 0 ? node_child(rules, at.node, name, size) : OFF_TREE;
    return answer(rules, child, (enum verdict)at.direct, (enum verdict)at.recursive);
}

struct dpl_rules_at dpl_rules_find(const struct dpl_rules *rules, const char *path)
{
    struct dpl_rules_at at = dpl_rules_top(rules);
    const char *name;
    size_t size;
    while (next_name(&path, &name, &size))
        at = dpl_rules_descend(rules, at, name, size);
    return at;
}

int dpl_rules_check_mount(const struct dpl_rules *rules, const char *mount, struct dpl_err *err)
{
    for (unsigned i = 0; i < rules->roots->len; i++) {
        const char *root = dpl_rules_root(rules, i);
        bool beneath = strcmp(mount, "/") == 0 || dpl_path_is_beneath(root, mount);
        if (!beneath || strcmp(root, mount) == 0)
            return dpl_err_set(err, DPL_E_REFUSED,
                               "the root \"%s\" must be a directory beneath the mount point \"%s\"",
                               root, mount);
    }
    return 0;
}

int dpl_rules_check_apart(const struct dpl_rules *a, const char *a_name, const struct dpl_rules *b,
                          const char *b_name, struct dpl_err *err)
{
    for (unsigned i = 0; i < a->roots->len; i++)
        for (unsigned k = 0; k < b->roots->len; k++) {
            const char *one = dpl_rules_root(a, i), *other = dpl_rules_root(b, k);
            if (dpl_path_is_beneath(one, other) || dpl_path_is_beneath(other, one))
                return dpl_err_set(err, DPL_E_REFUSED,
                                   "the sets \"%s\" and \"%s\" overlap: \"%s\" and \"%s\"", a_name,
                                   b_name, one, other);
        }
    return 0;
}
