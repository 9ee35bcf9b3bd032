/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Stop: true or failed. doppeld is asked first, for it can still send what is left; where it is
 * dead, hangs or fails, the capture is ended from here. Neither the store nor the other site is
 * waited for.
 */
#include "agents/program.h"
#include "agents/source_connection.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/capstat/owner.h"
#include "lib/client/claim.h"
#include "lib/client/role.h"
#include "source-connection.params.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STOP_MS = 60000, /* where Pacemaker names no time */
    OWN_LEAST_MS = 1000,
    HOOKS_MS = 10000,
};

struct stop {
    struct dpl_ocf_run *run;
    const char *set, *run_dir;
    int64_t deadline_ns;
};

static int64_t left_ms(const struct stop *stop)
{
    return dpl_clock_left_ms(&dpl_clock_system, stop->deadline_ns);
}

void sc_hooks(struct dpl_ocf_run *run, const struct host *host, const char *name, const char *set,
              int64_t generation)
{
    const struct dpl_ocf_value *target = &run->values[SOURCE_CONNECTION_TARGET];
    g_autofree char *of_set = g_strdup_printf("DOPPEL_SET=%s", set);
    g_autofree char *site = g_strdup_printf("DOPPEL_SITE=%s", host->site);
    g_autofree char *peer = g_strdup_printf("DOPPEL_PEER=%s", target->text ? target->text : "");
    g_autofree char *hook = g_strdup_printf("DOPPEL_HOOK=%s", name);
    g_autofree char *number = g_strdup_printf("DOPPEL_GENERATION=%" PRId64, generation);
    const char *env[] = {of_set, site, peer, hook, number, "DOPPEL_DIRECTION=send", NULL};
    int64_t share_ms = run->timeout_ms > 0 ? run->timeout_ms / 6 : HOOKS_MS;
    dpl_ocf_step(&run->steps, "running the hooks");
    program_hooks(run, name, env, MIN(share_ms, HOOKS_MS));
}

/* Writes down beside the roots what the target may lack: for people, and for `doppel status`. */
static void note_unsent(const struct stop *stop, const struct dpl_doc *result)
{
    const char *root = dpl_doc_as_text(dpl_doc_at(dpl_doc_list(result, "roots"), 0));
    bool sent_all = dpl_doc_bool(result, "sent_all", false);
    int64_t known = dpl_doc_int(result, "unsent_bytes", -1);
    int64_t bytes = sent_all ? 0 : known > 0 ? known : -1;
    struct dpl_owner owner;
    struct dpl_err err = {0};
    if (!sent_all)
        dpl_ocf_log(stop->run, "WARNING",
                    "the target may lack changes of set \"%s\" (%" PRId64
                    " bytes of its journal; -1: not known)",
                    stop->set, bytes);
    dpl_autofd int dir = root ? dpl_owner_open_dir(root, stop->set, false, &err) : -1;
    if (dir < 0 || dpl_owner_read(dir, stop->set, &owner, &err) < 0)
        return;
    owner.unsent_bytes = bytes;
    if (owner.closed && dpl_owner_write(dir, &owner, &err) < 0)
        dpl_ocf_log(stop->run, "WARNING", "%s", err.text);
}

/* The greater part of the time is doppeld's; some is kept to do without it. */
static void by_daemon(const struct stop *stop, bool captured)
{
    int64_t ms = left_ms(stop) * 3 / 5;
    g_autoptr(dpl_doc_auto) args = dpl_doc_new(), result = NULL;
    struct dpl_err err = {0};
    dpl_doc_set_text(args, "set", stop->set);
    dpl_doc_set_format(args, "timeout", "%" PRId64 "ms", ms * 9 / 10);
    dpl_ocf_step(&stop->run->steps, "waiting for doppeld to end the connection");
    if (ask_daemon("connection stop", args, 0, ms, &result, &err) < 0)
        dpl_ocf_log(stop->run, "WARNING", "stopping without doppeld: %s", err.text);
    else if (captured)
        note_unsent(stop, result);
}

/* Ends what is left, without anybody's help. */
static int by_hand(const struct stop *stop, struct dpl_err *err)
{
    const char *libexec = secure_getenv("DOPPEL_LIBEXEC_DIR"); /* for tests */
    g_autofree char *program =
        g_build_filename(libexec ? libexec : DPL_LIBEXEC_DIR, "doppel-capture", NULL);
    g_autofree char *dir = g_build_filename(stop->run_dir, "capture", NULL);
    int64_t ms = MAX(left_ms(stop) - OWN_LEAST_MS, OWN_LEAST_MS);
    g_autofree char *seconds = g_strdup_printf("%" PRId64, MAX(ms / 1000 - 1, 1));
    const char *argv[] = {program, "--stop",    "--set", stop->set, "--run-dir",
                          dir,     "--timeout", seconds, NULL};
    struct dpl_err why = {0};
    dpl_ocf_step(&stop->run->steps, "ending the capture");
    int status = program_run(argv, NULL, ms, &why);
    if (sc_capture_none(stop->run_dir, stop->set))
        return DPL_OK;
    return dpl_err_set(err, DPL_E_TIMEOUT, "the capture of set \"%s\" has not ended (%s%d)",
                       stop->set, status < 0 ? why.text : "doppel-capture --stop: ", status);
}

static int stop_set(struct stop *stop, const struct host *host, const struct ask_state *state,
                    struct dpl_err *err)
{
    bool none = sc_capture_none(stop->run_dir, stop->set);
    struct dpl_role_now now = {0};
    (void)dpl_role_read(host->state_dir, stop->set, &now, NULL);
    if (!none && state->started)
        sc_hooks(stop->run, host, "offline", stop->set, now.generation);
    ask_forget(stop->run_dir, stop->set);
    by_daemon(stop, !none);
    int rc = sc_capture_none(stop->run_dir, stop->set) ? DPL_OK : by_hand(stop, err);
    if (rc == DPL_OK)
        rc = dpl_claim_drop(stop->run_dir, stop->set, DPL_CLAIM_SERVICE, stop->run->instance, err);
    return rc;
}

/* What was remembered counts before what is configured now. */
int sc_stop(struct dpl_ocf_run *run, struct dpl_err *err)
{
    const struct dpl_ocf_value *set = &run->values[SOURCE_CONNECTION_REPLICATION_SET];
    int64_t ms = run->timeout_ms > 0 ? run->timeout_ms * 9 / 10 : STOP_MS;
    struct ask_state state;
    struct host host;
    struct dpl_err why = {0};
    int rc = DPL_OK;
    ask_state_read(run, &state);
    if (host_read(&host, &why) < 0)
        dpl_ocf_log(run, "WARNING", "%s", why.text);
    struct stop stop = {.run = run,
                        .set = state.set[0] ? state.set
                               : set->bad   ? NULL
                                            : set->text,
                        .run_dir = state.run_dir[0] ? state.run_dir : host.run_dir,
                        .deadline_ns = dpl_clock_now_ns(&dpl_clock_system) + ms * 1000000};
    if (stop.set && strchr(stop.set, '/') == NULL)
        rc = stop_set(&stop, &host, &state, err);
    host_done(&host);
    return rc < 0 ? rc : dpl_ocf_state_remove(state.path, err);
}
