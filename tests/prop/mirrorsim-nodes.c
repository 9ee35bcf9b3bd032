/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The simulator's two engines, the daemon of each as far as they need one, and the connection.
 */
#include "lib/base/fd.h"
#include "tests/prop/mirrorsim.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct dpl_channel *new_channel(struct dpl_channel **other)
{
    int ends[2];
    if (dpl_channel_pair(ends, NULL) < 0)
        abort();
    *other = dpl_channel_new(ends[1]);
    return dpl_channel_new(ends[0]);
}

static void say(struct dpl_channel *channel, const struct dpl_doc *doc, const int *fds,
                size_t count)
{
    if (channel)
        (void)dpl_channel_send(channel, doc, fds, count, NULL);
}

/* The source's daemon. */

static void tell_link(struct msim *sim)
{
    say(sim->to_link, sim->link_start, NULL, 0);
}

static struct dpl_doc *start_of(struct msim *sim)
{
    return dpl_doc_get_mutable(sim->link_start, "start");
}

static void link_starts(struct msim *sim)
{
    struct dpl_channel *other;
    sim->to_link = new_channel(&other);
    dpl_link_init(&sim->link, other, &sim->clock);
    tell_link(sim);
}

void msim_link_dies(struct msim *sim)
{
    if (!sim->to_link)
        return;
    sim->seen.link_deaths++;
    dpl_link_done(&sim->link);
    g_clear_pointer(&sim->to_link, dpl_channel_free);
    sim->connect_wanted = false;
}

static void lend(struct msim *sim)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_doc *lent = dpl_doc_set_tree(doc, "lent");
    struct dpl_doc *paths = dpl_doc_set_list(lent, "paths");
    g_autofree char *source = g_strdup_printf("%s/source", sim->dir);
    if (sim->journal.open) {
        dpl_doc_add_text(paths, source);
        say(sim->to_link, doc, &sim->source, 1);
        return;
    }
    dpl_doc_set_text(lent, "text", "the capture does not journal");
    say(sim->to_link, doc, NULL, 0);
}

/* A test has ended. Nothing but hands on the replica, and what was kept there, makes it differ;
 * where it is found equal it is as if nobody had touched it. */
static void judge_test(struct msim *sim, const struct dpl_doc *last)
{
    struct dpl_replica_status s;
    int64_t found = dpl_doc_int(last, "created", 0) + dpl_doc_int(last, "changed", 0) +
                    dpl_doc_int(last, "orphans", 0);
    bool settled = dpl_doc_int(last, "unsettled", -1) == 0;
    if (!sim->to_engine || !sim->engine.replica)
        return;
    dpl_replica_status(sim->engine.replica, &s);
    sim->seen.tests++;
    sim->seen.different += found > 0;
    if (found > 0 && !sim->touched && s.consistent)
        msim_fail(sim, "a test finds %lld differences in what nobody has touched",
                  (long long)found);
    if (found == 0 && settled && !sim->touched_late && s.consistent) {
        sim->seen.found_equal += sim->touched;
        sim->touched = false;
    }
}

