/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One rtnetlink socket: a request and all that answers it.
 *
 * The kernel's reason for a refusal (extended acknowledgement) becomes part of the error's
 * sentence. Nothing here forks, waits for time, or keeps state besides the socket.
 */
#ifndef DPL_NET_NL_H
#define DPL_NET_NL_H

#include "lib/base/err.h"
#include "lib/net/msg.h"

struct dpl_net_nl {
    bool open;
    int fd;
    uint32_t port; /* the kernel's number of it */
    uint32_t seq;
};

/* groups: RTMGRP_* bits to hear about, 0 for none. */
int dpl_net_nl_open(struct dpl_net_nl *nl, unsigned groups, struct dpl_err *err);
/* Also of a socket that was never opened, if it was zeroed. */
void dpl_net_nl_close(struct dpl_net_nl *nl);
/* To poll on. */
int dpl_net_nl_fd(const struct dpl_net_nl *nl);

/* Called for each message of an answer: DPL_OK to go on, a negative code to end it. */
typedef int (*dpl_net_nl_each_t)(const struct nlmsghdr *message, void *data, struct dpl_err *err);

/* Sends the request (NLM_F_REQUEST is added, and NLM_F_ACK unless it is a dump or a plain get) and
 * hands every answer to each, until the last. what names the request in an error. A dump that the
 * kernel calls inconsistent is DPL_E_BUSY: the caller starts again with empty hands. A void request
 * is DPL_E_TOO_LARGE. */
int dpl_net_nl_talk(struct dpl_net_nl *nl, union dpl_net_msg *request, dpl_net_nl_each_t each,
                    void *data, const char *what, struct dpl_err *err);

/* Reads what waits on the socket without blocking: events of the groups. Returns the number of
 * messages; DPL_E_TRUNCATED if the kernel had to drop some. */
int dpl_net_nl_events(struct dpl_net_nl *nl, dpl_net_nl_each_t each, void *data,
                      struct dpl_err *err);

/* Hands each whole message of a buffer to each; what is cut off at the end is DPL_E_TRUNCATED.
 * Returns the number of messages. This is what talk and events are made of, and what tests and
 * fuzzers feed. */
int dpl_net_nl_walk(const void *data, size_t size, dpl_net_nl_each_t each, void *each_data,
                    struct dpl_err *err);

/* What an NLMSG_ERROR message says: DPL_OK for an acknowledgement, else the error, in the kernel's
 * own words where it has some. */
int dpl_net_nl_refusal(const struct nlmsghdr *message, const char *what, struct dpl_err *err);

#endif
