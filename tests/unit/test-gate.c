/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/priv/gate.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define NS_PER_S 1000000000LL

static struct sockaddr_in6 v6(const char *text)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    CU_ASSERT_EQUAL(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    return in6;
}

static enum dpl_gate_answer enter(struct dpl_gate *gate, const char *text, int64_t now_ns)
{
    struct sockaddr_in6 in6 = v6(text);
    unsigned said;
    return dpl_gate_enter(gate, (struct sockaddr *)&in6, now_ns, &said);
}

static void left(struct dpl_gate *gate, const char *text)
{
    struct sockaddr_in6 in6 = v6(text);
    dpl_gate_left(gate, (struct sockaddr *)&in6, false);
}

static void bound_of_all(void)
{
    static struct dpl_gate gate;
    char text[64];
    memset(&gate, 0, sizeof gate);
    for (int i = 0; i < DPL_GATE_DOORS_MAX; i++) {
        snprintf(text, sizeof text, "2001:db8:%x::1", i);
        CU_ASSERT_EQUAL(enter(&gate, text, NS_PER_S), DPL_GATE_ADMIT);
    }
    CU_ASSERT_EQUAL(enter(&gate, "2001:db8:ff::1", NS_PER_S), DPL_GATE_SAY);
    left(&gate, "2001:db8:3::1");
    CU_ASSERT_EQUAL(enter(&gate, "2001:db8:ff::1", NS_PER_S), DPL_GATE_ADMIT);
    CU_ASSERT_EQUAL(enter(&gate, "2001:db8:fe::1", NS_PER_S), DPL_GATE_SAY);
}

static void bound_of_one(void)
{
    static struct dpl_gate gate;
    memset(&gate, 0, sizeof gate);
    for (int i = 0; i < DPL_GATE_DOORS_EACH; i++)
        CU_ASSERT_EQUAL(enter(&gate, "::ffff:192.0.2.1", NS_PER_S), DPL_GATE_ADMIT);
    CU_ASSERT_EQUAL(enter(&gate, "::ffff:192.0.2.1", NS_PER_S), DPL_GATE_SAY);
    CU_ASSERT_EQUAL(enter(&gate, "::ffff:192.0.2.1", NS_PER_S), DPL_GATE_DROP);
    CU_ASSERT_EQUAL(enter(&gate, "::ffff:192.0.2.2", NS_PER_S), DPL_GATE_ADMIT);
    /* the same address as IPv4 alone */
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)};
    unsigned said;
    CU_ASSERT_EQUAL(dpl_gate_enter(&gate, (struct sockaddr *)&in, NS_PER_S, &said), DPL_GATE_DROP);
}

/* Whoever comes and goes without end is let in once in two seconds, and named once in ten minutes.
 */
static void rate(void)
{
    static struct dpl_gate gate;
    int admitted = 0, said = 0;
    memset(&gate, 0, sizeof gate);
    for (int i = 0; i < 12000; i++) { /* 20 minutes, ten a second, from a network */
        int64_t now_ns = NS_PER_S + i * (NS_PER_S / 10);
        enum dpl_gate_answer answer = enter(&gate, i % 2 ? "2001:db8::1" : "2001:db8::2", now_ns);
        if (answer == DPL_GATE_ADMIT)
            left(&gate, "2001:db8::1");
        admitted += answer == DPL_GATE_ADMIT;
        said += answer == DPL_GATE_SAY;
    }
    CU_ASSERT_TRUE(admitted >= 600 && admitted <= 600 + DPL_GATE_BURST);
    CU_ASSERT_EQUAL(said, 2);
}

static void failures(void)
{
    static struct dpl_gate gate;
    struct sockaddr_in6 in6 = v6("2001:db8::7");
    const struct sockaddr *address = (const struct sockaddr *)&in6;
    memset(&gate, 0, sizeof gate);
    for (int i = 0; i < DPL_GATE_BURST / 2; i++) {
        CU_ASSERT_EQUAL(enter(&gate, "2001:db8::7", NS_PER_S), DPL_GATE_ADMIT);
        CU_ASSERT_EQUAL(dpl_gate_failed(&gate, address, NS_PER_S), i == 0);
        dpl_gate_left(&gate, address, false);
    }
    CU_ASSERT_EQUAL(enter(&gate, "2001:db8::7", NS_PER_S), DPL_GATE_DROP);
    CU_ASSERT_EQUAL(enter(&gate, "2001:db8::7", 4 * NS_PER_S), DPL_GATE_ADMIT);
    dpl_gate_left(&gate, address, false);
    CU_ASSERT_EQUAL(enter(&gate, "2001:db8::7", 4 * NS_PER_S), DPL_GATE_DROP);
    dpl_gate_forgive(&gate);
    CU_ASSERT_EQUAL(enter(&gate, "2001:db8::7", 4 * NS_PER_S), DPL_GATE_ADMIT);
}

/* A site with many sets comes as often as it likes. */
static void known_ones(void)
{
    static struct dpl_gate gate;
    struct sockaddr_in6 in6 = v6("2001:db8::7");
    memset(&gate, 0, sizeof gate);
    for (int i = 0; i < 1000; i++) {
        CU_ASSERT_EQUAL(enter(&gate, "2001:db8::7", NS_PER_S), DPL_GATE_ADMIT);
        dpl_gate_left(&gate, (struct sockaddr *)&in6, true);
    }
}

/* A flood from very many addresses costs a table of fixed size, and no more than 16 doors. */
static void flood(void)
{
    static struct dpl_gate gate;
    char text[64];
    unsigned admitted = 0;
    memset(&gate, 0, sizeof gate);
    for (int i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, "2001:db8:%x::1", i);
        admitted += enter(&gate, text, NS_PER_S + i) == DPL_GATE_ADMIT;
    }
    CU_ASSERT_EQUAL(admitted, DPL_GATE_DOORS_MAX);
    for (int i = 0; i < DPL_GATE_DOORS_MAX; i++) { /* those with doors were not forgotten */
        snprintf(text, sizeof text, "2001:db8:%x::1", i);
        left(&gate, text);
    }
    CU_ASSERT_EQUAL(gate.doors, 0);
}

static const struct unit_test tests[] = {
    {"doors of unknown peers are bounded", bound_of_all},
    {"one address gets its share of them alone", bound_of_one},
    {"one that comes without end is let in now and then, and named now and then", rate},
    {"one that fails again and again waits until it is forgiven, and is named once", failures},
    {"one that becomes known is not held up", known_ones},
    {"a flood from everywhere meets the bound", flood},
};
UNIT_MAIN(tests)
