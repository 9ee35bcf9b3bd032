/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * old-keys KEY CERT SITE NODE DAYS: makes a node's key and certificate that end in DAYS days, and
 * leaves the authority out, so that nobody can renew them.
 */
#include "lib/tls/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct dpl_err err = {0};
    if (argc != 6)
        return 2;
    struct dpl_keys_at at = {argv[1], argv[2]};
    int64_t made_s = (int64_t)time(NULL) - (DPL_CERT_NODE_DAYS - atoi(argv[5])) * INT64_C(86400);
    int rc = dpl_keys_init(&at, argv[3], argv[4], made_s, &err);
    g_autofree char *dir = g_path_get_dirname(argv[1]);
    g_autofree char *authority = g_build_filename(dir, "site.key", NULL);
    if (rc < 0 || unlink(authority) < 0) {
        fprintf(stderr, "old-keys: %s\n", rc < 0 ? err.text : "there is no authority");
        return 1;
    }
    return 0;
}
