/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Plays the link of a capture with durability=remote, and the applications that wait for it.
 *
 *     capture-remote storm RUN_DIR SET ROOT JOURNAL THREADS ROUNDS
 *         THREADS write and fsync in turns, while a link reads the journal, and acknowledges what
 * it has read. Afterwards each fsync must have returned later than the acknowledgement of the write
 * before it. Prints its figures; 1: one did not, or failed. capture-remote hold RUN_DIR SET ROOT
 * THREADS MODE POLICY TIMEOUT_MS ERROR BEATS THREADS write and fsync once. The link acknowledges
 * nothing until SIGUSR1; it gives signs of life if BEATS is 1, and none that is younger than
 * TIMEOUT_MS if it is 0. Prints a line "returned ERRNO" for each as it returns.
 */
#include "lib/base/clock.h"
#include "lib/capstat/capstat.h"
#include "lib/capstat/remote.h"
#include "lib/journal/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MARK       0x73746f726d6d6172ULL
#define BEAT_NS    1000000
#define STACK      65536
#define RETURN_MAX 4096

struct note {
    uint64_t mark, thread, round;
};

static struct {
    struct dpl_remote_page *page;
    const char *root;
    unsigned threads, rounds;
    uint64_t *written; /* position of each note, by thread and round */
    uint64_t *known;   /* what the link had acknowledged when its fsync returned */
    _Atomic unsigned running, failed;
    _Atomic uint64_t acknowledged;
    uint64_t tag;
} at;

static volatile sig_atomic_t go_on;

static void usr1(int signal)
{
    (void)signal;
    go_on = 1;
}

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static int64_t now_ns(void)
{
    return dpl_clock_now_ns(&dpl_clock_system);
}

static void moment(void)
{
    const struct timespec time = {.tv_nsec = BEAT_NS};

    nanosleep(&time, NULL);
}

static int open_file(uint64_t thread)
{
    char name[4096];
    int fd;

    snprintf(name, sizeof(name), "%s/sync-%u", at.root, (unsigned)thread);
    fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        die(name);
    return fd;
}

