/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-link: sends the journal of one set to its target. Started by doppeld, with the channel to
 * it on descriptor 3; see doppel-link(8).
 */
#include "daemon/link/link.h"
#include "lib/confine/confine.h"
#include "lib/ctl/duty.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

/* A signal that comes just before the wait is seen after it. */
#define WAIT_NS INT64_C(500000000)

static volatile sig_atomic_t told;

/* It reads what the set's files and its journal are (by handle, and without changing their access
 * times), and removes what of the journal is its own. */
static int drop_rights(struct dpl_err *err)
{
    const uint64_t kept = UINT64_C(1) << CAP_DAC_READ_SEARCH | UINT64_C(1) << CAP_FOWNER;
    int rc = dpl_confine_caps(kept, err);
    return rc < 0 ? rc : dpl_confine_calls(DPL_CONFINE_READER, err);
}

/* From here on it writes nowhere else. A peer's bytes come in a later turn. */
static int enclose(struct dpl_link *link, struct dpl_err *err)
{
    const char *dirs[] = {link->ledger.path, link->config.capture_run_dir};
    int rc = dpl_confine_writes(dirs, dirs[1] ? 2 : 1, err);
    if (rc == DPL_E_UNSUPPORTED)
        dpl_link_event(link, "not-enclosed", err->text);
    return rc == DPL_E_UNSUPPORTED ? DPL_OK : rc;
}

static int run(struct dpl_err *err)
{
    struct dpl_link link;
    bool enclosed = false;
    dpl_link_init(&link, dpl_channel_new(DPL_CHANNEL_FD), &dpl_clock_system);
    int rc = 1;
    while (rc > 0) {
        if (told)
            dpl_link_stop(&link);
        rc = dpl_link_turn(&link, WAIT_NS, err);
        if (rc > 0 && link.started && !enclosed) {
            int done = enclose(&link, err);
            rc = done < 0 ? done : rc;
            enclosed = true;
        }
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
        rc = drop_rights(&err);
    if (rc == 0)
        rc = run(&err);
    if (rc == 0)
        return 0;
    fprintf(stderr, "doppel-link: set \"%s\": %s\n", set, err.text);
    return dpl_err_cli_exit(rc);
}
