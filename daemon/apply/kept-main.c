/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-kept LIFE SINCE_MS DIR ROOT...: what the replica of that life keeps of the time when its
 * site served, and has nowhere else; DIR is the set's own directory beside the roots.
 * doppel-kept --changed SINCE_MS RULES DIR ROOT...: what was changed beneath the roots since their
 * last owner closed its stamp, or if that cannot be known since then. Started by
 * doppeld, with the channel to it on descriptor 3, over which it says {kept: {...}} or {failed:
 * TEXT} and ends. The whole list is written to DIR/kept-LIFE; the answer has its beginning.
 */
#include "daemon/apply/kept-list.h"
#include "lib/base/fd.h"
#include "lib/capstat/owner.h"
#include "lib/confine/confine.h"
#include "lib/ctl/channel.h"
#include "lib/ctl/quote.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_MS = 30 * 60 * 1000, TOLD = 200, PATH_TOLD = 1000, SLACK_MS = 100, ROOTS_MAX = 64 };

/* It was changed there after what is known to have come to the other site. Times of files are a
 * tick of the kernel's clock early, those of records are not. */
static bool never_came(const struct dpl_kept_file *f, int64_t since_ms)
{
    return since_ms > 0 && !f->otherwise && f->ctime_ms > since_ms - SLACK_MS;
}

static const char *what(const struct dpl_kept_file *f, int64_t since_ms)
{
    return f->otherwise              ? "otherwise"
           : never_came(f, since_ms) ? "never came"
           : since_ms > 0            ? "had come"
                                     : "only here";
}

static void put_file(struct dpl_doc *files, const struct dpl_kept_file *f, const char *is)
{
    struct dpl_doc *row = dpl_doc_add_tree(files);
    g_autofree char *path = g_strndup(f->path, PATH_TOLD);
    dpl_doc_set_text(row, "path", path);
    dpl_doc_set_text(row, "what", is);
    dpl_doc_set_int(row, "size", f->size);
    dpl_doc_set_int(row, "mtime_ms", f->mtime_ms);
    if (f->message_id)
        dpl_doc_set_text(row, "message_id", f->message_id);
}

static void write_line(FILE *to, const struct dpl_kept_file *f, int64_t since_ms)
{
    g_autoptr(GString) line = g_string_new(NULL);
    g_string_printf(line, "%-10s %12lld %s ", what(f, since_ms), (long long)f->size,
                    f->message_id ? f->message_id : "-");
    dpl_quote_into(line, f->path, strlen(f->path));
    g_string_append(line, "  orphans/");
    dpl_quote_into(line, f->as, strlen(f->as));
    fprintf(to, "%s\n", line->str);
}

static int report(const struct dpl_kept_list *l, int64_t since_ms, FILE *to, struct dpl_doc *kept,
                  struct dpl_err *err)
{
    struct dpl_doc *files = dpl_doc_set_list(kept, "files");
    int64_t total = 0, never = 0, mails = 0;
    /* What never came first: the answer has room for the beginning alone. */
    for (int turn = 0; turn < 2; turn++)
        for (guint i = 0; i < l->files->len; i++) {
            const struct dpl_kept_file *f = l->files->pdata[i];
            if (f->here || never_came(f, since_ms) != (turn == 0))
                continue;
            if (total++ < TOLD)
                put_file(files, f, what(f, since_ms));
            never += turn == 0;
            mails += turn == 0 && f->message_id;
            write_line(to, f, since_ms);
        }
    dpl_doc_set_int(kept, "total", total + (int64_t)l->more);
    if (since_ms > 0) {
        dpl_doc_set_int(kept, "never_came", never);
        dpl_doc_set_int(kept, "never_came_mails", mails);
    }
    dpl_doc_set_int(kept, "unread", (int64_t)l->unread);
    dpl_doc_set_bool(kept, "exact", l->exact && l->more == 0 && l->unread == 0);
    return ferror(to) || fflush(to) != 0 ? dpl_err_sys(err, errno, "write the list") : 0;
}

/* Who is told of the list finds it after a power cut too. */
static int sync_list(FILE *to, int dir_fd, struct dpl_err *err)
{
    return fsync(fileno(to)) < 0 || fsync(dir_fd) < 0
               ? dpl_err_sys(err, errno, "make the list durable")
               : 0;
}

static int drop_rights(struct dpl_err *err)
{
    const uint64_t kept = UINT64_C(1) << CAP_DAC_READ_SEARCH | UINT64_C(1) << CAP_SYS_ADMIN;
    int rc = dpl_confine_caps(kept, err);
    return rc < 0 ? rc : dpl_confine_calls(DPL_CONFINE_READER, err);
}

static FILE *open_list(int dir_fd, const char *name, struct dpl_err *err)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        dpl_err_sys(err, errno, "write \"%s\"", name);
    return fd < 0 ? NULL : fdopen(fd, "w");
}

