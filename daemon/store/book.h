/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The store's file: records, appended one by one, or all replaced at once, in room that was
 * allocated when the file was made. So a store can be written on a disk that is full.
 *
 *     file    two areas of 4 MiB; the one with the greater generation counts
 *     area    head, then records, each at a multiple of 4096, one behind the other
 *     head    "DPLSTORE", format u32 (1), 0 u32, generation u64, CRC-32C of that u32
 *     record  size u32, CRC-32C u32 (over all that follows), generation u64, its own offset in the
 *             area u64, the offset below which all was durable when it was written u64, an encoded
 *             document of that size
 *
 * Integers are big-endian. A record counts if and only if it is whole, of its area's generation and
 * at its own offset, and all before it count. Behind the last that counts there may be what was
 * being written when the host died; but one that knew what is missing to be durable means that the
 * file is damaged, and it is refused. No block that holds a record is written again, but by
 * replacing all: the other area gets the records, and its head when they are durable.
 *
 * After a write that failed nothing more is written: nobody knows what is on the disk.
 */
#ifndef DPL_STORE_BOOK_H
#define DPL_STORE_BOOK_H

#include "lib/ctl/doc.h"

enum {
    DPL_BOOK_AREA_BYTES = 4 << 20,
    DPL_BOOK_BLOCK = 4096,
};

struct dpl_book;

/* Called for each record in its order. A negative code ends the opening with it. */
typedef int dpl_book_fn(void *self, const struct dpl_doc *record, struct dpl_err *err);

/* Makes the file, durably, if it is not there. CORRUPT with its name if it is damaged. */
int dpl_book_open(const char *path, struct dpl_book **book_r, dpl_book_fn *fn, void *self,
                  struct dpl_err *err);
void dpl_book_close(struct dpl_book *book);

/* NO_SPACE when the area is full: then all is to be replaced. With sync it is durable when this
 * answers 0, and so is all before it. */
int dpl_book_append(struct dpl_book *book, const struct dpl_doc *record, bool sync,
                    struct dpl_err *err);
/* Replaces all by these, durably; a crash leaves the old ones or the new ones. */
int dpl_book_replace(struct dpl_book *book, struct dpl_doc *const *records, size_t count,
                     struct dpl_err *err);
/* What a record of a document of that size takes. */
size_t dpl_book_room(size_t size);

#endif
