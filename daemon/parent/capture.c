/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Captures: started outside our control group and session, adopted when they run already, started
 * again when their keeper is gone. They outlive us, and are ended by hand:
 * doppel-capture --stop.
 *
 * How a capture is comes from its lock and its status page (lib/capstat), never from its mount.
 */
#include "daemon/parent/asked.h"
#include "daemon/parent/daemon.h"
#include "daemon/parent/log.h"
#include "daemon/parent/scope.h"
#include "daemon/parent/service.h"
#include "daemon/parent/set_doc.h"
#include "daemon/parent/turn.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/capstat/detached.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TELL_AGAIN_NS (INT64_C(600) * 1000000000)

enum { LOOK_MS = 1000, SOON_MS = 50, START_MS = 60000 };

static const struct dpl_child_kind direct_kind = {
    .name = "capture", .program = "doppel-capture", .stop_ms = 2000, .most_ms = START_MS};
static const struct dpl_child_kind scope_kind = {
    .name = "capture", .program = DPL_SCOPE_PROGRAM, .stop_ms = 2000, .most_ms = START_MS};
static const struct dpl_backoff_policy policy = {1000, 60000, 30000};

static char *run_dir(const struct dpl_set *set)
{
    return g_build_filename(set->daemon->settings.run_dir, "capture", NULL);
}

static void look(void *self);

static void look_later(struct dpl_set *set, int64_t ms)
{
    if (set->capture.wanted)
        dpl_timer_set(&set->capture.timer, set->daemon->loop, ms, look, set);
}

static void forget_keeper(struct dpl_set *set)
{
    dpl_watch_remove(&set->capture.keeper_watch);
    dpl_fd_clear(&set->capture.keeper_fd);
}

static void keeper_ended(void *self, int revents)
{
    struct dpl_set *set = self;
    (void)revents;
    set->capture.keeper_gone = set->capture.keeper_pid; /* its page may stand for a moment */
    forget_keeper(set);
    look_later(set, 0);
}

/* Watches the keeper, so that its end is seen at once. */
static void watch_keeper(struct dpl_set *set, const struct dpl_capstat *page)
{
    uint64_t ticks = 0, pid = dpl_capstat_keeper(page, &ticks);
    if (set->capture.keeper_fd >= 0 || pid == 0 || pid == set->capture.keeper_gone)
        return;
    int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    if (fd < 0)
        return;
    set->capture.keeper_fd = fd;
    set->capture.keeper_pid = pid;
    if (dpl_watch_add(&set->capture.keeper_watch, set->daemon->loop, fd, POLLIN, keeper_ended, set,
                      NULL) < 0)
        dpl_fd_clear(&set->capture.keeper_fd);
    else
        dpl_log(LOG_NOTICE, "set \"%s\": its capture runs, process %d", set->name, (int)pid);
}

/* What happens to a capture that serves on: told when its number has grown, and not again for a
 * while. A page begins with
 * nothing, or with what an earlier daemon has told. */
static void tell_counts(struct dpl_set *set, const struct dpl_capstat *page,
                        const struct dpl_capstat_now *now)
{
    struct dpl_capture *c = &set->capture;
    const struct {
        const char *what, *text;
        struct dpl_told *told;
        uint64_t count;
    } rows[] = {
        {"bypass", "changes were made past the capture", &c->bypasses, now->bypasses},
        {"fallback", "syncs were answered without the target", &c->fallbacks,
         now->remote_fallbacks},
        {"journal", "the journal ended before the changes did: a mirror is needed", &c->ends,
         now->journal_ends},
    };
    uint64_t ticks, pid = dpl_capstat_keeper(page, &ticks);
    int64_t now_ns = dpl_clock_now_ns(&dpl_clock_system);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct dpl_told *told = rows[i].told;
        bool another = pid != c->counted_pid;
        if (!another && rows[i].count > told->count && told->at_ns != 0 &&
            now_ns - told->at_ns < TELL_AGAIN_NS)
            continue;
        if (!another && rows[i].count > told->count) {
            g_autofree char *value = g_strdup_printf("%llu", (unsigned long long)rows[i].count);
            g_autofree char *text =
                g_strdup_printf("set %s: %s, %s so far", set->name, rows[i].text, value);
            dpl_log(LOG_WARNING, "%s", text);
            dpl_alert_set(set, rows[i].what, value, text);
            told->at_ns = now_ns;
        }
        told->count = rows[i].count;
    }
    c->gap |= now->mode == DPL_CAPSTAT_PASS;
    c->counted_pid = pid;
}

