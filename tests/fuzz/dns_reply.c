/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Replies of name servers of any content: what is read of them is made of whole texts, and none is
 * ever taken for signed by a key that its maker has not. The first byte chooses the algorithm.
 */
#include "lib/dns/message.h"
#include "lib/dns/tsig.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(const struct dpl_dns_rrs *rrs)
{
    for (size_t i = 0; i < rrs->count; i++) {
        g_autofree char *text = dpl_dns_rr_text(&rrs->items[i]);
        g_assert(rrs->items[i].name[0] && rrs->items[i].data[0] && !strpbrk(text, "\r\n"));
    }
}

static void check_reply(const uint8_t *bytes, size_t size)
{
    struct dpl_dns_reply reply;
    struct dpl_err err = {0};
    int code = dpl_dns_message_parse(bytes, size, &reply, &err);
    if (code < 0) {
        g_assert(code == DPL_E_CORRUPT && err.text[0] && reply.answer.count == 0);
        return;
    }
    check_list(&reply.answer);
    check_list(&reply.authority);
    g_assert(dpl_dns_rcode_name(reply.rcode));
    dpl_dns_reply_done(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const algorithms[] = {"hmac-md5",    "hmac-sha1",   "hmac-sha224",
                                             "hmac-sha256", "hmac-sha384", "hmac-sha512"};
    static const struct dpl_dns_mac mac = {.bytes = "0123456789abcdef", .size = 16};
    static struct dpl_dns_wire request;
    struct dpl_dns_key key;
    struct dpl_err err = {0};
    if (size == 0)
        return 0;
    g_autofree char *text = g_strdup_printf("key a { algorithm %s; secret c2VjcmV0; };",
                                            algorithms[data[0] % G_N_ELEMENTS(algorithms)]);
    g_assert(dpl_dns_key_parse("key", text, &key, &err) == DPL_OK);
    if (!request.bytes)
        g_assert(dpl_dns_message_query(0, "a.", DPL_DNS_A, false, &request, NULL) == DPL_OK);
    (void)dpl_dns_message_answers(data + 1, size - 1, &request);
    check_reply(data + 1, size - 1);
    int code = dpl_dns_tsig_check(&key, 0, data + 1, size - 1, &mac, &err);
    g_assert(code < 0 && err.text[0]);
    return 0;
}
