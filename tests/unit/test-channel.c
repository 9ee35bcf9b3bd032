/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/fd.h"
#include "lib/ctl/channel.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct both {
    struct dpl_channel *a, *b;
};

static struct both channels(void)
{
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(dpl_channel_pair(ends, NULL), 0);
    return (struct both){dpl_channel_new(ends[0]), dpl_channel_new(ends[1])};
}

static void done(struct both *c)
{
    dpl_channel_free(c->a);
    dpl_channel_free(c->b);
}

static struct dpl_doc *doc_of(const char *text)
{
    struct dpl_doc *doc = dpl_doc_new();
    dpl_doc_set_text(doc, "t", text);
    return doc;
}

static unsigned open_fds(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void in_order(void)
{
    struct both c = channels();
    struct dpl_doc *got = NULL;
    CU_ASSERT_EQUAL(dpl_channel_receive(c.b, &got, NULL), 0);
    for (int i = 0; i < 3; i++) {
        g_autofree char *text = g_strdup_printf("%d", i);
        g_autoptr(dpl_doc_auto) doc = doc_of(text);
        CU_ASSERT_EQUAL(dpl_channel_send(c.a, doc, NULL, 0, NULL), 0);
    }
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL_FATAL(dpl_channel_receive(c.b, &got, NULL), 1);
        CU_ASSERT_EQUAL(dpl_doc_text(got, "t")[0], '0' + i);
        dpl_doc_free(got);
    }
    CU_ASSERT_EQUAL(dpl_channel_receive(c.b, &got, NULL), 0);
    CU_ASSERT_EQUAL(dpl_channel_take_fd(c.b), -1);
    done(&c);
}

/* Larger than a socket takes at once: the rest waits here, and nothing is lost. */
static void large(void)
{
    struct both c = channels();
    g_autofree char *text = g_strnfill(1 << 20, 'x');
    g_autoptr(dpl_doc_auto) doc = doc_of(text);
    struct dpl_doc *got = NULL;
    int rc = 0;
    CU_ASSERT_EQUAL(dpl_channel_send(c.a, doc, NULL, 0, NULL), 0);
    CU_ASSERT_TRUE(dpl_channel_wants_write(c.a));
    for (int i = 0; i < 1000 && rc == 0; i++) {
        rc = dpl_channel_receive(c.b, &got, NULL);
        CU_ASSERT_EQUAL(dpl_channel_flush(c.a, NULL), 0);
    }
    CU_ASSERT_EQUAL_FATAL(rc, 1);
    CU_ASSERT_FALSE(dpl_channel_wants_write(c.a));
    CU_ASSERT_TRUE(dpl_doc_equal(doc, got));
    dpl_doc_free(got);
    done(&c);
}

static void bounded(void)
{
    struct both c = channels();
    g_autofree char *text = g_strnfill(1 << 20, 'x');
    g_autoptr(dpl_doc_auto) doc = doc_of(text);
    struct dpl_err err = {0};
    int rc = 0;
    for (int i = 0; i < 10 && rc == 0; i++)
        rc = dpl_channel_send(c.a, doc, NULL, 0, &err);
    CU_ASSERT_EQUAL(rc, DPL_E_BUSY);
    done(&c);
}

