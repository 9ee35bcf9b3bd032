/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * mailer: the checker. From the newest message of a writer follows what else of it is there.
 */
#include "tests/crash/mailer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct mailer_options *options;
static long newest[MAILER_MOST + 1];
/* What any record says was finished before it, and which record that was. */
static long before[MAILER_MOST + 1];
static char before_who[MAILER_MOST + 1][64];
static long messages;
static int bad;

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...)
{
    va_list args;
    if (bad++ >= 20)
        return;
    va_start(args, format);
    printf("mailer: ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
}

/* Its numbers are those of its name, its bytes are whole; what it depends on is kept. */
static void take_record(int writer, long step, const char *text, size_t size, const char *name)
{
    struct mailer_record record;
    if (!mailer_decode(&record, text, size) || record.writer != writer || record.step != step) {
        complain("%s: no whole record (%zu bytes)", name, size);
        return;
    }
    for (int i = 0; i <= MAILER_MOST; i++)
        if (record.before[i] > before[i]) {
            before[i] = record.before[i];
            snprintf(before_who[i], sizeof before_who[i], "%.40s", name);
        }
}

struct found {
    int where; /* 0 tmp, 1 new, 2 cur */
    int writer;
    long step;
};
static struct found *all;
static size_t all_count;

static void take_message(int where, const char *dir, const char *name)
{
    static char text[MAILER_BYTES + 1];
    char path[400];
    struct found f = {.where = where};
    char end[8] = "";
    int fields = sscanf(name, "%d.%ld%7s", &f.writer, &f.step, end);
    snprintf(path, sizeof path, "%s/%.300s", dir, name);
    if (fields < 2 || f.writer < 0 || f.writer >= options->writers ||
        strcmp(end, where == 2 ? ":2,S" : "") != 0) {
        complain("%s: a strange name", path);
        return;
    }
    int fd = openat(options->dir_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (n < 0)
        complain("%s: %s", path, strerror(errno));
    else if (where > 0)
        take_record(f.writer, f.step, text, (size_t)n, path);
    if (fd >= 0)
        close(fd);
    if (where > 0 && f.step > newest[f.writer])
        newest[f.writer] = f.step;
    all = realloc(all, (all_count + 1) * sizeof *all);
    if (!all)
        abort();
    all[all_count++] = f;
}

static void read_maildir(void)
{
    static const char *const names[] = {"tmp", "new", "cur"};
    for (int where = 0; where < 3; where++) {
        int fd = openat(options->dir_fd, names[where], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
            complain("%s: %s", names[where], strerror(errno));
            continue;
        }
        for (struct dirent *e; (e = readdir(dir));)
            if (e->d_name[0] != '.')
                take_message(where, names[where], e->d_name);
        closedir(dir);
    }
}

/* Counts what is there of a writer in a directory, from step `from` to step `to`. */
static long count(int where, int writer, long from, long to)
{
    long n = 0;
    for (size_t i = 0; i < all_count; i++)
        n += all[i].where == where && all[i].writer == writer && all[i].step >= from &&
             all[i].step <= to;
    return n;
}

/* With newest k: its own step may have ended anywhere behind the rename to new/. */
static void judge_writer(int w)
{
    long k = newest[w], moved = k - MAILER_NEW, kept = k - MAILER_KEPT;
    bool was_moved = moved < 1 || count(2, w, moved, moved) == 1;
    bool was_removed = kept < 1 || count(2, w, kept, kept) == 0;
    if (was_removed && kept >= 1 && !was_moved)
        complain("writer %d: message %ld was removed before message %ld moved", w, kept, moved);
    long new_from = was_moved ? moved + 1 : moved, cur_to = was_moved ? moved : moved - 1;
    long cur_from = was_removed ? kept + 1 : kept;
    new_from = new_from < 1 ? 1 : new_from;
    cur_from = cur_from < 1 ? 1 : cur_from;
    long in_new = k - new_from + 1, in_cur = cur_to < cur_from ? 0 : cur_to - cur_from + 1;
    if (count(1, w, new_from, k) != in_new || count(1, w, 0, k) != in_new)
        complain("writer %d: of messages %ld to %ld there are %ld in new/, and %ld of all", w,
                 new_from, k, count(1, w, new_from, k), count(1, w, 0, k));
    if (count(2, w, cur_from, cur_to) != in_cur || count(2, w, 0, k) != in_cur)
        complain("writer %d: of messages %ld to %ld there are %ld in cur/, and %ld of all", w,
                 cur_from, cur_to, count(2, w, cur_from, cur_to), count(2, w, 0, k));
    if (count(0, w, k + 1, k + 1) != count(0, w, 0, LONG_MAX))
        complain("writer %d: tmp/ holds more than message %ld", w, k + 1);
    messages += in_new + in_cur;
}

static long number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = NULL;
    long n = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        n = (long)sqlite3_column_int64(s, 0);
    else
        complain("database: %s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(s);
    return n;
}

static void check_integrity(sqlite3 *db)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &s, NULL) != SQLITE_OK)
        complain("database: %s", sqlite3_errmsg(db));
    while (s && sqlite3_step(s) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(s, 0);
        if (!text || strcmp(text, "ok") != 0)
            complain("database: %s", text);
    }
    sqlite3_finalize(s);
}

