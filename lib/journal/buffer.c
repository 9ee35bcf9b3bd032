/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The pool of buffers. What is in use follows from records (shared) and from the slots' claims
 * (told by the caller), so nothing of it is kept in shared memory, and nothing can be half done
 * there.
 *
 * buffers_booked counts the claimed buffers that a record refers to: each of their threads will
 * need another one. A reservation by reference is made only while more are free than booked; so
 * swap finds one.
 */
#include "lib/journal/arena-layout.h"

static bool in_use(const struct dpl_arena *arena, int buffer)
{
    return arena->claimed[buffer] || arena->refs[buffer] > 0;
}

bool dpl_arena_buffer_can_ref(const struct dpl_arena *arena, int buffer)
{
    if (buffer < 0 || (uint32_t)buffer >= arena->buffers)
        return false;
    if (!arena->claimed[buffer] || arena->refs[buffer] > 0)
        return true;
    return arena->buffers_free > arena->buffers_booked;
}

void dpl_arena_buffer_ref(struct dpl_arena *arena, int buffer)
{
    if (buffer < 0)
        return;
    if (!in_use(arena, buffer))
        arena->buffers_free--;
    if (arena->refs[buffer]++ == 0 && arena->claimed[buffer])
        arena->buffers_booked++;
}

void dpl_arena_buffer_unref(struct dpl_arena *arena, int buffer)
{
    if (buffer < 0)
        return;
    if (--arena->refs[buffer] == 0 && arena->claimed[buffer])
        arena->buffers_booked--;
    if (!in_use(arena, buffer))
        arena->buffers_free++;
}

static void claim(struct dpl_arena *arena, int buffer)
{
    if (arena->claimed[buffer])
        return;
    if (!in_use(arena, buffer))
        arena->buffers_free--;
    arena->claimed[buffer] = 1;
    if (arena->refs[buffer] > 0)
        arena->buffers_booked++;
}

static void unclaim(struct dpl_arena *arena, int buffer)
{
    if (!arena->claimed[buffer])
        return;
    arena->claimed[buffer] = 0;
    if (arena->refs[buffer] > 0)
        arena->buffers_booked--;
    if (!in_use(arena, buffer))
        arena->buffers_free++;
}

static int take(struct dpl_arena *arena)
{
    for (int i = 0; (uint32_t)i < arena->buffers; i++)
        if (!in_use(arena, i)) {
            claim(arena, i);
            return i;
        }
    return -1;
}

int dpl_arena_buffer_take(struct dpl_arena *arena)
{
    pthread_mutex_lock(&arena->lock);
    int buffer = arena->buffers_free > arena->buffers_booked ? take(arena) : -1;
    pthread_mutex_unlock(&arena->lock);
    return buffer;
}

int dpl_arena_buffer_swap(struct dpl_arena *arena, int buffer)
{
    if (buffer < 0 || (uint32_t)buffer >= arena->buffers)
        return -1;
    pthread_mutex_lock(&arena->lock);
    if (arena->refs[buffer] > 0) {
        int other = take(arena);
        if (other >= 0)
            unclaim(arena, buffer);
        buffer = other;
    }
    pthread_mutex_unlock(&arena->lock);
    return buffer;
}

void dpl_arena_buffer_claim(struct dpl_arena *arena, int buffer)
{
    if (buffer < 0 || (uint32_t)buffer >= arena->buffers)
        return;
    pthread_mutex_lock(&arena->lock);
    claim(arena, buffer);
    pthread_mutex_unlock(&arena->lock);
}

void dpl_arena_buffer_release(struct dpl_arena *arena, int buffer)
{
    if (buffer < 0 || (uint32_t)buffer >= arena->buffers)
        return;
    pthread_mutex_lock(&arena->lock);
    unclaim(arena, buffer);
    pthread_mutex_unlock(&arena->lock);
}

void *dpl_arena_buffer(const struct dpl_arena *arena, int buffer, size_t *bytes)
{
    if (buffer < 0 || (uint32_t)buffer >= arena->buffers)
        return NULL;
    struct dpl_arena_shared *s = arena->shared;
    if (bytes)
        *bytes = s->buffer_bytes;
    return (char *)s + s->buffers_at + (size_t)buffer * s->buffer_bytes;
}
