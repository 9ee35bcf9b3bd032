#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two sites of which one is a single node: a failover in peace, the restore of the old source and the failback; then the
# source loses its power, the other site serves with what it has, and all goes home again. Nothing is lost that had
# come, and never do two sites have the service's address.
#
#   single-node.sh [target|source [graceful|power]]    which one is the single node; one part alone
. "$(dirname "$0")/../lab/helpers.sh"

# shellcheck disable=SC2034 # for cluster-lib.sh
case ${1:-target} in
target) NODES="a1 a2 b1" ;;
source) NODES="a1 b1 b2" ;;
*) echo "single-node.sh [target|source [graceful|power]]" >&2 && exit 2 ;;
esac
. "$(dirname "$0")/../lab/plain-sites.sh"

# go_home WHAT: site a is made equal, and serves again.
go_home() {
    typed b restore mail
    wait_until 60 stands_by a || fail "$1: site a does not stand by"
    serves b || fail "$1: the restore has disturbed site b"
    write b "restored-$1"
    equal b a "$1: restored"
    typed b failback mail
    wait_until 60 serves a && wait_until 60 stands_by b || fail "$1: the failback leaves something else"
    write a "home-$1"
    equal a b "$1: home"
}

graceful() {
    write a graceful
    typed b failover mail
    wait_until 60 serves b && wait_until 60 nothing_at a || fail "site b does not take over"
    write b graceful-at-b
    go_home graceful
}

power() {
    write a power
    equal a b "before the loss"
    listing "$(owner a mail-conn)" >"$LAB_TMP/lost" || fail "no listing"
    site_power off a || fail "site a keeps its power"
    typed b failover mail --immediate --source-is-down --confirm=mail
    wait_until 60 serves b || fail "site b does not take over"
    listing "$(owner b mail-conn)" | cmp -s - "$LAB_TMP/lost" || fail "something is missing at site b"
    write b while-lost
    site_power on a || fail "site a stays without power"
    wait_until 90 shows a1 'role: superseded' || fail "site a does not hear that it is superseded"
    nothing_at a || fail "something of the set runs at site a"
    go_home power
}

parts=${2:-graceful power}
plain_sites_up
for part in $parts; do $part; done
never_double
echo "$(wc -w <<<"$parts") passed, 0 failed, 0 skipped"
