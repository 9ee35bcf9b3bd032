/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/ctl/channel.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKET_BYTES  ((size_t)32 << 10)
#define QUEUE_BYTES   ((size_t)2 * DPL_DOC_SIZE_MAX)
#define PACKET_PREFIX 1

enum { LAST = 0, MORE = 1 };

struct packet {
    int fds[DPL_CHANNEL_FDS_MAX];
    size_t fd_count;
    size_t size;
    uint8_t data[];
};

struct dpl_channel {
    int fd;
    GQueue out; /* of struct packet */
    size_t out_bytes;
    GByteArray *in; /* the packets of a message so far */
    int fds[DPL_CHANNEL_FDS_MAX];
    size_t fd_count;
    bool begun; /* a message of several packets is being received */
};

static void close_all(int *fds, size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        dpl_fd_clear(&fds[i]);
    *count = 0;
}

static void packet_free(struct packet *packet)
{
    close_all(packet->fds, &packet->fd_count);
    g_free(packet);
}

struct dpl_channel *dpl_channel_new(int fd)
{
    struct dpl_channel *channel = g_new0(struct dpl_channel, 1);
    channel->fd = fd;
    g_queue_init(&channel->out);
    channel->in = g_byte_array_new();
    fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return channel;
}

void dpl_channel_free(struct dpl_channel *channel)
{
    if (!channel)
        return;
    struct packet *packet;
    while ((packet = g_queue_pop_head(&channel->out)) != NULL)
        packet_free(packet);
    close_all(channel->fds, &channel->fd_count);
    g_byte_array_unref(channel->in);
    dpl_fd_clear(&channel->fd);
    g_free(channel);
}

int dpl_channel_pair(int ends_r[2], struct dpl_err *err)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_r) < 0)
        return dpl_err_sys(err, errno, "socketpair");
    return DPL_OK;
}

int dpl_channel_fd(const struct dpl_channel *channel)
{
    return channel->fd;
}

bool dpl_channel_wants_write(const struct dpl_channel *channel)
{
    return channel->out.length > 0;
}

static ssize_t send_packet(int fd, const struct packet *packet)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof packet->fds)];
    } control = {0};
    /* sendmsg does not write there */
    struct iovec vec = {(void *)(uintptr_t)packet->data, packet->size};
    struct msghdr message = {.msg_iov = &vec, .msg_iovlen = 1};
    if (packet->fd_count > 0) {
        size_t bytes = packet->fd_count * sizeof(int);
        message.msg_control = control.room;
        message.msg_controllen = CMSG_SPACE(bytes);
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(bytes);
        memcpy(CMSG_DATA(c), packet->fds, bytes);
    }
    ssize_t n;
    do
        n = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n;
}

int dpl_channel_flush(struct dpl_channel *channel, struct dpl_err *err)
{
    struct packet *packet;
    while ((packet = g_queue_peek_head(&channel->out)) != NULL) {
        if (send_packet(channel->fd, packet) < 0) {
            if (errno == EAGAIN || errno == ENOBUFS)
                return DPL_OK;
            if (errno == EPIPE || errno == ECONNRESET)
                return dpl_err_set(err, DPL_E_NOT_RUNNING, "the other side of the channel is gone");
            return dpl_err_sys(err, errno, "send over the channel");
        }
        channel->out_bytes -= packet->size;
        packet_free(g_queue_pop_head(&channel->out));
    }
    return DPL_OK;
}

static int copy_fds(struct packet *packet, const int *fds, size_t fd_count, struct dpl_err *err)
{
    for (size_t i = 0; i < fd_count; i++) {
        int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
        if (fd < 0) {
            int rc = dpl_err_sys(err, errno, "a descriptor for the channel");
            close_all(packet->fds, &packet->fd_count);
            return rc;
        }
        packet->fds[packet->fd_count++] = fd;
    }
    return DPL_OK;
}

int dpl_channel_send(struct dpl_channel *channel, const struct dpl_doc *doc, const int *fds,
                     size_t fd_count, struct dpl_err *err)
{
    g_assert(fd_count <= DPL_CHANNEL_FDS_MAX);
    g_autofree uint8_t *data = NULL;
    size_t size = 0;
    int rc = dpl_doc_encode(doc, &data, &size, err);
    if (rc < 0)
        return rc;
    if (channel->out_bytes + size > QUEUE_BYTES)
        return dpl_err_set(err, DPL_E_BUSY, "the other side of the channel does not read");
    for (size_t at = 0; at < size;) {
        size_t part = MIN(size - at, PACKET_BYTES);
        struct packet *packet = g_malloc0(sizeof *packet + PACKET_PREFIX + part);
        if (at == 0 && (rc = copy_fds(packet, fds, fd_count, err)) < 0) {
            g_free(packet);
            return rc;
        }
        packet->size = PACKET_PREFIX + part;
        packet->data[0] = at + part < size ? MORE : LAST;
        memcpy(packet->data + PACKET_PREFIX, data + at, part);
        channel->out_bytes += packet->size;
        g_queue_push_tail(&channel->out, packet);
        at += part;
    }
    return dpl_channel_flush(channel, err);
}

/* Keeps the descriptors of a packet; those past the bound are closed. */
static void keep_fds(struct dpl_channel *channel, struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (channel->fd_count < DPL_CHANNEL_FDS_MAX)
                channel->fds[channel->fd_count++] = fd;
            else
                close(fd);
        }
    }
}

/* Puts one packet at the end of `in` and answers its first byte; *got_r is false if there is none.
 */
static int receive_packet(struct dpl_channel *channel, bool *got_r, struct dpl_err *err)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(DPL_CHANNEL_FDS_MAX * sizeof(int))];
    } control;
    uint8_t data[PACKET_PREFIX + PACKET_BYTES];
    struct iovec vec = {data, sizeof data};
    struct msghdr message = {.msg_iov = &vec,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    ssize_t n;
    *got_r = false;
    do
        n = recvmsg(channel->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return DPL_OK;
    if (n == 0 || (n < 0 && errno == ECONNRESET))
        return dpl_err_set(err, DPL_E_NOT_RUNNING, "the other side of the channel is gone");
    if (n < 0)
        return dpl_err_sys(err, errno, "receive from the channel");
    keep_fds(channel, &message);
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || n <= PACKET_PREFIX ||
        data[0] > MORE || channel->in->len + (size_t)n > DPL_DOC_SIZE_MAX + PACKET_PREFIX)
        return dpl_err_set(err, DPL_E_CORRUPT, "the channel: a packet that makes no sense");
    g_byte_array_append(channel->in, data + PACKET_PREFIX, (guint)n - PACKET_PREFIX);
    *got_r = true;
    return data[0];
}

int dpl_channel_receive(struct dpl_channel *channel, struct dpl_doc **doc_r, struct dpl_err *err)
{
    if (!channel->begun)
        close_all(channel->fds, &channel->fd_count);
    for (;;) {
        bool got;
        int rc = receive_packet(channel, &got, err);
        if (rc < 0 || !got)
            return rc;
        channel->begun = rc == MORE;
        if (channel->begun)
            continue;
        rc = dpl_doc_decode(channel->in->data, channel->in->len, doc_r, err);
        g_byte_array_set_size(channel->in, 0);
        return rc < 0 ? rc : 1;
    }
}

int dpl_channel_take_fd(struct dpl_channel *channel)
{
    if (channel->begun || channel->fd_count == 0)
        return -1;
    int fd = channel->fds[0];
    channel->fd_count--;
    memmove(channel->fds, channel->fds + 1, channel->fd_count * sizeof(int));
    return fd;
}