/* How the capture is, by its lock and its page. */
static enum dpl_capstat_state state_of(struct dpl_set *set)
{
    g_autofree char *dir = run_dir(set);
    struct dpl_capstat *page = NULL;
    struct dpl_capstat_now now = {0};
    int running = dpl_capstat_running(dir, set->name, NULL);
    if (dpl_capstat_open(&page, dir, set->name, NULL) < 0)
        return running == 1 ? DPL_CAPSTAT_IS_STARTING : DPL_CAPSTAT_IS_DOWN;
    dpl_capstat_read(page, &now);
    enum dpl_capstat_state state =
        dpl_capstat_judge(&now, running, dpl_clock_now_ns(&dpl_clock_system));
    if (state != DPL_CAPSTAT_IS_DOWN)
        watch_keeper(set, page);
    if (state != DPL_CAPSTAT_IS_DOWN)
        tell_counts(set, page, &now);
    dpl_capstat_close(page);
    return state;
}

static int write_rules(struct dpl_set *set, char **path_r, struct dpl_err *err)
{
    const char *rules = dpl_doc_text(set->doc, "rules");
    g_autofree char *dir = g_build_filename(set->daemon->settings.run_dir, "rules", NULL);
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return dpl_err_sys(err, errno, "make \"%s\"", dir);
    dpl_autofd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return dpl_err_sys(err, errno, "open \"%s\"", dir);
    int rc = dpl_file_replace(fd, set->name, rules, strlen(rules), 0600, err);
    if (rc == DPL_OK)
        *path_r = g_build_filename(dir, set->name, NULL);
    return rc;
}

/* What a capture says, also while no daemon runs: it holds both ends of a named pipe, so that a
 * bounded number of lines waits there for the next daemon, and it never waits itself. */
static int open_said(const struct dpl_set *set, struct dpl_err *err)
{
    const char *run = set->daemon->settings.run_dir;
    g_autofree char *dir = g_build_filename(run, "said", NULL);
    g_autofree char *path = g_build_filename(dir, set->name, NULL);
    struct stat st;
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return dpl_err_sys(err, errno, "make \"%s\"", dir);
    if (mkfifo(path, 0600) < 0 && errno != EEXIST)
        return dpl_err_sys(err, errno, "make \"%s\"", path);
    dpl_autofd int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
        return dpl_err_sys(err, fd < 0 ? errno : EEXIST, "open \"%s\"", path);
    return dpl_fd_steal(&fd);
}

static void hear(struct dpl_set *set)
{
    struct dpl_err err = {0};
    if (set->capture.said.line)
        return;
    int fd = open_said(set, &err);
    if (!set->capture.said_name)
        set->capture.said_name = g_strdup_printf("capture %s", set->name);
    if (fd < 0 ||
        dpl_lines_open(&set->capture.said, set->daemon->loop, fd, set->capture.said_name, &err) < 0)
        dpl_log(LOG_WARNING, "set \"%s\": what its capture says is lost: %s", set->name, err.text);
}

static void add(GPtrArray *args, const char *option, char *value)
{
    g_ptr_array_add(args, g_strdup(option));
    g_ptr_array_add(args, value);
}