static void event_of_link(struct msim *sim, const struct dpl_doc *doc)
{
    const char *event = dpl_doc_text(doc, "event"), *text = dpl_doc_text(doc, "text");
    if (!event)
        return;
    if (getenv("MSIM_VERBOSE"))
        printf("%.3f link: %s %s\n", (double)sim->fake.now_ns / 1e9, event, text ? text : "");
    sim->seen.begun += strcmp(event, "mirror-begins") == 0;
    /* What is kept by a person's wish is no state of the source. */
    sim->touched |= strcmp(event, "mirror-begins") == 0 && !g_str_has_prefix(text, "a test") &&
                    (strstr(text, "orphans: keep") || strstr(text, "orphans: list"));
    /* One that goes on does not look again at what somebody may have changed meanwhile. */
    sim->touched_late |= sim->touched && strcmp(event, "mirror-begins") == 0 &&
                         strstr(text, "where one stopped") != NULL;
    sim->seen.failed += strcmp(event, "mirror-failed") == 0;
    if (strcmp(event, "mirror-ended") == 0 && strstr(text, "of an object")) {
        sim->seen.objects++;
    } else if (strcmp(event, "mirror-ended") == 0) {
        sim->seen.ended++;
        const struct dpl_doc *last = sim->link.mirror.last;
        const char *kind = dpl_doc_text(last, "kind"), *rule = dpl_doc_text(last, "rule");
        bool all = g_strcmp0(kind, "difference") != 0 &&
                   (g_strcmp0(rule, "delete") == 0 || g_strcmp0(rule, "move") == 0);
        if (dpl_doc_bool(last, "test", false))
            judge_test(sim, last);
        else if (all && !sim->touched_late)
            sim->touched = false;
        sim->touched_late = false;
    }
    int64_t number = dpl_doc_int(doc, "mirror_number", 0);
    int64_t begun = dpl_doc_int(doc, "mirror_begun", 0);
    struct dpl_doc *start = start_of(sim);
    if (begun != 0 && dpl_doc_int(dpl_doc_tree(start, "mirror_wish"), "number", 0) == begun)
        dpl_doc_set_bool(dpl_doc_get_mutable(start, "mirror_wish"), "begun", true);
    if (number != 0 && dpl_doc_int(dpl_doc_tree(start, "mirror_wish"), "number", 0) == number) {
        dpl_doc_unset(start, "mirror_wish");
        tell_link(sim);
    }
}

static void hear_link(struct msim *sim)
{
    for (;;) {
        g_autoptr(dpl_doc_auto) doc = NULL;
        if (!sim->to_link || dpl_channel_receive(sim->to_link, &doc, NULL) <= 0)
            return;
        sim->connect_wanted |=
            dpl_doc_bool(doc, "ready", false) || dpl_doc_bool(doc, "connect", false);
        if (dpl_doc_bool(doc, "lend", false))
            lend(sim);
        if (dpl_doc_bool(doc, "journal_wanted", false))
            msim_app_journal(sim);
        event_of_link(sim, doc);
    }
}

void msim_wish(struct msim *sim, const char *kind, const char *orphans, bool accept, bool test)
{
    struct dpl_doc *start = start_of(sim), *wish = dpl_doc_set_tree(start, "mirror_wish");
    sim->seen.wishes++;
    dpl_doc_set_int(wish, "number", ++sim->wish_number);
    if (kind)
        dpl_doc_set_text(wish, "kind", kind);
    if (orphans)
        dpl_doc_set_text(wish, "orphans", orphans);
    dpl_doc_set_bool(wish, "test", test);
    dpl_doc_set_bool(wish, "accept_empty", accept);
    dpl_doc_set_bool(wish, "accept_deletes", accept);
    dpl_doc_set_bool(start, "begun", true);
    dpl_doc_unset(start, "mirror_stopped");
    tell_link(sim);
}

void msim_stop(struct msim *sim)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    sim->seen.stops++;
    dpl_doc_unset(start_of(sim), "mirror_wish");
    dpl_doc_set_bool(start_of(sim), "mirror_stopped", true);
    dpl_doc_set_text(doc, "command", "mirror stop");
    say(sim->to_link, doc, NULL, 0);
}

/* The target's daemon. */

