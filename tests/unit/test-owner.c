/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/capstat/owner.h"

#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>

static int stamp_dir(void)
{
    g_autofree char *root = g_build_filename(unit_tempdir(), "mail", NULL);
    int fd = dpl_owner_open_dir(root, "mail", true, NULL);
    CU_ASSERT_FATAL(fd >= 0);
    return fd;
}

static void what_is_written_is_read(void)
{
    dpl_autofd int fd = stamp_dir();
    struct dpl_owner found, owner = {.set = "mail",
                                     .node = "a1",
                                     .role = "serving",
                                     .epoch = 12345678901234567890U,
                                     .id = {1, 0xff, 0xa0},
                                     .generation = 3,
                                     .unsent_bytes = -1};
    for (int round = 0; round < 2; round++) {
        CU_ASSERT_EQUAL(dpl_owner_write(fd, &owner, NULL), 0);
        CU_ASSERT_EQUAL(dpl_owner_read(fd, "mail", &found, NULL), 0);
        CU_ASSERT_EQUAL(found.epoch, owner.epoch);
        CU_ASSERT_EQUAL(memcmp(found.id, owner.id, 16), 0);
        CU_ASSERT_EQUAL(found.generation, 3);
        CU_ASSERT_EQUAL(found.closed, owner.closed);
        CU_ASSERT_EQUAL(found.unsent_bytes, owner.unsent_bytes);
        CU_ASSERT_STRING_EQUAL(found.node, "a1");
        CU_ASSERT_STRING_EQUAL(found.role, "serving");
        owner.closed = true;
        owner.unsent_bytes = 77;
    }
}

static void another_set_or_half_a_stamp_is_none(void)
{
    static const char *const texts[] = {
        "",
        "doppel-owner 1\n",
        "nonsense",
        "doppel-owner 2\nset mail\nepoch 1\nid 00000000000000000000000000000000\nstate open\n",
        "doppel-owner 1\nset mail\nepoch 0\nid 00000000000000000000000000000000\nstate open\n",
        "doppel-owner 1\nset mail\nepoch 1\nid 0000000000000000000000000000000\nstate open\n",
        "doppel-owner 1\nset mail\nepoch 1\nid 00000000000000000000000000000000\nstate ajar\n",
        "doppel-owner 1\nset mail\nepoch 1\nid 00000000000000000000000000000000\nstate open",
    };
    dpl_autofd int fd = stamp_dir();
    struct dpl_owner found;
    unlinkat(fd, DPL_OWNER_NAME, 0);
    CU_ASSERT_EQUAL(dpl_owner_read(fd, "mail", &found, NULL), DPL_E_NOT_FOUND);
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        dpl_file_replace(fd, DPL_OWNER_NAME, texts[i], strlen(texts[i]), 0600, NULL);
        CU_ASSERT_EQUAL(dpl_owner_read(fd, "mail", &found, NULL), DPL_E_CORRUPT);
    }
    struct dpl_owner owner = {.set = "news", .epoch = 1};
    CU_ASSERT_EQUAL(dpl_owner_write(fd, &owner, NULL), 0);
    CU_ASSERT_EQUAL(dpl_owner_read(fd, "mail", &found, NULL), DPL_E_CORRUPT);
}

static void a_directory_that_others_may_write_is_refused(void)
{
    g_autofree char *root = g_build_filename(unit_tempdir(), "sub", "mail", NULL);
    g_autofree char *parent = g_path_get_dirname(root);
    g_autofree char *all = g_build_filename(parent, ".doppel", NULL);
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL(dpl_owner_open_dir(root, "mail", false, &err), DPL_E_NOT_FOUND);
    mkdir(parent, 0755);
    mkdir(all, 0777);
    chmod(all, 0777);
    CU_ASSERT_EQUAL(dpl_owner_open_dir(root, "mail", true, &err), DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, ".doppel"));
}

static const struct unit_test tests[] = {
    {"what is written is read", what_is_written_is_read},
    {"another set, or half a stamp, is none", another_set_or_half_a_stamp_is_none},
    {"a directory that others may write is refused", a_directory_that_others_may_write_is_refused},
};
UNIT_MAIN_ROOT(tests, "own such directories")
