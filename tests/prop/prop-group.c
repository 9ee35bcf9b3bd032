/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Nodes that hold one store, in one process, from a seed: they join, take their leave, crash, lose
 * what was not synced, are cut from each other, fenced, and started again, in any order. The
 * network is that of an extended virtual synchrony: who goes from one membership to the next with
 * another has got the same messages, in one order; others may have got more or fewer.
 *
 * What holds, always: no version is given twice to different documents; what was answered as done
 * is never lost; nodes that are ready in one era have equal documents wherever they have heard the
 * same. At the end, with all nodes there and all links well, changes can be made again.
 *
 * DPL_SEED=N DPL_ROUNDS=1 runs seed N again.
 */
#include "daemon/store/group.h"
#include "tests/prop/rng.h"
#include "tests/unit/unit.h"

#include <stdarg.h>
#include <string.h>

enum { NODES = 4, NAMES = 3, STEPS = 1500, QUIET = 4000 };

struct message {
    uint32_t from;
    struct dpl_doc *doc;
};

/* Nodes that reach each other, and what they said, in its order. */
struct part {
    GPtrArray *log;  /* of struct message */
    GPtrArray *next; /* said too late: it goes with the next membership */
    bool ending;
};

struct record {
    struct dpl_doc *doc;
    bool synced;
};

struct node {
    struct sim *sim;
    uint32_t id;
    char name[8];
    struct dpl_group *group; /* NULL: down */
    GPtrArray *book;
    struct part *part;
    guint heard; /* of the part's log */
    bool leaves, loading;
    unsigned life;        /* how often it was started */
    unsigned seen[NODES]; /* in which life it saw each last */
    unsigned side;        /* of a cut */
};

/* A change that was answered as done, or a document of a version. */
struct fact {
    char name[8];
    char digest[65];
    struct dpl_store_version version;
    bool deletes;
};

struct sim {
    struct rng rng;
    struct node nodes[NODES];
    unsigned count;
    GPtrArray *parts;
    GArray *given, *done;
    GArray *unknown;        /* deletions of which nobody was told whether they were made */
    unsigned fenced[NODES]; /* the last life of each that was ended by fencing */
    int64_t value;
    unsigned eras, commits, fences, crashes, cuts, leaves, refused;
    bool failed;
};

static void blame(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void blame(struct sim *sim, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    sim->failed = true;
}

static void message_free(gpointer data)
{
    struct message *m = data;
    dpl_doc_free(m->doc);
    g_free(m);
}

static void record_free(gpointer data)
{
    struct record *r = data;
    dpl_doc_free(r->doc);
    g_free(r);
}

static struct part *part_new(struct sim *sim)
{
    struct part *part = g_new0(struct part, 1);
    part->log = g_ptr_array_new_with_free_func(message_free);
    part->next = g_ptr_array_new_with_free_func(message_free);
    g_ptr_array_add(sim->parts, part);
    return part;
}

static void part_free(gpointer data)
{
    struct part *part = data;
    g_ptr_array_unref(part->log);
    g_ptr_array_unref(part->next);
    g_free(part);
}

/* What a node asks of its world. */

static void on_send(void *self, const struct dpl_doc *doc)
{
    struct node *n = self;
    if (!n->part)
        return;
    struct message *m = g_new(struct message, 1);
    *m = (struct message){n->id, dpl_doc_copy(doc)};
    g_ptr_array_add(n->part->ending ? n->part->next : n->part->log, m);
}

static int on_append(void *self, const struct dpl_doc *doc, bool sync, struct dpl_err *err)
{
    struct node *n = self;
    if (n->book->len > 40) /* full now and then */
        return dpl_err_set(err, DPL_E_NO_SPACE, "full");
    if (rng_one_in(&n->sim->rng, 3000))
        return dpl_err_set(err, DPL_E_IO, "the disk failed");
    struct record *r = g_new(struct record, 1);
    *r = (struct record){dpl_doc_copy(doc), false};
    g_ptr_array_add(n->book, r);
    for (guint i = 0; sync && i < n->book->len; i++)
        ((struct record *)n->book->pdata[i])->synced = true;
    return DPL_OK;
}

static int on_replace(void *self, struct dpl_doc *const *records, size_t count, struct dpl_err *err)
{
    struct node *n = self;
    (void)err;
    g_ptr_array_set_size(n->book, 0);
    for (size_t i = 0; i < count; i++) {
        struct record *r = g_new(struct record, 1);
        *r = (struct record){dpl_doc_copy(records[i]), true};
        g_ptr_array_add(n->book, r);
    }
    return DPL_OK;
}

static void on_random(void *self, void *data, size_t size)
{
    struct node *n = self;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)data)[i] = (uint8_t)rng_next(&n->sim->rng);
}

