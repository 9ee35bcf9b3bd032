/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int root_open(void)
{
    int root = open(unit_tempdir(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    CU_ASSERT_FATAL(root >= 0);
    (void)mkdirat(root, "dir", 0755); /* all three are there from the second test on */
    (void)!symlinkat("/etc", root, "away");
    (void)!symlinkat("dir", root, "inside");
    return root;
}

static void opens_what_lies_beneath(void)
{
    dpl_autofd int root = root_open();
    struct dpl_err err = {0};
    dpl_autofd int fd =
        dpl_path_open_beneath(root, "dir/file", O_RDWR | O_CREAT, 0640, DPL_PATH_SAME_MOUNT, &err);
    CU_ASSERT(fd >= 0);
    CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

static void nothing_leads_out_of_the_root(void)
{
    static const char *const bad[] = {"..",         "dir/../..",      "/etc/passwd",
                                      "away/hosts", "inside/../file", "inside/file"};
    dpl_autofd int root = root_open();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct dpl_err err = {0};
        int rc = dpl_path_open_beneath(root, bad[i], O_RDONLY, 0, DPL_PATH_ANY_MOUNT, &err);
        CU_ASSERT_EQUAL(rc, DPL_E_REFUSED);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, bad[i]));
    }
}

static void other_mount_is_refused_where_asked(void)
{
    dpl_autofd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    dpl_autofd int any =
        dpl_path_open_beneath(root, "proc/version", O_RDONLY, 0, DPL_PATH_ANY_MOUNT, NULL);
    CU_ASSERT(any >= 0);
    CU_ASSERT_EQUAL(
        dpl_path_open_beneath(root, "proc/version", O_RDONLY, 0, DPL_PATH_SAME_MOUNT, NULL),
        DPL_E_REFUSED);
}

static void names_are_judged(void)
{
    char long_name[300];
    memset(long_name, 'n', sizeof long_name);
    long_name[256] = '\0';
    CU_ASSERT_FALSE(dpl_path_name_ok(long_name));
    long_name[255] = '\0';
    CU_ASSERT(dpl_path_name_ok(long_name));
    CU_ASSERT(dpl_path_name_ok("..."));
    CU_ASSERT(dpl_path_name_ok("a\nb"));
    CU_ASSERT_FALSE(dpl_path_name_ok(""));
    CU_ASSERT_FALSE(dpl_path_name_ok("."));
    CU_ASSERT_FALSE(dpl_path_name_ok(".."));
    CU_ASSERT_FALSE(dpl_path_name_ok("a/b"));
}

static void paths_are_judged(void)
{
    CU_ASSERT(dpl_path_relative_ok("a/b/c"));
    CU_ASSERT_FALSE(dpl_path_relative_ok("a//b"));
    CU_ASSERT_FALSE(dpl_path_relative_ok("a/b/"));
    CU_ASSERT_FALSE(dpl_path_relative_ok("a/../b"));
    CU_ASSERT_FALSE(dpl_path_relative_ok("/a"));
    CU_ASSERT(dpl_path_absolute_ok("/a/b"));
    CU_ASSERT_FALSE(dpl_path_absolute_ok("/"));
    CU_ASSERT_FALSE(dpl_path_absolute_ok("a"));
}

static void beneath_goes_by_components(void)
{
    CU_ASSERT(dpl_path_is_beneath("/srv/mail", "/srv/mail"));
    CU_ASSERT(dpl_path_is_beneath("/srv/mail/x", "/srv/mail"));
    CU_ASSERT(dpl_path_is_beneath("/srv/mail/x", "/srv/mail/"));
    CU_ASSERT(dpl_path_is_beneath("/srv", "/"));
    CU_ASSERT_FALSE(dpl_path_is_beneath("/srv/mailbox", "/srv/mail"));
    CU_ASSERT_FALSE(dpl_path_is_beneath("/srv", "/srv/mail"));
}

static const struct unit_test tests[] = {
    {"what lies beneath is opened", opens_what_lies_beneath},
    {"nothing leads out of the root", nothing_leads_out_of_the_root},
    {"another mount is refused where asked", other_mount_is_refused_where_asked},
    {"names are judged", names_are_judged},
    {"paths are judged", paths_are_judged},
    {"beneath goes by components", beneath_goes_by_components},
};
UNIT_MAIN(tests)