static void read_rows(sqlite3 *db, int writer)
{
    sqlite3_stmt *s = NULL;
    char name[40];
    if (sqlite3_prepare_v2(db, "SELECT k, text FROM mail", -1, &s, NULL) != SQLITE_OK)
        complain("database: %s", sqlite3_errmsg(db));
    while (s && sqlite3_step(s) == SQLITE_ROW) {
        long k = (long)sqlite3_column_int64(s, 0);
        snprintf(name, sizeof name, "row %ld", k);
        take_record(writer, k, sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1), name);
    }
    sqlite3_finalize(s);
}

static void read_database(void)
{
    char path[4096];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/db", options->dir);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        complain("database: %s", sqlite3_errmsg(db));
        return;
    }
    check_integrity(db);
    long k = number(db, "SELECT k FROM counter"), first = k > MAILER_ROWS ? k - MAILER_ROWS + 1 : 1;
    if (number(db, "SELECT count(*) FROM mail") != k - first + 1 ||
        (k > 0 && (number(db, "SELECT max(k) FROM mail") != k ||
                   number(db, "SELECT min(k) FROM mail") != first)))
        complain("database: at step %ld its rows are not %ld to %ld", k, first, k);
    newest[options->writers] = k;
    read_rows(db, options->writers);
    sqlite3_close(db);
}

/* The last step of each writer that a list says was finished must be there. */
static void take_acks(void)
{
    FILE *f = fopen(options->acks, "re");
    int writer;
    long step;
    if (!f) {
        complain("\"%s\": %s", options->acks, strerror(errno));
        return;
    }
    while (fscanf(f, "%d %ld\n", &writer, &step) == 2)
        if (writer >= 0 && writer <= MAILER_MOST && step > before[writer]) {
            before[writer] = step;
            snprintf(before_who[writer], sizeof before_who[writer], "the writer");
        }
    fclose(f);
}

int mailer_check(const struct mailer_options *o)
{
    options = o;
    if (faccessat(o->dir_fd, "begun", F_OK, 0) == 0) {
        read_maildir();
        for (int w = 0; w < o->writers; w++)
            judge_writer(w);
        if (o->database)
            read_database();
    }
    if (o->acks)
        take_acks();
    for (int i = 0; i < o->writers + o->database; i++)
        if (newest[i] < before[i])
            complain("writer %d is at step %ld, but %s says that it finished step %ld", i,
                     newest[i], before_who[i], before[i]);
    printf("mailer: steps");
    for (int i = 0; i < o->writers + o->database; i++)
        printf(" %ld", newest[i]);
    printf(", %ld messages\n", messages);
    return bad > 0 ? 1 : 0;
}
