/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How captures are, see status.h.
 */
#include "daemon/capture/status.h"

#include "daemon/capture/fusectl.h"
#include "daemon/capture/mount.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/capstat/capstat.h"
#include "lib/journal/arena.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum kind {
    KIND_COUNT,
    KIND_BYTES,
    KIND_LSN,
    KIND_AT,
    KIND_SPAN,
    KIND_FLAG,
    KIND_MODE,
    KIND_REASON
};

static const struct row {
    const char *name;
    enum kind kind;
    size_t offset;
} rows[] = {
#define DPL_CAPSTAT(member, kind, text)                                                            \
    {#member, KIND_##kind, offsetof(struct dpl_capstat_now, member)},
#include "lib/capstat/capstat.tbl.h"
#undef DPL_CAPSTAT
};

/* One set, looked at once. */
struct look {
    const char *set;
    enum dpl_capstat_state state;
    struct dpl_capstat *capstat; /* NULL: there is no page */
    struct dpl_capstat_now now;
    int64_t at_ns;
    uint64_t keeper;
    int ctl_fd;
    struct dpl_err err;
};

static int look_at(const struct options *options, const char *set, struct look *look)
{
    int running = dpl_capstat_running(options->run_dir, set, NULL);
    int code;

    *look = (struct look){.set = set, .state = DPL_CAPSTAT_IS_DOWN, .ctl_fd = -1};
    code = dpl_capstat_open(&look->capstat, options->run_dir, set, &look->err);
    look->at_ns = dpl_clock_now_ns(&dpl_clock_system);
    if (code == DPL_E_NOT_RUNNING) {
        if (running == 1)
            look->state = DPL_CAPSTAT_IS_STARTING;
        return 0;
    }
    if (code != 0)
        return code;
    dpl_capstat_read(look->capstat, &look->now);
    look->keeper = dpl_capstat_keeper(look->capstat, &(uint64_t){0});
    look->state = dpl_capstat_judge(&look->now, running, look->at_ns);
    look->ctl_fd = running != 0 ? dpl_fusectl_open(NULL) : -1;
    return 0;
}

static void look_done(struct look *look)
{
    dpl_capstat_close(look->capstat);
    if (look->ctl_fd >= 0)
        dpl_fd_clear(&look->ctl_fd);
}

static const char *mode_text(uint64_t mode)
{
    return mode == DPL_CAPSTAT_JOURNAL ? "journal" : mode == DPL_CAPSTAT_PASS ? "pass" : "starting";
}

static const char *reason_text(uint64_t reason)
{
    return reason == DPL_JOURNAL_RUNS ? "none" : dpl_journal_end_text((unsigned)reason);
}

static uint64_t value_of(const struct look *look, const struct row *row)
{
    uint64_t value;

    memcpy(&value, (const char *)&look->now + row->offset, sizeof(value));
    return value;
}

/* Where the value is a word; else NULL. */
static const char *word_of(const struct row *row, uint64_t value)
{
    if (row->kind == KIND_MODE)
        return mode_text(value);
    return row->kind == KIND_REASON ? reason_text(value) : NULL;
}

/* The age of what happened at a time: times of this clock mean nothing to a person. */
static int64_t age_ns(const struct look *look, uint64_t at_ns)
{
    return at_ns == 0 ? -1 : look->at_ns - (int64_t)at_ns;
}

/* Requests of the kernel that the root's connection has in its hands. False: nobody knows. */
static bool waiting_of(const struct look *look, uint32_t root, uint64_t *waiting)
{
    return look->ctl_fd >= 0 &&
           dpl_fusectl_waiting(look->ctl_fd,
                               dpl_capstat_what(look->capstat)->roots[root].connection, waiting,
                               NULL) == 0;
}

/* --- text ------------------------------------------------------------------------------------- */

static void text_row(const struct look *look, const struct row *row)
{
    uint64_t value = value_of(look, row);
    g_autofree char *name = g_strdup(row->name);

    g_strdelimit(name, "_", '-');
    if (g_str_has_suffix(name, "-ns"))
        name[strlen(name) - 3] = '\0';
    printf("  %-18s ", name);
    if (word_of(row, value) != NULL)
        printf("%s\n", word_of(row, value));
    else if (row->kind == KIND_FLAG)
        puts(value != 0 ? "yes" : "no");
    else if (row->kind == KIND_SPAN)
        printf("%.1f ms\n", (double)value / 1e6);
    else if (row->kind == KIND_AT)
        printf("%.2f s ago\n", (double)age_ns(look, value) / 1e9);
    else
        printf("%" PRIu64 "\n", value);
}

static void text_set(const struct look *look)
{
    const struct dpl_capstat_what *what;

    printf("set %s: %s\n", look->set, dpl_capstat_state_text(look->state));
    if (look->capstat == NULL)
        return;
    what = dpl_capstat_what(look->capstat);
    for (uint32_t i = 0; i < what->root_count; i++) {
        uint64_t waiting;

        printf("  %-18s %s", "root", what->roots[i].path);
        if (waiting_of(look, i, &waiting))
            printf(" (%" PRIu64 " requests in hand)", waiting);
        else if (look->state == DPL_CAPSTAT_IS_DOWN && mount_ours_at(what->roots[i].path) != 0)
            printf(" (still mounted)");
        putchar('\n');
    }
    printf("  %-18s %s\n  %-18s %" PRIu64 " ", "journal", what->journal_dir, "epoch",
           what->epoch_number);
    for (size_t i = 0; i < sizeof(what->epoch_id); i++)
        printf("%02x", what->epoch_id[i]);
    printf("\n  %-18s %" PRIu64 "\n", "keeper", look->keeper);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        text_row(look, &rows[i]);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_string(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    putchar('"');
    for (const char *at = valid; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            printf("\\%c", *at);
        else if ((unsigned char)*at < 0x20)
            printf("\\u%04x", (unsigned)*at);
        else
            putchar(*at);
    }
    putchar('"');
}

static void json_rows(const struct look *look)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint64_t value = value_of(look, &rows[i]);

        if (rows[i].kind == KIND_AT) {
            g_autofree char *stem = g_strndup(rows[i].name, strlen(rows[i].name) - 3);

            printf(",\"%s_age_ns\":%" PRId64, stem, age_ns(look, value));
            continue;
        }
        printf(",\"%s\":", rows[i].name);
        if (word_of(&rows[i], value) != NULL)
            json_string(word_of(&rows[i], value));
        else if (rows[i].kind == KIND_FLAG)
            fputs(value != 0 ? "true" : "false", stdout);
        else
            printf("%" PRIu64, value);
    }
}

