/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Changes: proposed, pending, committed; and the group's door to its owner.
 */
#include "daemon/store/group-private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const state_texts[] = {
    [DPL_GROUP_APART] = "apart",       [DPL_GROUP_MEETING] = "meeting",
    [DPL_GROUP_READY] = "ready",       [DPL_GROUP_WAITING] = "waiting",
    [DPL_GROUP_CONFLICT] = "conflict", [DPL_GROUP_FOREIGN] = "foreign",
    [DPL_GROUP_FAILED] = "failed",     [DPL_GROUP_LEFT] = "left"};

static GPtrArray *no_names(void)
{
    return dpl_names_read(NULL);
}

struct dpl_group *dpl_group_new(const char *name, uint32_t id, const struct dpl_group_ops *ops,
                                void *self)
{
    struct dpl_group *g = g_new0(struct dpl_group, 1);
    g->ops = ops;
    g->self = self;
    g->name = g_strdup(name);
    g->id = id;
    g->nodes = no_names();
    g->table = dpl_table_new();
    g->names = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    g->missing = no_names();
    g->down = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g->confirmed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g->told = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)dpl_doc_free);
    g->acks = g_hash_table_new(NULL, NULL);
    g->proposals = g_ptr_array_new();
    g_queue_init(&g->queue);
    ops->random(self, &g->last_serial, sizeof g->last_serial); /* unlike those of the last start */
    g->last_serial &= INT64_MAX >> 1;
    g_strlcpy(g->why, "this node is not connected with the others", sizeof g->why);
    return g;
}

void dpl_group_pending_free(struct dpl_pending *pending)
{
    dpl_doc_free(pending->record);
    g_free(pending);
}

static void proposal_free(struct dpl_proposal *p)
{
    dpl_doc_free(p->message);
    g_free(p);
}

void dpl_group_free(struct dpl_group *g)
{
    if (!g)
        return;
    dpl_group_drop_queue(g);
    for (guint i = 0; i < g->proposals->len; i++)
        proposal_free(g->proposals->pdata[i]);
    g_ptr_array_unref(g->proposals);
    g_clear_pointer(&g->pending, dpl_group_pending_free);
    dpl_table_free(g->table);
    dpl_table_free(g->coming);
    dpl_era_clear(&g->era);
    g_ptr_array_unref(g->nodes);
    g_ptr_array_unref(g->missing);
    g_hash_table_unref(g->names);
    g_hash_table_unref(g->down);
    g_hash_table_unref(g->confirmed);
    g_hash_table_unref(g->told);
    g_hash_table_unref(g->acks);
    g_free(g->name);
    g_free(g);
}

void dpl_group_set_nodes(struct dpl_group *g, const char *const *names)
{
    g_ptr_array_unref(g->nodes);
    g->nodes = g_ptr_array_new_with_free_func(g_free);
    for (; *names; names++)
        g_ptr_array_add(g->nodes, g_strdup(*names));
    g_ptr_array_add(g->nodes, NULL);
}

void dpl_group_set_self(struct dpl_group *g, uint32_t id, const char *name)
{
    g->id = id;
    g_free(g->name);
    g->name = g_strdup(name);
}

void dpl_group_note(struct dpl_group *g, enum dpl_group_state state, const char *format, ...)
{
    char why[sizeof g->why];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    if (state != DPL_GROUP_WAITING) {
        g_ptr_array_unref(g->missing);
        g->missing = no_names();
    }
    if (state == g->state && strcmp(why, g->why) == 0)
        return;
    g->state = state;
    g_strlcpy(g->why, why, sizeof g->why);
    g->ops->state(g->self);
}

void dpl_group_fail(struct dpl_group *g, const struct dpl_err *err)
{
    if (g->state == DPL_GROUP_FAILED)
        return;
    dpl_group_drop_queue(g);
    g->warm = false;
    dpl_group_note(g, DPL_GROUP_FAILED,
                   "this node cannot write its store, and takes no part in it until doppeld is "
                   "started again: %s",
                   err->text);
    if (g->present_count > 1)
        dpl_group_send(g, dpl_group_message_new("goodbye"));
}

void dpl_group_drop_queue(struct dpl_group *g)
{
    struct dpl_doc *doc;
    while ((doc = g_queue_pop_head(&g->queue)) != NULL)
        dpl_doc_free(doc);
}

