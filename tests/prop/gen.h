/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Random journal records, valid by the format, of every type and outcome.
 */
#ifndef DPL_TESTS_GEN_H
#define DPL_TESTS_GEN_H

#include "lib/journal/record.h"
#include "tests/prop/rng.h"

/* What the record borrows from: must live as long. */
struct gen {
    struct dpl_oid oids[5];
    char texts[8][256];
    uint8_t value[600], xattrs[1200];
    uint8_t *data; /* of data_room bytes, of the caller */
    size_t data_room;
};

/* With this type, or any (0) but OUTCOME. */
void gen_record(struct rng *r, struct gen *g, unsigned type, struct dpl_record *record);
/* Whether both say the same, borrowed bytes compared. */
bool gen_equal(const struct dpl_record *a, const struct dpl_record *b);

#endif
