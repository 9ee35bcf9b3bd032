/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a node of the store hears and reads: records of its book, changes of membership, and
 * messages of others, in any order and with anything in them. It never asserts, and what it saves
 * it can read again.
 *
 * The input is a list of: kind u8 (even: a record, then only before all else; odd: bits 1 to 3 are
 * who is there from now on, or 0: a message from node 1, 2 or 3 by bits 4 and 5), size u16, and an
 * encoded document.
 */
#include "daemon/store/group.h"
#include "lib/wire/reader.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    struct dpl_group *group;
    GPtrArray *book;
    GQueue own; /* what it says it hears itself */
    uint64_t random;
};

static void on_send(void *self, const struct dpl_doc *message)
{
    struct world *w = self;
    if (g_queue_get_length(&w->own) < 1000)
        g_queue_push_tail(&w->own, dpl_doc_copy(message));
}

static int on_append(void *self, const struct dpl_doc *record, bool sync, struct dpl_err *err)
{
    struct world *w = self;
    (void)sync;
    (void)err;
    g_ptr_array_add(w->book, dpl_doc_copy(record));
    return DPL_OK;
}

static int on_replace(void *self, struct dpl_doc *const *records, size_t count, struct dpl_err *err)
{
    struct world *w = self;
    (void)err;
    g_ptr_array_set_size(w->book, 0);
    for (size_t i = 0; i < count; i++)
        g_ptr_array_add(w->book, dpl_doc_copy(records[i]));
    return DPL_OK;
}

static void on_random(void *self, void *data, size_t size)
{
    struct world *w = self;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)data)[i] = (uint8_t)(w->random = w->random * 25214903917 + 11);
}

static void on_changed(void *self, const struct dpl_store_item *item)
{
    (void)self;
    g_assert(item->kind && item->name);
}

static void on_ended(void *self, const struct dpl_group_end *end)
{
    (void)self;
    g_assert(end->rc == 0 || end->err);
}

static void on_nothing(void *self)
{
    (void)self;
}

static const struct dpl_group_ops ops = {on_send,    on_append, on_replace, on_random,
                                         on_changed, on_ended,  on_nothing, on_nothing};

static void hear_own(struct world *w)
{
    struct dpl_doc *doc;
    for (unsigned i = 0; i < 1000 && (doc = g_queue_pop_head(&w->own)) != NULL; i++) {
        dpl_group_message(w->group, 1, doc);
        dpl_doc_free(doc);
    }
}

static void members(struct world *w, unsigned bits)
{
    uint32_t ids[3];
    size_t n = 0;
    for (uint32_t id = 1; id <= 3; id++)
        if (id == 1 || (bits & (1U << (id - 1))))
            ids[n++] = id;
    dpl_group_members(w->group, ids, n);
}

static bool one(struct world *w, struct dpl_reader *r, bool *begun)
{
    g_autoptr(dpl_doc_auto) doc = NULL;
    uint8_t kind = dpl_reader_u8(r);
    uint16_t size = dpl_reader_u16(r);
    struct dpl_view view = dpl_reader_bytes(r, size);
    if (r->code < 0)
        return false;
    if ((kind & 1) && (kind >> 1 & 7)) {
        members(w, kind >> 1 & 7);
        *begun = true;
    } else if (dpl_doc_decode(view.data, view.size, &doc, NULL) < 0) {
        return true;
    } else if (kind & 1) {
        dpl_group_message(w->group, 1 + (kind >> 4 & 3), doc);
    } else if (!*begun) {
        struct dpl_err err = {0};
        int rc = dpl_group_load(w->group, doc, &err);
        g_assert(rc == 0 || err.text[0]);
        if (rc < 0)
            return false;
        g_ptr_array_add(w->book, dpl_doc_copy(doc));
    }
    hear_own(w);
    return true;
}

/* What was saved is read again, by a node that starts. */
static void read_again(struct world *w)
{
    struct world again = {.book = g_ptr_array_new()};
    again.group = dpl_group_new("n1", 1, &ops, &again);
    for (guint i = 0; i < w->book->len; i++)
        g_assert(dpl_group_load(again.group, w->book->pdata[i], NULL) == 0);
    g_autofree char *x = dpl_table_digest(dpl_group_table(again.group), NULL);
    g_autofree char *y = dpl_table_digest(dpl_group_table(w->group), NULL);
    g_assert(strcmp(x, y) == 0);
    dpl_group_free(again.group);
    g_ptr_array_unref(again.book);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const nodes[] = {"n1", "n2", NULL};
    struct world w = {.random = 1};
    struct dpl_reader r;
    struct dpl_doc *doc;
    bool begun = false;
    g_queue_init(&w.own);
    w.book = g_ptr_array_new_with_free_func((GDestroyNotify)dpl_doc_free);
    w.group = dpl_group_new("n1", 1, &ops, &w);
    dpl_group_set_nodes(w.group, nodes);
    dpl_reader_init(&r, data, size);
    bool whole = true;
    while (whole && r.left > 0)
        whole = one(&w, &r, &begun);
    if (begun)
        read_again(&w);
    g_autoptr(dpl_doc_auto) shown = dpl_group_doc(w.group);
    dpl_group_free(w.group);
    while ((doc = g_queue_pop_head(&w.own)) != NULL)
        dpl_doc_free(doc);
    g_ptr_array_unref(w.book);
    return 0;
}