bool dpl_group_is_present(const struct dpl_group *g, uint32_t id)
{
    for (size_t i = 0; i < g->present_count; i++)
        if (g->present[i] == id)
            return true;
    return false;
}

struct dpl_doc *dpl_group_message_new(const char *what)
{
    struct dpl_doc *doc = dpl_doc_new();
    dpl_doc_set_text(doc, "message", what);
    return doc;
}

void dpl_group_send(struct dpl_group *g, struct dpl_doc *message)
{
    g_autoptr(dpl_doc_auto) doc = message;
    g->ops->send(g->self, doc);
}

static bool ready(const struct dpl_group *g)
{
    return g->state == DPL_GROUP_READY;
}

/* Proposals. */

static struct dpl_proposal *find_proposal(struct dpl_group *g, uint64_t serial)
{
    for (guint i = 0; i < g->proposals->len; i++) {
        struct dpl_proposal *p = g->proposals->pdata[i];
        if (p->serial == serial)
            return p;
    }
    return NULL;
}

void dpl_group_forget(struct dpl_group *g, const void *owner)
{
    for (guint i = g->proposals->len; i > 0; i--) {
        struct dpl_proposal *p = g->proposals->pdata[i - 1];
        if (p->owner != owner)
            continue;
        g_ptr_array_remove_index(g->proposals, i - 1);
        proposal_free(p);
    }
}

void dpl_group_end(struct dpl_group *g, uint64_t serial, int rc, struct dpl_store_version version,
                   const struct dpl_err *err)
{
    struct dpl_proposal *p = find_proposal(g, serial);
    if (!p)
        return;
    struct dpl_group_end end = {p->owner, rc, version, err};
    g_ptr_array_remove(g->proposals, p);
    proposal_free(p);
    g->ops->ended(g->self, &end);
}

void dpl_group_end_all(struct dpl_group *g, const struct dpl_err *err)
{
    while (g->proposals->len > 0) {
        struct dpl_proposal *p = g->proposals->pdata[0];
        dpl_group_end(g, p->serial, err->code, (struct dpl_store_version){0}, err);
    }
}

static void send_proposal(struct dpl_group *g, struct dpl_proposal *p)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(p->message);
    dpl_doc_set_text(doc, "id", g->era.id);
    g->ops->send(g->self, doc); /* p may be gone after this */
}

void dpl_group_propose_again(struct dpl_group *g)
{
    g_autofree uint64_t *serials = g_new(uint64_t, g->proposals->len + 1);
    guint count = g->proposals->len;
    for (guint i = 0; i < count; i++)
        serials[i] = ((struct dpl_proposal *)g->proposals->pdata[i])->serial;
    for (guint i = 0; i < count && ready(g); i++) {
        struct dpl_proposal *p = find_proposal(g, serials[i]);
        if (p)
            send_proposal(g, p);
    }
}

static struct dpl_doc *proposal_doc(uint64_t serial, const char *kind, const char *name,
                                    const struct dpl_store_version *expected,
                                    const struct dpl_doc *doc)
{
    struct dpl_doc *message = dpl_group_message_new("propose");
    dpl_doc_set_int(message, "serial", (int64_t)serial);
    dpl_doc_set_text(message, "kind", kind);
    dpl_doc_set_text(message, "name", name);
    if (expected) {
        dpl_doc_set_int(message, "expected_era", (int64_t)expected->era);
        dpl_doc_set_int(message, "expected_sequence", (int64_t)expected->sequence);
    }
    if (doc)
        dpl_doc_set(message, "document", dpl_doc_copy(doc));
    return message;
}

void dpl_group_propose(struct dpl_group *g, const char *kind, const char *name,
                       const struct dpl_store_version *expected, const struct dpl_doc *doc,
                       void *owner)
{
    struct dpl_proposal *p = g_new0(struct dpl_proposal, 1);
    uint64_t serial = p->serial = ++g->last_serial;
    struct dpl_err err = {0};
    p->owner = owner;
    p->message = proposal_doc(p->serial, kind, name, expected, doc);
    g_ptr_array_add(g->proposals, p);
    int rc = ready(g) ? dpl_table_check(g->table, kind, name, expected, !doc, &err)
                      : dpl_err_set(&err, DPL_E_REFUSED, "nothing can be changed now: %s", g->why);
    if (rc < 0)
        dpl_group_end(g, serial, rc, (struct dpl_store_version){0}, &err);
    else
        send_proposal(g, p);
}

/* Changes, in the order in which all members hear of them. */

