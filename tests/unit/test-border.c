/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What of a root is in the set: directories by their path, anything else by its names.
 */
#include "daemon/capture/border.h"
#include "daemon/capture/options.h"
#include "lib/base/fd.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ROOT = 1, NODES = SHARED_ROOTS + 16 };

static const char text[] = "include recursive /srv/mail\n"
                           "exclude recursive /srv/mail/tmp\n"
                           "include recursive /srv/mail/tmp/keep\n"
                           "exclude flat /srv/mail/flat\n";

static struct shared *shared;
static struct options options = {.roots = {"/srv/mail"}, .root_count = 1};
static struct border border;
static struct dpl_err err;

static void begin(const char *rules)
{
    size_t bytes = (sizeof *shared + NODES * sizeof(struct node) + 4095) / 4096 * 4096;

    shared = aligned_alloc(4096, bytes);
    CU_ASSERT_PTR_NOT_NULL_FATAL(shared);
    memset((void *)shared, 0, bytes);
    shared->root_count = 1;
    shared->rules_fd = -1;
    shared->nodes[ROOT].mode = S_IFDIR | 0755;
    if (rules != NULL) {
        shared->rules_fd = memfd_create("rules", MFD_CLOEXEC);
        shared->rules_bytes = strlen(rules);
        CU_ASSERT_EQUAL_FATAL(dpl_fd_write_all(shared->rules_fd, rules, strlen(rules), &err), 0);
    }
}

static void end(void)
{
    dpl_rules_free(border.rules);
    if (shared->rules_fd >= 0)
        close(shared->rules_fd);
    free(shared);
}

/* Learns that the name leads to this node. */
static void learn(uint32_t dir, const char *name, uint32_t index, uint32_t mode, uint32_t nlink)
{
    const struct statx stx = {.stx_mode = (uint16_t)mode, .stx_nlink = nlink};

    shared->nodes[index].mode = mode;
    border_learn(&border, dir, name, index, &stx);
}

static bool inside_dir(uint32_t dir, const char *name, uint32_t index)
{
    learn(dir, name, index, S_IFDIR | 0755, 2);
    return border_inside(&border, index);
}

static bool inside_file(uint32_t dir, const char *name, uint32_t index, uint32_t nlink)
{
    learn(dir, name, index, S_IFREG | 0644, nlink);
    return border_inside(&border, index);
}

static void no_rules(void)
{
    begin(NULL);
    CU_ASSERT_EQUAL_FATAL(border_init(&border, shared, &options, &err), 0);
    CU_ASSERT_TRUE(border_inside(&border, ROOT));
    CU_ASSERT_TRUE(inside_file(ROOT, "tmp", 2, 1));
    CU_ASSERT_TRUE(border_name_inside(&border, ROOT, "any", false));
    CU_ASSERT_TRUE(border_all_beneath(&border, ROOT, "any"));
    CU_ASSERT_FALSE(border_none_beneath(&border, ROOT, "any"));
    end();
}

static void directories(void)
{
    begin(text);
    CU_ASSERT_EQUAL_FATAL(border_init(&border, shared, &options, &err), 0);
    CU_ASSERT_TRUE(border_inside(&border, ROOT));
    CU_ASSERT_TRUE(inside_dir(ROOT, "box", 2));
    CU_ASSERT_TRUE(inside_dir(2, "tmp", 3));
    CU_ASSERT_TRUE(inside_dir(ROOT, "tmp", 4)); /* on the way to tmp/keep */
    CU_ASSERT_TRUE(inside_dir(4, "keep", 5));
    CU_ASSERT_TRUE(inside_dir(5, "below", 6));
    CU_ASSERT_FALSE(inside_dir(4, "other", 7));
    CU_ASSERT_FALSE(inside_dir(7, "below", 8));
    end();
}

static void names(void)
{
    begin(text);
    CU_ASSERT_EQUAL_FATAL(border_init(&border, shared, &options, &err), 0);
    learn(ROOT, "tmp", 4, S_IFDIR | 0755, 2);
    CU_ASSERT_TRUE(border_name_inside(&border, ROOT, "tmp", true));
    CU_ASSERT_FALSE(border_name_inside(&border, ROOT, "tmp", false));
    CU_ASSERT_FALSE(border_name_inside(&border, 4, "new", true));
    CU_ASSERT_TRUE(border_name_inside(&border, 4, "keep", false));
    CU_ASSERT_TRUE(border_name_inside(&border, ROOT, "new", true));
    /* All of it, none of it, mixed. */
    CU_ASSERT_TRUE(border_all_beneath(&border, ROOT, "new"));
    CU_ASSERT_FALSE(border_none_beneath(&border, ROOT, "new"));
    CU_ASSERT_FALSE(border_all_beneath(&border, ROOT, "tmp"));
    CU_ASSERT_FALSE(border_none_beneath(&border, ROOT, "tmp"));
    CU_ASSERT_FALSE(border_all_beneath(&border, 4, "new"));
    CU_ASSERT_TRUE(border_none_beneath(&border, 4, "new"));
    CU_ASSERT_TRUE(border_all_beneath(&border, 4, "keep"));
    end();
}

static void files(void)
{
    begin(text);
    CU_ASSERT_EQUAL_FATAL(border_init(&border, shared, &options, &err), 0);
    learn(ROOT, "tmp", 4, S_IFDIR | 0755, 2);
    CU_ASSERT_TRUE(inside_file(ROOT, "in", 2, 1));
    CU_ASSERT_FALSE(inside_file(4, "out", 3, 1));
    /* With names that we do not know it may be in the set. */
    CU_ASSERT_TRUE(inside_file(4, "linked", 5, 2));
    /* One name inside is enough, and outside does not take it back. */
    CU_ASSERT_TRUE(inside_file(ROOT, "also-in", 3, 2));
    CU_ASSERT_TRUE(inside_file(4, "out", 3, 2));
    CU_ASSERT_TRUE(inside_file(4, "gone-out", 2, 1));
    /* Known to be outside, it is not taken in by a second name there. */
    CU_ASSERT_FALSE(inside_file(4, "out-2", 6, 1));
    CU_ASSERT_FALSE(inside_file(4, "out-3", 6, 2));
    border_set(&border, 6, SIDE_INSIDE);
    CU_ASSERT_TRUE(border_inside(&border, 6));
    border_set(&border, 6, SIDE_OUTSIDE);
    CU_ASSERT_FALSE(border_inside(&border, 6));
    end();
}

static void successor(void)
{
    struct border first;

    begin(text);
    CU_ASSERT_EQUAL_FATAL(border_init(&border, shared, &options, &err), 0);
    first = border;
    learn(ROOT, "tmp", 4, S_IFDIR | 0755, 2);
    CU_ASSERT_EQUAL_FATAL(border_init(&border, shared, &options, &err), 0);
    CU_ASSERT_FALSE(border_name_inside(&border, 4, "new", true));
    CU_ASSERT_TRUE(border_name_inside(&border, 4, "keep", true));
    dpl_rules_free(first.rules);
    end();
}

static void damaged(void)
{
    begin("include recursive /srv/mail\nexclude recursive relative\n");
    CU_ASSERT_TRUE(border_init(&border, shared, &options, &err) < 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "2"));
    end();
}

static const struct unit_test tests[] = {
    {"without rules everything is in the set", no_rules},
    {"a directory is in the set by its path, or on the way to one that is", directories},
    {"a name is decided by what the rules say of its directory", names},
    {"any other object is inside once one of its names is", files},
    {"a successor's rules go on with what its predecessor noted in the nodes", successor},
    {"damaged rules are refused with their line", damaged},
};
UNIT_MAIN(tests)
