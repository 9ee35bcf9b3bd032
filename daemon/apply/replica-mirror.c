/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a mirror means for the replica as a whole: from when to when it is not consistent, durably.
 */
#include "daemon/apply/replica-private.h"
#include "lib/proto/message.h"
#include "lib/wire/writer.h"

static void put_cursor(struct dpl_replica_state *s, uint64_t cursor)
{
    struct dpl_writer w;
    dpl_writer_init(&w, s->cursor, sizeof s->cursor);
    dpl_writer_u64(&w, cursor);
    s->cursor_bytes = w.used;
}

uint64_t dpl_replica_cursor(const struct dpl_replica *r)
{
    struct dpl_reader in;
    if (r->state.mirror == 0 || r->state.mirror_end.epoch != 0 || r->state.cursor_bytes != 8)
        return 0;
    dpl_reader_init(&in, r->state.cursor, r->state.cursor_bytes);
    return dpl_reader_u64(&in);
}

void dpl_replica_mirror_void(struct dpl_replica *r)
{
    r->state.cursor_bytes = 0;
}

void dpl_replica_watch(struct dpl_replica *r,
                       void (*news)(void *self, enum dpl_checkpoint_news news), void *self)
{
    r->on_checkpoint = news;
    r->on_checkpoint_self = self;
}

int dpl_replica_mirror_begin(struct dpl_replica *r, uint64_t id, uint32_t kind, uint64_t cursor,
                             struct dpl_err *err)
{
    put_cursor(&r->state, cursor);
    r->state.flags |= DPL_REPLICA_NEEDS_MIRROR;
    r->state.flags &= ~(uint32_t)DPL_REPLICA_CLEAN;
    r->state.reason = DPL_COMPARE_UNFINISHED;
    r->state.mirror = id;
    r->state.mirror_kind = kind;
    r->state.mirror_end = (struct dpl_position){0};
    int rc = dpl_replica_save(r, err);
    if (rc < 0)
        return rc;
    /* All that is asked for comes with it. What is asked for from here on is not. */
    dpl_wants_clear(&r->wants);
    r->mirroring = true;
    return 0;
}

int dpl_replica_mirror_end(struct dpl_replica *r, struct dpl_position end, struct dpl_err *err)
{
    r->mirroring = false;
    int rc = dpl_replica_checkpoint(r, err);
    if (rc < 0)
        return rc;
    r->state.flags &= ~(uint32_t)(DPL_REPLICA_NEEDS_MIRROR | DPL_REPLICA_LOST_MAP);
    r->state.reason = 0;
    r->state.mirror_end = end;
    dpl_replica_mirror_void(r);
    dpl_replica_mirror_settle(r, r->state.checkpoint);
    return dpl_replica_save(r, err);
}

void dpl_replica_object_begin(struct dpl_replica *r)
{
    g_clear_pointer(&r->wanted_again, g_hash_table_destroy);
    r->wanted_again =
        g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
}

void dpl_replica_want(struct dpl_replica *r, struct dpl_view object)
{
    dpl_wants_add(&r->wants, object, DPL_WANT_MIRROR, r->objects->now);
}

void dpl_replica_came(struct dpl_replica *r, struct dpl_view object)
{
    g_autoptr(GBytes) id = g_bytes_new(object.data, object.size);
    /* A record has asked for it since: what came may be older. */
    if (!r->wanted_again || !g_hash_table_contains(r->wanted_again, id))
        dpl_wants_remove(&r->wants, object);
}

/* That it is not consistent before the end is durable before the last want goes. */
int dpl_replica_object_end(struct dpl_replica *r, uint64_t id, struct dpl_position end,
                           struct dpl_err *err)
{
    g_clear_pointer(&r->wanted_again, g_hash_table_destroy);
    r->state.mirror = id;
    r->state.mirror_kind = DPL_MIRROR_CHECKSUM;
    r->state.mirror_end = end;
    int rc = dpl_replica_save(r, err);
    if (rc == 0)
        rc = dpl_replica_checkpoint(r, err);
    if (rc < 0)
        return rc;
    dpl_replica_mirror_settle(r, r->state.checkpoint);
    return dpl_replica_save(r, err);
}

void dpl_replica_mirror_left(struct dpl_replica *r)
{
    g_clear_pointer(&r->wanted_again, g_hash_table_destroy);
    r->mirroring = false;
}

void dpl_replica_mirror_settle(struct dpl_replica *r, struct dpl_position checkpoint)
{
    if (r->state.mirror == 0 || r->state.mirror_end.epoch == 0 ||
        dpl_position_below(checkpoint, r->state.mirror_end))
        return;
    r->state.mirror = 0;
    r->state.mirror_kind = 0;
    r->state.mirror_end = (struct dpl_position){0};
}

void dpl_replica_changed(struct dpl_replica *r, uint64_t bytes)
{
    if (r->since_bytes == 0)
        r->checkpoint_ns = dpl_clock_now_ns(r->options.clock);
    r->since_bytes += bytes;
}

void dpl_replica_follow(struct dpl_replica *r,
                        void (*applied)(void *self, const struct dpl_record *record), void *self)
{
    r->on_record = applied;
    r->on_record_self = self;
}

struct dpl_apply *dpl_replica_applier(struct dpl_replica *r)
{
    return r->apply;
}
