#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# virtual-ip: an address comes, is announced, and goes; each parameter has its effect.
. "${srcdir:-.}/tests/ocf/lib.sh" || exit 1
stage "$@"

# IPv4 by route, and all of it again.
run monitor ip=192.0.2.10
expect 7 "192.0.2.10 is not set"
run start ip=192.0.2.10
expect 0
ok "prefix and broadcast come from the route and the other address" has 192.0.2.10/24 v0 brd 192.0.2.255 secondary
run monitor ip=192.0.2.10
expect 0
run start ip=192.0.2.10
expect 0
ok "still there once" test "$(ip -o addr show to 192.0.2.10 | wc -l)" = 1
run stop ip=192.0.2.10
expect 0
not "gone" has 192.0.2.10/24
ok "nothing is left of it in /run" test -z "$(ls /run/doppel)"
run stop ip=192.0.2.10
expect 0
run monitor ip=192.0.2.10
expect 7

# IPv6, usable at once: no state of tentative.
run start ip=2001:db8:0::0010
expect 0
ok "IPv6 is set" has 2001:db8::10/64 v0
not "and is not tentative" has 2001:db8::10/64 v0 tentative
run monitor ip=2001:DB8::10
expect 0
run stop ip=2001:db8::10
expect 0
not "IPv6 is gone" has 2001:db8::10/64

# Named interface, prefix in both forms, broadcast in all forms, label in both forms.
run start ip=198.51.100.7 nic=v0 cidr_netmask=255.255.255.128 iflabel=mail broadcast=-
expect 0
ok "mask, label and broadcast" has 198.51.100.7/25 v0 brd 198.51.100.0 v0:mail
run stop ip=198.51.100.7 nic=v0 cidr_netmask=255.255.255.128
expect 0
not "labelled address is gone" has 198.51.100.7/25
run start ip=198.51.100.7 nic=v0:web cidr_netmask=24 broadcast=+
expect 0
ok "label in nic" has 198.51.100.7/24 v0 brd 198.51.100.255 v0:web
ok "a route to the prefix" test -n "$(ip route show 198.51.100.0/24)"
run stop ip=198.51.100.7 nic=v0 cidr_netmask=24
expect 0
run start ip=198.51.100.7 nic=v0 cidr_netmask=24 broadcast=198.51.100.99 noprefixroute=yes
expect 0
ok "broadcast as given" has 198.51.100.7/24 v0 brd 198.51.100.99
ok "no route to the prefix" test -z "$(ip route show 198.51.100.0/24)"
run monitor ip=198.51.100.7 nic=v0
expect 0
run stop ip=198.51.100.7
expect 0
not "gone without nic and prefix too" has 198.51.100.7/24
run start ip=192.0.2.10 cidr_netmask=32
expect 0
ok "a host prefix by route" has 192.0.2.10/32 v0
run monitor ip=192.0.2.10 cidr_netmask=32
expect 0
run stop ip=192.0.2.10 cidr_netmask=32
expect 0

# The interface of an address whose network makes no route.
ip addr add 203.0.113.1/24 dev v0 noprefixroute
run start ip=203.0.113.9
expect 0
ok "found by another address" has 203.0.113.9/24 v0
run stop ip=203.0.113.9
expect 0
# The more specific route wins.
ip link add v8 type veth peer name v9
ip link set v8 up
ip link set v9 up
ip addr add 192.0.2.129/26 dev v8
run start ip=192.0.2.140
expect 0
ok "the most specific route" has 192.0.2.140/26 v8
run stop ip=192.0.2.140
expect 0
ip link del v8

# Lifetimes of IPv6, at start and by reload-agent.
run start ip=2001:db8::11 preferred_lft=0
expect 0
ok "deprecated from the start" has 2001:db8::11/64 v0 deprecated
run reload-agent ip=2001:db8::11 preferred_lft=forever
expect 0
not "no more after reload" has 2001:db8::11/64 v0 deprecated
run stop ip=2001:db8::11
expect 0
run reload-agent ip=2001:db8::11
expect 7
# noprefixroute for IPv6
run start ip=2001:db8:7::1 nic=v0 cidr_netmask=64 noprefixroute=1
expect 0
ok "no route to the IPv6 prefix" test -z "$(ip -6 route show 2001:db8:7::/64)"
run stop ip=2001:db8:7::1 nic=v0 cidr_netmask=64
expect 0
# Loopback, where nobody is asked or told.
run start ip=127.0.0.9
expect 0
ok "on the loopback" has 127.0.0.9/8 lo
run stop ip=127.0.0.9
expect 0
# A link-local address, which the neighbour's link has too.
run start ip=fe80::99 nic=v0
expect 0
ok "link-local" has fe80::99/64 v0
run stop ip=fe80::99 nic=v0
expect 0

# What has no effect is said.
run start ip=192.0.2.10 preferred_lft=0
expect 0 "preferred_lft has no effect"
run stop ip=192.0.2.10
run start ip=2001:db8::10 iflabel=x
expect 0 "iflabel has no effect"
run stop ip=2001:db8::10
run start ip=192.0.2.10 arp_cuont=3
expect 0 "parameter arp_cuont is not known"
run stop ip=192.0.2.10

finish
