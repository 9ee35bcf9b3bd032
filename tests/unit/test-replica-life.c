/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/replica-private.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static const char *const files[] = {"state", "map", "compared", "mirror", "owner", "queue/segment"};

static void put(int dir, const char *name)
{
    dpl_autofd int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CU_ASSERT(fd >= 0 && write(fd, "x", 1) == 1);
}

static bool is_there(int dir, const char *name)
{
    return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A replica that an earlier life has left, in a directory of its own. */
static int left_behind(const char *name)
{
    g_autofree char *path = g_build_filename(unit_tempdir(), name, NULL);
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CU_ASSERT(mkdirat(dir, "queue", 0700) == 0 && mkdirat(dir, "objects", 0700) == 0);
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
        put(dir, files[i]);
    return dir;
}

static void same_life(void)
{
    dpl_autofd int dir = left_behind("same");
    CU_ASSERT_EQUAL(dpl_replica_begin_life(dir, 0, NULL), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
        CU_ASSERT_TRUE(is_there(dir, files[i]));
}

static void next_life(void)
{
    dpl_autofd int dir = left_behind("next");
    put(dir, "objects/0000000000000001");
    CU_ASSERT_EQUAL(dpl_replica_begin_life(dir, 3, NULL), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
        CU_ASSERT_FALSE(is_there(dir, files[i]));
    CU_ASSERT_TRUE(is_there(dir, "orphans/objects-before-3/0000000000000001"));
    /* what this life makes stays in it, and goes with it */
    put(dir, "state");
    CU_ASSERT_EQUAL(dpl_replica_begin_life(dir, 3, NULL), 0);
    CU_ASSERT_TRUE(is_there(dir, "state"));
    CU_ASSERT_EQUAL(dpl_replica_begin_life(dir, 5, NULL), 0);
    CU_ASSERT_FALSE(is_there(dir, "state"));
}

/* As one who died between the steps would leave it. */
static void half_way(void)
{
    for (size_t gone = 1; gone <= G_N_ELEMENTS(files); gone++) {
        g_autofree char *name = g_strdup_printf("half-%zu", gone);
        dpl_autofd int dir = left_behind(name);
        for (size_t i = 0; i < gone; i++)
            CU_ASSERT_EQUAL(unlinkat(dir, files[i], 0), 0);
        CU_ASSERT_EQUAL(dpl_replica_begin_life(dir, 3, NULL), 0);
        for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
            CU_ASSERT_FALSE(is_there(dir, files[i]));
    }
}

static void damaged(void)
{
    dpl_autofd int dir = left_behind("damaged");
    CU_ASSERT_EQUAL(dpl_file_replace(dir, "life", "?", 1, 0600, NULL), 0);
    CU_ASSERT_EQUAL(dpl_replica_begin_life(dir, 0, NULL), 0);
    CU_ASSERT_FALSE(is_there(dir, "state"));
}

static const struct unit_test tests[] = {
    {"what is of this life stays", same_life},
    {"what an earlier life left is gone, and what it set aside is kept", next_life},
    {"who died between is followed by one who begins again", half_way},
    {"a life that cannot be read is no life", damaged},
};
UNIT_MAIN(tests)