static void engine_starts(struct msim *sim)
{
    struct dpl_channel *other;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_doc *start = dpl_doc_set_tree(doc, "start");
    struct dpl_doc *roots = dpl_doc_set_list(start, "target_roots");
    struct dpl_doc *map = dpl_doc_add_tree(dpl_doc_set_list(start, "map"));
    g_autofree char *root = g_strdup_printf("%s/target/root", sim->dir);
    g_autofree char *source = g_strdup_printf("%s/source", sim->dir);
    sim->to_engine = new_channel(&other);
    dpl_engine_init(&sim->engine, other, &sim->clock);
    /* A thread would come at another moment each time. */
    dpl_helper_done(&sim->engine.helper);
    dpl_doc_set_text(start, "set", "mail");
    dpl_doc_set_text(start, "node", "n1");
    dpl_doc_set_int(start, "segment_bytes", DPL_SEGMENT_MIN);
    dpl_doc_set_int(start, "checkpoint_bytes", 20000 + rng_below(&sim->rng, 100000));
    dpl_doc_set_int(start, "checkpoint_ms", 5 + rng_below(&sim->rng, 100));
    dpl_doc_set_int(start, "min_free_bytes", 1 << 20);
    dpl_doc_set_int(start, "window_bytes", 65536 + rng_below(&sim->rng, 200000));
    dpl_doc_set_int(start, "max_delete_percent", sim->max_delete);
    dpl_doc_set_bool(start, "allow_setid", true);
    dpl_doc_add_text(roots, root);
    dpl_doc_set_text(map, "source", source);
    dpl_doc_set_text(map, "target", root);
    say(sim->to_engine, doc, NULL, 0);
}

void msim_engine_dies(struct msim *sim)
{
    if (!sim->to_engine)
        return;
    sim->seen.engine_deaths++;
    dpl_engine_done(&sim->engine);
    g_clear_pointer(&sim->to_engine, dpl_channel_free);
}

static void hear_engine(struct msim *sim)
{
    for (;;) {
        g_autoptr(dpl_doc_auto) doc = NULL;
        if (!sim->to_engine || dpl_channel_receive(sim->to_engine, &doc, NULL) <= 0)
            return;
        const char *text = dpl_doc_text(doc, "text");
        sim->seen.gone_on += text && strstr(text, "where one stopped") != NULL;
        if (getenv("MSIM_VERBOSE") && dpl_doc_text(doc, "event"))
            printf("%.3f target: %s %s\n", (double)sim->fake.now_ns / 1e9,
                   dpl_doc_text(doc, "event"), text ? text : "");
    }
}

/* The connection. */

static void end_close(struct msim_end *end)
{
    dpl_fd_clear(&end->fd);
    g_byte_array_set_size(end->bytes, 0);
}

static int give_end(struct dpl_channel *channel, uint64_t features)
{
    int ends[2];
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_doc *peer = dpl_doc_set_tree(doc, "connected");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        abort();
    dpl_doc_set_int(peer, "features", (int64_t)features);
    say(channel, doc, &ends[1], 1);
    close(ends[1]);
    return ends[0];
}

static void connect_both(struct msim *sim)
{
    uint64_t features = DPL_FEATURE_MIRROR | (rng_one_in(&sim->rng, 4) ? 0 : DPL_FEATURE_FILES);
    end_close(&sim->at_link);
    end_close(&sim->at_engine);
    sim->connect_wanted = false;
    sim->at_link.fd = give_end(sim->to_link, features);
    sim->at_engine.fd = give_end(sim->to_engine, features);
}

/* What the engine has written goes on its way to the other. 0: it has closed its end. */
static int hear_end(const struct msim_end *from, struct msim_end *to)
{
    static uint8_t bytes[65536];
    ssize_t n;
    while (from->fd >= 0 && (n = read(from->fd, bytes, sizeof bytes)) >= 0) {
        if (n == 0)
            return 0;
        g_byte_array_append(to->bytes, bytes, (guint)n);
    }
    return from->fd >= 0;
}

