#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Mirrors between two stand-alone servers: a tree that was there before, a first connection that
# begins with a mirror while the application writes, processes killed in the middle; a replica that
# was changed by hand; orphans each way; the guards; a journal that begins anew.
# mirror.sh [DIR]: DIR holds the programs, else those of the build are taken.
# shellcheck source=tests/crash/sites-lib.sh disable=SC2154
. "$(dirname "$0")/sites-lib.sh" || exit 1
sites_stage "$@"
sites_start
sites_pair

report() { doppel a --output-as=json mirror status mail; }
mirror_is() { [ "$(report | value mirror)" = "$1" ]; }
last() { report | sed -n '/"last"/,/}/p' | value "$1"; }
ended_after() { [ "$(last number)" -gt "$1" ]; }
# A mirror by a person's command, to its end.
mirror() {
    local before
    before=$(last number)
    must doppel a mirror start mail "$@"
    eventually ended_after "${before:-0}"
    eventually over
}
over() { ! is a mirroring; }
consistent() { [ "$(field b consistent)" = true ]; }
settled() {
    eventually protected
    eventually consistent
    equal
}

# What stood there before there was a set: of every kind.
mkdir -p "$root_a/old/deep/er" "$root_a/emptied"
for i in $(seq 100); do head -c $((i * 37 % 9000)) /dev/urandom >"$root_a/old/f$i"; done
head -c 3000000 /dev/urandom >"$root_a/old/deep/big"
truncate -s 8M "$root_a/old/deep/sparse"
printf x | dd of="$root_a/old/deep/sparse" bs=1 seek=4000000 conv=notrunc status=none
ln "$root_a/old/f1" "$root_a/old/deep/er/link"
ln -s ../f2 "$root_a/old/deep/symlink"
mkfifo "$root_a/old/fifo"
chown 1234:4321 "$root_a/old/f3"
chmod 640 "$root_a/old/f3"
touch -d '2001-02-03 04:05:06' "$root_a/old/f5"
printf 'odd\n' >"$root_a/old/$(printf 'new\nline\377')"

sites_set
eventually is a 'mirror needed'
doppel a status mail | grep -q '^next: *doppel connect mail' || complain "a new replica does not wait for a person"

load() {
    local n=0 dir=$root_a
    while [ ! -e "$work/enough" ]; do
        n=$((n + 1))
        mkdir -p "$dir/d$((n % 20))"
        head -c $((n % 7000)) /dev/urandom >"$dir/d$((n % 20))/new.$n" || return 1
        mv "$dir/d$((n % 20))/new.$n" "$dir/d$((n * 7 % 20))/$((n % 300))" 2>/dev/null
        [ $((n % 5)) != 0 ] || rm -f "$dir/d$((n % 20))/$((n % 300))"
        [ $((n % 7)) != 0 ] || chmod 640 "$dir"/d$((n % 20))/* 2>/dev/null
        [ $((n % 11)) != 0 ] || mv "$dir/old/f$((n % 100))" "$dir/d$((n % 20))/" 2>/dev/null
        [ $((n % 31)) != 0 ] || mv "$dir/d$((n % 20))" "$dir/old/d.$n" 2>/dev/null
        [ $((n % 13)) != 0 ] || ln "$dir/old/f$((n * 3 % 100))" "$dir/d$((n % 20))/l.$n" 2>/dev/null
        [ $((n % 17)) != 0 ] || printf %s "$n" >>"$dir/old/deep/big"
    done
    echo "$n" >"$work/loaded"
}
load &
loader=$!
must doppel a connect mail
eventually protected
[ $failed = 0 ] && echo "PRINT a first connection begins with a mirror under load: $(last objects) objects in $(last seconds) s"

# Each process dies in the middle of one, which a limit makes long enough: it goes on by itself, as
# what compares.
for who in a b; do
    for name in engine door doppeld; do
        [ $failed = 0 ] || break
        eventually protected
        must doppel a limit mail --bandwidth=300K
        must doppel a mirror start mail --kind=full
        eventually is a mirroring
        strike $who $name || complain "no $name at $who"
        must doppel a limit mail --none
    done
done
touch "$work/enough"
wait $loader || complain "the load failed"
settled
[ $failed = 0 ] && echo "PRINT equal after $(cat "$work/loaded") rounds of load, $(find "$root_b" -type f | wc -l) files, every process killed in a mirror"

# Somebody changes the replica.
if [ $failed = 0 ]; then
    victim_file=$(find "$root_b/old" -type f -size +2k | head -n 1)
    printf CHANGED | dd of="$victim_file" bs=1 seek=1000 conv=notrunc status=none
    rm -f "$(find "$root_b/old" -type f -size +1k | tail -n 1)"
    echo stranger >"$root_b/stranger"
    mirror --test
    [ "$(last orphans)" = 1 ] || complain "a test finds $(last orphans) orphans, not 1"
    [ -e "$root_b/stranger" ] || complain "a test has changed the replica"
    mirror --orphans=list
    [ -e "$root_b/stranger" ] || complain "an orphan that was to be listed is gone"
    doppel b orphans mail list | grep -q stranger || complain "the orphan is not listed"
    mirror --orphans=move
    [ ! -e "$root_b/stranger" ] || complain "a moved orphan is still there"
    [ -n "$(find "$disk_b/.doppel/mail/orphans" -name '*stranger')" ] || complain "a moved orphan is nowhere"
    settled
    echo stranger >"$root_b/stranger"
    must doppel a orphans mail delete
    gone() { [ ! -e "$root_b/stranger" ]; }
    eventually gone
    settled
    [ $failed = 0 ] && echo "PRINT a replica that was changed by hand is repaired; orphans are listed, moved, deleted"
fi

# Too many orphans are asked about first.
if [ $failed = 0 ]; then
    for i in $(seq 400); do echo x >"$root_b/many.$i"; done
    must doppel a mirror start mail
    eventually mirror_is stopped
    [ -e "$root_b/many.1" ] || complain "the guard came too late"
    eventually is a 'mirror needed'
    doppel a status mail | grep -q '^wrong:.*would take' || complain "the guard's reason is not said"
    mirror --accept-deletes
    [ ! -e "$root_b/many.1" ] || complain "orphans stay that may go"
    settled
    [ $failed = 0 ] && echo "PRINT too many orphans are asked about first"
fi

# A journal that does not go on where the other ended: all is compared, by itself.
if [ $failed = 0 ]; then
    epoch=$(field a epoch)
    before=$(last number)
    must "$libexec/doppel-capture" --stop --set mail --run-dir "$work/a/run/capture" --timeout 60
    echo unseen >"$root_a/unseen"
    epoch_after() { [ "$(field a epoch)" -gt "$epoch" ]; }
    eventually epoch_after
    eventually ended_after "$before"
    echo seen >"$root_a/seen"
    settled
    [ "$(cat "$root_b/seen")" = seen ] || complain "what came behind the mirror is not there"
    [ $failed = 0 ] && echo "PRINT a journal that begins anew ends in a mirror by itself"
fi

# A root without anything in it is not believed.
if [ $failed = 0 ]; then
    find "$root_a" -mindepth 1 -delete
    must doppel a wait mail --idle --timeout="${patience}s"
    must doppel a mirror start mail
    eventually mirror_is stopped
    doppel a mirror status mail | grep -q 'is empty' || complain "the guard's reason is not said"
    mirror --accept-empty
    settled
    [ $failed = 0 ] && echo "PRINT an empty root stops a mirror until somebody means it"
fi
sites_end
