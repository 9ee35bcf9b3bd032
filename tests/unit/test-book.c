/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/store/book.h"
#include "lib/base/fd.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char *path_of(void)
{
    static char *path;
    if (!path)
        path = g_build_filename(unit_tempdir(), "book", NULL);
    return path;
}

struct found {
    int count;
    int64_t numbers[64];
};

static int note(void *self, const struct dpl_doc *record, struct dpl_err *err)
{
    struct found *found = self;
    (void)err;
    if (found->count < 64)
        found->numbers[found->count] = dpl_doc_int(record, "number", -1);
    found->count++;
    return DPL_OK;
}

static struct dpl_doc *record(int64_t number, size_t size)
{
    struct dpl_doc *doc = dpl_doc_new();
    g_autofree char *text = g_strnfill(size, 'x');
    dpl_doc_set_int(doc, "number", number);
    dpl_doc_set_text(doc, "text", text);
    return doc;
}

static int append(struct dpl_book *book, int64_t number, size_t size, bool sync)
{
    g_autoptr(dpl_doc_auto) doc = record(number, size);
    return dpl_book_append(book, doc, sync, NULL);
}

static struct dpl_book *reopen(struct dpl_book *book, struct found *found, int *rc_r)
{
    struct dpl_book *again = NULL;
    dpl_book_close(book);
    *found = (struct found){0};
    *rc_r = dpl_book_open(path_of(), &again, note, found, NULL);
    return again;
}

static void damage(off_t at)
{
    dpl_autofd int fd = open(path_of(), O_WRONLY | O_CLOEXEC);
    CU_ASSERT_EQUAL(pwrite(fd, "\xee", 1, at), 1);
}

static void kept(void)
{
    struct found found;
    int rc;
    struct dpl_book *book = reopen(NULL, &found, &rc);
    CU_ASSERT_TRUE_FATAL(rc == 0 && found.count == 0);
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(append(book, i, (size_t)i * 3000, i == 4), 0);
    book = reopen(book, &found, &rc);
    CU_ASSERT_TRUE_FATAL(rc == 0 && found.count == 5);
    CU_ASSERT_TRUE(found.numbers[0] == 0 && found.numbers[4] == 4);
    dpl_book_close(book);
}

static void replaced(void)
{
    struct found found;
    int rc;
    struct dpl_book *book = reopen(NULL, &found, &rc);
    struct dpl_doc *all[] = {record(7, 10), record(8, 10)};
    CU_ASSERT_EQUAL(dpl_book_replace(book, all, 2, NULL), 0);
    CU_ASSERT_EQUAL(append(book, 9, 10, true), 0);
    book = reopen(book, &found, &rc);
    CU_ASSERT_TRUE(rc == 0 && found.count == 3 && found.numbers[2] == 9);
    while (append(book, 1, 200000, false) == 0)
        ;
    CU_ASSERT_EQUAL(append(book, 1, 200000, false), DPL_E_NO_SPACE);
    CU_ASSERT_EQUAL(dpl_book_replace(book, all, 2, NULL), 0);
    book = reopen(book, &found, &rc);
    CU_ASSERT_TRUE(rc == 0 && found.count == 2 && found.numbers[0] == 7);
    dpl_doc_free(all[0]);
    dpl_doc_free(all[1]);
    dpl_book_close(book);
}

/* The second area counts now: its head, then the records of the last test, then these. */
static void damaged(void)
{
    struct found found;
    struct dpl_doc *one[] = {record(1, 10)};
    int rc;
    struct dpl_book *book = reopen(NULL, &found, &rc);
    CU_ASSERT_EQUAL(dpl_book_replace(book, one, 1, NULL), 0);
    CU_ASSERT_EQUAL(dpl_book_replace(book, one, 1, NULL), 0);
    dpl_doc_free(one[0]);
    book = reopen(book, &found, &rc);
    CU_ASSERT_TRUE_FATAL(rc == 0 && found.count == 1);
    off_t area = 0;
    /* Not synced, then synced: the first of them was durable before nobody. */
    CU_ASSERT_EQUAL(append(book, 2, 10, false), 0);
    CU_ASSERT_EQUAL(append(book, 3, 10, false), 0);
    for (area = 0; area <= DPL_BOOK_AREA_BYTES; area += DPL_BOOK_AREA_BYTES)
        damage(area + 2 * DPL_BOOK_BLOCK + 50);
    book = reopen(book, &found, &rc);
    CU_ASSERT_TRUE(rc == 0 && found.count == 1);
    /* What lies behind must not come back behind a new record. */
    CU_ASSERT_EQUAL(append(book, 4, 10, true), DPL_E_NO_SPACE);
    struct dpl_doc *two[] = {record(1, 10), record(4, 10)};
    CU_ASSERT_EQUAL(dpl_book_replace(book, two, 2, NULL), 0);
    CU_ASSERT_EQUAL(append(book, 5, 10, true), 0);
    CU_ASSERT_EQUAL(append(book, 6, 10, true), 0);
    dpl_doc_free(two[0]);
    dpl_doc_free(two[1]);
    book = reopen(book, &found, &rc);
    CU_ASSERT_TRUE(rc == 0 && found.count == 4 && found.numbers[1] == 4 && found.numbers[3] == 6);
    dpl_book_close(book);
    /* But one that was durable when the next was written is missed. */
    for (area = 0; area <= DPL_BOOK_AREA_BYTES; area += DPL_BOOK_AREA_BYTES)
        damage(area + 3 * DPL_BOOK_BLOCK + 50);
    reopen(NULL, &found, &rc);
    CU_ASSERT_EQUAL(rc, DPL_E_CORRUPT);
}

static void foreign(void)
{
    struct found found;
    int rc;
    CU_ASSERT_EQUAL(truncate(path_of(), 100), 0);
    reopen(NULL, &found, &rc);
    CU_ASSERT_EQUAL(rc, DPL_E_CORRUPT);
}

static const struct unit_test tests[] = {
    {"records are found again in their order", kept},
    {"all are replaced at once, also when there is no more room", replaced},
    {"what was not durable may be missing, what was may not", damaged},
    {"a file that is none is refused", foreign},
};
UNIT_MAIN(tests)
