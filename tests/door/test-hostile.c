/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A door that accepted a connection of somebody who means no good, or is cut off at any byte. It
 * ends in bounded time, says why, and nothing of it reaches an engine but whole messages.
 *
 *     test-hostile [STRIDE]      every STRIDE-th byte is cut at (day: 97; night: 1)
 */
#include "lib/base/clock.h"
#include "lib/proto/frame.h"
#include "tests/door/client.h"
#include "tests/prop/msggen.h"
#include "tests/unit/unit.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 120000, FRAMES = 8, ROOM = 64 * 1024 };

static struct rig_side a, b, stranger, expired;
static unsigned stride = 97;

/* A door of site a, and the other end of its connection. */
static int open_door(struct rig_door *door)
{
    uint16_t port;
    int listener = rig_listen(&port), client = rig_connect(port), tcp = rig_accept(listener, NULL);
    rig_door_start(door, rig_start(&a, "accept"), tcp);
    close(tcp);
    close(listener);
    return client;
}

/* It fails, with these words, and never named a peer. */
static void expect_failed(struct rig_door *door, const char *words)
{
    g_autoptr(dpl_doc_auto) doc = rig_door_read(door);
    const char *why = dpl_doc_text(doc, "failed");
    CU_ASSERT_PTR_NULL(dpl_doc_get(doc, "peer"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(why);
    if (!strstr(why, words))
        printf("\n    it said: %s\n", why);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, words));
    CU_ASSERT_EQUAL(rig_door_wait(door), 1);
}

static void garbage(void)
{
    static const char *const said[] = {
        "GET / HTTP/1.0\r\n\r\n",
        "\x16\x03\x01\x40\x00\x01\xff\xff\xff",
        "\x15\x03\x03\x00\x02\x02\x28",
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(said); i++) {
        struct rig_door door;
        int tcp = open_door(&door);
        CU_ASSERT_TRUE(send(tcp, said[i], strlen(said[i]) + 1, MSG_NOSIGNAL) > 0);
        shutdown(tcp, SHUT_WR);
        expect_failed(&door, "");
        close(tcp);
    }
}

static void certificates(void)
{
    static const struct {
        const struct rig_side *side;
        const char *words;
    } cases[] = {{&stranger, "not of a paired site"}, {&expired, "expired"}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct rig_door door;
        struct client client;
        uint8_t byte;
        client_init(&client, cases[i].side, "site-a", open_door(&door));
        client_handshake(&client);
        CU_ASSERT_EQUAL(client_read(&client, &byte, 1), 0);
        expect_failed(&door, cases[i].words);
        client_done(&client);
    }
}

static void no_certificate(void)
{
    struct rig_door door;
    int tcp = open_door(&door);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    static const unsigned char alpn[] = "\x08"
                                        "doppel/1";
    SSL_CTX_set_alpn_protos(ctx, alpn, sizeof alpn - 1);
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, tcp);
    char byte;
    SSL_connect(ssl);
    CU_ASSERT_TRUE(SSL_read(ssl, &byte, 1) <= 0);
    expect_failed(&door, "peer did not return a certificate");
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(tcp);
}

static void old_tls(void)
{
    struct rig_door door;
    struct client client;
    client_init(&client, &b, "site-a", open_door(&door));
    SSL_set_min_proto_version(client.ssl, TLS1_2_VERSION);
    SSL_set_max_proto_version(client.ssl, TLS1_2_VERSION);
    CU_ASSERT_FALSE(client_handshake(&client));
    expect_failed(&door, "unsupported protocol");
    client_done(&client);
}

/* A peer that is known, and greets with this. */
static void greet_with(const void *bytes, size_t size, const char *words)
{
    struct rig_door door;
    struct client client;
    client_init(&client, &b, "site-a", open_door(&door));
    CU_ASSERT_TRUE_FATAL(client_handshake(&client));
    client_write(&client, bytes, size);
    expect_failed(&door, words);
    client_done(&client);
}

static void greetings(void)
{
    uint8_t frame[ROOM], long_head[DPL_FRAME_HEAD];
    uint64_t optional;
    dpl_frame_head_encode(long_head, DPL_MSG_HELLO, 0, DPL_FRAME_HELLO_MAX + 1);
    greet_with(long_head, sizeof long_head, "at most 4096");
    greet_with(frame, client_hello(frame, sizeof frame, "site-x", 1), "another name");
    greet_with(frame, client_hello(frame, sizeof frame, "site-b", 7), "versions 7 to 7");
    size_t n = client_hello(frame, sizeof frame, "site-b", 1);
    frame[7] = DPL_FRAME_COMPRESSED;
    greet_with(frame, n, "may not be compressed");
    frame[7] = 0;
    frame[5] = 99;
    greet_with(frame, n, "99");
    struct dpl_message m = {.type = DPL_MSG_HEARTBEAT};
    dpl_message_fields(m.type, &m.has, &optional);
    greet_with(frame, (size_t)dpl_message_encode(&m, frame, sizeof frame, NULL),
               "begin with hello");
}