/* Up to so many bytes arrive. */
static void deliver(struct msim_end *end, guint most)
{
    guint size = MIN(most, end->bytes->len);
    ssize_t n = end->fd < 0 || size == 0
                    ? 0
                    : send(end->fd, end->bytes->data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
        g_byte_array_remove_range(end->bytes, 0, (guint)n);
}

static void carry(struct msim *sim)
{
    struct rng *r = &sim->rng;
    struct msim_end *a = &sim->at_link, *b = &sim->at_engine;
    bool a_open = hear_end(a, b), b_open = hear_end(b, a);
    deliver(a, rng_below(r, rng_one_in(r, 3) ? 1 << 20 : 3000));
    deliver(b, rng_below(r, sim->calm || rng_one_in(r, 20) ? 1 << 20 : sim->piece));
    /* Who closes its end lets the other hear what was said before. */
    if (!a_open && b->bytes->len == 0)
        end_close(b);
    if (!b_open && a->bytes->len == 0)
        end_close(a);
    if (!a_open)
        end_close(a);
    if (!b_open)
        end_close(b);
}

void msim_cut(struct msim *sim)
{
    struct rng *r = &sim->rng;
    if (sim->at_link.fd < 0 || sim->at_engine.fd < 0)
        return;
    sim->seen.cuts++;
    deliver(&sim->at_link, rng_below(r, sim->at_link.bytes->len + 1));
    deliver(&sim->at_engine, rng_below(r, sim->at_engine.bytes->len + 1));
    end_close(&sim->at_link);
    end_close(&sim->at_engine);
    sim->connect_ns = sim->fake.now_ns + (int64_t)rng_below(r, 3000) * MSIM_MS;
}

void msim_nodes_turn(struct msim *sim)
{
    struct dpl_err err = {0};
    if (!sim->to_link)
        link_starts(sim);
    if (!sim->to_engine)
        engine_starts(sim);
    if (dpl_link_turn(&sim->link, 0, &err) < 0 || dpl_engine_turn(&sim->engine, 0, &err) < 0)
        msim_fail(sim, "an engine ends: %s", err.text);
    hear_link(sim);
    hear_engine(sim);
    carry(sim);
    bool over = sim->at_link.fd < 0 && sim->at_engine.fd < 0;
    if (over && sim->connect_wanted && sim->engine.replica && sim->fake.now_ns >= sim->connect_ns)
        connect_both(sim);
}

void msim_nodes_init(struct msim *sim)
{
    static const char *const kinds[] = {"full", "difference", "checksum"};
    g_autofree char *target = g_strdup_printf("%s/target", sim->dir);
    g_autofree char *root = g_strdup_printf("%s/target/root", sim->dir);
    g_autofree char *journal = g_strdup_printf("%s/journal", sim->dir);
    g_autofree char *run = g_strdup_printf("%s/run", sim->dir);
    if (mkdir(target, 0755) < 0 || mkdir(root, 0755) < 0)
        abort();
    sim->replica = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    sim->at_link = (struct msim_end){-1, g_byte_array_new()};
    sim->at_engine = (struct msim_end){-1, g_byte_array_new()};
    sim->link_start = dpl_doc_new();
    struct dpl_doc *start = dpl_doc_set_tree(sim->link_start, "start");
    dpl_doc_set_text(start, "set", "mail");
    dpl_doc_set_text(start, "journal", journal);
    dpl_doc_set_text(start, "capture_run_dir", run);
    dpl_doc_set_text(start, "mirror", kinds[rng_below(&sim->rng, 3)]);
    dpl_doc_set_bool(start, "begun", true);
    link_starts(sim);
    engine_starts(sim);
}

void msim_nodes_done(struct msim *sim)
{
    if (sim->to_link)
        dpl_link_done(&sim->link);
    if (sim->to_engine)
        dpl_engine_done(&sim->engine);
    g_clear_pointer(&sim->to_link, dpl_channel_free);
    g_clear_pointer(&sim->to_engine, dpl_channel_free);
    g_clear_pointer(&sim->link_start, dpl_doc_free);
    end_close(&sim->at_link);
    end_close(&sim->at_engine);
    g_byte_array_free(sim->at_link.bytes, TRUE);
    g_byte_array_free(sim->at_engine.bytes, TRUE);
    dpl_fd_clear(&sim->replica);
}
