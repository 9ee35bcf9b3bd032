/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two or three nodes in one process, with a network that loses nothing within a part.
 */
#include "daemon/store/group.h"
#include "tests/unit/unit.h"

#include <string.h>

enum { NODES = 3 };

struct message {
    unsigned from;
    struct dpl_doc *doc;
};

struct node {
    struct dpl_group *group;
    GPtrArray *book;
    char name[4];
    unsigned at; /* its index */
    unsigned part;
    bool left;
    bool full; /* its disk fails */
    int ended, last_rc;
};

static struct node nodes[NODES];
static GQueue wire = G_QUEUE_INIT;
static uint64_t randomness = 1;

static void on_send(void *self, const struct dpl_doc *doc)
{
    const struct node *n = self;
    struct message *m = g_new(struct message, 1);
    *m = (struct message){n->at, dpl_doc_copy(doc)};
    g_queue_push_tail(&wire, m);
}

static int on_append(void *self, const struct dpl_doc *record, bool sync, struct dpl_err *err)
{
    struct node *n = self;
    (void)sync;
    if (n->full)
        return dpl_err_set(err, DPL_E_IO, "the disk failed");
    g_ptr_array_add(n->book, dpl_doc_copy(record));
    return DPL_OK;
}

static int on_replace(void *self, struct dpl_doc *const *records, size_t count, struct dpl_err *err)
{
    struct node *n = self;
    (void)err;
    g_ptr_array_set_size(n->book, 0);
    for (size_t i = 0; i < count; i++)
        g_ptr_array_add(n->book, dpl_doc_copy(records[i]));
    return DPL_OK;
}

static void on_random(void *self, void *data, size_t size)
{
    (void)self;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)data)[i] = (uint8_t)((randomness = randomness * 6364136223846793005 + 1) >> 40);
}

static void on_changed(void *self, const struct dpl_store_item *item)
{
    (void)self;
    (void)item;
}

static void on_ended(void *self, const struct dpl_group_end *end)
{
    struct node *n = self;
    n->ended++;
    n->last_rc = end->rc;
}

static void on_state(void *self)
{
    (void)self;
}

static void on_leave(void *self)
{
    struct node *n = self;
    n->left = true;
}

static const struct dpl_group_ops ops = {on_send,    on_append, on_replace, on_random,
                                         on_changed, on_ended,  on_state,   on_leave};

static void deliver(void)
{
    struct message *m;
    while ((m = g_queue_pop_head(&wire)) != NULL) {
        for (unsigned i = 0; i < NODES; i++)
            if (nodes[i].group && !nodes[i].left && nodes[i].part == nodes[m->from].part)
                dpl_group_message(nodes[i].group, m->from + 1, m->doc);
        dpl_doc_free(m->doc);
        g_free(m);
    }
}

/* Who is in which part from now on: "aa" both together, "ab" apart. */
static void parts(const char *text)
{
    for (unsigned i = 0; i < strlen(text); i++)
        nodes[i].part = (unsigned)text[i];
    for (unsigned i = 0; i < NODES; i++) {
        uint32_t ids[NODES];
        size_t count = 0;
        for (unsigned k = 0; k < NODES; k++)
            if (nodes[k].group && !nodes[k].left && nodes[k].part == nodes[i].part)
                ids[count++] = k + 1;
        if (nodes[i].group && !nodes[i].left)
            dpl_group_members(nodes[i].group, ids, count);
    }
    deliver();
}

static void stop(unsigned i)
{
    dpl_group_free(nodes[i].group);
    nodes[i].group = NULL;
    nodes[i].left = false;
}

static void start(unsigned i, const char *const *configured)
{
    struct node *n = &nodes[i];
    n->at = i;
    g_snprintf(n->name, sizeof n->name, "n%u", i + 1);
    if (!n->book)
        n->book = g_ptr_array_new_with_free_func((GDestroyNotify)dpl_doc_free);
    n->group = dpl_group_new(n->name, i + 1, &ops, n);
    for (guint k = 0; k < n->book->len; k++)
        CU_ASSERT_EQUAL(dpl_group_load(n->group, n->book->pdata[k], NULL), 0);
    dpl_group_set_nodes(n->group, configured);
}

static void end(void)
{
    for (unsigned i = 0; i < NODES; i++) {
        stop(i);
        if (nodes[i].book)
            g_ptr_array_unref(nodes[i].book);
        nodes[i] = (struct node){0};
    }
}

static enum dpl_group_state state(unsigned i)
{
    return dpl_group_state(nodes[i].group);
}

