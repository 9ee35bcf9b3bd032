/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/store/book.h"
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
    if (dpl_store_open(dir, "node", &store, &err) < 0)
        printf("%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
    dpl_store_start_alone(store);
    CU_ASSERT_TRUE(dpl_store_ready(store));
    return store;
}

struct ended {
    int calls, rc;
    struct dpl_store_version version;
};

static void note_end(void *self, int rc, struct dpl_store_version version,
                     const struct dpl_err *err)
{
    struct ended *ended = self;
    *ended = (struct ended){ended->calls + 1, rc, version};
    CU_ASSERT_EQUAL(err ? err->code : 0, rc);
}

/* A node alone answers at once. */
static int change(struct dpl_store *store, const char *name, const struct dpl_doc *doc,
                  const struct dpl_store_version *expected, struct dpl_store_version *version_r)
{
    struct ended ended = {0};
    dpl_store_put(store, "set", name, expected, doc, note_end, &ended);
    CU_ASSERT_EQUAL(ended.calls, 1);
    if (version_r)
        *version_r = ended.version;
    return ended.rc;
}

static int put(struct dpl_store *store, const char *name, int64_t value,
               const struct dpl_store_version *expected, struct dpl_store_version *version_r)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_int(doc, "value", value);
    return change(store, name, doc, expected, version_r);
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
    CU_ASSERT_EQUAL(change(store, "x", NULL, &first, NULL), DPL_E_BUSY);
    CU_ASSERT_EQUAL(change(store, "x", NULL, &second, NULL), 0);
    CU_ASSERT_EQUAL(put(store, "x", 4, &second, NULL), DPL_E_NOT_FOUND);
    CU_ASSERT_EQUAL(put(store, "x", 5, NULL, NULL), 0);
}

