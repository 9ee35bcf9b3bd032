#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A journal that ends is followed by a new one, by itself: under load, with the worker dying at each
# step of the way, when the journal's disk has room again, and ever later when journals end soon. No
# application sees anything, and each new journal is a valid child of the one before it.
. "${srcdir:-.}/tests/crash/capture-lib.sh" || exit 1
stage "$@"
call=$build/tests/crash/capture-call
killer=$build/tests/crash/capture-kill

# What the status page says.
json() { "$program" --status --set test --run-dir "$work/run" --output-as=json; }
field() { json | sed -n "s/^.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p" | head -n 1; }
journals() { [ "$(field mode)" = journal ]; }
passes() { [ "$(field mode)" = pass ]; }
ends_above() { [ "$(field journal_ends)" -gt "$1" ]; }
begun_above() { [ "$(grep -c 'a new journal has begun' "$work/errors")" -gt "$1" ]; }

bulk() {
    local n=0
    while [ ! -e "$work/enough" ]; do
        n=$((n + 1))
        [ "$("$call" write "$root/bulk-$((n % 4))" 4000000)" = ok ] || { echo "a write failed"; return 1; }
        [ "$("$call" rename "$root/bulk-$((n % 4))")" = ok ] || { echo "a rename failed"; return 1; }
        [ "$("$call" unlink "$root/bulk-$((n % 4)).new")" = ok ] || { echo "an unlink failed"; return 1; }
    done
}

# The newest epoch reads to its end and begins with the roots.
valid() {
    "$build/doppel" journal show --dir "$work/journal" >"$work/shown"
    local code=$?
    [ $code = 0 ] || [ $code = 6 ] || { tail -3 "$work/shown"; die "the new journal cannot be read: $code"; }
    grep -m1 -E '^ *0 ' "$work/shown" | grep -q root || { head -5 "$work/shown"; die "its first record is no root"; }
}

# Under load, and the worker dies at each step.
anew
"$killer" make "$work/inject" || die "no file of injections"
capture --inject "$work/inject" --crash-bound 0/0 --journal-max 16 --segment 4 --renew-wait 0/1 --sync-interval 1
mkdir "$root/game"
epoch=$(field epoch)
"$build/tests/crash/load" --dir "$root/game" --threads 2 --seconds "${1:-6}" --seed "$RANDOM" >"$work/load" 2>&1 &
loader=$!
bulk >"$work/bulk" 2>&1 &
bulker=$!
wait_for begun_above 1 || die "no new journal"
"$killer" renew "$work/inject" 120 >"$work/kill" || { cat "$work/kill"; die "a step was not met"; }
"$killer" off "$work/inject" >>"$work/kill"
begun=$(grep -c 'a new journal has begun' "$work/errors")
wait_for begun_above "$begun" || die "no new journal after the deaths"
touch "$work/enough"
wait $bulker || { cat "$work/bulk"; die "an application saw a fault"; }
wait $loader || { grep -v '^stall' "$work/load"; die "an application saw a fault"; }
wait_for journals || die "there is no journal at the end"
[ "$(field epoch)" -gt "$epoch" ] || die "the epoch is the same"
grep -h -E '^kill:|^load: .* (calls,|waited)' "$work/kill" "$work/load"
echo "$(field journal_ends) journals ended, $(grep -c 'a new journal has begun' "$work/errors") began, $(field takeovers) workers died"
! grep 'past the mount' "$work/errors" || die "a change of ours counts as a bypass"
uncapture
valid
[ "$(find "$work/journal" -name '*.seg' -printf '%f\n' | cut -c-16 | sort -u | wc -l)" = 1 ] || die "old journals are left"
echo "ok: a journal begins anew under load, whatever dies"

# The journal's disk is full, and has room again.
anew
rm -f "$work/enough"
mkdir "$work/tiny"
truncate -s 32M "$work/tiny.image"
mkfs.ext4 -q -F -m 0 "$work/tiny.image" && mount -o loop "$work/tiny.image" "$work/tiny" || skip "no loop device"
rmdir "$work/journal"
ln -s "$work/tiny" "$work/journal"
: >"$work/errors"
capture --segment 4 --journal-min-free 1 --renew-wait 0/1
fallocate -l 17M "$work/tiny/other"
for i in 1 2 3 4 5; do
    [ "$("$call" write "$root/file-$i" 4000000)" = ok ] || die "a write failed"
done
wait_for ends_above 0 || die "the journal's end was not told"
# Room for nothing: as much as the old journal leaves is taken at once.
fill() {
    local n
    for n in $(seq 40); do
        passes && grep -q 'no new journal yet' "$work/errors" && return 0
        dd if=/dev/zero of="$work/tiny/other-$n" bs=1M count=40 2>/dev/null
        [ "$("$call" write "$root/file-$n" 4000000)" = ok ] || die "a write failed"
    done
    wait_for grep -q 'no new journal yet' "$work/errors"
}
fill || die "a full disk was not told"
passes || die "there is a journal on a full disk"
[ "$(grep -c 'no new journal yet' "$work/errors")" -le 2 ] || die "it is told again and again"
[ "$("$call" write "$root/file-9" 4000000)" = ok ] || die "a write failed"
rm "$work/tiny"/other*
wait_for journals || die "no journal though there is room"
[ "$("$call" write "$root/file-9" 100)" = ok ] || die "a write failed"
uncapture
valid
umount "$work/tiny"
rm "$work/journal" "$work/tiny.image"
echo "ok: it begins when there is room"

# Journals that end soon begin ever later, and somebody who waits is heard.
anew
: >"$work/errors"
capture --journal-max 12 --segment 4 --renew-wait 1/600
ends=0
for i in 1 2; do
    until ends_above "$ends"; do
        [ "$("$call" write "$root/file" 4000000)" = ok ] || die "a write failed"
    done
    ends=$(field journal_ends)
    begun_above $((i - 1)) || wait_for begun_above $((i - 1)) || die "no new journal"
done
grep -q '2 journals in a row ended soon: the next one begins in 2 s' "$work/errors" || die "the wait is not told"
kill -HUP "$keeper"
wait_for journals || die "there is no journal"
uncapture
echo "ok: journals that end soon begin later"
echo "PASS"
