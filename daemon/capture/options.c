/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command line of doppel-capture.
 */
#include "daemon/capture/options.h"

#include "lib/base/path.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB (1024ULL * 1024)

enum {
    OPT_SET = 256,
    OPT_ROOT,
    OPT_JOURNAL,
    OPT_RULES,
    OPT_MAX,
    OPT_MIN_FREE,
    OPT_SEGMENT,
    OPT_DIRTY_LOG,
    OPT_DIRTY_CREATE,
    OPT_DIRTY_SIZE,
    OPT_DIRTY_MARK,
    OPT_SYNC_INTERVAL,
    OPT_RING,
    OPT_EPOCH,
    OPT_OWNER_STAMP,
    OPT_GENERATION,
    OPT_STOP_WAIT,
    OPT_CRASH_BOUND,
    OPT_RENEW_WAIT,
    OPT_REMOTE,
    OPT_INJECT,
    OPT_RESUME,
    OPT_FOREGROUND,
    OPT_SINGLE,
    OPT_FORCE,
    OPT_REPORT,
    OPT_RUN_DIR,
    OPT_LAYOUT,
    OPT_NO_WATCH,
    OPT_STATUS,
    OPT_STOP,
    OPT_CLEAR_STALE,
    OPT_TIMEOUT,
    OPT_OUTPUT_AS,
    OPT_HELP,
    OPT_VERSION,
};

static const struct option table[] = {
    {"set", required_argument, NULL, OPT_SET},
    {"root", required_argument, NULL, OPT_ROOT},
    {"journal", required_argument, NULL, OPT_JOURNAL},
    {"rules", required_argument, NULL, OPT_RULES},
    {"journal-max", required_argument, NULL, OPT_MAX},
    {"journal-min-free", required_argument, NULL, OPT_MIN_FREE},
    {"segment", required_argument, NULL, OPT_SEGMENT},
    {"dirty-log", required_argument, NULL, OPT_DIRTY_LOG},
    {"dirty-log-create", required_argument, NULL, OPT_DIRTY_CREATE},
    {"dirty-log-size", required_argument, NULL, OPT_DIRTY_SIZE},
    {"dirty-log-mark", no_argument, NULL, OPT_DIRTY_MARK},
    {"sync-interval", required_argument, NULL, OPT_SYNC_INTERVAL},
    {"memory", required_argument, NULL, OPT_RING},
    {"epoch", required_argument, NULL, OPT_EPOCH},
    {"owner-stamp", no_argument, NULL, OPT_OWNER_STAMP},
    {"generation", required_argument, NULL, OPT_GENERATION},
    {"stop-wait", required_argument, NULL, OPT_STOP_WAIT},
    {"crash-bound", required_argument, NULL, OPT_CRASH_BOUND},
    {"renew-wait", required_argument, NULL, OPT_RENEW_WAIT},
    {"remote", required_argument, NULL, OPT_REMOTE},
    {"inject", required_argument, NULL, OPT_INJECT},
    {"resume", required_argument, NULL, OPT_RESUME},
    {"foreground", no_argument, NULL, OPT_FOREGROUND},
    {"single-process", no_argument, NULL, OPT_SINGLE},
    {"force", no_argument, NULL, OPT_FORCE},
    {"report", no_argument, NULL, OPT_REPORT},
    {"run-dir", required_argument, NULL, OPT_RUN_DIR},
    {"layout", required_argument, NULL, OPT_LAYOUT},
    {"no-watch", no_argument, NULL, OPT_NO_WATCH},
    {"status", no_argument, NULL, OPT_STATUS},
    {"stop", no_argument, NULL, OPT_STOP},
    {"clear-stale", no_argument, NULL, OPT_CLEAR_STALE},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"output-as", required_argument, NULL, OPT_OUTPUT_AS},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {0},
};

