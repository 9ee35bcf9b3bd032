/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/net/nl.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* As large as what the kernel sends at once; small, as each page of it costs a monitor some µs. */
enum { RECEIVE_BYTES = 8192 };

/* The state of one talk. */
struct talk {
    uint32_t seq;
    uint32_t port;
    dpl_net_nl_each_t each;
    void *data;
    const char *what;
    bool done;
};

/* Binds it, and reads the number that it got. */
static int bind_socket(int fd, unsigned groups, uint32_t *port_r)
{
    struct sockaddr_nl here = {.nl_family = AF_NETLINK, .nl_groups = groups};
    socklen_t size = sizeof here;
    if (bind(fd, (struct sockaddr *)&here, size) < 0 ||
        getsockname(fd, (struct sockaddr *)&here, &size) < 0)
        return -1;
    *port_r = here.nl_pid;
    return 0;
}

int dpl_net_nl_open(struct dpl_net_nl *nl, unsigned groups, struct dpl_err *err)
{
    int one = 1;
    *nl = (struct dpl_net_nl){.fd = -1};
    dpl_autofd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return dpl_err_sys(err, errno, "cannot open a netlink socket");
    if (bind_socket(fd, groups, &nl->port) < 0)
        return dpl_err_sys(err, errno, "cannot bind a netlink socket");
    /* Kernels that lack these answer with less text and more data; both are fine. */
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof one);
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof one);
    nl->fd = dpl_fd_steal(&fd);
    nl->open = true;
    return DPL_OK;
}

void dpl_net_nl_close(struct dpl_net_nl *nl)
{
    if (nl->open)
        close(nl->fd);
    *nl = (struct dpl_net_nl){.fd = -1};
}

int dpl_net_nl_fd(const struct dpl_net_nl *nl)
{
    return nl->open ? nl->fd : -1;
}

/* The kernel's own sentence about an error, or NULL. */
static const char *kernel_text(const struct nlmsghdr *message, const struct nlmsgerr *error)
{
    size_t offset = sizeof *error;
    if (!(message->nlmsg_flags & NLM_F_ACK_TLVS))
        return NULL;
    if (!(message->nlmsg_flags & NLM_F_CAPPED)) {
        if (error->msg.nlmsg_len < sizeof error->msg || error->msg.nlmsg_len > UINT16_MAX)
            return NULL;
        offset += error->msg.nlmsg_len - sizeof error->msg;
    }
    struct dpl_net_attrs attrs = dpl_net_msg_attrs(message, offset);
    struct dpl_net_attr attr;
    while (dpl_net_attrs_next(&attrs, &attr))
        if (attr.type == NLMSGERR_ATTR_MSG && dpl_net_attr_text(&attr))
            return dpl_net_attr_text(&attr);
    return NULL;
}

int dpl_net_nl_refusal(const struct nlmsghdr *message, const char *what, struct dpl_err *err)
{
    const struct nlmsgerr *error = dpl_net_msg_fixed(message, sizeof *error);
    if (!error)
        return dpl_err_set(err, DPL_E_TRUNCATED, "%s: netlink's answer is too short", what);
    if (error->error == 0)
        return DPL_OK;
    int sys_errno = error->error < 0 && error->error > -4096 ? -error->error : EPROTO;
    const char *text = kernel_text(message, error);
    int code = dpl_err_sys(err, sys_errno, "%s", what);
    if (text && err)
        code = dpl_err_set(err, code, "%s: %s (%s)", what, strerror(sys_errno), text);
    if (err)
        err->sys_errno = sys_errno;
    return code;
}

int dpl_net_nl_walk(const void *data, size_t size, dpl_net_nl_each_t each, void *each_data,
                    struct dpl_err *err)
{
    const char *bytes = data;
    int count = 0;
    size_t at = 0;
    while (size - at >= sizeof(struct nlmsghdr)) {
        const struct nlmsghdr *message = (const void *)(bytes + at);
        size_t length = message->nlmsg_len, left = size - at;
        if (length < sizeof *message || length > left)
            break;
        int code = each(message, each_data, err);
        if (code < 0)
            return code;
        count++;
        size_t step = (length + NLMSG_ALIGNTO - 1) & ~(size_t)(NLMSG_ALIGNTO - 1);
        at += step < left ? step : left;
    }
    if (at != size)
        return dpl_err_set(err, DPL_E_TRUNCATED, "a netlink message is cut off");
    return count;
}

