/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A value of a document as it lies in memory, for the files of doc.h alone.
 */
#ifndef DPL_CTL_DOC_PRIVATE_H
#define DPL_CTL_DOC_PRIVATE_H

#include "lib/ctl/doc.h"

struct dpl_doc {
    enum dpl_doc_kind kind;
    bool boolean;
    char *key; /* in the tree that holds it; else NULL */
    union {
        int64_t integer;
        struct {
            char *text;
            size_t size;
        };
        struct {
            struct dpl_doc **items;
            size_t count;
            size_t room;
        };
    };
};

/* An empty value of that kind. */
struct dpl_doc *dpl_doc_make(enum dpl_doc_kind kind);
/* At the end, without a look at what is there. */
void dpl_doc_append(struct dpl_doc *parent, struct dpl_doc *value);

#endif