static void on_changed(void *self, const struct dpl_store_item *item)
{
    struct node *n = self;
    struct fact fact = {.version = item->version};
    if (n->loading)
        return;
    g_strlcpy(fact.name, item->name, sizeof fact.name);
    g_strlcpy(fact.digest, item->digest, sizeof fact.digest);
    for (guint i = 0; i < n->sim->given->len; i++) {
        const struct fact *f = &g_array_index(n->sim->given, struct fact, i);
        if (f->version.era != fact.version.era || f->version.sequence != fact.version.sequence)
            continue;
        if (item->doc && f->digest[0] &&
            (strcmp(f->digest, fact.digest) != 0 || strcmp(f->name, fact.name) != 0))
            blame(n->sim, "version %llu.%llu was given twice", (unsigned long long)f->version.era,
                  (unsigned long long)f->version.sequence);
        return;
    }
    g_array_append_val(n->sim->given, fact);
}

static void on_ended(void *self, const struct dpl_group_end *end)
{
    struct node *n = self;
    g_autofree struct fact *fact = end->owner;
    if (end->rc < 0) {
        n->sim->refused++;
        if (end->rc == DPL_E_NOT_RUNNING && fact->deletes)
            g_array_append_val(n->sim->unknown, *fact);
        return;
    }
    fact->version = end->version;
    g_array_append_val(n->sim->done, *fact);
    n->sim->commits++;
}

static void on_state(void *self)
{
    struct node *n = self;
    n->sim->eras += n->group && dpl_group_state(n->group) == DPL_GROUP_READY;
}

static void on_leave(void *self)
{
    struct node *n = self;
    n->leaves = true; /* it is taken out when its function has returned */
}

static const struct dpl_group_ops ops = {on_send,    on_append, on_replace, on_random,
                                         on_changed, on_ended,  on_state,   on_leave};

/* The world. */

static void hear_one(struct node *n, const struct message *m)
{
    if (n->group)
        dpl_group_message(n->group, m->from, m->doc);
}

/* The end of a membership: what each of those who go on together has heard, is the same. */
static void flush(struct sim *sim, struct part *part, unsigned side)
{
    guint cut = 0, own;
    bool from[NODES + 1] = {false};
    for (unsigned i = 0; i < sim->count; i++) {
        struct node *n = &sim->nodes[i];
        if (n->part != part || n->side != side || !n->group)
            continue;
        cut = MAX(cut, n->heard);
        from[n->id] = true;
    }
    cut += rng_below(&sim->rng, part->log->len - cut + 1);
    own = cut + rng_below(&sim->rng, part->log->len - cut + 1);
    for (unsigned i = 0; i < sim->count; i++) {
        struct node *n = &sim->nodes[i];
        if (n->part != part || n->side != side || !n->group)
            continue;
        for (; n->heard < own; n->heard++) {
            const struct message *m = part->log->pdata[n->heard];
            if (n->heard < cut || from[m->from])
                hear_one(n, m);
        }
    }
    /* What its members said behind that was not sent yet: it goes with the next. */
    for (guint i = own, at = 0; i < part->log->len; i++) {
        const struct message *m = part->log->pdata[i];
        if (!from[m->from])
            continue;
        struct message *copy = g_new(struct message, 1);
        *copy = (struct message){m->from, dpl_doc_copy(m->doc)};
        g_ptr_array_insert(part->next, (int)at++, copy);
    }
}

static struct message *copy_of(const struct message *m)
{
    struct message *copy = g_new(struct message, 1);
    *copy = (struct message){m->from, dpl_doc_copy(m->doc)};
    return copy;
}

