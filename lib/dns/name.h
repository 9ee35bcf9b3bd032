/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Names of the DNS as text: lower case, absolute, with a dot at the end ("mail.example.org.").
 *
 * What an administrator may name is a host's or a zone's name: letters, digits, "-" and "_", so no
 * escapes occur. Pure: no system calls.
 */
#ifndef DPL_DNS_NAME_H
#define DPL_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DPL_DNS_NAME_TEXT = 255, /* room for any such name, its dot and the zero */
    DPL_DNS_NAME_WIRE = 255,
};

/* Makes the absolute form of length bytes of text, with or without a dot at their end. False, and
 * name_r untouched, for anything that is no name, and for the root. */
bool dpl_dns_name_make(const char *text, size_t length, char name_r[DPL_DNS_NAME_TEXT]);
/* How many labels a name has. */
size_t dpl_dns_name_labels(const char *name);
/* Whether name is zone or lies beneath it. "." holds all. */
bool dpl_dns_name_in(const char *name, const char *zone);
/* The name without its first label; "." for one of a single label. Borrowed from name. */
const char *dpl_dns_name_parent(const char *name);
/* LABEL.NAME; false if it would be too long. */
bool dpl_dns_name_beneath(const char *label, const char *name, char name_r[DPL_DNS_NAME_TEXT]);
/* The name that has the PTR of an address. False if the text is none. */
bool dpl_dns_name_reverse(const char *address, char name_r[DPL_DNS_NAME_TEXT]);
/* The uncompressed form of messages. Returns its size. */
size_t dpl_dns_name_wire(const char *name, uint8_t wire_r[DPL_DNS_NAME_WIRE]);

#endif