static void json_set(const struct look *look)
{
    const struct dpl_capstat_what *what;

    fputs("{\"set\":", stdout);
    json_string(look->set);
    fputs(",\"state\":", stdout);
    json_string(dpl_capstat_state_text(look->state));
    if (look->capstat == NULL) {
        putchar('}');
        return;
    }
    what = dpl_capstat_what(look->capstat);
    printf(",\"keeper\":%" PRIu64 ",\"epoch\":%" PRIu64 ",\"epoch_id\":\"", look->keeper,
           what->epoch_number);
    for (size_t i = 0; i < sizeof(what->epoch_id); i++)
        printf("%02x", what->epoch_id[i]);
    fputs("\",\"journal_dir\":", stdout);
    json_string(what->journal_dir);
    fputs(",\"roots\":[", stdout);
    for (uint32_t i = 0; i < what->root_count; i++) {
        uint64_t waiting;

        fputs(i == 0 ? "{\"path\":" : ",{\"path\":", stdout);
        json_string(what->roots[i].path);
        printf(",\"device\":%" PRIu64 ",\"connection\":%" PRIu64, what->roots[i].device,
               what->roots[i].connection);
        if (waiting_of(look, i, &waiting))
            printf(",\"waiting\":%" PRIu64, waiting);
        putchar('}');
    }
    putchar(']');
    json_rows(look);
    putchar('}');
}

/* --- all -------------------------------------------------------------------------------------- */

static int exit_of(enum dpl_capstat_state state)
{
    static const int exits[] = {[DPL_CAPSTAT_IS_SERVING] = STATUS_SERVING,
                                [DPL_CAPSTAT_IS_PASSING] = STATUS_NO_JOURNAL,
                                [DPL_CAPSTAT_IS_STARTING] = STATUS_STUCK,
                                [DPL_CAPSTAT_IS_STUCK] = STATUS_STUCK,
                                [DPL_CAPSTAT_IS_DOWN] = STATUS_NOT_RUNNING};

    return exits[state];
}

/* Prints one set. Returns its exit status. */
static int show(const struct options *options, const char *set, bool first)
{
    struct look look;
    int code = look_at(options, set, &look);

    if (code != 0) {
        fprintf(stderr, "doppel-capture: %s\n", look.err.text);
        return STATUS_FAILED;
    }
    if (!options->json) {
        text_set(&look);
    } else {
        if (!first)
            putchar(',');
        json_set(&look);
    }
    look_done(&look);
    return exit_of(look.state);
}

/* Sets that have a page, or a process: what has ended in order is no news. */
static int show_all(const struct options *options, GDir *dir)
{
    /* From better to worse. */
    static const int order[] = {STATUS_SERVING, STATUS_NO_JOURNAL, STATUS_NOT_RUNNING, STATUS_STUCK,
                                STATUS_FAILED};
    size_t worst = 0;
    bool first = true;
    const char *set;

    while ((set = g_dir_read_name(dir)) != NULL) {
        g_autofree char *page = g_build_filename(options->run_dir, set, DPL_CAPSTAT_NAME, NULL);
        size_t bad = 0;
        int code;

        if (!g_file_test(page, G_FILE_TEST_EXISTS) &&
            dpl_capstat_running(options->run_dir, set, NULL) != 1)
            continue;
        code = show(options, set, first);
        first = false;
        while (order[bad] != code)
            bad++;
        worst = MAX(worst, bad);
    }
    return first ? STATUS_NOT_RUNNING : order[worst];
}

int status_run(const struct options *options)
{
    GDir *dir;
    int code = STATUS_NOT_RUNNING;

    if (options->json)
        fputs("{\"sets\":[", stdout);
    if (options->set != NULL) {
        code = show(options, options->set, true);
    } else {
        dir = g_dir_open(options->run_dir, 0, NULL);
        if (dir != NULL) {
            code = show_all(options, dir);
            g_dir_close(dir);
        }
    }
    if (options->json)
        puts("]}");
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "doppel-capture: %s\n", strerror(errno));
        return STATUS_FAILED;
    }
    return code;
}