static int talk_message(const struct nlmsghdr *message, void *data, struct dpl_err *err)
{
    struct talk *talk = data;
    if (talk->done || message->nlmsg_seq != talk->seq || message->nlmsg_pid != talk->port)
        return DPL_OK; /* an event, or the rest of something older */
    if (message->nlmsg_flags & NLM_F_DUMP_INTR)
        return dpl_err_set(err, DPL_E_BUSY, "%s: it changes all the time", talk->what);
    if (message->nlmsg_type == NLMSG_ERROR) {
        talk->done = true;
        return dpl_net_nl_refusal(message, talk->what, err);
    }
    if (message->nlmsg_type == NLMSG_DONE) {
        talk->done = true;
        return DPL_OK;
    }
    if (message->nlmsg_type < NLMSG_MIN_TYPE)
        return DPL_OK;
    if (!(message->nlmsg_flags & NLM_F_MULTI))
        talk->done = true; /* the one answer to a plain get */
    return talk->each ? talk->each(message, talk->data, err) : DPL_OK;
}

/* Reads one datagram. Returns its size, 0 for what is not from the kernel (root can forge
 * messages to a port), or -1 and errno: ENOSPC when it is larger than the buffer. */
static ssize_t receive(const struct dpl_net_nl *nl, char buffer[RECEIVE_BYTES], int flags)
{
    struct sockaddr_nl from = {0};
    socklen_t length = sizeof from;
    ssize_t size = recvfrom(nl->fd, buffer, RECEIVE_BYTES, flags | MSG_TRUNC,
                            (struct sockaddr *)&from, &length);
    if (size > 0 && (length != sizeof from || from.nl_pid != 0))
        return 0;
    if (size > RECEIVE_BYTES) {
        errno = ENOSPC;
        return -1;
    }
    return size;
}

static int send_request(const struct dpl_net_nl *nl, const union dpl_net_msg *request)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    return sendto(nl->fd, request, request->header.nlmsg_len, 0, (struct sockaddr *)&kernel,
                  sizeof kernel) < 0
               ? -1
               : 0;
}

int dpl_net_nl_talk(struct dpl_net_nl *nl, union dpl_net_msg *request, dpl_net_nl_each_t each,
                    void *data, const char *what, struct dpl_err *err)
{
    struct talk talk = {
        .seq = ++nl->seq, .port = nl->port, .each = each, .data = data, .what = what};
    if (request->header.nlmsg_len == 0)
        return dpl_err_set(err, DPL_E_TOO_LARGE, "%s: the request is too long", what);
    request->header.nlmsg_flags |= NLM_F_REQUEST;
    if (!each)
        request->header.nlmsg_flags |= NLM_F_ACK;
    request->header.nlmsg_seq = talk.seq;
    if (send_request(nl, request) < 0)
        return dpl_err_sys(err, errno, "%s: cannot ask the kernel", what);
    char buffer[RECEIVE_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
    int code = DPL_OK;
    while (code >= 0 && !talk.done) {
        ssize_t size = receive(nl, buffer, 0);
        if (size < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (size < 0)
            code = dpl_err_sys(err, errno, "%s: no answer from the kernel", what);
        else
            code = dpl_net_nl_walk(buffer, (size_t)size, talk_message, &talk, err);
    }
    return code < 0 ? code : DPL_OK;
}

int dpl_net_nl_events(struct dpl_net_nl *nl, dpl_net_nl_each_t each, void *data,
                      struct dpl_err *err)
{
    char buffer[RECEIVE_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
    int count = 0, code = DPL_OK;
    while (code >= 0) {
        ssize_t size = receive(nl, buffer, MSG_DONTWAIT);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EAGAIN)
            break;
        if (size < 0 && errno == ENOBUFS)
            code = dpl_err_set(err, DPL_E_TRUNCATED, "the kernel dropped netlink events");
        else if (size < 0)
            code = dpl_err_sys(err, errno, "cannot read netlink events");
        else
            code = dpl_net_nl_walk(buffer, (size_t)size, each, data, err);
        count += code > 0 ? code : 0;
    }
    return code < 0 ? code : count;
}