static void descriptors(void)
{
    unsigned before = open_fds();
    struct both c = channels();
    g_autoptr(dpl_doc_auto) doc = doc_of("x");
    struct dpl_doc *got = NULL;
    struct stat want, have;
    int two[2] = {open("/dev/null", O_RDONLY | O_CLOEXEC), open("/", O_RDONLY | O_CLOEXEC)};
    CU_ASSERT_EQUAL(dpl_channel_send(c.a, doc, two, 2, NULL), 0);
    fstat(two[0], &want);
    close(two[0]);
    close(two[1]);
    CU_ASSERT_EQUAL_FATAL(dpl_channel_receive(c.b, &got, NULL), 1);
    dpl_doc_free(got);
    dpl_autofd int first = dpl_channel_take_fd(c.b);
    CU_ASSERT_EQUAL_FATAL(fstat(first, &have), 0);
    CU_ASSERT_TRUE(want.st_rdev == have.st_rdev);
    CU_ASSERT_EQUAL(fcntl(first, F_GETFD), FD_CLOEXEC);
    /* the second is left there, and a message without descriptors comes behind it */
    CU_ASSERT_EQUAL(dpl_channel_send(c.a, doc, NULL, 0, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_channel_receive(c.b, &got, NULL), 1);
    dpl_doc_free(got);
    CU_ASSERT_EQUAL(dpl_channel_take_fd(c.b), -1);
    dpl_fd_clear(&first);
    done(&c);
    CU_ASSERT_EQUAL(open_fds(), before);
}

static void queued_descriptors(void)
{
    unsigned before = open_fds();
    struct both c = channels();
    g_autofree char *text = g_strnfill(1 << 20, 'x');
    g_autoptr(dpl_doc_auto) doc = doc_of(text);
    int one = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CU_ASSERT_EQUAL(dpl_channel_send(c.a, doc, &one, 1, NULL), 0);
    CU_ASSERT_EQUAL(dpl_channel_send(c.a, doc, &one, 1, NULL), 0); /* wholly queued */
    close(one);
    done(&c);
    CU_ASSERT_EQUAL(open_fds(), before);
}

static void the_end(void)
{
    struct both c = channels();
    g_autoptr(dpl_doc_auto) doc = doc_of("last");
    struct dpl_doc *got = NULL;
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL(dpl_channel_send(c.a, doc, NULL, 0, NULL), 0);
    g_clear_pointer(&c.a, dpl_channel_free);
    CU_ASSERT_EQUAL_FATAL(dpl_channel_receive(c.b, &got, &err), 1);
    dpl_doc_free(got);
    CU_ASSERT_EQUAL(dpl_channel_receive(c.b, &got, &err), DPL_E_NOT_RUNNING);
    CU_ASSERT_EQUAL(dpl_channel_send(c.b, doc, NULL, 0, &err), DPL_E_NOT_RUNNING);
    done(&c);
}

static void nonsense(void)
{
    static const struct {
        const char *bytes;
        size_t size;
    } packets[] = {{"\2\1\4\1", 4}, {"\0", 1}, {"\1", 1}, {"\0\1\4\2", 4}};
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        struct both c = channels();
        struct dpl_doc *got = NULL;
        struct dpl_err err = {0};
        send(dpl_channel_fd(c.a), packets[i].bytes, packets[i].size, 0);
        CU_ASSERT_EQUAL(dpl_channel_receive(c.b, &got, &err), DPL_E_CORRUPT);
        done(&c);
    }
}

/* Packets that never end are refused before they take all memory. */
static void endless(void)
{
    struct both c = channels();
    static const uint8_t packet[32768] = {1};
    struct dpl_doc *got = NULL;
    int rc = 0;
    for (int i = 0; i < 100 && rc == 0; i++) {
        send(dpl_channel_fd(c.a), packet, sizeof packet, MSG_DONTWAIT);
        rc = dpl_channel_receive(c.b, &got, NULL);
    }
    CU_ASSERT_EQUAL(rc, DPL_E_CORRUPT);
    done(&c);
}

static const struct unit_test tests[] = {
    {"documents come whole and in order", in_order},
    {"a large document goes in parts", large},
    {"what the other side does not read is bounded", bounded},
    {"descriptors come along, and what nobody takes is closed", descriptors},
    {"descriptors of what was never sent are closed", queued_descriptors},
    {"what was sent before the end is read before the end", the_end},
    {"packets that make no sense are refused", nonsense},
    {"a message without an end is refused", endless},
};
UNIT_MAIN(tests)