static void help(void)
{
    puts(
        "doppel-capture: mounts over the roots of a set and journals every change.\n"
        "\n"
        "doppel-capture --set NAME --root DIR ... --journal DIR [OPTION ...]   captures a set\n"
        "doppel-capture --report [--root DIR ...]      says what this host offers\n"
        "doppel-capture --status [--set NAME]          says how captures are\n"
        "doppel-capture --stop --set NAME              ends one, in order\n"
        "doppel-capture --dirty-log-create FILE        makes an empty dirty log\n"
        "doppel-capture --clear-stale DIR ...          unmounts what a dead one left\n"
        "\n"
        "  --set NAME             the set\n"
        "  --root DIR             a root, absolute; up to 16 times\n"
        "  --journal DIR          where its journal's segments are written\n"
        "  --rules FILE           the set's rules; without: everything beneath the roots\n"
        "  --journal-max MIB      bound of the journal on disk (20480)\n"
        "  --journal-min-free MIB left free on its file system (0)\n"
        "  --segment MIB          size of a segment (an eighth of what the journal may take, 4 to "
        "64)\n"
        "  --memory MIB           of the journal before it is on disk (256)\n"
        "  --dirty-log FILE       names extents there before they change: on the roots' disk, not\n"
        "                         beneath a root; without: a new owner compares everything\n"
        "  --dirty-log-size MIB   of one that is made (16)\n"
        "  --dirty-log-mark       one that is created begins with a mark: both sites are equal "
        "now\n"
        "  --sync-interval SECONDS how often the disk below is synced, so that the target knows\n"
        "                         what cannot be lost (5; 0: never)\n"
        "  --epoch N              of this ownership (one more than the directory has)\n"
        "  --owner-stamp          this ownership is stamped on the roots' disk, and follows the "
        "last\n"
        "                         one there if that ended in order\n"
        "  --generation N         of the set, for that stamp\n"
        "  --stop-wait SECONDS    how long SIGTERM waits for users of the mount (10)\n"
        "  --crash-bound N/S      more deaths of the worker in S seconds than N: on without\n"
        "                         journal (20/60; 0/0: never)\n"
        "  --renew-wait S/L       seconds from the end of a journal that was full to the next one, "
        "\n"
        "                         up to L if they end soon (1/600; 0/0: never)\n"
        "  --remote POLICY/MS     a sync waits for the target, so many milliseconds; then the\n"
        "                         policy: local or refuse. Until the link says otherwise\n"
        "  --run-dir DIR          where captures show their status (" OPTIONS_RUN_DIR ")\n"
        "  --foreground           stay; else return when the roots are captured\n"
        "  --force                on a kernel on which our crash could reach applications\n"
        "  --no-watch             do not look for changes past the mount\n"
        "  --timeout SECONDS      of a stop, in all (60)\n"
        "  --output-as FORM       of a status: text or json\n"
        "  --help, --version\n"
        "\n"
        "SIGTERM unmounts and ends; SIGQUIT does so although the mount is in use; SIGUSR2 goes on\n"
        "with the program that is installed now; SIGUSR1 prints figures. See doppel-capture(8).");
}

static int number(const char *text, const char *what, uint64_t max, uint64_t *value,
                  struct dpl_err *err)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return dpl_err_set(err, DPL_E_USAGE, "%s: '%s' is not a number", what, text);
    *value = strtoull(text, &end, 10);
    if (*end != '\0' || *value > max)
        return dpl_err_set(err, DPL_E_USAGE, "%s: '%s' is not a number up to %llu", what, text,
                           (unsigned long long)max);
    return 0;
}

static int add_root(struct options *options, const char *path, struct dpl_err *err)
{
    if (!dpl_path_absolute_ok(path))
        return dpl_err_set(err, DPL_E_USAGE,
                           "--root: '%s' is not an absolute path without '.', '..' and '//'", path);
    if (options->root_count == SHARED_ROOTS)
        return dpl_err_set(err, DPL_E_USAGE, "--root: at most %d", SHARED_ROOTS);
    options->roots[options->root_count++] = path;
    return 0;
}

static int crash_bound(struct options *options, const char *text, struct dpl_err *err)
{
    unsigned count, seconds;
    char more;

    if (sscanf(text, "%u/%u%c", &count, &seconds, &more) != 2 || count > 64)
        return dpl_err_set(err, DPL_E_USAGE, "--crash-bound: '%s' is not N/SECONDS, N up to 64",
                           text);
    options->crash_count = count;
    options->crash_seconds = seconds;
    return 0;
}

static int renew_wait(struct options *options, const char *text, struct dpl_err *err)
{
    unsigned shortest, longest;
    char more;

    if (sscanf(text, "%u/%u%c", &shortest, &longest, &more) != 2 || shortest > longest ||
        longest > 86400)
        return dpl_err_set(err, DPL_E_USAGE,
                           "--renew-wait: '%s' is not SHORTEST/LONGEST in seconds, up to 86400",
                           text);
    options->renew_shortest_s = shortest;
    options->renew_longest_s = longest;
    return 0;
}

static int remote(struct options *options, const char *text, struct dpl_err *err)
{
    char policy[8], more;
    unsigned ms;
    bool ok = sscanf(text, "%7[a-z]/%u%c", policy, &ms, &more) == 2 && ms > 0 &&
              ms <= DPL_REMOTE_TIMEOUT_MS_MAX;
    bool refuse = ok && strcmp(policy, "refuse") == 0;

    if (!ok || (!refuse && strcmp(policy, "local") != 0))
        return dpl_err_set(err, DPL_E_USAGE,
                           "--remote: '%s' is not local or refuse, and milliseconds up to %d: "
                           "refuse/5000",
                           text, DPL_REMOTE_TIMEOUT_MS_MAX);
    options->remote = (struct dpl_remote_config){
        .mode = DPL_REMOTE_ON,
        .policy = refuse ? DPL_REMOTE_REFUSE : DPL_REMOTE_LOCAL,
        .timeout_ms = ms,
    };
    return 0;
}

