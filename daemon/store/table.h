/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Documents in memory, by kind and name, each with its version and its digest. Pure.
 *
 * What it answers is borrowed, and lives until the next change of that document.
 */
#ifndef DPL_STORE_TABLE_H
#define DPL_STORE_TABLE_H

#include "lib/ctl/doc.h"

struct dpl_table;

struct dpl_store_version {
    uint64_t era;
    uint64_t sequence; /* 0: of what is not there */
};

struct dpl_store_item {
    const char *kind, *name;
    struct dpl_store_version version;
    const char *digest;        /* SHA-256 of the encoded document, in hexadecimal */
    const struct dpl_doc *doc; /* NULL when it was deleted */
};

struct dpl_table *dpl_table_new(void);
void dpl_table_free(struct dpl_table *table);

size_t dpl_table_count(const struct dpl_table *table);
/* What the documents take, encoded. */
size_t dpl_table_bytes(const struct dpl_table *table);
/* In the order of kind and name. */
struct dpl_store_item dpl_table_at(const struct dpl_table *table, size_t index);
bool dpl_table_find(const struct dpl_table *table, const char *kind, const char *name,
                    struct dpl_store_item *item_r);
/* The names of a kind in their order, ended by NULL; g_strfreev. */
char **dpl_table_list(const struct dpl_table *table, const char *kind);

/* Puts a copy of the item's document in place of what is there; without a document it goes. */
void dpl_table_put(struct dpl_table *table, const struct dpl_store_item *item);
/* Whether a change that was made from that version may be made; expected NULL: from any. EXISTS,
 * NOT_FOUND, BUSY, or PARAM for a name that is none. */
int dpl_table_check(const struct dpl_table *table, const char *kind, const char *name,
                    const struct dpl_store_version *expected, bool deletes, struct dpl_err *err);

/* The digest of a document, in hexadecimal; of NULL: "". The caller frees. */
char *dpl_table_digest_of(const struct dpl_doc *doc);
/* The digest of all, names and versions included, as if `also` (if not NULL) had been put. */
char *dpl_table_digest(const struct dpl_table *table, const struct dpl_store_item *also);

/* An item as a document, {kind, name, era, sequence, digest, document}, and back: CORRUPT unless
 * all of it fits. The item that is read borrows from the document. */
struct dpl_doc *dpl_item_doc(const struct dpl_store_item *item);
int dpl_item_read(const struct dpl_doc *doc, struct dpl_store_item *item_r, struct dpl_err *err);

static inline bool dpl_version_later(struct dpl_store_version a, struct dpl_store_version b)
{
    return a.era > b.era || (a.era == b.era && a.sequence > b.sequence);
}

#endif
