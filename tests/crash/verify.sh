#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Comparing two stand-alone servers (doppel verify): equal while the application writes, the truth about a replica
# that was changed by hand, nothing changed by it, also when anybody is killed in the middle; and the repair.
# verify.sh [DIR]: DIR holds the programs, else those of the build are taken.
# shellcheck source=tests/crash/sites-lib.sh disable=SC2154
. "$(dirname "$0")/sites-lib.sh" || exit 1
sites_stage "$@"
sites_start
sites_pair
sites_set
sites_protect

mkdir -p "$root_a/old/deep"
for i in $(seq 60); do head -c $((i * 97 % 9000 + 10)) /dev/urandom >"$root_a/old/f$i"; done
head -c 3000000 /dev/urandom >"$root_a/old/deep/big"
eventually [ -e "$root_b/old/deep/big" ]

wants 4 "type this at site site-a" doppel b verify mail
wants 2 "SET is needed" doppel a verify
load() {
    local n=0
    while [ ! -e "$work/enough" ]; do
        n=$((n + 1))
        echo "$n" >"$root_a/old/hot" || return 1
        echo "$n" >"$root_a/load.$((n % 200))" || return 1
        [ $((n % 7)) != 0 ] || mv "$root_a/load.$((n % 200))" "$root_a/old/moved.$((n % 30))"
        [ $((n % 11)) != 0 ] || rm -f "$root_a/old/moved.$((n % 30))"
    done
}
load &
loader=$!
for _ in 1 2 3; do
    wants 0 "^set mail: equal: [0-9]+ objects compared, at position" doppel a verify mail
done
touch "$work/enough"
wait $loader || complain "the load failed"
[ $failed = 0 ] && echo "PRINT equal, while the application writes: $(cat "$work/out")"

# By hand, with times as before: size and time say nothing.
settled() { [ "$(field b queue_bytes)" = 0 ] && same >/dev/null; }
eventually settled
touch -r "$root_b/old" "$work/time"
touch -r "$root_b/old/f7" "$work/time7"
printf X | dd of="$root_b/old/f7" bs=1 seek=5 conv=notrunc status=none
touch -r "$work/time7" "$root_b/old/f7"
rm "$root_b/old/f9"
echo stranger >"$root_b/old/$(printf 'stran\nger')"
chmod 600 "$root_b/old/f10"
touch -r "$work/time" "$root_b/old"
sum_of() { (cd "$root_b" && find . -printf '%p %i %m %s %T@ %C@\n' | sort && find . -type f -exec sha256sum {} + | sort) | sha256sum; }
before=$(sum_of)
judge() {
    wants 3 "not equal: .* at site site-b 1 missing, 2 otherwise, 1 too many; 0 changed" doppel a verify mail
    for line in "missing    old/f9" "differs    old/f7" "differs    old/f10" "extra      old/stran"; do
        grep -q "^  $line" "$work/out" || { complain "no \"$line\""; cat "$work/out"; }
        grep -q "^$line" "$disk_b/.doppel/mail/differences" || complain "no \"$line\" in the list"
    done
    [ "$(wc -l <"$disk_b/.doppel/mail/differences")" = 4 ] || complain "the list has other lines"
    [ "$(sum_of)" = "$before" ] || complain "a comparison has changed the replica"
    [ "$(field b consistent)" = true ] || complain "the replica is not consistent by a comparison"
}
judge
wants 3 '"equal": false' doppel a --output-as=json verify mail
[ "$(value extra <"$work/out")$(grep -c '"what"' "$work/out")" = 4 ] || { complain "the document is wrong"; cat "$work/out"; }
[ $failed = 0 ] && echo "PRINT what was changed by hand is told, all of it and nothing else"

# Killed in the middle, which a limit makes long enough: it begins again by itself, and nothing has changed.
running() { doppel a mirror status mail | grep -q '^mirror: *running'; }
for who in a b; do
    for name in engine door doppeld; do
        [ $failed = 0 ] || break
        eventually protected
        must doppel a limit mail --bandwidth=2K
        doppel a verify mail >"$work/verified" 2>&1 &
        client=$!
        eventually running
        strike $who $name || complain "no $name at $who"
        must doppel a limit mail --none
        wait $client
        code=$?
        [ $code = 3 ] || [ $who$name = adoppeld ] || { complain "verify: $code, with $name at $who killed"; cat "$work/verified"; }
        [ "$(sum_of)" = "$before" ] || complain "killing $name at $who has changed the replica"
    done
done
eventually protected
quiet() { ! running; }
eventually quiet
judge
[ $failed = 0 ] && echo "PRINT nothing has changed with any process killed in a comparison"

wants 0 "repaired: " doppel a verify mail --repair
eventually protected
wants 0 "^set mail: equal" doppel a verify mail
equal
sites_end
