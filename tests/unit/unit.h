/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The frame of a unit test on CUnit: a table of tests whose names are sentences.
 *
 *     static const struct unit_test tests[] = {
 *         {"a directory that is not there is said by name", missing_directory},
 *     };
 *     UNIT_MAIN(tests)
 *
 * The program exits 0 if every test passed, 1 if one failed, 2 if none ran.
 */
#ifndef DPL_TESTS_UNIT_H
#define DPL_TESTS_UNIT_H

#include <CUnit/Basic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct unit_test {
    const char *name;
    void (*run)(void);
};

int unit_main(const char *file, const struct unit_test *tests, size_t count);
/* A directory of this test's own, removed with everything in it when the process ends. */
const char *unit_tempdir(void);

#define UNIT_MAIN(tests)                                                                           \
    int main(void)                                                                                 \
    {                                                                                              \
        return unit_main(__FILE__, tests, sizeof(tests) / sizeof((tests)[0]));                     \
    }

/* The same for tests that only root can run: the others are told SKIP. */
#define UNIT_MAIN_ROOT(tests, why)                                                                 \
    int main(void)                                                                                 \
    {                                                                                              \
        if (geteuid() != 0) {                                                                      \
            printf("SKIP: only root may " why "\n");                                               \
            return 77;                                                                             \
        }                                                                                          \
        umask(022);                                                                                \
        return unit_main(__FILE__, tests, sizeof(tests) / sizeof((tests)[0]));                     \
    }

#endif
