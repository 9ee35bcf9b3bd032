/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The begin of a mirror at the target, and what it asks of the replica and the session while it is
 * open.
 */
#include "daemon/apply/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

static int64_t now_of(const struct dpl_engine *e)
{
    return dpl_clock_now_ns(e->clock);
}

static int take_result(struct dpl_engine *e, const struct dpl_message *m, struct dpl_err *err)
{
    struct dpl_mirror_result *r = &e->mirror.result;
    int rc = 0;
    if (r->id == 0) {
        /* The first: from here on it is said to have ended. */
        if (e->mirror.of_object)
            rc = dpl_replica_object_end(e->replica, m->mirror, e->mirror.end, err);
        else if (!e->mirror.test)
            rc = dpl_replica_mirror_end(e->replica, e->mirror.end, err);
        *r = (struct dpl_mirror_result){.id = m->mirror,
                                        .time_ns = (uint64_t)dpl_clock_wall_ns(e->clock),
                                        .kind = e->mirror.kind,
                                        .orphans = e->mirror.orphans,
                                        .test = e->mirror.test,
                                        .objects = m->objects,
                                        .bytes = m->bytes,
                                        .created = m->created,
                                        .changed = m->changed,
                                        .found = m->found,
                                        .removed = m->removed,
                                        .paths = g_byte_array_new()};
    }
    if (rc == 0 && (m->has & DPL_M(DATA)) && r->paths->len + m->data.size <= DPL_MIRROR_RESULT_MAX)
        g_byte_array_append(r->paths, m->data.data, (guint)m->data.size);
    if (rc < 0 || (m->flags & DPL_MIRROR_MORE) || e->mirror.of_object)
        return rc;
    rc = dpl_mirror_result_save(r, e->reserve_fd, err);
    return rc == 0 && r->test ? dpl_mirror_result_list(r, e->reserve_fd, err) : rc;
}

static int call_send(void *self, const struct dpl_message *m, struct dpl_err *err)
{
    struct dpl_engine *e = self;
    int rc = m->type == DPL_MSG_MIRROR_RESULT ? take_result(e, m, err) : 0;
    if (rc < 0)
        return rc;
    if (m->type == DPL_MSG_MIRROR_PROGRESS)
        e->mirror.told_ns = now_of(e);
    rc = dpl_target_say(&e->target, m, now_of(e));
    return rc < 0 ? dpl_err_set(err, DPL_E_NOT_RUNNING, "the source cannot be told") : 0;
}

static void call_want(void *self, struct dpl_view object)
{
    dpl_replica_want(((struct dpl_engine *)self)->replica, object);
}

static void call_came(void *self, struct dpl_view object)
{
    dpl_replica_came(((struct dpl_engine *)self)->replica, object);
}

static void call_record(void *self, const struct dpl_record *record)
{
    struct dpl_engine *e = self;
    dpl_mirror_target_note(e->mirror.target, record);
}

