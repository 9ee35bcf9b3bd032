/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/capstat/detached.h"

#include "lib/base/fd.h"
#include "lib/capstat/owner.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char *state, *other_state, *root;
};

static struct place place_new(const char *name)
{
    g_autofree char *dir = g_build_filename(unit_tempdir(), name, NULL);
    struct place p = {g_build_filename(dir, "state", NULL), g_build_filename(dir, "other", NULL),
                      g_build_filename(dir, "disk", "mail", NULL)};
    CU_ASSERT_EQUAL(g_mkdir_with_parents(p.state, 0700), 0);
    CU_ASSERT_EQUAL(g_mkdir_with_parents(p.other_state, 0700), 0);
    CU_ASSERT_EQUAL(g_mkdir_with_parents(p.root, 0700), 0);
    return p;
}

static void place_free(struct place *p)
{
    g_free(p->state);
    g_free(p->other_state);
    g_free(p->root);
}

static void every_node_that_has_the_disk_knows_it(void)
{
    struct place p = place_new("nodes");
    struct dpl_err disk = {0};
    CU_ASSERT_FALSE(dpl_detached_is(p.state, p.root, "mail"));
    CU_ASSERT_EQUAL(dpl_detached_make(p.state, p.root, "mail", &disk, NULL), 0);
    CU_ASSERT_EQUAL(disk.code, 0);
    CU_ASSERT_TRUE(dpl_detached_is(p.state, NULL, "mail"));
    CU_ASSERT_TRUE(dpl_detached_is(p.other_state, p.root, "mail"));
    CU_ASSERT_FALSE(dpl_detached_is(p.other_state, NULL, "mail"));
    CU_ASSERT_FALSE(dpl_detached_is(p.state, p.root, "other"));
    CU_ASSERT_EQUAL(dpl_detached_end(p.other_state, p.root, "mail", NULL), 0);
    CU_ASSERT_FALSE(dpl_detached_is(p.other_state, p.root, "mail"));
    CU_ASSERT_EQUAL(dpl_detached_end(p.state, p.root, "mail", NULL), 0);
    CU_ASSERT_FALSE(dpl_detached_is(p.state, p.root, "mail"));
    CU_ASSERT_EQUAL(dpl_detached_end(p.state, p.root, "mail", NULL), 0);
    place_free(&p);
}

static void a_disk_that_is_away_is_told_and_this_node_knows(void)
{
    struct place p = place_new("away");
    struct dpl_err disk = {0};
    CU_ASSERT_EQUAL(dpl_detached_make(p.state, "/nowhere/at/all", "mail", &disk, NULL), 0);
    CU_ASSERT_EQUAL(disk.sys_errno, ENOENT);
    CU_ASSERT_TRUE(dpl_detached_is(p.state, "/nowhere/at/all", "mail"));
    place_free(&p);
}

static void a_node_that_cannot_write_it_leaves_it_to_the_disk(void)
{
    struct place p = place_new("full");
    struct dpl_err err = {0}, disk = {0};
    CU_ASSERT(dpl_detached_make("/nowhere/at/all", p.root, "mail", &disk, &err) < 0);
    CU_ASSERT_EQUAL(disk.code, 0);
    CU_ASSERT_TRUE(dpl_detached_is(p.state, p.root, "mail"));
    place_free(&p);
}

/* Else the next capture would say that it follows the last one, and nothing would be compared. */
static void its_end_opens_the_owners_stamp(void)
{
    struct place p = place_new("stamp");
    struct dpl_owner owner = {.set = "mail",
                              .node = "a1",
                              .role = "serving",
                              .epoch = 7,
                              .generation = 1,
                              .closed = true,
                              .unsent_bytes = 0};
    dpl_autofd int dir = dpl_owner_open_dir(p.root, "mail", true, NULL);
    CU_ASSERT_EQUAL(dpl_owner_write(dir, &owner, NULL), 0);
    CU_ASSERT_EQUAL(dpl_detached_make(p.state, p.root, "mail", NULL, NULL), 0);
    CU_ASSERT_EQUAL(dpl_detached_end(p.state, p.root, "mail", NULL), 0);
    CU_ASSERT_EQUAL(dpl_owner_read(dir, "mail", &owner, NULL), 0);
    CU_ASSERT_FALSE(owner.closed);
    CU_ASSERT_EQUAL(owner.epoch, 7);
    place_free(&p);
}

static const struct unit_test tests[] = {
    {"every node that has the disk knows it", every_node_that_has_the_disk_knows_it},
    {"a disk that is away is told, and this node knows",
     a_disk_that_is_away_is_told_and_this_node_knows},
    {"a node that cannot write it leaves it to the disk",
     a_node_that_cannot_write_it_leaves_it_to_the_disk},
    {"its end opens the owner's stamp", its_end_opens_the_owners_stamp},
};
UNIT_MAIN_ROOT(tests, "own such directories")
