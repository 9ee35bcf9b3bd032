/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The store's file: heads, records and other bytes anywhere in it. Opening ends with a reason or
 * with records; what was opened can be appended to or replaced, and is then read as it was written.
 *
 * The input is a list of: what u8 (bit 0: the area; bits 1 and 2: 0 the bytes as they are, 1 a head
 * and 2 a record made right around them, 3 a record whose CRC is not; bit 3: a record that knew of
 * none to be durable, else of all before it), generation u8, block u16, size u16, and that many
 * bytes.
 */
#include "daemon/store/book.h"
#include "lib/base/fd.h"
#include "lib/journal/crc32c.h"
#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HEAD = 28, RECORD = 32, PIECES_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct piece {
    uint8_t what;
    uint8_t generation;
    uint64_t offset; /* in its area */
    struct dpl_view bytes;
};

static void put_head(struct dpl_writer *w, uint8_t *at, const struct piece *p)
{
    dpl_writer_bytes(w, "DPLSTORE", 8);
    dpl_writer_u32(w, 1);
    dpl_writer_u32(w, 0);
    dpl_writer_u64(w, p->generation);
    dpl_writer_u32(w, dpl_crc32c(0, at, HEAD - 4));
}

static void put_record(struct dpl_writer *w, uint8_t *at, const struct piece *p)
{
    dpl_writer_u32(w, (uint32_t)p->bytes.size);
    dpl_writer_u32(w, 0);
    dpl_writer_u64(w, p->generation);
    dpl_writer_u64(w, p->offset);
    dpl_writer_u64(w, p->what & 8 ? DPL_BOOK_BLOCK : p->offset);
    dpl_writer_bytes(w, p->bytes.data, p->bytes.size);
    uint32_t crc = dpl_crc32c(0, at + 8, RECORD - 8 + p->bytes.size);
    dpl_writer_init(w, at + 4, 4);
    dpl_writer_u32(w, (p->what >> 1 & 3) == 3 ? ~crc : crc);
}

static void put(int fd, const struct piece *p)
{
    uint8_t bytes[RECORD + UINT16_MAX] = {0};
    struct dpl_writer w;
    uint64_t at = (uint64_t)(p->what & 1) * DPL_BOOK_AREA_BYTES + p->offset;
    size_t size = RECORD + p->bytes.size;
    dpl_writer_init(&w, bytes, sizeof bytes);
    if ((p->what >> 1 & 3) == 0)
        dpl_writer_bytes(&w, p->bytes.data, size = p->bytes.size);
    else if ((p->what >> 1 & 3) == 1)
        put_head(&w, bytes, p);
    else
        put_record(&w, bytes, p);
    if (size > 0 && at + size <= (uint64_t)2 * DPL_BOOK_AREA_BYTES)
        g_assert(pwrite(fd, bytes, size, (off_t)at) == (ssize_t)size);
}

static int count(void *self, const struct dpl_doc *record, struct dpl_err *err)
{
    (void)err;
    g_assert(record);
    ++*(unsigned *)self;
    return DPL_OK;
}

static struct dpl_book *open_it(const char *path, unsigned *count_r)
{
    struct dpl_book *book = NULL;
    struct dpl_err err = {0};
    *count_r = 0;
    int rc = dpl_book_open(path, &book, count, count_r, &err);
    g_assert((rc == 0) == (book != NULL) && (rc == 0 || err.text[0]));
    return book;
}

/* What one that was opened is written, another that opens it reads. */
static void use(const char *path)
{
    unsigned before, after;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_book *book = open_it(path, &before);
    if (!book)
        return;
    dpl_doc_set_text(doc, "record", "fuzz");
    int rc = dpl_book_append(book, doc, true, NULL);
    g_assert(rc == 0 || rc == DPL_E_NO_SPACE);
    if (rc < 0) {
        g_assert(dpl_book_replace(book, &doc, 1, NULL) == 0);
        before = 0;
    }
    dpl_book_close(book);
    book = open_it(path, &after);
    g_assert(book && after == before + 1);
    dpl_book_close(book);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct dpl_reader r;
    dpl_autofd int fd = memfd_create("book", MFD_CLOEXEC);
    g_assert(fd >= 0 && ftruncate(fd, (off_t)2 * DPL_BOOK_AREA_BYTES) == 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    dpl_reader_init(&r, data, size);
    for (int i = 0; i < PIECES_MAX && r.left > 0; i++) {
        struct piece p = {.what = dpl_reader_u8(&r), .generation = dpl_reader_u8(&r)};
        p.offset = dpl_reader_u16(&r) % (DPL_BOOK_AREA_BYTES / DPL_BOOK_BLOCK) * DPL_BOOK_BLOCK;
        p.bytes = dpl_reader_bytes(&r, dpl_reader_u16(&r));
        if (r.code < 0)
            break;
        put(fd, &p);
    }
    use(path);
    return 0;
}
