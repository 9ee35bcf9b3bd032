/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/dns/message.h"
#include "lib/dns/name.h"
#include "lib/dns/tsig.h"
#include "tests/unit/unit.h"

#include <glib.h>
#include <string.h>

static struct dpl_dns_key make_key(const char *name, const char *algorithm, const char *secret)
{
    struct dpl_dns_key key;
    g_autofree char *text =
        g_strdup_printf("key %s { algorithm %s; secret %s; };", name, algorithm, secret);
    CU_ASSERT_EQUAL_FATAL(dpl_dns_key_parse("key", text, &key, NULL), DPL_OK);
    return key;
}

static void a_query(void)
{
    struct dpl_dns_wire wire;
    static const uint8_t expected[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01"
                                      "\x04mail\x03org\x00\x00\x1c\x00\x01"
                                      "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00";
    CU_ASSERT_EQUAL(dpl_dns_message_query(0x1234, "mail.org.", DPL_DNS_AAAA, true, &wire, NULL),
                    DPL_OK);
    CU_ASSERT_EQUAL(wire.size, sizeof expected);
    CU_ASSERT_EQUAL(memcmp(wire.bytes, expected, sizeof expected), 0);
    dpl_dns_wire_done(&wire);
}

static void an_update(void)
{
    struct dpl_dns_update update = {.zone = g_strdup("org.")};
    struct dpl_dns_wire wire;
    static const uint8_t expected[] =
        "\x00\x07\x28\x00\x00\x01\x00\x03\x00\x02\x00\x00"
        "\x03org\x00\x00\x06\x00\x01"
        "\x01\x61\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\xc0\x00\x02\x01"
        "\xc0\x15\x00\x1c\x00\xfe\x00\x00\x00\x00\x00\x00"
        "\x01\x62\xc0\x0c\x00\xff\x00\xfe\x00\x00\x00\x00\x00\x00"
        "\xc0\x15\x00\x01\x00\xfe\x00\x00\x00\x00\x00\x04\xc0\x00\x02\x01"
        "\xc0\x15\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xc0\x00\x02\x02";
    dpl_dns_update_add(&update, DPL_DNS_SAME, "a.org.", DPL_DNS_A, 300, "192.0.2.1");
    dpl_dns_update_add(&update, DPL_DNS_NONE, "a.org.", DPL_DNS_AAAA, 0, NULL);
    dpl_dns_update_add(&update, DPL_DNS_UNUSED, "b.org.", 0, 0, NULL);
    CU_ASSERT_FALSE(dpl_dns_update_changes(&update));
    dpl_dns_update_add(&update, DPL_DNS_REMOVE, "a.org.", DPL_DNS_A, 300, "192.0.2.1");
    dpl_dns_update_add(&update, DPL_DNS_ADD, "a.org.", DPL_DNS_A, 300, "192.0.2.2");
    CU_ASSERT_TRUE(dpl_dns_update_changes(&update));
    CU_ASSERT_EQUAL(dpl_dns_message_update(7, &update, &wire, NULL), DPL_OK);
    CU_ASSERT_EQUAL_FATAL(wire.size, sizeof expected - 1);
    CU_ASSERT_EQUAL(memcmp(wire.bytes, expected, wire.size), 0);
    /* Read again, the rows of other classes are passed by. */
    struct dpl_dns_reply reply;
    wire.bytes[2] |= 0x80;
    CU_ASSERT_EQUAL(dpl_dns_message_parse(wire.bytes, wire.size, &reply, NULL), DPL_OK);
    CU_ASSERT_EQUAL(reply.answer.count, 1);
    CU_ASSERT_EQUAL(reply.authority.count, 1);
    CU_ASSERT_STRING_EQUAL(reply.authority.items[0].data, "192.0.2.2");
    CU_ASSERT_EQUAL(reply.authority.items[0].ttl_s, 300);
    dpl_dns_reply_done(&reply);
    dpl_dns_wire_done(&wire);
    dpl_dns_update_done(&update);
}

static void too_large(void)
{
    struct dpl_dns_update update = {.zone = g_strdup("org.")};
    struct dpl_dns_wire wire;
    struct dpl_err err = {0};
    for (int i = 0; i < DPL_DNS_UPDATE_ROWS; i++)
        dpl_dns_update_add(&update, DPL_DNS_ADD, "a.org.", DPL_DNS_A, 300, "192.0.2.1");
    CU_ASSERT_EQUAL(dpl_dns_message_update(7, &update, &wire, &err), DPL_OK);
    dpl_dns_wire_done(&wire);
    dpl_dns_update_add(&update, DPL_DNS_ADD, "a.org.", DPL_DNS_A, 300, "192.0.2.1");
    CU_ASSERT_EQUAL(dpl_dns_message_update(7, &update, &wire, &err), DPL_E_TOO_LARGE);
    dpl_dns_update_done(&update);
    update.zone = g_strdup("org.");
    char name[DPL_DNS_NAME_TEXT];
    memset(name, 'a', 50);
    strcpy(name + 50, ".org.");
    for (int i = 0; i < 299; i++)
        dpl_dns_update_add(&update, DPL_DNS_ADD, name, DPL_DNS_TXT, 300,
                           "\"................................................................\"");
    CU_ASSERT_EQUAL(dpl_dns_message_update(7, &update, &wire, &err), DPL_E_TOO_LARGE);
    dpl_dns_update_done(&update);
}

static void what_answers(void)
{
    struct dpl_dns_wire wire;
    dpl_dns_message_query(0x1234, "mail.org.", DPL_DNS_A, false, &wire, NULL);
    g_autofree uint8_t *reply = g_memdup2(wire.bytes, wire.size);
    CU_ASSERT_FALSE(dpl_dns_message_answers(reply, wire.size, &wire)); /* a question */
    reply[2] |= 0x80;
    CU_ASSERT_TRUE(dpl_dns_message_answers(reply, wire.size, &wire));
    reply[13] = 'M';
    CU_ASSERT_TRUE(dpl_dns_message_answers(reply, wire.size, &wire));
    for (size_t size = 0; size < 26; size++)
        CU_ASSERT_FALSE(dpl_dns_message_answers(reply, size, &wire));
    static const struct {
        size_t at;
        uint8_t bits;
    } wrong[] = {{0, 1}, {1, 1}, {2, 0x28}, {5, 2}, {13, 1}, {23, 1}, {25, 2}};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        reply[wrong[i].at] ^= wrong[i].bits;
        CU_ASSERT_FALSE(dpl_dns_message_answers(reply, wire.size, &wire));
        reply[wrong[i].at] ^= wrong[i].bits;
    }
    /* An error may leave the question out, an answer may not. */
    reply[5] = 0;
    CU_ASSERT_FALSE(dpl_dns_message_answers(reply, 12, &wire));
    reply[3] = 1;
    CU_ASSERT_TRUE(dpl_dns_message_answers(reply, 12, &wire));
    dpl_dns_wire_done(&wire);
}

