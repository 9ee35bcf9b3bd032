#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The life of a captured mount: refusals that leave nothing behind, a stale mount, a busy one, the death
# of the keeper, a new program under a live mount, a loop of crashes.
. "${srcdir:-.}/tests/crash/capture-lib.sh" || exit 1
stage "$@"
load=$build/tests/crash/load

# refused "TEXT" OPTION...: the start fails with this in its line, and nothing is mounted.
refused() {
    local text=$1 out code
    shift
    out=$(timeout 120 "$program" --run-dir "$work/run" --foreground --set test --journal "$work/journal" "$@" 2>&1)
    code=$?
    [ $code != 0 ] || die "not refused: $*"
    grep -qF -- "$text" <<<"$out" || die "refused otherwise: $out"
    ! captured || die "refused, but mounted"
}

refused "does not exist" --root "$work/disk/nothing"
refused "directory" --root "$work/image"
refused "mount point" --root "$work/disk"
mkdir "$root/beneath"
refused "beneath" --root "$root" --root "$root/beneath"
rmdir "$root/beneath"
mkdir "$root/journal"
refused "the journal" --root "$root" --journal "$root/journal"
rmdir "$root/journal"
refused "journal directory" --root "$root" --journal "$work/nothing"
mkdir "$root/mounted"
mount -t proc none "$root/mounted"
refused "$root/mounted" --root "$root"
umount "$root/mounted"
rmdir "$root/mounted"
refused "handles" --root /proc/1
echo "ok: what cannot work is refused, and nothing is left"

capture
refused_second=$(timeout 120 "$program" --run-dir "$work/run" --foreground --set other --root "$root" --journal "$work/journal" 2>&1) &&
    die "captured twice"
grep -q "captured already" <<<"$refused_second" || die "$refused_second"
captured || die "the second start has unmounted the first"
exec 7>"$root/open"
kill -TERM "$keeper"
wait_for grep -q "is in use: waiting" "$work/errors" || die "a busy mount was not told"
touch "$root/open" || die "a busy mount does not serve"
exec 7>&-
wait "$keeper" || die "the stop failed"
keeper=
! captured || die "the mount is still there"
rm "$root/open"
echo "ok: a stop waits for the users of the mount"

rm -rf "$work/journal" && mkdir "$work/journal"
capture --crash-bound 0/0
mkdir "$root/game"
"$load" --dir "$root/game" --threads 3 --seconds 1200 >"$work/load" 2>&1 &
loader=$!
trap 'kill $loader 2>/dev/null; tidy' EXIT
# goes_on: the load writes on from now, and not only before something died.
size() { stat -c %s "$root/game/load.$loader/append" 2>/dev/null || echo 0; }
longer() { [ "$(size)" -gt "$written" ]; }
goes_on() {
    written=$(size)
    wait_for longer
}
# successor: a keeper that goes on, and has a worker. One that is about to go may still be listed.
successor() {
    keeper=$(pgrep -f "^$program --run-dir $work/run .*--resume" -o) && [ -n "$(worker)" ]
}
for _ in 1 2 3; do
    goes_on || die "the load stands still"
    # The keeper's successor is a child of the worker that was. Both dying in one moment is the end.
    old=$(worker)
    kill -KILL "$keeper"
    keeper=
    wait_for sh -c "! kill -0 $old 2>/dev/null" || die "the worker did not notice its keeper's death"
    wait_for successor || die "no new keeper"
done
for _ in 1 2 3; do
    goes_on || die "the load stands still"
    old=$(worker)
    kill -USR2 "$keeper"
    wait_for sh -c "! kill -0 $old 2>/dev/null" || die "the worker was not replaced"
done
kill -TERM "$loader"
wait "$loader" || { grep -v '^stall' "$work/load" | head -50; die "an application noticed"; }
grep '^load: ' "$work/load"
figures >/dev/null
echo "keepers replaced after a death: $(value keepers)"
kill -TERM "$keeper"
wait_for ended || die "the last keeper did not end"
keeper=
! captured || die "the mount is still there"
replay || die "the replica differs"
echo "ok: the keeper dies and is upgraded, unnoticed"

