#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two clusters of two nodes, and a failover that is hit in the middle, again and again, in both directions. Never do two
# sites serve, nothing that was written is lost, and any node goes on with what another one began, or takes it back.
#
#   failover-faults.sh [FAULT[:STEP[:undo]]...]    all: each of them, at each step
#
#   command   the command is killed at that step: the procedure does not need it
#   daemon    doppeld of the node that runs it dies; the other node goes on
#   power     that node, which has the replica's disk too, loses its power; the other one goes on
#   both      both nodes of the site lose their power and come back
#   freeze    the node freezes, a person says that it is down, the other one goes on; then it wakes
#   twice     it is typed twice, and at both nodes at once: one is done, the others are refused
#   suspended the source's store takes no change, for a node of it is lost and nobody fenced it
#   superseded the same, and the source is cut off too: a person says that it is down, and when it is heard again
#             nothing may run there, though its store cannot say so
#   target    both nodes of the target are lost after the source has let go: a person lets it serve again, and the
#             target comes back
#   wakes     the source had no power, and comes back before the generation is raised
#
# With `undo` it is taken back instead of gone on with.
. "$(dirname "$0")/../lab/helpers.sh"
. "$(dirname "$0")/../lab/plain-sites.sh"

FAULTS=("$@")
[ ${#FAULTS[@]} -gt 0 ] || FAULTS=(twice power:settle)
if [ "${FAULTS[*]}" = all ]; then
    FAULTS=(twice suspended superseded wakes:release wakes:settle wakes:cede target:release target:drain target:settle target:cede)
    for step in record hooks release drain settle directory names cede; do
        FAULTS+=("daemon:$step:undo" "power:$step:undo" "both:$step:undo")
    done
    for step in record hooks release drain settle directory names cede serve online prove post; do
        FAULTS+=("command:$step" "daemon:$step" "power:$step" "both:$step")
    done
    FAULTS+=(freeze:release freeze:release:undo freeze:settle freeze:cede freeze:cede:undo freeze:serve)
fi
FROM=a TO=b passed=0

role() { doppel "$1" --output-as=json set show mail 2>/dev/null | sed -n 's/^ *"role": "\(.*\)",\{0,1\}$/\1/p' | head -n 1; }
generation() { doppel "$1" set show mail | sed -n 's/^generation: //p'; }
# Of the newest procedure.
procedure_is() { doppel "$1" procedure show 2>/dev/null | sort | tail -n 1 | grep -q " $2 "; }
back() { wait_until 90 online "$2" "$1" && wait_until 90 ready "$1" || fail "$1 does not come back"; }

# begins NODE [OPTION...]: a failover typed there, which goes on beside us; $typed waits for it.
begins() {
    on "$1" rm -rf /var/log/doppel/procedures
    # shellcheck disable=SC2016
    "$LAB_PROGRAM" exec "$1" sh -c 'echo $$ >/run/typed.pid
        exec timeout 150 doppel failover mail --wait=60 "$@"' sh "${@:2}" >"$LAB_TMP/failover" 2>&1 </dev/null &
    typed=$!
}
# reaches NODE STEP: doppeld there stands still in that step, from now on.
reaches() {
    # shellcheck disable=SC2016
    on "$1" timeout 60 sh -c 'until grep -qs ": $1: " /var/log/doppel/procedures/*.log; do :; done
        kill -STOP $(cat /run/doppel/doppeld.pid)' sh "$2" || fail "step $2 is not reached: $(cat "$LAB_TMP/failover")"
}
goes_on() { on "$1" sh -c 'kill -CONT $(cat /run/doppel/doppeld.pid)'; }

# done_at NODE VERB: goes on with it, or takes it back, as soon as the site's store takes changes.
done_at() {
    doppel "$1" procedure "$2" >>"$LAB_TMP/resume" 2>&1 && return
    # It may have ended in the moment in which it was hit.
    [ "$2" = resume ] && procedure_is "$1" 'done'
}
finishes() {
    local start
    start=$(now_ms)
    : >"$LAB_TMP/resume"
    wait_until 120 done_at "$1" "$2" || fail "$2 at $1: $(uniq "$LAB_TMP/resume")"
    figure "$round: $2 at $1 done $(($(now_ms) - start)) ms after the fault"
}

hit_command() {
    # shellcheck disable=SC2016
    on "$1" sh -c 'kill -9 $(cat /run/typed.pid)'
    goes_on "$1"
    wait_until 120 procedure_is "$1" 'done' || fail "it needs its command: $(doppel "$1" procedure show)"
}
hit_daemon() {
    local code
    # shellcheck disable=SC2016
    on "$1" sh -c 'kill -9 $(cat /run/doppel/doppeld.pid)'
    wait "$typed"
    code=$?
    [ $code = 7 ] || [ $code = 0 ] || fail "the command ends with $code: $(cat "$LAB_TMP/failover")"
    wait_until 60 ready "$1" && wait_until 60 ready "$2" || fail "no store after doppeld died"
    finishes "$2" "$way"
}
hit_power() {
    lab power off "$1" || fail "the power switch"
    finishes "$2" "$way"
    lab power on "$1" || fail "the power switch"
    back "$1" $TO
}
hit_both() {
    site_power off $TO && site_power on $TO || fail "the power switch"
    back "$1" $TO
    back "$2" $TO
    finishes "$2" "$way"
}
# Only a person can say so of a node that is not down: the cluster would have fenced it.
hit_freeze() {
    local before
    lab freeze "$1" || fail "freeze"
    wait_until 60 quietly doppel "$2" store confirm-down "$1" >/dev/null || fail "$2 does not miss $1"
    finishes "$2" "$way"
    before=$(role "$2") && before+=" $(generation "$2")"
    lab thaw "$1" && goes_on "$1" || fail "thaw"
    back "$1" $TO
    back "$2" $TO
    wait "$typed"
    [ "$(role "$1") $(generation "$1")" = "$before" ] || fail "$1 woke, and it is $(role "$1") $(generation "$1"), not $before"
}
fences() { quietly crm_at "$1" configure property stonith-enabled="$2" && settle "$1" || fail "stonith-enabled"; }

# The end of a failover that was done: nothing is lost, and the sites change their parts.
other_way_round() {
    local swap=$FROM
    wait_until 90 serves $TO || fail "$round: site $TO does not serve"
    wait_until 60 nothing_at $FROM || fail "$round: something of the set runs at site $FROM"
    never_double
    # A site that lost its power lost what was not flushed.
    [ "$fault" = wakes ] || compared "$(owner $FROM mail-fs)" "$(owner $TO mail-fs)" "$round"
    write $TO "after-$passed"
    quietly doppel "$(owner $TO mail-conn)" restore mail || fail "$round: restore"
    equal $TO $FROM "$round: restored"
    FROM=$TO TO=$swap
}
as_before() {
    wait_until 90 serves $FROM && wait_until 90 stands_by $TO || fail "$round: the sites are not as they were"
    never_double
    equal $FROM $TO "$round: taken back"
}

# in_the_middle FAULT STEP: at one node of the target.
in_the_middle() {
    local node other
    node=$(owner $TO mail-replica)
    [ "$1" = power ] || node=$(other_of "$node")
    other=$(other_of "$node")
    [ "$1" != freeze ] || fences $TO false
    begins "$node"
    reaches "$node" "$2"
    "hit_$1" "$node" "$other"
    [ "$1" != freeze ] || fences $TO true
    if [ "$way" = undo ]; then as_before; else other_way_round; fi
}

twice() {
    local codes=() pids=() i=0 host pid
    for host in ${TO}1 ${TO}2 ${TO}1; do
        "$LAB_PROGRAM" exec $host timeout 150 doppel failover mail --wait=60 >"$LAB_TMP/typed$i" 2>&1 </dev/null &
        pids+=($!)
        i=$((i + 1))
    done
    for pid in "${pids[@]}"; do
        wait "$pid"
        codes+=($?)
    done
    [ "$(printf '%s\n' "${codes[@]}" | sort | tr -d '\n')" = 044 ] || fail "twice: ${codes[*]}: $(cat "$LAB_TMP"/typed?)"
    for ((i = 0; i < 3; i++)); do
        [ "${codes[i]}" = 0 ] && continue
        [ "$(wc -l <"$LAB_TMP/typed$i")" = 1 ] && grep -q 'doppel procedure show' "$LAB_TMP/typed$i" || fail "a refusal says: $(cat "$LAB_TMP/typed$i")"
    done
    other_way_round
}

# A node of the source is lost, and nobody says that it is down: what lets go has to be durable there.
suspended() {
    local node lost
    node=$(owner $FROM mail-conn)
    lost=$(other_of "$node")
    fences $FROM false
    lab power off "$lost" || fail "the power switch"
    suspended_at() { doppel "$node" --output-as=json store show | grep -q '"state": "waiting"'; }
    wait_until 60 suspended_at || fail "the store of site $FROM goes on without $lost"
    begins ${TO}1
    says() { doppel ${TO}1 procedure show "$(doppel ${TO}1 procedure show | sort | tail -n 1 | cut -d' ' -f 1)" | grep -q "nothing can be changed"; }
    wait_until 60 says || fail "it does not say what it waits for: $(cat "$LAB_TMP/failover"; doppel ${TO}1 procedure show)"
    [ "$(role "$node")" = serving ] || fail "site $FROM is $(role "$node")"
    quietly doppel "$node" store confirm-down "$lost" || fail "confirm-down"
    wait "$typed" || fail "suspended: $(cat "$LAB_TMP/failover")"
    lab power on "$lost" || fail "the power switch"
    back "$lost" $FROM
    fences $FROM true
    other_way_round
}

# Two sites serve by a person's word, until the one whose store takes no change hears of the other.
superseded() {
    local node lost start
    node=$(owner $FROM mail-conn)
    lost=$(other_of "$node")
    quietly crm_at $FROM resource stop "fence-$lost" && settle $FROM || fail "the fence device"
    lab power off "$lost" || fail "the power switch"
    suspended_at() { doppel "$node" --output-as=json store show | grep -q '"state": "waiting"'; }
    wait_until 60 suspended_at || fail "the store of site $FROM goes on without $lost"
    lab wan cut || fail "wan cut"
    quietly doppel ${TO}1 failover mail --immediate --source-is-down --confirm=mail || fail "failover"
    wait_until 60 serves $TO || fail "site $TO does not serve"
    serves $FROM || fail "site $FROM does not serve while it is cut off"
    kill "$WATCH_PID" && wait "$WATCH_PID" # what both hold now is a person's word
    lab wan heal || fail "wan heal"
    start=$(now_ms)
    wait_until 60 nothing_at $FROM || fail "site $FROM serves on: $(doppel "$node" status mail)"
    figure "$round: site $FROM ended $(($(now_ms) - start)) ms after it was reached again"
    watch $LINK_A $LINK_B $SERVICE
    doppel "$node" status mail | grep -q "doppel store confirm-down $lost" || fail "it does not say what stands in the way: $(doppel "$node" status mail)"
    [ "$(role "$node")" = serving ] || fail "site $FROM is $(role "$node") though its store takes no change"
    on "$node" env OCF_ROOT=/usr/lib/ocf OCF_RESKEY_replication_set=mail OCF_RESKEY_target=site-$TO OCF_RESOURCE_INSTANCE=mail-conn \
        /usr/lib/ocf/resource.d/doppel/source-connection start >"$LAB_TMP/start" 2>&1 && fail "its connection could be started"
    quietly doppel "$node" store confirm-down "$lost" || fail "confirm-down"
    is_superseded() { [ "$(role "$node")" = superseded ]; }
    wait_until 60 is_superseded || fail "site $FROM is $(role "$node")"
    lab power on "$lost" || fail "the power switch"
    back "$lost" $FROM
    quietly crm_at $FROM resource start "fence-$lost" && settle $FROM || fail "the fence device"
    other_way_round
}

# The source lets go as soon as it is asked: in the step that asks, it may not have been yet.
let_go() { [ "$(role ${FROM}1)" = released ]; }
target() {
    local node
    node=$(other_of "$(owner $TO mail-replica)")
    begins "$node"
    if [ "$1" = release ]; then
        wait_until 60 let_go || fail "site $FROM is not released"
    else
        reaches "$node" "$1"
    fi
    site_power off $TO || fail "the power switch"
    wait_until 60 nothing_at $FROM || fail "site $FROM has not let go"
    quietly doppel ${FROM}1 site confirm mail || fail "site confirm"
    wait_until 60 serves $FROM || fail "site $FROM does not serve again"
    figure "$round: site $FROM, confirmed, serves again, generation $(generation ${FROM}1)"
    write $FROM "alone-$passed"
    site_power on $TO || fail "the power switch"
    back ${TO}1 $TO
    back ${TO}2 $TO
    # What was begun there can only be taken back now.
    doppel ${TO}2 procedure resume >"$LAB_TMP/resume" 2>&1 && fail "it went on: $(cat "$LAB_TMP/resume")"
    finishes ${TO}1 undo
    as_before
}

wakes() {
    local node
    node=$(other_of "$(owner $TO mail-replica)")
    quietly doppel "$(owner $FROM mail-conn)" wait mail --idle --timeout=60s || fail "not idle"
    site_power off $FROM || fail "the power switch"
    begins "$node" --immediate --source-is-down --confirm=mail
    reaches "$node" "$1"
    site_power on $FROM || fail "the power switch"
    back ${FROM}1 $FROM
    back ${FROM}2 $FROM
    held() { doppel ${FROM}1 status mail 2>/dev/null | grep -q 'is held' || doppel ${FROM}2 status mail 2>/dev/null | grep -q 'is held'; }
    # It may have been quicker than who looks at its log.
    if [ "$(role "$(other_of "$node")")" = standby ]; then
        wait_until 90 held || fail "a source that wakes in the middle is not held"
    else
        step "$round: the generation was raised already"
    fi
    nothing_at $FROM || fail "it serves"
    goes_on "$node"
    # It was heard before this site serves: then it is asked about.
    local code=0
    wait "$typed" || code=$?
    if [ $code = 7 ] && grep -q 'which was said to be down' "$LAB_TMP/failover"; then
        step "$round: the source was heard, and it is gone on with all the same"
        doppel "$node" procedure resume --then=immediate >"$LAB_TMP/failover" 2>&1 && code=0
    fi
    [ $code = 0 ] || fail "wakes: $(cat "$LAB_TMP/failover")"
    other_way_round
}

plain_sites_up
for one in "${FAULTS[@]}"; do
    IFS=: read -r fault at way <<<"$one"
    round=$one way=${way:-resume}
    write $FROM "before-$passed"
    equal $FROM $TO "$round: before"
    case $fault in
    command | daemon | power | both | freeze) in_the_middle "$fault" "$at" ;;
    twice | suspended | superseded) "$fault" ;;
    target) target "${at:-drain}" ;;
    wakes) wakes "${at:-release}" ;;
    *) fail "there is no fault $fault" ;;
    esac
    passed=$((passed + 1))
    step "$round: passed"
done
never_double
echo "$passed passed, 0 failed, 0 skipped"
