/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel verify: begins a comparison, follows it to its end, and says what it has found; with
 * --repair a mirror follows where something differs.
 */
#include "lib/client/client.h"
#include "lib/ctl/quote.h"
#include "tools/doppel.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CALL_MS = 35000, LOOK_MS = 200, SILENT_MS = 10000, GONE_MS = 6000, PRINTED = 20 };

struct verify {
    struct doppel *doppel;
    const char *set;
    char *peer;
    int64_t wish;
    bool drawn;
};

static const char *text_or(const struct dpl_doc *doc, const char *key, const char *fallback)
{
    const char *text = dpl_doc_text(doc, key);
    return text && text[0] ? text : fallback;
}

static void clear_line(struct verify *v)
{
    if (v->drawn)
        printf("\r%40s\r", "");
    v->drawn = false;
}

static void draw(struct verify *v, const struct dpl_doc *status)
{
    if (v->doppel->json || v->doppel->quiet || !isatty(STDOUT_FILENO))
        return;
    printf("\r%lld objects", (long long)dpl_doc_int(status, "objects_at_target", 0));
    fflush(stdout);
    v->drawn = true;
}

/* Waits for the end of the mirror that was wished: its result, or what became of it. */
static int follow(struct verify *v, struct dpl_doc **status_r, struct dpl_err *err)
{
    struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    int64_t silent_ms = 0, gone_ms = 0;
    g_autoptr(dpl_doc_auto) args = dpl_doc_new();
    dpl_doc_set_text(args, "set", v->set);
    for (; !doppel_stop; nanosleep(&pause, NULL)) {
        g_autoptr(dpl_doc_auto) status = NULL;
        if (doppel_ask(v->doppel, "mirror status", args, CALL_MS, &status, err) < 0) {
            silent_ms += LOOK_MS;
            if (err->code != DPL_E_NOT_RUNNING || silent_ms > SILENT_MS)
                return err->code;
            continue;
        }
        silent_ms = 0;
        if (dpl_doc_int(dpl_doc_tree(status, "last"), "wish", 0) == v->wish) {
            *status_r = g_steal_pointer(&status);
            return DPL_OK;
        }
        gone_ms = dpl_doc_int(status, "wished", 0) == v->wish ? 0 : gone_ms + LOOK_MS;
        if (gone_ms > GONE_MS)
            return dpl_err_set(err, DPL_E_FAILED, "it did not come to its end: %s",
                               text_or(status, "why", "stopped, or another mirror took its place"));
        draw(v, status);
    }
    return dpl_err_set(err, DPL_E_INTERRUPTED,
                       "interrupted; it goes on: doppel mirror status %s has what comes of it",
                       v->set);
}

/* Begins the comparison, or the mirror that repairs, and waits for its end. */
static int run(struct verify *v, const struct dpl_doc *given, bool repair,
               struct dpl_doc **status_r, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) args = dpl_doc_copy(given);
    g_autoptr(dpl_doc_auto) result = NULL;
    dpl_doc_set_bool(args, "repair", repair);
    int rc = doppel_ask(v->doppel, "verify", args, CALL_MS, &result, err);
    if (rc < 0)
        return rc;
    v->wish = dpl_doc_int(result, "wish", 0);
    g_free(v->peer);
    v->peer = g_strdup(text_or(result, "peer", "?"));
    rc = follow(v, status_r, err);
    clear_line(v);
    return rc;
}

static void print_found(const struct verify *v, const struct dpl_doc *last)
{
    const struct dpl_doc *found = dpl_doc_list(last, "found");
    for (size_t i = 0; i < dpl_doc_count(found) && i < PRINTED; i++) {
        const struct dpl_doc *row = dpl_doc_at(found, i);
        const char *path = text_or(row, "path", "?");
        g_autoptr(GString) quoted = g_string_new(NULL);
        dpl_quote_into(quoted, path, strlen(path));
        printf("  %-10s %s\n", text_or(row, "what", "?"), quoted->str);
    }
    if (dpl_doc_count(found) > 0)
        printf("the list: .doppel/%s/differences beside the roots at site %s\n", v->set, v->peer);
}

static void print_compared(const struct verify *v, const struct dpl_doc *last)
{
    long long missing = dpl_doc_int(last, "created", 0), differ = dpl_doc_int(last, "changed", 0);
    long long extra = dpl_doc_int(last, "orphans", 0), open = dpl_doc_int(last, "unsettled", 0);
    bool equal = dpl_doc_bool(last, "equal", false);
    printf("set %s: %s: %lld objects compared, at position %lld of epoch %lld", v->set,
           equal                           ? "equal"
           : missing + differ + extra == 0 ? "not known to be equal"
                                           : "not equal",
           (long long)dpl_doc_int(last, "objects", 0), (long long)dpl_doc_int(last, "lsn", 0),
           (long long)dpl_doc_int(last, "epoch", 0));
    if (!equal)
        printf("; at site %s %lld missing, %lld otherwise, %lld too many; %lld changed too often "
               "to be told",
               v->peer, missing, differ, extra, open);
    printf("\n");
    print_found(v, last);
}

static void print_repaired(const struct verify *v, const struct dpl_doc *last)
{
    printf("set %s: repaired: %lld made, %lld changed, %lld orphans, %lld of them gone\n", v->set,
           (long long)dpl_doc_int(last, "created", 0), (long long)dpl_doc_int(last, "changed", 0),
           (long long)dpl_doc_int(last, "orphans", 0),
           (long long)dpl_doc_int(last, "orphans_gone", 0));
}

static void print_json(const struct verify *v, const struct dpl_doc *compared,
                       const struct dpl_doc *repaired)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_text(doc, "set", v->set);
    dpl_doc_set_text(doc, "peer", v->peer);
    dpl_doc_set(doc, "compared", dpl_doc_copy(compared));
    if (repaired)
        dpl_doc_set(doc, "repaired", dpl_doc_copy(repaired));
    g_autofree char *text = dpl_doc_to_json(doc, true);
    fputs(text, stdout);
}

static int verify(struct verify *v, const struct dpl_doc *args, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) compared = NULL;
    g_autoptr(dpl_doc_auto) repaired = NULL;
    int rc = run(v, args, false, &compared, err);
    const struct dpl_doc *last = dpl_doc_tree(compared, "last");
    if (rc < 0)
        return rc;
    if (!dpl_doc_get(last, "equal"))
        return dpl_err_set(err, DPL_E_UNSUPPORTED, "site \"%s\" has a version that cannot compare",
                           v->peer);
    bool equal = dpl_doc_bool(last, "equal", false);
    bool plain = !v->doppel->json && !v->doppel->quiet;
    if (plain)
        print_compared(v, last);
    if (!equal && dpl_doc_bool(args, "repair", false)) {
        fflush(stdout);
        rc = run(v, args, true, &repaired, err);
        if (rc == DPL_OK && plain)
            print_repaired(v, dpl_doc_tree(repaired, "last"));
        equal = rc == DPL_OK;
    }
    if (v->doppel->json)
        print_json(v, last, dpl_doc_tree(repaired, "last"));
    return rc < 0 ? rc : !equal;
}

int doppel_verify(struct doppel *doppel, const struct dpl_command *command,
                  const struct dpl_doc *args)
{
    struct verify v = {.doppel = doppel, .set = text_or(args, "set", "?")};
    struct dpl_err err = {0};
    int rc = verify(&v, args, &err);
    g_free(v.peer);
    if (rc < 0)
        return doppel_fail(command->words, &err);
    return doppel_flushed(command->words, rc == 0 ? 0 : dpl_err_cli_exit(DPL_E_TIMEOUT));
}
