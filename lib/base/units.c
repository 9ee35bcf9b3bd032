/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/units.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    int64_t times;
    int64_t divided_by;
};

static const struct unit durations[] = {
    {"", 1000, 1},     {"s", 1000, 1},        {"sec", 1000, 1},       {"ms", 1, 1},
    {"msec", 1, 1},    {"us", 1, 1000},       {"usec", 1, 1000},      {"m", 60 * 1000, 1},
    {"min", 60000, 1}, {"h", 3600 * 1000, 1}, {"hr", 3600 * 1000, 1}, {"d", 86400 * 1000, 1},
    {NULL, 0, 0},
};

static const struct unit sizes[] = {
    {"", 1, 1},
    {"B", 1, 1},
    {"K", (int64_t)1 << 10, 1},
    {"M", (int64_t)1 << 20, 1},
    {"G", (int64_t)1 << 30, 1},
    {"T", (int64_t)1 << 40, 1},
    {"P", (int64_t)1 << 50, 1},
    {NULL, 0, 0},
};

/* The digits at text; *end_r is where they end. False if there are none or they are too many. */
static bool digits(const char *text, int64_t *value_r, const char **end_r)
{
    int64_t value = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *p - '0', &value))
            return false;
    *value_r = value;
    *end_r = p;
    return p != text;
}

static int scaled(const char *text, int64_t value, const struct unit *unit, int64_t *value_r,
                  struct dpl_err *err)
{
    if (__builtin_mul_overflow(value, unit->times, &value))
        return dpl_err_set(err, DPL_E_PARAM, "\"%s\" is too large", text);
    *value_r = value / unit->divided_by;
    return DPL_OK;
}

static int duration(const char *text, int64_t value, const struct unit *unit, int64_t *value_r,
                    struct dpl_err *err)
{
    int rc = scaled(text, value, unit, &value, err);
    if (rc < 0)
        return rc;
    if (value > DPL_UNITS_DURATION_MAX_MS)
        return dpl_err_set(err, DPL_E_PARAM, "\"%s\" is too large", text);
    *value_r = value;
    return DPL_OK;
}

int dpl_units_duration_ms(const char *text, int64_t *value_r, struct dpl_err *err)
{
    int64_t value;
    const char *end;
    if (digits(text, &value, &end))
        for (const struct unit *u = durations; u->name; u++)
            if (strcasecmp(end, u->name) == 0)
                return duration(text, value, u, value_r, err);
    return dpl_err_set(err, DPL_E_PARAM, "\"%s\" is not a duration (as 500ms, 5s, 2min, 1h)", text);
}

/* "K", "KB" and "KiB" are one unit. */
static bool size_unit_is(const char *text, const char *name)
{
    size_t n = strlen(name);
    if (strncasecmp(text, name, n) != 0)
        return false;
    text += n;
    return *text == '\0' || (n == 1 && name[0] != 'B' &&
                             (strcasecmp(text, "iB") == 0 || strcasecmp(text, "B") == 0));
}

int dpl_units_size_bytes(const char *text, int64_t *value_r, struct dpl_err *err)
{
    int64_t value;
    const char *end;
    if (digits(text, &value, &end))
        for (const struct unit *u = sizes; u->name; u++)
            if (size_unit_is(end, u->name))
                return scaled(text, value, u, value_r, err);
    return dpl_err_set(err, DPL_E_PARAM, "\"%s\" is not a size (as 4096, 64K, 20G)", text);
}

int dpl_units_percent(const char *text, int64_t *value_r, struct dpl_err *err)
{
    int64_t value;
    const char *end;
    if (!digits(text, &value, &end) || strcmp(end, "%") != 0 || value > 100)
        return dpl_err_set(err, DPL_E_PARAM, "\"%s\" is not a share from 0%% to 100%%", text);
    *value_r = value;
    return DPL_OK;
}

int dpl_units_number(const char *text, int64_t min, int64_t max, int64_t *value_r,
                     struct dpl_err *err)
{
    bool negative = text[0] == '-';
    int64_t value;
    const char *end;
    if (!digits(text + negative, &value, &end) || *end != '\0')
        return dpl_err_set(err, DPL_E_PARAM, "\"%s\" is not a whole number", text);
    if (negative)
        value = -value;
    if (value < min || value > max)
        return dpl_err_set(err, DPL_E_PARAM, "%s is not from %" PRId64 " to %" PRId64, text, min,
                           max);
    *value_r = value;
    return DPL_OK;
}

int dpl_units_boolean(const char *text, int64_t *value_r, struct dpl_err *err)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *value_r = i % 2;
            return DPL_OK;
        }
    }
    return dpl_err_set(err, DPL_E_PARAM, "\"%s\" is neither yes nor no", text);
}