static void note_seen(struct sim *sim, struct node *n)
{
    for (unsigned i = 0; i < sim->count; i++)
        if (sim->nodes[i].group && sim->nodes[i].part == n->part)
            n->seen[i] = sim->nodes[i].life;
}

/* Every node goes to the membership of its side. */
static void regroup(struct sim *sim)
{
    struct part *parts[NODES] = {NULL};
    for (guint p = 0; p < sim->parts->len; p++)
        ((struct part *)sim->parts->pdata[p])->ending = true;
    guint old_count = sim->parts->len;
    for (unsigned side = 0; side < sim->count; side++) {
        parts[side] = part_new(sim);
        for (guint p = 0; p < old_count; p++) {
            struct part *part = sim->parts->pdata[p];
            g_ptr_array_set_size(part->next, 0);
            flush(sim, part, side);
            for (guint m = 0; m < part->next->len; m++)
                g_ptr_array_add(parts[side]->log, copy_of(part->next->pdata[m]));
        }
    }
    for (unsigned i = 0; i < sim->count; i++) {
        sim->nodes[i].part = sim->nodes[i].group ? parts[sim->nodes[i].side] : NULL;
        sim->nodes[i].heard = 0;
    }
    for (unsigned i = 0; i < sim->count; i++) {
        struct node *n = &sim->nodes[i];
        uint32_t ids[NODES];
        size_t count = 0;
        for (unsigned k = 0; n->part && k < sim->count; k++)
            if (sim->nodes[k].part == n->part)
                ids[count++] = sim->nodes[k].id;
        if (!n->group)
            continue;
        note_seen(sim, n);
        dpl_group_members(n->group, ids, count);
    }
    g_ptr_array_remove_range(sim->parts, 0, old_count);
}

static void start(struct sim *sim, struct node *n)
{
    static const char *const names[] = {"n1", "n2", "n3", "n4"};
    const char *nodes[NODES + 1] = {NULL};
    n->group = dpl_group_new(n->name, n->id, &ops, n);
    n->leaves = false;
    n->life++;
    n->loading = true;
    for (guint i = 0; i < n->book->len; i++)
        if (dpl_group_load(n->group, ((struct record *)n->book->pdata[i])->doc, NULL) < 0)
            blame(sim, "%s cannot read its book", n->name);
    n->loading = false;
    for (unsigned i = 0; i < sim->count; i++)
        nodes[i] = names[i];
    dpl_group_set_nodes(n->group, nodes);
    memset(n->seen, 0, sizeof n->seen);
}

/* Without a word; what was not synced may be lost. */
static void crash(struct sim *sim, struct node *n)
{
    guint kept = 0;
    if (!n->group)
        return;
    struct dpl_err err = {.code = DPL_E_NOT_RUNNING};
    dpl_group_end_all(n->group, &err);
    dpl_group_free(n->group);
    n->group = NULL;
    while (kept < n->book->len && ((struct record *)n->book->pdata[kept])->synced)
        kept++;
    kept += rng_below(&sim->rng, n->book->len - kept + 1);
    g_ptr_array_set_size(n->book, (gint)kept);
}

static void propose(struct sim *sim, struct node *n)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct fact *fact = g_new0(struct fact, 1);
    struct dpl_store_item item;
    g_snprintf(fact->name, sizeof fact->name, "d%u", rng_below(&sim->rng, NAMES));
    dpl_doc_set_int(doc, "value", ++sim->value);
    bool there = dpl_table_find(dpl_group_table(n->group), "k", fact->name, &item);
    struct dpl_store_version none = {0}, version = there ? item.version : none;
    bool deletes = there && rng_one_in(&sim->rng, 6);
    fact->deletes = deletes;
    dpl_group_propose(n->group, "k", fact->name, rng_one_in(&sim->rng, 2) ? &version : NULL,
                      deletes ? NULL : doc, fact);
}

