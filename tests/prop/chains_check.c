/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * chains: the checker.
 *
 * Every object of a chain is put into words ("root/path: what it is, what wrote it"). The same
 * words are made by playing the chain's steps without a file system. The sum of the hashes of all
 * words is compared after each played step, so the number of steps that a tree shows is found in
 * one pass.
 */
#include "tests/prop/chains.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

struct seen {
    uint64_t sum; /* of the hashes of what is there */
    long newest;  /* step of the newest record */
    long objects;
    long steps; /* found */
};

static const struct chains_options *options;
static struct seen chains[CHAINS_MOST];
static struct chains_record *records; /* all that were found */
static size_t record_count, record_room;
static int bad;

static uint64_t hash(const char *text)
{
    uint64_t h = 14695981039346656037U;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211U;
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9U;
    return h ^ (h >> 31);
}

static void complain(const char *what, const char *path)
{
    if (bad++ < 20)
        printf("chains: %s: %s\n", path, what);
}

/* Keeps a record for the check of what it depends on. Returns its step, or -1. */
static long keep(int chain, const char *text, size_t size, const char *path)
{
    struct chains_record record;
    if (!chains_record_decode(&record, options->chains, text, size) || record.chain != chain) {
        complain("no whole record of its chain", path);
        return -1;
    }
    if (record_count == record_room) {
        record_room = record_room ? record_room * 2 : 1024;
        records = realloc(records, record_room * sizeof *records);
        if (!records)
            abort();
    }
    records[record_count++] = record;
    if (record.step > chains[chain].newest)
        chains[chain].newest = record.step;
    return record.step;
}

static void add(int chain, const char *words)
{
    chains[chain].sum += hash(words);
    chains[chain].objects++;
}

/* The words for a file: its record's step, or that of half a record, its mode and its attribute. */
static void file_words(char *words, size_t size, int root, const char *path, long step, int half,
                       unsigned mode, long attribute)
{
    snprintf(words, size, "%d/%s: file %ld half %d mode %o attribute %ld", root, path, step, half,
             mode, attribute);
}

static void see_file(int root, int dir_fd, const char *name, const char *path, int chain)
{
    char text[CHAINS_RECORD * 2], words[512];
    struct stat st;
    long step = -1, attribute = -1;
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        complain(strerror(errno), path);
        return;
    }
    ssize_t n = pread(fd, text, sizeof text, 0);
    if (n == CHAINS_RECORD)
        step = keep(chain, text, (size_t)n, path);
    else if (n != 0 && n != CHAINS_RECORD / 2)
        complain("a size that it never had", path);
    ssize_t a = fgetxattr(fd, "user.chain", text, sizeof text);
    if (a >= 0)
        attribute = keep(chain, text, (size_t)a, path);
    close(fd);
    file_words(words, sizeof words, root, path, step, n == CHAINS_RECORD / 2, st.st_mode & 07777,
               attribute);
    add(chain, words);
}

static void see_link(int root, int dir_fd, const char *name, const char *path, int chain)
{
    char text[CHAINS_RECORD * 2], words[512];
    ssize_t n = readlinkat(dir_fd, name, text, sizeof text);
    long step = n < 0 ? -1 : keep(chain, text, (size_t)n, path);
    snprintf(words, sizeof words, "%d/%s: link %ld", root, path, step);
    add(chain, words);
}

static void see_object(int root, int dir_fd, const char *dir, const char *name)
{
    char path[300], words[512], kind[16];
    int chain;
    struct stat st;
    snprintf(path, sizeof path, "%s/%.255s", dir, name);
    if (sscanf(name, "%15[a-z].%d.", kind, &chain) != 2 || chain < 0 || chain >= options->chains) {
        complain("an object that no chain made", path);
    } else if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        complain(strerror(errno), path);
    } else if (S_ISREG(st.st_mode)) {
        see_file(root, dir_fd, name, path, chain);
    } else if (S_ISLNK(st.st_mode)) {
        see_link(root, dir_fd, name, path, chain);
    } else {
        snprintf(words, sizeof words, "%d/%s: directory", root, path);
        add(chain, words);
    }
}

static void log_words(char *words, size_t size, int root, int chain, long records_there, long step)
{
    snprintf(words, size, "%d/log.%d: %ld records, the last of step %ld", root, chain,
             records_there, step);
}

static void see_log(int root, int chain)
{
    char name[32], text[CHAINS_RECORD], words[128];
    long count = 0, step = -1;
    snprintf(name, sizeof name, "log.%d", chain);
    int fd = openat(options->root_fds[root], name, O_RDONLY | O_CLOEXEC);
    ssize_t n;
    while ((n = pread(fd, text, sizeof text, count * CHAINS_RECORD)) == CHAINS_RECORD) {
        step = keep(chain, text, sizeof text, name);
        count++;
    }
    if (n != 0)
        complain(n < 0 ? strerror(errno) : "ends in a part of a record", name);
    close(fd);
    log_words(words, sizeof words, root, chain, count, step);
    add(chain, words);
}