static int scaled(const char *what, uint64_t *to, struct dpl_err *err)
{
    int code = number(optarg, what, 1ULL << 32, to, err);

    *to *= MIB;
    return code;
}

static int set_action(struct options *o, enum options_action action, struct dpl_err *err)
{
    if (o->action != ACTION_CAPTURE)
        return dpl_err_set(err, DPL_E_USAGE,
                           "only one of --report, --status, --stop, --clear-stale and "
                           "--dirty-log-create");
    o->action = action;
    return 0;
}

static int output_as(struct options *o, const char *form, struct dpl_err *err)
{
    o->json = strcmp(form, "json") == 0;
    if (!o->json && strcmp(form, "text") != 0)
        return dpl_err_set(err, DPL_E_USAGE, "--output-as: '%s' is neither text nor json", form);
    return 0;
}

/* The dirty log, and what is known to be on the disk. */
static int take_dirty(struct options *o, int option, struct dpl_err *err)
{
    uint64_t value = 0;
    int code;

    switch (option) {
    case OPT_DIRTY_CREATE:
        code = set_action(o, ACTION_DIRTY_CREATE, err);
        o->dirty_log = optarg;
        return code;
    case OPT_DIRTY_LOG:
        o->dirty_log = optarg;
        return 0;
    case OPT_DIRTY_SIZE:
        return scaled("--dirty-log-size", &o->dirty_log_bytes, err);
    case OPT_DIRTY_MARK:
        o->dirty_log_mark = true;
        return 0;
    case OPT_SYNC_INTERVAL:
        code = number(optarg, "--sync-interval", 86400, &value, err);
        o->sync_interval_ms = (uint32_t)value * 1000;
        return code;
    default:
        return dpl_err_set(err, DPL_E_USAGE, "see doppel-capture --help");
    }
}

/* What does not capture. */
static int take_action(struct options *o, int option, struct dpl_err *err)
{
    uint64_t value = 0;
    int code;

    switch (option) {
    case OPT_REPORT:
        return set_action(o, ACTION_REPORT, err);
    case OPT_STATUS:
        return set_action(o, ACTION_STATUS, err);
    case OPT_STOP:
        return set_action(o, ACTION_STOP, err);
    case OPT_CLEAR_STALE:
        return set_action(o, ACTION_CLEAR_STALE, err);
    case OPT_TIMEOUT:
        code = number(optarg, "--timeout", 86400, &value, err);
        o->timeout_s = (uint32_t)value;
        return code;
    case OPT_OUTPUT_AS:
        return output_as(o, optarg, err);
    default:
        return take_dirty(o, option, err);
    }
}

static int take(struct options *o, int option, struct dpl_err *err)
{
    uint64_t value = 0;
    int code = 0;

    switch (option) {
    case OPT_SET:
        o->set = optarg;
        return 0;
    case OPT_ROOT:
        return add_root(o, optarg, err);
    case OPT_JOURNAL:
        o->journal_dir = optarg;
        return 0;
    case OPT_RULES:
        o->rules_file = optarg;
        return 0;
    case OPT_MAX:
        return scaled("--journal-max", &o->journal_max_bytes, err);
    case OPT_MIN_FREE:
        return scaled("--journal-min-free", &o->journal_min_free_bytes, err);
    case OPT_SEGMENT:
        return scaled("--segment", &o->segment_bytes, err);
    case OPT_RING:
        return scaled("--memory", &o->ring_bytes, err);
    case OPT_EPOCH:
        return number(optarg, "--epoch", UINT64_MAX / 2, &o->epoch, err);
    case OPT_OWNER_STAMP:
        o->owner_stamp = true;
        return 0;
    case OPT_GENERATION:
        return number(optarg, "--generation", INT64_MAX, &o->generation, err);
    case OPT_STOP_WAIT:
        code = number(optarg, "--stop-wait", 86400, &value, err);
        o->stop_wait_ms = (uint32_t)value * 1000;
        return code;
    case OPT_CRASH_BOUND:
        return crash_bound(o, optarg, err);
    case OPT_RENEW_WAIT:
        return renew_wait(o, optarg, err);
    case OPT_REMOTE:
        return remote(o, optarg, err);
    case OPT_INJECT:
        o->inject = optarg;
        return 0;
    case OPT_RESUME:
        code = number(optarg, "--resume", 1 << 20, &value, err);
        o->resume_fd = (int)value;
        return code;
    case OPT_FOREGROUND:
        o->foreground = true;
        return 0;
    case OPT_SINGLE:
        o->single = o->foreground = true;
        return 0;
    case OPT_FORCE:
        o->force = true;
        return 0;
    case OPT_LAYOUT: /* asked by a keeper of another version */
        code = number(optarg, "--layout", UINT32_MAX, &value, err);
        if (code == 0 && value != SHARED_LAYOUT)
            code = dpl_err_set(err, DPL_E_USAGE, "the layout here is %u", SHARED_LAYOUT);
        return code == 0 ? 1 : code;
    case OPT_NO_WATCH:
        o->no_watch = true;
        return 0;
    case OPT_RUN_DIR:
        o->run_dir = optarg;
        return 0;
    case OPT_HELP:
        help();
        return 1;
    case OPT_VERSION:
        printf("doppel-capture %s, layout %u\n", PACKAGE_VERSION, SHARED_LAYOUT);
        return 1;
    default:
        return take_action(o, option, err);
    }
}

