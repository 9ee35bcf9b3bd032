/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The store as it was before it had a book: a file DIR/KIND/NAME for each document, itself an
 * encoded document with the keys format (1), kind, name, era, sequence, digest, and document
 * (absent when it was deleted).
 */
#ifndef DPL_STORE_STORE_OLD_H
#define DPL_STORE_STORE_OLD_H

#include "daemon/store/table.h"

/* All of it in a table, which the caller owns; empty if there is none. CORRUPT with the file. */
int dpl_store_old_read(const char *dir, struct dpl_table **table_r, struct dpl_err *err);
/* It was taken over: put aside, into DIR/old. */
int dpl_store_old_put_aside(const char *dir, struct dpl_err *err);

#endif
