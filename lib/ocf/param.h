/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The parameters of an agent: a table, made from its metadata at build time, and their values, read
 * from OCF_RESKEY_* in the environment.
 *
 * A value that is empty counts as not given. Texts are borrowed from the environment.
 */
#ifndef DPL_OCF_PARAM_H
#define DPL_OCF_PARAM_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dpl_ocf_kind {
    DPL_OCF_STRING,
    DPL_OCF_INTEGER,
    DPL_OCF_BOOLEAN,
    DPL_OCF_TIME, /* in milliseconds */
    DPL_OCF_LIST, /* words divided by blanks or commas */
    DPL_OCF_ENUM, /* one of choices; the number is its place */
};

struct dpl_ocf_param {
    const char *name;
    enum dpl_ocf_kind kind;
    bool required;
    bool ranged;          /* min and max hold, for integers and times */
    const char *fallback; /* the value when none is given, or NULL */
    const char *choices;  /* of an enum: "ask|go" */
    const char *unit;     /* of a time that has none; NULL: seconds */
    int64_t min, max;
};

struct dpl_ocf_value {
    bool given;       /* by the environment, and not empty */
    bool bad;         /* given, but not what the table wants; then it has the fallback's value */
    const char *text; /* NULL when there is neither value nor fallback */
    int64_t number;   /* of an integer, boolean, time or enum */
};

/* Reads one text by its row. */
int dpl_ocf_param_parse(const struct dpl_ocf_param *param, const char *text,
                        struct dpl_ocf_value *value_r, struct dpl_err *err);
/* Reads all, from getter(name), which answers like getenv. Goes on after an error, so that what is
 * right can be used; returns the first, as DPL_E_PARAM with name, value and what was expected. */
int dpl_ocf_params_read(const struct dpl_ocf_param *params, size_t count,
                        const char *(*getter)(const char *name), struct dpl_ocf_value *values_r,
                        struct dpl_err *err);
/* The error of a value that its row allows and the agent does not. */
int dpl_ocf_param_wrong(const struct dpl_ocf_param *param, const struct dpl_ocf_value *value,
                        const char *expected, struct dpl_err *err);
/* The first OCF_RESKEY_ name of an environment that no row has and that is not Pacemaker's own, or
 * NULL. The name starts behind OCF_RESKEY_ and ends at '='. */
const char *dpl_ocf_params_unknown(const struct dpl_ocf_param *params, size_t count,
                                   char *const *environment);

/* The next word of a list: moves *list_r past it, returns its start and its length, or NULL at the
 * end. */
const char *dpl_ocf_list_next(const char **list_r, size_t *length_r);

#endif