static int check_set(const struct options *o, struct dpl_err *err)
{
    if (o->set == NULL || !dpl_path_name_ok(o->set) || strlen(o->set) > DPL_SET_NAME_MAX)
        return dpl_err_set(err, DPL_E_USAGE, "--set: a name without '/' is needed");
    return 0;
}

static int check(const struct options *o, struct dpl_err *err)
{
    if (!dpl_path_absolute_ok(o->run_dir))
        return dpl_err_set(err, DPL_E_USAGE, "--run-dir: an absolute path is needed");
    if (o->dirty_log != NULL && !dpl_path_absolute_ok(o->dirty_log))
        return dpl_err_set(err, DPL_E_USAGE, "the dirty log's path must be absolute");
    if (o->dirty_log_bytes < DPL_DIRTY_MIN_BYTES)
        return dpl_err_set(err, DPL_E_USAGE, "--dirty-log-size: at least 1 MiB");
    if (o->action == ACTION_DIRTY_CREATE)
        return 0;
    if (o->action == ACTION_STATUS)
        return o->set == NULL ? 0 : check_set(o, err);
    if (o->action == ACTION_CLEAR_STALE && o->root_count == 0)
        return dpl_err_set(err, DPL_E_USAGE, "--clear-stale: at least one root is needed");
    if (o->action == ACTION_REPORT || o->action == ACTION_CLEAR_STALE)
        return 0;
    if (check_set(o, err) != 0)
        return DPL_E_USAGE;
    if (o->action == ACTION_STOP)
        return 0;
    if (o->root_count == 0)
        return dpl_err_set(err, DPL_E_USAGE, "--root: at least one is needed");
    if (o->journal_dir == NULL || !dpl_path_absolute_ok(o->journal_dir))
        return dpl_err_set(err, DPL_E_USAGE, "--journal: an absolute path is needed");
    if (o->segment_bytes < DPL_SEGMENT_MIN)
        return dpl_err_set(err, DPL_E_USAGE, "--segment: at least %llu MiB", DPL_SEGMENT_MIN / MIB);
    if (o->ring_bytes < 8 * MIB)
        return dpl_err_set(err, DPL_E_USAGE, "--memory: at least 8 MiB");
    return 0;
}

int options_parse(struct options *options, int argc, char **argv, struct dpl_err *err)
{
    int option;

    *options = (struct options){.journal_max_bytes = 20480 * MIB,
                                .ring_bytes = 256 * MIB,
                                .dirty_log_bytes = 16 * MIB,
                                .sync_interval_ms = 5000,
                                .stop_wait_ms = 10000,
                                .crash_count = 20,
                                .crash_seconds = 60,
                                .renew_shortest_s = 1,
                                .renew_longest_s = 600,
                                .run_dir = OPTIONS_RUN_DIR,
                                .timeout_s = 60,
                                .resume_fd = -1};
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        int code;

        if (option == '?')
            return dpl_err_set(err, DPL_E_USAGE, "%s: unknown, or without its value",
                               argv[optind - 1]);
        code = take(options, option, err);
        if (code != 0)
            return code;
    }
    while (optind < argc && options->action == ACTION_CLEAR_STALE)
        if (add_root(options, argv[optind++], err) != 0)
            return DPL_E_USAGE;
    if (optind < argc)
        return dpl_err_set(err, DPL_E_USAGE, "'%s' is too much", argv[optind]);
    if (options->segment_bytes == 0)
        options->segment_bytes = dpl_segment_bytes_within(options->journal_max_bytes);
    return check(options, err);
}
