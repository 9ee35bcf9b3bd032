#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# virtual-ip: what monitor, probes and start say of links that are down, and what monitor costs.
. "${srcdir:-.}/tests/ocf/lib.sh" || exit 1
stage "$@"

run start ip=192.0.2.10
expect 0
# No carrier: the other end is down.
there ip link set v1 down
run monitor ip=192.0.2.10
expect 1 "the link of v0 is down: it has no carrier"
run monitor ip=192.0.2.10 check_link=false
expect 0
run monitor ip=192.0.2.10 CRM_meta_interval=0
expect 0
run validate-all ip=192.0.2.11 OCF_CHECK_LEVEL=10
expect 0
run validate-all ip=192.0.2.11 OCF_CHECK_LEVEL=20
expect 1 "no carrier"
run stop ip=192.0.2.10
expect 0
run start ip=192.0.2.10
expect 1 "the link of v0 is down: it has no carrier"
not "nothing is set" has 192.0.2.10/24
run start ip=192.0.2.10 check_link=false
expect 0
ok "set, as the link was not to count" has 192.0.2.10/24 v0
there ip link set v1 up
run monitor ip=192.0.2.10
expect 0
# Set down by an administrator: nobody sets it up again.
ip link set v0 down
run monitor ip=192.0.2.10
expect 1 "the link of v0 is down: it is set down"
run stop ip=192.0.2.10
expect 0
run start ip=192.0.2.10 nic=v0 cidr_netmask=24
expect 1 "it is set down"
not "it stays down" grep -q UP <<<"$(ip -o link show v0 | grep -o '<.*>')"
ip link set v0 up

# A bridge has a carrier when a port has one. (Interfaces of other kinds follow the same rule.)
if ip link add b0 type bridge 2>/dev/null; then
    ip link add v8 type veth peer name v9
    ip link set v8 up master b0
    ip link set b0 up
    ip addr add 198.51.100.1/24 dev b0
    run start ip=198.51.100.9
    expect 1 "the link of b0 is down: it has no carrier"
    ip link set v9 up
    ok "the bridge has a carrier" timeout 20 sh -c 'until ip link show b0 | grep -q LOWER_UP; do :; done'
    run start ip=198.51.100.9
    expect 0
    run stop ip=198.51.100.9
    expect 0
    ip link del b0
    ip link del v8
else
    without bridges "the carrier of a bridge"
fi

# Probes find the address with ip alone, and nothing of this host is fatal to them.
run start ip=198.51.100.7 nic=v0 cidr_netmask=25
expect 0
rm /run/doppel/*.state
run monitor ip=198.51.100.7 CRM_meta_interval=0
expect 0
run monitor ip=198.51.100.7 nic=v0 cidr_netmask=x arp_count=x CRM_meta_interval=0
expect 0
run stop ip=198.51.100.7
expect 0
for wrong in nic=nosuch nic=a/b cidr_netmask=x arp_count=x mac=x; do
    run monitor ip=198.51.100.7 "$wrong" CRM_meta_interval=0
    reasons_wanted=0 expect 7
done
run monitor ip=300.1.2.3 CRM_meta_interval=0
expect 6
run monitor ip=198.51.100.7 nic=nosuch
expect 7
run monitor ip=198.51.100.7 arp_count=x
expect 6

# No process is made on the monitor's way, and few things are asked.
run start ip=192.0.2.10 arp_count=1
expect 0
if command -v strace >/dev/null && strace -f true 2>/dev/null; then
    calls=$(env ASAN_OPTIONS=detect_leaks=0 OCF_RESKEY_ip=192.0.2.10 \
        strace -f -e trace=process,network "$agent" monitor 2>&1)
    ok "monitor was traced to its success" grep -q 'exited with 0' <<<"$calls"
    not "monitor makes no process" grep -qE '(clone|clone3|fork|vfork)\(' <<<"$calls"
    ok "two questions to the kernel" test "$(grep -c 'sendto(' <<<"$calls")" = 2
else
    without strace "that monitor makes no process"
fi
run stop ip=192.0.2.10
expect 0
# Without any right it can still look.
run start ip=192.0.2.10 arp_count=1
wrap="setpriv --reuid 65534 --regid 65534 --clear-groups" run monitor ip=192.0.2.10
expect 0
run stop ip=192.0.2.10
finish
