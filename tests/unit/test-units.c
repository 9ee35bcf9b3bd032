/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/units.h"
#include "tests/unit/unit.h"

#include <string.h>

struct row {
    const char *text;
    int64_t want; /* -1: refused */
};

static void check(int (*parse)(const char *, int64_t *, struct dpl_err *), const struct row *rows)
{
    for (; rows->text; rows++) {
        struct dpl_err err = {0};
        int64_t got = -7;
        int rc = parse(rows->text, &got, &err);
        if (rows->want >= 0) {
            CU_ASSERT_EQUAL(rc, 0);
            CU_ASSERT_EQUAL(got, rows->want);
        } else {
            CU_ASSERT_EQUAL(rc, DPL_E_PARAM);
            CU_ASSERT_EQUAL(got, -7);
            CU_ASSERT_PTR_NOT_NULL(strstr(err.text, rows->text));
        }
    }
}

static void durations_are_read(void)
{
    static const struct row rows[] = {
        {"5", 5000},
        {"5s", 5000},
        {"200ms", 200},
        {"2min", 120000},
        {"2m", 120000},
        {"1h", 3600000},
        {"1d", 86400000},
        {"1500us", 1},
        {"0", 0},
        {"10S", 10000},
        {"", -1},
        {"s", -1},
        {"-5s", -1},
        {"5 s", -1},
        {"5x", -1},
        {"99999999999999", -1},
        {"4611686018s", 4611686018000},
        {"99999999999999999999", -1},
        {"9223372036854775807h", -1},
        {NULL, 0},
    };
    check(dpl_units_duration_ms, rows);
}

static void sizes_are_read(void)
{
    static const struct row rows[] = {
        {"0", 0},        {"4096", 4096},      {"64K", 65536},    {"64KiB", 65536},
        {"64kB", 65536}, {"20G", 20LL << 30}, {"1T", 1LL << 40}, {"7B", 7},
        {"", -1},        {"G", -1},           {"1BB", -1},       {"1KK", -1},
        {"-1", -1},      {"9000000P", -1},    {NULL, 0},
    };
    check(dpl_units_size_bytes, rows);
}

static void shares_are_read(void)
{
    static const struct row rows[] = {
        {"0%", 0}, {"10%", 10}, {"100%", 100}, {"101%", -1}, {"10", -1}, {"%", -1}, {NULL, 0},
    };
    check(dpl_units_percent, rows);
}

static void booleans_are_read(void)
{
    static const struct row rows[] = {
        {"yes", 1}, {"No", 0}, {"TRUE", 1}, {"false", 0}, {"on", 1}, {"off", 0},
        {"1", 1},   {"0", 0},  {"2", -1},   {"y", -1},    {"", -1},  {NULL, 0},
    };
    check(dpl_units_boolean, rows);
}

static void numbers_keep_their_range(void)
{
    int64_t got = 0;
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL(dpl_units_number("65535", 1, 65535, &got, &err), 0);
    CU_ASSERT_EQUAL(got, 65535);
    CU_ASSERT_EQUAL(dpl_units_number("-3", -5, 5, &got, &err), 0);
    CU_ASSERT_EQUAL(got, -3);
    CU_ASSERT_EQUAL(dpl_units_number("65536", 1, 65535, &got, &err), DPL_E_PARAM);
    CU_ASSERT_STRING_EQUAL(err.text, "65536 is not from 1 to 65535");
    CU_ASSERT_EQUAL(dpl_units_number("1x", 0, 9, &got, &err), DPL_E_PARAM);
    CU_ASSERT_EQUAL(dpl_units_number("-", -9, 9, &got, &err), DPL_E_PARAM);
}

static const struct unit_test tests[] = {
    {"durations are read", durations_are_read},
    {"sizes are read", sizes_are_read},
    {"shares are read", shares_are_read},
    {"booleans are read", booleans_are_read},
    {"numbers keep their range", numbers_keep_their_range},
};
UNIT_MAIN(tests)
