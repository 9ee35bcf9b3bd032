/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/dns/name.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { LABEL_MAX = 63 };

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool dpl_dns_name_make(const char *text, size_t length, char name_r[DPL_DNS_NAME_TEXT])
{
    char name[DPL_DNS_NAME_TEXT];
    size_t label = 0;
    if (length > 0 && text[length - 1] == '.')
        length--;
    if (length == 0 || length > DPL_DNS_NAME_TEXT - 2)
        return false;
    for (size_t i = 0; i < length; i++) {
        bool dot = text[i] == '.';
        bool edge = label == 0 || i + 1 == length || text[i + 1] == '.';
        if (dot ? label == 0 : label == LABEL_MAX)
            return false;
        if (!dot && !is_letter_or_digit(text[i]) && text[i] != '_' && (text[i] != '-' || edge))
            return false;
        label = dot ? 0 : label + 1;
        name[i] = lower(text[i]);
    }
    if (label == 0)
        return false;
    name[length] = '.';
    name[length + 1] = '\0';
    memcpy(name_r, name, length + 2);
    return true;
}

size_t dpl_dns_name_labels(const char *name)
{
    size_t count = 0;
    if (strcmp(name, ".") == 0)
        return 0;
    for (; (name = strchr(name, '.')); name++)
        count++;
    return count;
}

bool dpl_dns_name_in(const char *name, const char *zone)
{
    size_t have = strlen(name), want = strlen(zone);
    if (strcmp(zone, ".") == 0)
        return true;
    return have >= want && strcmp(name + have - want, zone) == 0 &&
           (have == want || name[have - want - 1] == '.');
}

const char *dpl_dns_name_parent(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot && dot[1] ? dot + 1 : ".";
}

bool dpl_dns_name_beneath(const char *label, const char *name, char name_r[DPL_DNS_NAME_TEXT])
{
    int n = snprintf(name_r, DPL_DNS_NAME_TEXT, "%s.%s", label, name);
    return n > 0 && n < DPL_DNS_NAME_TEXT;
}

bool dpl_dns_name_reverse(const char *address, char name_r[DPL_DNS_NAME_TEXT])
{
    uint8_t a[16];
    if (inet_pton(AF_INET, address, a) == 1) {
        snprintf(name_r, DPL_DNS_NAME_TEXT, "%u.%u.%u.%u.in-addr.arpa.", a[3], a[2], a[1], a[0]);
        return true;
    }
    if (inet_pton(AF_INET6, address, a) != 1)
        return false;
    for (size_t i = 0; i < 16; i++)
        snprintf(name_r + 4 * i, DPL_DNS_NAME_TEXT - 4 * i, "%x.%x.", a[15 - i] & 0xfu,
                 a[15 - i] >> 4);
    snprintf(name_r + 64, DPL_DNS_NAME_TEXT - 64, "ip6.arpa.");
    return true;
}

size_t dpl_dns_name_wire(const char *name, uint8_t wire_r[DPL_DNS_NAME_WIRE])
{
    size_t used = 0;
    while (*name && *name != '.') {
        size_t label = strcspn(name, ".");
        wire_r[used++] = (uint8_t)label;
        memcpy(wire_r + used, name, label);
        used += label;
        name += label + (name[label] == '.');
    }
    wire_r[used++] = 0;
    return used;
}
