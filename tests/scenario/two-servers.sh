#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034
# Two stand-alone servers on hosts of different sites replicate a Maildir, a database and chains of dependent
# calls, while the WAN between them is cut, loses, delays and chokes, goes deaf in one direction, and every
# process dies at random: each frozen replica is a state of the source, and at the end both are equal. Then
# with durability=remote the source's power is cut: the target has every step whose fsync had returned.
# CHAOS_SECONDS: how long (20); POWER_ROUNDS: how often (2); DPL_SEED: which faults.
. "$(dirname "$0")/../lab/helpers.sh"
build=${DOPPEL_BUILD:-$PWD} work=$LAB_TMP
# shellcheck source=tests/crash/sites-lib.sh
. "$(dirname "$0")/../crash/sites-lib.sh"
# shellcheck source=tests/crash/chaos-lib.sh
. "$(dirname "$0")/../crash/chaos-lib.sh"
# shellcheck disable=SC2034
never=$work/never disk_a=/srv/data disk_b=/srv/data files_a=/root/site files_b=/root/site
root_a=$disk_a/mail root_b=$disk_b/mail addr_a=10.71.1.1:6650 addr_b=10.71.2.1:6650
mkfifo "$never"
RANDOM=${DPL_SEED:-7}
echo "seed ${DPL_SEED:-7}"
at() { lab exec "${1}1" env DOPPEL_LIBEXEC_DIR=$libexec "${@:2}"; }
# By the root of doppeld, which is a descendant of what waits for it here.
seen() {
    local pid
    pid=$(get job "$1")
    until [ "$(cat "/proc/$pid/comm")" = doppeld ]; do pid=$(pgrep -P "$pid" | head -n 1); done
    echo "/proc/$pid/root$2"
}
die() { complain "$*"; sites_logs; fail "$*"; }

sites_programs
sites_tools "$work/tools"
needs_mailer
libexec=/root/doppel

servers_up() {
    local site host
    lab_up --no-cluster --hosts a1,b1 --host-disk-size 4096
    for site in a b; do
        host=${site}1
        tar -C "$work" -c tools libexec | lab exec "$host" tar -C /root -x || die "$host takes no files"
        on "$host" sh -c "mv /root/libexec $libexec && mkdir -p $files_a /srv/data && mount /dev/shared /srv/data &&
            mkdir /srv/data/mail" || die "$host has no disk"
    done
    tools=/root/tools compare=$work/tools/compare
    sites_start
    sites_pair
    sites_set
    sites_protect
    step "protected"
}

declare -A links
wan_fault() {
    local kinds=(cut deaf mute slow far lossy) kind
    kind=${kinds[RANDOM / 7 % 6]}
    case $kind in
    cut) lab wan cut && pause $((RANDOM % ${CHAOS_SILENCE:-3})) ;;
    deaf) lab lan a1 cut --in ;;
    mute) lab lan a1 cut --out ;;
    slow) lab wan rate "$((RANDOM % 20 + 2))mbit" ;;
    far) lab wan relay --delay $((RANDOM % 100 + 20)) ;;
    lossy) lab wan relay --loss $((RANDOM % 4 + 1)) --delay 5 --seed "$RANDOM" ;;
    esac || complain "$kind"
    pause "$((RANDOM % 2)).$((RANDOM % 9 + 1))"
    case $kind in
    cut) lab wan heal ;;
    deaf | mute) lab lan a1 heal ;;
    slow) lab wan rate off ;;
    *) lab wan relay off ;;
    esac || complain "$kind does not end"
    links[$kind]=$((${links[$kind]:-0} + 1))
}

sites_more() { [ "$1" != a ] || echo "compression=1"; }
servers_up
chaos_load --rate "${CHAOS_RATE:-40}"
end=$((SECONDS + ${CHAOS_SECONDS:-20}))
while [ $SECONDS -lt $end ] && [ $failed = 0 ]; do
    case $((RANDOM % 10)) in
    0 | 1 | 2) chaos_die ;;
    3 | 4 | 5) wan_fault ;;
    6 | 7 | 8) chaos_frozen ;;
    9) eventually protected ;;
    esac
done
chaos_enough
[ $failed = 0 ] || die "two servers under load"
figure "both sites equal; $frozen frozen states; deaths: $(chaos_deaths); WAN:" \
    "$(for k in "${!links[@]}"; do printf '%s %s ' "$k" "${links[$k]}"; done)"
lab down

sites_more() {
    [ "$1" != a ] || printf 'durability=remote\ndurability_policy=refuse\ndurability_timeout=60s\n'
}
acked=0
for ((round = 1; round <= ${POWER_ROUNDS:-2}; round++)); do
    servers_up
    at a mkdir "$root_a/box"
    at a "$tools/mailer" write --writers $writers --database --seconds 3600 --acks /dev/fd/3 "$root_a/box" \
        3>"$work/acks" >"$work/mailer" 2>&1 &
    mailer=$!
    eventually test -s "$work/acks"
    pause "$((RANDOM % 2)).$((RANDOM % 10))"
    kill -0 $mailer || die "a writer failed: $(cat "$work/mailer")"
    lab power off a1 || die "the power switch does not answer"
    wait $mailer
    eventually is b disconnected
    must doppel b wait mail --queue-empty
    must doppel b wait mail --consistent
    chaos_copy
    at b sh -c "cat >/root/acks" <"$work/acks"
    at b "$tools/mailer" check --writers $writers --database --acks /root/acks "$copy/box" ||
        die "the target lacks what was promised"
    acked=$((acked + $(wc -l <"$work/acks")))
    lab down
done
figure "$((round - 1)) times the source lost its power: none of $acked synced steps is lost"
[ $failed = 0 ] || die "durability=remote"
echo "2 passed, 0 failed, 0 skipped"