/* A node that waits for another has it fenced, or hears of one that was. */
static void fence(struct sim *sim, struct node *n)
{
    for (unsigned i = 0; i < sim->count; i++) {
        struct node *other = &sim->nodes[i];
        if (!g_strv_contains(dpl_group_missing(n->group), other->name))
            continue;
        if (rng_one_in(&sim->rng, 3) && other->life > 0) {
            sim->fences += other->group != NULL;
            crash(sim, other);
            sim->fenced[i] = other->life;
        }
        /* In the history of fencing stands what was before, too: only what ended that life counts,
         * and who has not seen it since its start cannot know. */
        if (sim->fenced[i] > 0 && (sim->fenced[i] >= n->seen[i] || !dpl_group_warm(n->group)))
            dpl_group_fenced(n->group, other->name);
    }
    regroup(sim);
}

static void check_equal(struct sim *sim)
{
    for (unsigned i = 0; i < sim->count; i++)
        for (unsigned k = 0; k < i; k++) {
            struct node *a = &sim->nodes[i], *b = &sim->nodes[k];
            if (!a->group || !b->group || a->part != b->part || a->heard != b->heard)
                continue;
            if (dpl_group_state(a->group) != DPL_GROUP_READY ||
                dpl_group_state(b->group) != DPL_GROUP_READY)
                continue;
            g_autofree char *x = dpl_table_digest(dpl_group_table(a->group), NULL);
            g_autofree char *y = dpl_table_digest(dpl_group_table(b->group), NULL);
            if (strcmp(x, y) != 0)
                blame(sim, "%s and %s differ", a->name, b->name);
        }
}

static void take_leave(struct sim *sim)
{
    for (unsigned i = 0; i < sim->count; i++) {
        struct node *n = &sim->nodes[i];
        if (!n->group || !n->leaves)
            continue;
        crash(sim, n);
        regroup(sim);
    }
}

static bool deliver(struct sim *sim, struct node *n)
{
    if (!n->group || !n->part || n->heard >= n->part->log->len)
        return false;
    hear_one(n, n->part->log->pdata[n->heard++]);
    take_leave(sim);
    check_equal(sim);
    return true;
}

static void step(struct sim *sim)
{
    struct node *n = &sim->nodes[rng_below(&sim->rng, sim->count)];
    unsigned what = rng_below(&sim->rng, 1000);
    if (what < 820) {
        deliver(sim, n);
    } else if (what < 910) {
        if (n->group)
            propose(sim, n);
    } else if (what < 960) {
        if (n->group)
            fence(sim, n);
    } else if (what < 966) {
        sim->crashes += n->group != NULL;
        crash(sim, n);
        regroup(sim);
    } else if (what < 984) {
        if (!n->group) {
            start(sim, n);
            regroup(sim);
        }
    } else if (what < 988) {
        sim->leaves += n->group != NULL;
        if (n->group)
            dpl_group_goodbye(n->group);
    } else {
        for (unsigned i = 0; i < sim->count; i++)
            sim->nodes[i].side = what < 994 ? rng_below(&sim->rng, 2) : 0;
        sim->cuts += what < 994;
        regroup(sim);
    }
    take_leave(sim);
}

static bool all_ready(const struct sim *sim)
{
    for (unsigned i = 0; i < sim->count; i++)
        if (!sim->nodes[i].group || dpl_group_state(sim->nodes[i].group) != DPL_GROUP_READY)
            return false;
    return true;
}

static void settle(struct sim *sim)
{
    for (unsigned i = 0; i < sim->count; i++)
        sim->nodes[i].side = 0;
    for (unsigned again = 0; again < 20; again++) {
        bool more = true;
        for (unsigned i = 0; i < sim->count; i++) {
            struct node *n = &sim->nodes[i];
            if (n->group && dpl_group_state(n->group) == DPL_GROUP_FAILED)
                crash(sim, n);
            if (!n->group)
                start(sim, n);
        }
        regroup(sim);
        take_leave(sim);
        for (unsigned i = 0; more && i < QUIET; i++) {
            more = false;
            for (unsigned k = 0; k < sim->count; k++)
                more |= deliver(sim, &sim->nodes[k]);
        }
        if (all_ready(sim))
            return;
    }
    blame(sim, "with all nodes there changes cannot be made: %s",
          dpl_group_why(sim->nodes[0].group));
}

