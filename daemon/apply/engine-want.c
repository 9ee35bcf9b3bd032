/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the replica wants is asked for.
 */
#include "daemon/apply/engine.h"

enum { WANTED_EACH = 64 }; /* more of them are asked for as a mirror of the set */

static uint32_t want_reason(uint32_t wanted)
{
    return wanted >= DPL_WANT_UNKNOWN && wanted <= DPL_WANT_DIFFERENT ? DPL_WANT_MIRROR
           : wanted == DPL_WANTED_OUTCOME                             ? DPL_WANT_OUTCOME
           : wanted == DPL_WANTED_UNKNOWN                             ? DPL_WANT_UNKNOWN
                                                                      : DPL_WANT_DIFFERENT;
}

/* One after the other; a directory that is here before others, which it may give a name. */
static uint32_t choose_want(const struct dpl_engine *e, struct dpl_view *id)
{
    const struct dpl_wants *wants = dpl_replica_wants(e->replica);
    const struct dpl_objects *objects = dpl_apply_objects(dpl_replica_applier(e->replica));
    GHashTableIter iter;
    gpointer key, value;
    g_hash_table_iter_init(&iter, wants->by_id);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        gsize size;
        const void *data = g_bytes_get_data(key, &size);
        struct dpl_view view = {data, size};
        const struct dpl_object *object = dpl_objects_find(objects, view);
        if (!object || !S_ISDIR(object->type))
            continue;
        *id = view;
        return ((const struct dpl_wanted *)value)->reason;
    }
    return dpl_wants_first(wants, id);
}

void dpl_engine_ask(struct dpl_engine *e, int64_t now)
{
    struct dpl_replica_status s;
    dpl_replica_status(e->replica, &s);
    if (s.wanted == 0 || s.reason || (s.mirror && !e->mirror.of_object) || e->mirror.id) {
        e->mirror.want_told = false;
        return;
    }
    if (e->mirror.want_told || e->target.state != DPL_TARGET_STREAMING)
        return;
    struct dpl_message m = {.type = DPL_MSG_WANT, .has = DPL_M(REASON)};
    m.reason = want_reason(choose_want(e, &m.object));
    if (m.object.size > 0 && s.wanted <= WANTED_EACH)
        m.has |= DPL_M(OBJECT);
    e->mirror.want_told = dpl_target_say(&e->target, &m, now) == 0;
}
