/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/kept-list.h"

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

enum { LIFE = 7, DEEPEST = 200 };

static int orphans = -1, root = -1;

static int made(int dir, const char *name)
{
    CU_ASSERT_EQUAL_FATAL(mkdirat(dir, name, 0700), 0);
    return openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void put(int dir, const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CU_ASSERT_FATAL(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

/* A new pair of directories: what was kept, with an orphan of this life, and a root. */
static int begin(unsigned number)
{
    char name[32];
    int base = open(unit_tempdir(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    snprintf(name, sizeof name, "orphans%u", number);
    orphans = made(base, name);
    snprintf(name, sizeof name, "root%u", number);
    root = made(base, name);
    close(base);
    int orphan = made(orphans, "orphan");
    static const char from[] = "7 1 o /root/orphan";
    CU_ASSERT_EQUAL(fsetxattr(orphan, DPL_APPLY_FROM, from, strlen(from), 0), 0);
    return orphan;
}

/* So many directories in each other beneath dir, which is taken; the last one. */
static int down(int dir, int levels)
{
    for (int i = 0; i < levels; i++) {
        int next = made(dir, "d");
        close(dir);
        dir = next;
    }
    return dir;
}

static void look(struct dpl_kept_list *list)
{
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL_FATAL(dpl_kept_list_read(list, orphans, LIFE, 60000, &err), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_kept_list_compare(list, orphans, root, &err), 0);
}

static void end(struct dpl_kept_list *list)
{
    dpl_kept_list_done(list);
    close(orphans);
    close(root);
}

static void as_deep_as_it_goes(void)
{
    struct dpl_kept_list list;
    int deep = down(begin(1), DEEPEST - 1);
    put(deep, "file", "precious");
    close(deep);
    look(&list);
    CU_ASSERT_EQUAL(list.files->len, 1);
    CU_ASSERT_EQUAL(list.unread, 0);
    end(&list);
}

static void too_deep_among_what_was_kept(void)
{
    struct dpl_kept_list list;
    int deep = down(begin(2), DEEPEST);
    put(deep, "file", "precious");
    close(deep);
    look(&list);
    CU_ASSERT_EQUAL(list.files->len, 0);
    CU_ASSERT_EQUAL(list.unread, 1);
    end(&list);
}

static void too_deep_in_the_replica(void)
{
    struct dpl_kept_list list;
    int orphan = begin(3), deep = down(dup(root), DEEPEST + 3);
    put(orphan, "file", "precious");
    put(deep, "file", "precious");
    close(orphan);
    close(deep);
    look(&list);
    CU_ASSERT_EQUAL_FATAL(list.files->len, 1);
    CU_ASSERT_FALSE(((struct dpl_kept_file *)list.files->pdata[0])->here);
    CU_ASSERT_EQUAL(list.unread, 1);
    end(&list);
}

static void elsewhere_in_the_replica(void)
{
    struct dpl_kept_list list;
    int orphan = begin(4);
    put(orphan, "file", "precious");
    put(orphan, "other", "precious!");
    put(root, "moved", "precious");
    close(orphan);
    look(&list);
    CU_ASSERT_EQUAL_FATAL(list.files->len, 2);
    for (guint i = 0; i < list.files->len; i++) {
        const struct dpl_kept_file *f = list.files->pdata[i];
        CU_ASSERT_EQUAL(f->here, strcmp(f->path, "/root/orphan/file") == 0);
    }
    CU_ASSERT_EQUAL(list.unread, 0);
    CU_ASSERT_TRUE(list.exact);
    end(&list);
}

static int64_t ctime_ns(const char *name)
{
    struct stat st;
    CU_ASSERT_EQUAL_FATAL(fstatat(root, name, &st, 0), 0);
    return (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
}

/* What was changed behind a time, of what the rules include. */
static void changed_behind_a_time(void)
{
    static const char text[] = "include recursive /r\nexclude recursive /r/tmp\n";
    struct dpl_kept_list list;
    struct dpl_rules *rules = NULL;
    struct dpl_err err = {0};
    close(begin(5));
    put(root, "before", "b");
    int64_t since_ns = ctime_ns("before"), now_ns;
    do { /* until the clock that gives files their times has gone on */
        unlinkat(root, "after", 0);
        put(root, "after", "a");
        now_ns = ctime_ns("after");
    } while (now_ns == since_ns);
    int tmp = made(root, "tmp");
    put(tmp, "theirs", "t");
    close(tmp);
    CU_ASSERT_EQUAL_FATAL(dpl_rules_parse(&rules, text, strlen(text), &err), 0);
    dpl_kept_list_init(&list, 60000);
    CU_ASSERT_EQUAL(dpl_kept_list_changed(&list, root, "/r", rules, since_ns, &err), 0);
    CU_ASSERT_EQUAL_FATAL(list.files->len, 1);
    CU_ASSERT_STRING_EQUAL(((struct dpl_kept_file *)list.files->pdata[0])->path, "/r/after");
    dpl_kept_list_done(&list);
    dpl_kept_list_init(&list, 60000);
    CU_ASSERT_EQUAL(dpl_kept_list_changed(&list, root, "/r", NULL, since_ns, &err), 0);
    CU_ASSERT_EQUAL(list.files->len, 2);
    dpl_rules_free(rules);
    end(&list);
}

static const struct unit_test tests[] = {
    {"what was kept is listed as deep as is looked", as_deep_as_it_goes},
    {"what was kept deeper is counted as unread", too_deep_among_what_was_kept},
    {"what stands too deep in the replica is counted as unread", too_deep_in_the_replica},
    {"what stands in the replica under another name is not missing", elsewhere_in_the_replica},
    {"what was changed behind a time is listed, as far as it is the set's", changed_behind_a_time},
};

UNIT_MAIN_ROOT(tests, "note where a file came from")