static void slot_words(char *words, size_t size, int root, int chain, long step)
{
    snprintf(words, size, "%d/slots: %d has step %ld", root, chain, step);
}

static void see_slot(int root, int chain)
{
    static const char nothing[CHAINS_RECORD];
    char text[CHAINS_RECORD], words[128];
    long step = -1;
    int fd = openat(options->root_fds[root], "slots", O_RDONLY | O_CLOEXEC);
    ssize_t n = pread(fd, text, sizeof text, (off_t)chain * CHAINS_RECORD);
    if (n > 0 && memcmp(text, nothing, (size_t)n) != 0)
        step = keep(chain, text, (size_t)n, "slots");
    else if (n < 0)
        complain(strerror(errno), "slots");
    close(fd);
    slot_words(words, sizeof words, root, chain, step);
    add(chain, words);
}

static void see_root(int root)
{
    char name[32];
    for (unsigned d = 0; d < CHAINS_DIRS; d++) {
        snprintf(name, sizeof name, "d%u", d);
        int fd = openat(options->root_fds[root], name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
            complain(strerror(errno), name);
            continue;
        }
        const struct dirent *entry;
        while ((entry = readdir(dir)) != NULL)
            if (entry->d_name[0] != '.')
                see_object(root, fd, name, entry->d_name);
        closedir(dir);
    }
    for (int chain = 0; chain < options->chains; chain++) {
        see_log(root, chain);
        see_slot(root, chain);
    }
}

/* A chain played without a file system: what there is after each step, as a sum of hashes. */
struct play {
    int chain;
    uint64_t sum;
    long written[CHAINS_KEPT + 1], attribute[CHAINS_KEPT + 1]; /* steps, by round */
    bool half[CHAINS_KEPT + 1];
    unsigned mode[CHAINS_KEPT + 1];
    long log_count[CHAINS_ROOTS], log_step[CHAINS_ROOTS], slot_step[CHAINS_ROOTS];
};

static void change(struct play *p, const char *words, int sign)
{
    p->sum += sign > 0 ? hash(words) : -hash(words);
}

/* Takes a name of round `round`'s file out of the sum, or puts it in, as the file is now. */
static void file_name(struct play *p, const struct chains_place *at, long round, const char *path,
                      int sign)
{
    char words[512];
    long r = round % (CHAINS_KEPT + 1);
    file_words(words, sizeof words, at->root, path, p->half[r] ? -1 : p->written[r], p->half[r],
               p->mode[r], p->attribute[r]);
    change(p, words, sign);
}

static void object(struct play *p, int root, const char *path, const char *what, long step,
                   int sign)
{
    char words[512];
    if (step >= 0)
        snprintf(words, sizeof words, "%d/%s: %s %ld", root, path, what, step);
    else
        snprintf(words, sizeof words, "%d/%s: %s", root, path, what);
    change(p, words, sign);
}

static void play_log(struct play *p, int root, long step)
{
    char words[128];
    log_words(words, sizeof words, root, p->chain, p->log_count[root], p->log_step[root]);
    change(p, words, -1);
    p->log_count[root]++;
    p->log_step[root] = step;
    log_words(words, sizeof words, root, p->chain, p->log_count[root], step);
    change(p, words, 1);
}

static void play_slot(struct play *p, int root, long step)
{
    char words[128];
    slot_words(words, sizeof words, root, p->chain, p->slot_step[root]);
    change(p, words, -1);
    p->slot_step[root] = step;
    slot_words(words, sizeof words, root, p->chain, step);
    change(p, words, 1);
}

static void play_old(struct play *p, long round, enum chains_step step)
{
    if (round < CHAINS_KEPT)
        return;
    long old = round - CHAINS_KEPT;
    const struct chains_place at = chains_place(options, p->chain, old);
    if (step == CHAINS_OLD_FILE)
        file_name(p, &at, old, at.file_second, -1);
    else if (step == CHAINS_OLD_LINK)
        object(p, at.root, at.link, "link", old * CHAINS_STEPS + CHAINS_SYMLINK, -1);
    else
        object(p, at.root, at.dir_second, "directory", -1, -1);
}

