#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A source of three nodes and a target of one. The source's owner loses its power while it lets go, before it has sent
# all; and the source loses its quorum, so that it can neither serve nor let go, while a person lets the target serve.
# Nothing that reached the source's disk is lost, and never do two sites serve.
#
#   letting-go.sh [release|drain|dead|quorum]...    all of them
#
#   release   the owner is lost as soon as it is asked to let go
#   drain     it is lost when it has let go, with much unsent, and boots again: it sends the rest, if that outlived the power
#   dead      the same, and it stays away: the failover asks, is taken back, and begins anew
#   quorum    all but the owner are lost, and come back when the target serves
. "$(dirname "$0")/../lab/helpers.sh"

# shellcheck disable=SC2034 # for cluster-lib.sh
NODES="a1 a2 a3 b1"
. "$(dirname "$0")/../lab/plain-sites.sh"

PARTS=("$@")
[ $# -gt 0 ] || PARTS=(release drain dead quorum)

back() {
    local host
    for host in "$@"; do lab power on "$host" || fail "the power switch"; done
    for host in "$@"; do wait_until 90 online a "$host" && wait_until 90 ready "$host" || fail "$part: $host does not come back"; done
}
# begins SECONDS: as long as it waits for the source, in each step.
begins() {
    on b1 rm -rf /var/log/doppel/procedures
    doppel b1 failover mail --wait="$1" >"$LAB_TMP/failover" 2>&1 &
    typed=$!
}
# reaches STEP: doppeld of b1 stands still there.
reaches() {
    # shellcheck disable=SC2016
    on b1 timeout 60 sh -c 'until grep -qs ": $1: " /var/log/doppel/procedures/*.log; do :; done
        kill -STOP $(cat /run/doppel/doppeld.pid)' sh "$1" || fail "step $1 is not reached: $(cat "$LAB_TMP/failover")"
}
# It has ended, or it asks, for the journal is gone, or has lost its end with the power: then it is taken back, and typed
# again when the next owner has compared.
ends() {
    local code=0
    wait "$typed" || code=$?
    sed 's/^/   /' "$LAB_TMP/failover"
    if [ $code = 0 ]; then
        [ "$part" != dead ] || fail "$part: all was sent by nobody"
        return
    fi
    [ $code = 7 ] || fail "$part: it ends with $code"
    step "$part: it asks, and is taken back"
    wait_until 60 quietly doppel b1 procedure undo >/dev/null || fail "$part: undo"
    wait_until 90 serves a || fail "$part: site a does not serve again"
    equal a b "$part: taken back"
    typed b failover mail
}
goes_home() {
    wait_until 60 serves b || fail "$part: site b does not serve"
    wait_until 60 nothing_at a || fail "$part: something of the set runs at site a"
    never_double
    write b "$part-at-b"
    wait_until 60 runs a mail-link-ip || fail "$part: site a is not reached"
    typed b restore mail
    equal b a "$part: restored"
    typed b failback mail
    wait_until 60 serves a && wait_until 60 stands_by b || fail "$part: the failback leaves something else"
    equal a b "$part: home"
}
has_all() { listing "$(owner b mail-conn)" | cmp -s - "$LAB_TMP/had"; }

release() {
    local owner
    owner=$(owner a mail-conn)
    begins 40
    reaches release
    lab power off "$owner" || fail "the power switch"
    # shellcheck disable=SC2016
    on b1 sh -c 'kill -CONT $(cat /run/doppel/doppeld.pid)'
    ends
    wait_until 60 serves b && has_all || fail "$part: something is missing at site b"
    back "$owner"
    goes_home
}

unsent() { status "$1" | sed -n 's/^ *"unsent_bytes": \([0-9]*\),\{0,1\}$/\1/p' | head -n 1; }
drain() { lost_with_much 60; }
lost_with_much() {
    local owner left
    owner=$(owner a mail-conn)
    quietly doppel "$owner" limit mail --bandwidth=64K || fail "limit"
    on "$owner" sh -c "head -c 4000000 /dev/urandom >$ROOT/large && sync -f $ROOT/large"
    listing "$owner" >"$LAB_TMP/had"
    begins "$1"
    wait_until 60 nothing_at a || fail "$part: the services of site a do not stop"
    left=$(unsent "$owner")
    [ "${left:-0}" -gt 2000000 ] || fail "only ${left:-no} bytes were left to send"
    lab power off "$owner" || fail "the power switch"
    step "$part: $owner was lost with $left bytes to send"
    ends
    wait_until 60 serves b && has_all || fail "$part: something is missing at site b"
    back "$owner"
    goes_home
}

dead() {
    quietly crm_at a configure property stonith-action=off || fail "stonith-action"
    lost_with_much 20
    quietly crm_at a configure property stonith-action=reboot || fail "stonith-action"
}

quorum() {
    local owner others host pids=()
    owner=$(owner a mail-conn)
    mapfile -t others < <(nodes_of a | grep -v "$owner")
    for host in "${others[@]}"; do
        lab power off "$host" &
        pids+=($!)
    done
    wait "${pids[@]}" || fail "the power switch"
    wait_until 60 nothing_at a || fail "$part: it serves without a quorum"
    doppel b1 failover mail --graceful --wait=10 --then=abort >"$LAB_TMP/graceful" 2>&1 && fail "$part: it has let go without a quorum"
    grep -q 'does not answer' "$LAB_TMP/graceful" || fail "$part: $(cat "$LAB_TMP/graceful")"
    typed b failover mail --immediate --source-is-down --confirm=mail
    wait_until 60 serves b && has_all || fail "$part: something is missing at site b"
    back "${others[@]}"
    wait_until 120 shows "$owner" 'role: superseded' || fail "$part: site a does not hear that it is superseded"
    never_double
    goes_home
}

plain_sites_up
for part in "${PARTS[@]}"; do
    write a "before-$part"
    equal a b "$part: before"
    listing "$(owner a mail-conn)" >"$LAB_TMP/had" || fail "no listing"
    "$part"
    step "$part: passed"
done
never_double
echo "${#PARTS[@]} passed, 0 failed, 0 skipped"
