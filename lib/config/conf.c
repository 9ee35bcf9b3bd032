/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/config/conf.h"

#include "lib/base/file.h"
#include "lib/config/value.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define FILE_MAX_BYTES ((size_t)1 << 20)

/* What was read of one key: parallel to the schema's rows. */
struct entry {
    GPtrArray *texts; /* of char *, NULL at its end; NULL while nothing was read */
    int64_t value;
    char *origin;
    const char *file; /* in which the texts stand: those of another file are replaced */
};

/* A group that is there by a name of its own, as [set mail]. */
struct instance {
    char *group;
    struct entry *entries;
};

struct dpl_conf {
    const struct dpl_conf_schema *schema;
    struct entry *entries;
    GPtrArray *instances;
    GPtrArray *files; /* names, kept for `file` of the entries */
};

/* One file while it is read. */
struct input {
    struct dpl_conf *conf;
    const char *file;
    unsigned line;
    char *group; /* the group in which the line stands, or NULL */
};

/* Whatever was wrong with a line, it is the configuration that is wrong. */
static int fail_at(const struct input *in, struct dpl_err *err)
{
    dpl_err_context(err, "%s:%u", in->file, in->line);
    if (err)
        err->code = DPL_E_CONFIG;
    return DPL_E_CONFIG;
}

static bool group_fits(const char *row, const char *group);

static void list_of(const struct dpl_conf_schema *schema, const char *group, GString *out)
{
    const char *last = NULL;
    for (size_t i = 0; i < schema->count; i++) {
        const char *word = group ? schema->keys[i].key : schema->keys[i].group;
        if ((group && !group_fits(schema->keys[i].group, group)) || g_strcmp0(word, last) == 0)
            continue;
        g_string_append_printf(out, "%s%s", last ? ", " : "", word);
        last = word;
    }
}

static int unknown(const struct input *in, const char *what, const char *word, const char *group,
                   struct dpl_err *err)
{
    g_autoptr(GString) known = g_string_new(NULL);
    list_of(in->conf->schema, group, known);
    dpl_err_set(err, DPL_E_CONFIG, "no %s \"%s\"%s%s%s (there are: %s)", what, word,
                group ? " in [" : "", group ? group : "", group ? "]" : "", known->str);
    return fail_at(in, err);
}

static bool is_pattern(const char *group)
{
    return group[strlen(group) - 1] == '*';
}

/* "set *" and every "set NAME". */
static bool group_fits(const char *row, const char *group)
{
    if (strcmp(row, group) == 0)
        return true;
    size_t n = strlen(row) - 1;
    return row[n] == '*' && strncmp(row, group, n) == 0 && dpl_conf_name_ok(group + n);
}

static ssize_t find(const struct dpl_conf_schema *schema, const char *group, const char *key)
{
    for (size_t i = 0; i < schema->count; i++)
        if (group_fits(schema->keys[i].group, group) &&
            (!key || strcmp(schema->keys[i].key, key) == 0))
            return (ssize_t)i;
    return -1;
}

static void entry_clear(struct entry *e)
{
    g_clear_pointer(&e->texts, g_ptr_array_unref);
    g_clear_pointer(&e->origin, g_free);
}

/* Puts a checked value in place of, or beside, what the key had. */
static void entry_put(struct entry *e, const struct dpl_conf_key *key, const char *file,
                      const char *text, int64_t value, char *origin)
{
    if (!key->repeatable || e->file != file)
        entry_clear(e);
    if (!e->texts)
        e->texts = g_ptr_array_new_with_free_func(g_free);
    else
        g_ptr_array_set_size(e->texts, (int)e->texts->len - 1);
    g_ptr_array_add(e->texts, g_strdup(text));
    g_ptr_array_add(e->texts, NULL);
    e->value = value;
    e->file = file;
    g_free(e->origin);
    e->origin = origin;
}

static struct entry *entries_new(const struct dpl_conf_schema *schema)
{
    struct entry *entries = g_new0(struct entry, schema->count);
    for (size_t i = 0; i < schema->count; i++) {
        const struct dpl_conf_key *key = &schema->keys[i];
        int64_t value = 0;
        if (!key->preset)
            continue;
        g_assert(dpl_value_check(key, key->preset, &value, NULL) == DPL_OK);
        entry_put(&entries[i], key, NULL, key->preset, value, g_strdup("default"));
    }
    return entries;
}

static void entries_free(const struct dpl_conf_schema *schema, struct entry *entries)
{
    for (size_t i = 0; i < schema->count; i++)
        entry_clear(&entries[i]);
    g_free(entries);
}

