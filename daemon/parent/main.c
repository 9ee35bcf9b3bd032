/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppeld: starts the parts in order, runs the loop, ends them in order. Captures stay.
 */
#include "daemon/parent/change.h"
#include "daemon/parent/cluster.h"
#include "daemon/parent/cold.h"
#include "daemon/parent/door.h"
#include "daemon/parent/hook.h"
#include "daemon/parent/instance.h"
#include "daemon/parent/log.h"
#include "daemon/parent/node.h"
#include "daemon/parent/notify.h"
#include "daemon/parent/probe.h"
#include "daemon/parent/release.h"
#include "daemon/parent/roles.h"
#include "daemon/parent/run.h"
#include "daemon/parent/site.h"
#include "daemon/parent/talk.h"
#include "daemon/store/published.h"
#include "lib/base/clock.h"
#include "lib/client/client.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

enum { END_MS = 15000 }; /* then what is left is killed */

struct options {
    const char *instance, *config;
    bool foreground, test;
};

static struct dpl_daemon daemon_of_process;

static void usage(FILE *to)
{
    fprintf(to,
            "Usage: doppeld [OPTION]...\n\n"
            "Replicates the sets of this site; see doppeld(8).\n\n"
            "  --config FILE    the configuration (%s/doppel.conf)\n"
            "  --instance NAME  one of several on this host: doppel-NAME.conf and so on\n"
            "  --foreground     log to standard error\n"
            "  --test           read the configuration, say what is wrong with it, and end\n"
            "  -h, --help       this text\n"
            "      --version\n",
            DPL_CONF_DIR);
}

/* -1 to go on, else an exit status. */
static int parse(int argc, char **argv, struct options *options)
{
    static const struct option table[] = {{"config", required_argument, NULL, 'c'},
                                          {"instance", required_argument, NULL, 'i'},
                                          {"foreground", no_argument, NULL, 'f'},
                                          {"test", no_argument, NULL, 't'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'V'},
                                          {0}};
    int option;
    while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        switch (option) {
        case 'c':
            options->config = optarg;
            break;
        case 'i':
            options->instance = optarg;
            break;
        case 'f':
            options->foreground = true;
            break;
        case 't':
            options->test = true;
            break;
        case 'h':
            usage(stdout);
            return 0;
        case 'V':
            printf("doppeld %s\n", PACKAGE_VERSION);
            return 0;
        default:
            fprintf(stderr, "see doppeld --help\n");
            return 2;
        }
    }
    if (optind < argc || (options->instance && !dpl_conf_name_ok(options->instance))) {
        fprintf(stderr, "doppeld: \"%s\" is %s; see doppeld --help\n",
                optind < argc ? argv[optind] : options->instance,
                optind < argc ? "too much" : "no name of an instance");
        return 2;
    }
    return -1;
}

static void stop_loop(void *self)
{
    struct dpl_daemon *daemon = self;
    qb_loop_stop(daemon->loop);
}

static void stop_late(void *self)
{
    dpl_log(LOG_ERR, "not everything ended in %d s: what is left is killed", END_MS / 1000);
    stop_loop(self);
}

static void stop_children(void *self)
{
    struct dpl_daemon *daemon = self;
    dpl_children_stop(daemon->children, stop_loop, daemon);
}

/* Takes leave of the other nodes, then ends the engines and doors; the captures go on. */
static int32_t on_stop(int32_t signal_number, void *self)
{
    static struct dpl_timer late;
    struct dpl_daemon *daemon = self;
    if (daemon->stopping)
        return 0;
    dpl_log(LOG_NOTICE, "stopping, by signal %d; captures go on", (int)signal_number);
    dpl_notify("STOPPING=1");
    daemon->stopping = true;
    dpl_waits_end(daemon, NULL);
    dpl_timer_set(&late, daemon->loop, END_MS, stop_late, daemon);
    dpl_cluster_leave(daemon, stop_children, daemon);
    return 0;
}

static int32_t on_hangup(int32_t signal_number, void *self)
{
    struct dpl_daemon *daemon = self;
    struct dpl_err err = {0};
    (void)signal_number;
    if (daemon->stopping)
        return 0;
    dpl_notify_reloading();
    if (dpl_reload(daemon, &err) < 0)
        dpl_log(LOG_ERR, "the configuration stays as it was: %s", err.text);
    else
        dpl_log(LOG_NOTICE, "the configuration was read again");
    dpl_notify("READY=1");
    return 0;
}

static void not_published(const char *set, const struct dpl_err *err)
{
    dpl_log(LOG_ERR, "what agents know of set \"%s\" is old: %s", set, err->text);
}

