/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel status --watch: every second the state of the sets, how old their replicas are, what waits
 * in the queues, and a graph of what went through in the last minute.
 *
 * A terminal is drawn over; elsewhere one picture follows the other, or with --output-as=json one
 * document a line. Nothing of the terminal is changed but what stands on it, so an interrupt at any
 * moment leaves it as it was.
 */
#include "lib/base/clock.h"
#include "tools/doppel.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CALL_MS = 10000, HISTORY = 60, STEPS = 8 };

struct history {
    int64_t rate[HISTORY]; /* bytes a second, oldest first */
    int64_t last_bytes, last_ns;
};

static const struct dpl_doc *engine_of(const struct dpl_doc *set)
{
    return dpl_doc_tree(dpl_doc_tree(set, "engine"), "status");
}

/* Bytes that the sets of a result have sent and received so far. */
static int64_t bytes_of(const struct dpl_doc *result)
{
    const struct dpl_doc *sets = dpl_doc_list(result, "sets");
    int64_t bytes = 0;
    for (size_t i = 0; i < dpl_doc_count(sets); i++) {
        const struct dpl_doc *status = engine_of(dpl_doc_at(sets, i));
        bytes += dpl_doc_int(status, "sent_bytes", 0) + dpl_doc_int(status, "received_bytes", 0);
    }
    return bytes;
}

/* A count that went back belongs to an engine that began anew: that second counts as nothing. */
static void note(struct history *h, int64_t bytes)
{
    int64_t now_ns = dpl_clock_now_ns(&dpl_clock_system);
    int64_t passed_ms = (now_ns - h->last_ns) / 1000000;
    memmove(h->rate, h->rate + 1, sizeof h->rate - sizeof h->rate[0]);
    h->rate[HISTORY - 1] = h->last_ns != 0 && bytes > h->last_bytes && passed_ms > 0
                               ? (bytes - h->last_bytes) * 1000 / passed_ms
                               : 0;
    h->last_bytes = bytes;
    h->last_ns = now_ns;
}

static const char *size_text(int64_t bytes, char *room, size_t size)
{
    static const char units[] = "BKMGT";
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1024 && units[unit + 1]; unit++)
        value /= 1024;
    snprintf(room, size, unit ? "%.1f %c" : "%.0f %c", value, units[unit]);
    return room;
}

static void print_queues(const struct dpl_doc *set)
{
    const struct dpl_doc *status = engine_of(set);
    int64_t lag_ms = dpl_doc_int(status, "lag_ms", -1);
    int64_t waiting = dpl_doc_int(status, "waiting_bytes", -1);
    int64_t queue =
        dpl_doc_int(status, "target_queue_bytes", dpl_doc_int(status, "queue_bytes", -1));
    char text[32];
    if (lag_ms >= 0)
        printf("%-9s%lld.%03lld s\n", "lag:", (long long)lag_ms / 1000, (long long)lag_ms % 1000);
    if (waiting >= 0)
        printf("%-9s%s to be sent\n", "source:", size_text(waiting, text, sizeof text));
    if (queue >= 0)
        printf("%-9s%s to be applied\n", "target:", size_text(queue, text, sizeof text));
}

static void print_history(const struct history *h)
{
    static const char *const bars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const plain[] = {" ", ".", ":", "-", "=", "+", "*", "%", "#"};
    const char *const *with = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? bars : plain;
    int64_t most = 1;
    char top[32], now[32];
    for (size_t i = 0; i < HISTORY; i++)
        most = h->rate[i] > most ? h->rate[i] : most;
    printf("\nthe last %d s: at most %s/s, now %s/s\n[", HISTORY, size_text(most, top, sizeof top),
           size_text(h->rate[HISTORY - 1], now, sizeof now));
    for (size_t i = 0; i < HISTORY; i++)
        fputs(with[(h->rate[i] * STEPS + most - 1) / most], stdout);
    printf("]\n");
}

static void print_picture(struct doppel *doppel, const struct dpl_doc *result,
                          const struct dpl_err *err, struct history *history)
{
    const struct dpl_doc *sets = dpl_doc_list(result, "sets");
    time_t now = time(NULL);
    struct tm tm;
    char clock[32];
    strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&now, &tm));
    if (isatty(STDOUT_FILENO) && g_strcmp0(g_getenv("TERM"), "dumb"))
        fputs("\033[H\033[2J", stdout);
    printf("doppel status, %s%s%s; Ctrl-C ends\n\n", clock, doppel->instance ? ", instance " : "",
           doppel->instance ? doppel->instance : "");
    if (!result) {
        printf("%s\n", err->text);
        return;
    }
    doppel_print_status(stdout, result, doppel_colours(), doppel->verbose);
    for (size_t i = 0; i < dpl_doc_count(sets); i++) {
        if (dpl_doc_count(sets) > 1)
            printf("\n%s\n", dpl_doc_text(dpl_doc_at(sets, i), "set"));
        print_queues(dpl_doc_at(sets, i));
    }
    note(history, bytes_of(result));
    print_history(history);
}

static void print_line(const struct dpl_doc *result, const struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) failed = dpl_doc_new();
    if (!result)
        dpl_doc_set_text(failed, "error", err->text);
    g_autofree char *json = dpl_doc_to_json(result ? result : failed, false);
    printf("%s%s", json, g_str_has_suffix(json, "\n") ? "" : "\n");
}

int doppel_watch(struct doppel *doppel, const struct dpl_doc *args)
{
    struct history history = {0};
    struct timespec second = {.tv_sec = 1};
    setlocale(LC_CTYPE, "");
    while (!doppel_stop) {
        g_autoptr(dpl_doc_auto) result = NULL;
        struct dpl_err err = {0};
        doppel_ask(doppel, "status", args, CALL_MS, &result, &err);
        if (err.code == DPL_E_NOT_FOUND || err.code == DPL_E_PERM)
            return doppel_fail("status", &err);
        if (err.code == DPL_E_INTERRUPTED)
            break;
        if (doppel->json)
            print_line(result, &err);
        else
            print_picture(doppel, result, &err, &history);
        if (doppel_flushed("status", 0) != 0)
            return 1;
        nanosleep(&second, NULL);
    }
    return dpl_err_cli_exit(DPL_E_INTERRUPTED);
}