/* Where the values of a group are; NULL for an instance that is not there. */
static struct entry *entries_of(const struct dpl_conf *conf, const struct dpl_conf_key *key,
                                const char *group)
{
    if (!is_pattern(key->group))
        return conf->entries;
    for (guint i = 0; i < conf->instances->len; i++) {
        struct instance *in = conf->instances->pdata[i];
        if (strcmp(in->group, group) == 0)
            return in->entries;
    }
    return NULL;
}

/* Makes room for a group that is there by its own name. */
static void add_instance(struct dpl_conf *conf, const char *group)
{
    const struct dpl_conf_key *key = &conf->schema->keys[find(conf->schema, group, NULL)];
    if (entries_of(conf, key, group))
        return;
    struct instance *in = g_new0(struct instance, 1);
    in->group = g_strdup(group);
    in->entries = entries_new(conf->schema);
    g_ptr_array_add(conf->instances, in);
}

/* A key that has no row of its own is kept with its value. Takes text. */
static char *pair_of(const char *key, char *text)
{
    char *pair = g_strconcat(key, "=", text, NULL);
    g_free(text);
    return pair;
}

/* One "key=value" line, given to GLib's parser under a group of its own for syntax and escapes. */
static int read_pair(struct input *in, const char *line, struct dpl_err *err)
{
    g_autofree char *small = g_strdup_printf("[g]\n%s\n", line);
    g_autoptr(GKeyFile) keyfile = g_key_file_new();
    g_auto(GStrv) keys = NULL;
    if (g_key_file_load_from_data(keyfile, small, (gsize)-1, G_KEY_FILE_NONE, NULL))
        keys = g_key_file_get_keys(keyfile, "g", NULL, NULL);
    if (!keys || !keys[0]) {
        dpl_err_set(err, DPL_E_CONFIG, "\"%s\" is neither [group] nor key=value", line);
        return fail_at(in, err);
    }
    if (!in->group) {
        dpl_err_set(err, DPL_E_CONFIG, "\"%s\" stands before the first [group]", keys[0]);
        return fail_at(in, err);
    }
    ssize_t row = find(in->conf->schema, in->group, keys[0]);
    bool any = row < 0 || strcmp(keys[0], DPL_CONF_ANY) == 0;
    if (any)
        row = find(in->conf->schema, in->group, DPL_CONF_ANY);
    if (row < 0)
        return unknown(in, "key", keys[0], in->group, err);
    const struct dpl_conf_key *key = &in->conf->schema->keys[row];
    g_autofree char *text = g_key_file_get_string(keyfile, "g", keys[0], NULL);
    if (any && text)
        text = pair_of(keys[0], text);
    int64_t value = 0;
    int rc = text ? dpl_value_check(key, text, &value, err)
                  : dpl_err_set(err, DPL_E_CONFIG, "not valid UTF-8, or a wrong escape");
    if (rc < 0) {
        dpl_err_context(err, "%s", key->key);
        return fail_at(in, err);
    }
    entry_put(&entries_of(in->conf, key, in->group)[row], key, in->file, text, value,
              g_strdup_printf("%s:%u", in->file, in->line));
    return DPL_OK;
}

static int read_group(struct input *in, const char *line, struct dpl_err *err)
{
    size_t n = strlen(line);
    if (n < 3 || line[n - 1] != ']') {
        dpl_err_set(err, DPL_E_CONFIG, "\"%s\" is not a [group]", line);
        return fail_at(in, err);
    }
    g_autofree char *group = g_strndup(line + 1, n - 2);
    if (find(in->conf->schema, group, NULL) < 0)
        return unknown(in, "group", group, NULL, err);
    add_instance(in->conf, group);
    g_free(in->group);
    in->group = g_steal_pointer(&group);
    return DPL_OK;
}

static int read_text(struct input *in, const char *text, size_t size, struct dpl_err *err)
{
    if (memchr(text, '\0', size)) {
        dpl_err_set(err, DPL_E_CONFIG, "%s: a zero byte: this is not a text file", in->file);
        return DPL_E_CONFIG;
    }
    g_autofree char *copy = g_strndup(text, size);
    g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);
    for (size_t i = 0; lines[i]; i++) {
        char *line = g_strstrip(lines[i]);
        in->line = (unsigned)i + 1;
        if (line[0] == '\0' || line[0] == '#')
            continue;
        int rc = line[0] == '[' ? read_group(in, line, err) : read_pair(in, line, err);
        if (rc < 0)
            return rc;
    }
    return DPL_OK;
}

static int read_named(struct dpl_conf *conf, const char *name, const char *text, size_t size,
                      struct dpl_err *err)
{
    char *kept = g_strdup(name);
    g_ptr_array_add(conf->files, kept);
    struct input in = {.conf = conf, .file = kept};
    int rc = read_text(&in, text, size, err);
    g_free(in.group);
    return rc;
}

