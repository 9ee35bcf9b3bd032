/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Replays a journal onto an empty directory and compares the result with the source.
 *
 *     capture-replay JOURNAL SOURCE REPLICA RESERVE
 *
 * SOURCE is the directory beneath the captured root; RESERVE lies beside REPLICA. Compared are
 * names, types, owners, modes, modification times, sizes, contents, link targets, devices, link
 * counts and extended attributes. Prints one line of figures; exits 1 if anything differs.
 */
#include "daemon/apply/apply.h"
#include "lib/journal/reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static struct {
    unsigned long records, applied, nothing, unknown, ask, entries, differences;
} count;

__attribute__((format(printf, 2, 3))) static void differs(const char *name, const char *format, ...)
{
    va_list args;

    if (count.differences++ > 20)
        return;
    printf("differs: %s: ", name);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static const char *a_time(const struct timespec *t, char *text)
{
    sprintf(text, "%ld.%09ld", (long)t->tv_sec, t->tv_nsec);
    return text;
}

static void compare_attributes(const char *name, const struct stat *a, const struct stat *b)
{
    char s[64], t[64];

    if (a->st_mode != b->st_mode)
        differs(name, "mode %o, %o", a->st_mode, b->st_mode);
    if (a->st_uid != b->st_uid || a->st_gid != b->st_gid)
        differs(name, "owner %u:%u, %u:%u", a->st_uid, a->st_gid, b->st_uid, b->st_gid);
    if (a->st_nlink != b->st_nlink && getenv("CAPTURE_ANY_LINKS") == NULL)
        differs(name, "links %lu, %lu", (unsigned long)a->st_nlink, (unsigned long)b->st_nlink);
    if (!S_ISDIR(a->st_mode) && a->st_size != b->st_size)
        differs(name, "size %ld, %ld", (long)a->st_size, (long)b->st_size);
    if (a->st_rdev != b->st_rdev)
        differs(name, "device %lx, %lx", (unsigned long)a->st_rdev, (unsigned long)b->st_rdev);
    if (a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec)
        differs(name, "modified %s, %s", a_time(&a->st_mtim, s), a_time(&b->st_mtim, t));
}

static int open_in(int dir, const char *name)
{
    return openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
}

static void compare_content(const char *name, int a, int b)
{
    static char x[1 << 16], y[1 << 16];
    ssize_t n, m;
    off_t at = 0;

    do {
        n = read(a, x, sizeof(x));
        m = read(b, y, sizeof(y));
        if (n != m || (n > 0 && memcmp(x, y, (size_t)n) != 0)) {
            for (ssize_t i = 0; i < n && i < m; i++)
                if (x[i] != y[i]) {
                    at += i;
                    break;
                }
            differs(name, "content at %ld", (long)at);
            return;
        }
        at += n;
    } while (n > 0);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All attributes but the replica's own, sorted, as text. */
static size_t read_xattrs(int fd, char *text, size_t room)
{
    char list[8192], value[65536], *names[256];
    ssize_t size = flistxattr(fd, list, sizeof(list));
    size_t names_count = 0, used = 0;

    for (ssize_t at = 0; at < size; at += (ssize_t)strlen(list + at) + 1)
        if (strncmp(list + at, DPL_APPLY_TAGS, strlen(DPL_APPLY_TAGS)) != 0 && names_count < 256)
            names[names_count++] = list + at;
    qsort(names, names_count, sizeof(names[0]), by_name);
    for (size_t i = 0; i < names_count; i++) {
        ssize_t length = fgetxattr(fd, names[i], value, sizeof(value));

        if (length < 0 || used + 300 + (size_t)length > room)
            break;
        used += (size_t)sprintf(text + used, "%s=", names[i]);
        memcpy(text + used, value, (size_t)length);
        used += (size_t)length;
    }
    return used;
}

static void compare_xattrs(const char *name, int a, int b)
{
    static char x[1 << 18], y[1 << 18];
    size_t n = read_xattrs(a, x, sizeof(x)), m = read_xattrs(b, y, sizeof(y));

    if (n != m || memcmp(x, y, n) != 0)
        differs(name, "extended attributes (%zu, %zu bytes)", n, m);
}

static size_t list_names(int fd, char **names, size_t max)
{
    DIR *dir = fdopendir(dup(fd));
    struct dirent *entry;
    size_t found = 0;

    if (dir == NULL)
        return 0;
    while ((entry = readdir(dir)) != NULL && found < max)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            names[found++] = strdup(entry->d_name);
    closedir(dir);
    qsort(names, found, sizeof(names[0]), by_name);
    return found;
}

static void compare_dirs(const char *path, int a, int b);

static void compare_entry(const char *path, int a, int b, const char *name)
{
    char full[8192], x[4096], y[4096];
    struct stat s, t;
    int f, g;

    snprintf(full, sizeof(full), "%s/%s", path, name);
    count.entries++;
    if (fstatat(a, name, &s, AT_SYMLINK_NOFOLLOW) != 0 ||
        fstatat(b, name, &t, AT_SYMLINK_NOFOLLOW) != 0) {
        differs(full, "cannot be looked at");
        return;
    }
    /* A directory that is there only because of what is beneath it. */
    if (getenv("CAPTURE_PASSAGE") == NULL || strcmp(getenv("CAPTURE_PASSAGE"), full) != 0)
        compare_attributes(full, &s, &t);
    if (S_ISLNK(s.st_mode)) {
        ssize_t n = readlinkat(a, name, x, sizeof(x)), m = readlinkat(b, name, y, sizeof(y));

        if (n != m || (n > 0 && memcmp(x, y, (size_t)n) != 0))
            differs(full, "target");
    }
    if (!S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode))
        return;
    f = open_in(a, name);
    g = open_in(b, name);
    compare_xattrs(full, f, g);
    if (S_ISREG(s.st_mode))
        compare_content(full, f, g);
    else
        compare_dirs(full, f, g);
    close(f);
    close(g);
}

#define NAMES 100000

static void compare_dirs(const char *path, int a, int b)
{
    char **x = calloc(NAMES, sizeof(*x)), **y = calloc(NAMES, sizeof(*y));
    size_t n = list_names(a, x, NAMES), m = list_names(b, y, NAMES), i = 0, j = 0;

    while (i < n || j < m) {
        int order = i == n ? 1 : j == m ? -1 : strcmp(x[i], y[j]);

        if (order == 0)
            compare_entry(path, a, b, x[i]);
        else
            differs(path, "'%s' is only in the %s", order < 0 ? x[i] : y[j],
                    order < 0 ? "source" : "replica");
        if (order <= 0)
            free(x[i++]);
        if (order >= 0)
            free(y[j++]);
    }
    free(x);
    free(y);
}

static int fail(const char *what, const struct dpl_err *err)
{
    fprintf(stderr, "capture-replay: %s: %s\n", what, err->text);
    return 1;
}

/* Applies all of it. */
static int replay(struct dpl_apply *apply, int journal_fd)
{
    struct dpl_journal *journal;
    struct dpl_record record;
    struct dpl_err err = {0};
    int next;

    if (dpl_journal_open(&journal, journal_fd, 0, 0, &err) != 0)
        return fail("open", &err);
    while ((next = dpl_journal_next(journal, &record, &err)) == DPL_NEXT_RECORD) {
        int code = dpl_apply_record(apply, dpl_epoch_tag(&dpl_journal_head(journal)->epoch),
                                    &record, &err);

        count.records++;
        if (code < 0) {
            dpl_journal_close(journal);
            return fail("apply", &err);
        }
        count.applied += code == DPL_APPLY_DONE;
        count.nothing += code == DPL_APPLY_NOTHING;
        count.unknown += code == DPL_APPLY_UNKNOWN;
        count.ask += code == DPL_APPLY_ASK;
        if (code == DPL_APPLY_UNKNOWN || code == DPL_APPLY_ASK)
            printf("lsn %lu: %s %s: %s\n", (unsigned long)record.lsn,
                   dpl_record_type_text(record.type), dpl_outcome_text(record.outcome),
                   code == DPL_APPLY_ASK ? "the source must be asked" : "unknown object");
    }
    dpl_journal_close(journal);
    if (next != DPL_NEXT_ENDED) {
        printf("the journal ends with '%s' (%s)\n",
               dpl_journal_next_text((enum dpl_journal_next)next), err.text);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct dpl_apply_root root = {.number = 0};
    struct dpl_apply_options options = {
        .roots = &root, .count = 1, .allow_setid = true, .allow_devices = true};
    struct dpl_apply *apply;
    struct dpl_err err = {0};
    int journal_fd, source_fd, code;

    if (argc < 5) {
        fprintf(stderr, "capture-replay JOURNAL SOURCE REPLICA RESERVE\n");
        return 2;
    }
    journal_fd = open(argv[1], O_RDONLY | O_DIRECTORY);
    source_fd = open(argv[2], O_RDONLY | O_DIRECTORY);
    root.fd = open(argv[3], O_RDONLY | O_DIRECTORY);
    options.reserve_fd = open(argv[4], O_RDONLY | O_DIRECTORY);
    if (dpl_apply_open(&apply, &options, &err) != 0)
        return fail("replica", &err);
    code = replay(apply, journal_fd);
    if (code == 0 && dpl_apply_settle(apply, &err) < 0)
        code = fail("settle", &err);
    dpl_apply_close(apply);
    if (code != 0)
        return code;
    compare_dirs("", source_fd, root.fd);
    printf("replay: records=%lu applied=%lu void=%lu unknown=%lu ask=%lu entries=%lu "
           "differences=%lu\n",
           count.records, count.applied, count.nothing, count.unknown, count.ask, count.entries,
           count.differences);
    return count.differences != 0;
}
