/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How fast two doors carry data between two engines, beside a bare program that sends the same
 * bytes by TLS 1.3 over the same loopback, by turns:
 *
 *     bench-relay [MIB [ROUNDS]]     (1024, 3)
 *
 * Prints RESULT lines on standard output: the medians in MiB/s, and their ratio.
 */
#include "lib/base/clock.h"
#include "lib/proto/frame.h"
#include "lib/proto/message.h"
#include "lib/tls/context.h"
#include "tests/door/rig.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DATA_BYTES = 1 << 20, PIECE = 64 * 1024, ROUNDS_MAX = 9 };

static struct rig_side a, b;
static uint8_t data[DATA_BYTES], frame[DATA_BYTES + DPL_MESSAGE_HEAD_MAX];
static size_t frame_size;

static void make_frame(void)
{
    uint8_t object[12] = {1};
    uint64_t optional;
    struct dpl_message m = {.type = DPL_MSG_MIRROR_DATA,
                            .mirror = 1,
                            .length = sizeof data,
                            .object = {object, sizeof object},
                            .data = {data, sizeof data}};
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 2654435761U >> 13);
    dpl_message_fields(m.type, &m.has, &optional);
    m.has |= DPL_M(DATA);
    ssize_t n = dpl_message_encode(&m, frame, sizeof frame, NULL);
    g_assert(n > 0);
    frame_size = (size_t)n;
}

static void write_frames(int fd, int count)
{
    for (int i = 0; i < count; i++) {
        for (size_t at = 0; at < frame_size;) {
            ssize_t n = send(fd, frame + at, frame_size - at, MSG_NOSIGNAL);
            if (n <= 0)
                _exit(1);
            at += (size_t)n;
        }
    }
}

/* Seconds from the first byte sent to the last received. */
static double doors(int count)
{
    struct rig_pair pair;
    static uint8_t piece[256 * 1024];
    size_t want = frame_size * (size_t)count, have = 0;
    rig_pair_start(&pair, &a, &b, 0);
    int64_t begin_ns = dpl_clock_now_ns(&dpl_clock_system);
    pid_t writer = fork();
    if (writer == 0) {
        write_frames(pair.connector.data, count);
        _exit(0);
    }
    while (have < want) {
        ssize_t n = recv(pair.acceptor.data, piece, sizeof piece, 0);
        g_assert(n > 0);
        have += (size_t)n;
    }
    int64_t end_ns = dpl_clock_now_ns(&dpl_clock_system);
    waitpid(writer, NULL, 0);
    rig_pair_done(&pair);
    return (double)(end_ns - begin_ns) / 1e9;
}

static SSL *bare_session(const struct rig_side *side, const char *expect, int fd)
{
    struct dpl_tls *tls = NULL;
    SSL *ssl = NULL;
    struct dpl_tls_config config = {.server = !expect,
                                    .key = side->keys.key,
                                    .chain = side->keys.chain,
                                    .sites = side->knows,
                                    .expect = expect};
    g_assert(dpl_tls_new(&config, &tls, NULL) == 0);
    SSL_CTX_clear_mode(dpl_tls_ctx(tls), SSL_MODE_ENABLE_PARTIAL_WRITE);
    g_assert(dpl_tls_session(tls, fd, &ssl, NULL) == 0);
    g_assert(SSL_do_handshake(ssl) == 1);
    return ssl; /* for as long as the process lives */
}

static void bare_writer(uint16_t port, size_t bytes)
{
    SSL *ssl = bare_session(&b, a.name, rig_connect(port));
    for (size_t sent = 0; sent < bytes;) {
        int n = SSL_write(ssl, data + sent % DATA_BYTES, PIECE);
        if (n <= 0)
            _exit(1);
        sent += (size_t)n;
    }
    SSL_shutdown(ssl);
    _exit(0);
}

static double bare(size_t bytes)
{
    static uint8_t piece[PIECE];
    uint16_t port;
    int listener = rig_listen(&port);
    pid_t writer = fork();
    if (writer == 0)
        bare_writer(port, bytes);
    SSL *ssl = bare_session(&a, NULL, rig_accept(listener, NULL));
    int64_t begin_ns = dpl_clock_now_ns(&dpl_clock_system);
    for (size_t have = 0; have < bytes;) {
        int n = SSL_read(ssl, piece, sizeof piece);
        g_assert(n > 0);
        have += (size_t)n;
    }
    int64_t end_ns = dpl_clock_now_ns(&dpl_clock_system);
    waitpid(writer, NULL, 0);
    SSL_free(ssl);
    close(listener);
    return (double)(end_ns - begin_ns) / 1e9;
}

static int by_value(const void *x, const void *y)
{
    const double *p = x, *q = y;
    return (*p > *q) - (*p < *q);
}

int main(int argc, char **argv)
{
    int mib = argc > 1 ? atoi(argv[1]) : 1024, rounds = argc > 2 ? atoi(argv[2]) : 3;
    double ours[ROUNDS_MAX], theirs[ROUNDS_MAX];
    if (mib < 1 || rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: bench-relay [MIB [ROUNDS]]\n");
        return 2;
    }
    if (!rig_network()) {
        fprintf(stderr, "SKIP: no right to make a network namespace\n");
        return 77;
    }
    make_frame();
    rig_side_make(&a, "a", "site-a", 0);
    rig_side_make(&b, "b", "site-b", 0);
    rig_trust(&a, &b);
    rig_trust(&b, &a);
    for (int i = 0; i < rounds; i++) {
        ours[i] = doors(mib);
        theirs[i] = bare((size_t)mib << 20);
        fprintf(stderr, "round %d: doors %.0f MiB/s, bare TLS %.0f MiB/s\n", i + 1, mib / ours[i],
                mib / theirs[i]);
    }
    qsort(ours, (size_t)rounds, sizeof *ours, by_value);
    qsort(theirs, (size_t)rounds, sizeof *theirs, by_value);
    printf("RESULT door.relay.mib_per_s %.0f\n", mib / ours[rounds / 2]);
    printf("RESULT door.bare_tls.mib_per_s %.0f\n", mib / theirs[rounds / 2]);
    printf("RESULT door.relay.of_bare_tls %.2f\n", theirs[rounds / 2] / ours[rounds / 2]);
    rig_side_done(&a);
    rig_side_done(&b);
    return 0;
}
