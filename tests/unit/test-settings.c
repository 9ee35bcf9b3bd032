/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/settings.h"
#include "lib/base/fd.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void corosync(void)
{
    CU_ASSERT_FALSE(dpl_settings_corosync_is_set_up(""));
    CU_ASSERT_FALSE(dpl_settings_corosync_is_set_up("nodelist {\n node {\n  name: node1\n"
                                                    "  ring0_addr: 127.0.0.1\n }\n}\n"));
    CU_ASSERT_FALSE(dpl_settings_corosync_is_set_up("\tring0_addr: localhost\n"));
    CU_ASSERT_FALSE(dpl_settings_corosync_is_set_up("# ring0_addr: 10.0.0.1\n"));
    CU_ASSERT_TRUE(dpl_settings_corosync_is_set_up("nodelist {\n node {\n"
                                                   "  ring0_addr: 10.71.1.1\n }\n}\n"));
    CU_ASSERT_TRUE(dpl_settings_corosync_is_set_up("ring0_addr: ::1\nring1_addr:fd71::2"));
}

static int load(const char *cluster, struct dpl_settings *settings)
{
    g_autofree char *path = g_build_filename(unit_tempdir(), "doppel.conf", NULL);
    g_autofree char *text =
        g_strdup_printf("[site]\nname=a\n[daemon]\ncluster=%s\n[set mail]\ntarget=b\n", cluster);
    dpl_autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CU_ASSERT_EQUAL(dpl_fd_write_all(fd, text, strlen(text), NULL), 0);
    return dpl_settings_load(settings, NULL, path, NULL);
}

static void groups(void)
{
    struct dpl_settings settings;
    CU_ASSERT_EQUAL_FATAL(load("no", &settings), 0);
    CU_ASSERT_FALSE(settings.cluster);
    CU_ASSERT_STRING_EQUAL(dpl_settings_set_group(&settings, "mail"), "set mail");
    dpl_settings_clear(&settings);
    CU_ASSERT_EQUAL_FATAL(load("yes", &settings), 0);
    CU_ASSERT_TRUE(settings.cluster);
    CU_ASSERT_PTR_NULL(dpl_settings_set_group(&settings, "mail"));
    dpl_settings_clear(&settings);
    CU_ASSERT_EQUAL(load("maybe", &settings), DPL_E_CONFIG);
}

static const struct unit_test tests[] = {
    {"corosync is set up when it has a node that others can reach", corosync},
    {"in a cluster the file says nothing of sets", groups},
};
UNIT_MAIN(tests)
