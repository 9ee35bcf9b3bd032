/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/proto/peer.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

void dpl_peer_open(struct dpl_peer *p, int fd)
{
    *p = (struct dpl_peer){.fd = fd};
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    dpl_frame_in_init(&p->in, DPL_FRAME_BODY_MAX);
}

void dpl_peer_close(struct dpl_peer *p)
{
    dpl_fd_clear(&p->fd);
    dpl_frame_in_done(&p->in);
    free(p->kept);
    p->kept = NULL;
    p->kept_at = p->kept_end = p->kept_room = 0;
}

static int keep(struct dpl_peer *p, const uint8_t *bytes, size_t size, struct dpl_err *err)
{
    if (p->kept_at > 0) {
        memmove(p->kept, p->kept + p->kept_at, dpl_peer_kept(p));
        p->kept_end -= p->kept_at;
        p->kept_at = 0;
    }
    if (size > DPL_PEER_KEPT_MAX - p->kept_end)
        return dpl_err_set(err, DPL_E_BUSY, "the other side does not read");
    if (p->kept_end + size > p->kept_room) {
        uint8_t *more = realloc(p->kept, p->kept_end + size);
        if (!more)
            return dpl_err_set(err, DPL_E_NO_MEMORY, "%zu bytes that wait to be sent",
                               p->kept_end + size);
        p->kept = more;
        p->kept_room = p->kept_end + size;
    }
    memcpy(p->kept + p->kept_end, bytes, size);
    p->kept_end += size;
    return 0;
}

/* Bytes that went, 0 if the socket is full. */
static ssize_t push(struct dpl_peer *p, struct iovec *iov, size_t count, struct dpl_err *err)
{
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = count};
    ssize_t n;
    do
        n = sendmsg(p->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN))
        return 0;
    if (n < 0) {
        dpl_err_sys(err, errno, "send to the other site");
        if (err)
            err->code = DPL_E_UNREACHABLE;
        return DPL_E_UNREACHABLE;
    }
    p->sent_bytes += (uint64_t)n;
    return n;
}

int dpl_peer_send(struct dpl_peer *p, const struct dpl_message *m, struct dpl_err *err)
{
    uint8_t head[DPL_MESSAGE_HEAD_MAX];
    ssize_t size = dpl_message_encode_head(m, head, sizeof head, err);
    if (size < 0)
        return (int)size;
    size_t data = m->has & DPL_M(DATA) ? m->data.size : 0, sent = 0;
    if (dpl_peer_kept(p) == 0) {
        struct iovec iov[2] = {{head, (size_t)size}, {(void *)(uintptr_t)m->data.data, data}};
        ssize_t n = push(p, iov, data > 0 ? 2 : 1, err);
        if (n < 0)
            return (int)n;
        sent = (size_t)n;
    }
    int rc = 0;
    if (sent < (size_t)size)
        rc = keep(p, head + sent, (size_t)size - sent, err);
    size_t of_data = sent > (size_t)size ? sent - (size_t)size : 0;
    if (rc == 0 && of_data < data)
        rc = keep(p, m->data.data + of_data, data - of_data, err);
    return rc;
}

int dpl_peer_flush(struct dpl_peer *p, struct dpl_err *err)
{
    while (dpl_peer_kept(p) > 0) {
        struct iovec iov = {p->kept + p->kept_at, dpl_peer_kept(p)};
        ssize_t n = push(p, &iov, 1, err);
        if (n <= 0)
            return (int)n;
        p->kept_at += (size_t)n;
    }
    p->kept_at = p->kept_end = 0;
    return 0;
}

ssize_t dpl_peer_read(struct dpl_peer *p, struct dpl_err *err)
{
    uint8_t *at;
    size_t room;
    int rc = dpl_frame_in_room(&p->in, &at, &room, err);
    if (rc < 0)
        return rc;
    ssize_t n = recv(p->fd, at, room, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n == 0)
        return dpl_err_set(err, DPL_E_UNREACHABLE, "the connection ended");
    if (n < 0) {
        dpl_err_sys(err, errno, "receive from the other site");
        if (err)
            err->code = DPL_E_UNREACHABLE;
        return DPL_E_UNREACHABLE;
    }
    dpl_frame_in_added(&p->in, (size_t)n);
    p->received_bytes += (uint64_t)n;
    return n;
}

int dpl_peer_next(struct dpl_peer *p, struct dpl_message *m, struct dpl_err *err)
{
    struct dpl_frame f;
    int rc = dpl_frame_in_next(&p->in, &f, err);
    if (rc <= 0)
        return rc;
    if (f.flags & DPL_FRAME_COMPRESSED)
        return dpl_err_set(err, DPL_E_CORRUPT, "a compressed frame where none may be");
    rc = dpl_message_decode(m, f.type, f.body.data, f.body.size, err);
    return rc < 0 ? rc : 1;
}
