#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two clusters on one subnet, joined by a WAN, and a third site. The WAN between the clusters is cut
# and neither notices; then a whole site loses power and the other takes its address by hand, of
# which the third site's host is told; then the site starts cold and has its address again.
. "$(dirname "$0")/../lab/helpers.sh"

AGENT=${VIRTUAL_IP_AGENT:-ocf:doppel:virtual-ip}
IP_A=10.71.1.100
IP_B=10.71.2.100

config() {
    local site=$1 ip=$2
    cat <<END
property stonith-enabled=true no-quorum-policy=stop stonith-timeout=20s
primitive fence-${site}1 stonith:fence_lab params pcmk_host_list=${site}1 pcmk_host_check=static-list
primitive fence-${site}2 stonith:fence_lab params pcmk_host_list=${site}2 pcmk_host_check=static-list
location l-fence-${site}1 fence-${site}1 -inf: ${site}1
location l-fence-${site}2 fence-${site}2 -inf: ${site}2
primitive own-ip $AGENT params ip=$ip op monitor interval=10s timeout=20s
END
}

owner() { where "$1" "$2" | tr -d ' '; }
serves() { [ -n "$(owner "$1" "$2")" ] && answers c1 "$3"; }
# told SITE RESOURCE ADDRESS: the third site's host knows the owner's hardware address.
told() {
    local at
    at=$(owner "$1" "$2")
    [ -n "$at" ] && knows c1 "$3" "$(mac_of "$at")"
}
# rest ADDRESS: what c1 knows of it stays as it is until somebody tells it otherwise.
rest() { on c1 ip neigh replace "$1" lladdr "$(neighbour c1 "$1")" dev eth0 nud stale; }

lab_up --token 500 --wan bridged
config a $IP_A | configure a || fail "site a refused its configuration"
{
    config b $IP_B
    echo "primitive peer-ip $AGENT params ip=$IP_A meta target-role=Stopped"
} | configure b || fail "site b refused its configuration"
wait_until 30 serves a own-ip $IP_A || fail "site a does not serve"
wait_until 30 serves b own-ip $IP_B || fail "site b does not serve"
first_a=$(owner a own-ip)
first_b=$(owner b own-ip)
step "a serves on $first_a, b on $first_b"
watch $IP_A $IP_B

answers b1 $IP_A || fail "site b does not reach a's address"
lab wan cut || fail "wan cut"
answers b1 $IP_A && fail "the WAN is not cut"
answers c1 $IP_A && answers c1 $IP_B || fail "the third site lost more than the wire that was cut"
lab wan heal
wait_until 3 answers b1 $IP_A || fail "the WAN did not heal"
settle a && settle b
[ "$(owner a own-ip)" = "$first_a" ] && [ "$(owner b own-ip)" = "$first_b" ] ||
    fail "a cluster moved its service because of the WAN"
step "the WAN was cut and healed, and neither cluster cared"

told a own-ip $IP_A && rest $IP_A || fail "c1 does not know a's address"
start=$(now_ms)
site_power off a || fail "site a could not be turned off"
quietly crm_at b resource start peer-ip || fail "site b refused the address"
wait_until 20 told b peer-ip $IP_A || fail "c1 was not told of the address's new place"
answers c1 $IP_A || fail "the address does not answer at its new place"
figure "site a lost power, b has its address after $(($(now_ms) - start)) ms"

quietly crm_at b resource stop peer-ip && settle b || fail "site b kept the address"
rest $IP_A
start=$(now_ms)
site_power on a || fail "site a could not be turned on"
wait_until 60 online a a1 && wait_until 60 online a a2 || fail "site a is not online"
wait_until 30 told a own-ip $IP_A || fail "c1 was not told that the address is home"
answers c1 $IP_A || fail "the address does not answer at home"
figure "site a started cold and serves after $(($(now_ms) - start)) ms"
never_double
echo "3 passed, 0 failed, 0 skipped"
