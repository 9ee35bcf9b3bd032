/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/store/store.h"
#include "lib/base/fd.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct dpl_store_version none = {0};

static struct dpl_store *open_store(const char *name)
{
    g_autofree char *dir = g_build_filename(unit_tempdir(), name, NULL);
    struct dpl_store *store = NULL;
    struct dpl_err err = {0};
    if (dpl_store_open(dir, &store, &err) < 0)
        printf("%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
    return store;
}

static int put(struct dpl_store *store, const char *name, int64_t value,
               const struct dpl_store_version *expected, struct dpl_store_version *version_r)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_int(doc, "value", value);
    return dpl_store_put(store, "set", name, expected, doc, version_r, NULL);
}

static int64_t value_of(struct dpl_store *store, const char *name)
{
    struct dpl_store_item item;
    return dpl_store_get(store, "set", name, &item, NULL) < 0 ? -1
                                                              : dpl_doc_int(item.doc, "value", -2);
}

static void kept(void)
{
    g_autoptr(dpl_store_auto) store = open_store("kept");
    struct dpl_store_version first, second;
    struct dpl_store_item item;
    CU_ASSERT_EQUAL(put(store, "b", 1, &none, &first), 0);
    CU_ASSERT_EQUAL(put(store, "a", 2, &none, &second), 0);
    CU_ASSERT_TRUE(second.sequence > first.sequence);
    g_clear_pointer(&store, dpl_store_close);
    store = open_store("kept");
    CU_ASSERT_EQUAL(value_of(store, "a"), 2);
    CU_ASSERT_EQUAL_FATAL(dpl_store_get(store, "set", "b", &item, NULL), 0);
    CU_ASSERT_TRUE(item.version.era == first.era && item.version.sequence == first.sequence);
    CU_ASSERT_EQUAL(strlen(item.digest), 64);
    g_auto(GStrv) names = dpl_store_list(store, "set");
    CU_ASSERT_EQUAL_FATAL(g_strv_length(names), 2);
    CU_ASSERT_STRING_EQUAL(names[0], "a");
    CU_ASSERT_STRING_EQUAL(names[1], "b");
    g_auto(GStrv) others = dpl_store_list(store, "site");
    CU_ASSERT_PTR_NULL(others[0]);
}

static void expected_versions(void)
{
    g_autoptr(dpl_store_auto) store = open_store("versions");
    struct dpl_store_version first, second;
    CU_ASSERT_EQUAL(put(store, "x", 1, &none, &first), 0);
    CU_ASSERT_EQUAL(put(store, "x", 2, &none, NULL), DPL_E_EXISTS);
    CU_ASSERT_EQUAL(put(store, "x", 2, &first, &second), 0);
    CU_ASSERT_EQUAL(put(store, "x", 3, &first, NULL), DPL_E_BUSY);
    CU_ASSERT_EQUAL(value_of(store, "x"), 2);
    CU_ASSERT_EQUAL(dpl_store_delete(store, "set", "x", &first, NULL), DPL_E_BUSY);
    CU_ASSERT_EQUAL(dpl_store_delete(store, "set", "x", &second, NULL), 0);
    CU_ASSERT_EQUAL(put(store, "x", 4, &second, NULL), DPL_E_NOT_FOUND);
    CU_ASSERT_EQUAL(put(store, "x", 5, NULL, NULL), 0);
}

/* Else a change that was made from the deleted one could be taken for one of its successor. */
static void versions_after_delete(void)
{
    g_autoptr(dpl_store_auto) store = open_store("deleted");
    struct dpl_store_version first, again;
    CU_ASSERT_EQUAL(put(store, "x", 1, &none, &first), 0);
    CU_ASSERT_EQUAL(dpl_store_delete(store, "set", "x", NULL, NULL), 0);
    CU_ASSERT_EQUAL(dpl_store_delete(store, "set", "x", NULL, NULL), DPL_E_NOT_FOUND);
    CU_ASSERT_EQUAL(value_of(store, "x"), -1);
    g_clear_pointer(&store, dpl_store_close);
    store = open_store("deleted");
    CU_ASSERT_EQUAL(value_of(store, "x"), -1);
    CU_ASSERT_EQUAL(put(store, "x", 1, &none, &again), 0);
    CU_ASSERT_TRUE(again.sequence > first.sequence + 1);
}

struct seen {
    unsigned count;
    bool deleted;
    char name[32];
};

static void note(void *self, const struct dpl_store_item *item)
{
    struct seen *seen = self;
    seen->count++;
    seen->deleted = !item->doc;
    snprintf(seen->name, sizeof seen->name, "%s/%s", item->kind, item->name);
}

static void watched(void)
{
    g_autoptr(dpl_store_auto) store = open_store("watched");
    struct seen seen = {0};
    dpl_store_watch(store, note, &seen);
    put(store, "x", 1, NULL, NULL);
    CU_ASSERT_TRUE(seen.count == 1 && !seen.deleted);
    CU_ASSERT_STRING_EQUAL(seen.name, "set/x");
    put(store, "x", 1, &none, NULL); /* refused: nothing changed */
    CU_ASSERT_EQUAL(seen.count, 1);
    dpl_store_delete(store, "set", "x", NULL, NULL);
    CU_ASSERT_TRUE(seen.count == 2 && seen.deleted);
}

static void bad_names(void)
{
    g_autoptr(dpl_store_auto) store = open_store("names");
    CU_ASSERT_EQUAL(put(store, "../x", 1, NULL, NULL), DPL_E_PARAM);
    CU_ASSERT_EQUAL(put(store, ".x", 1, NULL, NULL), DPL_E_PARAM);
    CU_ASSERT_EQUAL(put(store, "", 1, NULL, NULL), DPL_E_PARAM);
}

static void overwrite(const char *file, off_t at, const char *bytes, size_t size)
{
    g_autofree char *path = g_build_filename(unit_tempdir(), file, NULL);
    dpl_autofd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CU_ASSERT_EQUAL(pwrite(fd, bytes, size, at), (ssize_t)size);
}

static void damage(void)
{
    g_autofree char *dir = g_build_filename(unit_tempdir(), "damage", NULL);
    struct dpl_store *store = open_store("damage"), *again = NULL;
    struct dpl_err err = {0};
    struct stat st;
    put(store, "x", 0x11223344, NULL, NULL);
    dpl_store_close(store);
    g_autofree char *file = g_build_filename(dir, "set/x", NULL);
    CU_ASSERT_EQUAL(stat(file, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    overwrite("damage/set/x", st.st_size - 1, "\x45", 1); /* the value's last byte */
    CU_ASSERT_EQUAL(dpl_store_open(dir, &again, &err), DPL_E_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "damage/set/x"));
}

static void leftovers(void)
{
    g_autoptr(dpl_store_auto) store = open_store("left");
    put(store, "x", 1, NULL, NULL);
    g_clear_pointer(&store, dpl_store_close);
    overwrite("left/set/.x.0123456789abcdef", 0, "half", 4);
    store = open_store("left");
    CU_ASSERT_EQUAL(value_of(store, "x"), 1);
    g_autofree char *path = g_build_filename(unit_tempdir(), "left/set/.x.0123456789abcdef", NULL);
    CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
}

static const struct unit_test tests[] = {
    {"documents, their versions and their order are kept", kept},
    {"a change from an old version is refused", expected_versions},
    {"no version comes again, also after a delete and a restart", versions_after_delete},
    {"a watch is told of what changed, and of nothing else", watched},
    {"names that are none are refused", bad_names},
    {"a damaged file is said by name", damage},
    {"what a killed change left is removed", leftovers},
};
UNIT_MAIN(tests)
