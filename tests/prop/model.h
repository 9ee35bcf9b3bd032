/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A small file system in memory that makes random ops and says them as journal records, and can be
 * compared with a directory on a disk.
 */
#ifndef DPL_TESTS_MODEL_H
#define DPL_TESTS_MODEL_H

#include "lib/journal/record.h"
#include "tests/prop/rng.h"

enum {
    MODEL_OBJECTS = 400,
    MODEL_ENTRIES = 200,
    MODEL_DATA = 20000,
    MODEL_XATTRS = 3,
    MODEL_ROOTS = 2
};

struct model_object {
    bool used;  /* alive: has a name, or is waiting for its drop */
    bool stray; /* has left the set with all beneath it, and waits for its drop */
    struct dpl_oid oid;
    struct dpl_attr attr;
    uint8_t *data;
    char target[16];
    int value[MODEL_XATTRS]; /* 0: not there */
};

struct model_entry {
    int parent, object; /* -1: free */
    char name[4];
};

struct model {
    struct rng rng;
    struct model_object objects[MODEL_OBJECTS];
    int count;
    struct model_entry entries[MODEL_ENTRIES];
    uint64_t clock;
    bool copies; /* make COPY records too */
    /* where records are put */
    void (*emit)(void *self, const struct dpl_record *record);
    void *self;
};

/* Emits the ROOT records. */
void model_init(struct model *m, uint64_t seed);
void model_done(struct model *m);
/* Makes one op, of one or a few records. False if there is no room for more objects. */
bool model_step(struct model *m);
/* Compares with what stands beneath these directories; counts and prints differences. */
unsigned model_compare(struct model *m, const int roots[MODEL_ROOTS]);
/* How many objects wait without a name. */
unsigned model_orphans(const struct model *m);

#endif
