/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel emergency detach: takes doppel out from under a set on this node, so that its service goes
 * on upon the plain directories. Needs no daemon, no store and no configuration that can be read,
 * and works with every process of ours dead. What it ends is said and asked before.
 */
#include "lib/base/file.h"
#include "lib/capstat/capstat.h"
#include "lib/capstat/detached.h"
#include "lib/client/role.h"
#include "lib/config/site_conf.h"
#include "tools/doppel.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char detaches[] = "emergency detach", attaches[] = "emergency attach";

enum { STOP_SECONDS = 60 };

struct detach {
    const char *command; /* its words */
    const char *set;
    char *state_dir, *run_dir; /* run_dir: of captures */
    GPtrArray *roots;          /* of char *, as the set's document or its capture's page says */
    bool captured, known;
};

static char *place_of(const struct dpl_conf *conf, const char *instance, const char *key,
                      const char *preset)
{
    bool told = conf && strcmp(dpl_conf_origin(conf, "daemon", key), "default") != 0;
    if (told)
        return g_strdup(dpl_conf_text(conf, "daemon", key));
    return instance ? g_strdup_printf("%s-%s", preset, instance) : g_strdup(preset);
}

/* An emergency does not wait for a configuration that can be read. */
static void find_places(const struct doppel *doppel, struct detach *d)
{
    g_autofree char *path =
        g_strdup_printf("%s/doppel%s%s.conf", DPL_CONF_DIR, doppel->instance ? "-" : "",
                        doppel->instance ? doppel->instance : "");
    g_autoptr(dpl_conf_auto) conf = NULL;
    struct dpl_err err = {0};
    if (dpl_conf_load(path, &dpl_site_conf, &conf, &err) < 0)
        fprintf(stderr, "doppel %s: %s: going on with the usual directories\n", d->command,
                err.text);
    d->state_dir = place_of(conf, doppel->instance, "state_dir", DPL_STATE_DIR);
    g_autofree char *run_dir = place_of(conf, doppel->instance, "run_dir", DPL_RUN_DIR);
    d->run_dir = g_build_filename(run_dir, "capture", NULL);
}

static void find_roots(struct detach *d)
{
    struct dpl_capstat *page = NULL;
    struct dpl_role_now now;
    struct dpl_err err = {0};
    int rc = dpl_role_read(d->state_dir, d->set, &now, &err);
    d->known = rc != DPL_E_PARAM_HERE;
    if (rc < 0 && d->known)
        fprintf(stderr, "doppel %s: %s: going on\n", d->command, err.text);
    if (dpl_capstat_open(&page, d->run_dir, d->set, NULL) == 0) {
        const struct dpl_capstat_what *what = dpl_capstat_what(page);
        d->captured = d->known = true;
        for (uint32_t i = 0; i < what->root_count; i++)
            g_ptr_array_add(d->roots, g_strdup(what->roots[i].path));
        dpl_capstat_close(page);
    }
    if (d->roots->len == 0 && rc == DPL_OK && now.root[0])
        g_ptr_array_add(d->roots, g_strdup(now.root));
}

static void say_plan(const struct detach *d)
{
    printf("Set %s %s on this node.\n", d->set, d->captured ? "is captured" : "is not captured");
    for (guint i = 0; i < d->roots->len; i++)
        printf("  root %s\n", (const char *)d->roots->pdata[i]);
    printf(
        "1. It is marked as detached, here and on its disk: nobody captures it again by himself.\n"
        "2. Processes that use its roots are ended; Pacemaker or the service manager starts them "
        "again.\n"
        "3. Its roots are unmounted: the service goes on upon the plain directories.\n"
        "From then on no change is recorded or sent, and the replica grows old.\n");
}

