/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/priv/stream.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

#define KEY_BYTES ((uint64_t)64 << 30) /* under one key; AES-GCM's bound is some 380 GB */

enum { GATHER_BYTES = 64 * 1024 };

/* A buffer in front of the socket: a record is 16 KiB, a system call for each would cost. */
static int gather(SSL *ssl, int fd, struct dpl_err *err)
{
    BIO *buffer = BIO_new(BIO_f_buffer()), *socket = BIO_new_socket(fd, BIO_NOCLOSE);
    if (!buffer || !socket || BIO_set_write_buffer_size(buffer, GATHER_BYTES) != 1) {
        BIO_free(buffer);
        BIO_free(socket);
        return dpl_err_set(err, DPL_E_NO_MEMORY, "a buffer for TLS");
    }
    SSL_set0_wbio(ssl, BIO_push(buffer, socket));
    return DPL_OK;
}

int dpl_stream_init(struct dpl_stream *stream, struct dpl_tls *tls, int fd, struct dpl_err *err)
{
    *stream = (struct dpl_stream){.tls = tls, .fd = fd, .events = POLLIN};
    int rc = dpl_tls_session(tls, fd, &stream->ssl, err);
    return rc < 0 ? rc : gather(stream->ssl, fd, err);
}

void dpl_stream_done(struct dpl_stream *stream)
{
    SSL_free(stream->ssl);
    stream->ssl = NULL;
}

/* 0: must wait, or the end; a negative code otherwise. */
static int outcome(struct dpl_stream *stream, int result, int sys_errno, struct dpl_err *err)
{
    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        stream->events = POLLIN;
        return 0;
    case SSL_ERROR_WANT_WRITE:
        stream->events = POLLOUT;
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        stream->peer_closed = true;
        return 0;
    default:
        return dpl_tls_why(stream->tls, stream->ssl, result, sys_errno, err);
    }
}

int dpl_stream_handshake(struct dpl_stream *stream, struct dpl_err *err)
{
    ERR_clear_error();
    errno = 0;
    int n = SSL_do_handshake(stream->ssl);
    if (n == 1)
        return 1;
    int rc = outcome(stream, n, errno, err);
    if (rc == 0 && stream->peer_closed)
        return dpl_err_set(err, DPL_E_UNREACHABLE, "the peer closed the connection");
    return rc;
}

ssize_t dpl_stream_read(struct dpl_stream *stream, void *data, size_t size, struct dpl_err *err)
{
    size_t n = 0;
    ERR_clear_error();
    errno = 0;
    int rc = SSL_read_ex(stream->ssl, data, size, &n);
    if (rc == 1) {
        stream->received_bytes += n;
        return (ssize_t)n;
    }
    return outcome(stream, rc, errno, err);
}

ssize_t dpl_stream_write(struct dpl_stream *stream, const void *data, size_t size,
                         struct dpl_err *err)
{
    size_t n = 0;
    ERR_clear_error();
    errno = 0;
    if (stream->since_key_bytes >= KEY_BYTES &&
        SSL_key_update(stream->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1)
        stream->since_key_bytes = 0;
    int rc = SSL_write_ex(stream->ssl, data, size, &n);
    if (rc != 1)
        return outcome(stream, rc, errno, err);
    stream->unsent = true;
    stream->sent_bytes += n;
    stream->since_key_bytes += n;
    return (ssize_t)n;
}

int dpl_stream_flush(struct dpl_stream *stream, struct dpl_err *err)
{
    BIO *bio = SSL_get_wbio(stream->ssl);
    if (!stream->unsent)
        return 1;
    errno = 0;
    if (BIO_flush(bio) > 0) {
        stream->unsent = false;
        return 1;
    }
    if (BIO_should_retry(bio)) {
        stream->events = POLLOUT;
        return 0;
    }
    return dpl_err_sys(err, errno ? errno : EPIPE, "the connection");
}

void dpl_stream_close(struct dpl_stream *stream)
{
    ERR_clear_error();
    if (SSL_is_init_finished(stream->ssl))
        SSL_shutdown(stream->ssl);
    stream->unsent = true;
}
