/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where a service listens: an address of the internet with its port, or a socket's path.
 */
#ifndef DPL_SERVICE_ADDRESS_H
#define DPL_SERVICE_ADDRESS_H

#include "lib/base/err.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { DPL_ADDRESS_TEXT = 192 };

struct dpl_address {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } socket;
    socklen_t size;
    char text[DPL_ADDRESS_TEXT]; /* as it is written: 192.0.2.1:25, [2001:db8::1]:25, /run/x */
};

/* "ADDRESS:PORT", "[ADDRESS]:PORT" or an absolute path. Host names are not looked up; "localhost"
 * and
 * "*" stand for the loopback address. port is that of an address without one, 0: it must have one.
 * False if it is none of these. */
bool dpl_address_parse(const char *text, unsigned port, struct dpl_address *address_r);
/* From the two parts, as configurations give them; the host may be empty: the loopback. */
bool dpl_address_make(const char *host, unsigned port, struct dpl_address *address_r);
/* The port that a name of a mail service stands for, also as digits; 0 if it is not known. */
unsigned dpl_address_port(const char *name);

#endif
