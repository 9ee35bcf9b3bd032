/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * mailer: the writers, and a reader who sees what they finished. Any call that fails ends it all.
 */
#include "tests/crash/mailer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const struct mailer_options *options;
static atomic_long finished[MAILER_MOST + 1];
static atomic_bool over;
static _Atomic int64_t longest_ns;
static int acks_fd = -1;
static int64_t end_ns;

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "mailer: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    _exit(1);
}

static void must(bool good, const char *what, int writer, long step)
{
    if (!good)
        fail("writer %d, step %ld: %s: %s", writer, step, what, strerror(errno));
}

static void must_db(int rc, sqlite3 *db, const char *what)
{
    if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW)
        fail("%s: %s (%d)", what, sqlite3_errmsg(db), sqlite3_extended_errcode(db));
}

/* Whether writer `writer` has another step to make; waits for its turn. */
static bool goes_on(long step, int64_t began_ns)
{
    if (options->steps ? step > options->steps : now_ns() >= end_ns)
        return false;
    if (options->stop && access(options->stop, F_OK) == 0)
        return false;
    if (options->rate > 0) {
        int64_t due_ns = began_ns + step * (1000000000 / options->rate);
        const struct timespec due = {due_ns / 1000000000, due_ns % 1000000000};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
            ;
    }
    return true;
}

static struct mailer_record record_of(int writer, long step)
{
    struct mailer_record record = {.writer = writer, .step = step};
    for (int i = 0; i <= MAILER_MOST; i++)
        record.before[i] = atomic_load(&finished[i]);
    return record;
}

static void step_done(int writer, long step, int64_t began_ns)
{
    char line[48];
    int64_t took_ns = now_ns() - began_ns, most_ns = atomic_load(&longest_ns);
    while (took_ns > most_ns && !atomic_compare_exchange_weak(&longest_ns, &most_ns, took_ns))
        ;
    int n = snprintf(line, sizeof line, "%d %ld\n", writer, step);
    if (acks_fd >= 0)
        must(write(acks_fd, line, (size_t)n) == n, "write what was finished", writer, step);
    atomic_store(&finished[writer], step);
}

