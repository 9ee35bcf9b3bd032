/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ocf/param.h"
#include "tests/unit/unit.h"

#include <string.h>

static const struct dpl_ocf_param table[] = {
    {.name = "name", .kind = DPL_OCF_STRING, .required = true},
    {.name = "count", .kind = DPL_OCF_INTEGER, .fallback = "5", .ranged = true, .min = 0, .max = 9},
    {.name = "flag", .kind = DPL_OCF_BOOLEAN, .fallback = "true"},
    {.name = "pause",
     .kind = DPL_OCF_TIME,
     .fallback = "200ms",
     .unit = "ms",
     .ranged = true,
     .min = 1,
     .max = 60000},
    {.name = "wait", .kind = DPL_OCF_TIME},
    {.name = "names", .kind = DPL_OCF_LIST},
    {.name = "how", .kind = DPL_OCF_ENUM, .fallback = "ask", .choices = "ask|go|goes"},
    {.name = "any", .kind = DPL_OCF_INTEGER},
};
enum { NAME, COUNT, FLAG, PAUSE, WAIT, NAMES, HOW, ANY, PARAMS };

/* The environment: pairs of name and value. */
static const char *environment[9][2];

static const char *getter(const char *name)
{
    for (size_t i = 0; environment[i][0]; i++)
        if (strcmp(environment[i][0], name) == 0)
            return environment[i][1];
    return NULL;
}

static int read_with(const char *name, const char *value, struct dpl_ocf_value *values,
                     struct dpl_err *err)
{
    memset(environment, 0, sizeof environment);
    environment[0][0] = "OCF_RESKEY_name";
    environment[0][1] = "x";
    environment[1][0] = name;
    environment[1][1] = value;
    return dpl_ocf_params_read(table, PARAMS, getter, values, err);
}

static void fallbacks(void)
{
    struct dpl_ocf_value v[PARAMS];
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL(read_with("OCF_RESKEY_count", "", v, &err), DPL_OK);
    CU_ASSERT_STRING_EQUAL(v[NAME].text, "x");
    CU_ASSERT_TRUE(v[NAME].given);
    CU_ASSERT_EQUAL(v[COUNT].number, 5);
    CU_ASSERT_FALSE(v[COUNT].given);
    CU_ASSERT_EQUAL(v[FLAG].number, 1);
    CU_ASSERT_EQUAL(v[PAUSE].number, 200);
    CU_ASSERT_EQUAL(v[HOW].number, 0);
    CU_ASSERT_PTR_NULL(v[WAIT].text);
    CU_ASSERT_PTR_NULL(v[NAMES].text);
}

