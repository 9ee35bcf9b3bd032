#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A group of a file system and virtual addresses on a cluster of two nodes: it moves when it is
# told to, and when its node crashes, loses power, freezes or is cut off. Each time it runs on one
# node and never on two, its addresses answer at the other site, and neighbours whose ARP and
# neighbour caches were warm learn of the new place without asking.
#
#   node-faults.sh [ROUNDS [FAULT...]]    each fault so many times; default 1, and all faults:
#   crash poweroff freeze cut cutin cutout
. "$(dirname "$0")/../lab/helpers.sh"

AGENT=${VIRTUAL_IP_AGENT:-ocf:doppel:virtual-ip}
ROUNDS=${1:-1}
FAULTS=("${@:2}")
[ ${#FAULTS[@]} -gt 0 ] || FAULTS=(crash poweroff freeze cut cutin cutout)
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

# The neighbour has just spoken with the owner. Its entries are then set to rest: an entry that is
# being checked just when its owner dies fails, is asked for anew at the next use, and IPv6 does not
# let itself be told meanwhile.
warm_caches() {
    local mac
    mac=$(mac_of "$1")
    answer_to "$NEIGHBOUR" || fail "the neighbour gets no answer"
    told "$mac" || fail "the neighbour's caches are not warm: $(on "$NEIGHBOUR" ip neigh)"
    on "$NEIGHBOUR" sh -c "ip neigh replace $IP4 lladdr $mac dev eth0 nud stale &&
        ip neigh replace $IP6 lladdr $mac dev eth0 nud stale" || fail "the caches cannot be set"
}

told() { knows "$NEIGHBOUR" "$IP4" "$1" && knows "$NEIGHBOUR" "$IP6" "$1"; }

# arrives HOST WHAT START_MS: all of it comes to this host. The neighbour is told, for it does not ask;
# nor does anyone else before, since an answer of the new owner would tell it too.
arrives() {
    local mac
    wait_until 40 holds_alone "$1" "${HELD[@]}" || fail "$2: the group did not come to $1"
    mac=$(mac_of "$1")
    wait_until 5 told "$mac" ||
        fail "$2: the neighbour was not told that $mac has $IP4 and $IP6: $(on "$NEIGHBOUR" ip neigh)"
    wait_until 5 answer_to "$REMOTE" || fail "$2: no answer at the other site"
    figure "$2: on $1 after $(($(now_ms) - $3)) ms"
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
    arrives "$to" "$what" "$start"
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
    arrives "$to" "$what of $from" "$start"
    [ "$(on "$to" cat /srv/mail/synced)" = kept ] || fail "$what: a synced file is lost"
    # Elsewhere it takes seconds until the power is cut, and anybody's sync(2) is the whole machine's.
    [ "$what" != poweroff ] || ! on "$to" test -s /srv/mail/unsynced ||
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
fault_cutin() { lab lan "$1" cut --in; }
fault_cutout() { lab lan "$1" cut --out; }
repair_crash() { :; } # fencing has booted it
repair_poweroff() { lab power on "$1"; }
repair_freeze() { :; }
repair_cut() { lab lan "$1" heal; }
repair_cutin() { lab lan "$1" heal; }
repair_cutout() { lab lan "$1" heal; }

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
planned shutdown "$other" lab power button "$first"
lab power on "$first" && wait_until 60 online a "$first" || fail "$first did not come back"
settle a
holds_alone "$other" "${HELD[@]}" || fail "the group left $other without a reason"

for ((round = 1; round <= ROUNDS; round++)); do
    for what in "${FAULTS[@]}"; do
        fault "$what"
    done
done
never_double
echo "$((3 + ${#FAULTS[@]} * ROUNDS)) passed, 0 failed, 0 skipped"
