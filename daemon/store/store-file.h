/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One document of the store as a file: an encoded document itself, with the keys format (1), kind,
 * name, era, sequence, digest, and document (absent when it was deleted).
 */
#ifndef DPL_STORE_STORE_FILE_H
#define DPL_STORE_STORE_FILE_H

#include "daemon/store/store.h"

/* The digest of a document, in hexadecimal; of NULL: "". The caller frees. */
char *dpl_store_digest(const struct dpl_doc *doc);
/* Writes item durably into the directory of its kind, which is dir_fd. */
int dpl_store_file_write(int dir_fd, const struct dpl_store_item *item, struct dpl_err *err);
/* Reads NAME of dir_fd. The caller owns *doc_r (NULL: deleted). CORRUPT unless all of it fits. */
int dpl_store_file_read(int dir_fd, const char *kind, const char *name,
                        struct dpl_store_version *version_r, struct dpl_doc **doc_r,
                        struct dpl_err *err);

#endif