void dpl_group_commit(struct dpl_group *g)
{
    struct dpl_pending *p = g_steal_pointer(&g->pending);
    dpl_table_put(g->table, &p->item);
    if (dpl_version_later(p->item.version, g->last))
        g->last = p->item.version;
    g->ops->changed(g->self, &p->item);
    if (g_strcmp0(p->origin, g->name) == 0)
        dpl_group_end(g, p->serial, DPL_OK, p->item.version, NULL);
    dpl_group_pending_free(p);
}

/* In the book, where each has its blocks and a few words beside it. */
static size_t all_bytes(const struct dpl_group *g)
{
    return dpl_table_bytes(g->table) + dpl_table_count(g->table) * (size_t)DPL_GROUP_BESIDE;
}

static bool alone(const struct dpl_group *g)
{
    return g->era.members->len == 2; /* this node, and the NULL */
}

static int check_size(const struct dpl_group *g, const struct dpl_doc *doc, struct dpl_err *err)
{
    g_autofree uint8_t *data = NULL;
    size_t size = 0;
    int rc = doc ? dpl_doc_encode(doc, &data, &size, err) : DPL_OK;
    if (rc < 0)
        return rc;
    if (size > DPL_GROUP_DOC_MAX)
        return dpl_err_set(err, DPL_E_TOO_LARGE, "a document of %zu bytes; at most %d are stored",
                           size, DPL_GROUP_DOC_MAX);
    if (doc && all_bytes(g) + size + DPL_GROUP_BESIDE > DPL_GROUP_ALL_MAX)
        return dpl_err_set(err, DPL_E_NO_SPACE, "the store is full: delete what is not needed");
    return DPL_OK;
}

/* A proposal becomes pending, or is refused; every member comes to the same. */
static int take(struct dpl_group *g, const struct dpl_doc *m, struct dpl_err *err)
{
    const char *kind = dpl_doc_text(m, "kind"), *name = dpl_doc_text(m, "name");
    const struct dpl_doc *doc = dpl_doc_get(m, "document");
    struct dpl_store_version expected = {
        (uint64_t)dpl_doc_int(m, "expected_era", 0),
        (uint64_t)dpl_doc_int(m, "expected_sequence", 0),
    };
    bool any = !dpl_doc_get(m, "expected_sequence");
    if (!kind || !name)
        return dpl_err_set(err, DPL_E_PARAM, "a proposal without a kind and a name");
    int rc = dpl_table_check(g->table, kind, name, any ? NULL : &expected, !doc, err);
    if (rc == DPL_OK)
        rc = check_size(g, doc, err);
    if (rc < 0)
        return rc;
    g_autofree char *digest = dpl_table_digest_of(doc);
    struct dpl_store_item item = {kind, name, {g->era.number, g->last.sequence + 1}, digest, doc};
    struct dpl_pending *p = g_new0(struct dpl_pending, 1);
    p->record = dpl_item_doc(&item);
    dpl_doc_set_text(p->record, "record", "change");
    dpl_doc_set_text(p->record, "origin", dpl_doc_text(m, "origin"));
    dpl_doc_set_int(p->record, "serial", dpl_doc_int(m, "serial", 0));
    dpl_doc_set_bool(p->record, "committed", alone(g));
    rc = dpl_item_read(p->record, &p->item, err);
    g_assert(rc == DPL_OK);
    p->origin = dpl_doc_text(p->record, "origin");
    p->serial = (uint64_t)dpl_doc_int(p->record, "serial", 0);
    g->pending = p;
    return DPL_OK;
}

static void acknowledge(struct dpl_group *g)
{
    struct dpl_doc *ack = dpl_group_message_new("ack");
    dpl_doc_set_text(ack, "id", g->era.id);
    dpl_doc_set_int(ack, "sequence", (int64_t)g->pending->item.version.sequence);
    dpl_group_send(g, ack);
}

/* The next in the queue, until one is pending that others have to acknowledge. */
static void go_on(struct dpl_group *g)
{
    while (ready(g) && !g->pending && !g_queue_is_empty(&g->queue)) {
        g_autoptr(dpl_doc_auto) m = g_queue_pop_head(&g->queue);
        struct dpl_err err = {0};
        g_hash_table_remove_all(g->acks);
        if (take(g, m, &err) < 0) {
            if (g_strcmp0(dpl_doc_text(m, "origin"), g->name) == 0)
                dpl_group_end(g, (uint64_t)dpl_doc_int(m, "serial", 0), err.code,
                              (struct dpl_store_version){0}, &err);
        } else if (dpl_group_save(g, dpl_doc_copy(g->pending->record), true) == DPL_OK) {
            if (alone(g))
                dpl_group_commit(g);
            else
                acknowledge(g);
        }
    }
}

