#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# virtual-ip: stop succeeds when the address is gone, and only then; it takes nothing else along.
. "${srcdir:-.}/tests/ocf/lib.sh" || exit 1
stage "$@"

# With a configuration that has gone bad in every other way.
for wrong in nic=nosuch nic=a/b cidr_netmask=99 cidr_netmask=x broadcast=x iflabel=thisisfartoolong \
    arp_count=-1 arp_interval=x arp_bg=perhaps preferred_lft=x check_link=x lvs_support=true mac=x \
    nodad=x noprefixroute=x preferred_source=x run_arping=x arp_count_refresh=x clusterip_hash=x; do
    run start ip=192.0.2.10
    expect 0
    run stop ip=192.0.2.10 "$wrong"
    expect 0
    not "gone in spite of $wrong" has 192.0.2.10/24
done
# Without a readable ip: what start has written down is stopped; else there is nothing to stop.
for wrong in ip=300.1.2.3 ip=; do
    run start ip=192.0.2.10
    expect 0
    run stop "$wrong"
    expect 0
    not "gone in spite of $wrong" has 192.0.2.10/24
    run stop "$wrong"
    expect 0 "nothing to stop"
done
# An earlier ip goes with the present one.
run start ip=192.0.2.10
expect 0
run stop ip=192.0.2.11
expect 0
not "the earlier address is gone" has 192.0.2.10/24
# A better route has come since, by another interface: what start wrote down still finds it.
run start ip=192.0.2.10
ip link add v8 type veth peer name v9
ip link set v8 up
ip link set v9 up
ip addr add 192.0.2.3/28 dev v8
run monitor ip=192.0.2.10
expect 0
run stop ip=192.0.2.10
expect 0
not "found where it was put" has 192.0.2.10/24
ip link del v8
# A state that is damaged or lost.
run start ip=192.0.2.10
echo 'garbage' >/run/doppel/virtual-ip-vip.state
run monitor ip=192.0.2.10
expect 0
run stop ip=192.0.2.10
expect 0
not "gone without a state" has 192.0.2.10/24
run start ip=192.0.2.10
rm -r /run/doppel
run stop ip=192.0.2.10 nic=nosuch
expect 0
not "gone without state and interface" has 192.0.2.10/24
# By hand, without a resource's name.
run start ip=192.0.2.10 OCF_RESOURCE_INSTANCE=
expect 0
run stop ip=192.0.2.10 nic=nosuch OCF_RESOURCE_INSTANCE=
expect 0
not "gone by hand" has 192.0.2.10/24

# Things that went away meanwhile.
run start ip=192.0.2.10
ip addr del 192.0.2.10/24 dev v0
run stop ip=192.0.2.10
expect 0
run start ip=192.0.2.10
ip addr del 192.0.2.1/24 dev v0
run stop ip=192.0.2.10
expect 0
not "the base address went first" has 192.0.2.10/24
ip addr add 192.0.2.1/24 brd + dev v0
run start ip=192.0.2.10 nic=v0
ip link set v0 down
ip link set v0 name was0
run monitor ip=192.0.2.10 nic=v0 check_link=false
expect 0
run stop ip=192.0.2.10 nic=v0
expect 0
not "the interface has another name" has 192.0.2.10/24
ip link set was0 name v0
ip link set v0 up
run start ip=192.0.2.10
ip link del v0
run stop ip=192.0.2.10
expect 0
run stop ip=192.0.2.10 nic=v0
expect 0
run monitor ip=192.0.2.10 nic=v0 CRM_meta_interval=0
reasons_wanted=0 expect 7
run monitor ip=192.0.2.10 nic=v0
expect 7
rewire

# What cannot be removed is a failure.
run start ip=192.0.2.10
wrap="setpriv --bounding-set -net_admin --inh-caps -net_admin" run stop ip=192.0.2.10
if has 192.0.2.10/24; then expect 4 "Operation not permitted"; else bad "setpriv took no rights"; fi
run stop ip=192.0.2.10
expect 0

# Ours is the first of its network: the kernel would take the others along.
others() {
    has 203.0.113.20/24 v0 v0:keep && has 203.0.113.21/24 v0
}
first_of_its_network() {
    run start ip=203.0.113.10 nic=v0 cidr_netmask=24
    expect 0
    ip addr add 203.0.113.20/24 brd + dev v0 label v0:keep
    ip addr add 203.0.113.21/24 dev v0
    ok "the others are behind ours" has 203.0.113.20/24 v0 secondary
    run stop ip=203.0.113.10 nic=v0
    expect 0 "$1"
    not "ours is gone" has 203.0.113.10/24
    ok "the others stay" others
    ip addr flush dev v0 to 203.0.113.0/24
}
ok "the kernel would take them along here" test "$(cat /proc/sys/net/ipv4/conf/v0/promote_secondaries)" = 0
first_of_its_network
echo 0 >/proc/sys/net/ipv4/conf/v0/promote_secondaries
# The same where settings of the kernel cannot be changed.
ok "a second /proc/sys" mount -o bind /proc/sys /proc/sys
ok "that is read-only" mount -o remount,ro,bind /proc/sys
first_of_its_network "cannot set promote_secondaries"
# All of them at once: what one stop sets again another must not miss, nor have it come back.
for round in 1 2 3; do
    for i in 1 2 3 4 5; do
        run start ip=203.0.113.$i nic=v0 cidr_netmask=24 arp_count=0 nodad=1 OCF_RESOURCE_INSTANCE=many$i
        expect 0
    done
    stops=
    for i in 1 2 3 4 5; do
        OCF_RESKEY_ip=203.0.113.$i OCF_RESOURCE_INSTANCE=many$i "$agent" stop 2>/run/stop$i &
        stops="$stops $!"
    done
    for pid in $stops; do
        ok "each stop succeeds" wait "$pid"
    done
    ok "all are gone in round $round" test -z "$(ip -o addr show to 203.0.113.0/24)"
done
umount /proc/sys
finish
