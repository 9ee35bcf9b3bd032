/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Configuration by key files: "[group]" and "key=value", in the syntax of GLib.
 *
 * A schema says which groups and keys exist and what their values are. The loader accepts nothing
 * else: every error names the file, the line and the key, and what was expected. So the getters
 * cannot fail. A file is followed by the files of its drop-in directory ("doppel.conf" by
 * "doppel.conf.d/" and there every "*.conf" in the order of their names); a later value replaces an
 * earlier one, but those of a repeatable key in the same file gather.
 */
#ifndef DPL_CONFIG_CONF_H
#define DPL_CONFIG_CONF_H

#include "lib/base/err.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dpl_conf_type {
    DPL_CONF_STRING,   /* anything but nothing */
    DPL_CONF_NAME,     /* a site's or a set's: letters, digits, "_" and "-", at most 32 */
    DPL_CONF_PATH,     /* absolute and normal */
    DPL_CONF_BOOLEAN,  /* yes or no: 1 or 0 */
    DPL_CONF_NUMBER,   /* min to max */
    DPL_CONF_DURATION, /* in ms, min to max */
    DPL_CONF_SIZE,     /* in bytes, min to max */
    DPL_CONF_PERCENT,  /* 0 to 100 */
    DPL_CONF_CHOICE,   /* one of the words in `choices`, divided by "|" */
    DPL_CONF_ENDPOINT, /* ADDRESS:PORT, [ADDRESS]:PORT, or "off" */
};

/* As the key of a repeatable row: all keys of the group that have no row, as KEY=VALUE. */
#define DPL_CONF_ANY "*"

struct dpl_conf_key {
    const char *group; /* "set *" stands for every [set NAME] */
    const char *key;
    enum dpl_conf_type type;
    const char *preset; /* the value where none is given, in the file's own words; NULL: none */
    int64_t min;
    int64_t max;
    const char *choices;
    bool repeatable;
    const char *help; /* one line */
};

struct dpl_conf_schema {
    const struct dpl_conf_key *keys;
    size_t count;
};

struct dpl_conf;

/* Reads path and its drop-ins. A path that is not there is an error, a drop-in directory is not
 * needed. On success the caller owns *conf_r (dpl_conf_free); the schema must outlive it. */
int dpl_conf_load(const char *path, const struct dpl_conf_schema *schema, struct dpl_conf **conf_r,
                  struct dpl_err *err);
/* The same for text in memory, of size bytes; name stands for the file in errors. */
int dpl_conf_parse(const char *name, const char *text, size_t size,
                   const struct dpl_conf_schema *schema, struct dpl_conf **conf_r,
                   struct dpl_err *err);
void dpl_conf_free(struct dpl_conf *conf);
typedef struct dpl_conf dpl_conf_auto; /* g_autoptr(dpl_conf_auto) frees it */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(dpl_conf_auto, dpl_conf_free)

/* The value as text, or NULL if there is neither a value nor a preset. Borrowed from conf.
 * Asking for a key that the schema has not is a programming error. */
const char *dpl_conf_text(const struct dpl_conf *conf, const char *group, const char *key);
/* The value of a boolean, number, duration (ms), size (bytes) or percent; the key must have a
 * preset. */
int64_t dpl_conf_value(const struct dpl_conf *conf, const char *group, const char *key);
/* All values of a repeatable key, ended by NULL. Borrowed. */
const char *const *dpl_conf_list(const struct dpl_conf *conf, const char *group, const char *key);
/* Where the value came from, as "FILE:LINE", or "default". Borrowed. */
const char *dpl_conf_origin(const struct dpl_conf *conf, const char *group, const char *key);

/* The groups that are there of a "set *", as "set NAME", in the order of the files, ended by NULL.
 * Each has all keys of its rows, as others have. The caller frees the list alone (g_free). */
const char **dpl_conf_groups(const struct dpl_conf *conf, const char *pattern);

/* Whether a name suits a site or a set. */
bool dpl_conf_name_ok(const char *name);

#endif
