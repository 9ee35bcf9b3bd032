/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * set-role STATE_DIR SET ROLE [GENERATION [KEY=TEXT...]]: gives a set another role, and texts, in
 * the store of a stand-alone server whose daemon does not run, and in what agents read. A set that
 * is not there is made, with nothing else in it.
 */
#include "daemon/store/published.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

static int ended;

static void done(void *self, int rc, struct dpl_store_version version, const struct dpl_err *err)
{
    (void)version;
    ended = rc;
    if (rc < 0)
        *(struct dpl_err *)self = *err;
}

static int set_role(struct dpl_store *store, char **argv, struct dpl_err *err)
{
    struct dpl_store_item item;
    int rc = dpl_store_get(store, "set", argv[2], &item, err);
    if (rc < 0 && rc != DPL_E_NOT_FOUND)
        return rc;
    g_autoptr(dpl_doc_auto) doc = rc < 0 ? dpl_doc_new() : dpl_doc_copy(item.doc);
    dpl_doc_set_text(doc, "role", argv[3]);
    if (argv[4])
        dpl_doc_set_int(doc, "generation", atoi(argv[4]));
    for (int i = 5; argv[4] && argv[i]; i++) {
        g_auto(GStrv) pair = g_strsplit(argv[i], "=", 2);
        if (pair[0] && pair[1])
            dpl_doc_set_text(doc, pair[0], pair[1]);
    }
    dpl_store_put(store, "set", argv[2], NULL, doc, done, err);
    return ended;
}

int main(int argc, char **argv)
{
    g_autoptr(dpl_store_auto) store = NULL;
    struct dpl_err err = {0};
    struct utsname host;
    if (argc < 4 || uname(&host) < 0)
        return 2;
    g_autofree char *dir = g_build_filename(argv[1], "store", NULL);
    g_autofree char *sets = g_build_filename(argv[1], "set", NULL);
    int rc = dpl_store_open(dir, host.nodename, &store, &err);
    if (rc == 0) {
        dpl_store_start_alone(store);
        rc = dpl_published_begin(store, sets, NULL, &err);
    }
    if (rc == 0)
        rc = set_role(store, argv, &err);
    if (rc < 0)
        fprintf(stderr, "set-role: %s\n", err.text);
    return rc < 0;
}
