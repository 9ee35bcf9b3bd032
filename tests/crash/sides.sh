#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A set changes its side and changes it back, by the role's own rules and two daemons that follow:
# nothing is lost, what only the old source has is kept aside, and nothing of an earlier time is
# believed. The last time doppeld is killed behind each change.
# sides.sh [DIR]: DIR holds the programs, else those of the build are taken.
# shellcheck source=tests/crash/sites-lib.sh disable=SC2154
. "$(dirname "$0")/sites-lib.sh" || exit 1
sites_stage "$@"
# shellcheck disable=SC2317
sites_more() { [ "$1" = b ] || printf '[target]\nroot=%s\n' "$disk_a"; }
sites_start
sites_pair
sites_set
sites_protect
cp "$build/tests/crash/set-side" "$work/"

role_is() { [ "$(doppel "$1" --output-as=json set show mail | value role)" = "$2" ]; }
# become SITE EVENT GENERATION [KEY=VALUE]...: the event, and its role afterwards.
become() {
    doppel "$1" store export >"$work/export.$1" || complain "no export at $1"
    "$work/set-side" mail "${@:2}" <"$work/export.$1" >"$work/import" || complain "$*"
    must doppel "$1" store import --replace "$work/import"
}
captured() { doppel "$1" --output-as=json status mail | grep -A1 '"capture"' | grep -q '"serving"'; }
uncaptured() { ! captured "$1" && ! mountpoint -q "$(get root "$1")"; }
drained() { [ "$(field "$1" sent_all)" = true ]; }
consistent() { [ "$(field "$1" consistent)" = true ]; }
knows_rules() { doppel "$1" --output-as=json set show mail | grep -q peer_rules; }
count_of() { find "$1" -type f | wc -l; }
kills=no
killed() { [ $failed != 0 ] || [ $kills = no ] || strike "$1" doppeld || complain "no doppeld at $1"; }

# away FROM TO GENERATION: FROM lets go, all is sent, TO serves.
away() {
    eventually knows_rules "$2"
    become "$2" ANNOUNCE "$3"
    killed "$2"
    become "$1" RELEASE "$3"
    killed "$1"
    eventually uncaptured "$1"
    eventually drained "$1"
    become "$1" CEDE "$3"
    "$compare" "$root_a" "$root_b" || complain "the sites differ when $2 is to serve with $3"
    become "$2" RAISE "$3"
    killed "$2"
    eventually captured "$2"
    become "$1" MEET "$3"
    killed "$1"
    role_is "$1" superseded || complain "$1 is not superseded"
}
# home SITE OTHER GENERATION: SITE stands by for OTHER, which serves, and comes to equal it.
home() {
    doppel "$2" store export >"$work/export.$2"
    echo "nobody saw this at $1" >"$(get root "$1")/old/f100"
    become "$1" STAND_BY "$3" "peer=site-$2" "PEER-MAP=$work/export.$2"
    killed "$1"
    must doppel "$2" connect mail
    eventually is "$2" 'mirroring|mirror needed|protected'
    eventually consistent "$1"
    eventually is "$1" protected
}
both_equal() {
    must doppel "$1" wait mail --idle --timeout="${patience}s"
    "$compare" "$root_a" "$root_b" || complain "the sites differ while $1 serves"
}

mkdir "$root_a/old"
for i in $(seq 200); do head -c $((i * 41 % 9000)) /dev/urandom >"$root_a/old/f$i"; done
setfattr -n user.kind -v mail "$root_a/old/f1"
both_equal a

away a b 2
[ $failed = 0 ] && echo "PRINT the target serves with all that the source had, $(count_of "$root_b") files"
# Both go on for themselves: users at b, and a what it had that never went over.
getfattr -d -m - "$root_b/old/f1" | grep -q doppel && complain "marks of the replica are seen through the capture"
echo new >"$root_b/new"
for i in $(seq 50); do rm "$root_b/old/f$i"; done
for i in $(seq 51 60); do echo "changed at b" >>"$root_b/old/f$i"; done
mv "$root_b/old/f61" "$root_b/moved"
mkdir "$root_a/lost"
echo precious >"$root_a/lost/mail"
echo other-here >"$root_a/old/f51"
head -c 70000 /dev/urandom >"$root_a/old/f62"
cp "$root_a/old/f62" "$work/f62"

load() {
    local n=0
    while [ ! -e "$work/enough" ]; do
        n=$((n + 1))
        echo "$n" >"$root_b/load.$((n % 500))" || return 1
        pause 0.01
    done
}
load &
loader=$!
home a b 2
touch "$work/enough"
wait $loader || complain "the service at b was disturbed"
both_equal b
aside=$disk_a/.doppel/mail/orphans
[ "$(cat "$aside"/*-lost/mail 2>/dev/null)" = precious ] || complain "what only the old source had is lost"
grep -q other-here "$aside"/*-f51 2>/dev/null || complain "what the old source had otherwise is lost"
cmp -s "$aside"/*-f62 "$work/f62" || complain "a large file of the old source is lost"
for name in lost old/f51 old/f62; do
    doppel a orphans mail list | grep -qx ".*$name" || complain "$name is not listed"
done
[ $failed = 0 ] && echo "PRINT the old source equals the new one, under load; what it alone had is kept and listed"

# Back again, and once more: what an earlier time left at either site is not believed.
generation=3
for kills in no yes; do
    [ $failed = 0 ] || break
    away b a $generation
    echo "at a, $generation" >"$root_a/a.$generation"
    rm -f "$root_a/new"
    home b a $generation
    both_equal a
    generation=$((generation + 1))
    away a b $generation
    echo "at b, $generation" >"$root_b/b.$generation"
    echo again >"$root_b/new"
    home a b $generation
    both_equal b
    generation=$((generation + 1))
done
[ $failed = 0 ] && echo "PRINT there and back $((generation - 1)) times, $(count_of "$root_b") files, equal each time"
sites_end
