/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/door.h"

#include "daemon/core/rival.h"
#include "daemon/parent/change.h"
#include "daemon/parent/failover.h"
#include "daemon/parent/listen.h"
#include "daemon/parent/log.h"
#include "daemon/parent/other.h"
#include "daemon/parent/set_become.h"
#include "daemon/parent/settle.h"
#include "daemon/parent/site.h"
#include "daemon/parent/talk.h"
#include "daemon/parent/turn.h"
#include "daemon/priv/gate.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/ctl/quote.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    DATA_BYTES = 2 << 20,
    BACKLOG = 64,
    REFUSED_FAILURES = 7,
    UNKNOWN_MS = 12000, /* a door itself gives up after 10 s */
    TALK_MS = 90000,    /* likewise, after 80 s in all */
};

static const struct dpl_child_kind door_kind = {
    .name = "door", .program = "doppel-door", .channel = true, .stop_ms = 1000};
static const struct dpl_backoff_policy connect_policy = {250, 30000, 10000};

struct dpl_doors {
    struct dpl_listener listener;
    GPtrArray *all; /* of struct dpl_door */
    struct dpl_gate gate;
};

struct dpl_door {
    struct dpl_daemon *daemon;
    struct dpl_child *child;
    struct dpl_set *set; /* NULL until the peer of an accepted one is known */
    bool known;          /* the peer is authenticated, and connected to its engine */
    int tcp;             /* to be given to it; -1 */
    char address[96];
    struct dpl_claim claim;       /* of a source that is known */
    struct dpl_wire wire;         /* what it has counted */
    struct sockaddr_storage from; /* of an accepted one */
    bool counted;                 /* by the gate, until it is known or gone */
    struct dpl_timer timer;
    /* of one that asks */
    char *asks; /* the site; NULL: it does not */
    struct dpl_talk *talk;
    /* to pair */
    char *pair_site;
    struct dpl_doc *pair_addresses;
    struct dpl_request *request; /* that waits for the offer */
};

static void try_connect(void *self);
static void too_late(void *self);

static void leave_gate_as(struct dpl_door *door, bool known)
{
    if (door->counted)
        dpl_gate_left(&door->daemon->doors->gate, (const struct sockaddr *)&door->from, known);
    door->counted = false;
}

/* Tells the gate that the peer is known, or gone. */
static void leave_gate(struct dpl_door *door)
{
    leave_gate_as(door, door->known);
}

static void wire_add(struct dpl_wire *to, const struct dpl_wire *more)
{
    to->sent_bytes += more->sent_bytes;
    to->received_bytes += more->received_bytes;
    to->plain_bytes += more->plain_bytes;
    to->packed_bytes += more->packed_bytes;
}

static void door_free(struct dpl_door *door)
{
    leave_gate(door);
    if (door->talk)
        dpl_talk_door_gone(door->talk);
    if (door->asks)
        dpl_talk_left(door->daemon, door->asks);
    g_free(door->asks);
    if (door->set && door->known)
        wire_add(&door->set->wire, &door->wire);
    g_ptr_array_remove(door->daemon->doors->all, door);
    if (door->set && door->set->door == door)
        door->set->door = NULL;
    dpl_timer_clear(&door->timer);
    dpl_fd_clear(&door->tcp);
    dpl_child_free(door->child);
    if (door->request) {
        struct dpl_err err = {0};
        dpl_err_set(&err, DPL_E_UNREACHABLE, "site \"%s\": the connection ended without an offer",
                    door->pair_site);
        dpl_request_fail(door->request, &err);
    }
    g_free(door->pair_site);
    dpl_doc_free(door->pair_addresses);
    g_free(door);
}

/* Who is trusted: the documents of all sites, by their names. */
static void put_sites(struct dpl_doc *start, const struct dpl_daemon *daemon)
{
    struct dpl_doc *sites = dpl_doc_set_tree(start, "sites");
    g_auto(GStrv) names = dpl_store_list(daemon->store, "site");
    for (size_t i = 0; names[i]; i++) {
        struct dpl_store_item item;
        if (dpl_store_get(daemon->store, "site", names[i], &item, NULL) == DPL_OK)
            dpl_doc_set(sites, names[i], dpl_doc_copy(item.doc));
    }
}

