#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two stand-alone servers on this host replicate a Maildir, a database and chains of dependent calls, while
# the link is cut, half open or slow and every process dies at random. No application may see an error, each
# frozen replica is a state that the source went through, and at the end both sides are equal.
# CHAOS_SECONDS: how long (25). DPL_SEED: which faults.
# shellcheck source=tests/crash/sites-lib.sh
. "$(dirname "$0")/sites-lib.sh" || exit 1
# shellcheck source=tests/crash/chaos-lib.sh
. "$(dirname "$0")/chaos-lib.sh" || exit 1
sites_more() { [ "$1" != a ] || echo "compression=1"; }
sites_stage "$@"
needs_mailer
RANDOM=${DPL_SEED:-7}
echo "seed ${DPL_SEED:-7}"
sites_start
sites_pair
sites_set
sites_protect
chaos_load --rate "${CHAOS_RATE:-40}"

declare -A links
# Packets vanish, and nobody is told.
silence() {
    ip link set lo down
    pause $((RANDOM % ${CHAOS_SILENCE:-4}))
    ip link set lo up
}
slow() {
    tc qdisc replace dev lo root tbf rate "$((RANDOM % 20 + 2))mbit" burst 64k limit 256k || complain "no tbf"
    pause "$((RANDOM % 2)).$((RANDOM % 9 + 1))"
    tc qdisc del dev lo root
}
link_fault() {
    local kind
    case $((RANDOM % 3)) in
    0) kind=silence ;;
    1) kind=slow ;;
    2) kind='cut' ;;
    esac
    if [ $kind = cut ]; then
        ss -K state established "( sport = ${addr_b##*:} or dport = ${addr_b##*:} )" >/dev/null 2>&1
    else
        $kind
    fi
    links[$kind]=$((${links[$kind]:-0} + 1))
}

end=$((SECONDS + ${CHAOS_SECONDS:-25}))
while [ $SECONDS -lt $end ] && [ $failed = 0 ]; do
    what=$((RANDOM % 10))
    echo "$SECONDS s: $what"
    case $what in
    0 | 1 | 2) chaos_die ;;
    3 | 4) link_fault ;;
    5 | 6 | 7 | 8) chaos_frozen ;;
    9) eventually protected ;;
    esac
    pause "0.$((RANDOM % 8))"
done
chaos_enough
[ $failed != 0 ] || echo "PRINT both sides equal; $frozen frozen states; deaths: $(chaos_deaths);" \
    "link: $(for k in "${!links[@]}"; do printf '%s %s ' "$k" "${links[$k]}"; done)"
sites_end
