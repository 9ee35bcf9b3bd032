/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The store: what was agreed or has happened (sets, sites, roles), as documents by kind and name.
 *
 * Each document has a version, (era, sequence), greater than every version that the store gave
 * before, also to documents that were deleted since, and a digest of its bytes. A change names the
 * version that it was made from, and is refused if another change came in between. When a put or a
 * delete answers 0 it is durable; when the process dies in it, the old state or the new one is
 * found again.
 *
 * All documents are held in memory; on disk each is a file DIR/KIND/NAME, replaced whole, mode
 * 0600. A deleted one leaves a stone with its version. This is the store of one node, in era 1;
 * callers see changes by dpl_store_watch alone, so that changes may come from other nodes too.
 *
 * What it answers is borrowed, and lives until the next change of that document.
 */
#ifndef DPL_STORE_STORE_H
#define DPL_STORE_STORE_H

#include "lib/ctl/doc.h"

struct dpl_store;

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

/* Told of each change after it is durable. */
typedef void dpl_store_watch_fn(void *self, const struct dpl_store_item *item);

/* Makes the directory if it is not there. A file that is damaged or foreign ends it with its name.
 * What a killed change left half-written is removed. */
int dpl_store_open(const char *dir, struct dpl_store **store_r, struct dpl_err *err);
void dpl_store_close(struct dpl_store *store);
typedef struct dpl_store dpl_store_auto;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(dpl_store_auto, dpl_store_close)

/* NOT_FOUND if it is not there. */
int dpl_store_get(const struct dpl_store *store, const char *kind, const char *name,
                  struct dpl_store_item *item_r, struct dpl_err *err);
/* The names of a kind in their order, ended by NULL; g_strfreev. */
char **dpl_store_list(const struct dpl_store *store, const char *kind);

/* Puts a copy of the document. `expected` is the version that it replaces, {0} for none (EXISTS if
 * there is one), NULL for any; BUSY if another is there. */
int dpl_store_put(struct dpl_store *store, const char *kind, const char *name,
                  const struct dpl_store_version *expected, const struct dpl_doc *doc,
                  struct dpl_store_version *version_r, struct dpl_err *err);
int dpl_store_delete(struct dpl_store *store, const char *kind, const char *name,
                     const struct dpl_store_version *expected, struct dpl_err *err);

/* From now on tells of every change. Watches live as long as the store. */
void dpl_store_watch(struct dpl_store *store, dpl_store_watch_fn *fn, void *self);

#endif
