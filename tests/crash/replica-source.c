/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/replica-source.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct steps steps;
struct model model;

bool source_grow(void)
{
    if (steps.count == SOURCE_STEPS || !model_step(&model))
        return false;
    steps.at[++steps.count] = source.size;
    return true;
}

void source_init(uint64_t seed)
{
    const struct dpl_epoch epoch = {.number = 4, .id = {4, 2}, .set = "mail"};
    feed_begin(&epoch);
    model.emit = feed_record;
    model_init(&model, seed);
    steps.at[0] = source.size;
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
    if (dpl_channel_send(channel, doc, NULL, 0, NULL) < 0) {
        printf("start cannot be sent\n");
        exit(1);
    }
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
