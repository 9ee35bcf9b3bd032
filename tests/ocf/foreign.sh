#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# virtual-ip: an address that is there and is somebody else's is not taken, and not taken away.
. "${srcdir:-.}/tests/ocf/lib.sh" || exit 1
stage "$@"
other=$(there ip -o link show v1 | mac_of)

# Another machine has it.
run start ip=192.0.2.2
expect 1 "another machine on v0 has 192.0.2.2: its hardware address is $other"
not "it is not set" has 192.0.2.2/24
ok "nothing is left" test -z "$(ls /run/doppel 2>/dev/null)"
run stop ip=192.0.2.2
expect 0
run start ip=2001:db8::2
expect 1 "another machine on v0 has 2001:db8::2: its hardware address is $other"
not "it is not set" has 2001:db8::2/64
run validate-all ip=192.0.2.2 OCF_CHECK_LEVEL=10
expect 0
run validate-all ip=192.0.2.2 OCF_CHECK_LEVEL=20
expect 1 "$other"
run validate-all ip=2001:db8::2 OCF_CHECK_LEVEL=20
expect 1 "$other"
# Another machine that answers late is found by the patient search: it comes after the first question.
sniff_start
OCF_RESKEY_ip=192.0.2.40 OCF_RESKEY_run_arping=true "$agent" start 2>/run/late &
late=$!
grep -q -m1 '^arp request 0.0.0.0 192.0.2.40' <&"$sniff_fd"
there ip addr add 192.0.2.40/24 dev v1
wait $late
ok "the late one is found" test $? = 1
ok "and named" grep -q "$other" /run/late
there ip addr del 192.0.2.40/24 dev v1
sniff_end
# Not asked, not found.
run start ip=192.0.2.2 nodad=true
expect 0
ok "nodad sets it" has 192.0.2.2/24 v0
run stop ip=192.0.2.2
expect 0

# On another interface of this node.
ip link add v8 type veth peer name v9
ip link set v8 up
ip link set v9 up
ip addr add 192.0.2.50/32 dev v8
run start ip=192.0.2.50
expect 1 "192.0.2.50 is on the interface v8 already, not on v0; it is not ours"
run monitor ip=192.0.2.50
expect 7 "on another interface"
run monitor ip=192.0.2.50 CRM_meta_interval=0
reasons_wanted=0 expect 7
run stop ip=192.0.2.50
expect 0 "is left on an interface"
ok "and stop left it alone" has 192.0.2.50/32 v8
run validate-all ip=192.0.2.50 OCF_CHECK_LEVEL=20
expect 1 "v8"

# On the interface, with another prefix.
ip addr add 192.0.2.60/28 dev v0
run start ip=192.0.2.60 nic=v0 cidr_netmask=24
expect 1 "is on v0 already, with the prefix 28, not 24; it is not ours"
run monitor ip=192.0.2.60 nic=v0 cidr_netmask=24
expect 7 "another prefix"
run stop ip=192.0.2.60 nic=v0 cidr_netmask=24
expect 0
ok "it is left alone" has 192.0.2.60/28 v0

# Set by hand where we would set it: ours.
ip addr add 192.0.2.70/24 dev v0
run monitor ip=192.0.2.70
expect 0
run start ip=192.0.2.70
expect 0
run stop ip=192.0.2.70
expect 0
not "gone" has 192.0.2.70/24

# The kernel's own detection found a double: monitor fails, start tries anew and says who has it.
ip -6 addr add 2001:db8::2/64 dev v0
ok "the kernel sees the double address" timeout 20 sh -c \
    'until ip -6 addr show dev v0 dadfailed | grep -q 2001:db8::2/; do :; done'
run monitor ip=2001:db8::2
expect 1 "another machine"
run monitor ip=2001:db8::2 CRM_meta_interval=0
expect 1 "another machine"
run start ip=2001:db8::2
expect 1 "$other"
not "start took the useless one away" has 2001:db8::2/64
# The kernel is still asking, for long enough that it is seen: start waits for its answer.
echo 5 >/proc/sys/net/ipv6/conf/v0/dad_transmits
ip -6 addr add 2001:db8::77/64 dev v0
ok "tentative at first" has 2001:db8::77/64 v0 tentative
run start ip=2001:db8::77
expect 0
not "usable when start returns" has 2001:db8::77/64 v0 tentative
run stop ip=2001:db8::77
expect 0
finish
