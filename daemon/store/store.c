/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/store/store.h"

#include "daemon/store/book.h"
#include "daemon/store/store-old.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ALONE = 0 }; /* the id of a node that has no network */

struct watch {
    dpl_store_watch_fn *fn;
    dpl_store_state_fn *state_fn;
    void *self;
};

/* A change that somebody waits for. */
struct wait {
    dpl_store_done_fn *done;
    void *self;
};

struct dpl_store {
    struct dpl_book *book;
    struct dpl_group *group;
    const struct dpl_store_net *net; /* NULL: alone */
    void *net_self;
    GQueue to_self; /* alone: messages on their way */
    bool delivering;
    GPtrArray *waits;
    GArray *watches;
};

/* What the group asks for. */

static void deliver(struct dpl_store *store)
{
    if (store->delivering)
        return; /* further up it goes on */
    store->delivering = true;
    struct dpl_doc *message;
    while ((message = g_queue_pop_head(&store->to_self)) != NULL) {
        dpl_group_message(store->group, ALONE, message);
        dpl_doc_free(message);
    }
    store->delivering = false;
}

static void on_send(void *self, const struct dpl_doc *message)
{
    struct dpl_store *store = self;
    if (store->net) {
        store->net->send(store->net_self, message);
        return;
    }
    g_queue_push_tail(&store->to_self, dpl_doc_copy(message));
    deliver(store);
}

static int on_append(void *self, const struct dpl_doc *record, bool sync, struct dpl_err *err)
{
    struct dpl_store *store = self;
    return dpl_book_append(store->book, record, sync, err);
}

static int on_replace(void *self, struct dpl_doc *const *records, size_t count, struct dpl_err *err)
{
    struct dpl_store *store = self;
    return dpl_book_replace(store->book, records, count, err);
}

static void on_random(void *self, void *data, size_t size)
{
    (void)self;
    ssize_t n = getrandom(data, size, 0); /* so few bytes come whole */
    g_assert(n == (ssize_t)size);
}

static void on_changed(void *self, const struct dpl_store_item *item)
{
    struct dpl_store *store = self;
    for (guint i = 0; store->watches && i < store->watches->len; i++) {
        struct watch *w = &g_array_index(store->watches, struct watch, i);
        if (w->fn)
            w->fn(w->self, item);
    }
}

static void on_ended(void *self, const struct dpl_group_end *end)
{
    struct dpl_store *store = self;
    struct wait *w = end->owner;
    dpl_store_done_fn *done = w->done;
    void *done_self = w->self;
    g_ptr_array_remove(store->waits, w);
    if (done)
        done(done_self, end->rc, end->version, end->err);
}

static void on_state(void *self)
{
    struct dpl_store *store = self;
    for (guint i = 0; store->watches && i < store->watches->len; i++) {
        struct watch *w = &g_array_index(store->watches, struct watch, i);
        if (w->state_fn)
            w->state_fn(w->self);
    }
}

static void on_leave(void *self)
{
    struct dpl_store *store = self;
    if (store->net)
        store->net->leave(store->net_self);
}

static const struct dpl_group_ops ops = {on_send,    on_append, on_replace, on_random,
                                         on_changed, on_ended,  on_state,   on_leave};

static int load(void *self, const struct dpl_doc *record, struct dpl_err *err)
{
    struct dpl_store *store = self;
    return dpl_group_load(store->group, record, err);
}

/* What a store of before had, durable in the book before it is put aside. */
static int import(struct dpl_store *store, const char *dir, struct dpl_err *err)
{
    struct dpl_table *table;
    int rc = dpl_store_old_read(dir, &table, err);
    if (rc < 0)
        return rc;
    if (dpl_table_count(table) == 0) {
        dpl_table_free(table);
        return DPL_OK;
    }
    return dpl_group_import(store->group, table, err);
}

