/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/replica-source.h"

#include "lib/journal/crc32c.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct source source;
struct model model;

static void too_small(const char *what)
{
    printf("%s\n", what);
    exit(1);
}

static void on_record(void *self, const struct dpl_record *record)
{
    (void)self;
    uint8_t *body = source.bytes + source.size + DPL_RECORD_HEADER;
    ssize_t n = dpl_record_encode(record, body, MODEL_DATA + 4096, NULL);
    if (n < 0 || source.count == SOURCE_RECORDS || source.size > SOURCE_BYTES)
        too_small("the journal is too small");
    struct dpl_record_header h = {
        .size = (uint32_t)dpl_record_align((uint64_t)DPL_RECORD_HEADER + (uint64_t)n),
        .lsn = source.size,
        .epoch_tag = dpl_epoch_tag(&source.epoch),
        .time_ns = 1,
        .body_bytes = (uint32_t)n,
        .body_crc = dpl_crc32c(0, body, (size_t)n),
        .chain = source.chain[source.count],
        .type = record->type,
        .outcome = record->outcome,
    };
    memset(body + n, 0, h.size - DPL_RECORD_HEADER - (size_t)n);
    dpl_record_header_encode(&h, source.bytes + source.size);
    source.size += h.size;
    source.at[++source.count] = source.size;
    source.chain[source.count] = h.crc;
}

bool source_grow(void)
{
    if (source.steps == SOURCE_STEPS || !model_step(&model))
        return false;
    source.step_at[++source.steps] = source.size;
    return true;
}

void source_init(uint64_t seed)
{
    source.bytes = malloc(SOURCE_BYTES + MODEL_DATA + 8192);
    source.epoch = (struct dpl_epoch){.number = 4, .id = {4, 2}, .set = "mail"};
    source.chain[0] = dpl_epoch_chain(&source.epoch);
    model.emit = on_record;
    model_init(&model, seed);
    source.step_at[0] = source.size;
}

size_t source_index(uint64_t lsn)
{
    size_t i = 0;
    while (i < source.count && source.at[i] < lsn)
        i++;
    if (source.at[i] != lsn)
        too_small("no record begins there");
    return i;
}

static void path_of(char *path, size_t room, const char *dir, const char *name)
{
    snprintf(path, room, "%s/%s", dir, name);
}

void source_send_start(struct dpl_channel *channel, const char *dir)
{
    static const char *const roots[MODEL_ROOTS] = {"one", "two"};
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_doc *start = dpl_doc_set_tree(doc, "start");
    struct dpl_doc *allowed = dpl_doc_set_list(start, "target_roots");
    char path[400];
    dpl_doc_set_text(start, "set", "mail");
    dpl_doc_set_text(start, "node", "n1");
    dpl_doc_set_int(start, "segment_bytes", DPL_SEGMENT_MIN);
    dpl_doc_set_int(start, "checkpoint_bytes", 300000);
    dpl_doc_set_int(start, "checkpoint_ms", 40);
    dpl_doc_set_int(start, "min_free_bytes", 1 << 20);
    dpl_doc_set_bool(start, "allow_setid", true);
    dpl_doc_set_bool(start, "by_number", true);
    for (int i = 0; i < MODEL_ROOTS; i++) {
        path_of(path, sizeof path, dir, roots[i]);
        dpl_doc_add_text(allowed, path);
    }
    if (dpl_channel_send(channel, doc, NULL, 0, NULL) < 0)
        too_small("start cannot be sent");
}

bool source_equal(struct model *m, const char *dir)
{
    int roots[MODEL_ROOTS];
    char path[400];
    path_of(path, sizeof path, dir, "one");
    roots[0] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    path_of(path, sizeof path, dir, "two");
    roots[1] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    unsigned bad = model_compare(m, roots);
    close(roots[0]);
    close(roots[1]);
    return bad == 0;
}
