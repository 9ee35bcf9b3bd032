/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/net/addr.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/socket.h>

static struct dpl_net_addr addr(const char *text)
{
    struct dpl_net_addr out = {0};
    CU_ASSERT_TRUE(dpl_net_addr_parse(text, &out));
    return out;
}

static void parse_and_format(void)
{
    static const char *const pairs[][2] = {
        {"192.0.2.10", "192.0.2.10"},
        {"2001:DB8:0:0::0010", "2001:db8::10"},
        {"fe80::1", "fe80::1"},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
    };
    char text[DPL_NET_ADDR_TEXT];
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct dpl_net_addr one = addr(pairs[i][0]);
        CU_ASSERT_STRING_EQUAL(dpl_net_addr_format(&one, text), pairs[i][1]);
    }
    struct dpl_net_addr none = {0};
    CU_ASSERT_STRING_EQUAL(dpl_net_addr_format(&none, text), "none");
    CU_ASSERT_EQUAL(dpl_net_addr_size(&none), 0);
}

static void refuse_others(void)
{
    static const char *const wrong[] = {"",
                                        "x",
                                        "300.1.1.1",
                                        "192.0.2",
                                        "192.0.2.1.1",
                                        "192.0.2.10/24",
                                        " 192.0.2.1",
                                        "192.0.2.1 ",
                                        "192.000.2.1",
                                        "fe80::1%v0",
                                        "2001:db8::g",
                                        ":::",
                                        "1:2:3:4:5:6:7:8:9"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct dpl_net_addr out = {.family = 77};
        CU_ASSERT_FALSE(dpl_net_addr_parse(wrong[i], &out));
        CU_ASSERT_EQUAL(out.family, 77);
    }
}

static void bytes_have_their_size(void)
{
    struct dpl_net_addr out = {0};
    static const uint8_t bytes[16] = {192, 0, 2, 10};
    CU_ASSERT_TRUE(dpl_net_addr_from_bytes(AF_INET, bytes, 4, &out));
    CU_ASSERT_FALSE(dpl_net_addr_from_bytes(AF_INET, bytes, 16, &out));
    CU_ASSERT_FALSE(dpl_net_addr_from_bytes(AF_INET6, bytes, 4, &out));
    CU_ASSERT_FALSE(dpl_net_addr_from_bytes(AF_UNIX, bytes, 0, &out));
}

static void prefixes(void)
{
    struct dpl_net_addr a = addr("192.0.2.130"), net = addr("192.0.2.128"),
                        six = addr("2001:db8::1");
    CU_ASSERT_TRUE(dpl_net_addr_in(&a, &net, 25));
    CU_ASSERT_FALSE(dpl_net_addr_in(&a, &net, 31));
    CU_ASSERT_TRUE(dpl_net_addr_in(&a, &net, 0));
    CU_ASSERT_TRUE(dpl_net_addr_in(&a, &a, 32));
    CU_ASSERT_FALSE(dpl_net_addr_in(&a, &a, 33));
    CU_ASSERT_FALSE(dpl_net_addr_in(&a, &a, -1));
    CU_ASSERT_FALSE(dpl_net_addr_in(&a, &six, 0));
    CU_ASSERT_FALSE(dpl_net_addr_equal(&a, &six));
    char text[DPL_NET_ADDR_TEXT];
    struct dpl_net_addr out = dpl_net_addr_fill(&a, 25, true);
    CU_ASSERT_STRING_EQUAL(dpl_net_addr_format(&out, text), "192.0.2.255");
    out = dpl_net_addr_fill(&a, 25, false);
    CU_ASSERT_STRING_EQUAL(dpl_net_addr_format(&out, text), "192.0.2.128");
    out = dpl_net_addr_fill(&a, 20, true);
    CU_ASSERT_STRING_EQUAL(dpl_net_addr_format(&out, text), "192.0.15.255");
}

static void netmasks(void)
{
    /* Every length, in both forms. */
    for (int prefix = 0; prefix <= 32; prefix++) {
        struct dpl_net_addr ones = addr("255.255.255.255");
        struct dpl_net_addr mask = dpl_net_addr_fill(&ones, prefix, false);
        char text[DPL_NET_ADDR_TEXT], number[12];
        CU_ASSERT_EQUAL(dpl_net_prefix_parse(dpl_net_addr_format(&mask, text), AF_INET), prefix);
        snprintf(number, sizeof number, "%d", prefix);
        CU_ASSERT_EQUAL(dpl_net_prefix_parse(number, AF_INET), prefix);
    }
    CU_ASSERT_EQUAL(dpl_net_prefix_parse("128", AF_INET6), 128);
    static const char *const wrong[] = {"33",  "",   "x",           "-1",        "1x",
                                        "256", " 8", "255.0.255.0", "0.0.0.255", "255.255.255"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CU_ASSERT_EQUAL(dpl_net_prefix_parse(wrong[i], AF_INET), -1);
    CU_ASSERT_EQUAL(dpl_net_prefix_parse("129", AF_INET6), -1);
    CU_ASSERT_EQUAL(dpl_net_prefix_parse("255.255.255.0", AF_INET6), -1);
}

static void kinds(void)
{
    static const struct {
        const char *text;
        bool loopback, link_local, host;
    } rows[] = {
        {"127.0.0.1", true, false, true},         {"::1", true, false, true},
        {"192.0.2.1", false, false, true},        {"fe80::1", false, true, true},
        {"febf::1", false, true, true},           {"fec0::1", false, false, true},
        {"0.0.0.0", false, false, false},         {"224.0.0.1", false, false, false},
        {"255.255.255.255", false, false, false}, {"::", false, false, false},
        {"ff02::1", false, false, false},         {"::ffff:192.0.2.1", false, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dpl_net_addr one = addr(rows[i].text);
        CU_ASSERT_EQUAL(dpl_net_addr_is_loopback(&one), rows[i].loopback);
        CU_ASSERT_EQUAL(dpl_net_addr_is_link_local(&one), rows[i].link_local);
        CU_ASSERT_EQUAL(dpl_net_addr_is_host(&one), rows[i].host);
    }
}

static const struct unit_test tests[] = {
    {"an address is read and written in its canonical form", parse_and_format},
    {"what is not an address is refused and changes nothing", refuse_others},
    {"bytes make an address only in the size of the family", bytes_have_their_size},
    {"a prefix decides what lies in it and where it ends", prefixes},
    {"every netmask is its prefix, and holes are refused", netmasks},
    {"loopback, link-local and what a host can have are told apart", kinds},
};
UNIT_MAIN(tests)