int dpl_store_open(const char *dir, const char *node, struct dpl_store **store_r,
                   struct dpl_err *err)
{
    g_autofree char *path = g_build_filename(dir, "book", NULL);
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return dpl_err_sys(err, errno, "make the store's directory \"%s\"", dir);
    g_autoptr(dpl_store_auto) store = g_new0(struct dpl_store, 1);
    g_queue_init(&store->to_self);
    store->waits = g_ptr_array_new_with_free_func(g_free);
    store->group = dpl_group_new(node, ALONE, &ops, store);
    int rc = dpl_book_open(path, &store->book, load, store, err);
    if (rc == DPL_OK && !dpl_group_era_members(store->group)[0])
        rc = import(store, dir, err);
    if (rc == DPL_OK && dpl_group_era_members(store->group)[0])
        rc = dpl_store_old_put_aside(dir, err);
    if (rc < 0)
        return rc;
    store->watches = g_array_new(FALSE, FALSE, sizeof(struct watch));
    *store_r = g_steal_pointer(&store);
    return DPL_OK;
}

void dpl_store_start_alone(struct dpl_store *store)
{
    const uint32_t own = ALONE;
    dpl_group_members(store->group, &own, 1);
}

void dpl_store_start(struct dpl_store *store, const struct dpl_store_net *net, void *self)
{
    store->net = net;
    store->net_self = self;
}

void dpl_store_end_changes(struct dpl_store *store)
{
    struct dpl_err err = {0};
    dpl_err_set(&err, DPL_E_NOT_RUNNING,
                "doppeld stops: whether it is done, doppel store show says later");
    dpl_group_end_all(store->group, &err);
}

void dpl_store_close(struct dpl_store *store)
{
    struct dpl_doc *message;
    if (!store)
        return;
    dpl_store_end_changes(store);
    dpl_group_free(store->group);
    dpl_book_close(store->book);
    while ((message = g_queue_pop_head(&store->to_self)) != NULL)
        dpl_doc_free(message);
    g_ptr_array_unref(store->waits);
    if (store->watches)
        g_array_unref(store->watches);
    g_free(store);
}

struct dpl_group *dpl_store_group(struct dpl_store *store)
{
    return store->group;
}

bool dpl_store_ready(const struct dpl_store *store)
{
    return dpl_group_state(store->group) == DPL_GROUP_READY;
}

int dpl_store_get(const struct dpl_store *store, const char *kind, const char *name,
                  struct dpl_store_item *item_r, struct dpl_err *err)
{
    return dpl_table_find(dpl_group_table(store->group), kind, name, item_r)
               ? DPL_OK
               : dpl_err_set(err, DPL_E_NOT_FOUND, "there is no %s \"%s\"", kind, name);
}

char **dpl_store_list(const struct dpl_store *store, const char *kind)
{
    return dpl_table_list(dpl_group_table(store->group), kind);
}

void dpl_store_put(struct dpl_store *store, const char *kind, const char *name,
                   const struct dpl_store_version *expected, const struct dpl_doc *doc,
                   dpl_store_done_fn *done, void *self)
{
    struct wait *w = g_new(struct wait, 1);
    *w = (struct wait){done, self};
    g_ptr_array_add(store->waits, w);
    dpl_group_propose(store->group, kind, name, expected, doc, w);
}

void dpl_store_forget(struct dpl_store *store, const void *self)
{
    for (guint i = 0; i < store->waits->len; i++) {
        struct wait *w = store->waits->pdata[i];
        if (w->self == self)
            w->done = NULL;
    }
}

static void add_watch(struct dpl_store *store, struct watch w)
{
    g_array_append_val(store->watches, w);
}

void dpl_store_watch(struct dpl_store *store, dpl_store_watch_fn *fn, void *self)
{
    add_watch(store, (struct watch){fn, NULL, self});
}

void dpl_store_watch_state(struct dpl_store *store, dpl_store_state_fn *fn, void *self)
{
    add_watch(store, (struct watch){NULL, fn, self});
}
