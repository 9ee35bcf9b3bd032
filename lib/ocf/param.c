/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/ocf/param.h"

#include "lib/base/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "OCF_RESKEY_"

static int wrong(const struct dpl_ocf_param *param, const char *text, const char *expected,
                 struct dpl_err *err)
{
    return dpl_err_set(err, DPL_E_PARAM, "parameter %s=\"%s\": expected %s", param->name, text,
                       expected);
}

static int parse_number(const struct dpl_ocf_param *param, const char *text, int64_t *number_r,
                        struct dpl_err *err)
{
    char expected[96] = "a whole number";
    if (param->ranged)
        snprintf(expected, sizeof expected, "a whole number from %" PRId64 " to %" PRId64,
                 param->min, param->max);
    if (dpl_units_number(text, param->ranged ? param->min : INT64_MIN,
                         param->ranged ? param->max : INT64_MAX, number_r, NULL) < 0)
        return wrong(param, text, expected, err);
    return DPL_OK;
}

static int parse_time(const struct dpl_ocf_param *param, const char *text, int64_t *number_r,
                      struct dpl_err *err)
{
    char full[64], expected[96] = "a time as 200ms, 5s or 1min";
    int64_t number;
    bool bare = text[strspn(text, "0123456789")] == '\0';
    int length = snprintf(full, sizeof full, "%s%s", text, bare && param->unit ? param->unit : "");
    if (param->ranged)
        snprintf(expected, sizeof expected,
                 "a time as 200ms, 5s or 1min, from %" PRId64 "ms to %" PRId64 "ms", param->min,
                 param->max);
    if (length >= (int)sizeof full || dpl_units_duration_ms(full, &number, NULL) < 0 ||
        (param->ranged && (number < param->min || number > param->max)))
        return wrong(param, text, expected, err);
    *number_r = number;
    return DPL_OK;
}

/* What shells and Pacemaker take for true and false. */
static int parse_boolean(const struct dpl_ocf_param *param, const char *text, int64_t *number_r,
                         struct dpl_err *err)
{
    if (strcmp(text, "y") == 0 || strcmp(text, "Y") == 0)
        text = "yes";
    if (strcmp(text, "n") == 0 || strcmp(text, "N") == 0)
        text = "no";
    if (dpl_units_boolean(text, number_r, NULL) < 0)
        return wrong(param, text, "true or false", err);
    return DPL_OK;
}

static int parse_enum(const struct dpl_ocf_param *param, const char *text, int64_t *number_r,
                      struct dpl_err *err)
{
    size_t length = strlen(text);
    int64_t place = 0;
    for (const char *p = param->choices; p; place++) {
        const char *end = strchrnul(p, '|');
        if ((size_t)(end - p) == length && memcmp(p, text, length) == 0) {
            *number_r = place;
            return DPL_OK;
        }
        p = *end ? end + 1 : NULL;
    }
    char expected[160];
    snprintf(expected, sizeof expected, "one of %s", param->choices);
    return wrong(param, text, expected, err);
}

int dpl_ocf_param_parse(const struct dpl_ocf_param *param, const char *text,
                        struct dpl_ocf_value *value_r, struct dpl_err *err)
{
    int64_t number = 0;
    int code = DPL_OK;
    switch (param->kind) {
    case DPL_OCF_INTEGER:
        code = parse_number(param, text, &number, err);
        break;
    case DPL_OCF_BOOLEAN:
        code = parse_boolean(param, text, &number, err);
        break;
    case DPL_OCF_TIME:
        code = parse_time(param, text, &number, err);
        break;
    case DPL_OCF_ENUM:
        code = parse_enum(param, text, &number, err);
        break;
    case DPL_OCF_LIST:
        if (text[strspn(text, " \t\n,")] == '\0')
            code = wrong(param, text, "a list of words", err);
        break;
    case DPL_OCF_STRING:
        break;
    }
    if (code < 0)
        return code;
    value_r->text = text;
    value_r->number = number;
    return DPL_OK;
}

/* One row: the fallback first, so that a bad value leaves it. */
static int read_one(const struct dpl_ocf_param *param, const char *text,
                    struct dpl_ocf_value *value_r, struct dpl_err *err)
{
    *value_r = (struct dpl_ocf_value){0};
    if (param->fallback && dpl_ocf_param_parse(param, param->fallback, value_r, err) < 0)
        return dpl_err_context(err, "the metadata's default");
    if (!text || *text == '\0') {
        if (param->required)
            return dpl_err_set(err, DPL_E_PARAM, "parameter %s is missing", param->name);
        return DPL_OK;
    }
    int code = dpl_ocf_param_parse(param, text, value_r, err);
    value_r->given = true;
    value_r->bad = code < 0;
    return code;
}

int dpl_ocf_params_read(const struct dpl_ocf_param *params, size_t count,
                        const char *(*getter)(const char *name), struct dpl_ocf_value *values_r,
                        struct dpl_err *err)
{
    int first = DPL_OK;
    for (size_t i = 0; i < count; i++) {
        char name[128];
        snprintf(name, sizeof name, PREFIX "%s", params[i].name);
        int code = read_one(&params[i], getter(name), &values_r[i], first ? NULL : err);
        if (first == DPL_OK)
            first = code;
    }
    return first;
}

int dpl_ocf_param_wrong(const struct dpl_ocf_param *param, const struct dpl_ocf_value *value,
                        const char *expected, struct dpl_err *err)
{
    return wrong(param, value->text ? value->text : "", expected, err);
}

/* Names that Pacemaker and resource-agents put beside the agent's own. */
static bool is_framework(const char *name, size_t length)
{
    static const char *const known[] = {"crm_feature_set", "trace_ra", "trace_file", "trace_dir",
                                        "OCF_CHECK_LEVEL"};
    if (strncmp(name, "CRM_meta_", 9) == 0)
        return true;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strlen(known[i]) == length && memcmp(known[i], name, length) == 0)
            return true;
    return false;
}

const char *dpl_ocf_params_unknown(const struct dpl_ocf_param *params, size_t count,
                                   char *const *environment)
{
    for (; *environment; environment++) {
        if (strncmp(*environment, PREFIX, strlen(PREFIX)) != 0)
            continue;
        const char *name = *environment + strlen(PREFIX);
        size_t length = strcspn(name, "=");
        bool known = is_framework(name, length) || name[length] == '\0' || !name[length + 1];
        for (size_t i = 0; i < count && !known; i++)
            known = strlen(params[i].name) == length && memcmp(params[i].name, name, length) == 0;
        if (!known)
            return name;
    }
    return NULL;
}

const char *dpl_ocf_list_next(const char **list_r, size_t *length_r)
{
    const char *start = *list_r + strspn(*list_r, " \t\n,");
    *length_r = strcspn(start, " \t\n,");
    *list_r = start + *length_r;
    return *length_r ? start : NULL;
}
