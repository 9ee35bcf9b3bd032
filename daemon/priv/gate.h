/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who may have a door: called by doppeld's loop for each connection that it accepted, before it
 * starts anything. Pure: no system calls, no clock.
 *
 * At most 16 doors are open to peers that are not known yet, at most 4 of them to one address; an
 * address (of IPv6 the /64) may come 8 times at once and then once in two seconds. What is over
 * that is closed without a word. Each address that is sent away is named once in ten minutes, with
 * how many there were before. Addresses are remembered in a table of fixed size: who comes from
 * very many pushes out the oldest, and meets the bound of 16.
 */
#ifndef DPL_PRIV_GATE_H
#define DPL_PRIV_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    DPL_GATE_DOORS_MAX = 16,
    DPL_GATE_DOORS_EACH = 4,
    DPL_GATE_BURST = 8,
    DPL_GATE_ADDRESSES = 256,
};

struct dpl_gate_entry {
    uint8_t address[16]; /* IPv4 as mapped; of IPv6 the first 8 bytes */
    int64_t seen_ns;     /* 0: the entry is free */
    int64_t credit_ns;   /* what it may still spend */
    int64_t said_ns;     /* when it was named last; 0: never */
    unsigned unsaid;     /* sent away since then */
    unsigned doors;      /* open to it and not known yet */
};

struct dpl_gate {
    struct dpl_gate_entry entries[DPL_GATE_ADDRESSES];
    unsigned doors;
};

enum dpl_gate_answer {
    DPL_GATE_ADMIT, /* give it a door; call left when it is known, or gone */
    DPL_GATE_DROP,  /* close it */
    DPL_GATE_SAY,   /* close it, and log one line */
};

/* said_r: how many were sent away unsaid, for SAY. */
enum dpl_gate_answer dpl_gate_enter(struct dpl_gate *gate, const struct sockaddr *address,
                                    int64_t now_ns, unsigned *said_r);
/* One that was admitted is known now, which gives its address all credit back, or gone: once for
 * each. */
void dpl_gate_left(struct dpl_gate *gate, const struct sockaddr *address, bool known);
/* What was refused may be welcome now: every address has all its credit again. */
void dpl_gate_forgive(struct dpl_gate *gate);
/* A peer that failed the greeting: whether to log it. Costs as much again. */
bool dpl_gate_failed(struct dpl_gate *gate, const struct sockaddr *address, int64_t now_ns);

#endif