static void records_read(void)
{
    static const uint8_t bytes[] =
        "\x00\x07\x85\x00\x00\x00\x00\x05\x00\x01\x00\x00"
        "\x04Mail\x03org\x00\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xc0\x00\x02\x01"
        "\xc0\x0c\x00\x1c\x00\x01\x00\x00\x01\x2c\x00\x10\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00"
        "\x00\x00\x00\x00\x00\x01"
        "\xc0\x0c\x00\x0f\x00\x01\x00\x00\x01\x2c\x00\x04\x00\x0a\xc0\x0c"
        "\xc0\x0c\x00\x10\x00\x01\x00\x00\x01\x2c\x00\x06\x03\x61\"b\x01\x63"
        "\xc0\x0c\xff\x00\x00\x01\x00\x00\x01\x2c\x00\x01x" /* of no interest */
        "\xc0\x11\x00\x06\x00\x01\x00\x00\x01\x2c\x00\x18\xc0\x0c\xc0\x11\x00\x00\x00\x01\x00\x00"
        "\x00\x02\x00\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00\x05";
    static const char *const expected[] = {"192.0.2.1", "2001:db8::1", "10 mail.org.",
                                           "\"a\\\"b\" \"c\""};
    struct dpl_dns_reply reply;
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL_FATAL(dpl_dns_message_parse(bytes, sizeof bytes - 1, &reply, &err), DPL_OK);
    CU_ASSERT_TRUE(reply.authoritative);
    CU_ASSERT_FALSE(reply.truncated);
    CU_ASSERT_EQUAL_FATAL(reply.answer.count, 4);
    for (size_t i = 0; i < 4; i++) {
        CU_ASSERT_STRING_EQUAL(reply.answer.items[i].name, "mail.org.");
        CU_ASSERT_STRING_EQUAL(reply.answer.items[i].data, expected[i]);
    }
    CU_ASSERT_EQUAL_FATAL(reply.authority.count, 1);
    CU_ASSERT_STRING_EQUAL(reply.authority.items[0].data, "mail.org. org. 1 2 3 4 5");
    CU_ASSERT_STRING_EQUAL(reply.authority.items[0].name, "org.");
    dpl_dns_reply_done(&reply);
    for (size_t size = 0; size < sizeof bytes - 1; size++) {
        int code = dpl_dns_message_parse(bytes, size, &reply, &err);
        CU_ASSERT_EQUAL(code, DPL_E_CORRUPT);
    }
}