static int read_file(struct dpl_conf *conf, const char *path, struct dpl_err *err)
{
    g_autofree char *text = NULL;
    size_t size = 0;
    int rc = dpl_file_read(AT_FDCWD, path, FILE_MAX_BYTES, &text, &size, err);
    return rc < 0 ? rc : read_named(conf, path, text, size, err);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int read_dropins(struct dpl_conf *conf, const char *path, struct dpl_err *err)
{
    g_autofree char *dir = g_strconcat(path, ".d", NULL);
    g_autoptr(GError) gerror = NULL;
    g_autoptr(GDir) d = g_dir_open(dir, 0, &gerror);
    if (!d && g_error_matches(gerror, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return DPL_OK;
    if (!d)
        return dpl_err_set(err, DPL_E_CONFIG, "%s", gerror->message);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (const char *name; (name = g_dir_read_name(d));)
        if (g_str_has_suffix(name, ".conf") && name[0] != '.')
            g_ptr_array_add(names, g_build_filename(dir, name, NULL));
    g_ptr_array_sort(names, by_name);
    for (guint i = 0; i < names->len; i++) {
        int rc = read_file(conf, names->pdata[i], err);
        if (rc < 0)
            return rc;
    }
    return DPL_OK;
}

static struct dpl_conf *conf_new(const struct dpl_conf_schema *schema)
{
    struct dpl_conf *conf = g_new0(struct dpl_conf, 1);
    conf->schema = schema;
    conf->entries = entries_new(schema);
    conf->instances = g_ptr_array_new();
    conf->files = g_ptr_array_new_with_free_func(g_free);
    return conf;
}

int dpl_conf_load(const char *path, const struct dpl_conf_schema *schema, struct dpl_conf **conf_r,
                  struct dpl_err *err)
{
    g_autoptr(dpl_conf_auto) conf = conf_new(schema);
    int rc = read_file(conf, path, err);
    if (rc == DPL_OK)
        rc = read_dropins(conf, path, err);
    if (rc == DPL_OK)
        *conf_r = g_steal_pointer(&conf);
    return rc;
}

int dpl_conf_parse(const char *name, const char *text, size_t size,
                   const struct dpl_conf_schema *schema, struct dpl_conf **conf_r,
                   struct dpl_err *err)
{
    g_autoptr(dpl_conf_auto) conf = conf_new(schema);
    int rc = read_named(conf, name, text, size, err);
    if (rc == DPL_OK)
        *conf_r = g_steal_pointer(&conf);
    return rc;
}

void dpl_conf_free(struct dpl_conf *conf)
{
    if (!conf)
        return;
    entries_free(conf->schema, conf->entries);
    for (guint i = 0; i < conf->instances->len; i++) {
        struct instance *in = conf->instances->pdata[i];
        entries_free(conf->schema, in->entries);
        g_free(in->group);
        g_free(in);
    }
    g_ptr_array_unref(conf->instances);
    g_ptr_array_unref(conf->files);
    g_free(conf);
}

static const struct entry *entry_of(const struct dpl_conf *conf, const char *group, const char *key)
{
    ssize_t row = find(conf->schema, group, key);
    g_assert(row >= 0);
    const struct entry *entries = entries_of(conf, &conf->schema->keys[row], group);
    g_assert(entries);
    return &entries[row];
}

const char *const *dpl_conf_list(const struct dpl_conf *conf, const char *group, const char *key)
{
    static const char *const nothing[] = {NULL};
    const struct entry *e = entry_of(conf, group, key);
    return e->texts ? (const char *const *)e->texts->pdata : nothing;
}

const char *dpl_conf_text(const struct dpl_conf *conf, const char *group, const char *key)
{
    return dpl_conf_list(conf, group, key)[0];
}

int64_t dpl_conf_value(const struct dpl_conf *conf, const char *group, const char *key)
{
    const struct entry *e = entry_of(conf, group, key);
    g_assert(e->texts);
    return e->value;
}

const char *dpl_conf_origin(const struct dpl_conf *conf, const char *group, const char *key)
{
    const struct entry *e = entry_of(conf, group, key);
    return e->origin ? e->origin : "default";
}

const char **dpl_conf_groups(const struct dpl_conf *conf, const char *pattern)
{
    const char **groups = g_new0(const char *, conf->instances->len + 1);
    size_t count = 0;
    for (guint i = 0; i < conf->instances->len; i++) {
        const struct instance *in = conf->instances->pdata[i];
        if (group_fits(pattern, in->group))
            groups[count++] = in->group;
    }
    return groups;
}
