#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A group of a file system and virtual addresses on a cluster of two nodes: it moves when it is
# told to, and when its node crashes, loses power, freezes or is cut off. Each time it runs on one
# node and never on two, its addresses answer at the other site, and neighbours whose ARP and
# neighbour caches were warm learn of the new place without asking.
#
#   node-faults.sh [ROUNDS]    each fault so many times; default 1
. "$(dirname "$0")/../lab/helpers.sh"

AGENT=${VIRTUAL_IP_AGENT:-ocf:doppel:virtual-ip}
ROUNDS=${1:-1}
IP4=10.71.1.100
IP6=fd71:0:0:1::64 # the kernel's spelling: it is compared
NEIGHBOUR=a9
REMOTE=b9
HELD=(disk1 "$IP4" "$IP6")

config() {
    cat <<END
property stonith-enabled=true no-quorum-policy=stop stonith-timeout=20s
rsc_defaults resource-stickiness=100 migration-threshold=3
primitive fence-a1 stonith:fence_lab params pcmk_host_list=a1 pcmk_host_check=static-list op monitor interval=60s
primitive fence-a2 stonith:fence_lab params pcmk_host_list=a2 pcmk_host_check=static-list op monitor interval=60s
location l-fence-a1 fence-a1 -inf: a1
location l-fence-a2 fence-a2 -inf: a2
primitive mail-fs ocf:heartbeat:Filesystem \
  params device=/dev/shared directory=/srv/mail fstype=ext4 options=nosuid,nodev \
  op start timeout=60s op stop timeout=60s op monitor interval=20s timeout=40s
primitive mail-ip $AGENT params ip=$IP4 op monitor interval=10s timeout=20s
primitive mail-ip6 $AGENT params ip=$IP6 op monitor interval=10s timeout=20s
group g-mail mail-fs mail-ip mail-ip6
END
}

owner() { where a mail-ip6 | tr -d ' '; }
answer_to() { answers "$1" "$IP4" && answers "$1" "$IP6"; }
runs_on() { holds_alone "$1" "${HELD[@]}" && answer_to "$REMOTE"; }

warm_caches() {
    answer_to "$NEIGHBOUR" || fail "the neighbour gets no answer"
    knows "$NEIGHBOUR" "$IP4" "$(mac_of "$1")" || fail "the neighbour's ARP cache is not warm"
    knows "$NEIGHBOUR" "$IP6" "$(mac_of "$1")" || fail "the neighbour's IPv6 cache is not warm"
}

# arrived HOST WHAT MS: everything is on this host; the neighbour was told, for it never asked.
arrived() {
    figure "$2: on $1 after $3 ms"
    local mac
    mac=$(mac_of "$1")
    wait_until 5 knows "$NEIGHBOUR" "$IP4" "$mac" || fail "$2: the neighbour was not told of $IP4"
    wait_until 5 knows "$NEIGHBOUR" "$IP6" "$mac" || fail "$2: the neighbour was not told of $IP6"
    answer_to "$NEIGHBOUR" || fail "$2: no answer on the LAN"
    wait_until 20 started_on a mail-ip6 "$1" || fail "$2: the cluster does not say started on $1"
    never_double
}

# planned WHAT TARGET COMMAND...
planned() {
    local what=$1 to=$2 from start
    shift 2
    from=$(owner)
    warm_caches "$from"
    start=$(now_ms)
    "$@" || fail "$what: the command failed"
    wait_until 30 runs_on "$to" || fail "$what: the group did not come to $to"
    arrived "$to" "$what" $(($(now_ms) - start))
    settle a
}

# fault WHAT: happens to the owner; its group must come up on the other node.
fault() {
    local what=$1 from to start
    from=$(owner)
    to=$(other_of "$from")
    warm_caches "$from"
    on "$from" sh -c 'echo kept >/srv/mail/synced && sync -f /srv/mail && echo x >/srv/mail/unsynced'
    start=$(now_ms)
    "fault_$what" "$from" || fail "$what $from: the command failed"
    wait_until 40 runs_on "$to" || fail "$what $from: the group did not come to $to"
    arrived "$to" "$what of $from" $(($(now_ms) - start))
    [ "$(on "$to" cat /srv/mail/synced)" = kept ] || fail "$what: a synced file is lost"
    [ "$what" = crash ] || ! on "$to" test -s /srv/mail/unsynced ||
        fail "$what: what was not flushed survived"
    on "$to" rm -f /srv/mail/synced /srv/mail/unsynced
    "repair_$what" "$from"
    wait_until 60 online a "$from" || fail "$what: $from did not come back"
    wait_until 10 holds_alone "$to" "${HELD[@]}" || fail "$what: the group did not stay on $to"
    settle a
}

fault_crash() { lab crash "$1"; }
fault_poweroff() { lab power off "$1"; }
fault_freeze() { lab freeze "$1"; }
fault_cut() { lab lan "$1" cut; }
repair_crash() { :; } # fencing has booted it
repair_poweroff() { lab power on "$1"; }
repair_freeze() { :; }
repair_cut() { lab lan "$1" heal; }

lab_up --token 500 --hosts a1,a2,a9,b9 --cluster a
config | configure a || fail "the configuration was refused"
wait_until 30 runs_on a1 || wait_until 1 runs_on a2 || fail "the group did not start"
step "the group runs on $(owner)"
watch "$IP4" "$IP6"

first=$(owner)
other=$(other_of "$first")
planned move "$other" quietly crm_at a resource move g-mail "$other" force
quietly crm_at a resource clear g-mail || fail "the move could not be cleared"
settle a
planned standby "$first" quietly crm_at a node standby "$other"
quietly crm_at a node online "$other" || fail "$other could not come back from standby"
settle a
holds_alone "$first" "${HELD[@]}" || fail "the group left $first without a reason"

for ((round = 1; round <= ROUNDS; round++)); do
    for what in crash poweroff freeze cut; do
        fault $what
    done
done
never_double
echo "$((2 + 4 * ROUNDS)) passed, 0 failed, 0 skipped"