static int open_parts(struct dpl_daemon *daemon, struct dpl_err *err)
{
    g_autofree char *store = g_build_filename(daemon->settings.state_dir, "store", NULL);
    char socket[64];
    daemon->sets = g_ptr_array_new();
    daemon->waiting = g_ptr_array_new();
    daemon->alerts = g_ptr_array_new();
    daemon->changes = g_ptr_array_new();
    daemon->runs = g_ptr_array_new();
    daemon->asks = g_ptr_array_new();
    dpl_talks_begin(daemon);
    daemon->children = dpl_children_new(daemon->loop, daemon->settings.libexec_dir);
    int rc = dpl_store_open(store, daemon->settings.node, &daemon->store, err);
    if (rc == DPL_OK)
        rc = dpl_published_begin(daemon->store, daemon->settings.sets_dir, not_published, err);
    if (rc == DPL_OK)
        rc = dpl_metrics_begin(daemon, err);
    if (rc == DPL_OK)
        rc = dpl_doors_begin(daemon, err);
    if (rc == DPL_OK)
        rc = dpl_server_new(daemon->loop,
                            dpl_client_socket(daemon->settings.instance, socket, sizeof socket),
                            dpl_commands_handle, daemon, &daemon->server, err);
    return rc;
}

static void close_parts(struct dpl_daemon *daemon)
{
    daemon->stopping = true;
    dpl_waits_end(daemon, NULL);
    dpl_runs_end(daemon);
    dpl_hooks_end(daemon);
    dpl_probes_end();
    if (daemon->store)
        dpl_changes_end(daemon);
    dpl_alerts_end(daemon);
    dpl_sets_end(daemon);
    dpl_doors_end(daemon);
    dpl_sites_keys_end(daemon);
    dpl_metrics_end(daemon);
    dpl_nodes_end(daemon);
    dpl_roles_end(daemon);
    dpl_cluster_end(daemon);
    dpl_release_end();
    dpl_talks_end(daemon);
    dpl_server_free(daemon->server);
    dpl_children_free(daemon->children);
    dpl_store_close(daemon->store);
    g_ptr_array_unref(daemon->sets);
    g_ptr_array_unref(daemon->waiting);
    g_ptr_array_unref(daemon->alerts);
    g_ptr_array_unref(daemon->changes);
    g_ptr_array_unref(daemon->runs);
    g_ptr_array_unref(daemon->asks);
}

static int run(struct dpl_daemon *daemon, struct dpl_err *err)
{
    daemon->loop = qb_loop_create();
    daemon->started_ns = dpl_clock_now_ns(&dpl_clock_system);
    signal(SIGPIPE, SIG_IGN);
    qb_loop_signal_add(daemon->loop, QB_LOOP_HIGH, SIGTERM, daemon, on_stop, NULL);
    qb_loop_signal_add(daemon->loop, QB_LOOP_HIGH, SIGINT, daemon, on_stop, NULL);
    qb_loop_signal_add(daemon->loop, QB_LOOP_HIGH, SIGHUP, daemon, on_hangup, NULL);
    int rc = open_parts(daemon, err);
    if (rc == DPL_OK) {
        dpl_sites_keys_begin(daemon);
        dpl_sets_begin(daemon);
        dpl_cluster_begin(daemon);
        dpl_cold_begin(daemon);
        dpl_roles_begin(daemon);
        dpl_nodes_begin(daemon);
        dpl_log(LOG_NOTICE, "doppeld %s of site %s is ready, %u sets", PACKAGE_VERSION,
                daemon->settings.site, daemon->sets->len);
        dpl_notify("READY=1");
        qb_loop_run(daemon->loop);
    }
    close_parts(daemon);
    qb_loop_destroy(daemon->loop);
    return rc;
}

int main(int argc, char **argv)
{
    struct dpl_daemon *daemon = &daemon_of_process;
    struct options options = {0};
    struct dpl_instance instance;
    struct dpl_err err = {0};
    int status = parse(argc, argv, &options);
    if (status >= 0)
        return status;
    umask(077);
    daemon->foreground = options.foreground;
    int rc = dpl_settings_load(&daemon->settings, options.instance, options.config, &err);
    if (rc == DPL_OK && !options.test) {
        const struct dpl_conf *conf = daemon->settings.conf;
        dpl_log_open_words(
            "doppeld", options.foreground ? "stderr" : dpl_conf_text(conf, "daemon", "log_target"),
            dpl_conf_text(conf, "daemon", "log_level"));
        rc = dpl_instance_take(&instance, &daemon->settings, &err);
        if (rc == DPL_OK) {
            rc = run(daemon, &err);
            dpl_instance_drop(&instance);
        }
        if (rc < 0)
            dpl_log(LOG_ERR, "%s", err.text);
        else
            dpl_log(LOG_NOTICE, "ended");
    }
    if (rc < 0 && (options.test || !options.foreground))
        fprintf(stderr, "doppeld: %s\n", err.text);
    if (daemon->settings.conf)
        dpl_settings_clear(&daemon->settings);
    return rc < 0 ? dpl_err_cli_exit(rc) : 0;
}
