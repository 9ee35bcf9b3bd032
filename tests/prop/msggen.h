/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Random messages of the protocol, valid ones, and samples of each type whose bytes are known.
 */
#ifndef DPL_TESTS_MSGGEN_H
#define DPL_TESTS_MSGGEN_H

#include "lib/proto/message.h"
#include "tests/prop/rng.h"

/* Memory of the message's views: as long as the message is looked at. */
struct msggen {
    uint8_t text[16][512];
    uint8_t data[8192];
    unsigned used;
};

/* The types that there are: answers how many. */
unsigned msggen_types(unsigned types[DPL_MSG_END]);
/* A random valid message of this type. */
void msggen_message(struct rng *r, struct msggen *g, unsigned type, struct dpl_message *message);
/* The same one each time, with every field that the type may have (as far as they go together). */
void msggen_sample(struct msggen *g, unsigned type, struct dpl_message *message);
bool msggen_equal(const struct dpl_message *a, const struct dpl_message *b);

#endif