static void right_values(void)
{
    static const struct {
        const char *name, *value;
        int index;
        int64_t number;
    } rows[] = {
        {"OCF_RESKEY_count", "0", COUNT, 0},        {"OCF_RESKEY_count", "9", COUNT, 9},
        {"OCF_RESKEY_flag", "no", FLAG, 0},         {"OCF_RESKEY_flag", "N", FLAG, 0},
        {"OCF_RESKEY_flag", "y", FLAG, 1},          {"OCF_RESKEY_flag", "On", FLAG, 1},
        {"OCF_RESKEY_flag", "TRUE", FLAG, 1},       {"OCF_RESKEY_flag", "0", FLAG, 0},
        {"OCF_RESKEY_pause", "300", PAUSE, 300},    {"OCF_RESKEY_pause", "2s", PAUSE, 2000},
        {"OCF_RESKEY_pause", "1min", PAUSE, 60000}, {"OCF_RESKEY_pause", "7ms", PAUSE, 7},
        {"OCF_RESKEY_wait", "3", WAIT, 3000},       {"OCF_RESKEY_wait", "2h", WAIT, 7200000},
        {"OCF_RESKEY_how", "go", HOW, 1},           {"OCF_RESKEY_how", "goes", HOW, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dpl_ocf_value v[PARAMS];
        struct dpl_err err = {0};
        CU_ASSERT_EQUAL(read_with(rows[i].name, rows[i].value, v, &err), DPL_OK);
        CU_ASSERT_EQUAL(v[rows[i].index].number, rows[i].number);
        CU_ASSERT_TRUE(v[rows[i].index].given);
        CU_ASSERT_FALSE(v[rows[i].index].bad);
    }
}

static void wrong_values(void)
{
    static const struct {
        const char *name, *value, *said;
    } rows[] = {
        {"count", "10", "parameter count=\"10\": expected a whole number from 0 to 9"},
        {"count", "-1", "parameter count=\"-1\": expected a whole number from 0 to 9"},
        {"count", "1x", "parameter count=\"1x\": expected a whole number from 0 to 9"},
        {"count", "99999999999999999999", "parameter count=\"99999999999999999999\": expected"},
        {"flag", "perhaps", "parameter flag=\"perhaps\": expected true or false"},
        {"pause", "0", "parameter pause=\"0\": expected a time as 200ms, 5s or 1min, from 1ms to"},
        {"pause", "61s", "parameter pause=\"61s\": expected a time"},
        {"pause", "ms", "parameter pause=\"ms\": expected a time"},
        {"pause", "-5", "parameter pause=\"-5\": expected a time"},
        {"wait", "1.5s", "parameter wait=\"1.5s\": expected a time as 200ms, 5s or 1min"},
        {"names", " , ", "parameter names=\" , \": expected a list of words"},
        {"how", "g", "parameter how=\"g\": expected one of ask|go|goes"},
        {"how", "ask|go", "parameter how=\"ask|go\": expected one of ask|go|goes"},
        {"any", "x", "parameter any=\"x\": expected a whole number"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dpl_ocf_value v[PARAMS];
        struct dpl_err err = {0};
        char name[64];
        snprintf(name, sizeof name, "OCF_RESKEY_%s", rows[i].name);
        CU_ASSERT_EQUAL(read_with(name, rows[i].value, v, &err), DPL_E_PARAM);
        CU_ASSERT_EQUAL(strncmp(err.text, rows[i].said, strlen(rows[i].said)), 0);
        size_t bad = 0;
        for (size_t k = 0; k < PARAMS; k++)
            bad += v[k].bad;
        CU_ASSERT_EQUAL(bad, 1);
    }
}

static void goes_on(void)
{
    struct dpl_ocf_value v[PARAMS];
    struct dpl_err err = {0};
    memset(environment, 0, sizeof environment);
    environment[0][0] = "OCF_RESKEY_count";
    environment[0][1] = "x";
    environment[1][0] = "OCF_RESKEY_flag";
    environment[1][1] = "no";
    environment[2][0] = "OCF_RESKEY_how";
    environment[2][1] = "x";
    CU_ASSERT_EQUAL(dpl_ocf_params_read(table, PARAMS, getter, v, &err), DPL_E_PARAM);
    CU_ASSERT_STRING_EQUAL(err.text, "parameter name is missing");
    CU_ASSERT_PTR_NULL(v[NAME].text);
    CU_ASSERT_TRUE(v[COUNT].bad);
    CU_ASSERT_EQUAL(v[COUNT].number, 5);
    CU_ASSERT_EQUAL(v[FLAG].number, 0);
    CU_ASSERT_TRUE(v[HOW].bad);
    CU_ASSERT_EQUAL(v[HOW].number, 0);
}

static void unknown(void)
{
    char *none[] = {(char[]){"PATH=/bin"},
                    (char[]){"OCF_RESKEY_name=x"},
                    (char[]){"OCF_RESKEY_CRM_meta_timeout=20000"},
                    (char[]){"OCF_RESKEY_crm_feature_set=3.16"},
                    (char[]){"OCF_RESKEY_trace_ra=1"},
                    (char[]){"OCF_RESKEY_nam="},
                    NULL};
    char *one[] = {(char[]){"OCF_RESKEY_name=x"}, (char[]){"OCF_RESKEY_nam=y"}, NULL};
    CU_ASSERT_PTR_NULL(dpl_ocf_params_unknown(table, PARAMS, none));
    const char *name = dpl_ocf_params_unknown(table, PARAMS, one);
    CU_ASSERT_STRING_EQUAL(name ? name : "none", "nam=y");
}

static void lists(void)
{
    const char *list = " a.example, b.example,,c\t";
    static const char *const words[] = {"a.example", "b.example", "c"};
    size_t length;
    for (size_t i = 0; i < 3; i++) {
        const char *word = dpl_ocf_list_next(&list, &length);
        CU_ASSERT_PTR_NOT_NULL(word);
        if (!word)
            return;
        CU_ASSERT_EQUAL(length, strlen(words[i]));
        CU_ASSERT_EQUAL(strncmp(word, words[i], length), 0);
    }
    CU_ASSERT_PTR_NULL(dpl_ocf_list_next(&list, &length));
    CU_ASSERT_PTR_NULL(dpl_ocf_list_next(&list, &length));
}

static const struct unit_test tests[] = {
    {"what is not given, or empty, has the value of the table", fallbacks},
    {"every kind takes what people write", right_values},
    {"a wrong value is named with what was expected, and nothing else is bad", wrong_values},
    {"reading goes on after an error, with the fallbacks in place of what is wrong", goes_on},
    {"a name that no row has is found, Pacemaker's own are not", unknown},
    {"a list is divided by blanks and commas", lists},
};
UNIT_MAIN(tests)