/* Else a change that was made from the deleted one could be taken for one of its successor. */
static void versions_after_delete(void)
{
    g_autoptr(dpl_store_auto) store = open_store("deleted");
    struct dpl_store_version first, again;
    CU_ASSERT_EQUAL(put(store, "x", 1, &none, &first), 0);
    CU_ASSERT_EQUAL(change(store, "x", NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(change(store, "x", NULL, NULL, NULL), DPL_E_NOT_FOUND);
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
    change(store, "x", NULL, NULL, NULL);
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
    dpl_autofd int fd = open(path, O_WRONLY | O_CLOEXEC);
    CU_ASSERT_EQUAL(pwrite(fd, bytes, size, at), (ssize_t)size);
}

static void damage(void)
{
    g_autofree char *dir = g_build_filename(unit_tempdir(), "damage", NULL);
    g_autofree char *file = g_build_filename(dir, "book", NULL);
    struct dpl_store *store = open_store("damage"), *again = NULL;
    struct dpl_err err = {0};
    struct stat st;
    put(store, "x", 1, NULL, NULL);
    put(store, "y", 2, NULL, NULL);
    dpl_store_close(store);
    CU_ASSERT_EQUAL(stat(file, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    /* The era's record is the second block, behind the area's head: one of those before the end. */
    overwrite("damage/book", 4096 + 40, "\x45\x45", 2);
    overwrite("damage/book", DPL_BOOK_AREA_BYTES + 4096 + 40, "\x45\x45", 2);
    CU_ASSERT_EQUAL(dpl_store_open(dir, "node", &again, &err), DPL_E_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "damage/book"));
}

/* Many changes: all is written anew again and again, and is found again. */
static void many(void)
{
    struct dpl_store *store = open_store("many");
    for (int i = 0; i < 2500; i++)
        CU_ASSERT_EQUAL(put(store, i % 2 ? "x" : "y", i, NULL, NULL), 0);
    dpl_store_close(store);
    store = open_store("many");
    CU_ASSERT_EQUAL(value_of(store, "y"), 2498);
    CU_ASSERT_EQUAL(value_of(store, "x"), 2499);
    dpl_store_close(store);
}

static void bounds(void)
{
    g_autoptr(dpl_store_auto) store = open_store("bounds");
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    g_autofree char *text = g_strnfill(DPL_GROUP_DOC_MAX, 'x');
    dpl_doc_set_text(doc, "text", text);
    CU_ASSERT_EQUAL(change(store, "x", doc, NULL, NULL), DPL_E_TOO_LARGE);
    text[DPL_GROUP_DOC_MAX - 100] = '\0';
    dpl_doc_set_text(doc, "text", text);
    int rc = 0, count = 0;
    for (; rc == 0 && count < 100; count++) {
        g_autofree char *name = g_strdup_printf("x%d", count);
        rc = change(store, name, doc, NULL, NULL);
    }
    CU_ASSERT_EQUAL(rc, DPL_E_NO_SPACE);
    CU_ASSERT_TRUE(count > 5);
    CU_ASSERT_EQUAL(change(store, "x0", NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(change(store, "y", doc, NULL, NULL), 0);
}

static void write_old(const char *name, const struct dpl_doc *file)
{
    g_autofree uint8_t *data = NULL;
    size_t size;
    g_autofree char *path = g_build_filename(unit_tempdir(), name, NULL);
    g_autofree char *dir = g_path_get_dirname(path);
    CU_ASSERT_EQUAL(g_mkdir_with_parents(dir, 0700), 0);
    CU_ASSERT_EQUAL(dpl_doc_encode(file, &data, &size, NULL), 0);
    CU_ASSERT_TRUE(g_file_set_contents(path, (const char *)data, (gssize)size, NULL));
}

static void older_format(void)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_int(doc, "value", 7);
    g_autofree char *digest = dpl_table_digest_of(doc);
    struct dpl_store_item item = {"set", "x", {1, 40}, digest, doc};
    g_autoptr(dpl_doc_auto) file = dpl_item_doc(&item);
    struct dpl_store_version next;
    dpl_doc_set_int(file, "format", 1);
    write_old("old/set/x", file);
    struct dpl_store *store = open_store("old");
    CU_ASSERT_EQUAL(value_of(store, "x"), 7);
    CU_ASSERT_EQUAL(put(store, "x", 8, &item.version, &next), 0);
    CU_ASSERT_TRUE(dpl_version_later(next, item.version));
    dpl_store_close(store);
    store = open_store("old"); /* and it is not read again */
    CU_ASSERT_EQUAL(value_of(store, "x"), 8);
    dpl_store_close(store);
}

/* A store that was of a cluster does not become another by itself. */
static void not_alone(void)
{
    g_autofree char *dir = g_build_filename(unit_tempdir(), "renamed", NULL);
    struct dpl_store *store = open_store("renamed");
    struct dpl_err err = {0};
    struct ended ended = {0};
    put(store, "x", 1, NULL, NULL);
    dpl_store_close(store);
    CU_ASSERT_EQUAL_FATAL(dpl_store_open(dir, "other", &store, NULL), 0);
    dpl_store_start_alone(store);
    CU_ASSERT_FALSE(dpl_store_ready(store));
    dpl_store_put(store, "set", "x", NULL, NULL, note_end, &ended);
    CU_ASSERT_TRUE(ended.calls == 1 && ended.rc == DPL_E_REFUSED);
    CU_ASSERT_EQUAL(value_of(store, "x"), 1);
    CU_ASSERT_EQUAL(dpl_group_confirm_down(dpl_store_group(store), "x", &err), DPL_E_NOT_FOUND);
    CU_ASSERT_FALSE(dpl_group_fenced(dpl_store_group(store), "node"));
    CU_ASSERT_EQUAL(dpl_group_confirm_down(dpl_store_group(store), "node", &err), 0);
    CU_ASSERT_TRUE(dpl_store_ready(store));
    dpl_store_close(store);
}

static const struct unit_test tests[] = {
    {"documents, their versions and their order are kept", kept},
    {"a change from an old version is refused", expected_versions},
    {"no version comes again, also after a delete and a restart", versions_after_delete},
    {"a watch is told of what changed, and of nothing else", watched},
    {"names that are none are refused", bad_names},
    {"a damaged file is said by name", damage},
    {"many changes fit, and are found again", many},
    {"documents and their sum have bounds, below which changes go on", bounds},
    {"a store of the older format is taken over, once", older_format},
    {"another node's store is suspended until a person says that it is down", not_alone},
};
UNIT_MAIN(tests)
