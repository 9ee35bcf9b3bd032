/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/net/msg.h"

#include <assert.h>
#include <string.h>

/* A length with what fills it up to the next border. Lengths here are bounded by 32 bits. */
static size_t padded(size_t size)
{
    return (size + NLA_ALIGNTO - 1) & ~(size_t)(NLA_ALIGNTO - 1);
}

void *dpl_net_msg_begin(union dpl_net_msg *msg, uint16_t type, uint16_t flags, size_t size)
{
    size_t length = sizeof(struct nlmsghdr) + padded(size);
    assert(length <= sizeof *msg);
    memset(msg, 0, length);
    msg->header.nlmsg_len = (uint32_t)length;
    msg->header.nlmsg_type = type;
    msg->header.nlmsg_flags = flags;
    return msg->bytes + sizeof(struct nlmsghdr);
}

void dpl_net_msg_put(union dpl_net_msg *msg, uint16_t type, const void *data, size_t size)
{
    size_t used = msg->header.nlmsg_len;
    if (used == 0)
        return;
    if (used < sizeof(struct nlmsghdr) || used > sizeof *msg || size > sizeof *msg ||
        sizeof(struct nlattr) + padded(size) > sizeof *msg - used) {
        msg->header.nlmsg_len = 0;
        return;
    }
    struct nlattr head = {.nla_len = (uint16_t)(sizeof(struct nlattr) + size), .nla_type = type};
    uint8_t *at = (uint8_t *)msg + used;
    memcpy(at, &head, sizeof head);
    if (size > 0)
        memcpy(at + sizeof(struct nlattr), data, size);
    memset(at + sizeof(struct nlattr) + size, 0, padded(size) - size);
    msg->header.nlmsg_len = (uint32_t)(used + sizeof(struct nlattr) + padded(size));
}

void dpl_net_msg_put_u32(union dpl_net_msg *msg, uint16_t type, uint32_t value)
{
    dpl_net_msg_put(msg, type, &value, sizeof value);
}

void dpl_net_msg_put_text(union dpl_net_msg *msg, uint16_t type, const char *text)
{
    dpl_net_msg_put(msg, type, text, strlen(text) + 1);
}

const void *dpl_net_msg_fixed(const struct nlmsghdr *message, size_t size)
{
    if (message->nlmsg_len < sizeof(struct nlmsghdr) ||
        message->nlmsg_len - sizeof(struct nlmsghdr) < size)
        return NULL;
    return (const uint8_t *)message + sizeof(struct nlmsghdr);
}

struct dpl_net_attrs dpl_net_msg_attrs(const struct nlmsghdr *message, size_t offset)
{
    const uint8_t *at = dpl_net_msg_fixed(message, offset);
    size_t step = padded(offset);
    if (!at || step > message->nlmsg_len - sizeof(struct nlmsghdr))
        return (struct dpl_net_attrs){0};
    return (struct dpl_net_attrs){.at = at + step,
                                  .left = message->nlmsg_len - sizeof(struct nlmsghdr) - step};
}

bool dpl_net_attrs_next(struct dpl_net_attrs *attrs, struct dpl_net_attr *attr_r)
{
    struct nlattr head;
    if (attrs->left < sizeof(struct nlattr))
        return false;
    memcpy(&head, attrs->at, sizeof head);
    if (head.nla_len < sizeof(struct nlattr) || head.nla_len > attrs->left)
        return false;
    *attr_r = (struct dpl_net_attr){.type = head.nla_type & (uint16_t)NLA_TYPE_MASK,
                                    .flags = head.nla_type & (NLA_F_NESTED | NLA_F_NET_BYTEORDER),
                                    .size = head.nla_len - sizeof(struct nlattr),
                                    .data = attrs->at + sizeof(struct nlattr)};
    size_t step = padded(head.nla_len);
    if (step > attrs->left) /* the last one may lack its padding */
        step = attrs->left;
    attrs->at += step;
    attrs->left -= step;
    return true;
}

bool dpl_net_attr_u8(const struct dpl_net_attr *attr, uint8_t *value_r)
{
    if (attr->size != sizeof *value_r)
        return false;
    memcpy(value_r, attr->data, sizeof *value_r);
    return true;
}

bool dpl_net_attr_u32(const struct dpl_net_attr *attr, uint32_t *value_r)
{
    if (attr->size != sizeof *value_r)
        return false;
    memcpy(value_r, attr->data, sizeof *value_r);
    return true;
}

const char *dpl_net_attr_text(const struct dpl_net_attr *attr)
{
    const char *text = attr->data;
    return attr->size > 0 && memchr(text, 0, attr->size) == text + attr->size - 1 ? text : NULL;
}
