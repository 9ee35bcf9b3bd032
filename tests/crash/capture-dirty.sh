#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The dirty log of a capture: every extent of an old file that a random load has changed must be in it,
# by whatever call it was changed, with workers that die meanwhile, and after a SIGKILL of everything.
#   capture-dirty.sh [SECONDS]      of each load [2]
srcdir=${srcdir:-.}
# shellcheck source=tests/crash/capture-lib.sh
. "$srcdir/tests/crash/capture-lib.sh"
stage "$@"
seconds=${1:-2}
check=$build/tests/crash/dirty-check
log=$work/disk/.doppel/dirty
seed=${DPL_SEED:-$$}
echo "seed $seed"

# The state that both sites are to have, and a log that begins with it as its mark. Files become old by
# the clock: their birth must lie in front of the mark's time.
begin() {
    rm -rf "$root" "$work/disk/.doppel" "$work/journal" && mkdir "$root" "$work/journal" || die "no room"
    "$check" make "$root" || die "files"
    "$program" --dirty-log-create "$log" --dirty-log-size 4 "$@" || die "the log could not be made"
    "$check" snapshot "$root" "$work/past" || die "snapshot"
}

released() {
    ! captured
}

compare() {
    "$check" compare "$root" "$work/past" "$log" || die "$1"
}

"$program" --dirty-log-create "$log" 2>/dev/null || die "the log could not be made"
"$program" --dirty-log-create "$log" 2>/dev/null && die "a log was made in place of one"
rm "$log"

# Beneath a root it would wait for itself.
"$program" --set test --root "$root" --journal "$work/journal" --run-dir "$work/run" --foreground \
    --dirty-log "$root/dirty" 2>"$work/refused" && die "a log beneath the root was accepted"
grep -q 'lies beneath the root' "$work/refused" || die "the refusal says: $(cat "$work/refused")"

echo "a clean end"
begin
capture --dirty-log "$log"
"$check" load "$root" "$seconds" "$seed"
uncapture
compare "after a clean end"

echo "workers that die"
begin
"$build/tests/crash/capture-kill" make "$work/inject"
capture --dirty-log "$log" --inject "$work/inject" --crash-bound 0/0
"$build/tests/crash/capture-kill" random "$work/inject" 1500 0
"$check" load "$root" "$seconds" $((seed + 1))
"$build/tests/crash/capture-kill" off "$work/inject"
uncapture
compare "with workers that die"

echo "deaths around the log's write"
begin
"$build/tests/crash/capture-kill" make "$work/inject"
capture --dirty-log "$log" --inject "$work/inject" --crash-bound 0/0
"$check" load "$root" "$seconds" $((seed + 2)) &
"$build/tests/crash/capture-kill" dirty "$work/inject" "$seconds" || die "not all points were met"
wait $!
uncapture
compare "with deaths around the log's write"

echo "everything killed"
begin
capture --dirty-log "$log"
"$check" load "$root" 30 $((seed + 3)) &
loaded=$!
read -rt "$seconds" <>"$work/never" || :
kill -STOP "$keeper"
# shellcheck disable=SC2046
kill -KILL $(pgrep -P "$keeper") "$keeper"
wait "$keeper" 2>/dev/null
keeper=
wait "$loaded" # it meets a mount without a server
umount -l "$root" 2>/dev/null
wait_for released || die "the mount is still there"
compare "after a SIGKILL of everything"

echo "the next owner goes on"
capture --dirty-log "$log"
"$check" load "$root" "$seconds" $((seed + 4))
uncapture
compare "by the next owner"

echo "objects younger than the mark are not named"
begin --dirty-log-mark
capture --dirty-log "$log"
"$check" load "$root" 0.3 "$seed"
uncapture
[[ $("$check" show "$log") == "everything=0 entries=0 mark=1 "* ]] || die "new files are named: $("$check" show "$log")"

echo "a log that is missing or damaged"
rm "$log"
capture --dirty-log "$log"
uncapture
[[ $("$check" show "$log") == "everything=1 "* ]] || die "a missing log: $("$check" show "$log")"
begin
printf x | dd of="$log" bs=1 seek=9000 conv=notrunc status=none
capture --dirty-log "$log"
uncapture
[[ $("$check" show "$log") == "everything=1 "* ]] || die "a damaged log: $("$check" show "$log")"
grep -q 'made anew' "$work/errors" || die "nothing was said of a log that is made anew"
echo "capture-dirty: done"