void dpl_door_put_ours(struct dpl_doc *start, const struct dpl_daemon *daemon)
{
    const struct dpl_settings *s = &daemon->settings;
    dpl_doc_set_text(start, "site", s->site);
    dpl_doc_set_text(start, "node", s->node);
    dpl_doc_set_text(start, "user", dpl_conf_text(s->conf, "daemon", "user"));
    dpl_doc_set_text(start, "key", dpl_conf_text(s->conf, "tls", "key"));
    dpl_doc_set_text(start, "cert", dpl_conf_text(s->conf, "tls", "cert"));
    dpl_doc_set_text(start, "run_dir", s->run_dir);
    put_sites(start, daemon);
}

static void put_hello(struct dpl_doc *to, const struct dpl_set *set)
{
    struct dpl_doc *hello = dpl_doc_set_tree(to, "hello");
    dpl_doc_set_text(hello, "set", set->name);
    dpl_doc_set_text(hello, "direction", set->source ? "send" : "receive");
    dpl_doc_set_int(hello, "generation", dpl_doc_int(set->doc, "generation", 0));
    if (set->source && dpl_doc_tree(set->status, "journal"))
        dpl_doc_set(hello, "journal", dpl_doc_copy(dpl_doc_tree(set->status, "journal")));
}

/* Where a set's other site is reached: the option "route", else what the pairing says. Each as
 * HOST:PORT, so that our port is that of a peer that names none. False: nowhere. */
static bool put_addresses(struct dpl_doc *start, const struct dpl_set *set)
{
    const struct dpl_daemon *daemon = set->daemon;
    const char *route = dpl_option_text(set, "route");
    struct dpl_doc *list = dpl_doc_set_list(start, "addresses");
    struct dpl_store_item site;
    dpl_doc_set_int(start, "port", dpl_conf_value(daemon->settings.conf, "daemon", "port"));
    if (route) {
        dpl_doc_add_text(list, route);
    } else if (dpl_store_get(daemon->store, "site", dpl_set_peer(set), &site, NULL) == DPL_OK) {
        const struct dpl_doc *known = dpl_doc_list(site.doc, "addresses");
        for (size_t i = 0; i < dpl_doc_count(known); i++)
            dpl_doc_add_text(list, dpl_doc_as_text(dpl_doc_at(known, i)));
    }
    return dpl_doc_count(list) > 0;
}

static void put_options(struct dpl_doc *start, const struct dpl_set *set)
{
    if (!dpl_option_any(set))
        return;
    dpl_doc_set_int(start, "compression", dpl_option_value(set, "compression"));
    if (dpl_option_text(set, "bind"))
        dpl_doc_set_text(start, "bind", dpl_option_text(set, "bind"));
}

struct dpl_doc *dpl_door_options(const struct dpl_set *set)
{
    struct dpl_doc *doc = dpl_doc_new();
    dpl_door_put_ours(doc, set->daemon);
    dpl_doc_unset(doc, "sites");
    if (set->source && dpl_set_peer(set)) {
        dpl_doc_set_text(doc, "peer", dpl_set_peer(set));
        put_addresses(doc, set);
        put_options(doc, set);
    }
    return doc;
}

static void on_started(void *self)
{
    struct dpl_door *door = self;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_doc *start = dpl_doc_set_tree(doc, "start");
    struct dpl_err err = {0};
    dpl_door_put_ours(start, door->daemon);
    if (door->tcp >= 0) {
        dpl_doc_set_text(start, "how", "accept");
        dpl_doc_set_text(start, "address", door->address);
        if (dpl_site_pairing(door->daemon))
            dpl_site_put_pairing(door->daemon, start);
    } else if (door->pair_site) {
        dpl_doc_set_text(start, "how", "pair");
        dpl_doc_set_text(start, "peer", door->pair_site);
        dpl_doc_set_int(start, "port",
                        dpl_conf_value(door->daemon->settings.conf, "daemon", "port"));
        dpl_doc_set(start, "addresses", dpl_doc_copy(door->pair_addresses));
        dpl_site_put_pairing(door->daemon, start);
    } else {
        dpl_doc_set_text(start, "how", "connect");
        dpl_doc_set_text(start, "peer", dpl_set_peer(door->set));
        put_hello(start, door->set);
        put_addresses(start, door->set);
        put_options(start, door->set);
    }
    if (dpl_child_send(door->child, doc, &door->tcp, door->tcp >= 0, &err) < 0)
        dpl_log(LOG_ERR, "%s", err.text);
    dpl_fd_clear(&door->tcp);
}

