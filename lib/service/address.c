/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/service/address.h"

#include "lib/base/units.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

bool dpl_address_make(const char *host, unsigned port, struct dpl_address *address_r)
{
    *address_r = (struct dpl_address){0};
    if (!*host || strcmp(host, "*") == 0 || strcmp(host, "localhost") == 0 ||
        strcmp(host, "0.0.0.0") == 0)
        host = "127.0.0.1";
    if (strcmp(host, "::") == 0)
        host = "::1";
    if (port == 0 || port > 65535)
        return false;
    if (inet_pton(AF_INET, host, &address_r->socket.in.sin_addr) == 1) {
        address_r->socket.in.sin_family = AF_INET;
        address_r->socket.in.sin_port = htons((uint16_t)port);
        address_r->size = sizeof address_r->socket.in;
        snprintf(address_r->text, sizeof address_r->text, "%.46s:%u", host, port);
        return true;
    }
    if (inet_pton(AF_INET6, host, &address_r->socket.in6.sin6_addr) == 1) {
        address_r->socket.in6.sin6_family = AF_INET6;
        address_r->socket.in6.sin6_port = htons((uint16_t)port);
        address_r->size = sizeof address_r->socket.in6;
        snprintf(address_r->text, sizeof address_r->text, "[%.46s]:%u", host, port);
        return true;
    }
    return false;
}

static bool make_path(const char *path, struct dpl_address *address_r)
{
    size_t length = strlen(path);
    *address_r = (struct dpl_address){0};
    if (length >= sizeof address_r->socket.un.sun_path || length < 2 || strchr(path, '\n'))
        return false;
    address_r->socket.un.sun_family = AF_UNIX;
    memcpy(address_r->socket.un.sun_path, path, length + 1);
    address_r->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    snprintf(address_r->text, sizeof address_r->text, "%s", path);
    return true;
}

bool dpl_address_parse(const char *text, unsigned port, struct dpl_address *address_r)
{
    char host[64];
    if (*text == '/')
        return make_path(text, address_r);
    bool bracket = *text == '[';
    const char *end = bracket ? strchr(text, ']') : strrchr(text, ':');
    /* More than one colon without brackets is an IPv6 address without a port. */
    if (!bracket && end && strchr(text, ':') != end)
        end = text + strlen(text);
    if (!end)
        end = bracket ? NULL : text + strlen(text);
    if (!end || end - text >= (long)sizeof host)
        return false;
    snprintf(host, sizeof host, "%.*s", (int)(end - text - bracket), text + bracket);
    const char *rest = end + bracket;
    if (*rest == ':')
        port = dpl_address_port(rest + 1);
    else if (*rest)
        return false;
    return host[0] && dpl_address_make(host, port, address_r);
}

unsigned dpl_address_port(const char *name)
{
    static const struct {
        const char *name;
        unsigned port;
    } known[] = {
        {"smtp", 25},   {"submission", 587},  {"smtps", 465},  {"submissions", 465},
        {"lmtp", 24},   {"imap", 143},        {"imap2", 143},  {"imaps", 993},
        {"pop3", 110},  {"pop3s", 995},       {"ldap", 389},   {"http", 80},
        {"https", 443}, {"postgresql", 5432}, {"mysql", 3306}, {"sieve", 4190},
    };
    int64_t number;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].port;
    return dpl_units_number(name, 1, 65535, &number, NULL) < 0 ? 0 : (unsigned)number;
}
