/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the target says of a mirror.
 */
#include "daemon/link/link.h"
#include "daemon/link/mirror_over.h"

#include <inttypes.h>
#include <string.h>

#define SECOND_NS INT64_C(1000000000)
enum { FOUND_TOLD = 100, PATH_TOLD = 1000 };

static int64_t now_of(const struct dpl_link *link)
{
    return dpl_clock_now_ns(link->clock);
}

/* The first of what a test has found, for people; all of it lies at the target. */
static void take_paths(struct dpl_link_mirror *m, struct dpl_view list)
{
    struct dpl_view path;
    if (!m->found)
        m->found = g_ptr_array_new_with_free_func(g_free);
    while (m->found->len < FOUND_TOLD && dpl_mirror_paths_next(&list, &path) > 0)
        if (path.size > 2 && path.size < PATH_TOLD && path.data[1] == ' ')
            g_ptr_array_add(m->found, g_strndup((const char *)path.data, path.size));
}

/* What a test has found, and where. */
static void put_comparison(struct dpl_link_mirror *m, struct dpl_doc *last,
                           const struct dpl_message *r)
{
    dpl_doc_set_int(last, "unsettled", (int64_t)r->unsettled);
    dpl_doc_set_bool(last, "equal", r->created + r->changed + r->found + r->unsettled == 0);
    if (r->has & DPL_M(EPOCH))
        dpl_doc_set_int(last, "epoch", (int64_t)MIN(r->epoch, INT64_MAX));
    if (r->has & DPL_M(LSN))
        dpl_doc_set_int(last, "lsn", (int64_t)MIN(r->lsn, INT64_MAX));
    struct dpl_doc *list = dpl_doc_set_list(last, "found");
    for (guint i = 0; m->found && i < m->found->len; i++) {
        const char *path = m->found->pdata[i];
        struct dpl_doc *row = dpl_doc_add_tree(list);
        dpl_doc_set_text(row, "what", dpl_mirror_found_text(path[0]));
        dpl_doc_set_text(row, "path", path + 2);
    }
}

static void take_result(struct dpl_link *link, const struct dpl_message *r)
{
    struct dpl_link_mirror *m = &link->mirror;
    const struct {
        const char *key;
        uint64_t value;
    } figures[] = {{"objects", r->objects}, {"bytes", r->bytes},   {"created", r->created},
                   {"changed", r->changed}, {"orphans", r->found}, {"orphans_gone", r->removed}};
    if (m->run.test && (r->has & DPL_M(DATA)))
        take_paths(m, r->data);
    if (r->flags & DPL_MIRROR_MORE)
        return; /* the paths are kept at the target */
    if (m->run.object) {
        dpl_link_mirror_over(link);
        dpl_link_mirror_set_state(m, "idle", NULL);
        m->run = (struct dpl_link_wish){0};
        dpl_link_event(link, "mirror-ended", "of an object that the target asked for");
        return;
    }
    dpl_doc_free(m->last);
    m->last = dpl_doc_new();
    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++)
        dpl_doc_set_int(m->last, figures[i].key, (int64_t)figures[i].value);
    dpl_doc_set_int(m->last, "number", ++m->ended);
    dpl_doc_set_int(m->last, "wish", m->run.number);
    dpl_doc_set_text(m->last, "kind", dpl_link_kind_text(m->run.kind));
    dpl_doc_set_text(m->last, "rule", dpl_link_orphans_text(m->run.orphans));
    dpl_doc_set_bool(m->last, "test", m->run.test);
    dpl_doc_set_int(m->last, "seconds", (now_of(link) - m->began_ns) / SECOND_NS);
    dpl_doc_set_int(m->last, "at_s", dpl_clock_wall_ns(link->clock) / SECOND_NS);
    if (r->has & DPL_M(UNSETTLED))
        put_comparison(m, m->last, r);
    g_autofree char *text =
        g_strdup_printf("%s%" PRIu64 " objects, %" PRIu64 " made, %" PRIu64 " changed, %" PRIu64
                        " orphans, %" PRIu64 " of them gone, in %" PRId64 " s",
                        m->run.test ? "a test: " : "", r->objects, r->created, r->changed, r->found,
                        r->removed, (now_of(link) - m->began_ns) / SECOND_NS);
    dpl_link_mirror_over(link);
    /* An ack from before this says that a mirror is needed: the next one follows at once. */
    link->source.acked &= m->run.test;
    m->unfinished &= m->run.test;
    if (!m->run.test)
        link->source.cursor_size = 0;
    dpl_link_mirror_set_state(m, "idle", NULL);
    /* One that is asked for at once again is not begun at once again. */
    m->again_ns = now_of(link) + (m->failures++ > 0 ? DPL_LINK_MIRROR_AGAIN_NS : 0);
    dpl_link_mirror_tell_over(link, "mirror-ended", text);
    m->run = (struct dpl_link_wish){0};
}

static void take_stop(struct dpl_link *link, const struct dpl_message *stop)
{
    char text[480] = "";
    if (stop->has & DPL_M(TEXT))
        dpl_view_copy_text(stop->text, text, sizeof text);
    g_autofree char *why = g_strdup_printf("the target stops the mirror: %s", text);
    if (link->mirror.run.object)
        dpl_link_mirror_object_failed(link, why);
    else if (stop->reason == DPL_MIRROR_STOP_GUARD || stop->reason == DPL_MIRROR_STOP_OPERATOR)
        dpl_link_mirror_refused(link, why);
    else
        dpl_link_mirror_failed(link, why);
}

static void take_want(struct dpl_link *link, const struct dpl_message *want)
{
    struct dpl_link_mirror *m = &link->mirror;
    bool one = (want->has & DPL_M(OBJECT)) && want->object.size <= sizeof m->want.bytes;
    if (!m->object_wanted)
        dpl_link_event(link, "object-wanted",
                       one ? "the target asks for an object"
                           : "the target asks for what it has not: a mirror");
    m->object_wanted = true;
    m->all_wanted |= !one;
    if (!one)
        return;
    memcpy(m->want.bytes, want->object.data, want->object.size);
    m->want.size = (uint8_t)want->object.size;
}

void dpl_link_mirror_take(struct dpl_link *link, const struct dpl_message *message)
{
    struct dpl_link_mirror *m = &link->mirror;
    struct dpl_err err = {0};
    if (message->type == DPL_MSG_WANT) {
        take_want(link, message);
        return;
    }
    if (!m->source || message->mirror != m->id)
        return; /* of one that is not open any more */
    switch (message->type) {
    case DPL_MSG_MIRROR_NEED:
        if (dpl_mirror_source_need(m->source, message, &err) < 0) {
            dpl_link_mirror_send_stop(link, DPL_MIRROR_STOP_BROKEN);
            dpl_link_mirror_failed(link, err.text);
        }
        break;
    case DPL_MSG_MIRROR_PROGRESS:
        if (!m->run.test)
            dpl_source_take_cursor(&link->source, message);
        m->objects_there = message->objects;
        if (message->bytes >= m->taken_bytes && message->bytes <= m->sent_bytes)
            m->taken_bytes = message->bytes;
        if ((message->has & DPL_M(FLAGS)) && (message->flags & DPL_MIRROR_MORE)) {
            m->end_sent = false;
            m->walked_ns = 0;
        }
        break;
    case DPL_MSG_MIRROR_RESULT:
        take_result(link, message);
        break;
    case DPL_MSG_MIRROR_STOP:
        take_stop(link, message);
        break;
    default:
        break;
    }
    link->changed = true;
}
