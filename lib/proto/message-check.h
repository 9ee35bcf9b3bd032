/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to lib/proto: single fields and their bounds.
 */
#ifndef DPL_PROTO_MESSAGE_CHECK_H
#define DPL_PROTO_MESSAGE_CHECK_H

#include "lib/proto/message.h"
#include "lib/wire/writer.h"

enum dpl_payload {
    DPL_PAYLOAD_NONE,
    DPL_PAYLOAD_RECORDS,
    DPL_PAYLOAD_ENTRIES,
    DPL_PAYLOAD_ITEM,
    DPL_PAYLOAD_SUMS,
    DPL_PAYLOAD_RANGES,
    DPL_PAYLOAD_CONTENT,
    DPL_PAYLOAD_PATHS,
    DPL_PAYLOAD_RULES,
    DPL_PAYLOAD_FILES,
    DPL_PAYLOAD_DOCUMENT,
};

/* The index of a tag, or DPL_MFIELD_COUNT. */
unsigned dpl_mfield_find(unsigned tag);
size_t dpl_mfield_bytes(const struct dpl_message *message, unsigned index);
void dpl_mfield_put(struct dpl_writer *w, const struct dpl_message *message, unsigned index,
                    bool with_data);
/* 0, or CORRUPT if the size cannot be. */
int dpl_mfield_get(struct dpl_message *message, unsigned index, struct dpl_view view);
bool dpl_mfield_ok(const struct dpl_message *message, unsigned index);

/* DATA is what this message carries; fields that belong together are there together. */
bool dpl_payload_ok(const struct dpl_message *message, enum dpl_payload payload);
bool dpl_message_agrees(const struct dpl_message *message);

#endif
