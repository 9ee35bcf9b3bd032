/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * load: fights about names. Who wins is known, so an effect that came twice or got lost shows.
 */
#include "tests/crash/load.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static long make_by_rename(struct load_worker *w, const char *name)
{
    const char *mine = load_name(w, "mine.%d", w->id);
    long fd = LOAD_MUST(w, openat(w->dir_fd, mine, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
    if (fd >= 0)
        close((int)fd);
    long rc = LOAD_TIMED(renameat2(w->dir_fd, mine, w->dir_fd, name, RENAME_NOREPLACE));
    int saved = errno;
    if (rc < 0)
        LOAD_MUST(w, unlinkat(w->dir_fd, mine, 0));
    errno = saved;
    return rc;
}

static long make_by_tmpfile(struct load_worker *w, const char *name)
{
    char proc[64];
    long fd = LOAD_MUST(w, openat(w->dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (fd < 0)
        return -1;
    snprintf(proc, sizeof proc, "/proc/self/fd/%ld", fd);
    long rc = LOAD_TIMED(linkat(AT_FDCWD, proc, w->dir_fd, name, AT_SYMLINK_FOLLOW));
    int saved = errno;
    close((int)fd);
    errno = saved;
    return rc;
}

/* Makes what exactly one can make. EEXIST where somebody was faster. */
static long make(struct load_worker *w, enum load_way way, const char *name)
{
    long fd;
    switch (way) {
    case LOAD_OPEN:
        fd = LOAD_TIMED(openat(w->dir_fd, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
        if (fd >= 0)
            close((int)fd);
        return fd;
    case LOAD_MKDIR:
        return LOAD_TIMED(mkdirat(w->dir_fd, name, 0700));
    case LOAD_SYMLINK:
        return LOAD_TIMED(symlinkat("x", w->dir_fd, name));
    case LOAD_LINK:
        return LOAD_TIMED(linkat(w->dir_fd, "base", w->dir_fd, name, 0));
    case LOAD_MKNOD:
        return LOAD_TIMED(mknodat(w->dir_fd, name, S_IFIFO | 0600, 0));
    case LOAD_XATTR:
        return LOAD_TIMED(fsetxattr(w->own_fd, name, "v", 1, XATTR_CREATE));
    case LOAD_TMPFILE:
        return make_by_tmpfile(w, name);
    default:
        return make_by_rename(w, name);
    }
}

static long remove_it(struct load_worker *w, enum load_way way, const char *name)
{
    if (way == LOAD_XATTR)
        return LOAD_TIMED(fremovexattr(w->own_fd, name));
    return LOAD_TIMED(unlinkat(w->dir_fd, name, way == LOAD_MKDIR ? AT_REMOVEDIR : 0));
}

/* Attributes are fought about on one file that all have open. */
static const char *thing(struct load_worker *w, const char *game, enum load_way way, uint32_t n)
{
    return load_name(w, "%s%s%d.%u", way == LOAD_XATTR ? "user." : "", game, way, n);
}

static void as_shared(struct load_worker *w, enum load_way way, int *own_r)
{
    *own_r = w->own_fd;
    if (way == LOAD_XATTR)
        w->own_fd = (int)LOAD_MUST(w, openat(w->dir_fd, "base", O_RDWR | O_CLOEXEC));
}

static void as_own(struct load_worker *w, int own)
{
    if (w->own_fd != own)
        close(w->own_fd);
    w->own_fd = own;
}

static void hold(struct load_worker *w, enum load_way way, struct load_name *lock, const char *name)
{
    load_shared->won++;
    int before = atomic_exchange(&lock->owner, w->id + 1);
    if (before != 0)
        load_bad(w, "\"%s\": made although worker %d holds it", name, before - 1);
    if (way == LOAD_MKDIR) {
        char inside[256];
        snprintf(inside, sizeof inside, "%.200s/in", name);
        LOAD_MUST(w, symlinkat("y", w->dir_fd, inside));
        if (LOAD_TIMED(unlinkat(w->dir_fd, name, AT_REMOVEDIR)) == 0 || errno != ENOTEMPTY)
            load_bad(w, "\"%s\": rmdir of a full directory: %m", name);
        LOAD_MUST(w, unlinkat(w->dir_fd, inside, 0));
    }
    before = atomic_exchange(&lock->owner, 0);
    if (before != w->id + 1)
        load_bad(w, "\"%s\": worker %d made it while it was mine", name, before - 1);
    if (remove_it(w, way, name) < 0)
        load_bad(w, "\"%s\": mine cannot be removed: %m", name);
}

/* The name is a lock: one makes it and holds it, all others get EEXIST, and only while somebody is
 * about. */
static void play_lock(struct load_worker *w)
{
    int own;
    enum load_way way = load_random(w, LOAD_WAYS);
    uint32_t n = load_random(w, LOAD_NAMES);
    struct load_name *lock = &load_shared->locks[way][n];
    char name[64];
    snprintf(name, sizeof name, "%s", thing(w, "lock", way, n));
    as_shared(w, way, &own);
    int others = atomic_fetch_add(&lock->active, 1);
    long tries = atomic_fetch_add(&lock->tries, 1);
    if (make(w, way, name) >= 0) {
        hold(w, way, lock, name);
    } else if (errno != EEXIST) {
        load_bad(w, "\"%s\": %m", name);
    } else {
        load_shared->busy++;
        if (others == 0 && lock->tries == tries + 1)
            load_bad(w, "\"%s\": EEXIST, but nobody was about", name);
    }
    atomic_fetch_sub(&lock->active, 1);
    as_own(w, own);
}

/* All make and remove the same names; in the end the count of each tells whether it is there. */
static void play_free_for_all(struct load_worker *w)
{
    int own;
    enum load_way way = load_random(w, LOAD_WAYS);
    uint32_t n = load_random(w, LOAD_NAMES);
    struct load_name *name = &load_shared->free_for_all[way][n];
    char text[64];
    snprintf(text, sizeof text, "%s", thing(w, "free", way, n));
    as_shared(w, way, &own);
    int gone = way == LOAD_XATTR ? ENODATA : ENOENT;
    if (load_random(w, 2) == 0) {
        if (make(w, way, text) >= 0)
            name->made++;
        else if (errno != EEXIST)
            load_bad(w, "make \"%s\": %m", text);
    } else {
        if (remove_it(w, way, text) >= 0)
            name->removed++;
        else if (errno != gone)
            load_bad(w, "remove \"%s\": %m", text);
    }
    as_own(w, own);
}

static bool there(struct load_worker *w, const char *name)
{
    struct stat st;
    return LOAD_TIMED(fstatat(w->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW)) == 0;
}

/* A token is at its place or with one worker. Some are directories with something inside. */
static void play_token(struct load_worker *w)
{
    uint32_t n = load_random(w, LOAD_TOKENS);
    char place[64], held[64];
    snprintf(place, sizeof place, "token%u", n);
    snprintf(held, sizeof held, "held%d.%u", w->id, n);
    if (LOAD_TIMED(renameat(w->dir_fd, place, w->dir_fd, held)) < 0) {
        if (errno != ENOENT)
            load_bad(w, "take token %u: %m", n);
        return;
    }
    int before = atomic_exchange(&load_shared->token_owner[n], w->id + 1);
    if (before != 0)
        load_bad(w, "token %u is worker %d's too", n, before - 1);
    if (!there(w, held))
        load_bad(w, "token %u is not where I moved it", n);
    if (there(w, place))
        load_bad(w, "token %u is in two places", n);
    if (n >= LOAD_TOKENS - 4 && !there(w, load_name(w, "%s/inside", held)))
        load_bad(w, "token %u lost what is inside", n);
    atomic_store(&load_shared->token_owner[n], 0);
    LOAD_MUST(w, renameat(w->dir_fd, held, w->dir_fd, place));
}

static void play_exchange(struct load_worker *w)
{
    uint32_t n = load_random(w, LOAD_PAIRS);
    const char *a = load_name(w, "pair%u.a", n);
    const char *b = load_name(w, "pair%u.b", n);
    if (LOAD_MUST(w, renameat2(w->dir_fd, a, w->dir_fd, b, RENAME_EXCHANGE)) == 0)
        load_shared->exchanges[n]++;
}

/* Names that nobody touches are seen once each, whatever happens beside them. */
static void play_list(struct load_worker *w)
{
    uint8_t seen[LOAD_STABLE] = {0};
    const char *churn = load_name(w, "list/churn.%d.%u", w->id, load_random(w, 20));
    if (LOAD_TIMED(unlinkat(w->dir_fd, churn, 0)) < 0)
        LOAD_MUST(w, symlinkat("churn", w->dir_fd, churn));
    int fd = (int)LOAD_MUST(w, openat(w->dir_fd, "list", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return;
    const struct dirent *entry;
    int64_t start_ns = load_now_ns();
    while (errno = 0, (entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, "stable.", 7) != 0)
            continue;
        long n = strtol(entry->d_name + 7, NULL, 10);
        if (n >= 0 && n < LOAD_STABLE)
            seen[n]++;
    }
    load_took("readdir", load_now_ns() - start_ns);
    if (errno != 0)
        load_bad(w, "readdir: %m");
    closedir(dir);
    for (int i = 0; i < LOAD_STABLE; i++)
        if (seen[i] != 1)
            load_bad(w, "stable.%d was listed %u times", i, seen[i]);
}

/* A tree of one's own: made, filled, moved and removed. Nothing may be in the way. */
static void play_tree(struct load_worker *w)
{
    const char *dir = load_name(w, "tree.%d.%ld", w->id, w->round);
    const char *moved = load_name(w, "moved.%d.%ld", w->id, w->round);
    LOAD_MUST(w, mkdirat(w->dir_fd, dir, 0700));
    const char *file = load_name(w, "%s/file", dir);
    long fd = LOAD_MUST(w, openat(w->dir_fd, file, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
    if (fd >= 0) {
        if (LOAD_MUST(w, write((int)fd, "content", 7)) != 7)
            load_bad(w, "a short write");
        close((int)fd);
    }
    LOAD_MUST(w, linkat(w->dir_fd, "base", w->dir_fd, load_name(w, "%s/link", dir), 0));
    LOAD_MUST(w, renameat(w->dir_fd, dir, w->dir_fd, moved));
    struct stat st;
    if (LOAD_MUST(w, fstatat(w->dir_fd, load_name(w, "%s/file", moved), &st, 0)) == 0 &&
        st.st_size != 7)
        load_bad(w, "\"%s/file\" has %lld bytes, not 7", moved, (long long)st.st_size);
    LOAD_MUST(w, unlinkat(w->dir_fd, load_name(w, "%s/link", moved), 0));
    LOAD_MUST(w, unlinkat(w->dir_fd, load_name(w, "%s/file", moved), 0));
    LOAD_MUST(w, unlinkat(w->dir_fd, moved, AT_REMOVEDIR));
}

const struct load_game load_name_games[] = {
    {"lock", 8, play_lock},   {"free_for_all", 6, play_free_for_all},
    {"token", 3, play_token}, {"exchange", 2, play_exchange},
    {"list", 1, play_list},   {"tree", 2, play_tree},
    {NULL, 0, NULL},
};

static void prepare_file(struct load_worker *w, const char *name, const char *text)
{
    int fd =
        (int)LOAD_MUST(w, openat(w->dir_fd, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        load_bad(w, "\"%s\" cannot be made: %m", name);
    close(fd);
}

void load_names_prepare(struct load_worker *w)
{
    prepare_file(w, "base", "");
    for (unsigned i = 0; i < LOAD_TOKENS; i++) {
        if (i >= LOAD_TOKENS - 4) {
            LOAD_MUST(w, mkdirat(w->dir_fd, load_name(w, "token%u", i), 0700));
            prepare_file(w, load_name(w, "token%u/inside", i), "in");
        } else {
            prepare_file(w, load_name(w, "token%u", i), "token");
        }
    }
    for (unsigned i = 0; i < LOAD_PAIRS; i++) {
        prepare_file(w, load_name(w, "pair%u.a", i), "A");
        prepare_file(w, load_name(w, "pair%u.b", i), "B");
    }
    LOAD_MUST(w, mkdirat(w->dir_fd, "list", 0700));
    for (unsigned i = 0; i < LOAD_STABLE; i++)
        prepare_file(w, load_name(w, "list/stable.%u", i), "");
}

static void check_free_for_all(struct load_worker *w)
{
    char value[4];
    for (enum load_way way = 0; way < LOAD_WAYS; way++)
        for (uint32_t n = 0; n < LOAD_NAMES; n++) {
            const struct load_name *name = &load_shared->free_for_all[way][n];
            const char *text = thing(w, "free", way, n);
            long is = way == LOAD_XATTR ? fgetxattr(w->own_fd, text, value, sizeof value) >= 0
                                        : there(w, text);
            if (name->made - name->removed != is)
                load_bad(w, "\"%s\": made %ld times, removed %ld times, and is %sthere", text,
                         name->made, name->removed, is ? "" : "not ");
        }
}

void load_names_check(struct load_worker *w)
{
    w->own_fd = openat(w->dir_fd, "base", O_RDWR | O_CLOEXEC);
    check_free_for_all(w);
    for (unsigned i = 0; i < LOAD_TOKENS; i++)
        if (!there(w, load_name(w, "token%u", i)))
            load_bad(w, "token %u is lost", i);
    for (unsigned i = 0; i < LOAD_PAIRS; i++) {
        char c = '?';
        int fd = openat(w->dir_fd, load_name(w, "pair%u.a", i), O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, &c, 1) != 1 || c != (load_shared->exchanges[i] % 2 ? 'B' : 'A'))
            load_bad(w, "pair %u holds %c after %ld exchanges", i, c, load_shared->exchanges[i]);
        close(fd);
    }
    struct stat st;
    long links = 1;
    for (uint32_t n = 0; n < LOAD_NAMES; n++)
        links += load_shared->free_for_all[LOAD_LINK][n].made -
                 load_shared->free_for_all[LOAD_LINK][n].removed;
    if (fstat(w->own_fd, &st) < 0 || (long)st.st_nlink != links)
        load_bad(w, "base has %ld links, not %ld", (long)st.st_nlink, links);
    close(w->own_fd);
}