/* Its outcome. */
static int change(unsigned i, const char *name, int64_t value)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_int(doc, "value", value);
    nodes[i].ended = 0;
    dpl_group_propose(nodes[i].group, "set", name, NULL, doc, &nodes[i]);
    deliver();
    return nodes[i].ended == 1 ? nodes[i].last_rc : 1;
}

static int64_t value(unsigned i, const char *name)
{
    struct dpl_store_item item;
    return dpl_table_find(dpl_group_table(nodes[i].group), "set", name, &item)
               ? dpl_doc_int(item.doc, "value", -1)
               : 0;
}

static const char *const two[] = {"n1", "n2", NULL};
static const char *const none[] = {NULL};

static void begin_two(void)
{
    start(0, two);
    start(1, two);
    parts("aa");
    CU_ASSERT_TRUE(state(0) == DPL_GROUP_READY && state(1) == DPL_GROUP_READY);
}

static void beginning(void)
{
    start(0, two);
    parts("a");
    CU_ASSERT_EQUAL(state(0), DPL_GROUP_WAITING);
    CU_ASSERT_STRING_EQUAL(dpl_group_missing(nodes[0].group)[0], "n2");
    CU_ASSERT_EQUAL(change(0, "x", 1), DPL_E_REFUSED);
    CU_ASSERT_FALSE(dpl_group_fenced(nodes[0].group, "n2"));
    start(1, two);
    parts("aa");
    CU_ASSERT_EQUAL(change(0, "x", 1), 0);
    CU_ASSERT_EQUAL(value(1, "x"), 1);
    CU_ASSERT_EQUAL(change(1, "x", 2), 0);
    CU_ASSERT_EQUAL(value(0, "x"), 2);
    CU_ASSERT_TRUE(dpl_group_first(nodes[0].group) && !dpl_group_first(nodes[1].group));
    end();
}

static void by_a_person(void)
{
    start(0, two);
    parts("a");
    CU_ASSERT_EQUAL(dpl_group_confirm_down(nodes[0].group, "n2", NULL), 0);
    deliver();
    CU_ASSERT_EQUAL(state(0), DPL_GROUP_READY);
    end();
}

/* Both servers were stand-alone before: nobody decides whose documents count but a person. */
static void apart(void)
{
    start(0, none);
    start(1, none);
    parts("ab");
    CU_ASSERT_EQUAL(change(0, "x", 1), 0);
    CU_ASSERT_EQUAL(change(1, "y", 2), 0);
    parts("aa");
    CU_ASSERT_TRUE(state(0) == DPL_GROUP_CONFLICT && state(1) == DPL_GROUP_CONFLICT);
    CU_ASSERT_EQUAL(change(0, "x", 3), DPL_E_REFUSED);
    CU_ASSERT_EQUAL(dpl_group_join(nodes[1].group, NULL), 0);
    deliver();
    CU_ASSERT_TRUE(state(0) == DPL_GROUP_READY && state(1) == DPL_GROUP_READY);
    CU_ASSERT_TRUE(value(1, "x") == 1 && value(1, "y") == 0);
    CU_ASSERT_EQUAL(dpl_group_join(nodes[1].group, NULL), DPL_E_REFUSED);
    end();
}

/* A new server with a store of its own does not disturb a cluster. */
static void foreign(void)
{
    begin_two();
    start(2, none);
    parts("aab");
    CU_ASSERT_EQUAL(change(0, "x", 1), 0);
    CU_ASSERT_EQUAL(change(2, "z", 1), 0);
    stop(2);
    start(2, none); /* it has not been in its store since its start */
    parts("aaa");
    CU_ASSERT_TRUE(state(0) == DPL_GROUP_READY && state(1) == DPL_GROUP_READY);
    CU_ASSERT_EQUAL(state(2), DPL_GROUP_FOREIGN);
    CU_ASSERT_EQUAL(change(0, "x", 2), 0);
    CU_ASSERT_EQUAL(dpl_group_join(nodes[2].group, NULL), 0);
    deliver();
    CU_ASSERT_TRUE(state(0) == DPL_GROUP_READY && state(2) == DPL_GROUP_READY);
    CU_ASSERT_TRUE(value(2, "x") == 2 && value(2, "z") == 0);
    end();
}

