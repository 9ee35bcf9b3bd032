/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link/remote.h"
#include "lib/base/fd.h"
#include "lib/proto/message.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>

#define S INT64_C(1000000000)

enum { TAG = 77 };

static struct dpl_link_remote remote;
static struct dpl_remote_page *page; /* of the capture */
static int dir = -1;

/* A capture begins, with what is in force until a link comes. */
static void capture(enum dpl_remote_mode mode, int64_t now_ns)
{
    const struct dpl_remote_config config = {
        .mode = mode, .policy = DPL_REMOTE_REFUSE, .timeout_ms = 5000};
    if (dir < 0) {
        g_autofree char *path = g_build_filename(unit_tempdir(), "mail", NULL);
        mkdir(path, 0755);
        dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CU_ASSERT_FATAL(dir >= 0);
    }
    dpl_remote_unmap(page);
    CU_ASSERT_EQUAL_FATAL(dpl_remote_begin(dir, &config, now_ns, &page, NULL), 0);
}

static void link_begins(const char *durability, const char *policy, int64_t timeout_ms)
{
    dpl_link_remote_done(&remote);
    remote = (struct dpl_link_remote){0};
    dpl_link_remote_configure(&remote, durability, policy, timeout_ms);
}

static struct dpl_remote_view tell(enum dpl_link_target target, uint64_t tag, int64_t now_ns)
{
    struct dpl_remote_view view;
    (void)dpl_link_remote_tell(&remote, unit_tempdir(), "mail", target, tag, tag ? 4096 : 0,
                               now_ns);
    dpl_remote_look(page, tag, &view);
    return view;
}

static void end(void)
{
    dpl_link_remote_done(&remote);
    dpl_remote_unmap(page);
    page = NULL;
}

static void a_capture_waits_before_there_is_a_link(void)
{
    struct dpl_remote_view view;
    capture(DPL_REMOTE_ON, 100 * S);
    dpl_remote_look(page, TAG, &view);
    CU_ASSERT_EQUAL(view.mode, DPL_REMOTE_ON);
    CU_ASSERT_EQUAL(view.policy, DPL_REMOTE_REFUSE);
    CU_ASSERT_EQUAL(view.stale_ns, 105 * S);
    end();
}

/* It was never connected: what the capture began with holds for the time, then the policy. */
static void a_target_that_was_never_met(void)
{
    capture(DPL_REMOTE_ON, 100 * S);
    link_begins("remote", "refuse", 5000);
    struct dpl_remote_view view = tell(DPL_TARGET_AWAY, 0, 101 * S);
    CU_ASSERT_EQUAL(view.mode, DPL_REMOTE_ON);
    CU_ASSERT_EQUAL(view.stale_ns, 106 * S);
    CU_ASSERT_EQUAL(tell(DPL_TARGET_AWAY, 0, 105 * S).mode, DPL_REMOTE_ON);
    CU_ASSERT_EQUAL(tell(DPL_TARGET_AWAY, 0, 107 * S).mode, DPL_REMOTE_FALLBACK);
    /* A person may let the service go on. */
    dpl_link_remote_configure(&remote, "remote", "local", 5000);
    CU_ASSERT_EQUAL(tell(DPL_TARGET_AWAY, 0, 108 * S).policy, DPL_REMOTE_LOCAL);
    dpl_link_remote_configure(&remote, "local", NULL, 0);
    CU_ASSERT_EQUAL(tell(DPL_TARGET_AWAY, 0, 109 * S).mode, DPL_REMOTE_OFF);
    dpl_link_remote_configure(&remote, "remote", "refuse", 5000);
    CU_ASSERT_EQUAL(tell(DPL_TARGET_FOLLOWS, TAG, 120 * S).mode, DPL_REMOTE_ON);
    end();
}

/* A site that took over serves, and has nobody who could follow yet. */
static void a_capture_that_waits_for_nobody(void)
{
    capture(DPL_REMOTE_OFF, 100 * S);
    link_begins("remote", "refuse", 5000);
    CU_ASSERT_EQUAL(tell(DPL_TARGET_AWAY, 0, 110 * S).mode, DPL_REMOTE_OFF);
    CU_ASSERT_EQUAL(tell(DPL_TARGET_AWAY, 0, 120 * S).mode, DPL_REMOTE_OFF);
    CU_ASSERT_EQUAL(tell(DPL_TARGET_BEHIND, TAG, 121 * S).mode, DPL_REMOTE_FALLBACK);
    end();
}

static void what_a_former_link_left(void)
{
    capture(DPL_REMOTE_ON, 100 * S);
    link_begins("local", NULL, 0); /* not wanted any more */
    CU_ASSERT_EQUAL(tell(DPL_TARGET_AWAY, 0, 101 * S).mode, DPL_REMOTE_OFF);
    capture(DPL_REMOTE_ON, 100 * S);
    link_begins("remote", "local", 2000); /* otherwise */
    struct dpl_remote_view view = tell(DPL_TARGET_FOLLOWS, TAG, 101 * S);
    CU_ASSERT_EQUAL(view.mode, DPL_REMOTE_ON);
    CU_ASSERT_EQUAL(view.policy, DPL_REMOTE_LOCAL);
    CU_ASSERT_EQUAL(view.timeout_ns, 2 * S);
    end();
}