/* 0 to go on, else an exit status. */
static int agree(const struct detach *d, bool yes)
{
    char line[256] = "";
    struct dpl_err err = {0};
    if (yes)
        return 0;
    if (isatty(STDIN_FILENO)) {
        printf("Type the set's name to go on: ");
        fflush(stdout);
        if (fgets(line, sizeof line, stdin))
            g_strchomp(line);
    }
    if (strcmp(line, d->set) == 0)
        return 0;
    dpl_err_set(&err, DPL_E_REFUSED,
                "nothing was done: it wants the set's name typed, or --yes where nobody types");
    return doppel_fail(d->command, &err);
}

/* Runs the program with these arguments, ended by NULL. Returns an exit status. */
static int run(const char *program, const char *const arguments[])
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    int status = 0;
    g_ptr_array_add(argv, g_strdup(program));
    for (size_t i = 0; arguments[i]; i++)
        g_ptr_array_add(argv, g_strdup(arguments[i]));
    g_ptr_array_add(argv, NULL);
    if (!g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL,
                      NULL, NULL, &status, &error)) {
        fprintf(stderr, "doppel %s: %s\n", detaches, error->message);
        return dpl_err_cli_exit(DPL_E_NOT_INSTALLED);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : dpl_err_cli_exit(DPL_E_FAILED);
}

/* doppel-capture does what has to be done below, for what lives and for what is dead. */
static int end_capture(const struct detach *d)
{
    const char *libexec = secure_getenv("DOPPEL_LIBEXEC_DIR"); /* for tests */
    g_autofree char *program =
        g_build_filename(libexec ? libexec : DPL_LIBEXEC_DIR, "doppel-capture", NULL);
    g_autofree char *seconds = g_strdup_printf("%d", STOP_SECONDS);
    const char *stop[] = {"--stop",   "--set",     d->set,  "--run-dir",
                          d->run_dir, "--timeout", seconds, NULL};
    int status = run(program, stop);
    for (guint i = 0; i < d->roots->len; i++) {
        const char *stale[] = {"--clear-stale", d->roots->pdata[i], NULL};
        int code = run(program, stale);
        status = status == 0 ? code : status;
    }
    return status;
}

static void say_how_back(const struct doppel *doppel, const struct detach *d, int status)
{
    bool done = status == 0 || status == dpl_err_cli_exit(DPL_E_DEGRADED);
    if (doppel->json) {
        g_autoptr(dpl_doc_auto) result = dpl_doc_new();
        dpl_doc_set_text(result, "set", d->set);
        dpl_doc_set_bool(result, "detached", done);
        g_autofree char *text = dpl_doc_to_json(result, true);
        fputs(text, stdout);
    } else if (!done) {
        printf("Set %s is marked as detached, but something of its capture is left: see above, and "
               "try again.\n",
               d->set);
    } else {
        printf(
            "Set %s is detached.\nTo come back, in a quiet hour:\n"
            "  1. start doppeld where it does not run\n"
            "  2. on a server without a cluster: end the services that use the set\n"
            "  3. doppel emergency attach %s\n"
            "     A cluster notices that nothing is captured, and starts the group again upon the "
            "capture.\n"
            "  4. start what was ended in step 2, when doppel status %s shows the capture\n"
            "  5. doppel wait %s --consistent: everything is compared by checksum before\n",
            d->set, d->set, d->set, d->set);
    }
}