# A successor that comes late to its first step, as under heavy load, is not joined by others: two would
# become two keepers, whose workers destroy each other's memory.
anew
killer=$build/tests/crash/capture-kill
"$killer" make "$work/inject" && "$killer" hold "$work/inject" 1 || die "no file of injections"
capture --crash-bound 0/0 --inject "$work/inject"
mkdir "$root/game"
"$load" --dir "$root/game" --threads 2 --seconds 1200 >"$work/load" 2>&1 &
loader=$!
goes_on || die "the load stands still"
old=$(worker)
kill -KILL "$keeper"
keeper=
# A worker has its own name a moment after it was started.
one_keeper() {
    [ "$(pgrep -f "^$program --run-dir $work/run .*--resume" | sed 's,.*,/proc/&/comm,' |
        xargs cat 2>/dev/null | grep -c -x doppel-capture)" = 1 ]
}
trap 'kill "$loader" 2>/dev/null; "$killer" hold "$work/inject" 0; tidy' EXIT
held() { [ "$("$killer" held "$work/inject")" = "$1" ]; }
wait_for eval '! held 0' || die "no successor"
goes_on || die "a successor that waits stops the worker"
held 1 || die "$("$killer" held "$work/inject") successors of one keeper"
kill -KILL "$(pgrep -P "$old")" || die "no successor to kill"
wait_for eval '! held 1' || die "a successor that died has no successor"
goes_on || die "the load stands still"
held 2 || die "$("$killer" held "$work/inject") successors of one keeper"
"$killer" hold "$work/inject" 0
wait_for sh -c "! kill -0 $old 2>/dev/null" || die "the worker was not replaced"
wait_for successor || die "no new keeper"
wait_for one_keeper || die "not one keeper"
"$killer" no-start "$work/inject" 3
kill -KILL "$(worker)"
goes_on || die "the load stands still"
held 2 || die "a keeper was replaced that lives"
[ "$(grep -c "could not start: trying again" "$work/errors")" = 3 ] || die "a worker that cannot start was not tried again"
kill -TERM "$loader"
wait "$loader" || { grep -v '^stall' "$work/load" | head -50; die "an application noticed"; }
figures >/dev/null
[ "$(value mode)" = 0 ] && ! grep -q damaged "$work/errors" || die "memory was damaged"
for _ in 1 2 3; do
    old=$(worker)
    kill -USR2 "$keeper"
    wait_for sh -c "! kill -0 $old 2>/dev/null" || die "the worker was not replaced"
    wait_for successor || die "an upgrade is the end"
done
[ "$(tr '\0' '\n' <"/proc/$keeper/cmdline" | grep -c -x -e --resume)" = 1 ] || die "the command line grows"
ls "$root/game" >/dev/null || die "the mount does not go on"
kill -TERM "$keeper"
wait_for ended || die "the last keeper did not end"
keeper=
replay || die "the replica differs"
echo "ok: one keeper has one successor, and a worker that cannot start is tried again"

anew
capture
mkdir "$root/stuck" "$root/free"
echo text >"$root/free/file"
fsfreeze -f "$work/disk"
writers=()
for i in $(seq 40); do
    echo "$i" >"$root/stuck/file-$i" &
    writers+=($!)
done
wait_for grep -q '^State:.D' "/proc/${writers[0]}/status" "/proc/${writers[39]}/status"
stuck=$(timeout 120 sh -c "cat '$root/free/file' && stat -c %s '$root/free/file' && ls '$root/free'" | tr '\n' ' ')
fsfreeze -u "$work/disk"
[ "$stuck" = "text 5 file " ] || die "a frozen file system holds up readers: $stuck"
wait "${writers[@]}" || die "a write failed on a frozen file system"
[ "$(cat "$root"/stuck/* | wc -l)" = 40 ] || die "writes are lost"
rm -r "$root/stuck" "$root/free"
uncapture
echo "ok: what is stuck below holds up nobody else"

