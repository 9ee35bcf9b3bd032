/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-replica: holds the replica of one set. Started by doppeld, with the channel to it on
 * descriptor 3; see doppel-replica(8).
 */
#include "daemon/apply/engine.h"
#include "lib/confine/confine.h"
#include "lib/ctl/duty.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A signal that comes just before the wait is seen after it. */
#define WAIT_NS INT64_C(1000000000)

static volatile sig_atomic_t told;

/* Owners, modes, names, attributes, devices: what it takes to make files as the source has them. */
static int drop_rights(struct dpl_err *err)
{
    static const int kept[] = {CAP_CHOWN,     CAP_DAC_OVERRIDE,    CAP_DAC_READ_SEARCH, CAP_FOWNER,
                               CAP_FSETID,    CAP_LINUX_IMMUTABLE, CAP_MKNOD,           CAP_SETFCAP,
                               CAP_SYS_ADMIN, CAP_SYS_RESOURCE};
    uint64_t mask = 0;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        mask |= UINT64_C(1) << kept[i];
    int rc = dpl_confine_caps(mask, err);
    return rc < 0 ? rc : dpl_confine_calls(DPL_CONFINE_WRITER, err);
}

static int run(struct dpl_err *err)
{
    struct dpl_engine engine;
    dpl_engine_init(&engine, dpl_channel_new(DPL_CHANNEL_FD), &dpl_clock_system);
    int rc = 1;
    while (rc > 0) {
        if (told)
            dpl_engine_stop(&engine);
        rc = dpl_engine_turn(&engine, WAIT_NS, err);
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
        rc = drop_rights(&err);
    if (rc == 0)
        rc = run(&err);
    if (rc == 0)
        return 0;
    fprintf(stderr, "doppel-replica: set \"%s\": %s\n", set, err.text);
    return dpl_err_cli_exit(rc);
}
