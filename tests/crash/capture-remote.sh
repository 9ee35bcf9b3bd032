#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# durability=remote: an fsync returns when the target has what preceded it, and not before, whatever dies; its
# time is bounded, and the policy answers then. More wait at once than the capture has threads.
. "${srcdir:-.}/tests/crash/capture-lib.sh" || exit 1
stage "$@"
driver=$build/tests/crash/capture-remote

field() {
    "$program" --run-dir "$work/run" --status --set test | sed -n "s/^  $1  *//p"
}

# hold THREADS MODE POLICY TIMEOUT_MS ERROR BEATS: in the background; sets holder.
hold() {
    "$driver" hold "$work/run" test "$root" "$@" >"$work/returned" 2>&1 &
    holder=$!
}

waiting() { [ "$(field remote-waiting)" = "$1" ]; }

# returned COUNT ERRNO: all of them did, with this.
returned() {
    wait "$holder" || { cat "$work/returned"; die "the driver"; }
    [ "$(grep -c "^returned $2\$" "$work/returned")" = "$1" ] || { cat "$work/returned"; die "not all returned $2"; }
}

die_and_wait() {
    local old
    old=$(worker)
    kill -KILL "$old"
    wait_for sh -c "! kill -0 $old 2>/dev/null"
    wait_for sh -c "pgrep -P $keeper -x doppel-worker >/dev/null" || die "no new worker"
}

capture
hold 3 0 0 60000 0 0
returned 3 0
[ "$(field remote-fallbacks)" = 0 ] || die "a set without remote durability has fallen back"
echo "ok: off, a sync is local"

hold 10 1 1 300000 71 1
wait_for waiting 10 || die "they do not wait: $(field remote-waiting)"
for _ in 1 2 3; do
    die_and_wait
    wait_for waiting 10 || die "a successor does not know who waits: $(field remote-waiting)"
done
touch "$root/meanwhile" || die "who waits holds up others"
[ ! -s "$work/returned" ] || die "one returned early"
kill -USR1 "$holder"
returned 10 0
wait_for waiting 0 || die "rows are left"
answered() { [ "$(field remote-answered)" = "$1" ] && [ "$(field remote-fallbacks)" = 0 ]; }
wait_for answered 10 || die "answered: $(field remote-answered), fallbacks: $(field remote-fallbacks)"
echo "ok: ten wait, their worker dies three times, and all are answered"

hold 300 1 1 300000 71 1
wait_for waiting 300 || die "more than there are threads cannot wait: $(field remote-waiting)"
[ "$(cat "$root/meanwhile" | wc -c)" = 0 ] || die "who waits holds up readers"
kill -USR1 "$holder"
returned 300 0
echo "ok: more wait than there are threads"

fallbacks() { [ "$(field remote-fallbacks)" = "$1" ]; }
hold 4 1 1 300 28 1
returned 4 28
wait_for fallbacks 4 || die "a refusal is not counted"
hold 4 1 0 300 28 1
returned 4 0
wait_for fallbacks 8 || die "a fallback is not counted"
grep -q "syncs are refused without the target: the target does not keep up" "$work/errors" || die "it is not told"
hold 4 1 1 60000 0 0 # the error's default
returned 4 5
hold 4 2 1 60000 122 1
returned 4 122
hold 4 9 1 60000 9999 1 # nonsense is not silence
returned 4 5
wait_for fallbacks 20 || die "fallbacks: $(field remote-fallbacks)"
echo "ok: the policy answers when time is up, the link is gone, or the set is not protected"

"$driver" storm "$work/run" test "$root" "$work/journal" 20 40 || die "a sync returned early"
"$driver" storm "$work/run" test "$root" "$work/journal" 20 150 >"$work/storm" 2>&1 &
storm=$!
deaths=0
while kill -0 $storm 2>/dev/null && [ $deaths -lt 15 ]; do
    die_and_wait
    deaths=$((deaths + 1))
done
wait $storm || { cat "$work/storm"; die "a sync returned early, or failed"; }
echo "deaths=$deaths $(cat "$work/storm")"
[ $deaths -gt 0 ] || die "nothing died"
rm -f "$root"/sync-*
uncapture
echo PASS
