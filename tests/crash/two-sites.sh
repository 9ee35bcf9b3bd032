#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two stand-alone servers on this host, as administrators set them up: keys, pairing, a set, a
# connection by TLS, files written through the capture that appear at the other site; then every
# process is killed under load, each in turn, and at the end both sides are equal.
# two-sites.sh [DIR]: DIR holds the programs, else those of the build are taken.
# shellcheck source=tests/crash/sites-lib.sh
. "$(dirname "$0")/sites-lib.sh" || exit 1
sites_stage "$@"
sites_more() { [ "$1" = b ] || echo compression=3; }
sites_start
sites_pair
sites_set
sites_protect

echo hello >"$root_a/first"
arrived() { [ "$(cat "$root_b/$1")" = "$2" ]; }
eventually arrived first hello
[ $failed = 0 ] && echo "PRINT a file written at one site is read at the other"
# What can be made smaller on the wire is, and that is counted.
yes doppel | head -c 1000000 >"$root_a/second"
packed() { field a compression_ratio | grep -qE '^([2-9]|[1-9][0-9]+)\.'; }
eventually packed
rm "$root_a/second"

# Who takes a peer's messages has given up what he does not need.
for who in a b; do
    for name in engine door; do
        status=/proc/$(victim $who $name)/status
        grep -q '^Seccomp:.*2$' "$status" || complain "$name at $who may make any system call"
        grep -q '^NoNewPrivs:.*1$' "$status" || complain "$name at $who may get more rights"
    done
done
grep -q '^CapBnd:.*000000000000000c$' "/proc/$(victim a engine)/status" || complain "the link has rights to give"
grep -q not-enclosed "$work/a/log" && echo "PRINT the kernel has no Landlock: the link may write elsewhere"

# Under load each process dies twice.
load() {
    local n=0 dir=$root_a
    while [ ! -e "$work/enough" ]; do
        n=$((n + 1))
        mkdir -p "$dir/d$((n % 20))"
        head -c $((n % 7000)) /dev/urandom >"$dir/d$((n % 20))/new.$n" || return 1
        mv "$dir/d$((n % 20))/new.$n" "$dir/d$((n * 7 % 20))/$((n % 300))" 2>/dev/null
        [ $((n % 5)) != 0 ] || rm -f "$dir/d$((n % 20))/$((n % 300))"
        [ $((n % 7)) != 0 ] || chmod 640 "$dir"/d$((n % 20))/* 2>/dev/null
    done
    echo "$n" >"$work/loaded"
}
if [ $failed = 0 ]; then
    load &
    loader=$!
    for _ in 1 2; do
        for who in a b; do
            for name in engine door doppeld; do
                strike $who $name || complain "no $name at $who"
                pause 0.5
                eventually protected
            done
        done
        strike a worker || complain "no worker"
        pause 0.5
    done
    echo "PRINT all processes were killed twice"
    touch "$work/enough"
    wait $loader || complain "the load failed"
    equal
    [ $failed = 0 ] && echo "PRINT equal after $(cat "$work/loaded") rounds of load, $(find "$root_b" -type f | wc -l) files"
fi
# Rules of a set that is captured: the capture follows the old ones until it starts again.
wants 6 'follows the old rules' doppel a set add mail "$root_a/left-out" --exclude
wants 6 'follows the old rules' doppel a set remove mail "$root_a/left-out"
wants 4 'say --equal at site site-a' doppel b connect mail --equal
sites_end
