/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/door/client.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 30000 };

void client_init(struct client *client, const struct rig_side *side, const char *expect, int tcp)
{
    struct dpl_tls_config config = {
        .key = side->keys.key, .chain = side->keys.chain, .sites = side->knows, .expect = expect};
    *client = (struct client){.tcp = tcp, .send_most = SIZE_MAX, .receive_most = SIZE_MAX};
    g_assert(dpl_tls_new(&config, &client->tls, NULL) == 0);
    client->ssl = SSL_new(dpl_tls_ctx(client->tls));
    SSL_set0_rbio(client->ssl, BIO_new(BIO_s_mem()));
    SSL_set0_wbio(client->ssl, BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(client->ssl), -1);
    SSL_set_connect_state(client->ssl);
    fcntl(tcp, F_SETFL, O_RDWR | O_NONBLOCK);
}

void client_done(struct client *client)
{
    SSL_free(client->ssl);
    dpl_tls_free(client->tls);
    if (client->tcp >= 0)
        close(client->tcp);
}

static void cut(struct client *client)
{
    client->ended = true;
    if (client->tcp >= 0)
        close(client->tcp);
    client->tcp = -1;
}

static void move_out(struct client *client)
{
    uint8_t piece[4096];
    while (!client->ended && BIO_pending(SSL_get_wbio(client->ssl)) > 0) {
        size_t left = client->send_most - client->sent;
        int n = BIO_read(SSL_get_wbio(client->ssl), piece,
                         (int)(left < sizeof piece ? left : sizeof piece));
        for (int at = 0; at < n && !client->ended;) {
            struct pollfd p = {.fd = client->tcp, .events = POLLOUT};
            ssize_t done = send(client->tcp, piece + at, (size_t)(n - at), MSG_NOSIGNAL);
            if (done > 0) {
                at += (int)done;
                client->sent += (size_t)done;
            } else if (errno != EAGAIN || poll(&p, 1, WAIT_MS) <= 0) {
                cut(client);
            }
        }
        if (client->sent >= client->send_most)
            cut(client);
    }
}

void client_move(struct client *client, bool wait)
{
    uint8_t piece[4096];
    move_out(client);
    if (client->ended)
        return;
    struct pollfd p = {.fd = client->tcp, .events = POLLIN};
    if (poll(&p, 1, wait ? WAIT_MS : 0) <= 0)
        return;
    size_t left = client->receive_most - client->received;
    ssize_t n = recv(client->tcp, piece, left < sizeof piece ? left : sizeof piece, 0);
    if (n > 0) {
        client->received += (size_t)n;
        BIO_write(SSL_get_rbio(client->ssl), piece, (int)n);
    }
    if (n <= 0 || client->received >= client->receive_most)
        cut(client);
}

bool client_handshake(struct client *client)
{
    for (;;) {
        ERR_clear_error();
        int n = SSL_do_handshake(client->ssl);
        if (n == 1)
            break;
        if (SSL_get_error(client->ssl, n) != SSL_ERROR_WANT_READ) {
            move_out(client); /* the alert */
            return false;
        }
        client_move(client, true);
        if (client->ended)
            return false;
    }
    move_out(client);
    return !client->ended;
}

void client_write(struct client *client, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size > 0 && !client->ended) {
        int n = SSL_write(client->ssl, at, (int)size);
        if (n <= 0)
            return;
        at += n;
        size -= (size_t)n;
        move_out(client);
    }
}

size_t client_read(struct client *client, void *data, size_t size)
{
    size_t have = 0;
    while (have < size) {
        ERR_clear_error();
        int n = SSL_read(client->ssl, (uint8_t *)data + have, (int)(size - have));
        if (n > 0) {
            have += (size_t)n;
            continue;
        }
        if (SSL_get_error(client->ssl, n) != SSL_ERROR_WANT_READ || client->ended)
            break;
        client_move(client, true);
    }
    return have;
}

static size_t hello(uint8_t *frame, size_t room, const char *site, uint32_t versions,
                    uint64_t features, uint32_t direction)
{
    uint64_t optional;
    struct dpl_message hello = {.type = DPL_MSG_HELLO,
                                .version_min = versions,
                                .version_max = versions,
                                .features = features,
                                .product = dpl_view_text("test"),
                                .site = dpl_view_text(site),
                                .node = dpl_view_text("n1"),
                                .set = dpl_view_text("mail"),
                                .direction = direction};
    dpl_message_fields(hello.type, &hello.has, &optional);
    ssize_t n = dpl_message_encode(&hello, frame, room, NULL);
    g_assert(n > 0);
    return (size_t)n;
}

size_t client_hello(uint8_t *frame, size_t room, const char *site, uint32_t versions)
{
    return hello(frame, room, site, versions, DPL_FEATURE_ALL, DPL_I_SEND);
}

size_t client_hello_talk(uint8_t *frame, size_t room, const char *site, uint64_t features)
{
    return hello(frame, room, site, 1, features, DPL_I_TALK);
}
