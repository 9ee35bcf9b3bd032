/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is said of mirrors to people.
 */
#include "daemon/link/link.h"
#include "daemon/link/mirror_run.h"

#define SECOND_NS INT64_C(1000000000)

const char *dpl_link_kind_text(uint32_t kind)
{
    static const char *const texts[] = {"?", "full", "difference", "checksum"};
    return texts[kind < G_N_ELEMENTS(texts) ? kind : 0];
}

const char *dpl_link_orphans_text(uint32_t orphans)
{
    static const char *const texts[] = {"?", "keep", "delete", "move", "list"};
    return texts[orphans < G_N_ELEMENTS(texts) ? orphans : 0];
}

static void put_rate(struct dpl_link_mirror *m, struct dpl_doc *doc, uint64_t objects, int64_t now)
{
    int64_t passed = now - m->began_ns;
    dpl_doc_set_int(doc, "seconds", passed / SECOND_NS);
    if (now - m->rate_ns >= SECOND_NS) {
        m->rate_bytes =
            (m->sent_bytes - m->rate_from) * 1000 / (uint64_t)((now - m->rate_ns) / 1000000);
        m->rate_from = m->sent_bytes;
        m->rate_ns = now;
    }
    dpl_doc_set_int(doc, "rate_bytes_per_s", (int64_t)m->rate_bytes);
    if (m->objects_all == 0)
        return;
    uint64_t all = m->objects_all > objects ? m->objects_all : objects + 1;
    dpl_doc_set_int(doc, "objects_all", (int64_t)all);
    if (objects > 0 && passed > SECOND_NS)
        dpl_doc_set_int(
            doc, "left_s",
            (int64_t)((double)(passed / SECOND_NS) * (double)(all - objects) / (double)objects));
}

static int64_t percent(const struct dpl_link_mirror *m, uint64_t objects)
{
    uint64_t all = m->objects_all > objects ? m->objects_all : objects + 1;
    return m->end_sent ? 99 : (int64_t)(objects * 99 / all);
}

void dpl_link_mirror_status(struct dpl_link *link, struct dpl_doc *status, int64_t now)
{
    struct dpl_link_mirror *m = &link->mirror;
    struct dpl_mirror_count count = {0};
    bool online = link->source.state != DPL_SOURCE_OFFLINE;
    dpl_doc_set_bool(status, "mirroring",
                     (m->source && !m->run.test) || /* a test changes nothing */
                         (online && (link->source.flags & DPL_STATE_MIRROR)));
    struct dpl_doc *doc = dpl_doc_set_tree(status, "mirror");
    dpl_doc_set_text(doc, "state", m->state[0] ? m->state : "idle");
    if (m->why[0])
        dpl_doc_set_text(doc, "why", m->why);
    if (m->asks && link->source.told == DPL_COMPARE_DISK)
        dpl_doc_set_text(doc, "needs", " --accept-filesystem");
    if (m->source) {
        dpl_mirror_source_count(m->source, &count);
        if (!m->run.test)
            dpl_doc_set_int(status, "mirror_percent", percent(m, count.objects));
        dpl_doc_set_text(doc, "kind", dpl_link_kind_text(m->run.kind));
        dpl_doc_set_text(doc, "orphans", dpl_link_orphans_text(m->run.orphans));
        dpl_doc_set_bool(doc, "test", m->run.test);
        dpl_doc_set_int(doc, "objects", (int64_t)count.objects);
        dpl_doc_set_int(doc, "objects_at_target", (int64_t)m->objects_there);
        dpl_doc_set_int(doc, "directories_waiting", (int64_t)count.waiting);
        dpl_doc_set_int(doc, "read_bytes", (int64_t)count.bytes_read);
        dpl_doc_set_int(doc, "content_bytes", (int64_t)count.bytes_sent);
        dpl_doc_set_int(doc, "sent_bytes", (int64_t)m->sent_bytes);
        put_rate(m, doc, count.objects, now);
    }
    if (m->last)
        dpl_doc_set(doc, "last", dpl_doc_copy(m->last));
}