/* The steps that change a file under all the names that it has just then. */
static void play_file(struct play *p, const struct chains_place *at, long round,
                      enum chains_step kind, long step)
{
    long r = round % (CHAINS_KEPT + 1);
    const char *name = kind == CHAINS_WRITE ? at->file_first : at->file_second;
    file_name(p, at, round, name, -1);
    if (kind == CHAINS_XATTR)
        file_name(p, at, round, at->second_name, -1);
    if (kind == CHAINS_WRITE)
        p->written[r] = step;
    else if (kind == CHAINS_XATTR)
        p->attribute[r] = step;
    else if (kind == CHAINS_CHMOD)
        p->mode[r] = at->mode;
    else
        p->half[r] = true;
    file_name(p, at, round, name, 1);
    if (kind == CHAINS_XATTR)
        file_name(p, at, round, at->second_name, 1);
}

static void play_step(struct play *p, long step)
{
    long round = step / CHAINS_STEPS, r = round % (CHAINS_KEPT + 1);
    enum chains_step kind = (enum chains_step)(step % CHAINS_STEPS);
    const struct chains_place at = chains_place(options, p->chain, round);
    switch (kind) {
    case CHAINS_CREATE:
        p->written[r] = p->attribute[r] = -1;
        p->half[r] = false;
        p->mode[r] = 0600;
        file_name(p, &at, round, at.file_first, 1);
        break;
    case CHAINS_RENAME:
        file_name(p, &at, round, at.file_first, -1);
        file_name(p, &at, round, at.file_second, 1);
        break;
    case CHAINS_LINK:
    case CHAINS_UNLINK:
        file_name(p, &at, round, at.second_name, kind == CHAINS_LINK ? 1 : -1);
        break;
    case CHAINS_SYMLINK:
        object(p, at.root, at.link, "link", step, 1);
        break;
    case CHAINS_LOG:
        play_log(p, at.log_root, step);
        break;
    case CHAINS_SLOT:
        play_slot(p, at.root, step);
        break;
    case CHAINS_MKDIR:
        object(p, at.root, at.dir_first, "directory", -1, 1);
        break;
    case CHAINS_MOVE_DIR:
        object(p, at.root, at.dir_first, "directory", -1, -1);
        object(p, at.root, at.dir_second, "directory", -1, 1);
        break;
    case CHAINS_WRITE:
    case CHAINS_XATTR:
    case CHAINS_CHMOD:
    case CHAINS_TRUNCATE:
        play_file(p, &at, round, kind, step);
        break;
    default:
        play_old(p, round, kind);
    }
}

/* How many steps of the chain this tree shows: -1 if no number fits. The least number is taken:
 * steps without an effect are no promise. */
static long find_steps(int chain)
{
    char words[128];
    struct play p = {.chain = chain};
    for (int root = 0; root < options->roots; root++) {
        p.log_step[root] = p.slot_step[root] = -1;
        log_words(words, sizeof words, root, chain, 0, -1);
        change(&p, words, 1);
        slot_words(words, sizeof words, root, chain, -1);
        change(&p, words, 1);
    }
    long step = 0, last = chains[chain].newest + 4 * CHAINS_STEPS;
    while (p.sum != chains[chain].sum && step <= last)
        play_step(&p, step++);
    return step > last ? -1 : step;
}

/* Steps that do nothing (there is no earlier round to clean up after) are there as soon as the step
 * before them is. */
static long with_empty_steps(long steps)
{
    while (steps / CHAINS_STEPS < CHAINS_KEPT && steps % CHAINS_STEPS >= CHAINS_OLD_FILE)
        steps++;
    return steps;
}

int chains_check(const struct chains_options *o)
{
    options = o;
    for (int i = 0; i < o->chains; i++)
        chains[i].newest = -1;
    for (int root = 0; root < o->roots; root++)
        see_root(root);
    for (int i = 0; i < o->chains; i++) {
        chains[i].steps = find_steps(i);
        if (chains[i].steps < 0) {
            printf("chains: chain %d: its %ld objects, the newest record of step %ld, are what no "
                   "number of steps leaves\n",
                   i, chains[i].objects, chains[i].newest);
            bad++;
        }
    }
    for (size_t n = 0; n < record_count; n++)
        for (int i = 0; i < o->chains; i++)
            if (chains[i].steps >= 0 && with_empty_steps(chains[i].steps) < records[n].before[i] &&
                bad++ < 20)
                printf("chains: chain %d step %ld came after step %ld of chain %d, which shows "
                       "only %ld\n",
                       records[n].chain, records[n].step, records[n].before[i], i, chains[i].steps);
    printf("chains: steps");
    for (int i = 0; i < o->chains; i++)
        printf(" %ld", chains[i].steps);
    printf("\nchains: %s, %zu records\n", bad ? "no state of the source" : "a state of the source",
           record_count);
    free(records);
    return bad ? 1 : 0;
}