static void check_done(struct sim *sim)
{
    for (guint i = 0; i < sim->done->len; i++) {
        const struct fact *f = &g_array_index(sim->done, struct fact, i);
        struct dpl_store_item item;
        bool later = false;
        for (guint k = 0; k < sim->done->len; k++) {
            const struct fact *other = &g_array_index(sim->done, struct fact, k);
            later |=
                strcmp(other->name, f->name) == 0 && dpl_version_later(other->version, f->version);
        }
        for (guint k = 0; k < sim->given->len; k++) {
            const struct fact *other = &g_array_index(sim->given, struct fact, k);
            later |=
                strcmp(other->name, f->name) == 0 && dpl_version_later(other->version, f->version);
        }
        bool there = dpl_table_find(dpl_group_table(sim->nodes[0].group), "k", f->name, &item);
        if (there && !dpl_version_later(f->version, item.version))
            continue;
        /* A deletion is one of what was done, or of what was given. */
        bool deleted = false;
        for (guint k = 0; k < sim->given->len; k++) {
            const struct fact *g = &g_array_index(sim->given, struct fact, k);
            deleted |= strcmp(g->name, f->name) == 0 && !g->digest[0] &&
                       !dpl_version_later(f->version, g->version);
        }
        for (guint k = 0; k < sim->unknown->len; k++)
            deleted |= strcmp(g_array_index(sim->unknown, struct fact, k).name, f->name) == 0;
        if (!deleted || (there && !later))
            blame(sim, "%s of version %llu.%llu was done, and is lost", f->name,
                  (unsigned long long)f->version.era, (unsigned long long)f->version.sequence);
    }
}

static bool run(uint64_t seed, struct sim *sum)
{
    struct sim sim = {.rng = {seed}};
    sim.count = 2 + rng_below(&sim.rng, NODES - 1);
    sim.parts = g_ptr_array_new_with_free_func(part_free);
    sim.given = g_array_new(FALSE, FALSE, sizeof(struct fact));
    sim.done = g_array_new(FALSE, FALSE, sizeof(struct fact));
    sim.unknown = g_array_new(FALSE, FALSE, sizeof(struct fact));
    for (unsigned i = 0; i < sim.count; i++) {
        struct node *n = &sim.nodes[i];
        *n = (struct node){.sim = &sim, .id = i + 1};
        g_snprintf(n->name, sizeof n->name, "n%u", i + 1);
        n->book = g_ptr_array_new_with_free_func(record_free);
        start(&sim, n);
    }
    regroup(&sim);
    for (unsigned i = 0; i < STEPS && !sim.failed; i++)
        step(&sim);
    if (!sim.failed)
        settle(&sim);
    if (!sim.failed)
        check_done(&sim);
    for (unsigned i = 0; i < sim.count; i++) {
        crash(&sim, &sim.nodes[i]);
        g_ptr_array_unref(sim.nodes[i].book);
    }
    g_ptr_array_unref(sim.parts);
    g_array_unref(sim.given);
    g_array_unref(sim.done);
    g_array_unref(sim.unknown);
    sum->commits += sim.commits;
    sum->eras += sim.eras;
    sum->fences += sim.fences;
    sum->crashes += sim.crashes;
    sum->cuts += sim.cuts;
    sum->leaves += sim.leaves;
    sum->refused += sim.refused;
    if (sim.failed)
        printf("seed %llu failed\n", (unsigned long long)seed);
    return !sim.failed;
}

static void seeds(void)
{
    struct rng first = rng_start(1);
    struct sim sum = {0};
    unsigned n = rounds(150), failed = 0;
    for (unsigned i = 0; i < n && failed < 5; i++)
        failed += !run(first.state + i, &sum);
    CU_ASSERT_EQUAL(failed, 0);
    printf("%u seeds: %u changes done, %u refused, %u times ready, %u fences, %u crashes, %u cuts, "
           "%u goodbyes\n",
           n, sum.commits, sum.refused, sum.eras, sum.fences, sum.crashes, sum.cuts, sum.leaves);
    if (n >= 100)
        CU_ASSERT_TRUE(sum.commits > n && sum.eras > n && sum.fences > 0 && sum.crashes > 0 &&
                       sum.cuts > 0 && sum.leaves > 0);
}

static const struct unit_test tests[] = {
    {"whatever happens, no change that was done is lost, and no version is given twice", seeds},
};
UNIT_MAIN(tests)
