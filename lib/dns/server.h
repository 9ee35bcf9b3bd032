/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Name servers by address, and one question to one of them: a datagram, repeated while nothing
 * comes, a connection when the reply is too large for one or the request is.
 */
#ifndef DPL_DNS_SERVER_H
#define DPL_DNS_SERVER_H

#include "lib/base/clock.h"
#include "lib/dns/message.h"

#include <netinet/in.h>

enum { DPL_DNS_SERVERS_MAX = 16 };

struct dpl_dns_server {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } addr;
    char text[INET6_ADDRSTRLEN + 32]; /* with the port where it is not 53 */
    bool silent;                      /* it did not answer in time: asked after all others */
};

struct dpl_dns_servers {
    struct dpl_dns_server items[DPL_DNS_SERVERS_MAX];
    size_t count;
};

/* An address as text, IPv6 with a zone where it is link-local. What is in the list already is not
 * added again. False if it is none or the list is full. */
bool dpl_dns_servers_add(struct dpl_dns_servers *servers, const char *address, uint16_t port);
/* The name servers of a file in the form of resolv.conf(5), at most three, or this host's own when
 * it names none. */
int dpl_dns_servers_read(const char *path, struct dpl_dns_servers *servers_r, struct dpl_err *err);

/* Sends the request and takes its reply, as bytes that the caller frees. What does not answer it is
 * not looked at. UNREACHABLE, also when it did not answer until then. */
int dpl_dns_server_exchange(const struct dpl_dns_server *server, const struct dpl_clock *clock,
                            int64_t deadline_ns, const struct dpl_dns_wire *request,
                            struct dpl_dns_wire *reply_r, struct dpl_err *err);

#endif
