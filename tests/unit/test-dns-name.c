/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/dns/name.h"
#include "tests/unit/unit.h"

#include <string.h>

static void made(void)
{
    static const char *const rows[][2] = {
        {"mail.example.org", "mail.example.org."},
        {"MAIL.Example.ORG.", "mail.example.org."},
        {"org", "org."},
        {"_doppel.a-b.c", "_doppel.a-b.c."},
        {"0.0.10.in-addr.arpa", "0.0.10.in-addr.arpa."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[DPL_DNS_NAME_TEXT];
        CU_ASSERT_TRUE(dpl_dns_name_make(rows[i][0], strlen(rows[i][0]), name));
        CU_ASSERT_STRING_EQUAL(name, rows[i][1]);
    }
}

static void refused(void)
{
    static const char *const rows[] = {"",     ".",    "..",   "a..b",  ".a",  "a b",       "-a.b",
                                       "a-.b", "a.-b", "a.b-", "a\\.b", "a@b", "\xc3\xa4.b"};
    char name[DPL_DNS_NAME_TEXT] = "kept", label[70], whole[300] = "";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CU_ASSERT_FALSE(dpl_dns_name_make(rows[i], strlen(rows[i]), name));
    memset(label, 'a', 64);
    CU_ASSERT_FALSE(dpl_dns_name_make(label, 64, name));
    for (int i = 0; i < 127; i++)
        strcat(whole, "a.");
    CU_ASSERT_FALSE(dpl_dns_name_make(whole, 255, name));
    CU_ASSERT_STRING_EQUAL(name, "kept");
    CU_ASSERT_TRUE(dpl_dns_name_make(label, 63, name));
    CU_ASSERT_TRUE(dpl_dns_name_make(whole, 253, name));
    CU_ASSERT_EQUAL(strlen(name), 254);
}

static void related(void)
{
    char name[DPL_DNS_NAME_TEXT], whole[DPL_DNS_NAME_TEXT];
    CU_ASSERT_TRUE(dpl_dns_name_in("mail.example.org.", "example.org."));
    CU_ASSERT_TRUE(dpl_dns_name_in("example.org.", "example.org."));
    CU_ASSERT_TRUE(dpl_dns_name_in("example.org.", "."));
    CU_ASSERT_FALSE(dpl_dns_name_in("badexample.org.", "example.org."));
    CU_ASSERT_FALSE(dpl_dns_name_in("org.", "example.org."));
    CU_ASSERT_STRING_EQUAL(dpl_dns_name_parent("mail.example.org."), "example.org.");
    CU_ASSERT_STRING_EQUAL(dpl_dns_name_parent("org."), ".");
    CU_ASSERT_EQUAL(dpl_dns_name_labels("mail.example.org."), 3);
    CU_ASSERT_EQUAL(dpl_dns_name_labels("."), 0);
    CU_ASSERT_TRUE(dpl_dns_name_beneath("_doppel", "a.org.", name));
    CU_ASSERT_STRING_EQUAL(name, "_doppel.a.org.");
    memset(whole, 'a', 250);
    whole[250] = '\0';
    CU_ASSERT_FALSE(dpl_dns_name_beneath("_doppel", whole, name));
}

static void reversed(void)
{
    char name[DPL_DNS_NAME_TEXT];
    CU_ASSERT_TRUE(dpl_dns_name_reverse("192.0.2.10", name));
    CU_ASSERT_STRING_EQUAL(name, "10.2.0.192.in-addr.arpa.");
    CU_ASSERT_TRUE(dpl_dns_name_reverse("2001:db8::1:f", name));
    CU_ASSERT_STRING_EQUAL(name, "f.0.0.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
                                 "ip6.arpa.");
    CU_ASSERT_FALSE(dpl_dns_name_reverse("mail", name));
}

static void on_the_wire(void)
{
    uint8_t wire[DPL_DNS_NAME_WIRE];
    CU_ASSERT_EQUAL(dpl_dns_name_wire("ab.c.", wire), 6);
    CU_ASSERT_EQUAL(memcmp(wire, "\002ab\001c", 6), 0);
    CU_ASSERT_EQUAL(dpl_dns_name_wire(".", wire), 1);
    CU_ASSERT_EQUAL(wire[0], 0);
}

static const struct unit_test tests[] = {
    {"names become absolute and lower case", made},
    {"what is no host's or zone's name is refused", refused},
    {"names know their zones, parents and what lies beneath", related},
    {"an address has a reverse name", reversed},
    {"a name goes uncompressed into a message", on_the_wire},
};
UNIT_MAIN(tests)
