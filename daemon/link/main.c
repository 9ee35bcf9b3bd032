/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-link: sends the journal of one set to its target. Started by doppeld, with the channel to
 * it on descriptor 3; see doppel-link(8).
 */
#include "daemon/link/link.h"
#include "daemon/link/rights.h"
#include "lib/ctl/duty.h"

#include <stdio.h>
#include <string.h>

/* A signal that comes just before the wait is seen after it. */
#define WAIT_NS INT64_C(500000000)

static volatile sig_atomic_t told;

static int run(struct dpl_err *err)
{
    struct dpl_link link;
    dpl_link_init(&link, dpl_channel_new(DPL_CHANNEL_FD), &dpl_clock_system);
    int rc = 1;
    while (rc > 0) {
        if (told)
            dpl_link_stop(&link);
        rc = dpl_link_turn(&link, WAIT_NS, err);
    }
    dpl_link_done(&link);
    return rc;
}

int main(int argc, char **argv)
{
    struct dpl_err err = {0};
    const char *set;
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("doppel-link %s\n", PACKAGE_VERSION);
        return 0;
    }
    int rc = dpl_duty_begin(argc, argv, "doppel-link", &told, &set, &err);
    if (rc == 0)
        rc = dpl_link_rights_drop(&err);
    if (rc == 0)
        rc = run(&err);
    if (rc == 0)
        return 0;
    fprintf(stderr, "doppel-link: set \"%s\": %s\n", set, err.text);
    return dpl_err_cli_exit(rc);
}
