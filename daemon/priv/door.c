/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/priv/door.h"

#include "daemon/priv/confine.h"
#include "daemon/priv/dial.h"
#include "daemon/priv/relay.h"
#include "daemon/priv/talk.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/tls/site.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define NS_PER_S 1000000000LL

enum {
    GREETING_S = 10, /* from the start to the end of the greeting */
    LINGER_MS = 2000,
    ADDRESS_MAX = 128,
};

struct door {
    struct dpl_channel *channel;
    struct dpl_door_start start;
    struct dpl_confine confine;
    struct dpl_tls *tls;
    struct dpl_stream stream;
    struct dpl_greet greet;
    int tcp;
    int64_t deadline_ns;
    char address[ADDRESS_MAX];
};

/* Waits for what is to be done. */
static int read_start(struct door *door, struct dpl_err *err)
{
    struct dpl_doc *doc = NULL;
    for (int rc = 0; rc == 0;) {
        struct pollfd p = {.fd = dpl_channel_fd(door->channel), .events = POLLIN};
        int n = poll(&p, 1, dpl_clock_left_ms(&dpl_clock_system, door->deadline_ns));
        if (n == 0)
            return dpl_err_set(err, DPL_E_TIMEOUT, "doppeld says nothing");
        rc = n < 0 ? 0 : dpl_channel_receive(door->channel, &doc, err);
        if (rc < 0)
            return rc;
    }
    door->tcp = dpl_channel_take_fd(door->channel);
    int rc = dpl_door_start_read(doc, &door->start, err);
    if (rc < 0)
        return rc;
    if ((door->start.how == DPL_DOOR_ACCEPT) != (door->tcp >= 0))
        return dpl_err_set(err, DPL_E_PARAM, "a connection is given to a door that accepts one");
    return DPL_OK;
}

static int make_tls(struct door *door, struct dpl_err *err)
{
    const struct dpl_door_start *start = &door->start;
    const struct dpl_doc *tree = dpl_doc_tree(start->doc, "start");
    struct dpl_tls_config config = {.server = start->how == DPL_DOOR_ACCEPT,
                                    .key = start->keys.key,
                                    .chain = start->keys.chain,
                                    .sites = dpl_doc_tree(tree, "sites"),
                                    .expect = start->peer,
                                    .pairing = start->pairing,
                                    .site_cert = dpl_doc_text(tree, "site_cert")};
    return dpl_tls_new(&config, &door->tls, err);
}

/* A machine is there, whether or not it has an answer. */
static void tell_reached(const struct door *door)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_bool(doc, "reached", true);
    (void)dpl_greet_tell(door->channel, doc);
}

/* Gives up all rights; in between, where names can be looked up and sockets made, connects. */
static int confine(struct door *door, struct dpl_err *err)
{
    struct dpl_dial dial;
    int rc = dpl_confine_prepare(&door->confine, door->start.user, door->start.run_dir, err);
    if (rc == DPL_OK)
        rc = dpl_confine_become(&door->confine, err);
    if (rc == DPL_OK && door->start.how != DPL_DOOR_ACCEPT)
        rc = dpl_dial_resolve(&dial, &door->start, err);
    if (rc == DPL_OK)
        rc = dpl_confine_enclose(&door->confine, err);
    if (rc < 0)
        return rc;
    if (door->start.how == DPL_DOOR_ACCEPT) {
        g_strlcpy(door->address, door->start.address ? door->start.address : "?", ADDRESS_MAX);
        fcntl(door->tcp, F_SETFL, O_RDWR | O_NONBLOCK);
        dpl_dial_options(door->tcp);
    } else {
        door->tcp = dpl_dial_connect(&dial, door->deadline_ns, door->address, ADDRESS_MAX, err);
        if (door->tcp < 0)
            return door->tcp;
        door->deadline_ns = dpl_clock_now_ns(&dpl_clock_system) + GREETING_S * NS_PER_S;
        tell_reached(door);
    }
    return dpl_confine_filter(err);
}

/* Both have seen each other's authority; the server ends first, so that the client knows. */
static int pair(struct door *door, struct dpl_err *err)
{
    const struct dpl_tls_peer *peer = dpl_tls_peer(door->tls);
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_doc *offer = NULL;
    char byte;
    while (door->start.how == DPL_DOOR_PAIR && !door->stream.peer_closed) {
        ssize_t n = dpl_stream_read(&door->stream, &byte, 1, err);
        if (n > 0)
            return dpl_err_set(err, DPL_E_CORRUPT, "the peer does not pair, it talks");
        int rc = (int)n;
        if (n == 0 && !door->stream.peer_closed)
            rc = dpl_greet_wait(&door->greet, door->stream.events, err);
        if (rc < 0)
            return rc;
    }
    int rc = dpl_site_offer(peer->offered, NULL, &offer, err);
    if (rc < 0)
        return rc;
    dpl_doc_set(doc, "offer", offer);
    dpl_doc_set_text(offer, "address", door->address);
    dpl_greet_tell(door->channel, doc);
    return DPL_OK;
}

static int serve(struct door *door, struct dpl_err *err)
{
    struct dpl_greet *greet = &door->greet;
    int rc = dpl_stream_init(&door->stream, door->tls, door->tcp, err);
    if (rc < 0)
        return rc;
    *greet = (struct dpl_greet){.start = &door->start,
                                .channel = door->channel,
                                .stream = &door->stream,
                                .deadline_ns = door->deadline_ns,
                                .address = door->address,
                                .data_fd = -1};
    rc = dpl_greet_handshake(greet, err);
    if (rc < 0)
        return rc;
    if (dpl_tls_peer(door->tls)->pairing) {
        rc = pair(door, err);
    } else {
        rc = dpl_greet_hello(greet, err);
        if (rc == DPL_OK)
            rc = greet->talks ? dpl_talk_run(greet, err) : dpl_relay_run(greet, err);
    }
    dpl_relay_linger(&door->stream, LINGER_MS);
    return rc;
}

static void tell_failed(struct door *door, const struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_text(doc, "failed", err->text);
    if (door->greet.refused) {
        dpl_doc_set_text(doc, "refused", dpl_refusal_name(door->greet.refused));
        dpl_doc_set_bool(doc, "again", dpl_refusal_again(door->greet.refused));
    }
    dpl_greet_tell(door->channel, doc);
}

int dpl_door_run(void)
{
    struct dpl_err err = {0};
    struct door door = {
        .channel = dpl_channel_new(DPL_CHANNEL_FD),
        .tcp = -1,
        .confine = {.empty_fd = -1},
        .deadline_ns = dpl_clock_now_ns(&dpl_clock_system) + GREETING_S * NS_PER_S,
    };
    int rc = read_start(&door, &err);
    if (rc == DPL_OK)
        rc = make_tls(&door, &err);
    if (rc == DPL_OK)
        rc = confine(&door, &err);
    if (rc == DPL_OK)
        rc = serve(&door, &err);
    if (rc < 0 && rc != DPL_E_INTERRUPTED)
        tell_failed(&door, &err);
    dpl_stream_done(&door.stream);
    dpl_tls_free(door.tls);
    dpl_fd_clear(&door.tcp);
    dpl_fd_clear(&door.confine.empty_fd);
    dpl_door_start_clear(&door.start);
    dpl_channel_free(door.channel);
    return rc < 0 ? 1 : 0;
}
