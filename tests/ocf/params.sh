#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# virtual-ip: each parameter wrong in turn: the right code, one line that names parameter, value and
# what was expected, and nothing done.
. "${srcdir:-.}/tests/ocf/lib.sh" || exit 1
stage "$@"

# wrong CODE PARAMETER=VALUE "EXPECTED" [MORE...]
wrong() {
    local code=$1 pair=$2 text=$3 action
    shift 3
    for action in validate-all start monitor reload-agent; do
        [ "$action" = monitor ] || [ "$action" = reload-agent ] && [ "$code" = 2 ] && continue
        run "$action" ip=192.0.2.10 "$@" "$pair" OCF_CHECK_LEVEL=10
        expect "$code" "parameter ${pair%%=*}=\"${pair#*=}\": $text"
    done
}
wrong 6 ip=300.1.2.3 "expected an IPv4 or IPv6 address"
wrong 6 ip=192.0.2.10/24 "expected an IPv4 or IPv6 address"
wrong 6 ip=2001:db8::g "expected an IPv4 or IPv6 address"
wrong 6 ip=fe80::1%v0 "expected an IPv4 or IPv6 address"
wrong 6 ip=0.0.0.0 "expected an address that a host can have"
wrong 6 ip=224.0.0.1 "expected an address that a host can have"
wrong 6 ip=ff02::1 "expected an address that a host can have"
wrong 6 ip=:: "expected an address that a host can have"
wrong 6 nic=a/b "expected the name of a network interface"
wrong 6 nic=sixteencharacters "expected the name of a network interface"
wrong 2 nic=nosuch "this node has no such interface"
wrong 6 cidr_netmask=33 "expected a prefix length from 1 to 32"
wrong 6 cidr_netmask=0 "expected a prefix length from 1 to 32"
wrong 6 cidr_netmask=255.255.0.255 "expected a prefix length from 1 to 32"
wrong 6 cidr_netmask=129 "expected a prefix length from 1 to 128, as ip is IPv6" ip=2001:db8::10
wrong 6 cidr_netmask=255.255.255.0 "expected a prefix length from 1 to 128" ip=2001:db8::10
wrong 6 broadcast=192.0.2.300 "expected an IPv4 address, + or -"
wrong 6 broadcast=2001:db8::ff "expected an IPv4 address, + or -"
wrong 6 broadcast=+ "expected nothing: IPv6 has no broadcast" ip=2001:db8::10
wrong 6 iflabel=fifteencharacter "expected a label"
wrong 6 iflabel=thirteenchars "expected a label" nic=v0
wrong 6 nic=v0: "expected a label"
wrong 2 iflabel=thirteenchars "with v0: in front" nic=
wrong 6 arp_count=x "expected a whole number from 0 to 1000"
wrong 6 arp_count=-1 "expected a whole number"
wrong 6 arp_count=1001 "expected a whole number"
wrong 6 arp_interval=0 "expected a time as 200ms, 5s or 1min"
wrong 6 arp_interval=5parsecs "expected a time as 200ms, 5s or 1min"
wrong 6 arp_count_refresh=1.5 "expected a whole number"
wrong 6 arp_bg=perhaps "expected true or false"
wrong 6 run_arping=2 "expected true or false"
wrong 6 nodad=never "expected true or false"
wrong 6 noprefixroute=x "expected true or false"
wrong 6 preferred_source=x "expected true or false"
wrong 6 check_link=x "expected true or false"
wrong 6 preferred_lft=-1 "expected a number of seconds, or forever"
wrong 6 preferred_lft=4294967296 "expected a number of seconds, or forever"
wrong 6 lvs_support=true "expected false: addresses are not moved"
wrong 6 clusterip_hash=sourceip "expected nothing: the kernel has no CLUSTERIP"
wrong 6 mac=02:00:00:00:00:01 "expected nothing: the kernel has no CLUSTERIP"
ok "nothing was set" test -z "$(ip -o addr show | grep -v -e 192.0.2.1/ -e 2001:db8::1/ -e '127.0.0.1/' -e '::1/128' -e 'fe80:')"
ok "nothing was written" test ! -e /run/doppel

for action in validate-all start monitor; do
    run $action
    expect 6 "parameter ip is missing"
    run $action ip=fe80::5
    expect 6 "parameter nic is missing"
done
run validate-all ip=203.0.113.4
expect 0
run validate-all ip=203.0.113.4 OCF_CHECK_LEVEL=10
expect 2 "parameter nic is missing: no directly connected route"
run start ip=203.0.113.4
expect 2 "parameter nic is missing: no directly connected route"
run start ip=203.0.113.4 nic=v0
expect 2 "parameter cidr_netmask is missing: no route or address of v0"
run validate-all ip=192.0.2.10 arp_cuont=4
expect 6 "parameter arp_cuont is not known"
echo 1 >/proc/sys/net/ipv6/conf/v0/disable_ipv6
run validate-all ip=2001:db8::10 nic=v0 cidr_netmask=64 OCF_CHECK_LEVEL=10
expect 2 "IPv6 is disabled on v0"
run start ip=2001:db8::10 nic=v0 cidr_netmask=64
expect 2 "IPv6 is disabled on v0"
# A validation at level 0 needs nothing of this host.
run validate-all ip=2001:db8::10 nic=nosuch
expect 0
# All that an administrator may write.
run validate-all ip=192.0.2.10 nic=v0:mail cidr_netmask=24 broadcast=192.0.2.255 arp_count=0 \
    arp_interval=1s arp_count_refresh=3 arp_bg=YES run_arping=0 nodad=off noprefixroute=n \
    preferred_lft=300 preferred_source=no check_link=False lvs_support=false clusterip_hash= mac= \
    crm_feature_set=3.16.2 CRM_meta_name=start trace_ra=0
expect 0
run validate-all ip=192.0.2.10 arp_interval=200
expect 0

# Usage.
run ""
expect 3
run promote ip=192.0.2.10
expect 3 "no such action: promote"
run --help
expect 0 "usage: virtual-ip {start|stop|"
out=$("$agent" 2>&1) rc=$? last="no action"
reasons_wanted=0 expect 2 "usage: virtual-ip {start|stop|"
out=$("$agent" start stop 2>&1) rc=$? last="two actions"
expect 2 "one action"
finish