static void on_propose(struct dpl_group *g, uint32_t from, const struct dpl_doc *m)
{
    const char *origin = g_hash_table_lookup(g->names, GUINT_TO_POINTER(from));
    if (!ready(g) || !origin || g_strcmp0(dpl_doc_text(m, "id"), g->era.id) != 0)
        return; /* who proposed it does so again in the next era */
    struct dpl_doc *copy = dpl_doc_copy(m);
    dpl_doc_set_text(copy, "origin", origin);
    g_queue_push_tail(&g->queue, copy);
    go_on(g);
}

static void on_ack(struct dpl_group *g, uint32_t from, const struct dpl_doc *m)
{
    if (!ready(g) || !g->pending || g_strcmp0(dpl_doc_text(m, "id"), g->era.id) != 0 ||
        (uint64_t)dpl_doc_int(m, "sequence", 0) != g->pending->item.version.sequence ||
        !dpl_names_have(g->era.members, g_hash_table_lookup(g->names, GUINT_TO_POINTER(from))))
        return;
    g_hash_table_add(g->acks, GUINT_TO_POINTER(from));
    if (g_hash_table_size(g->acks) + 1 < g->era.members->len)
        return;
    dpl_group_commit(g);
    if (dpl_group_save(g, dpl_group_mark("commit"), false) == DPL_OK)
        go_on(g);
}

static void on_goodbye(struct dpl_group *g, uint32_t from)
{
    const char *name = g_hash_table_lookup(g->names, GUINT_TO_POINTER(from));
    if (from == g->id) {
        if (g->state != DPL_GROUP_FAILED)
            dpl_group_note(g, DPL_GROUP_LEFT, "this node has taken its leave");
        g->ops->leave(g->self);
        return;
    }
    if (!name || !g->warm || !dpl_names_have(g->era.members, name))
        return;
    g_hash_table_add(g->down, g_strdup(name));
    if (!ready(g))
        return;
    dpl_group_drop_queue(g);
    dpl_group_note(g, DPL_GROUP_MEETING, "node \"%s\" takes its leave", name);
}

static void on_down(struct dpl_group *g, const struct dpl_doc *m)
{
    const char *name = dpl_doc_text(m, "name");
    if (!name || strlen(name) > DPL_GROUP_NAME_MAX)
        return;
    if (dpl_doc_bool(m, "person", false))
        g_hash_table_add(g->confirmed, g_strdup(name));
    else if (g->warm && g_strcmp0(dpl_doc_text(m, "id"), g->era.id) == 0)
        g_hash_table_add(g->down, g_strdup(name));
    if (!ready(g))
        dpl_group_meet(g);
}

void dpl_group_message(struct dpl_group *g, uint32_t from, const struct dpl_doc *m)
{
    const char *what = dpl_doc_text(m, "message");
    if (!what || !dpl_group_is_present(g, from))
        return;
    if (strcmp(what, "goodbye") == 0)
        on_goodbye(g, from);
    else if (g->state == DPL_GROUP_FAILED || g->state == DPL_GROUP_LEFT)
        return;
    else if (strcmp(what, "propose") == 0)
        on_propose(g, from, m);
    else if (strcmp(what, "ack") == 0)
        on_ack(g, from, m);
    else if (strcmp(what, "down") == 0)
        on_down(g, m);
    else if (strcmp(what, "again") == 0)
        dpl_group_meet(g);
    else if (strcmp(what, "meet") == 0)
        dpl_group_on_meet(g, from, m);
    else if (strcmp(what, "state") == 0)
        dpl_group_on_state(g, from, m);
    else if (strcmp(what, "copy") == 0)
        dpl_group_on_copy(g, from, m);
    else if (strcmp(what, "era") == 0)
        dpl_group_on_era(g, from, m);
    else if (strcmp(what, "era-ack") == 0)
        dpl_group_on_era_ack(g, from, m);
}

void dpl_group_goodbye(struct dpl_group *g)
{
    if (g->leaving)
        return;
    g->leaving = true;
    if (g->present_count > 1 && g->state != DPL_GROUP_FAILED)
        dpl_group_send(g, dpl_group_message_new("goodbye"));
    else
        g->ops->leave(g->self);
}