static void refuse(struct dpl_door *door, const char *name, const char *text)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_log(LOG_WARNING, "%s is refused: %s", door->address, text);
    dpl_doc_set_text(doc, "refuse", name);
    dpl_doc_set_text(doc, "text", text);
    dpl_child_send(door->child, doc, NULL, 0, NULL);
}

/* Why an authenticated peer may not have the set that it asks for; NULL: it may. */
static const char *objection(const struct dpl_set *set, const char *site, const char *direction)
{
    if (!set || g_strcmp0(dpl_set_peer(set), site) != 0)
        return "unknown-set"; /* whether there is such a set is none of a stranger's business */
    if (!dpl_turn_is_done(set))
        return "busy"; /* for a moment */
    if (direction && strcmp(direction, set->source ? "receive" : "send") != 0)
        return "not-allowed";
    if (dpl_set_off(set) || dpl_settle_closed(set))
        return "leaving";
    if (set->closed)
        return "storage";
    return set->ready ? NULL : "busy";
}

/* A source that has missed a generation may not send; who serves, and meets a higher one, serves no
 * more. Why it is refused, or NULL; a sentence into text. */
static const char *generation_objection(struct dpl_set *set, const struct dpl_doc *peer, char *text,
                                        size_t room)
{
    int64_t ours = dpl_doc_int(set->doc, "generation", 0);
    int64_t theirs = dpl_doc_int(peer, "generation", 0);
    bool sends = g_strcmp0(dpl_doc_text(peer, "direction"), "send") == 0;
    if (theirs < ours) {
        g_snprintf(text, room, "generation %lld of the set is known here, %lld is older",
                   (long long)ours, (long long)theirs);
        return "generation";
    }
    if (!sends || theirs == ours || !set->source)
        return NULL;
    dpl_other_greeted(set, theirs);
    g_snprintf(text, room, "generation %lld of the set was not known here", (long long)theirs);
    return "role";
}

static void claim_of(struct dpl_claim *claim, const struct dpl_doc *peer)
{
    const struct dpl_doc *journal = dpl_doc_tree(peer, "journal");
    const char *node = dpl_doc_text(peer, "node"), *disk = dpl_doc_text(journal, "disk");
    g_strlcpy(claim->node, node ? node : "", sizeof claim->node);
    g_strlcpy(claim->disk, disk ? disk : "", sizeof claim->disk);
    claim->epoch = dpl_doc_int(journal, "epoch", 0);
}

/* One node of a site sends a set, its owner. Another one is refused with a sentence into text,
 * unless it is the owner by now; NULL: it may come. */
static const char *rival_objection(const struct dpl_set *set, const struct dpl_claim *comes,
                                   char *text, size_t room)
{
    const char *disk = dpl_doc_text(set->status, "source_disk");
    const struct dpl_claim *is = set->door && set->door->known ? &set->door->claim : NULL;
    if (!is || dpl_rival_takes_over(comes, is, disk ? disk : ""))
        return NULL;
    g_snprintf(text, room,
               "node \"%.40s\" sends it (epoch %lld); \"%.40s\" (epoch %lld%s) is not its owner",
               is->node, (long long)is->epoch, comes->node, (long long)comes->epoch,
               strcmp(comes->disk, is->disk) != 0 ? ", another disk" : "");
    return "taken";
}

/* A replica learns the generation of its source. */
static void learn_generation(struct dpl_set *set, const struct dpl_doc *peer)
{
    g_autoptr(dpl_doc_auto) doc = NULL;
    if (set->source)
        return;
    doc = dpl_doc_copy(set->doc);
    if (dpl_set_become(doc, DPL_SET_EVENT_MEET, dpl_doc_int(peer, "generation", 0), NULL) > 0)
        dpl_change(set->daemon, "set", set->name, &set->version, doc, NULL, NULL);
}