# A worker that is killed while one of its threads is stuck below is not gone before that thread is: nobody
# serves until then, its successor does not begin beside it, and nothing is lost.
anew
capture
mkdir "$root/stuck"
echo text >"$root/before"
fsfreeze -f "$work/disk"
writers=()
for i in 1 2 3; do
    echo "$i" >"$root/stuck/file-$i" &
    writers+=($!)
done
old=$(worker)
hangs() { grep -q '^State:.D' "/proc/$old/task"/*/status; }
wait_for hangs || { fsfreeze -u "$work/disk"; die "no thread of the worker is stuck"; }
kill -KILL "$old"
touch "$root/late" &
writers+=($!)
stuck() {
    "$program" --status --set test --run-dir "$work/run" >/dev/null
    [ $? = 5 ]
}
wait_for stuck
code=$? now=$(pgrep -P "$keeper" -x doppel-worker)
kill -0 "${writers[@]}" || code=2
fsfreeze -u "$work/disk"
[ $code = 0 ] || die "a worker that cannot end: $code"
[ -z "$now" ] || [ "$now" = "$old" ] || die "two workers at one time: $old and $now"
wait "${writers[@]}" || die "an application saw the death of a stuck worker"
[ "$(cat "$root"/stuck/* | wc -l)" = 3 ] && [ -e "$root/late" ] || die "writes are lost"
[ "$(worker)" != "$old" ] || die "the worker has outlived its kill"
uncapture
replay || die "the replica differs"
echo "ok: a killed worker that is stuck below has its successor when the disk goes on"

rm -rf "$work/journal" && mkdir "$work/journal"
capture --crash-bound 3/600
for _ in 1 2 3 4 5; do
    old=$(worker)
    kill -KILL "$old"
    wait_for sh -c "! kill -0 $old 2>/dev/null"
    wait_for sh -c "pgrep -P $keeper -x doppel-worker >/dev/null" || die "no new worker"
    echo text >>"$root/after" || die "a write failed"
done
grep -q "a mirror is needed" "$work/errors" || die "a loop of crashes was not told"
[ "$(wc -l <"$root/after")" = 5 ] || die "writes are lost without journal"
uncapture
replay >"$work/replayed" 2>&1
grep -q "mirror" "$work/replayed" || { cat "$work/replayed"; die "the journal does not say it"; }
echo "ok: a loop of crashes ends the journal, not the service"

rm -rf "$work/journal" && mkdir "$work/journal"
capture
old=$(worker)
kill -STOP "$old"
kill -KILL "$keeper" "$old"
wait "$keeper" 2>/dev/null
keeper=
captured || die "the stale mount is gone by itself"
capture
touch "$root/open" || die "a stale mount was not cleared"
uncapture
echo "ok: a stale mount is cleared"
# A client may ask from within its exec, and whoever looks at its /proc waits for the exec's end: nobody who serves it
# may. The first request that this capture has of its kind is asked there, behind a number of others.
for count in 0 59 500; do
    anew
    capture
    python3 -c '
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
for at in range(int(sys.argv[2])):
    os.pwrite(fd, b"x", at)
os.execv("/bin/true", ["true"])' "$root/file" "$count" &
    client=$!
    gone() { ! kill -0 $client 2>/dev/null; }
    # Nothing ends it but the end of its mount.
    wait_for gone || { mount -t fusectl none /sys/fs/fuse/connections &&
        echo 1 >"/sys/fs/fuse/connections/$(awk -v at="$root" '$5 == at { sub(".*:", "", $3); print $3 }' /proc/self/mountinfo)/abort"
        die "an exec behind $count writes is never answered"; }
    wait $client || die "the exec failed"
    uncapture
done
echo "ok: a client in exec is answered"
echo "PASS"
