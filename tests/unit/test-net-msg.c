/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The bytes of netlink messages, and a talk with the kernel that others disturb.
 */
#include "lib/net/link.h"
#include "lib/net/msg.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void layout(void)
{
    static const struct {
        struct nlattr head;
        uint8_t data[4]; /* and padding */
    } want = {{.nla_len = 5, .nla_type = 7 | NLA_F_NESTED}, {'x', 0, 0, 0}};
    union dpl_net_msg msg;
    memset(&msg, 0xff, sizeof msg);
    struct rtmsg *info = dpl_net_msg_begin(&msg, RTM_NEWROUTE, NLM_F_CREATE, sizeof *info);
    CU_ASSERT_PTR_EQUAL(info, msg.bytes + sizeof(struct nlmsghdr));
    CU_ASSERT_EQUAL(msg.header.nlmsg_len, sizeof(struct nlmsghdr) + sizeof *info);
    CU_ASSERT_EQUAL(msg.header.nlmsg_type, RTM_NEWROUTE);
    CU_ASSERT_EQUAL(msg.header.nlmsg_flags, NLM_F_CREATE);
    CU_ASSERT_EQUAL(msg.header.nlmsg_pid, 0);
    CU_ASSERT_EQUAL(info->rtm_flags, 0);
    dpl_net_msg_put(&msg, 7 | NLA_F_NESTED, "x", 1);
    CU_ASSERT_EQUAL_FATAL(msg.header.nlmsg_len,
                          sizeof(struct nlmsghdr) + sizeof *info + sizeof want);
    CU_ASSERT_EQUAL(memcmp(msg.bytes + sizeof(struct nlmsghdr) + sizeof *info, &want, sizeof want),
                    0);
}

static void values(void)
{
    union dpl_net_msg msg;
    struct dpl_net_attr attr;
    uint8_t u8 = 9;
    uint32_t u32 = 9;
    dpl_net_msg_begin(&msg, RTM_NEWLINK, 0, 3); /* an odd size ends at the next border */
    dpl_net_msg_put_text(&msg, 1, "eth0");
    dpl_net_msg_put_u32(&msg, 2 | NLA_F_NESTED, 0x01020304);
    dpl_net_msg_put(&msg, 3, "\x05", 1);
    dpl_net_msg_put(&msg, 4, NULL, 0);
    struct dpl_net_attrs attrs = dpl_net_msg_attrs(&msg.header, 3);
    CU_ASSERT_TRUE_FATAL(dpl_net_attrs_next(&attrs, &attr));
    CU_ASSERT_EQUAL(attr.type, 1);
    CU_ASSERT_STRING_EQUAL(dpl_net_attr_text(&attr), "eth0");
    CU_ASSERT_FALSE(dpl_net_attr_u32(&attr, &u32));
    CU_ASSERT_TRUE_FATAL(dpl_net_attrs_next(&attrs, &attr));
    CU_ASSERT_EQUAL(attr.type, 2);
    CU_ASSERT_EQUAL(attr.flags, NLA_F_NESTED);
    CU_ASSERT_FALSE(dpl_net_attr_u8(&attr, &u8));
    CU_ASSERT_EQUAL(u8, 9);
    CU_ASSERT_TRUE(dpl_net_attr_u32(&attr, &u32));
    CU_ASSERT_EQUAL(u32, 0x01020304);
    CU_ASSERT_TRUE_FATAL(dpl_net_attrs_next(&attrs, &attr));
    CU_ASSERT_TRUE(dpl_net_attr_u8(&attr, &u8));
    CU_ASSERT_EQUAL(u8, 5);
    CU_ASSERT_TRUE_FATAL(dpl_net_attrs_next(&attrs, &attr));
    CU_ASSERT_EQUAL(attr.size, 0);
    CU_ASSERT_PTR_NULL(dpl_net_attr_text(&attr));
    CU_ASSERT_FALSE(dpl_net_attrs_next(&attrs, &attr));
}

static void text(void)
{
    static const char bytes[] = "lo\0lo";
    struct dpl_net_attr attr = {.data = bytes, .size = 3};
    CU_ASSERT_STRING_EQUAL(dpl_net_attr_text(&attr), "lo");
    attr.size = 2; /* no end */
    CU_ASSERT_PTR_NULL(dpl_net_attr_text(&attr));
    attr.size = sizeof bytes; /* two texts */
    CU_ASSERT_PTR_NULL(dpl_net_attr_text(&attr));
}