static const struct dpl_child_kind *add_scope(struct dpl_set *set, GPtrArray *args)
{
    const struct dpl_settings *s = &set->daemon->settings;
    g_autofree char *unit = g_strdup_printf("doppel-capture-%s%s%s", set->name,
                                            s->instance ? "-" : "", s->instance ? s->instance : "");
    if (!dpl_scope_args(args, unit))
        return &direct_kind;
    g_ptr_array_add(args, g_build_filename(s->libexec_dir, direct_kind.program, NULL));
    return &scope_kind;
}

static int64_t min_free_mib(const struct dpl_settings *s)
{
    struct statvfs fs;
    if (statvfs(s->journal_dir, &fs) < 0)
        return 0;
    double mib = (double)fs.f_blocks * (double)fs.f_frsize / (1 << 20);
    return (int64_t)(mib * (double)dpl_conf_value(s->conf, "journal", "min_free") / 100);
}

/* Of a set that a target is to follow: a sync waits for that one from the start, before the link
 * has come. */
static void add_remote(const struct dpl_set *set, GPtrArray *args)
{
    if (!dpl_doc_bool(set->doc, "begun", false) ||
        g_strcmp0(dpl_option_text(set, "durability"), "remote") != 0)
        return;
    add(args, "--remote",
        g_strdup_printf("%s/%lld", dpl_option_text(set, "durability_policy"),
                        (long long)dpl_option_value(set, "durability_timeout")));
}

static const struct dpl_child_kind *arguments(struct dpl_set *set, const char *rules,
                                              GPtrArray *args)
{
    const struct dpl_settings *s = &set->daemon->settings;
    const struct dpl_child_kind *kind = add_scope(set, args);
    g_autoptr(dpl_doc_auto) roots = dpl_set_doc_roots(set->doc);
    add(args, "--set", g_strdup(set->name));
    for (size_t i = 0; i < dpl_doc_count(roots); i++)
        add(args, "--root", g_strdup(dpl_doc_as_text(dpl_doc_at(roots, i))));
    add(args, "--journal", g_build_filename(s->journal_dir, set->name, NULL));
    add(args, "--rules", g_strdup(rules));
    add(args, "--journal-max",
        g_strdup_printf("%lld", (long long)(dpl_conf_value(s->conf, "journal", "max_size") >> 20)));
    add(args, "--journal-min-free", g_strdup_printf("%lld", (long long)min_free_mib(s)));
    add(args, "--run-dir", run_dir(set));
    add_remote(set, args);
    if (set->capture.once) {
        g_ptr_array_add(args, g_strdup("--owner-stamp"));
        add(args, "--generation",
            g_strdup_printf("%lld", (long long)dpl_doc_int(set->doc, "generation", 0)));
    }
    g_ptr_array_add(args, NULL);
    return kind;
}

/* What a capture said last is why it did not start. */
static char *why_not(struct dpl_set *set)
{
    g_autofree char *prefix = g_strdup_printf("doppel-capture: set '%s': ", set->name);
    const char *said = dpl_lines_last(&set->capture.said);
    if (said && g_str_has_prefix(said, prefix))
        said += strlen(prefix);
    return g_strdup(said ? said : set->capture.why);
}

static void start_ended(void *self, int status, bool again)
{
    struct dpl_set *set = self;
    (void)again;
    g_clear_pointer(&set->capture.starter, dpl_child_free);
    if (set->daemon->stopping)
        return; /* what it began goes on without it */
    if (status == 0) {
        set->capture.why[0] = '\0';
        look_later(set, 0);
        return;
    }
    g_snprintf(set->capture.why, sizeof set->capture.why,
               "its capture could not start (%s %d); see the log", status < 0 ? "signal" : "exit",
               status < 0 ? -status : status);
    if (set->capture.once) {
        g_autofree char *why = why_not(set);
        dpl_asked_no_capture(set, why);
        return;
    }
    dpl_set_error(set, "%s", set->capture.why);
    look_later(set, dpl_backoff_next_ms(&set->capture.backoff, &policy, 0));
}

