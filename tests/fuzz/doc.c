/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Documents: what decodes encodes to the same bytes, and prints.
 */
#include "lib/ctl/doc.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dpl_doc *doc;
    struct dpl_err err;
    if (dpl_doc_decode(data, size, &doc, &err) < 0) {
        g_assert(err.text[0] && !strchr(err.text, '\n'));
        return 0;
    }
    g_autofree uint8_t *again = NULL;
    size_t again_size;
    g_assert(dpl_doc_encode(doc, &again, &again_size, NULL) == 0);
    g_assert(again_size == size && memcmp(again, data, size) == 0);
    g_autofree char *json = dpl_doc_to_json(doc, true), *text = dpl_doc_to_text(doc);
    g_assert(g_utf8_validate(json, -1, NULL) && g_utf8_validate(text, -1, NULL));
    dpl_doc_free(doc);
    return 0;
}
