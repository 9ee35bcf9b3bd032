/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/store/book.h"

#include "lib/base/fd.h"
#include "lib/journal/crc32c.h"
#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "DPLSTORE"

#define DAMAGED                                                                                    \
    "the store's file \"%s\" is damaged at byte %llu: move it away and start again; a node of a "  \
    "cluster then learns all from the others"

enum { FORMAT = 1, HEAD_SIZE = 28, RECORD_HEAD = 32, CRC_AT = 8 };

struct dpl_book {
    char *path;
    int fd;
    unsigned area;       /* the one that counts */
    uint64_t generation; /* its */
    uint64_t end;        /* in it, behind its last record */
    uint64_t durable;    /* in it, all below that is */
    bool failed;
    bool stale; /* behind the end lies what could be taken for records */
};

static uint64_t place(unsigned area, uint64_t offset)
{
    return (uint64_t)area * DPL_BOOK_AREA_BYTES + offset;
}

size_t dpl_book_room(size_t size)
{
    return (RECORD_HEAD + size + DPL_BOOK_BLOCK - 1) / DPL_BOOK_BLOCK * DPL_BOOK_BLOCK;
}

static int write_at(struct dpl_book *book, const void *data, size_t size, uint64_t at,
                    struct dpl_err *err)
{
    const uint8_t *from = data;
    while (size > 0) {
        ssize_t n = pwrite(book->fd, from, size, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            book->failed = true;
            return dpl_err_sys(err, n < 0 ? errno : EIO, "write \"%s\"", book->path);
        }
        from += n;
        at += (uint64_t)n;
        size -= (size_t)n;
    }
    return DPL_OK;
}

static int sync_file(struct dpl_book *book, struct dpl_err *err)
{
    if (fdatasync(book->fd) == 0) {
        book->durable = book->end;
        return DPL_OK;
    }
    book->failed = true;
    return dpl_err_sys(err, errno, "sync \"%s\"", book->path);
}

static int write_head(struct dpl_book *book, unsigned area, uint64_t generation,
                      struct dpl_err *err)
{
    uint8_t block[DPL_BOOK_BLOCK] = {0};
    struct dpl_writer w;
    dpl_writer_init(&w, block, sizeof block);
    dpl_writer_bytes(&w, MAGIC, 8);
    dpl_writer_u32(&w, FORMAT);
    dpl_writer_u32(&w, 0);
    dpl_writer_u64(&w, generation);
    dpl_writer_u32(&w, dpl_crc32c(0, block, HEAD_SIZE - 4));
    int rc = write_at(book, block, sizeof block, place(area, 0), err);
    return rc < 0 ? rc : sync_file(book, err);
}

/* The generation of an area; 0: it has none. A newer format is an error. */
static int read_head(struct dpl_book *book, unsigned area, uint64_t *generation_r,
                     struct dpl_err *err)
{
    uint8_t head[HEAD_SIZE];
    struct dpl_reader r;
    *generation_r = 0;
    ssize_t n = dpl_fd_pread_full(book->fd, place(area, 0), head, sizeof head, err);
    if (n < 0)
        return (int)n;
    dpl_reader_init(&r, head, (size_t)n);
    struct dpl_view magic = dpl_reader_bytes(&r, 8);
    uint32_t format = dpl_reader_u32(&r);
    dpl_reader_u32(&r);
    uint64_t generation = dpl_reader_u64(&r);
    uint32_t crc = dpl_reader_u32(&r);
    static const uint8_t zeros[HEAD_SIZE];
    if (n == HEAD_SIZE && memcmp(head, zeros, sizeof head) == 0)
        return DPL_OK; /* it was never used */
    if (dpl_reader_end(&r, "head", NULL) < 0 || memcmp(magic.data, MAGIC, 8) != 0 ||
        crc != dpl_crc32c(0, head, HEAD_SIZE - 4))
        return dpl_err_set(err, DPL_E_CORRUPT, DAMAGED, book->path,
                           (unsigned long long)place(area, 0));
    if (format > FORMAT)
        return dpl_err_set(err, DPL_E_VERSION, "\"%s\" is of format %u, newer than this program",
                           book->path, format);
    *generation_r = generation;
    return DPL_OK;
}

/* The size of the document in the record at an offset, or -1: none that counts. Its bytes are at
 * data + RECORD_HEAD. */