static const struct dpl_child_fns start_fns = {.ended = start_ended};

static int start(struct dpl_set *set, struct dpl_err *err)
{
    g_autoptr(GPtrArray) args = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *rules = NULL, *dir = run_dir(set);
    g_autofree char *journal = g_build_filename(set->daemon->settings.journal_dir, set->name, NULL);
    if (g_mkdir_with_parents(journal, 0700) < 0)
        return dpl_err_sys(err, errno, "make \"%s\"", journal);
    if (g_mkdir_with_parents(dir, 0755) < 0)
        return dpl_err_sys(err, errno, "make \"%s\"", dir);
    int rc = write_rules(set, &rules, err);
    if (rc < 0)
        return rc;
    const struct dpl_child_kind *kind = arguments(set, rules, args);
    set->capture.starter = dpl_child_new(set->daemon->children, kind, set->name,
                                         (const char *const *)args->pdata, &start_fns, set);
    if (set->capture.said.line)
        dpl_child_set_stderr(set->capture.starter, open_said(set, NULL));
    return dpl_child_start(set->capture.starter, err);
}

static void begin_again(struct dpl_set *set)
{
    struct dpl_err err = {0};
    /* Only this node's mark: the shared disk may hang, and agents look at that. */
    if (dpl_detached_is(set->daemon->settings.state_dir, NULL, set->name)) {
        g_snprintf(set->capture.why, sizeof set->capture.why,
                   "it was detached by hand (doppel emergency attach %s ends that)", set->name);
        if (set->capture.once)
            dpl_asked_no_capture(set, set->capture.why);
        else
            look_later(set, LOOK_MS);
        return;
    }
    if (!dpl_services_stopped(set)) {
        g_strlcpy(set->capture.why, "its services have to stop first", sizeof set->capture.why);
        look_later(set, SOON_MS);
        return;
    }
    set->capture.may_start = !set->capture.once;
    if (start(set, &err) == DPL_OK)
        return;
    g_clear_pointer(&set->capture.starter, dpl_child_free);
    if (set->capture.once) {
        dpl_asked_no_capture(set, err.text);
        return;
    }
    dpl_set_error(set, "%s", err.text);
    look_later(set, dpl_backoff_next_ms(&set->capture.backoff, &policy, 0));
}

/* That it starts is no news to alert of, nor that it is there, but after it was not. */
static void tell_state(struct dpl_set *set, enum dpl_capstat_state before)
{
    struct dpl_capture *c = &set->capture;
    const char *state = dpl_capstat_state_text(c->state);
    bool serves = c->state == DPL_CAPSTAT_IS_SERVING;
    bool passes = c->state == DPL_CAPSTAT_IS_PASSING; /* tell_counts tells of it, now and then */
    g_autofree char *text = g_strdup_printf("set %s: its capture is %s", set->name, state);
    dpl_log(serves ? LOG_NOTICE : LOG_WARNING, "%s", text);
    if (serves
            ? c->failed
            : !passes && (before == DPL_CAPSTAT_IS_SERVING || before == DPL_CAPSTAT_IS_PASSING)) {
        dpl_alert_set(set, "capture", state, text);
        c->failed = !serves;
    }
}

static void look(void *self)
{
    struct dpl_set *set = self;
    struct dpl_capture *c = &set->capture;
    if (!c->wanted || c->starter || set->daemon->stopping)
        return;
    enum dpl_capstat_state before = c->state;
    c->state = state_of(set);
    if (c->state != before)
        tell_state(set, before);
    if (c->state == DPL_CAPSTAT_IS_DOWN) {
        forget_keeper(set);
        /* Under the feet of services nothing is mounted anew: their agent's monitor fails. */
        if (c->may_start)
            begin_again(set);
        else
            look_later(set, LOOK_MS);
    } else {
        if (c->state == DPL_CAPSTAT_IS_SERVING)
            c->backoff.failures = 0;
        bool soon = c->keeper_fd < 0 || c->state == DPL_CAPSTAT_IS_STARTING;
        look_later(set, soon ? SOON_MS : LOOK_MS);
    }
    if (c->state != before)
        dpl_set_review(set);
}