static int open_orphans(struct dpl_engine *e, struct dpl_err *err)
{
    if (e->mirror.orphans_fd >= 0)
        return 0;
    if (mkdirat(e->reserve_fd, "orphans", 0700) < 0 && errno != EEXIST)
        return dpl_err_sys(err, errno, "make the directory for orphans");
    int fd = openat(e->reserve_fd, "orphans", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return dpl_err_sys(err, errno, "open the directory for orphans");
    e->mirror.orphans_fd = fd;
    return 0;
}

static void call_checkpoint(void *self, enum dpl_checkpoint_news news)
{
    struct dpl_kept *kept = &((struct dpl_engine *)self)->mirror.kept;
    if (news == DPL_CHECKPOINT_BEGINS)
        dpl_kept_checkpoint_begins(kept);
    else if (news == DPL_CHECKPOINT_MADE)
        dpl_kept_checkpoint_made(kept);
    else
        dpl_kept_checkpoint_failed(kept);
}

/* Goes on with what an earlier one has compared, if it is the one that the source was told of and
 * nothing has happened since that it does not know; else a new list is begun. */
static int open_kept(struct dpl_engine *e, const struct dpl_message *m, struct dpl_err *err)
{
    uint64_t random[2], cursor = 0;
    struct dpl_reader r;
    struct dpl_replica_status s;
    dpl_replica_status(e->replica, &s);
    dpl_reader_init(&r, m->cursor.data, m->has & DPL_M(CURSOR) ? m->cursor.size : 0);
    if (r.left == sizeof cursor)
        cursor = dpl_reader_u64(&r);
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return dpl_err_sys(err, errno, "getrandom");
    if (cursor != 0 && cursor == dpl_replica_cursor(e->replica) && s.wanted == 0 &&
        dpl_kept_go_on(&e->mirror.kept, e->reserve_fd, cursor))
        return 0;
    dpl_kept_begin(&e->mirror.kept, e->reserve_fd, random[0] | 1, random[1]);
    return 0;
}

static void tell_begin(struct dpl_engine *e, const struct dpl_message *m)
{
    const char *kind = dpl_mirror_kind_text(m->kind);
    g_autofree char *text =
        m->has & DPL_M(OBJECT)      ? g_strdup("of an object that was asked for")
        : !(m->has & DPL_M(CURSOR)) ? g_strdup(kind)
        : e->mirror.kept.loaded > 0
            ? g_strdup_printf("%s, where one stopped: %zu objects need not be compared again", kind,
                              e->mirror.kept.loaded)
            : g_strdup_printf("%s: what one that stopped has compared is not known here", kind);
    dpl_engine_event(e, "mirror-begins", text);
}

/* What is wanted comes with a mirror of the set, whatever its size and time are. */
static void doubt_wanted(struct dpl_engine *e)
{
    GHashTableIter iter;
    gpointer key;
    g_hash_table_iter_init(&iter, dpl_replica_wants(e->replica)->by_id);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        gsize size;
        const void *data = g_bytes_get_data(key, &size);
        dpl_mirror_target_doubt(e->mirror.target, (struct dpl_view){data, size});
    }
}

int dpl_engine_mirror_begin(struct dpl_engine *e, const struct dpl_message *m, struct dpl_err *err)
{
    bool test = m->flags & DPL_MIRROR_TEST, of_object = m->has & DPL_M(OBJECT);
    int64_t share = dpl_doc_int(e->config, "max_delete_percent", 10);
    struct dpl_mirror_target_options options = {
        .apply = dpl_replica_applier(e->replica),
        .places = e->places,
        .place_count = e->place_count,
        .max_delete = share >= 0 && share <= 100 ? (unsigned)share : 10,
        .life = dpl_doc_int(e->config, "life", 0),
        .set_aside = dpl_doc_bool(e->config, "set_aside", false),
        .send = call_send,
        .want = call_want,
        .came = call_came,
        .self = e,
    };
    if (getrandom(&options.seed, sizeof options.seed, 0) != sizeof options.seed)
        return dpl_err_sys(err, errno, "getrandom");
    int rc = test || of_object ? 0 : open_kept(e, m, err);
    if (!test && !of_object) {
        options.kept = &e->mirror.kept;
        options.cursor = e->mirror.kept.cursor;
    }
    if (rc == 0)
        rc = open_orphans(e, err);
    options.orphans_fd = e->mirror.orphans_fd;
    if (rc == 0)
        rc = dpl_mirror_target_open(&e->mirror.target, &options, m, err);
    if (rc < 0)
        return rc;
    e->mirror.test = test;
    e->mirror.of_object = of_object;
    e->mirror.kind = m->kind;
    e->mirror.orphans = m->orphans;
    e->mirror.began_ns = e->mirror.told_ns = now_of(e);
    dpl_mirror_result_clear(&e->mirror.result);
    if (of_object)
        dpl_replica_object_begin(e->replica);
    if (!test && !of_object) {
        doubt_wanted(e);
        rc = dpl_replica_mirror_begin(e->replica, m->mirror, m->kind, options.cursor, err);
    }
    dpl_replica_follow(e->replica, call_record, e);
    dpl_replica_watch(e->replica, call_checkpoint, e);
    tell_begin(e, m);
    dpl_target_moved(&e->target);
    /* The source knows from here on what can be gone on with. */
    return rc < 0 ? rc : dpl_mirror_target_tell(e->mirror.target, err);
}