static void another_capture_has_another_page(void)
{
    capture(DPL_REMOTE_OFF, 100 * S);
    link_begins("remote", "refuse", 5000);
    CU_ASSERT_EQUAL(tell(DPL_TARGET_FOLLOWS, TAG, 101 * S).mode, DPL_REMOTE_ON);
    capture(DPL_REMOTE_ON, 102 * S);
    CU_ASSERT_EQUAL(tell(DPL_TARGET_AWAY, TAG, 103 * S).stale_ns, 108 * S);
    CU_ASSERT_EQUAL(tell(DPL_TARGET_AWAY, TAG, 110 * S).mode, DPL_REMOTE_FALLBACK);
    end();
}

/* Promises: at head_ns the journal ended at head; the target has all below durable. */
static uint32_t promise(uint64_t head, int64_t head_ns, uint64_t durable, int64_t now_ns)
{
    dpl_link_remote_cover(&remote, head, head_ns, durable);
    return dpl_link_remote_promise(&remote, now_ns);
}

static void follows(const char *policy)
{
    capture(DPL_REMOTE_OFF, 100 * S);
    link_begins("remote", policy, 5000);
    (void)tell(DPL_TARGET_FOLLOWS, TAG, 101 * S);
}

static void a_promise_holds_as_long_as_a_sync_waits(void)
{
    follows("local");
    CU_ASSERT_EQUAL(promise(1000, 102 * S, 0, 102 * S), 0);
    CU_ASSERT_EQUAL(promise(2000, 103 * S, 999, 103 * S), 0); /* it has not all of then */
    (void)tell(DPL_TARGET_FOLLOWS, TAG, 103 * S);
    CU_ASSERT_EQUAL(promise(2000, 103 * S, 1000, 103 * S), 4000); /* who came at 102 */
    (void)tell(DPL_TARGET_FOLLOWS, TAG, 104 * S);
    CU_ASSERT_EQUAL(promise(2000, 104 * S, 1000, 104 * S), 3000);
    CU_ASSERT_EQUAL(promise(2000, 104 * S, 2000, 104 * S), 4000);
    follows("refuse");
    CU_ASSERT_EQUAL(promise(1000, 102 * S, 0, 102 * S), 0);
    CU_ASSERT_EQUAL(promise(1000, 103 * S, 1000, 103 * S), DPL_PROMISE_ALWAYS);
    end();
}

/* Who has returned alone until it began is behind no position that was known before. */
static void a_promise_is_not_of_what_went_before(void)
{
    follows("refuse");
    CU_ASSERT_EQUAL(promise(1000, 101 * S, 1000, 102 * S), 0); /* before there was one who waits */
    CU_ASSERT_EQUAL(promise(1000, 101 * S, 1000, 102 * S), 0);
    CU_ASSERT_EQUAL(promise(1000, 102 * S, 1000, 102 * S), 0);
    CU_ASSERT_EQUAL(promise(1000, 102 * S, 1000, 102 * S), DPL_PROMISE_ALWAYS);
    dpl_link_remote_configure(&remote, "remote", "local", 5000);
    dpl_link_remote_configure(&remote, "remote", "refuse", 5000);
    CU_ASSERT_EQUAL(promise(1000, 103 * S, 1000, 103 * S), 0);
    CU_ASSERT_EQUAL(promise(1000, 103 * S, 1000, 103 * S), 0);
    end();
}

/* A sync that came before has its own end, sooner than what is configured now. */
static void a_longer_time_promises_nothing_of_a_sync_that_waits(void)
{
    follows("local");
    (void)promise(1000, 102 * S, 0, 102 * S);
    CU_ASSERT_EQUAL(promise(1000, 102 * S, 1000, 102 * S), 4000);
    dpl_link_remote_configure(&remote, "remote", "local", 60000);
    CU_ASSERT_EQUAL(promise(1000, 102 * S, 1000, 102 * S), 0);
    (void)tell(DPL_TARGET_FOLLOWS, TAG, 103 * S);
    CU_ASSERT_EQUAL(promise(1000, 103 * S, 1000, 103 * S), 0);
    end();
}

/* No sign was given for so long that syncs returned: what they left is later than the mark. */
static void silence_ends_a_promise(void)
{
    follows("local");
    (void)promise(1000, 102 * S, 0, 102 * S);
    (void)tell(DPL_TARGET_FOLLOWS, TAG, 110 * S);
    (void)promise(2000, 109 * S, 2000, 110 * S);
    CU_ASSERT_EQUAL(promise(2000, 109 * S, 2000, 110 * S), 0);
    end();
}

static const struct unit_test tests[] = {
    {"a capture waits before there is a link", a_capture_waits_before_there_is_a_link},
    {"a target that was never met: the policy, after the time", a_target_that_was_never_met},
    {"a capture that waits for nobody does so until a target is met",
     a_capture_that_waits_for_nobody},
    {"what a former link left is not in force against what is configured", what_a_former_link_left},
    {"another capture has another page, which is found", another_capture_has_another_page},
    {"a promise holds as long as a sync waits", a_promise_holds_as_long_as_a_sync_waits},
    {"a promise is not of what went before", a_promise_is_not_of_what_went_before},
    {"a longer time promises nothing of a sync that waits",
     a_longer_time_promises_nothing_of_a_sync_that_waits},
    {"silence ends a promise", silence_ends_a_promise},
};
UNIT_MAIN(tests)
