#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A worker dies and leaves damaged memory: its successor does not believe it. A result that is not what was
# noted is made again, once; an object that is not is refused, and no other one is touched.
. "${srcdir:-.}/tests/crash/capture-lib.sh" || exit 1
stage "$@"
damage=$build/tests/crash/capture-damage

field() {
    "$program" --run-dir "$work/run" --status --set test | sed -n "s/^  $1  *//p"
}

is_dead() { grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }

# revive: the keeper goes on, and starts a worker.
revive() {
    kill -CONT "$keeper"
    wait_for sh -c "pgrep -P $keeper -x doppel-worker >/dev/null" || die "no new worker"
}

"$build/tests/crash/capture-kill" make "$work/inject" || die "no file of injections"
capture --inject "$work/inject"
old=$(worker)
kill -STOP "$keeper"
"$damage" arm "$work/inject" 9 DONE || die "not armed"
mkdir "$root/made" &
maker=$!
wait_for is_dead "$old" || die "the worker did not die at its point"
[ -d "$work/disk/root" ] && "$damage" result "$keeper" || die "nothing was damaged"
revive
wait "$maker" || die "the application sees an error"
[ -d "$root/made" ] && [ "$(stat -c %F "$root/made")" = directory ] || die "the directory is not there"
grep -q "a result is not what was noted" "$work/errors" || die "the damage was not noticed"
given_up() { [ "$(field mode)" = pass ] && [ "$(field mirror-reason)" = "the journal's shared memory is damaged" ]; }
wait_for given_up || die "the journal is believed: $(field mode) $(field mirror-reason)"
rmdir "$root/made"
uncapture
echo "ok: a damaged result is made again"

rm -rf "$work/journal" && mkdir "$work/journal"
echo bad >"$root/bad"
echo good >"$root/good"
capture
cat "$root/bad" "$root/good" >"$work/list" || die "the files"
old=$(worker)
inode=$(stat -c %i "$root/bad")
kill -STOP "$keeper"
kill -KILL "$old"
wait_for is_dead "$old" || die "the worker lives"
"$damage" node "$keeper" "$inode" || die "nothing was damaged"
revive
wait_for given_up || die "the journal is believed"
grep -q "objects are not what was noted" "$work/errors" || die "the damage was not noticed"
! LC_ALL=C sh -c "echo more >>'$root/bad'" 2>"$work/said" || die "something was written somewhere"
grep -qE "Stale file handle|I/O error" "$work/said" || die "$(cat "$work/said")"
echo more >>"$root/good" || die "an object that is whole is refused"
[ "$(cat "$root/good")" = $'good\nmore' ] || die "another object was changed"
uncapture
[ "$(cat "$root/bad")" = bad ] || die "the damaged object was changed"
echo "ok: a damaged object is refused"

rm -rf "$work/journal" && mkdir "$work/journal"
capture
touch "$root/before"
old=$(worker)
kill -STOP "$keeper"
kill -KILL "$old"
wait_for is_dead "$old" || die "the worker lives"
"$damage" arena "$keeper" || die "nothing was damaged"
mkdir "$root/waits" &
maker=$!
revive
wait "$maker" || die "the application sees an error"
wait_for given_up || die "the journal is believed"
touch "$root/after" || die "the mount does not go on"
grep -q "the journal is not what was noted" "$work/errors" || die "the damage was not told"
uncapture
[ -e "$root/before" ] && [ -d "$root/waits" ] && [ -e "$root/after" ] || die "something is lost"
replay >"$work/replayed" 2>&1
grep -q "mirror" "$work/replayed" || { cat "$work/replayed"; die "the journal on the disk does not say it"; }
echo "ok: without the journal in memory the mount goes on"
echo "PRINT sums: $("$damage" cost)"
echo PASS