/* For every rest of the buffer and every size: it fits to the byte, or the message is void. */
static void overflow(void)
{
    static const uint8_t data[70000];
    struct {
        union dpl_net_msg msg;
        uint8_t guard[16];
    } box;
    for (size_t used = 900; used <= DPL_NET_MSG_ROOM - sizeof(struct nlmsghdr); used += 4) {
        for (size_t size = 0; size < 130; size++) {
            memset(box.guard, 0x5a, sizeof box.guard);
            dpl_net_msg_begin(&box.msg, RTM_NEWADDR, 0, used);
            dpl_net_msg_put(&box.msg, 1, data, size);
            size_t want =
                sizeof(struct nlmsghdr) + used + sizeof(struct nlattr) + (size + 3) / 4 * 4;
            CU_ASSERT_EQUAL(box.msg.header.nlmsg_len, want <= sizeof box.msg ? want : 0);
            for (size_t i = 0; i < sizeof box.guard; i++)
                CU_ASSERT_EQUAL(box.guard[i], 0x5a);
        }
    }
    dpl_net_msg_begin(&box.msg, RTM_NEWADDR, 0, 0);
    dpl_net_msg_put(&box.msg, 1, data, sizeof data); /* more than a length field holds */
    CU_ASSERT_EQUAL(box.msg.header.nlmsg_len, 0);
    dpl_net_msg_put_u32(&box.msg, 1, 1);
    CU_ASSERT_EQUAL(box.msg.header.nlmsg_len, 0); /* it stays void */
    struct dpl_net_nl nl = {0};
    CU_ASSERT_EQUAL(dpl_net_nl_talk(&nl, &box.msg, NULL, NULL, "it", NULL), DPL_E_TOO_LARGE);
}

/* Any first bytes of an attribute, in exactly as many bytes as there are. */
static void damaged(void)
{
    for (size_t left = 0; left < 24; left++) {
        for (unsigned length = 0; length < 40; length++) {
            size_t size = sizeof(struct nlmsghdr) + left;
            struct nlmsghdr head = {.nlmsg_len = (uint32_t)size};
            uint16_t first = (uint16_t)length;
            uint8_t *exact = malloc(size);
            CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
            memset(exact, 0, size);
            memcpy(exact, &head, sizeof head);
            memcpy(exact + sizeof(struct nlmsghdr), &first, left < 2 ? left : 2);
            struct dpl_net_attrs attrs = dpl_net_msg_attrs((const void *)exact, 0);
            struct dpl_net_attr attr;
            bool whole =
                left >= sizeof(struct nlattr) && length >= sizeof(struct nlattr) && length <= left;
            CU_ASSERT_EQUAL(dpl_net_attrs_next(&attrs, &attr), whole);
            if (whole) {
                CU_ASSERT_EQUAL(attr.size, length - sizeof(struct nlattr));
                CU_ASSERT_FALSE(dpl_net_attrs_next(&attrs, &attr)); /* zeros are none */
            }
            CU_ASSERT_EQUAL(dpl_net_msg_fixed((const void *)exact, left) != NULL, true);
            CU_ASSERT_PTR_NULL(dpl_net_msg_fixed((const void *)exact, left + 1));
            attrs = dpl_net_msg_attrs((const void *)exact, left + 1);
            CU_ASSERT_FALSE(dpl_net_attrs_next(&attrs, &attr));
            free(exact);
        }
    }
}

static int refuse_each(const struct nlmsghdr *message, void *data, struct dpl_err *err)
{
    (void)message;
    (void)data;
    return dpl_err_set(err, DPL_E_FAILED, "a forged message was heard");
}

/* What root can send to the port of another, as an answer to its next request. */
static bool forge(const struct dpl_net_nl *from, const struct dpl_net_nl *to)
{
    union dpl_net_msg msg;
    struct sockaddr_nl there = {.nl_family = AF_NETLINK, .nl_pid = to->port};
    struct ifinfomsg *info = dpl_net_msg_begin(&msg, RTM_NEWLINK, 0, sizeof *info);
    info->ifi_index = 4711;
    dpl_net_msg_put_text(&msg, IFLA_IFNAME, "lo");
    msg.header.nlmsg_seq = to->seq + 1;
    msg.header.nlmsg_pid = to->port;
    return sendto(from->fd, &msg, msg.header.nlmsg_len, 0, (struct sockaddr *)&there,
                  sizeof there) > 0;
}

static void forged(void)
{
    struct dpl_net_nl ours = {0}, other = {0};
    struct dpl_net_link link;
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL_FATAL(dpl_net_nl_open(&ours, 0, &err), DPL_OK);
    CU_ASSERT_EQUAL_FATAL(dpl_net_nl_open(&other, 0, &err), DPL_OK);
    if (forge(&other, &ours)) {
        CU_ASSERT_EQUAL(dpl_net_link_by_name(&ours, "lo", &link, &err), DPL_OK);
        CU_ASSERT_NOT_EQUAL(link.index, 4711);
        CU_ASSERT_TRUE(forge(&other, &ours));
        CU_ASSERT_EQUAL(dpl_net_nl_events(&ours, refuse_each, NULL, &err), 0);
    } else {
        printf("SKIP: no right to forge netlink messages (%s)\n", strerror(errno));
    }
    CU_ASSERT_EQUAL(dpl_net_link_by_name(&ours, "not-there", &link, &err), DPL_E_NOT_FOUND);
    CU_ASSERT_EQUAL(err.sys_errno, ENODEV);
    dpl_net_nl_close(&other);
    dpl_net_nl_close(&ours);
    dpl_net_nl_close(&ours);
    CU_ASSERT_EQUAL(dpl_net_nl_fd(&ours), -1);
}

static const struct unit_test tests[] = {
    {"a message is laid out as the kernel has it", layout},
    {"attributes come back as they went in, and as nothing else", values},
    {"a text has one end, at its end", text},
    {"what does not fit makes a message void", overflow},
    {"an attribute that is not whole ends the walk", damaged},
    {"the kernel alone is believed", forged},
};
UNIT_MAIN(tests)