static int64_t record_at(const uint8_t *area, uint64_t offset, uint64_t generation,
                         uint64_t *durable_r)
{
    struct dpl_reader r;
    uint64_t left = DPL_BOOK_AREA_BYTES - offset;
    dpl_reader_init(&r, area + offset, RECORD_HEAD);
    uint32_t size = dpl_reader_u32(&r), crc = dpl_reader_u32(&r);
    if (size == 0 || size > DPL_DOC_SIZE_MAX || dpl_book_room(size) > left)
        return -1;
    if (dpl_reader_u64(&r) != generation || dpl_reader_u64(&r) != offset)
        return -1;
    *durable_r = dpl_reader_u64(&r);
    return crc == dpl_crc32c(0, area + offset + CRC_AT, RECORD_HEAD - CRC_AT + size) ? (int64_t)size
                                                                                     : -1;
}

static int read_record(struct dpl_book *book, const uint8_t *data, size_t size, dpl_book_fn *fn,
                       void *self, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) doc = NULL;
    int rc = dpl_doc_decode(data, size, &doc, err);
    if (rc == DPL_OK)
        rc = fn(self, doc, err);
    if (rc < 0)
        dpl_err_context(err, "the store's file \"%s\"", book->path);
    return rc;
}

/* What lies behind the last record that counts. */
static int read_rest(struct dpl_book *book, const uint8_t *area, struct dpl_err *err)
{
    uint64_t durable = 0;
    for (uint64_t at = book->end; at < DPL_BOOK_AREA_BYTES; at += DPL_BOOK_BLOCK) {
        if (record_at(area, at, book->generation, &durable) < 0)
            continue;
        if (durable > book->end)
            return dpl_err_set(err, DPL_E_CORRUPT, DAMAGED, book->path,
                               (unsigned long long)place(book->area, book->end));
        book->stale = true;
    }
    return DPL_OK;
}

static int read_area(struct dpl_book *book, dpl_book_fn *fn, void *self, struct dpl_err *err)
{
    g_autofree uint8_t *area = g_malloc(DPL_BOOK_AREA_BYTES);
    ssize_t n = dpl_fd_pread_full(book->fd, place(book->area, 0), area, DPL_BOOK_AREA_BYTES, err);
    if (n < 0)
        return (int)n;
    memset(area + n, 0, DPL_BOOK_AREA_BYTES - (size_t)n);
    book->end = DPL_BOOK_BLOCK;
    uint64_t durable;
    int rc = DPL_OK;
    while (rc == DPL_OK && book->end < DPL_BOOK_AREA_BYTES) {
        int64_t size = record_at(area, book->end, book->generation, &durable);
        if (size < 0)
            break;
        rc = read_record(book, area + book->end + RECORD_HEAD, (size_t)size, fn, self, err);
        book->end += dpl_book_room((size_t)size);
    }
    if (rc == DPL_OK)
        rc = read_rest(book, area, err);
    book->durable = book->end;
    return rc;
}

/* Every block is written once, so that none has to be found later. */
static int fill(struct dpl_book *book, struct dpl_err *err)
{
    size_t chunk = 1 << 20;
    g_autofree uint8_t *zeros = g_malloc0(chunk);
    int rc = DPL_OK;
    for (uint64_t at = 0; rc == DPL_OK && at < (uint64_t)2 * DPL_BOOK_AREA_BYTES; at += chunk)
        rc = write_at(book, zeros, chunk, at, err);
    if (rc == DPL_OK)
        rc = write_head(book, 0, 1, err);
    return rc;
}

