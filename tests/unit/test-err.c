/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/err.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

static void table_holds_its_contract(void)
{
    static const int codes[] = {
#define DPL_ERR(name, code, text, ocf, cli) (code),
#include "lib/base/err.tbl.h"
#undef DPL_ERR
    };
    int count = (int)(sizeof codes / sizeof codes[0]);
    for (int i = 0; i < count; i++) {
        CU_ASSERT_EQUAL(codes[i], -(i + 1)); /* none is missing, none is used twice */
        int ocf = dpl_err_ocf_exit(codes[i]);
        CU_ASSERT((ocf >= 1 && ocf <= 9) || ocf == 190);
        int cli = dpl_err_cli_exit(codes[i]);
        CU_ASSERT((cli >= 1 && cli <= 7) || cli == 130);
        CU_ASSERT(strlen(dpl_err_text(codes[i])) > 0);
    }
    CU_ASSERT_EQUAL(dpl_err_ocf_exit(DPL_OK), 0);
    CU_ASSERT_EQUAL(dpl_err_cli_exit(DPL_OK), 0);
}

static void unknown_code_is_a_failure(void)
{
    CU_ASSERT_STRING_EQUAL(dpl_err_name(-9999), "FAILED");
    CU_ASSERT_EQUAL(dpl_err_ocf_exit(12345), 1);
    CU_ASSERT_EQUAL(dpl_err_cli_exit(12345), 1);
}

static void context_goes_in_front(void)
{
    struct dpl_err err = {0};
    int rc = dpl_err_sys(&err, ENOENT, "open \"%s\"", "x");
    CU_ASSERT_EQUAL(rc, DPL_E_NOT_FOUND);
    CU_ASSERT_EQUAL(err.sys_errno, ENOENT);
    CU_ASSERT_EQUAL(dpl_err_context(&err, "line %d", 7), DPL_E_NOT_FOUND);
    CU_ASSERT_STRING_EQUAL(err.text, "line 7: open \"x\": No such file or directory");
    CU_ASSERT_EQUAL(err.code, DPL_E_NOT_FOUND);
}

static void long_text_is_cut_and_says_so(void)
{
    char long_text[2000];
    memset(long_text, 'a', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    struct dpl_err err = {0};
    dpl_err_set(&err, DPL_E_FAILED, "%s", long_text);
    CU_ASSERT_EQUAL(strlen(err.text), sizeof err.text - 1);
    CU_ASSERT_STRING_EQUAL(err.text + sizeof err.text - 4, "...");
    dpl_err_sys(&err, EIO, "%s", long_text);
    CU_ASSERT_STRING_EQUAL(err.text + sizeof err.text - 4, "...");
    dpl_err_set(&err, DPL_E_FAILED, "%.470s", long_text);
    dpl_err_context(&err, "a context too many");
    CU_ASSERT_STRING_EQUAL(err.text + sizeof err.text - 4, "...");
}

static void a_reason_is_one_line(void)
{
    struct dpl_err err = {0};
    dpl_err_set(&err, DPL_E_PARAM, "name \"a\nb\x1b[31m\"");
    CU_ASSERT_STRING_EQUAL(err.text, "name \"a?b?[31m\"");
}

static void no_error_wanted_is_allowed(void)
{
    CU_ASSERT_EQUAL(dpl_err_set(NULL, DPL_E_BUSY, "x"), DPL_E_BUSY);
    CU_ASSERT_EQUAL(dpl_err_sys(NULL, EACCES, "x"), DPL_E_PERM);
    CU_ASSERT(dpl_err_context(NULL, "x") < 0);
}

static void every_errno_gives_a_failure(void)
{
    CU_ASSERT_EQUAL(dpl_err_from_errno(0), DPL_OK);
    for (int e = 1; e < 140; e++)
        CU_ASSERT(dpl_err_from_errno(e) < 0);
}

static const struct unit_test tests[] = {
    {"the table holds its contract", table_holds_its_contract},
    {"an unknown code is a failure", unknown_code_is_a_failure},
    {"context goes in front", context_goes_in_front},
    {"a text too long is cut and says so", long_text_is_cut_and_says_so},
    {"a reason is one line", a_reason_is_one_line},
    {"no error wanted is allowed", no_error_wanted_is_allowed},
    {"every errno gives a failure", every_errno_gives_a_failure},
};
UNIT_MAIN(tests)