static uint64_t tag_of(const char *run_dir, const char *set)
{
    struct dpl_capstat *capstat = NULL;
    struct dpl_err err = {0};
    struct dpl_epoch epoch = {0};

    if (dpl_capstat_open(&capstat, run_dir, set, &err) != 0 ||
        dpl_remote_open(&at.page, run_dir, set, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
    memcpy(epoch.id, dpl_capstat_what(capstat)->epoch_id, sizeof(epoch.id));
    dpl_capstat_close(capstat);
    return dpl_epoch_tag(&epoch);
}

static void start(void *(*run)(void *), unsigned count)
{
    pthread_attr_t attr;
    pthread_t id;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    at.running = count;
    for (uintptr_t i = 0; i < count; i++)
        if (pthread_create(&id, &attr, run, (void *)i) != 0)
            die("thread");
}

/* --- storm ------------------------------------------------------------------------------------ */

static void *storm_thread(void *arg)
{
    struct note note = {.mark = MARK, .thread = (uintptr_t)arg};
    int fd = open_file(note.thread);

    for (; note.round < at.rounds; note.round++) {
        if (pwrite(fd, &note, sizeof(note), (off_t)(note.round * sizeof(note))) != sizeof(note) ||
            (note.round % 2 != 0 ? fsync(fd) : fdatasync(fd)) != 0) {
            perror("an application sees an error");
            at.failed++;
            break;
        }
        at.known[note.thread * at.rounds + note.round] = atomic_load(&at.acknowledged);
    }
    close(fd);
    at.running--;
    return NULL;
}

static void take_note(const struct dpl_record *record)
{
    struct note note;

    if (record->type != DPL_R_WRITE || record->data.size != sizeof(note))
        return;
    memcpy(&note, record->data.data, sizeof(note));
    if (note.mark == MARK && note.thread < at.threads && note.round < at.rounds)
        at.written[note.thread * at.rounds + note.round] = record->lsn;
}

/* Reads what there is, then says that the target has it. */
static void link_turn(struct dpl_journal *journal)
{
    struct dpl_record record;
    struct dpl_err err = {0};
    int code;

    while ((code = dpl_journal_next(journal, &record, &err)) == DPL_NEXT_RECORD)
        take_note(&record);
    if (code < 0 || code == DPL_NEXT_DAMAGED || code == DPL_NEXT_MISSING) {
        fprintf(stderr, "journal: %s\n", err.text);
        exit(2);
    }
    /* Before the capture can see it: an fsync that returns for it finds it here. */
    atomic_store(&at.acknowledged, dpl_journal_lsn(journal));
    dpl_remote_advance(at.page, at.tag, dpl_journal_lsn(journal), now_ns());
}

static int judge(void)
{
    unsigned early = 0, unseen = 0, count = at.threads * at.rounds;

    for (unsigned i = 0; i < count; i++) {
        unseen += at.written[i] == UINT64_MAX;
        early += at.written[i] != UINT64_MAX && at.known[i] <= at.written[i];
    }
    printf("storm: syncs=%u early=%u unseen=%u failed=%u\n", count, early, unseen, at.failed);
    return early + unseen + at.failed != 0;
}

static int storm(char **argv)
{
    const struct dpl_remote_config config = {
        .mode = DPL_REMOTE_ON, .policy = DPL_REMOTE_REFUSE, .timeout_ms = 60000, .error = EPROTO};
    const struct dpl_remote_config off = {.mode = DPL_REMOTE_OFF};
    struct dpl_journal *journal;
    struct dpl_err err = {0};
    int dir_fd = open(argv[3], O_RDONLY | O_DIRECTORY);
    size_t count;

    at.root = argv[2];
    at.threads = (unsigned)atoi(argv[4]);
    at.rounds = (unsigned)atoi(argv[5]);
    count = (size_t)at.threads * at.rounds;
    at.written = malloc(count * sizeof(uint64_t));
    at.known = calloc(count, sizeof(uint64_t));
    if (dir_fd < 0 || at.written == NULL || at.known == NULL)
        die(argv[3]);
    memset(at.written, 0xff, count * sizeof(uint64_t));
    at.tag = tag_of(argv[0], argv[1]);
    if (dpl_journal_open(&journal, dir_fd, 0, 0, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    dpl_remote_beat(at.page, now_ns());
    dpl_remote_configure(at.page, &config);
    start(storm_thread, at.threads);
    while (at.running > 0) {
        link_turn(journal);
        moment();
    }
    link_turn(journal);
    dpl_remote_configure(at.page, &off);
    dpl_journal_close(journal);
    return judge();
}

/* --- hold ------------------------------------------------------------------------------------- */

static void *hold_thread(void *arg)
{
    int fd = open_file((uintptr_t)arg);
    int error = 0;

    if (write(fd, "text", 4) != 4 || fsync(fd) != 0)
        error = errno;
    printf("returned %d\n", error);
    fflush(stdout);
    close(fd);
    at.running--;
    return NULL;
}

static int hold(char **argv)
{
    const struct dpl_remote_config config = {
        .mode = (enum dpl_remote_mode)atoi(argv[4]),
        .policy = (enum dpl_remote_policy)atoi(argv[5]),
        .timeout_ms = (uint32_t)atoi(argv[6]),
        .error = (uint32_t)atoi(argv[7]),
    };
    bool beats = atoi(argv[8]) != 0;

    at.root = argv[2];
    at.tag = tag_of(argv[0], argv[1]);
    signal(SIGUSR1, usr1);
    dpl_remote_advance(at.page, at.tag, 0,
                       now_ns() - (beats ? 0 : config.timeout_ms * INT64_C(1000000)));
    dpl_remote_configure(at.page, &config);
    start(hold_thread, (unsigned)atoi(argv[3]));
    while (at.running > 0) {
        struct dpl_capstat *capstat;
        struct dpl_capstat_now now;

        if (beats)
            dpl_remote_beat(at.page, now_ns());
        if (go_on && dpl_capstat_open(&capstat, argv[0], argv[1], NULL) == 0) {
            dpl_capstat_read(capstat, &now);
            dpl_remote_advance(at.page, at.tag, now.next_lsn, now_ns());
            dpl_capstat_close(capstat);
        }
        moment();
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 8 && strcmp(argv[1], "storm") == 0)
        return storm(argv + 2);
    if (argc == 11 && strcmp(argv[1], "hold") == 0)
        return hold(argv + 2);
    fprintf(stderr, "capture-remote: see its source\n");
    return 2;
}
