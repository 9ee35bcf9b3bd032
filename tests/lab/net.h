/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The networks. Each site has a LAN (a bridge in the supervisor's network namespace); each pair of
 * sites has a wire of its own. A routed WAN ends the wires in a router of each site; a bridged one
 * plugs them into the LANs, where they do not forward to each other (so there is no loop).
 *
 *     host eth0 ── p-a1 │ lan-a │ ── wan-b of router a, or s-ab ── w-ab │ wire-ab │ w-ba ── site b
 *
 * Site x is 10.71.X.0/24 and fd71:0:0:X::/64, host n has n, the router 254 or fe. On a bridged WAN
 * the same addresses lie in 10.71.0.0/16 and fd71::/48.
 */
#ifndef DPL_LAB_NET_H
#define DPL_LAB_NET_H

#include "tests/lab/lab.h"

int lab_net_make(struct lab *lab, struct dpl_err *err);
/* The host's cable, when it boots; it stays cut if it was. */
int lab_net_plug(const struct lab *lab, const struct lab_host *host, struct dpl_err *err);
void lab_net_unplug(const struct lab_host *host);
/* Puts host->cut_in, cut_out and unplugged into effect. */
int lab_net_apply_lan(const struct lab_host *host, struct dpl_err *err);
/* Puts wire->cut_forth, cut_back and rate into effect. */
int lab_net_apply_wire(const struct lab_wire *wire, struct dpl_err *err);
/* Takes the wire apart for a relay between its two ports, and together again. */
int lab_net_wire_open(const struct lab_wire *wire, struct dpl_err *err);
int lab_net_wire_close(const struct lab_wire *wire, struct dpl_err *err);
void lab_net_wire_ports(const struct lab_wire *wire, char from[16], char to[16]);

/* What a host's init does about its own addresses. */
int lab_net_host_setup(const struct lab_plan *plan, const struct lab_host_plan *host,
                       struct dpl_err *err);
void lab_net_address(int site, int number, char *text, size_t size);
void lab_net_address6(int site, int number, char *text, size_t size);

#endif
