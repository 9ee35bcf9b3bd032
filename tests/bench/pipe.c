/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The peer of tests/bench/link.sh: a bare program that sends files by TLS 1.3 to itself.
 *
 *     pipe OUT FILE...
 *
 * One process reads the files in turn and sends them over a loopback connection, another writes
 * them to OUT with an fdatasync every 8 MiB and one at the end. Prints the seconds from the first
 * read to the last fdatasync, and the MiB. OUT is removed.
 */
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/tls/context.h"
#include "tests/door/rig.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIECE = 256 * 1024, SYNC_BYTES = 8 << 20 };

static struct rig_side a, b;
static uint8_t piece[PIECE];

static void must(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    exit(1);
}

static SSL *session(const struct rig_side *side, const char *expect, int fd)
{
    struct dpl_tls *tls = NULL;
    SSL *ssl = NULL;
    struct dpl_tls_config config = {.server = !expect,
                                    .key = side->keys.key,
                                    .chain = side->keys.chain,
                                    .sites = side->knows,
                                    .expect = expect};
    must(dpl_tls_new(&config, &tls, NULL) == 0, "TLS");
    SSL_CTX_clear_mode(dpl_tls_ctx(tls), SSL_MODE_ENABLE_PARTIAL_WRITE);
    must(dpl_tls_session(tls, fd, &ssl, NULL) == 0 && SSL_do_handshake(ssl) == 1, "handshake");
    return ssl; /* for as long as the process lives */
}

static void send_files(uint16_t port, char **files)
{
    SSL *ssl = session(&b, a.name, rig_connect(port));
    for (; *files; files++) {
        int fd = open(*files, O_RDONLY | O_CLOEXEC);
        must(fd >= 0, *files);
        for (ssize_t n; (n = read(fd, piece, sizeof piece)) > 0;)
            must(SSL_write(ssl, piece, (int)n) == n, "send");
        close(fd);
    }
    SSL_shutdown(ssl);
    _exit(0);
}

int main(int argc, char **argv)
{
    size_t bytes = 0, synced = 0;
    uint16_t port;
    if (argc < 3) {
        fprintf(stderr, "usage: pipe OUT FILE...\n");
        return 2;
    }
    rig_side_make(&a, "a", "site-a", 0);
    rig_side_make(&b, "b", "site-b", 0);
    rig_trust(&a, &b);
    rig_trust(&b, &a);
    int out = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(out >= 0, argv[1]);
    int listener = rig_listen(&port);
    int64_t begin_ns = dpl_clock_now_ns(&dpl_clock_system);
    pid_t sender = fork();
    if (sender == 0)
        send_files(port, argv + 2);
    SSL *ssl = session(&a, NULL, rig_accept(listener, NULL));
    for (int n; (n = SSL_read(ssl, piece, sizeof piece)) > 0;) {
        must(dpl_fd_write_all(out, piece, (size_t)n, NULL) == 0, "write");
        bytes += (size_t)n;
        if (bytes - synced >= SYNC_BYTES) {
            must(fdatasync(out) == 0, "fdatasync");
            synced = bytes;
        }
    }
    must(fdatasync(out) == 0, "fdatasync");
    int64_t end_ns = dpl_clock_now_ns(&dpl_clock_system);
    int status;
    waitpid(sender, &status, 0);
    must(status == 0 && bytes > 0, "the sender");
    printf("%.3f %zu\n", (double)(end_ns - begin_ns) / 1e9, bytes >> 20);
    unlink(argv[1]);
    rig_side_done(&a);
    rig_side_done(&b);
    return 0;
}
