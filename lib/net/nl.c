/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/net/nl.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* As large as what the kernel sends at once; small, as each page of it costs a monitor some µs. */
enum { RECEIVE_BYTES = 8192 };

/* The state of one talk. */
struct talk {
    unsigned seq;
    unsigned port;
    dpl_net_nl_each_t each;
    void *data;
    const char *what;
    bool done;
};

int dpl_net_nl_open(struct dpl_net_nl *nl, unsigned groups, struct dpl_err *err)
{
    int one = 1;
    nl->seq = 0;
    nl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!nl->socket)
        return dpl_err_sys(err, errno, "cannot open a netlink socket");
    if (mnl_socket_bind(nl->socket, groups, MNL_SOCKET_AUTOPID) < 0) {
        int code = dpl_err_sys(err, errno, "cannot bind a netlink socket");
        dpl_net_nl_close(nl);
        return code;
    }
    /* Kernels that lack these answer with less text and more data; both are fine. */
    (void)mnl_socket_setsockopt(nl->socket, NETLINK_EXT_ACK, &one, sizeof one);
    (void)mnl_socket_setsockopt(nl->socket, NETLINK_CAP_ACK, &one, sizeof one);
    (void)mnl_socket_setsockopt(nl->socket, NETLINK_GET_STRICT_CHK, &one, sizeof one);
    return DPL_OK;
}

void dpl_net_nl_close(struct dpl_net_nl *nl)
{
    if (nl->socket)
        mnl_socket_close(nl->socket);
    nl->socket = NULL;
}

int dpl_net_nl_fd(const struct dpl_net_nl *nl)
{
    return mnl_socket_get_fd(nl->socket);
}

/* The kernel's own sentence about an error, or NULL. */
static const char *kernel_text(const struct nlmsghdr *message)
{
    const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);
    size_t offset = sizeof *error;
    if (!(message->nlmsg_flags & NLM_F_ACK_TLVS))
        return NULL;
    if (!(message->nlmsg_flags & NLM_F_CAPPED)) {
        if (error->msg.nlmsg_len < sizeof error->msg || error->msg.nlmsg_len > UINT16_MAX)
            return NULL;
        offset += error->msg.nlmsg_len - sizeof error->msg;
    }
    if (offset > mnl_nlmsg_get_payload_len(message))
        return NULL;
    const struct nlattr *attr;
    DPL_NET_NL_EACH_ATTR (attr, message, offset) {
        if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
            mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
            return mnl_attr_get_str(attr);
    }
    return NULL;
}

int dpl_net_nl_refusal(const struct nlmsghdr *message, const char *what, struct dpl_err *err)
{
    if (mnl_nlmsg_get_payload_len(message) < sizeof(struct nlmsgerr))
        return dpl_err_set(err, DPL_E_TRUNCATED, "%s: netlink's answer is too short", what);
    const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);
    if (error->error == 0)
        return DPL_OK;
    int sys_errno = error->error < 0 && error->error > -4096 ? -error->error : EPROTO;
    const char *text = kernel_text(message);
    int code = dpl_err_sys(err, sys_errno, "%s", what);
    if (text && err)
        code = dpl_err_set(err, code, "%s: %s (%s)", what, strerror(sys_errno), text);
    if (err)
        err->sys_errno = sys_errno;
    return code;
}

/* The loop is ours: libmnl's takes lengths for signed numbers. */
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

int dpl_net_nl_talk(struct dpl_net_nl *nl, struct nlmsghdr *request, dpl_net_nl_each_t each,
                    void *data, const char *what, struct dpl_err *err)
{
    struct talk talk = {.seq = ++nl->seq,
                        .port = mnl_socket_get_portid(nl->socket),
                        .each = each,
                        .data = data,
                        .what = what};
    request->nlmsg_flags |= NLM_F_REQUEST;
    if (!each)
        request->nlmsg_flags |= NLM_F_ACK;
    request->nlmsg_seq = talk.seq;
    if (mnl_socket_sendto(nl->socket, request, request->nlmsg_len) < 0)
        return dpl_err_sys(err, errno, "%s: cannot ask the kernel", what);
    char buffer[RECEIVE_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
    int code = DPL_OK;
    while (code >= 0 && !talk.done) {
        ssize_t size = mnl_socket_recvfrom(nl->socket, buffer, RECEIVE_BYTES);
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
        ssize_t size = recv(dpl_net_nl_fd(nl), buffer, RECEIVE_BYTES, MSG_DONTWAIT);
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
