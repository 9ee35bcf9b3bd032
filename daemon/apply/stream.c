/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/stream.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

enum { KEPT_MAX = 1024 * 1024 };

void dpl_stream_open(struct dpl_stream *s, int fd)
{
    *s = (struct dpl_stream){.fd = fd, .kept = g_byte_array_new()};
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    dpl_frame_in_init(&s->in, DPL_FRAME_BODY_MAX);
}

void dpl_stream_close(struct dpl_stream *s)
{
    if (s->fd < 0)
        return;
    dpl_fd_clear(&s->fd);
    dpl_frame_in_done(&s->in);
    g_clear_pointer(&s->kept, g_byte_array_unref);
}

int dpl_stream_flush(struct dpl_stream *s, struct dpl_err *err)
{
    while (s->kept->len > 0) {
        ssize_t n = send(s->fd, s->kept->data, s->kept->len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n < 0) {
            dpl_err_sys(err, errno, "send to the other site");
            return DPL_E_UNREACHABLE;
        }
        g_byte_array_remove_range(s->kept, 0, (guint)n);
    }
    return 0;
}

int dpl_stream_send(struct dpl_stream *s, const struct dpl_message *m, struct dpl_err *err)
{
    uint8_t frame[DPL_MESSAGE_HEAD_MAX];
    ssize_t size = dpl_message_encode(m, frame, sizeof frame, err);
    if (size < 0)
        return (int)size;
    if (s->kept->len > KEPT_MAX)
        return dpl_err_set(err, DPL_E_BUSY, "the other side does not read");
    g_byte_array_append(s->kept, frame, (guint)size);
    return dpl_stream_flush(s, err);
}

ssize_t dpl_stream_read(struct dpl_stream *s, struct dpl_err *err)
{
    uint8_t *at;
    size_t room;
    int rc = dpl_frame_in_room(&s->in, &at, &room, err);
    if (rc < 0)
        return rc;
    ssize_t n = recv(s->fd, at, room, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n == 0)
        return dpl_err_set(err, DPL_E_UNREACHABLE, "the connection ended");
    if (n < 0) {
        dpl_err_sys(err, errno, "receive from the other site");
        return DPL_E_UNREACHABLE;
    }
    dpl_frame_in_added(&s->in, (size_t)n);
    s->received_bytes += (uint64_t)n;
    return n;
}

int dpl_stream_next(struct dpl_stream *s, struct dpl_message *m, struct dpl_err *err)
{
    struct dpl_frame f;
    int rc = dpl_frame_in_next(&s->in, &f, err);
    if (rc <= 0)
        return rc;
    if (f.flags & DPL_FRAME_COMPRESSED)
        return dpl_err_set(err, DPL_E_CORRUPT, "a compressed frame where none may be");
    rc = dpl_message_decode(m, f.type, f.body.data, f.body.size, err);
    return rc < 0 ? rc : 1;
}