/* Where the configuration has no group for the set, an agent may capture it. */
static bool is_wanted(const struct dpl_set *set)
{
    return set->source && dpl_option_value(set, "capture") != 0 &&
           (set->asked || dpl_turn_role_is(set, "serving"));
}

void dpl_capture_begin(struct dpl_set *set)
{
    set->capture.state = DPL_CAPSTAT_IS_DOWN;
    set->capture.wanted = is_wanted(set);
    set->capture.once = set->asked != NULL;
    set->capture.may_start = !set->capture.once;
    if (set->capture.wanted)
        hear(set);
    look_later(set, 0);
}

void dpl_capture_ask(struct dpl_set *set)
{
    dpl_capture_begin(set);
    set->capture.may_start = true;
}

void dpl_capture_look(struct dpl_set *set)
{
    set->capture.state = state_of(set);
}

void dpl_capture_reload(struct dpl_set *set)
{
    if (is_wanted(set) == set->capture.wanted)
        return;
    if (!set->capture.wanted) {
        dpl_capture_begin(set);
        return;
    }
    dpl_capture_end(set);
    if (set->capture.state != DPL_CAPSTAT_IS_DOWN)
        dpl_log(LOG_NOTICE,
                "set \"%s\": its capture is not looked after any more, and goes on until "
                "doppel-capture --stop --set %s",
                set->name, set->name);
}

void dpl_capture_end(struct dpl_set *set)
{
    set->capture.wanted = false;
    dpl_timer_clear(&set->capture.timer);
    forget_keeper(set);
    g_clear_pointer(&set->capture.starter, dpl_child_free);
    dpl_lines_close(&set->capture.said);
    g_clear_pointer(&set->capture.said_name, g_free);
}

enum dpl_capstat_state dpl_capture_state(struct dpl_set *set)
{
    return state_of(set);
}

bool dpl_capture_serves(const struct dpl_set *set)
{
    return set->capture.state == DPL_CAPSTAT_IS_SERVING ||
           set->capture.state == DPL_CAPSTAT_IS_PASSING;
}

void dpl_capture_renew(struct dpl_set *set)
{
    if (state_of(set) == DPL_CAPSTAT_IS_PASSING && set->capture.keeper_fd >= 0)
        (void)syscall(SYS_pidfd_send_signal, set->capture.keeper_fd, SIGHUP, NULL, 0);
}

struct dpl_doc *dpl_capture_doc(struct dpl_set *set)
{
    g_autofree char *dir = run_dir(set);
    struct dpl_capstat *page = NULL;
    struct dpl_doc *doc = dpl_doc_new();
    enum dpl_capstat_state state = state_of(set);
    dpl_doc_set_text(doc, "state", dpl_capstat_state_text(state));
    dpl_doc_set_bool(doc, "wanted", set->capture.wanted);
    if (set->capture.why[0])
        dpl_doc_set_text(doc, "why", set->capture.why);
    if (state == DPL_CAPSTAT_IS_DOWN || dpl_capstat_open(&page, dir, set->name, NULL) < 0)
        return doc;
    struct dpl_capstat_now now;
    dpl_capstat_read(page, &now);
    uint64_t ticks;
    dpl_doc_set_int(doc, "keeper", (int64_t)dpl_capstat_keeper(page, &ticks));
    dpl_doc_set_int(doc, "epoch", (int64_t)dpl_capstat_epoch(page));
#define DPL_CAPSTAT(member, kind, text) dpl_doc_set_int(doc, #member, (int64_t)now.member);
#include "lib/capstat/capstat.tbl.h"
#undef DPL_CAPSTAT
    dpl_capstat_close(page);
    return doc;
}