static int run(char **argv, struct dpl_doc *kept, struct dpl_err *err)
{
    long long life = strtoll(argv[1], NULL, 10), since_ms = strtoll(argv[2], NULL, 10);
    struct dpl_kept_list list = {0};
    dpl_autofd int dir = open(argv[3], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    dpl_autofd int orphans =
        dir < 0 ? -1 : openat(dir, "orphans", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (orphans < 0)
        return dpl_err_sys(err, errno, "open what is kept in \"%s\"", argv[3]);
    g_autofree char *name = g_strdup_printf("kept-%lld", life);
    FILE *to = open_list(dir, name, err);
    if (!to)
        return err->code;
    int rc = drop_rights(err);
    if (rc == 0)
        rc = dpl_kept_list_read(&list, orphans, life, MOST_MS, err);
    for (char **root = argv + 4; rc == 0 && *root; root++) {
        dpl_autofd int fd = open(*root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        rc = fd < 0 ? dpl_err_sys(err, errno, "open \"%s\"", *root)
                    : dpl_kept_list_compare(&list, orphans, fd, err);
    }
    if (rc == 0)
        rc = report(&list, since_ms, to, kept, err);
    if (rc == 0)
        rc = sync_list(to, dir, err);
    dpl_kept_list_done(&list);
    return fclose(to) != 0 && rc == 0 ? dpl_err_sys(err, errno, "write the list") : rc;
}

/* --- what was changed ------------------------------------------------------------------------- */

/* By the clock that gave the files their times: when the last owner had ended. */
static int64_t ended_ns(int dir_fd, const char *dir, int64_t otherwise_ms)
{
    g_autofree char *set = g_path_get_basename(dir);
    struct dpl_owner owner;
    struct stat st;
    if (dpl_owner_read(dir_fd, set, &owner, NULL) == 0 && owner.closed &&
        fstatat(dir_fd, DPL_OWNER_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
    return otherwise_ms * 1000000;
}

static int report_changed(const struct dpl_kept_list *l, FILE *to, struct dpl_doc *kept,
                          struct dpl_err *err)
{
    struct dpl_doc *files = dpl_doc_set_list(kept, "files");
    int64_t mails = 0;
    for (guint i = 0; i < l->files->len; i++) {
        const struct dpl_kept_file *f = l->files->pdata[i];
        g_autoptr(GString) line = g_string_new(NULL);
        mails += f->message_id != NULL;
        if (i < TOLD)
            put_file(files, f, "changed");
        g_string_printf(line, "%12lld %s ", (long long)f->size,
                        f->message_id ? f->message_id : "-");
        dpl_quote_into(line, f->path, strlen(f->path));
        fprintf(to, "%s\n", line->str);
    }
    dpl_doc_set_int(kept, "total", (int64_t)l->files->len + (int64_t)l->more);
    dpl_doc_set_int(kept, "mails", mails);
    dpl_doc_set_int(kept, "unread", (int64_t)l->unread);
    return ferror(to) || fflush(to) != 0 ? dpl_err_sys(err, errno, "write the list") : 0;
}

static int walk_roots(struct dpl_kept_list *list, char **roots, const struct dpl_rules *rules,
                      int64_t since_ns, struct dpl_err *err)
{
    int rc = drop_rights(err);
    for (char **root = roots; rc == 0 && *root; root++) {
        dpl_autofd int fd = open(*root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        rc = fd < 0 ? dpl_err_sys(err, errno, "open \"%s\"", *root)
                    : dpl_kept_list_changed(list, fd, *root, rules, since_ns, err);
    }
    return rc;
}

static int run_changed(char **argv, struct dpl_doc *kept, struct dpl_err *err)
{
    struct dpl_kept_list list;
    struct dpl_rules *rules = NULL;
    dpl_autofd int dir = open(argv[4], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return dpl_err_sys(err, errno, "open \"%s\"", argv[4]);
    int rc = argv[3][0] ? dpl_rules_parse(&rules, argv[3], strlen(argv[3]), err) : 0;
    FILE *to = rc < 0 ? NULL : open_list(dir, "changed", err);
    if (!to)
        return err->code;
    int64_t since_ns = ended_ns(dir, argv[4], strtoll(argv[2], NULL, 10));
    dpl_kept_list_init(&list, MOST_MS);
    rc = walk_roots(&list, argv + 5, rules, since_ns, err);
    if (rc == 0)
        rc = report_changed(&list, to, kept, err);
    if (rc == 0)
        rc = sync_list(to, dir, err);
    dpl_kept_list_done(&list);
    dpl_rules_free(rules);
    return fclose(to) != 0 && rc == 0 ? dpl_err_sys(err, errno, "write the list") : rc;
}

int main(int argc, char **argv)
{
    struct dpl_err err = {0};
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("doppel-kept %s\n", PACKAGE_VERSION);
        return 0;
    }
    bool helps = argc == 2 && strcmp(argv[1], "--help") == 0;
    bool changed = argc > 1 && strcmp(argv[1], "--changed") == 0;
    if (helps || argc < 5 + changed || argc > 4 + changed + ROOTS_MAX) {
        fprintf(helps ? stdout : stderr, "usage: doppel-kept LIFE SINCE_MS DIR ROOT...\n"
                                         "       doppel-kept --changed SINCE_MS RULES DIR ROOT...\n"
                                         "Lists what only a site that served before has; doppeld "
                                         "starts it. See doppel-kept(8).\n");
        return helps ? 0 : 2;
    }
    signal(SIGPIPE, SIG_IGN);
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_channel *channel = dpl_channel_new(DPL_CHANNEL_FD);
    struct dpl_doc *kept = dpl_doc_set_tree(doc, "kept");
    if ((changed ? run_changed(argv, kept, &err) : run(argv, kept, &err)) < 0) {
        dpl_doc_unset(doc, "kept");
        dpl_doc_set_text(doc, "failed", err.text);
    }
    int rc = dpl_channel_send(channel, doc, NULL, 0, &err);
    dpl_channel_free(channel);
    return rc < 0 ? 1 : 0;
}