/* What is asked of it. */

const char *dpl_group_name(const struct dpl_group *g)
{
    return g->name;
}

enum dpl_group_state dpl_group_state(const struct dpl_group *g)
{
    return g->state;
}

const char *dpl_group_state_text(enum dpl_group_state state)
{
    return state < DPL_GROUP_STATES ? state_texts[state] : "?";
}

const char *dpl_group_why(const struct dpl_group *g)
{
    return g->why;
}

const char *const *dpl_group_missing(const struct dpl_group *g)
{
    return (const char *const *)g->missing->pdata;
}

const char *const *dpl_group_era_members(const struct dpl_group *g)
{
    static const char *const none[] = {NULL};
    return g->era.members ? (const char *const *)g->era.members->pdata : none;
}

bool dpl_group_warm(const struct dpl_group *g)
{
    return g->warm;
}

bool dpl_group_first(const struct dpl_group *g)
{
    for (size_t i = 0; i < g->present_count; i++) {
        const char *name = g_hash_table_lookup(g->names, GUINT_TO_POINTER(g->present[i]));
        if (dpl_names_have(g->era.members, name))
            return ready(g) && g->present[i] == g->id;
    }
    return false;
}

bool dpl_group_present(const struct dpl_group *g, const char *name)
{
    for (size_t i = 0; i < g->present_count; i++)
        if (g_strcmp0(g_hash_table_lookup(g->names, GUINT_TO_POINTER(g->present[i])), name) == 0)
            return true;
    return false;
}

bool dpl_group_pending(const struct dpl_group *g, const char *kind, const char *name,
                       const struct dpl_doc **next_r)
{
    if (!g->pending || g_strcmp0(g->pending->item.kind, kind) != 0 ||
        g_strcmp0(g->pending->item.name, name) != 0)
        return false;
    *next_r = g->pending->item.doc;
    return true;
}

static bool has_acknowledged(const struct dpl_group *g, const char *name)
{
    GHashTableIter ids;
    gpointer id;
    g_hash_table_iter_init(&ids, g->acks);
    while (g_hash_table_iter_next(&ids, &id, NULL))
        if (g_strcmp0(g_hash_table_lookup(g->names, id), name) == 0)
            return true;
    return false;
}

char *dpl_group_awaited(const struct dpl_group *g)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    if (!ready(g) || !g->pending)
        return NULL;
    for (guint i = 0; g->era.members->pdata[i]; i++)
        if (!has_acknowledged(g, g->era.members->pdata[i]))
            g_ptr_array_add(names, g->era.members->pdata[i]);
    g_ptr_array_add(names, NULL);
    return g_strjoinv(", ", (char **)names->pdata);
}

const struct dpl_table *dpl_group_table(const struct dpl_group *g)
{
    return g->table;
}

struct dpl_doc *dpl_group_doc(const struct dpl_group *g)
{
    struct dpl_doc *doc = dpl_doc_new();
    g_autofree char *digest = dpl_table_digest(g->table, NULL), *awaited = dpl_group_awaited(g);
    dpl_doc_set_text(doc, "state", dpl_group_state_text(g->state));
    if (g->why[0])
        dpl_doc_set_text(doc, "why", g->why);
    dpl_doc_set_int(doc, "era", (int64_t)g->era.number);
    dpl_doc_set_text(doc, "era_id", g->era.id);
    dpl_doc_set_text(doc, "store", g->era.store);
    dpl_names_write(doc, "members", g->era.members);
    struct dpl_doc *present = dpl_doc_set_list(doc, "present");
    for (size_t i = 0; i < g->present_count; i++) {
        const char *name = g_hash_table_lookup(g->names, GUINT_TO_POINTER(g->present[i]));
        dpl_doc_add_text(present, name ? name : "?");
    }
    dpl_names_write(doc, "missing", g->missing);
    dpl_doc_set_format(doc, "last", "%llu.%llu", (unsigned long long)g->last.era,
                       (unsigned long long)g->last.sequence);
    dpl_doc_set_bool(doc, "pending", g->pending != NULL);
    if (awaited)
        dpl_doc_set_text(doc, "awaited", awaited);
    dpl_doc_set_int(doc, "documents", (int64_t)dpl_table_count(g->table));
    dpl_doc_set_text(doc, "digest", digest);
    return doc;
}