/* Two persons said of the other node that it is down, and both were wrong. */
static void both_confirmed(void)
{
    begin_two();
    parts("ab");
    CU_ASSERT_EQUAL(state(0), DPL_GROUP_WAITING);
    CU_ASSERT_EQUAL(dpl_group_confirm_down(nodes[0].group, "n2", NULL), 0);
    deliver();
    CU_ASSERT_EQUAL(dpl_group_confirm_down(nodes[1].group, "n1", NULL), 0);
    deliver();
    CU_ASSERT_EQUAL(change(0, "x", 1), 0);
    CU_ASSERT_EQUAL(change(1, "x", 2), 0);
    parts("aa");
    CU_ASSERT_TRUE(state(0) == DPL_GROUP_CONFLICT && state(1) == DPL_GROUP_CONFLICT);
    CU_ASSERT_PTR_NOT_NULL(strstr(dpl_group_why(nodes[0].group), "doppel store join"));
    CU_ASSERT_EQUAL(dpl_group_join(nodes[0].group, NULL), 0);
    deliver();
    CU_ASSERT_TRUE(state(0) == DPL_GROUP_READY && value(0, "x") == 2);
    end();
}

static void fenced(void)
{
    begin_two();
    CU_ASSERT_EQUAL(change(0, "x", 1), 0);
    stop(0);
    parts("aa");
    CU_ASSERT_EQUAL(state(1), DPL_GROUP_WAITING);
    CU_ASSERT_EQUAL(change(1, "x", 2), DPL_E_REFUSED);
    CU_ASSERT_FALSE(dpl_group_fenced(nodes[1].group, "n3"));
    CU_ASSERT_TRUE(dpl_group_fenced(nodes[1].group, "n1"));
    deliver();
    CU_ASSERT_EQUAL(change(1, "x", 2), 0);
    stop(1);
    /* The fenced one comes back alone: it may not begin where it was. */
    start(0, two);
    parts("aa");
    CU_ASSERT_EQUAL(state(0), DPL_GROUP_WAITING);
    CU_ASSERT_FALSE(dpl_group_fenced(nodes[0].group, "n2"));
    start(1, two);
    parts("aa");
    CU_ASSERT_TRUE(state(0) == DPL_GROUP_READY && value(0, "x") == 2);
    end();
}

static void goodbye(void)
{
    begin_two();
    dpl_group_goodbye(nodes[0].group);
    deliver();
    CU_ASSERT_TRUE(nodes[0].left);
    stop(0);
    parts("aa");
    CU_ASSERT_EQUAL(state(1), DPL_GROUP_READY);
    CU_ASSERT_EQUAL(change(1, "x", 1), 0);
    end();
}

static void silent(void)
{
    begin_two();
    nodes[1].part = 'b'; /* it hears nothing, and the network has not noticed */
    CU_ASSERT_EQUAL(change(0, "x", 1), 1);
    g_autofree char *awaited = dpl_group_awaited(nodes[0].group);
    CU_ASSERT_PTR_NOT_NULL_FATAL(awaited);
    CU_ASSERT_STRING_EQUAL(awaited, "n2");
    parts("aa");
    CU_ASSERT_TRUE(nodes[0].ended == 1 && value(1, "x") == 1);
    CU_ASSERT_PTR_NULL(dpl_group_awaited(nodes[0].group));
    end();
}

static void disk(void)
{
    const struct dpl_doc *next = NULL;
    begin_two();
    nodes[1].full = true;
    CU_ASSERT_EQUAL(change(0, "x", 1), 1); /* not ended yet */
    CU_ASSERT_TRUE(state(1) == DPL_GROUP_FAILED && nodes[1].left);
    CU_ASSERT_TRUE(dpl_group_pending(nodes[0].group, "set", "x", &next) && next);
    CU_ASSERT_FALSE(dpl_group_pending(nodes[0].group, "set", "y", &next));
    stop(1);
    parts("aa");
    CU_ASSERT_EQUAL(state(0), DPL_GROUP_READY);
    CU_ASSERT_TRUE(nodes[0].ended == 1 && nodes[0].last_rc == 0 && value(0, "x") == 1);
    CU_ASSERT_FALSE(dpl_group_pending(nodes[0].group, "set", "x", &next));
    end();
}

static const struct unit_test tests[] = {
    {"a store begins with all configured nodes", beginning},
    {"or when a person says that the others are down", by_a_person},
    {"stores that began apart wait for a person", apart},
    {"a store of another server does not stop a cluster", foreign},
    {"two histories of one store wait for a person", both_confirmed},
    {"who was fenced does not go on alone", fenced},
    {"a goodbye lets the others go on", goodbye},
    {"a change that is pending names who has not acknowledged it", silent},
    {"a node whose disk fails takes its leave", disk},
};
UNIT_MAIN(tests)