/* Joins door and engine by a pair of sockets. */
static int join(struct dpl_door *door, const struct dpl_doc *peer, struct dpl_err *err)
{
    int ends[2];
    g_autoptr(dpl_doc_auto) go = dpl_doc_new();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return dpl_err_sys(err, errno, "socketpair");
    dpl_autofd int ours = ends[0], theirs = ends[1];
    int bytes = DATA_BYTES; /* a whole message of records at once */
    setsockopt(ours, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
    setsockopt(theirs, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
    put_hello(go, door->set);
    dpl_doc_set_bool(go, "go", true);
    int rc = dpl_child_send(door->child, go, &theirs, 1, err);
    return rc < 0 ? rc : dpl_engine_connected(door->set, peer, ours, err);
}

/* A site that asks a question. It says it when it is told to go on. */
static void take_asker(struct dpl_door *door, const struct dpl_doc *peer)
{
    const char *site = dpl_doc_text(peer, "site"), *set = dpl_doc_text(peer, "set");
    g_autoptr(dpl_doc_auto) go = dpl_doc_new();
    char text[160];
    const char *why = dpl_talk_admit(door->daemon, site, set, text, sizeof text);
    if (why) {
        refuse(door, why, text);
        return;
    }
    door->asks = g_strdup(site);
    door->known = true;
    leave_gate(door);
    dpl_timer_set(&door->timer, door->daemon->loop, TALK_MS, too_late, door);
    dpl_doc_set_bool(go, "go", true);
    dpl_child_send(door->child, go, NULL, 0, NULL);
}

static void take_question(struct dpl_door *door, const struct dpl_doc *question)
{
    if (!door->asks || door->talk)
        return;
    struct dpl_talk *talk = dpl_talk_take(door->daemon, door, door->asks, question);
    door->talk = talk;
}

void dpl_door_answer(struct dpl_door *door, const struct dpl_doc *answer)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    door->talk = NULL;
    dpl_doc_set(doc, "answer", dpl_doc_copy(answer));
    dpl_child_send(door->child, doc, NULL, 0, NULL);
}

static void take_peer(struct dpl_door *door, const struct dpl_doc *peer)
{
    const char *site = dpl_doc_text(peer, "site"), *name = dpl_doc_text(peer, "set");
    struct dpl_set *set = door->set;
    struct dpl_err err = {0};
    if (door->known)
        return;
    dpl_site_seen(door->daemon, peer);
    if (g_strcmp0(dpl_doc_text(peer, "direction"), "talk") == 0) {
        take_asker(door, peer);
        return;
    }
    if (!set)
        set = name ? dpl_set_find(door->daemon, name) : NULL;
    char text[240] = "";
    const char *why = NULL;
    if (set && g_strcmp0(dpl_set_peer(set), site) == 0)
        dpl_failover_heard(set);
    claim_of(&door->claim, peer);
    if (set && g_strcmp0(dpl_set_peer(set), site) == 0 && !door->set)
        why = generation_objection(set, peer, text, sizeof text);
    if (!why)
        why = objection(set, site, dpl_doc_text(peer, "direction"));
    if (!why && set && set->door != door)
        why = rival_objection(set, &door->claim, text, sizeof text);
    if (why) {
        /* It is who it says, and its questions have to come in though this is refused. */
        if (set && g_strcmp0(dpl_set_peer(set), site) == 0 && dpl_talk_visits(door->daemon, site))
            leave_gate_as(door, true);
        refuse(door, why, text[0] ? text : why);
        return;
    }
    if (set->door &&
        set->door != door) { /* a peer that comes again knows that the old one is dead */
        dpl_engine_disconnected(set, "the peer has connected anew");
        door_free(set->door);
    }
    door->set = set;
    set->door = door;
    if (join(door, peer, &err) < 0) {
        dpl_set_error(set, "%s", err.text);
        refuse(door, "internal", err.text);
        return;
    }
    door->known = true;
    leave_gate(door);
    set->connect_backoff.failures = 0;
    learn_generation(set, peer);
    dpl_timer_clear(&door->timer);
    dpl_log(LOG_NOTICE, "set \"%s\" is connected with site \"%s\" (node %s, %s)", set->name, site,
            dpl_doc_text(peer, "node") ? dpl_doc_text(peer, "node") : "?", door->address);
}

static void fail_pairing(struct dpl_door *door, int code, const char *text)
{
    struct dpl_err err = {0};
    dpl_err_set(&err, code, "site \"%s\": %s", door->pair_site, text);
    dpl_request_fail(g_steal_pointer(&door->request), &err);
}

/* The authority of a site that is to be paired. */
static void take_offer(struct dpl_door *door, const struct dpl_doc *offer)
{
    struct dpl_err err = {0};
    struct dpl_request *request = g_steal_pointer(&door->request);
    int rc = dpl_site_offered(door->daemon, door->pair_site, offer,
                              door->pair_site ? door->pair_addresses : NULL, request, &err);
    if (rc < 0)
        door->request = request;
    if (rc < 0 && request)
        fail_pairing(door, rc, err.text);
    else if (rc < 0)
        dpl_log(LOG_WARNING, "%s: %s", door->address, err.text);
}

static void take_stats(struct dpl_door *door, const struct dpl_doc *stats)
{
    door->wire = (struct dpl_wire){
        dpl_doc_int(stats, "sent_bytes", 0), dpl_doc_int(stats, "received_bytes", 0),
        dpl_doc_int(stats, "plain_bytes", 0), dpl_doc_int(stats, "packed_bytes", 0)};
}

struct dpl_wire dpl_door_wire(const struct dpl_set *set)
{
    struct dpl_wire wire = set->wire;
    if (set->door && set->door->known)
        wire_add(&wire, &set->door->wire);
    return wire;
}

static void on_message(void *self, const struct dpl_doc *doc)
{
    struct dpl_door *door = self;
    const struct dpl_doc *peer = dpl_doc_tree(doc, "peer");
    if (dpl_doc_tree(doc, "stats"))
        take_stats(door, dpl_doc_tree(doc, "stats"));
    const struct dpl_doc *offer = dpl_doc_tree(doc, "offer");
    const char *failed = dpl_doc_text(doc, "failed");
    if (peer)
        take_peer(door, peer);
    if (offer)
        take_offer(door, offer);
    if (dpl_doc_tree(doc, "ask"))
        take_question(door, dpl_doc_tree(doc, "ask"));
    if (failed && door->request) {
        fail_pairing(door, DPL_E_UNREACHABLE, failed);
        return;
    }
    if (failed && door->set && dpl_doc_text(doc, "refused") && !dpl_doc_bool(doc, "again", true))
        door->set->connect_backoff.failures = REFUSED_FAILURES; /* it will say the same again */
    if (failed && door->set && g_strcmp0(dpl_doc_text(doc, "refused"), "GENERATION") == 0)
        dpl_other_ask_now(door->set);
    if (failed && door->set)
        dpl_set_error(door->set, "%s", failed);
    else if (failed && (!door->counted || dpl_gate_failed(&door->daemon->doors->gate,
                                                          (const struct sockaddr *)&door->from,
                                                          dpl_clock_now_ns(&dpl_clock_system))))
        dpl_log(LOG_WARNING, "connection from %s: %s", door->address, failed);
}

static void on_ended(void *self, int status, bool again)
{
    struct dpl_door *door = self;
    struct dpl_set *set = door->set && door->set->door == door ? door->set : NULL;
    bool known = door->known;
    (void)status;
    (void)again;
    door_free(door);
    if (!set || set->daemon->stopping)
        return;
    if (known) {
        dpl_log(LOG_NOTICE, "set \"%s\": the connection ended", set->name);
        dpl_engine_disconnected(set, "the connection ended");
    }
    dpl_door_want(set);
}

static const struct dpl_child_fns fns = {on_started, on_message, on_ended};

static void too_late(void *self)
{
    struct dpl_door *door = self;
    dpl_log(LOG_WARNING, "connection with %s: no %s in time", door->address,
            door->asks ? "question" : "hello");
    dpl_child_stop(door->child);
}

int dpl_door_pair(struct dpl_daemon *daemon, const char *site, const struct dpl_doc *addresses,
                  struct dpl_request *request, struct dpl_err *err)
{
    static const char *const args[] = {NULL};
    struct dpl_store_item known;
    if (!addresses && dpl_store_get(daemon->store, "site", site, &known, NULL) == DPL_OK)
        addresses = dpl_doc_list(known.doc, "addresses");
    if (dpl_doc_count(addresses) == 0)
        return dpl_err_set(err, DPL_E_USAGE, "site \"%s\": --address=HOST is needed", site);
    struct dpl_door *door = g_new0(struct dpl_door, 1);
    *door = (struct dpl_door){.daemon = daemon,
                              .tcp = -1,
                              .pair_site = g_strdup(site),
                              .pair_addresses = dpl_doc_copy(addresses)};
    door->child = dpl_child_new(daemon->children, &door_kind, site, args, &fns, door);
    g_strlcpy(door->address, site, sizeof door->address);
    g_ptr_array_add(daemon->doors->all, door);
    dpl_timer_set(&door->timer, daemon->loop, UNKNOWN_MS, too_late, door);
    int rc = dpl_child_start(door->child, err);
    if (rc < 0)
        door_free(door);
    else
        door->request = request;
    return rc;
}

/* Takes tcp. from: of an accepted connection, which the gate has admitted; else NULL. */
static void door_begin(struct dpl_daemon *daemon, struct dpl_set *set, int tcp, const char *address,
                       const struct sockaddr_storage *from)
{
    static const char *const args[] = {NULL};
    struct dpl_err err = {0};
    struct dpl_door *door = g_new0(struct dpl_door, 1);
    *door = (struct dpl_door){.daemon = daemon, .set = set, .tcp = tcp};
    g_strlcpy(door->address, address, sizeof door->address);
    if (from) {
        door->from = *from;
        door->counted = true;
    }
    door->child = dpl_child_new(daemon->children, &door_kind, address, args, &fns, door);
    g_ptr_array_add(daemon->doors->all, door);
    if (set)
        set->door = door;
    dpl_timer_set(&door->timer, daemon->loop, UNKNOWN_MS, too_late, door);
    if (dpl_child_start(door->child, &err) == DPL_OK)
        return;
    if (set)
        dpl_set_error(set, "%s", err.text);
    else
        dpl_log(LOG_ERR, "%s", err.text);
    door_free(door);
    if (set)
        dpl_door_want(set);
}

static void try_connect(void *self)
{
    struct dpl_set *set = self;
    g_autoptr(dpl_doc_auto) addresses = dpl_doc_new();
    if (set->door || !set->ready || dpl_set_off(set) || set->daemon->stopping)
        return;
    if (!put_addresses(addresses, set)) {
        dpl_set_error(set, "no address of site \"%s\" is known: pair it, or set [set %s] route",
                      dpl_set_peer(set), set->name);
        dpl_door_want(set);
        return;
    }
    door_begin(set->daemon, set, -1, dpl_set_peer(set), NULL);
}

void dpl_door_want(struct dpl_set *set)
{
    if (!set->source || !dpl_set_peer(set) || dpl_set_off(set) || set->door || !set->ready ||
        dpl_timer_armed(&set->connect_timer))
        return;
    int64_t wait_ms = set->connect_backoff.failures == 0
                          ? 0
                          : dpl_backoff_next_ms(&set->connect_backoff, &connect_policy, 0);
    if (set->connect_backoff.failures == 0)
        set->connect_backoff.failures = 1;
    dpl_timer_set(&set->connect_timer, set->daemon->loop, wait_ms, try_connect, set);
}

void dpl_door_soon(struct dpl_set *set)
{
    dpl_timer_clear(&set->connect_timer);
    set->connect_backoff.failures = 0;
    dpl_door_want(set);
}

void dpl_door_close(struct dpl_set *set, const char *why)
{
    dpl_timer_clear(&set->connect_timer);
    set->connect_backoff.failures = 0;
    if (!set->door)
        return;
    bool known = set->door->known;
    door_free(set->door);
    if (known)
        dpl_engine_disconnected(set, why);
}

void dpl_door_engine_gone(struct dpl_set *set)
{
    if (set->door)
        door_free(set->door);
}

void dpl_door_forget(struct dpl_set *set)
{
    dpl_timer_clear(&set->connect_timer);
    if (set->door)
        door_free(set->door);
}

static void text_of_address(const struct sockaddr_storage *from, socklen_t size, char *text,
                            size_t room)
{
    char host[56] = "?", port[16] = "?";
    getnameinfo((const struct sockaddr *)from, size, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    g_snprintf(text, room, "%s port %s", host, port);
}

/* Whether it may have a door; who may not is named now and then. */
static bool admit(struct dpl_daemon *daemon, const struct sockaddr_storage *from,
                  const char *address)
{
    unsigned unsaid = 0;
    enum dpl_gate_answer answer =
        daemon->stopping ? DPL_GATE_DROP
                         : dpl_gate_enter(&daemon->doors->gate, (const struct sockaddr *)from,
                                          dpl_clock_now_ns(&dpl_clock_system), &unsaid);
    if (answer == DPL_GATE_SAY)
        dpl_log(LOG_WARNING, "connection from %s: too many, it is closed (%u before it)", address,
                unsaid);
    return answer == DPL_GATE_ADMIT;
}

static void on_connection(void *self, int revents)
{
    struct dpl_daemon *daemon = self;
    (void)revents;
    for (int i = 0; i < 8; i++) {
        struct sockaddr_storage from = {0};
        socklen_t size = sizeof from;
        char address[96];
        int fd = accept4(daemon->doors->listener.fd, (struct sockaddr *)&from, &size, SOCK_CLOEXEC);
        if (fd < 0)
            return;
        text_of_address(&from, size, address, sizeof address);
        if (admit(daemon, &from, address))
            door_begin(daemon, NULL, fd, address, &from);
        else
            close(fd);
    }
}

int dpl_doors_prepare(const struct dpl_daemon *daemon, const struct dpl_conf *conf, int *fd_r,
                      struct dpl_err *err)
{
    const struct dpl_listener *now = &daemon->doors->listener;
    const char *host = dpl_conf_text(conf, "daemon", "listen");
    const char *port = dpl_conf_text(conf, "daemon", "port");
    *fd_r = -1;
    if (now->fd >= 0 && strcmp(now->host, host) == 0 && strcmp(now->port, port) == 0)
        return DPL_OK;
    *fd_r = dpl_listen(host, port, BACKLOG, err);
    return *fd_r < 0 ? *fd_r : DPL_OK;
}

int dpl_doors_listen(struct dpl_daemon *daemon, int fd, struct dpl_err *err)
{
    const struct dpl_conf *conf = daemon->settings.conf;
    if (fd < 0)
        return DPL_OK;
    return dpl_listener_take(&daemon->doors->listener, fd, dpl_conf_text(conf, "daemon", "listen"),
                             dpl_conf_text(conf, "daemon", "port"), daemon->loop, on_connection,
                             daemon, err);
}

int dpl_doors_begin(struct dpl_daemon *daemon, struct dpl_err *err)
{
    struct dpl_doors *doors = g_new0(struct dpl_doors, 1);
    int fd;
    doors->all = g_ptr_array_new();
    doors->listener.fd = -1;
    daemon->doors = doors;
    int rc = dpl_doors_prepare(daemon, daemon->settings.conf, &fd, err);
    return rc < 0 ? rc : dpl_doors_listen(daemon, fd, err);
}

void dpl_doors_forgive(struct dpl_daemon *daemon)
{
    if (daemon->doors)
        dpl_gate_forgive(&daemon->doors->gate);
}

void dpl_doors_end(struct dpl_daemon *daemon)
{
    struct dpl_doors *doors = daemon->doors;
    if (!doors)
        return;
    while (doors->all->len > 0)
        door_free(doors->all->pdata[0]);
    dpl_listener_close(&doors->listener);
    g_ptr_array_unref(doors->all);
    g_free(doors);
    daemon->doors = NULL;
}