static int detach_set(struct doppel *doppel, struct detach *d, const struct dpl_doc *args)
{
    const char *root = d->roots->len ? d->roots->pdata[0] : NULL;
    struct dpl_err err = {0}, disk = {0};
    if (!doppel->json && !doppel->quiet)
        say_plan(d);
    if (dpl_doc_bool(args, "plan", false) || dpl_doc_bool(args, "test", false))
        return 0;
    int status = agree(d, dpl_doc_bool(args, "yes", false));
    if (status != 0)
        return status;
    if (!root)
        dpl_err_set(&disk, DPL_E_NOT_FOUND, "the set's roots are not known");
    if (dpl_detached_make(d->state_dir, root, d->set, &disk, &err) < 0 && disk.code != 0) {
        fprintf(stderr, "doppel %s: %s\n", detaches, disk.text);
        dpl_err_context(&err, "nothing was done, for it would be captured again at once");
        return doppel_fail(detaches, &err);
    }
    if (err.code != 0)
        fprintf(stderr, "doppel %s: %s: going on without a mark on this node\n", detaches,
                err.text);
    if (disk.code != 0)
        fprintf(stderr, "doppel %s: %s: only this node knows it: say it on each other node too\n",
                detaches, disk.text);
    status = end_capture(d);
    if (status == 0 && (err.code != 0 || disk.code != 0))
        status = dpl_err_cli_exit(DPL_E_DEGRADED);
    if (!doppel->quiet)
        say_how_back(doppel, d, status);
    return status;
}

/* 0, or an exit status, which was told. On success the caller ends it by detach_clear. */
static int begin(const struct doppel *doppel, const char *command, const struct dpl_doc *args,
                 struct detach *d)
{
    struct dpl_err err = {0};
    *d = (struct detach){.command = command,
                         .set = dpl_doc_text(args, "set"),
                         .roots = g_ptr_array_new_with_free_func(g_free)};
    if (!dpl_conf_name_ok(d->set))
        return doppel_usage(d->command, "\"%s\" is not the name of a set", d->set);
    if (geteuid() != 0) {
        dpl_err_set(&err, DPL_E_PERM, "only root may");
        return doppel_fail(d->command, &err);
    }
    find_places(doppel, d);
    find_roots(d);
    if (d->known)
        return 0;
    dpl_err_set(&err, DPL_E_NOT_FOUND, "this node knows no set \"%s\"", d->set);
    return doppel_fail(d->command, &err);
}

static void detach_clear(struct detach *d)
{
    g_ptr_array_free(d->roots, true);
    g_free(d->state_dir);
    g_free(d->run_dir);
}

int doppel_emergency_detach(struct doppel *doppel, const struct dpl_doc *args)
{
    struct detach d;
    int status = begin(doppel, detaches, args, &d);
    if (status == 0)
        status = detach_set(doppel, &d, args);
    detach_clear(&d);
    return doppel_flushed(detaches, status);
}

static int attach_set(const struct doppel *doppel, const struct detach *d, bool yes)
{
    const char *root = d->roots->len ? d->roots->pdata[0] : NULL;
    struct dpl_err err = {0};
    if (!dpl_detached_is(d->state_dir, root, d->set)) {
        dpl_err_set(&err, DPL_E_NOT_FOUND, "set \"%s\" is not detached, as far as this node sees",
                    d->set);
        return doppel_fail(attaches, &err);
    }
    if (!root || access(root, F_OK) < 0) {
        dpl_err_set(&err, DPL_E_REFUSED, "%s: on its disk stands what was the last ownership",
                    root ? "the set's disk is not mounted here" : "the set's roots are not known");
        return doppel_fail(attaches, &err);
    }
    if (!doppel->json && !doppel->quiet)
        printf("Set %s is captured again from here on: a cluster restarts its group upon the "
               "capture; on a server without one what its services have open is a bypass: end them "
               "before. Everything is compared by checksum.\n",
               d->set);
    int status = agree(d, yes);
    if (status != 0)
        return status;
    if (dpl_detached_end(d->state_dir, root, d->set, &err) < 0)
        return doppel_fail(attaches, &err);
    printf(
        "Set %s may be captured again. Other nodes of this site that were told by themselves have "
        "marks of their own: say it there too.\n",
        d->set);
    return 0;
}

int doppel_emergency_attach(struct doppel *doppel, const struct dpl_doc *args)
{
    struct detach d;
    int status = begin(doppel, attaches, args, &d);
    if (status == 0)
        status = attach_set(doppel, &d, dpl_doc_bool(args, "yes", false));
    detach_clear(&d);
    return doppel_flushed(attaches, status);
}
