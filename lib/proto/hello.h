/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How two sides agree on a version and its features, by the rules of doppel-protocol(5). Pure.
 */
#ifndef DPL_PROTO_HELLO_H
#define DPL_PROTO_HELLO_H

#include "lib/proto/message.h"

/* What this side can do: DPL_PROTO_VERSION_MIN and MAX, DPL_FEATURE_ALL, or less in a test. */
struct dpl_hello_range {
    uint32_t version_min, version_max;
    uint64_t features;
};
extern const struct dpl_hello_range dpl_hello_ours;

struct dpl_hello_agreed {
    uint32_t version;
    uint64_t features;
};

/* The acceptor's choice: the highest version of both, the features of both. VERSION if there is
 * none, with both ranges in the text. */
int dpl_hello_choose(const struct dpl_message *hello, const struct dpl_hello_range *ours,
                     struct dpl_hello_agreed *agreed, struct dpl_err *err);
/* The connector's look at the answer: CORRUPT if it chose what was not offered. */
int dpl_hello_check(const struct dpl_message *welcome, const struct dpl_hello_range *ours,
                    struct dpl_hello_agreed *agreed, struct dpl_err *err);

#endif
