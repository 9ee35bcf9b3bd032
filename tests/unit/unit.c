/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <ftw.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char tempdir[256];
static pid_t tempdir_owner;

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void tempdir_remove(void)
{
    if (getpid() == tempdir_owner) /* a forked child leaves it to its parent */
        nftw(tempdir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *unit_tempdir(void)
{
    if (tempdir_owner == 0) {
        const char *base = g_getenv("TMPDIR");
        g_snprintf(tempdir, sizeof tempdir, "%s/doppel-unit-XXXXXX", base ? base : "/tmp");
        g_assert(g_mkdtemp(tempdir));
        tempdir_owner = getpid();
        atexit(tempdir_remove);
    }
    return tempdir;
}

int unit_main(const char *file, const struct unit_test *tests, size_t count)
{
    if (CU_initialize_registry() != CUE_SUCCESS)
        return 2;
    CU_pSuite suite = CU_add_suite(file, NULL, NULL);
    for (size_t i = 0; suite && i < count; i++)
        if (!CU_add_test(suite, tests[i].name, tests[i].run))
            return 2;
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_ErrorCode code = CU_basic_run_tests();
    unsigned ran = CU_get_number_of_tests_run();
    unsigned failed = CU_get_number_of_failures();
    CU_cleanup_registry();
    if (code != CUE_SUCCESS || ran != count)
        return 2;
    return failed == 0 ? 0 : 1;
}
