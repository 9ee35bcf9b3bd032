/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/net/addr.h"

#include <arpa/inet.h>
#include <string.h>

size_t dpl_net_addr_size(const struct dpl_net_addr *addr)
{
    return addr->family == AF_INET ? 4 : addr->family == AF_INET6 ? 16 : 0;
}

bool dpl_net_addr_parse(const char *text, struct dpl_net_addr *addr_r)
{
    struct dpl_net_addr addr = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};
    if (inet_pton(addr.family, text, addr.bytes) != 1)
        return false;
    *addr_r = addr;
    return true;
}

bool dpl_net_addr_from_bytes(uint8_t family, const void *bytes, size_t size,
                             struct dpl_net_addr *addr_r)
{
    struct dpl_net_addr addr = {.family = family};
    if (size == 0 || size != dpl_net_addr_size(&addr))
        return false;
    memcpy(addr.bytes, bytes, size);
    *addr_r = addr;
    return true;
}

const char *dpl_net_addr_format(const struct dpl_net_addr *addr, char text[DPL_NET_ADDR_TEXT])
{
    if (dpl_net_addr_size(addr) == 0 ||
        !inet_ntop(addr->family, addr->bytes, text, DPL_NET_ADDR_TEXT))
        memcpy(text, "none", sizeof "none");
    return text;
}

bool dpl_net_addr_equal(const struct dpl_net_addr *a, const struct dpl_net_addr *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, dpl_net_addr_size(a)) == 0;
}

/* The mask of the byte at this index under a prefix. */
static uint8_t mask_at(int prefix, size_t index)
{
    int bits = prefix - (int)index * 8;
    if (bits >= 8)
        return 0xff;
    return (uint8_t)(bits <= 0 ? 0 : 0xff << (8 - bits));
}

bool dpl_net_addr_in(const struct dpl_net_addr *addr, const struct dpl_net_addr *net, int prefix)
{
    size_t size = dpl_net_addr_size(addr);
    if (size == 0 || addr->family != net->family || prefix < 0 || prefix > (int)size * 8)
        return false;
    for (size_t i = 0; i < size; i++)
        if ((addr->bytes[i] ^ net->bytes[i]) & mask_at(prefix, i))
            return false;
    return true;
}

struct dpl_net_addr dpl_net_addr_fill(const struct dpl_net_addr *addr, int prefix, bool ones)
{
    struct dpl_net_addr out = *addr;
    for (size_t i = 0; i < dpl_net_addr_size(addr); i++) {
        uint8_t mask = mask_at(prefix, i);
        out.bytes[i] = (uint8_t)((addr->bytes[i] & mask) | (ones ? (uint8_t)~mask : 0));
    }
    return out;
}

bool dpl_net_addr_is_loopback(const struct dpl_net_addr *addr)
{
    static const uint8_t one[16] = {[15] = 1};
    if (addr->family == AF_INET)
        return addr->bytes[0] == 127;
    return addr->family == AF_INET6 && memcmp(addr->bytes, one, sizeof one) == 0;
}

bool dpl_net_addr_is_link_local(const struct dpl_net_addr *addr)
{
    return addr->family == AF_INET6 && addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

bool dpl_net_addr_is_host(const struct dpl_net_addr *addr)
{
    static const uint8_t none[16], mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (addr->family == AF_INET)
        return addr->bytes[0] != 0 && addr->bytes[0] < 224;
    return addr->family == AF_INET6 && addr->bytes[0] != 0xff &&
           memcmp(addr->bytes, none, sizeof none) != 0 &&
           memcmp(addr->bytes, mapped, sizeof mapped) != 0;
}

/* The prefix of a mask whose set bits are all in front, or -1. */
static int prefix_of_mask(const struct dpl_net_addr *mask)
{
    int prefix = 0;
    while (prefix < 32 && (mask->bytes[prefix / 8] & (0x80 >> (prefix % 8))))
        prefix++;
    struct dpl_net_addr rest = dpl_net_addr_fill(mask, prefix, false);
    return dpl_net_addr_equal(&rest, mask) ? prefix : -1;
}

int dpl_net_prefix_parse(const char *text, uint8_t family)
{
    struct dpl_net_addr mask;
    if (strchr(text, '.'))
        return family == AF_INET && dpl_net_addr_parse(text, &mask) ? prefix_of_mask(&mask) : -1;
    int value = 0;
    size_t length = strlen(text);
    if (length == 0 || length > 3 || strspn(text, "0123456789") != length)
        return -1;
    for (const char *p = text; *p; p++)
        value = value * 10 + (*p - '0');
    return value <= (family == AF_INET6 ? 128 : 32) ? value : -1;
}
