/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/priv/gate.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#define NS_PER_S  1000000000LL
#define EACH_NS   (2 * NS_PER_S)
#define FULL_NS   (DPL_GATE_BURST * EACH_NS)
#define SILENT_NS (600 * NS_PER_S)

enum { PREFIX_BYTES = 8 };

static void key_of(const struct sockaddr *address, uint8_t key[16])
{
    memset(key, 0, 16);
    if (address->sa_family == AF_INET) {
        key[10] = key[11] = 0xff;
        memcpy(key + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        const struct in6_addr *in6 =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        memcpy(key, in6, IN6_IS_ADDR_V4MAPPED(in6) ? 16 : PREFIX_BYTES);
    }
}

static struct dpl_gate_entry *find(struct dpl_gate *gate, const uint8_t key[16])
{
    for (size_t i = 0; i < DPL_GATE_ADDRESSES; i++) {
        struct dpl_gate_entry *entry = &gate->entries[i];
        if (entry->seen_ns && memcmp(entry->address, key, 16) == 0)
            return entry;
    }
    return NULL;
}

/* A free entry, or the one that was not seen for longest; of those with doors none. */
static struct dpl_gate_entry *oldest(struct dpl_gate *gate)
{
    struct dpl_gate_entry *best = NULL;
    for (size_t i = 0; i < DPL_GATE_ADDRESSES; i++) {
        struct dpl_gate_entry *entry = &gate->entries[i];
        if (entry->doors == 0 && (!best || entry->seen_ns < best->seen_ns))
            best = entry;
    }
    return best; /* there are more entries than doors */
}

static struct dpl_gate_entry *visit(struct dpl_gate *gate, const struct sockaddr *address,
                                    int64_t now_ns)
{
    uint8_t key[16];
    key_of(address, key);
    struct dpl_gate_entry *entry = find(gate, key);
    if (!entry) {
        entry = oldest(gate);
        *entry = (struct dpl_gate_entry){.seen_ns = now_ns, .credit_ns = FULL_NS};
        memcpy(entry->address, key, 16);
    }
    entry->credit_ns += now_ns - entry->seen_ns;
    if (entry->credit_ns > FULL_NS)
        entry->credit_ns = FULL_NS;
    entry->seen_ns = now_ns;
    return entry;
}

/* Whether it is to be named now. */
static bool say(struct dpl_gate_entry *entry, int64_t now_ns)
{
    if (entry->said_ns && now_ns - entry->said_ns < SILENT_NS) {
        entry->unsaid++;
        return false;
    }
    entry->said_ns = now_ns;
    return true;
}

enum dpl_gate_answer dpl_gate_enter(struct dpl_gate *gate, const struct sockaddr *address,
                                    int64_t now_ns, unsigned *said_r)
{
    struct dpl_gate_entry *entry = visit(gate, address, now_ns);
    if (gate->doors < DPL_GATE_DOORS_MAX && entry->doors < DPL_GATE_DOORS_EACH &&
        entry->credit_ns >= EACH_NS) {
        entry->credit_ns -= EACH_NS;
        entry->doors++;
        gate->doors++;
        return DPL_GATE_ADMIT;
    }
    if (!say(entry, now_ns))
        return DPL_GATE_DROP;
    *said_r = entry->unsaid;
    entry->unsaid = 0;
    return DPL_GATE_SAY;
}

void dpl_gate_left(struct dpl_gate *gate, const struct sockaddr *address, bool known)
{
    uint8_t key[16];
    key_of(address, key);
    struct dpl_gate_entry *entry = find(gate, key);
    if (!entry || entry->doors == 0)
        return;
    entry->doors--;
    gate->doors--;
    if (known)
        entry->credit_ns = FULL_NS;
}

void dpl_gate_forgive(struct dpl_gate *gate)
{
    for (size_t i = 0; i < DPL_GATE_ADDRESSES; i++)
        gate->entries[i].credit_ns = FULL_NS;
}

bool dpl_gate_failed(struct dpl_gate *gate, const struct sockaddr *address, int64_t now_ns)
{
    struct dpl_gate_entry *entry = visit(gate, address, now_ns);
    entry->credit_ns -= entry->credit_ns < EACH_NS ? entry->credit_ns : EACH_NS;
    return say(entry, now_ns);
}
