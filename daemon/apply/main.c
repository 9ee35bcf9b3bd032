/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-replica: holds the replica of one set. Started by doppeld, with the channel to it on
 * descriptor 3; see doppel-replica(8).
 */
#include "daemon/apply/engine.h"
#include "lib/ctl/duty.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static volatile sig_atomic_t told;

static int run(struct dpl_err *err)
{
    struct dpl_engine engine;
    dpl_engine_init(&engine, dpl_channel_new(DPL_CHANNEL_FD), &dpl_clock_system);
    int rc = 1;
    while (rc > 0) {
        if (told)
            dpl_engine_stop(&engine);
        rc = dpl_engine_turn(&engine, err);
    }
    dpl_engine_done(&engine);
    return rc;
}

int main(int argc, char **argv)
{
    struct dpl_err err = {0};
    const char *set;
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("doppel-replica %s\n", PACKAGE_VERSION);
        return 0;
    }
    umask(0); /* modes are the source's */
    int rc = dpl_duty_begin(argc, argv, "doppel-replica", &told, &set, &err);
    if (rc == 0)
        rc = run(&err);
    if (rc == 0)
        return 0;
    fprintf(stderr, "doppel-replica: set \"%s\": %s\n", set, err.text);
    return dpl_err_cli_exit(rc);
}
