/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The store: what was agreed or has happened (sets, sites, roles), as documents by kind and name.
 *
 * Each document has a version, (era, sequence), greater than every version that the store gave
 * before, also to documents that were deleted since, and a digest of its bytes. A change names the
 * version that it was made from, and is refused if another change came in between. It is done when
 * every member of the cluster has it durably, which may be later: then its function is called, once
 * for each change, with 0; or with REFUSED and the reason while no change can be made. When the
 * process dies in between, the change is found to be made or not to be made, at all nodes alike.
 * A stand-alone server is a cluster of one: its changes are done before the call returns.
 *
 * All documents are held in memory (table.h) and in the file DIR/book (book.h); group.h says which
 * change is made. Callers see changes by dpl_store_watch, whichever node made them.
 *
 * What it answers is borrowed, and lives until the next change of that document.
 */
#ifndef DPL_STORE_STORE_H
#define DPL_STORE_STORE_H

#include "daemon/store/group.h"

struct dpl_store;

/* version is set when rc is 0, err when it is negative. */
typedef void dpl_store_done_fn(void *self, int rc, struct dpl_store_version version,
                               const struct dpl_err *err);
/* Told of each change after it is durable everywhere. */
typedef void dpl_store_watch_fn(void *self, const struct dpl_store_item *item);
typedef void dpl_store_state_fn(void *self);

/* How the other nodes are reached. */
struct dpl_store_net {
    void (*send)(void *self, const struct dpl_doc *message);
    void (*leave)(void *self);
};

/* Makes the directory and the file if they are not there. What is damaged ends it with its name. */
int dpl_store_open(const char *dir, const char *node, struct dpl_store **store_r,
                   struct dpl_err *err);
/* From now on it is this node's alone. */
void dpl_store_start_alone(struct dpl_store *store);
/* Or a cluster's: whoever runs the network calls dpl_group_members and dpl_group_message. Both are
 * borrowed. */
void dpl_store_start(struct dpl_store *store, const struct dpl_store_net *net, void *self);
/* As dpl_store_end_changes before. */
void dpl_store_close(struct dpl_store *store);
typedef struct dpl_store dpl_store_auto;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(dpl_store_auto, dpl_store_close)

/* Who is there, and whether changes can be made. */
struct dpl_group *dpl_store_group(struct dpl_store *store);
bool dpl_store_ready(const struct dpl_store *store);

/* NOT_FOUND if it is not there. */
int dpl_store_get(const struct dpl_store *store, const char *kind, const char *name,
                  struct dpl_store_item *item_r, struct dpl_err *err);
/* The names of a kind in their order, ended by NULL; g_strfreev. */
char **dpl_store_list(const struct dpl_store *store, const char *kind);

/* Puts a copy of the document; NULL deletes it. `expected` is the version that it replaces, {0} for
 * none (EXISTS if there is one), NULL for any; BUSY if another is there. done may be NULL; it may
 * be called before this returns. */
void dpl_store_put(struct dpl_store *store, const char *kind, const char *name,
                   const struct dpl_store_version *expected, const struct dpl_doc *doc,
                   dpl_store_done_fn *done, void *self);
/* Ends those that have not ended, with NOT_RUNNING. */
void dpl_store_end_changes(struct dpl_store *store);
/* Nobody waits any more for the changes with this self. */
void dpl_store_forget(struct dpl_store *store, const void *self);

/* From now on tells of every change, and of every other state of the group. Watches live as long as
 * the store. */
void dpl_store_watch(struct dpl_store *store, dpl_store_watch_fn *fn, void *self);
void dpl_store_watch_state(struct dpl_store *store, dpl_store_state_fn *fn, void *self);

#endif