static void deliver(int writer, long step, int new_fd, char *text)
{
    char tmp[64], name[64], cur[64];
    const struct mailer_record record = record_of(writer, step);
    size_t size = mailer_encode(&record, text);
    snprintf(tmp, sizeof tmp, "tmp/%d.%ld", writer, step);
    snprintf(name, sizeof name, "new/%d.%ld", writer, step);
    int fd = openat(options->dir_fd, tmp, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    must(fd >= 0, "create", writer, step);
    must(write(fd, text, size / 2) == (ssize_t)(size / 2), "write", writer, step);
    must(write(fd, text + size / 2, size - size / 2) == (ssize_t)(size - size / 2), "write", writer,
         step);
    must(fsync(fd) == 0 && close(fd) == 0, "fsync", writer, step);
    must(renameat(options->dir_fd, tmp, options->dir_fd, name) == 0, "rename to new/", writer,
         step);
    must(fsync(new_fd) == 0, "fsync new/", writer, step);
    if (step > MAILER_NEW) {
        snprintf(name, sizeof name, "new/%d.%ld", writer, step - MAILER_NEW);
        snprintf(cur, sizeof cur, "cur/%d.%ld:2,S", writer, step - MAILER_NEW);
        must(renameat(options->dir_fd, name, options->dir_fd, cur) == 0, "rename to cur/", writer,
             step);
    }
    if (step > MAILER_KEPT) {
        snprintf(cur, sizeof cur, "cur/%d.%ld:2,S", writer, step - MAILER_KEPT);
        must(unlinkat(options->dir_fd, cur, 0) == 0, "remove", writer, step);
    }
}

static void *run_mail(void *arg)
{
    int writer = *(const int *)arg;
    char *text = malloc(MAILER_BYTES);
    int new_fd = openat(options->dir_fd, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(new_fd >= 0 && text, "open new/", writer, 0);
    int64_t began_ns = now_ns();
    for (long step = 1; goes_on(step, began_ns); step++) {
        int64_t start_ns = now_ns();
        deliver(writer, step, new_fd, text);
        step_done(writer, step, start_ns);
    }
    close(new_fd);
    free(text);
    return NULL;
}

static sqlite3 *db_open(void)
{
    char path[4096];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/db", options->dir);
    must_db(sqlite3_open(path, &db), db, "open the database");
    sqlite3_busy_timeout(db, 60000);
    must_db(sqlite3_exec(
                db,
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=100",
                NULL, NULL, NULL),
            db, "set the database up");
    return db;
}

static void commit(sqlite3 *db, sqlite3_stmt *insert, int writer, long step, char *text)
{
    char sql[160];
    const struct mailer_record record = record_of(writer, step);
    size_t size = mailer_encode(&record, text);
    must_db(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), db, "begin");
    sqlite3_bind_int64(insert, 1, step);
    sqlite3_bind_blob(insert, 2, text, (int)size, SQLITE_STATIC);
    must_db(sqlite3_step(insert), db, "insert");
    must_db(sqlite3_reset(insert), db, "insert");
    snprintf(sql, sizeof sql, "DELETE FROM mail WHERE k = %ld; UPDATE counter SET k = %ld; COMMIT",
             step - MAILER_ROWS, step);
    must_db(sqlite3_exec(db, sql, NULL, NULL, NULL), db, "commit");
}

static void *run_database(void *arg)
{
    int writer = *(const int *)arg;
    char *text = malloc(MAILER_BYTES);
    sqlite3 *db = db_open();
    sqlite3_stmt *insert = NULL;
    must_db(sqlite3_prepare_v2(db, "INSERT INTO mail VALUES (?, ?)", -1, &insert, NULL), db,
            "prepare");
    must(text != NULL, "memory", writer, 0);
    int64_t began_ns = now_ns();
    for (long step = 1; goes_on(step, began_ns); step++) {
        int64_t start_ns = now_ns();
        commit(db, insert, writer, step, text);
        step_done(writer, step, start_ns);
    }
    sqlite3_finalize(insert);
    must_db(sqlite3_close(db), db, "close the database");
    free(text);
    return NULL;
}

static int first_text(void *arg, int columns, char **values, char **names)
{
    (void)columns, (void)names;
    snprintf(arg, 64, "%s", values[0] ? values[0] : "0");
    return 0;
}

/* Reads what was finished, while it is written. */
static void *run_reader(void *arg)
{
    (void)arg;
    sqlite3 *db = options->database ? db_open() : NULL;
    char text[64];
    while (!atomic_load(&over)) {
        for (int w = 0; w < options->writers; w++) {
            struct stat st;
            long step = atomic_load(&finished[w]);
            snprintf(text, sizeof text, "new/%d.%ld", w, step);
            /* It may have gone on meanwhile, but not far. */
            if (step > 0 && fstatat(options->dir_fd, text, &st, 0) < 0 &&
                atomic_load(&finished[w]) < step + MAILER_NEW - 1)
                fail("message %ld of writer %d is not there: %s", step, w, strerror(errno));
        }
        if (!db)
            continue;
        long committed = atomic_load(&finished[options->writers]);
        must_db(sqlite3_exec(db, "SELECT k FROM counter", first_text, text, NULL), db,
                "read the counter");
        if (strtol(text, NULL, 10) < committed)
            fail("the database has forgotten step %ld: %s", committed, text);
        must_db(sqlite3_exec(db, "PRAGMA quick_check", first_text, text, NULL), db, "check");
        if (strcmp(text, "ok") != 0)
            fail("the database is not whole: %s", text);
        const struct timespec rest = {0, 50000000};
        nanosleep(&rest, NULL);
    }
    if (db)
        must_db(sqlite3_close(db), db, "close");
    return NULL;
}

static void prepare(void)
{
    static const char *const names[] = {"tmp", "new", "cur"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        must(mkdirat(options->dir_fd, names[i], 0700) == 0, "make the Maildir", 0, 0);
    if (options->database) {
        sqlite3 *db = db_open();
        must_db(sqlite3_exec(db,
                             "CREATE TABLE mail (k INTEGER PRIMARY KEY, text BLOB); CREATE TABLE "
                             "counter (k INTEGER);"
                             "INSERT INTO counter VALUES (0)",
                             NULL, NULL, NULL),
                db, "make the tables");
        must_db(sqlite3_close(db), db, "close");
    }
    int fd = openat(options->dir_fd, "begun", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    must(fd >= 0 && fsync(fd) == 0 && close(fd) == 0 && fsync(options->dir_fd) == 0, "begin", 0, 0);
}

int mailer_write(const struct mailer_options *o)
{
    pthread_t threads[MAILER_MOST + 1], reader;
    int numbers[MAILER_MOST + 1];
    options = o;
    int count = o->writers + o->database;
    end_ns = now_ns() + o->seconds * 1000000000;
    if (o->acks)
        acks_fd = open(o->acks, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    must(!o->acks || acks_fd >= 0, "open the list of what was finished", 0, 0);
    prepare();
    printf("mailer: prepared\n");
    fflush(stdout);
    for (int i = 0; i < count; i++) {
        numbers[i] = i;
        must(pthread_create(&threads[i], NULL, i < o->writers ? run_mail : run_database,
                            &numbers[i]) == 0,
             "thread", i, 0);
    }
    must(pthread_create(&reader, NULL, run_reader, NULL) == 0, "thread", 0, 0);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&over, true);
    pthread_join(reader, NULL);
    printf("mailer: steps");
    for (int i = 0; i < count; i++)
        printf(" %ld", atomic_load(&finished[i]));
    printf(", the longest took %lld ms\n", (long long)(atomic_load(&longest_ns) / 1000000));
    return 0;
}