/* Made under another name, so that a crash leaves none or a whole one. */
static int make(const char *path, struct dpl_err *err)
{
    g_autofree char *new = g_strconcat(path, ".new", NULL);
    g_autofree char *dir = g_path_get_dirname(path);
    struct dpl_book book = {.path = new};
    book.fd = open(new, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int rc = book.fd < 0 ? dpl_err_sys(err, errno, "make \"%s\"", new) : fill(&book, err);
    dpl_fd_clear(&book.fd);
    if (rc == DPL_OK && rename(new, path) < 0)
        rc = dpl_err_sys(err, errno, "rename \"%s\"", new);
    if (rc < 0) {
        unlink(new);
        return rc;
    }
    dpl_autofd int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir_fd < 0 || fsync(dir_fd) < 0 ? dpl_err_sys(err, errno, "sync \"%s\"", dir) : DPL_OK;
}

static int choose(struct dpl_book *book, struct dpl_err *err)
{
    uint64_t generations[2];
    struct stat st;
    if (fstat(book->fd, &st) < 0)
        return dpl_err_sys(err, errno, "\"%s\"", book->path);
    if (st.st_size < (off_t)2 * DPL_BOOK_AREA_BYTES)
        return dpl_err_set(err, DPL_E_CORRUPT, DAMAGED, book->path, (unsigned long long)st.st_size);
    for (unsigned i = 0; i < 2; i++) {
        int rc = read_head(book, i, &generations[i], err);
        if (rc < 0)
            return rc;
    }
    book->area = generations[1] > generations[0];
    book->generation = generations[book->area];
    return book->generation != 0
               ? DPL_OK
               : dpl_err_set(err, DPL_E_CORRUPT, "\"%s\" is no store's file, or it is damaged",
                             book->path);
}

int dpl_book_open(const char *path, struct dpl_book **book_r, dpl_book_fn *fn, void *self,
                  struct dpl_err *err)
{
    int rc = access(path, F_OK) == 0 ? DPL_OK : make(path, err);
    if (rc < 0)
        return rc;
    struct dpl_book *book = g_new0(struct dpl_book, 1);
    book->path = g_strdup(path);
    book->fd = open(path, O_RDWR | O_CLOEXEC);
    rc = book->fd < 0 ? dpl_err_sys(err, errno, "open \"%s\"", path) : choose(book, err);
    if (rc == DPL_OK)
        rc = read_area(book, fn, self, err);
    if (rc < 0)
        dpl_book_close(book);
    else
        *book_r = book;
    return rc;
}

void dpl_book_close(struct dpl_book *book)
{
    if (!book)
        return;
    dpl_fd_clear(&book->fd);
    g_free(book->path);
    g_free(book);
}

static int check_usable(const struct dpl_book *book, struct dpl_err *err)
{
    return book->failed ? dpl_err_set(err, DPL_E_IO,
                                      "\"%s\" could not be written before: restart doppeld when "
                                      "its disk is well",
                                      book->path)
                        : DPL_OK;
}

/* Where a record goes. */
struct target {
    unsigned area;
    uint64_t generation, end, durable;
};

static int put(struct dpl_book *book, struct target *to, const struct dpl_doc *record,
               struct dpl_err *err)
{
    g_autofree uint8_t *data = NULL;
    size_t size;
    int rc = dpl_doc_encode(record, &data, &size, err);
    if (rc < 0)
        return rc;
    size_t room = dpl_book_room(size);
    if (room > DPL_BOOK_AREA_BYTES - to->end)
        return dpl_err_set(err, DPL_E_NO_SPACE, "the store is full: \"%s\" holds %d MiB",
                           book->path, DPL_BOOK_AREA_BYTES >> 20);
    g_autofree uint8_t *block = g_malloc0(room);
    struct dpl_writer w;
    dpl_writer_init(&w, block, room);
    dpl_writer_u32(&w, (uint32_t)size);
    dpl_writer_u32(&w, 0);
    dpl_writer_u64(&w, to->generation);
    dpl_writer_u64(&w, to->end);
    dpl_writer_u64(&w, to->durable);
    dpl_writer_bytes(&w, data, size);
    uint32_t crc = dpl_crc32c(0, block + CRC_AT, RECORD_HEAD - CRC_AT + size);
    dpl_writer_init(&w, block + 4, 4);
    dpl_writer_u32(&w, crc);
    rc = write_at(book, block, room, place(to->area, to->end), err);
    if (rc == DPL_OK)
        to->end += room;
    return rc;
}

int dpl_book_append(struct dpl_book *book, const struct dpl_doc *record, bool sync,
                    struct dpl_err *err)
{
    struct target to = {book->area, book->generation, book->end, book->durable};
    int rc = check_usable(book, err);
    if (rc == DPL_OK && book->stale)
        rc = dpl_err_set(err, DPL_E_NO_SPACE, "\"%s\" is to be written anew", book->path);
    if (rc == DPL_OK)
        rc = put(book, &to, record, err);
    if (rc < 0)
        return rc;
    book->end = to.end;
    return sync ? sync_file(book, err) : DPL_OK;
}

int dpl_book_replace(struct dpl_book *book, struct dpl_doc *const *records, size_t count,
                     struct dpl_err *err)
{
    struct target to = {1 - book->area, book->generation + 1, DPL_BOOK_BLOCK, DPL_BOOK_BLOCK};
    int rc = check_usable(book, err);
    for (size_t i = 0; rc == DPL_OK && i < count; i++)
        rc = put(book, &to, records[i], err);
    if (rc == DPL_OK)
        rc = sync_file(book, err);
    if (rc == DPL_OK)
        rc = write_head(book, to.area, to.generation, err);
    if (rc < 0)
        return rc;
    book->area = to.area;
    book->generation = to.generation;
    book->end = book->durable = to.end;
    book->stale = false;
    return DPL_OK;
}
