/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The link as a whole, but for its main: a journal that is being written, a channel, and at the
 * other end of the data socket a target in this process.
 */
#include "daemon/link/link.h"
#include "lib/base/fd.h"
#include "tests/prop/rig.h"
#include "tests/prop/target_model.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct dpl_arena_sizes sizes = {.entries = 1024, .ring_bytes = 4 << 20};
static struct rig rig;
static struct dpl_link the_link;
static struct dpl_channel *daemon_end;
static struct tmodel target;
static struct dpl_peer peer; /* the target's end */
static bool nonsense;
static uint64_t marks;
static uint8_t data[600000];
/* What the link said last. */
static struct {
    unsigned ready, connect, events, statuses;
    char event[64];
    struct dpl_doc *status, *result;
} said;

static int target_send(void *self, const struct dpl_message *m)
{
    (void)self;
    return dpl_peer_send(&peer, m, NULL);
}

static void write_one(size_t size)
{
    struct dpl_oid oid;
    struct dpl_record record;
    rig_write(&record, &oid, marks++, data, size);
    CU_ASSERT_EQUAL_FATAL(rig_put(&rig, &record, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(rig_drain(&rig), 0);
}

static void hear_link(void)
{
    for (;;) {
        g_autoptr(dpl_doc_auto) doc = NULL;
        if (dpl_channel_receive(daemon_end, &doc, NULL) <= 0)
            return;
        said.ready += dpl_doc_get(doc, "ready") != NULL;
        said.connect += dpl_doc_get(doc, "connect") != NULL;
        if (dpl_doc_text(doc, "event")) {
            said.events++;
            g_strlcpy(said.event, dpl_doc_text(doc, "event"), sizeof said.event);
        }
        if (dpl_doc_tree(doc, "status")) {
            said.statuses++;
            dpl_doc_free(said.status);
            said.status = dpl_doc_copy(dpl_doc_tree(doc, "status"));
        }
        if (dpl_doc_get(doc, "result")) {
            dpl_doc_free(said.result);
            said.result = dpl_doc_copy(doc);
        }
    }
}

static void hear_target(void)
{
    struct dpl_message m;
    bool any = false;
    if (peer.fd < 0)
        return;
    ssize_t rc = dpl_peer_read(&peer, NULL);
    while (dpl_peer_next(&peer, &m, NULL) > 0) {
        any = true;
        if (tmodel_receive(&target, &m) < 0)
            nonsense = true;
    }
    if (any) {
        tmodel_sync(&target);
        tmodel_apply(&target, UINT64_MAX / 2);
        tmodel_ack(&target);
    }
    (void)dpl_peer_flush(&peer, NULL);
    if (rc < 0)
        dpl_peer_close(&peer);
}

/* Lets both run until the condition holds; waits for events alone, with an end. */
#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        int64_t end_ = dpl_clock_now_ns(&dpl_clock_system) + INT64_C(120000000000);                \
        while (!(condition) && dpl_clock_now_ns(&dpl_clock_system) < end_) {                       \
            CU_ASSERT_EQUAL_FATAL(dpl_link_turn(&the_link, 0, NULL), 1);                           \
            hear_target();                                                                         \
            hear_link();                                                                           \
        }                                                                                          \
        CU_ASSERT_TRUE_FATAL(condition);                                                           \
    } while (0)

static void tell(struct dpl_doc *doc, int fd)
{
    CU_ASSERT_EQUAL(dpl_channel_send(daemon_end, doc, &fd, fd >= 0, NULL), 0);
    dpl_doc_free(doc);
}

static struct dpl_doc *start_doc(void)
{
    struct dpl_doc *doc = dpl_doc_new(), *start = dpl_doc_set_tree(doc, "start");
    g_autofree char *journal = g_strdup_printf("/proc/self/fd/%d", rig.dir_fd);
    char real[4096];
    ssize_t n = readlink(journal, real, sizeof real - 1);
    real[n > 0 ? n : 0] = '\0';
    dpl_doc_set_text(start, "set", "mail");
    dpl_doc_set_text(start, "journal", real);
    dpl_doc_set_bool(start, "equal", true);
    return doc;
}

static void connect_it(void)
{
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    dpl_peer_close(&peer);
    dpl_peer_open(&peer, ends[1]);
    struct dpl_doc *doc = dpl_doc_new();
    dpl_doc_set_text(dpl_doc_set_tree(doc, "connected"), "site", "site-b");
    tell(doc, ends[0]);
    close(ends[0]);
    tmodel_connect(&target);
}

static void begin(const char *name)
{
    int ends[2];
    marks = 0;
    nonsense = false;
    memset(&said, 0, sizeof said);
    CU_ASSERT_EQUAL_FATAL(rig_init(&rig, name, &sizes, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(rig_attach(&rig), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_channel_pair(ends, NULL), 0);
    daemon_end = dpl_channel_new(ends[0]);
    dpl_link_init(&the_link, dpl_channel_new(ends[1]), &dpl_clock_system);
    tmodel_init(&target);
    target.send = target_send;
    peer.fd = -1;
    tell(start_doc(), -1);
    UNTIL(said.ready == 1);
    connect_it();
}

static void end(void)
{
    CU_ASSERT_FALSE(nonsense);
    dpl_link_done(&the_link);
    dpl_channel_free(daemon_end);
    dpl_peer_close(&peer);
    tmodel_done(&target);
    dpl_doc_free(said.status);
    dpl_doc_free(said.result);
    rig_done(&rig);
}

static uint64_t spilled(void)
{
    return dpl_arena_spilled(&rig.arena);
}

/* The target's bytes are the journal's. */
static void same_bytes(void)
{
    struct dpl_range *range;
    struct dpl_view v;
    CU_ASSERT_EQUAL_FATAL(
        dpl_range_open(&range, rig.dir_fd, target.epoch.number, target.start, NULL), 0);
    uint64_t at = target.start;
    while (dpl_range_next(range, 1 << 20, &v, NULL) == DPL_NEXT_RECORD) {
        CU_ASSERT_FATAL(at - target.start + v.size <= target.bytes->len);
        CU_ASSERT_EQUAL(memcmp(target.bytes->data + (at - target.start), v.data, v.size), 0);
        at += v.size;
    }
    CU_ASSERT_EQUAL(at, target.received);
    dpl_range_close(range);
}

static void follows(void)
{
    begin("follows");
    for (int i = 0; i < 20; i++)
        write_one(100000);
    UNTIL(target.applied == spilled());
    /* And while it runs: each comes by itself. */
    for (int i = 0; i < 50; i++) {
        write_one(300);
        UNTIL(target.durable == spilled());
    }
    same_bytes();
    UNTIL(said.status && dpl_doc_int(said.status, "durable_lsn", 0) == (int64_t)spilled());
    CU_ASSERT_TRUE(dpl_doc_bool(said.status, "following", false));
    CU_ASSERT_FALSE(dpl_doc_bool(said.status, "mirror_needed", true));
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(dpl_doc_tree(said.status, "peer"), "site"), "site-b");
    CU_ASSERT_EQUAL(dpl_doc_int(said.status, "waiting_bytes", -1), 0);
    end();
}

static void goes_on(void)
{
    begin("goes-on");
    for (int i = 0; i < 10; i++) {
        write_one(200000);
        UNTIL(target.durable > 0);
        unsigned asked = said.connect;
        write_one(50000);
        dpl_peer_close(&peer); /* the link is cut */
        tmodel_crash(&target);
        UNTIL(said.connect > asked);
        CU_ASSERT_STRING_EQUAL(said.event, "session-over");
        connect_it();
        UNTIL(target.durable == spilled());
    }
    CU_ASSERT_EQUAL(target.epochs_accepted, 11);
    same_bytes();
    end();
}

static void trims(void)
{
    struct dpl_segment_entry *list = NULL;
    begin("trims");
    for (int i = 0; i < 40; i++)
        write_one(500000);
    ssize_t before = dpl_segments_list(rig.dir_fd, &list, NULL);
    CU_ASSERT_TRUE(before >= 4);
    free(list);
    UNTIL(target.durable == spilled());
    ssize_t left;
    UNTIL((left = dpl_segments_list(rig.dir_fd, &list, NULL), free(list), left) == 1);
    write_one(1000);
    UNTIL(target.durable == spilled());
    end();
}

static void held_back(void)
{
    begin("held-back");
    write_one(100000);
    UNTIL(target.durable == spilled());
    target.full = true;
    tmodel_ack(&target);
    UNTIL(the_link.source.flags & DPL_STATE_FULL);
    write_one(100000);
    uint64_t before = target.received;
    for (int i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL(dpl_link_turn(&the_link, 0, NULL), 1);
        hear_target();
    }
    CU_ASSERT_EQUAL(the_link.source.now.sent, before);
    CU_ASSERT_EQUAL(target.received, before);
    target.full = false;
    tmodel_ack(&target);
    UNTIL(target.durable == spilled());
    end();
}

static void write_and_end(size_t size)
{
    if (size > 0)
        write_one(size);
    dpl_arena_end(&rig.arena, DPL_JOURNAL_CLOSED);
    rig_drain(&rig);
}

static void is_full(uint64_t room)
{
    target.full = true;
    target.room = room;
    tmodel_ack(&target);
    UNTIL((the_link.source.flags & DPL_STATE_FULL) && the_link.source.room == room);
}

/* A target without room is told the end of the journal when it has all of it, or what is left fits,
 * and not before. */
static void ends_without_room(void)
{
    static const struct {
        const char *name;
        size_t more;
        uint64_t room;
        bool waits;
    } cases[] = {{"ends", 0, 0, false},
                 {"ends-later", 100000, 0, true},
                 {"too-little", 100000, 100000, true},
                 {"just-fits", 100000, 110000, false}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        begin(cases[i].name);
        write_one(100000);
        UNTIL(target.durable == spilled());
        uint64_t before = target.received;
        is_full(cases[i].room);
        write_and_end(cases[i].more);
        if (cases[i].waits) {
            UNTIL(said.status &&
                  dpl_doc_int(said.status, "unsent_bytes", 0) == (int64_t)(spilled() - before));
            CU_ASSERT_EQUAL(target.received, before);
            CU_ASSERT_FALSE(target.ended);
            target.full = false;
            tmodel_ack(&target);
        }
        UNTIL(target.ended);
        CU_ASSERT_EQUAL(target.received, spilled());
        CU_ASSERT_EQUAL(target.full, !cases[i].waits);
        UNTIL(said.status && dpl_doc_bool(said.status, "sent_all", false));
        CU_ASSERT_EQUAL(dpl_doc_int(said.status, "unsent_bytes", -1), 0);
        same_bytes();
        end();
    }
}

/* What a full target has room for is not given to those who go on. */
static void keeps_room(void)
{
    begin("keeps-room");
    write_one(1000);
    UNTIL(target.durable == spilled());
    uint64_t before = target.received;
    is_full(1 << 20);
    write_one(1000);
    UNTIL(said.status &&
          dpl_doc_int(said.status, "unsent_bytes", 0) == (int64_t)(spilled() - before));
    CU_ASSERT_EQUAL(target.received, before);
    write_and_end(1000);
    UNTIL(target.ended);
    CU_ASSERT_EQUAL(target.received, spilled());
    same_bytes();
    end();
}

static void overflow(void)
{
    begin("overflow");
    write_one(1000);
    UNTIL(target.durable == spilled());
    dpl_arena_end(&rig.arena, DPL_JOURNAL_BOUND);
    rig_drain(&rig);
    UNTIL(target.needs_mirror);
    CU_ASSERT_EQUAL(target.reason, DPL_COMPARE_ENDED);
    UNTIL(said.status && dpl_doc_bool(said.status, "mirror_needed", false));
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(said.status, "mirror_reason"),
                           "the journal ended before the changes did");
    CU_ASSERT_STRING_EQUAL(said.event, "mirror-needed");
    end();
}

/* The target is full, and what it was not sent yet ends in a gap: nobody waits for that for good.
 */
static void left_behind(void)
{
    struct dpl_capstat_page *page;
    begin("left-behind");
    g_autofree char *run_dir = g_strdup_printf("%s/left-run", unit_tempdir());
    g_autofree char *set_dir = g_strdup_printf("%s/mail", run_dir);
    CU_ASSERT_EQUAL_FATAL(g_mkdir_with_parents(set_dir, 0700), 0);
    dpl_autofd int dir = open(set_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct dpl_capstat_what what = {.epoch_number = rig.epoch.number, .set = "mail"};
    CU_ASSERT_EQUAL_FATAL(dpl_capstat_create(dir, &what, &page, NULL), 0);
    page->now.mode = DPL_CAPSTAT_JOURNAL;
    page->now.journal_ends = 1;
    struct dpl_doc *doc = start_doc();
    dpl_doc_set_text(dpl_doc_get_mutable(doc, "start"), "capture_run_dir", run_dir);
    tell(doc, -1);
    write_one(1000);
    UNTIL(target.durable == spilled());
    target.full = true;
    tmodel_ack(&target);
    UNTIL(the_link.full_ns != 0);
    write_one(1000);
    /* Of the journal that is written now it is waited for. */
    the_link.full_ns = 1;
    UNTIL(the_link.full_ns > 1);
    CU_ASSERT_FALSE(target.needs_mirror);
    page->what.epoch_number = rig.epoch.number + 1;
    for (int i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL(dpl_link_turn(&the_link, 0, NULL), 1);
        hear_target();
    }
    CU_ASSERT_FALSE(target.needs_mirror); /* it was not full for long */
    the_link.full_ns = 1;
    UNTIL(target.needs_mirror);
    CU_ASSERT_EQUAL(target.reason, DPL_COMPARE_ENDED);
    dpl_capstat_unmap(page);
    end();
}

static struct dpl_doc *command(const char *name, struct dpl_doc **args)
{
    struct dpl_doc *doc = dpl_doc_new();
    static int64_t id;
    dpl_doc_set_text(doc, "command", name);
    dpl_doc_set_int(doc, "id", ++id);
    *args = dpl_doc_set_tree(doc, "args");
    return doc;
}

static void commands(void)
{
    struct dpl_doc *args;
    begin("commands");
    write_one(1000);
    UNTIL(target.durable == spilled());
    tell(command("pause", &args), -1);
    UNTIL(target.paused);
    tell(command("resume", &args), -1);
    UNTIL(!target.paused);
    struct dpl_doc *limit = command("limit", &args);
    dpl_doc_set_int(args, "bandwidth_bytes", 1 << 20);
    tell(limit, -1);
    UNTIL(the_link.bucket.rate == 1 << 20);
    limit = command("limit", &args);
    dpl_doc_set_text(args, "schedule", "never");
    tell(limit, -1);
    UNTIL(said.result && dpl_doc_int(said.result, "code", 0) == DPL_E_PARAM);
    tell(command("dance", &args), -1);
    UNTIL(dpl_doc_int(said.result, "code", 0) == DPL_E_UNSUPPORTED);
    unsigned asked = said.connect;
    tell(command("close", &args), -1);
    UNTIL(target.told_to_close && the_link.source.state == DPL_SOURCE_OFFLINE);
    CU_ASSERT_EQUAL(the_link.source.over, DPL_SOURCE_OVER_CLOSED);
    tell(command("connect", &args), -1);
    UNTIL(said.connect == asked + 1);
    connect_it();
    write_one(1000);
    UNTIL(target.durable == spilled());
    end();
}

static void breaks(void)
{
    begin("breaks");
    write_one(1000);
    UNTIL(target.durable == spilled());
    struct dpl_message wrong = {.type = DPL_MSG_ACK,
                                .has = DPL_M(EPOCH_TAG) | DPL_M(RECEIVED) | DPL_M(DURABLE) |
                                       DPL_M(QUEUE_BYTES) | DPL_M(FLAGS),
                                .epoch_tag = dpl_epoch_tag(&target.epoch),
                                .received = target.received + 8,
                                .durable = target.durable};
    target_send(NULL, &wrong);
    UNTIL(target.refused);
    CU_ASSERT_EQUAL(the_link.source.over, DPL_SOURCE_OVER_BROKEN);
    UNTIL(said.connect == 1);
    connect_it();
    CU_ASSERT_EQUAL(write(peer.fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8), 8);
    target.refused = false;
    UNTIL(target.refused);
    end();
}

static void two_epochs(void)
{
    begin("two-epochs");
    write_one(1000);
    UNTIL(target.durable == spilled());
    dpl_arena_end(&rig.arena, DPL_JOURNAL_CLOSED);
    rig_drain(&rig);
    UNTIL(the_link.source.state == DPL_SOURCE_CHOOSING);
    struct dpl_epoch next = rig.epoch;
    next.number++;
    next.id[0] ^= 1;
    memcpy(next.parent_id, rig.epoch.id, 16);
    CU_ASSERT_EQUAL(dpl_segments_create(rig.dir_fd, &next, &rig.limits, rig.io, NULL), 0);
    UNTIL(the_link.source.state == DPL_SOURCE_STREAMING);
    CU_ASSERT_EQUAL(target.epoch.number, next.number);
    CU_ASSERT_FALSE(target.needs_mirror);
    /* The former one is not needed any more. */
    struct dpl_journal_epoch *list = NULL;
    ssize_t left;
    UNTIL((left = dpl_journal_epochs(rig.dir_fd, &list, NULL), free(list), left) == 1);
    dpl_segments_remove(rig.dir_fd, next.number, NULL);
    end();
}

static void stops(void)
{
    begin("stops");
    write_one(1000);
    UNTIL(target.durable == spilled());
    dpl_link_stop(&the_link);
    int rc = 1;
    for (int i = 0; i < 1000 && rc == 1; i++) {
        rc = dpl_link_turn(&the_link, 0, NULL);
        hear_target();
    }
    CU_ASSERT_EQUAL(rc, 0);
    CU_ASSERT_TRUE(target.told_to_close);
    end();
}

/* The daemon is gone and the target does not answer: it waits for the time that it has, and turns
 * no more often than something happens. */
static void orphan(void)
{
    begin("orphan");
    struct dpl_doc *doc = start_doc(), *start = dpl_doc_get_mutable(doc, "start");
    dpl_doc_set_int(start, "flush_timeout_ms", 200);
    tell(doc, -1);
    write_one(1000);
    UNTIL(target.durable == spilled() && the_link.config.flush_timeout_ms == 200);
    g_clear_pointer(&daemon_end, dpl_channel_free);
    unsigned turns = 0;
    while (dpl_link_turn(&the_link, INT64_C(10000000000), NULL) == 1)
        turns++;
    CU_ASSERT_TRUE(turns < 100);
    CU_ASSERT_EQUAL(the_link.source.state, DPL_SOURCE_CLOSING);
    end();
}

/* The page of a capture that has only just begun, and what it makes of it. */
static void durability(void)
{
    struct dpl_remote_page *page;
    struct dpl_remote_view view;
    begin("durability");
    g_autofree char *run_dir = g_strdup_printf("%s/run", unit_tempdir());
    g_autofree char *set_dir = g_strdup_printf("%s/mail", run_dir);
    CU_ASSERT_EQUAL_FATAL(g_mkdir_with_parents(set_dir, 0700), 0);
    dpl_autofd int dir = open(set_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CU_ASSERT_EQUAL_FATAL(dpl_remote_create(dir, &page, NULL), 0);
    const uint64_t tag = dpl_epoch_tag(&rig.epoch);
    write_one(1000);
    UNTIL(target.durable == spilled());
    struct dpl_doc *doc = start_doc(), *start = dpl_doc_get_mutable(doc, "start");
    dpl_doc_set_text(start, "capture_run_dir", run_dir);
    dpl_doc_set_text(start, "durability", "remote");
    dpl_doc_set_text(start, "durability_policy", "refuse");
    dpl_doc_set_int(start, "durability_timeout_ms", 1500);
    tell(doc, -1);
    UNTIL((dpl_remote_look(page, tag, &view), view.mode == DPL_REMOTE_ON));
    CU_ASSERT_EQUAL(view.policy, DPL_REMOTE_REFUSE);
    CU_ASSERT_EQUAL(view.timeout_ns, INT64_C(1500000000));
    CU_ASSERT_EQUAL(view.durable_lsn, target.durable);
    /* Another configuration leaves no moment in which a sync does not wait. */
    dpl_link_remote_configure(&the_link.remote, "remote", "refuse", 2500);
    dpl_remote_look(page, tag, &view);
    CU_ASSERT_EQUAL(view.mode, DPL_REMOTE_ON);
    CU_ASSERT_EQUAL(view.timeout_ns, INT64_C(2500000000));
    write_one(1000);
    UNTIL((dpl_remote_look(page, tag, &view), view.durable_lsn == spilled()));
    CU_ASSERT_EQUAL(target.durable, spilled());
    /* A sign of life by itself. */
    uint64_t beat = atomic_load(&page->heartbeat_ns);
    UNTIL(atomic_load(&page->heartbeat_ns) > beat);
    /* A connection that is lost may be back soon: until the timeout has passed a sync waits. */
    dpl_link_remote_configure(&the_link.remote, "remote", "refuse", 3600 * 1000);
    dpl_peer_close(&peer);
    UNTIL(said.connect == 1);
    CU_ASSERT_EQUAL(the_link.source.state, DPL_SOURCE_OFFLINE);
    dpl_remote_look(page, tag, &view);
    CU_ASSERT_EQUAL(view.mode, DPL_REMOTE_ON);
    dpl_link_remote_configure(&the_link.remote, "remote", "refuse", 500);
    UNTIL((dpl_remote_look(page, tag, &view), view.mode == DPL_REMOTE_FALLBACK));
    CU_ASSERT_EQUAL(view.durable_lsn, target.durable);
    connect_it();
    UNTIL((dpl_remote_look(page, tag, &view), view.mode == DPL_REMOTE_ON));
    /* What a link that ends has left is in force for its successor, but not where a mirror is
     * needed. */
    struct dpl_link_remote next = {0};
    int64_t now_ns = dpl_clock_now_ns(&dpl_clock_system);
    dpl_link_remote_configure(&next, "remote", "refuse", 2500);
    CU_ASSERT_FALSE(dpl_link_remote_tell(&next, run_dir, "mail", DPL_TARGET_AWAY, tag, 0, now_ns));
    dpl_link_remote_done(&next);
    dpl_remote_look(page, tag, &view);
    CU_ASSERT_EQUAL(view.mode, DPL_REMOTE_ON);
    CU_ASSERT_TRUE(dpl_link_remote_tell(&next, run_dir, "mail", DPL_TARGET_BEHIND, tag, 0,
                                        now_ns + INT64_C(2000000000)));
    dpl_remote_look(page, tag, &view);
    CU_ASSERT_EQUAL(view.mode, DPL_REMOTE_FALLBACK);
    dpl_link_remote_done(&next);
    tell(start_doc(), -1); /* not wanted any more */
    UNTIL((dpl_remote_look(page, tag, &view), view.mode == DPL_REMOTE_OFF));
    dpl_remote_unmap(page);
    end();
}

/* Starts the program with this descriptor as its channel (-1: none). */
static pid_t run_program(int fd, const char *set)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    if (fd >= 0 ? dup2(fd, 3) != 3 : close_range(3, ~0U, 0) != 0)
        _exit(99);
    (void)close_range(4, ~0U, 0);
    if (fd < 0)
        (void)close(2);
    execl("daemon/link/doppel-link", "doppel-link", set ? "--set" : NULL, set, NULL);
    _exit(98);
}

static int ended(pid_t pid)
{
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void program(void)
{
    int ends[2];
    CU_ASSERT_EQUAL(ended(run_program(-1, "mail")), 2);
    for (int by_signal = 0; by_signal < 2; by_signal++) {
        g_autoptr(dpl_doc_auto) start = dpl_doc_new(), answer = NULL;
        CU_ASSERT_EQUAL_FATAL(dpl_channel_pair(ends, NULL), 0);
        struct dpl_channel *channel = dpl_channel_new(ends[0]);
        pid_t pid = run_program(ends[1], "mail");
        close(ends[1]);
        struct dpl_doc *tree = dpl_doc_set_tree(start, "start");
        dpl_doc_set_text(tree, "set", "mail");
        dpl_doc_set_text(tree, "journal", "/nonexistent");
        CU_ASSERT_EQUAL(dpl_channel_send(channel, start, NULL, 0, NULL), 0);
        struct pollfd p = {.fd = dpl_channel_fd(channel), .events = POLLIN};
        while (!answer && poll(&p, 1, 120000) == 1 &&
               dpl_channel_receive(channel, &answer, NULL) >= 0)
            ;
        CU_ASSERT_PTR_NOT_NULL(dpl_doc_get(answer, "ready"));
        if (by_signal)
            kill(pid, SIGTERM);
        else
            g_clear_pointer(&channel, dpl_channel_free);
        CU_ASSERT_EQUAL(ended(pid), 0);
        dpl_channel_free(channel);
    }
}

static const struct unit_test tests[] = {
    {"what is written is sent, byte for byte, as it comes", follows},
    {"a cut link goes on where the target is", goes_on},
    {"what the target holds is removed from the journal", trims},
    {"a full target is sent nothing until it is not", held_back},
    {"a full target that has all of a journal is told its end", ends_without_room},
    {"a full target's last room is for the last records", keeps_room},
    {"a journal that overflows tells the target and the daemon", overflow},
    {"what would end in a gap is not waited for while the target is full", left_behind},
    {"commands are done and answered", commands},
    {"a target that makes no sense is refused, and met again", breaks},
    {"a new epoch follows a clean end", two_epochs},
    {"the end is said to the target before it comes", stops},
    {"without a daemon it leaves, and does not spin until it has", orphan},
    {"the capture hears what the target holds, and when it is in vain to wait", durability},
    {"the program starts on its channel, and ends by a signal or with the daemon", program},
};
UNIT_MAIN(tests)
