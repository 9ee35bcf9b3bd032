/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The arena's memory: laid out, and taken over from a process that died at any instruction.
 */
#include "lib/journal/arena-layout.h"

#include <string.h>

enum { PAGE = 4096 };

struct layout {
    uint64_t entries_at, ring_start, buffers_at, bytes;
};

static uint64_t pages(uint64_t bytes)
{
    return (bytes + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

static int lay_out(const struct dpl_arena_sizes *z, struct layout *at, struct dpl_err *err)
{
    bool ok = z->entries >= 2 && z->entries <= 1U << 22 && (z->entries & (z->entries - 1)) == 0 &&
              z->ring_bytes >= PAGE && z->ring_bytes % PAGE == 0 && z->ring_bytes <= 1ULL << 36 &&
              z->buffers <= DPL_ARENA_BUFFERS_MAX && z->buffer_bytes % PAGE == 0;
    if (!ok)
        return dpl_err_set(err, DPL_E_PARAM,
                           "a journal arena of %u entries, a ring of %llu bytes and %u buffers of "
                           "%u bytes cannot be",
                           z->entries, (unsigned long long)z->ring_bytes, z->buffers,
                           z->buffer_bytes);
    at->entries_at = pages(sizeof(struct dpl_arena_shared));
    at->ring_start = at->entries_at + pages(z->entries * sizeof(struct dpl_arena_entry));
    at->buffers_at = at->ring_start + z->ring_bytes;
    at->bytes = at->buffers_at + (uint64_t)z->buffers * z->buffer_bytes;
    return 0;
}

ssize_t dpl_arena_bytes(const struct dpl_arena_sizes *sizes, struct dpl_err *err)
{
    struct layout at;
    int rc = lay_out(sizes, &at, err);
    return rc < 0 ? rc : (ssize_t)at.bytes;
}

/* An empty journal; that it runs comes last. */
static void begin(struct dpl_arena_shared *s, const struct dpl_arena_start *start)
{
    atomic_store(&s->head, 0);
    for (int i = 0; i < DPL_ARENA_PENDING_MAX; i++)
        atomic_store(&s->pending[i].lsn, DPL_ARENA_NONE);
    s->spilled[0] = (struct dpl_arena_spilled){.lsn = start->lsn, .chain = start->chain};
    atomic_store(&s->which, 0);
    s->epoch_tag = start->epoch_tag;
    atomic_store(&s->state, DPL_JOURNAL_RUNS);
}

int dpl_arena_format(void *memory, size_t bytes, const struct dpl_arena_sizes *sizes,
                     const struct dpl_arena_start *start, struct dpl_err *err)
{
    struct layout at;
    int rc = lay_out(sizes, &at, err);
    if (rc < 0)
        return rc;
    if (bytes < at.bytes || start->lsn % DPL_RECORD_ALIGN != 0)
        return dpl_err_set(err, DPL_E_PARAM, "the journal arena does not fit its memory");
    struct dpl_arena_shared *s = memory;
    s->bytes = at.bytes;
    s->ring_bytes = sizes->ring_bytes;
    s->entries = sizes->entries;
    s->buffers = sizes->buffers;
    s->buffer_bytes = sizes->buffer_bytes;
    s->entries_at = at.entries_at;
    s->ring_start = at.ring_start;
    s->buffers_at = at.buffers_at;
    begin(s, start);
    s->magic = DPL_ARENA_MAGIC;
    return 0;
}

static int damaged(struct dpl_err *err, const char *what)
{
    return dpl_err_set(err, DPL_E_CORRUPT, "the journal's shared memory is damaged: %s", what);
}

static int shape_check(const struct dpl_arena_shared *s, size_t bytes, struct dpl_err *err)
{
    struct dpl_arena_sizes sizes = {s->entries, s->ring_bytes, s->buffers, s->buffer_bytes};
    struct layout at;
    if (s->magic != DPL_ARENA_MAGIC)
        return damaged(err, "its magic");
    if (lay_out(&sizes, &at, NULL) < 0 || at.bytes > bytes || at.bytes != s->bytes ||
        at.entries_at != s->entries_at || at.ring_start != s->ring_start ||
        at.buffers_at != s->buffers_at)
        return damaged(err, "its sizes");
    return 0;
}

static bool entry_ok(const struct dpl_arena *a, const struct dpl_arena_entry *e)
{
    const struct dpl_arena_shared *s = a->shared;
    uint32_t state = atomic_load(&e->state);
    bool done = state == DPL_ENTRY_OK || state == DPL_ENTRY_UNKNOWN;
    return e->lsn == a->next_lsn && e->record_bytes >= DPL_RECORD_HEADER &&
           e->record_bytes <= DPL_RECORD_MAX && e->record_bytes % DPL_RECORD_ALIGN == 0 &&
           e->ring_at >= a->ring_head && e->ring_at - a->ring_head < s->ring_bytes &&
           e->ring_room <= s->ring_bytes &&
           e->ring_at + e->ring_room - a->ring_tail <= s->ring_bytes &&
           e->ring_at % s->ring_bytes + e->ring_room <= s->ring_bytes &&
           e->buffer < (int32_t)s->buffers && state >= DPL_ENTRY_RESERVED &&
           state <= DPL_ENTRY_SPILLED &&
           (!done || (e->head_bytes <= e->head_room && e->data_bytes <= e->data_room));
}

/* Walks the records; what follows from them is set in the private view. */
static int entries_attach(struct dpl_arena *a, struct dpl_err *err)
{
    struct dpl_arena_shared *s = a->shared;
    for (uint64_t i = a->tail; i < a->head; i++) {
        struct dpl_arena_entry *e = dpl_arena_entry(a, i);
        if (!entry_ok(a, e))
            return damaged(err, "an entry");
        a->next_lsn += e->record_bytes;
        a->ring_head = e->ring_at + e->ring_room;
        struct dpl_arena_pending *p = NULL;
        if (atomic_load(&e->state) == DPL_ENTRY_RESERVED)
            p = dpl_arena_pending_find(a, e->lsn);
        else if (e->of_lsn != DPL_ARENA_NONE)
            p = dpl_arena_pending_find(a, e->of_lsn);
        if (p)
            atomic_store(&p->lsn, DPL_ARENA_NONE);
        uint32_t state = atomic_load(&e->state);
        if (state != DPL_ENTRY_VOID && state != DPL_ENTRY_SPILLED)
            dpl_arena_buffer_ref(a, e->buffer);
    }
    for (int i = 0; i < DPL_ARENA_PENDING_MAX; i++) {
        struct dpl_arena_pending *p = &s->pending[i];
        if (atomic_load(&p->lsn) == DPL_ARENA_NONE)
            continue;
        if (p->buffer >= (int32_t)s->buffers)
            return damaged(err, "a pending record");
        dpl_arena_buffer_ref(a, p->buffer);
    }
    return 0;
}

int dpl_arena_attach(struct dpl_arena *a, void *memory, size_t bytes, struct dpl_err *err)
{
    memset(a, 0, sizeof *a);
    int rc = shape_check(memory, bytes, err);
    if (rc < 0)
        return rc;
    a->shared = memory;
    const struct dpl_arena_spilled *spilled = dpl_arena_spill_at(a);
    a->head = atomic_load(&a->shared->head);
    a->tail = spilled->tail;
    a->next_lsn = spilled->lsn;
    a->ring_head = a->ring_tail = spilled->ring_at;
    a->buffers = a->buffers_free = a->shared->buffers;
    if (a->head < a->tail || a->head - a->tail > a->shared->entries)
        return damaged(err, "its ends");
    rc = entries_attach(a, err);
    if (rc == 0 && pthread_mutex_init(&a->lock, NULL) != 0)
        rc = dpl_err_set(err, DPL_E_NO_MEMORY, "the journal's lock");
    return rc;
}

int dpl_arena_give_up(void *memory, size_t bytes, struct dpl_err *err)
{
    struct dpl_arena_shared *s = memory;
    int rc = shape_check(s, bytes, err);
    if (rc < 0)
        return rc;
    const struct dpl_arena_spilled last = s->spilled[atomic_load(&s->which) & 1];
    atomic_store(&s->state, DPL_JOURNAL_DAMAGED);
    for (int i = 0; i < DPL_ARENA_PENDING_MAX; i++)
        atomic_store(&s->pending[i].lsn, DPL_ARENA_NONE);
    s->spilled[0] = s->spilled[1] = (struct dpl_arena_spilled){
        .lsn = last.lsn - last.lsn % DPL_RECORD_ALIGN, .chain = last.chain};
    atomic_store(&s->head, 0);
    return 0;
}

int dpl_arena_restart(void *memory, size_t bytes, const struct dpl_arena_start *start,
                      struct dpl_err *err)
{
    int rc = shape_check(memory, bytes, err);
    if (rc == 0)
        begin(memory, start);
    return rc;
}

void dpl_arena_renew(struct dpl_arena *a, const struct dpl_arena_start *start)
{
    pthread_mutex_lock(&a->lock);
    a->head = a->tail = a->ring_head = a->ring_tail = 0;
    a->next_lsn = start->lsn;
    memset(a->refs, 0, sizeof a->refs);
    a->buffers_booked = 0;
    a->buffers_free = a->buffers;
    for (uint32_t i = 0; i < a->buffers; i++)
        a->buffers_free -= a->claimed[i] != 0;
    begin(a->shared, start);
    pthread_mutex_unlock(&a->lock);
}

void dpl_arena_detach(struct dpl_arena *a)
{
    if (!a->shared)
        return;
    pthread_mutex_destroy(&a->lock);
    a->shared = NULL;
}

static void open_add(struct dpl_arena_open *list, size_t max, size_t *count,
                     const struct dpl_arena_open *one)
{
    /* In order of position: records with an entry come in order, pending ones in any. */
    size_t at = *count < max ? *count : max;
    while (at > 0 && list[at - 1].res.lsn > one->res.lsn) {
        if (at < max)
            list[at] = list[at - 1];
        at--;
    }
    if (at < max)
        list[at] = *one;
    ++*count;
}

size_t dpl_arena_open_list(struct dpl_arena *a, struct dpl_arena_open *list, size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&a->lock);
    for (int i = 0; i < DPL_ARENA_PENDING_MAX; i++) {
        const struct dpl_arena_pending *p = &a->shared->pending[i];
        if (atomic_load(&p->lsn) == DPL_ARENA_NONE)
            continue;
        struct dpl_arena_open one = {.res = {p->lsn, DPL_ARENA_NONE, a->shared->epoch_tag},
                                     .tag = p->tag,
                                     .slot = p->slot,
                                     .type = p->type,
                                     .spilled = true,
                                     .buffer = p->buffer};
        open_add(list, max, &count, &one);
    }
    for (uint64_t i = a->tail; i < a->head; i++) {
        const struct dpl_arena_entry *e = dpl_arena_entry(a, i);
        if (atomic_load(&e->state) != DPL_ENTRY_RESERVED)
            continue;
        struct dpl_arena_open one = {.res = {e->lsn, i, a->shared->epoch_tag},
                                     .tag = e->tag,
                                     .slot = e->slot,
                                     .type = e->type,
                                     .buffer = e->buffer};
        open_add(list, max, &count, &one);
    }
    pthread_mutex_unlock(&a->lock);
    return count;
}
