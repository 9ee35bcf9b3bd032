/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The bytes of netlink messages: written into a buffer of fixed size, read from bytes that nobody
 * vouches for.
 *
 * Writing never leaves the buffer. An attribute that does not fit makes the message void, and it
 * stays void: dpl_net_nl_talk refuses it. So who builds one checks nothing.
 * Reading never leaves the message: nlmsg_len, which dpl_net_nl_walk has held against the buffer,
 * is the border, and an attribute that is not whole ends the walk. Integers are the host's, as the
 * kernel has it.
 */
#ifndef DPL_NET_MSG_H
#define DPL_NET_MSG_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DPL_NET_MSG_ROOM = 1024 }; /* what a request of ours fits in */

/* A message to be sent. It owns nothing. Void when header.nlmsg_len is 0. */
union dpl_net_msg {
    struct nlmsghdr header;
    uint8_t bytes[DPL_NET_MSG_ROOM];
};

/* Begins a message. Returns its fixed part (struct ifaddrmsg and the like, of size bytes), zeroed.
 */
void *dpl_net_msg_begin(union dpl_net_msg *msg, uint16_t type, uint16_t flags, size_t size);
/* Appends an attribute. type may carry NLA_F_*. */
void dpl_net_msg_put(union dpl_net_msg *msg, uint16_t type, const void *data, size_t size);
void dpl_net_msg_put_u32(union dpl_net_msg *msg, uint16_t type, uint32_t value);
/* With the 0 at its end. */
void dpl_net_msg_put_text(union dpl_net_msg *msg, uint16_t type, const char *text);

/* The fixed part of a message, or NULL if the message is shorter. */
const void *dpl_net_msg_fixed(const struct nlmsghdr *message, size_t size);

/* An attribute of a message, which data points into. */
struct dpl_net_attr {
    uint16_t type;  /* without flags */
    uint16_t flags; /* NLA_F_* */
    size_t size;
    const void *data;
};

/* The attributes not read yet. */
struct dpl_net_attrs {
    const uint8_t *at;
    size_t left;
};

/* Those from this offset behind the header on, which is the size of the fixed part. None when the
 * message ends before. */
struct dpl_net_attrs dpl_net_msg_attrs(const struct nlmsghdr *message, size_t offset);
/* The next attribute; false when no whole one is left. */
bool dpl_net_attrs_next(struct dpl_net_attrs *attrs, struct dpl_net_attr *attr_r);

/* The value, if the attribute has exactly its size; else false, and *value_r is left alone. */
bool dpl_net_attr_u8(const struct dpl_net_attr *attr, uint8_t *value_r);
bool dpl_net_attr_u32(const struct dpl_net_attr *attr, uint32_t *value_r);
/* The text, if one 0 is in the attribute, at its end; else NULL. */
const char *dpl_net_attr_text(const struct dpl_net_attr *attr);

#endif