/* The refusal is read by the peer, with its code. */
static void version_is_refused(void)
{
    struct rig_door door;
    struct client client;
    struct dpl_message m;
    uint8_t frame[1024];
    unsigned type, flags;
    size_t body;
    client_init(&client, &b, "site-a", open_door(&door));
    CU_ASSERT_TRUE_FATAL(client_handshake(&client));
    client_write(&client, frame, client_hello(frame, sizeof frame, "site-b", 7));
    CU_ASSERT_EQUAL_FATAL(client_read(&client, frame, DPL_FRAME_HEAD), DPL_FRAME_HEAD);
    CU_ASSERT_EQUAL_FATAL(dpl_frame_head_decode(frame, 1000, &type, &flags, &body, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(client_read(&client, frame, body), body);
    CU_ASSERT_EQUAL_FATAL(dpl_message_decode(&m, type, frame, body, NULL), 0);
    CU_ASSERT_EQUAL(m.type, DPL_MSG_REFUSE);
    CU_ASSERT_EQUAL(m.code, DPL_REFUSE_VERSION);
    expect_failed(&door, "versions");
    client_done(&client);
}

/* Says hello and is let in. The engine's end is door->data. */
static bool let_in(struct rig_door *door, struct client *client)
{
    uint8_t frame[1024];
    unsigned type, flags;
    size_t body;
    if (!client_handshake(client))
        return false;
    client_write(client, frame, client_hello(frame, sizeof frame, "site-b", 1));
    g_autoptr(dpl_doc_auto) doc = rig_door_read(door);
    if (!dpl_doc_tree(doc, "peer") || !rig_door_go(door))
        return false;
    return client_read(client, frame, DPL_FRAME_HEAD) == DPL_FRAME_HEAD &&
           dpl_frame_head_decode(frame, 1000, &type, &flags, &body, NULL) == 0 &&
           type == DPL_MSG_WELCOME && client_read(client, frame, body) == body;
}

/* A source may not acknowledge: cut off with a refusal, and the engine sees nothing of it. */
static void wrong_side(void)
{
    struct rig_door door;
    struct client client;
    struct msggen gen = {0};
    struct dpl_message m;
    uint8_t frame[ROOM];
    client_init(&client, &b, "site-a", open_door(&door));
    CU_ASSERT_TRUE_FATAL(let_in(&door, &client));
    msggen_sample(&gen, DPL_MSG_ACK, &m);
    client_write(&client, frame, (size_t)dpl_message_encode(&m, frame, sizeof frame, NULL));
    CU_ASSERT_EQUAL(client_read(&client, frame, DPL_FRAME_HEAD), DPL_FRAME_HEAD);
    CU_ASSERT_EQUAL(frame[5], DPL_MSG_REFUSE);
    client_done(&client);
    CU_ASSERT_EQUAL(recv(door.data, frame, 1, 0), 0);
    g_autoptr(dpl_doc_auto) doc = rig_door_read(&door);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dpl_doc_text(doc, "failed"));
    CU_ASSERT_PTR_NOT_NULL(strstr(dpl_doc_text(doc, "failed"), "not the peer's to send"));
    CU_ASSERT_EQUAL(rig_door_wait(&door), 1);
}

/* Those who say nothing, or so slowly that it never ends, are gone after ten seconds. */
static void slow(void)
{
    struct rig_door silent, trickle, late;
    struct client client;
    uint8_t frame[1024];
    size_t at = 0;
    int tcp = open_door(&silent), drops = open_door(&trickle);
    int64_t begin_ns = dpl_clock_now_ns(&dpl_clock_system);
    client_init(&client, &b, "site-a", open_door(&late));
    CU_ASSERT_TRUE_FATAL(client_handshake(&client));
    size_t hello = client_hello(frame, sizeof frame, "site-b", 1);
    for (;;) {
        struct pollfd p = {.fd = dpl_channel_fd(late.channel), .events = POLLIN};
        if (poll(&p, 1, 200) != 0)
            break;
        send(drops, "\x16", 1, MSG_NOSIGNAL);
        if (at + 1 < hello)
            client_write(&client, frame + at++, 1);
    }
    expect_failed(&late, "too long");
    expect_failed(&silent, "too long");
    g_autoptr(dpl_doc_auto) doc = rig_door_read(&trickle);
    CU_ASSERT_PTR_NOT_NULL(dpl_doc_text(doc, "failed"));
    CU_ASSERT_EQUAL(rig_door_wait(&trickle), 1);
    double s = (double)(dpl_clock_now_ns(&dpl_clock_system) - begin_ns) / 1e9;
    printf("after %.1f s ", s);
    client_done(&client);
    close(tcp);
    close(drops);
}

static GByteArray *frames_to_send(void)
{
    static uint8_t frame[ROOM];
    unsigned types[DPL_MSG_END], count = msggen_types(types);
    GByteArray *all = g_byte_array_new();
    struct rng r = {5};
    for (int i = 0; i < FRAMES;) {
        struct msggen gen = {0};
        struct dpl_message message;
        unsigned type = types[rng_below(&r, count)];
        if (!dpl_message_from(type, DPL_FROM_SOURCE) || type == DPL_MSG_REFUSE)
            continue;
        msggen_message(&r, &gen, type, &message);
        ssize_t n = dpl_message_encode(&message, frame, sizeof frame, NULL);
        if (n < 0 || n > 1500)
            continue;
        g_byte_array_append(all, frame, (guint)n);
        i++;
    }
    return all;
}

/* Whether these are whole frames. */
static bool whole(const uint8_t *data, size_t size)
{
    unsigned type, flags;
    size_t body;
    while (size >= DPL_FRAME_HEAD) {
        if (dpl_frame_head_decode(data, DPL_FRAME_BODY_MAX, &type, &flags, &body, NULL) < 0 ||
            body + DPL_FRAME_HEAD > size)
            return false;
        data += body + DPL_FRAME_HEAD;
        size -= body + DPL_FRAME_HEAD;
    }
    return size == 0;
}

/* A session that is cut there. Whether it came to its end before. */
static bool session(size_t send_most, size_t receive_most, const GByteArray *frames)
{
    struct rig_door door;
    struct client client;
    static uint8_t got[ROOM];
    size_t have = 0;
    client_init(&client, &b, "site-a", open_door(&door));
    client.send_most = send_most;
    client.receive_most = receive_most;
    if (let_in(&door, &client))
        client_write(&client, frames->data, frames->len);
    bool uncut = !client.ended;
    if (door.data >= 0) {
        client_done(&client);
        for (ssize_t n; (n = recv(door.data, got + have, sizeof got - have, 0)) > 0;)
            have += (size_t)n;
        CU_ASSERT_TRUE_FATAL(have <= frames->len && memcmp(got, frames->data, have) == 0);
        CU_ASSERT_TRUE_FATAL(whole(got, have));
        CU_ASSERT_TRUE_FATAL(!uncut || have == frames->len);
    } else {
        client_done(&client);
    }
    int status = rig_door_wait(&door);
    CU_ASSERT_TRUE_FATAL(status == 0 || status == 1);
    return uncut;
}

static void cut_everywhere(void)
{
    g_autoptr(GByteArray) frames = frames_to_send();
    unsigned cuts = 0;
    for (size_t at = 1;; at += stride, cuts++) {
        if (session(at, SIZE_MAX, frames))
            break;
    }
    CU_ASSERT_TRUE(cuts > 1000 / stride);
    for (size_t at = 1;; at += stride, cuts++) {
        if (session(SIZE_MAX, at, frames))
            break;
    }
    printf("%u cuts ", cuts);
}

static const struct unit_test tests[] = {
    {"nonsense in place of TLS ends the door", garbage},
    {"strangers and expired certificates are refused", certificates},
    {"nobody is let in without a certificate", no_certificate},
    {"TLS 1.2 is refused", old_tls},
    {"a greeting that is too long, false or of another version is refused", greetings},
    {"a version that is not spoken is refused with its code", version_is_refused},
    {"a message of the wrong side is refused and never reaches the engine", wrong_side},
    {"a session that is cut anywhere leaves whole messages, and the door ends", cut_everywhere},
    {"who is slow is gone after ten seconds", slow},
};

int main(int argc, char **argv)
{
    if (argc > 1 && atoi(argv[1]) > 0)
        stride = (unsigned)atoi(argv[1]);
    if (!rig_network()) {
        printf("SKIP: no right to make a network namespace\n");
        return 77;
    }
    rig_side_make(&a, "a", "site-a", 0);
    rig_side_make(&b, "b", "site-b", 0);
    rig_side_make(&stranger, "stranger", "site-b", 0);
    rig_side_make(&expired, "expired", "site-c", 400);
    rig_trust(&a, &b);
    rig_trust(&a, &expired);
    rig_trust(&b, &a);
    rig_trust(&stranger, &a);
    rig_trust(&expired, &a);
    int rc = unit_main(__FILE__, tests, G_N_ELEMENTS(tests));
    rig_side_done(&a);
    rig_side_done(&b);
    rig_side_done(&stranger);
    rig_side_done(&expired);
    return rc;
}
