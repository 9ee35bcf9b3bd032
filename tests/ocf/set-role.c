/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * set-role STORE SET ROLE [GENERATION]: gives a set another role in a store of which no daemon
 * runs.
 */
#include "daemon/store/store.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    g_autoptr(dpl_store_auto) store = NULL;
    g_autoptr(dpl_doc_auto) doc = NULL;
    struct dpl_store_item item;
    struct dpl_err err = {0};
    if (argc < 4)
        return 2;
    int rc = dpl_store_open(argv[1], &store, &err);
    if (rc == DPL_OK)
        rc = dpl_store_get(store, "set", argv[2], &item, &err);
    if (rc == DPL_OK) {
        doc = dpl_doc_copy(item.doc);
        dpl_doc_set_text(doc, "role", argv[3]);
        if (argc > 4)
            dpl_doc_set_int(doc, "generation", atoi(argv[4]));
        rc = dpl_store_put(store, "set", argv[2], NULL, doc, NULL, &err);
    }
    if (rc < 0)
        fprintf(stderr, "set-role: %s\n", err.text);
    return rc < 0;
}