static void lines(void)
{
    struct dpl_dns_rrs rrs = {0};
    static const char *const good[] = {"mail.org. 300 A 192.0.2.1", "org. 0 MX 10 mail.org.",
                                       "_doppel.mail.org. 60 TXT \"site=a generation=1\""};
    static const char *const bad[] = {"",
                                      "mail.org.",
                                      "mail.org. 300 A",
                                      "mail.org. 300 A ",
                                      "mail.org. 300 NS x.",
                                      "mail.org. x A 192.0.2.1",
                                      "-. 300 A 192.0.2.1"};
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        CU_ASSERT_TRUE_FATAL(dpl_dns_rr_parse(good[i], &rrs));
        g_autofree char *text = dpl_dns_rr_text(&rrs.items[i]);
        CU_ASSERT_STRING_EQUAL(text, good[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        CU_ASSERT_FALSE(dpl_dns_rr_parse(bad[i], &rrs));
    CU_ASSERT_EQUAL(rrs.count, 3);
    CU_ASSERT_EQUAL(dpl_dns_rrs_count(&rrs, "org.", DPL_DNS_MX), 1);
    dpl_dns_rrs_done(&rrs);
}

/* Changes each byte of a signed message in turn: none of them passes. */
static void check_each_byte(const struct dpl_dns_key *key, struct dpl_dns_wire *wire,
                            const struct dpl_dns_mac *request)
{
    for (size_t i = 0; i < wire->size; i++) {
        wire->bytes[i] ^= 0x04;
        /* The number may be changed on the way; what it was is in the signature. */
        int code = dpl_dns_tsig_check(key, 1000, wire->bytes, wire->size, request, NULL);
        CU_ASSERT_EQUAL(code == DPL_OK, i < 2);
        wire->bytes[i] ^= 0x04;
    }
}

/* Any message that is signed with what came before as its request's MAC is a reply to that. */
static void signatures(void)
{
    static const char *const algorithms[] = {"hmac-md5",    "hmac-sha1",   "hmac-sha224",
                                             "hmac-sha256", "hmac-sha384", "hmac-sha512"};
    for (size_t i = 0; i < G_N_ELEMENTS(algorithms); i++) {
        struct dpl_dns_key key = make_key("site.key", algorithms[i], "c2VjcmV0");
        struct dpl_dns_wire wire;
        struct dpl_dns_mac mac;
        struct dpl_err err = {0};
        dpl_dns_message_query(7, "mail.org.", DPL_DNS_A, false, &wire, NULL);
        size_t plain = wire.size;
        CU_ASSERT_EQUAL(dpl_dns_tsig_sign(&key, 1000, &wire, &mac, &err), DPL_OK);
        CU_ASSERT_EQUAL(mac.size, key.algorithm->size);
        CU_ASSERT_EQUAL(wire.bytes[11], 2); /* EDNS and the signature */
        CU_ASSERT_EQUAL(dpl_dns_tsig_check(&key, 1000, wire.bytes, wire.size, NULL, &err), DPL_OK);
        CU_ASSERT_EQUAL(dpl_dns_tsig_check(&key, 1300, wire.bytes, wire.size, NULL, &err), DPL_OK);
        CU_ASSERT_EQUAL(dpl_dns_tsig_check(&key, 1301, wire.bytes, wire.size, NULL, &err),
                        DPL_E_REFUSED);
        CU_ASSERT_EQUAL(dpl_dns_tsig_check(&key, 699, wire.bytes, wire.size, NULL, &err),
                        DPL_E_REFUSED);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "clocks"));
        /* As the answer to another request it is wrong. */
        CU_ASSERT_EQUAL(dpl_dns_tsig_check(&key, 1000, wire.bytes, wire.size, &mac, &err),
                        DPL_E_CORRUPT);
        check_each_byte(&key, &wire, NULL);
        for (size_t size = 0; size < wire.size; size++)
            CU_ASSERT_EQUAL(dpl_dns_tsig_check(&key, 1000, wire.bytes, size, NULL, &err),
                            DPL_E_CORRUPT);
        wire.bytes[11] = 1;
        CU_ASSERT_EQUAL(dpl_dns_tsig_check(&key, 1000, wire.bytes, plain, NULL, &err),
                        DPL_E_CORRUPT);
        CU_ASSERT_STRING_EQUAL(err.text, "the reply is not signed");
        dpl_dns_wire_done(&wire);
    }
}

static void other_keys(void)
{
    struct dpl_dns_key key = make_key("site.key", "hmac-sha256", "c2VjcmV0");
    struct dpl_dns_key others[] = {make_key("site.kez", "hmac-sha256", "c2VjcmV0"),
                                   make_key("site.key", "hmac-sha1", "c2VjcmV0"),
                                   make_key("site.key", "hmac-sha256", "c2VjcmV1")};
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        struct dpl_dns_wire wire;
        struct dpl_dns_mac mac;
        dpl_dns_message_query(7, "mail.org.", DPL_DNS_A, false, &wire, NULL);
        CU_ASSERT_EQUAL(dpl_dns_tsig_sign(&others[i], 1000, &wire, &mac, NULL), DPL_OK);
        CU_ASSERT_EQUAL(dpl_dns_tsig_check(&key, 1000, wire.bytes, wire.size, NULL, NULL),
                        DPL_E_CORRUPT);
        dpl_dns_wire_done(&wire);
    }
}

static const struct unit_test tests[] = {
    {"a query asks one question and names a size", a_query},
    {"an update holds prerequisites and changes by their classes", an_update},
    {"an update past its bounds is refused before libldns sees it", too_large},
    {"only the reply to this question answers it", what_answers},
    {"records become texts that can be compared, cut ones are refused", records_read},
    {"a record is a line and back", lines},
    {"a signature holds for every byte, its request and its time", signatures},
    {"another key's signature does not count", other_keys},
};
UNIT_MAIN(tests)
