#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A capture is watched and ended from outside: what --status, --stop and --clear-stale say and do, of one
# that serves, is stuck, has no journal, is in use, was killed. Nothing here looks at the mount to tell.
. "${srcdir:-.}/tests/crash/capture-lib.sh" || exit 1
stage "$@"

# says CODE OPTION...: the status and its text in $work/said.
says() {
    local want=$1 code
    shift
    timeout 120 "$program" --run-dir "$work/run" --status "$@" >"$work/said" 2>&1
    code=$?
    [ $code = "$want" ] || { cat "$work/said"; die "--status $*: $code, not $want"; }
}

# field NAME: of the text.
field() {
    sed -n "s/^  $1  *//p" "$work/said"
}

# stop CODE OPTION...
stop() {
    local want=$1 code
    shift
    timeout 300 "$program" --run-dir "$work/run" --stop --set test "$@" >"$work/stopped" 2>&1
    code=$?
    [ $code = "$want" ] || { cat "$work/stopped"; die "--stop: $code, not $want"; }
    ! captured || die "--stop: $code, but the mount is there"
    wait "$keeper" 2>/dev/null
    keeper=
    says 3 --set test
}

# comes_to CODE: the status becomes this within two minutes.
comes_to() {
    local end=$((SECONDS + 120))
    while [ $SECONDS -lt $end ]; do
        "$program" --run-dir "$work/run" --status --set test >"$work/said" 2>&1
        [ $? != "$1" ] || return 0
        read -rt 0.05 <>"$work/never" || :
    done
    die "the status does not become $1: $(cat "$work/said")"
}

fresh() {
    rm -rf "$work/journal" "${root:?}"/*
    mkdir "$work/journal"
    capture "$@"
    comes_to 0
}

says 3
says 3 --set test
says 2 --set ../test
stop 0

fresh
[ "$(field mode)" = journal ] && [ "$(field keeper)" = "$keeper" ] || die "$(cat "$work/said")"
[ "$(field worker)" = "$(worker)" ] || die "the worker's id is wrong"
[ "$(field root)" = "$root (0 requests in hand)" ] || die "the root: $(field root)"
before=$(field next-lsn)
echo text >"$root/file"
further() {
    says 0 --set test
    [ "$(field next-lsn)" -gt "$before" ] && [ "$(field spilled-lsn)" = "$(field next-lsn)" ] &&
        [ "$(field lowest-open-lsn)" = "$(field next-lsn)" ]
}
wait_for further || die "the position stands still: $(cat "$work/said")"
has_bytes() { says 0 --set test; [ "$(field journal-bytes)" -gt 4096 ]; }
wait_for has_bytes || die "the journal's size is not told"
says 0 --output-as json
grep -q '"sets":\[{"set":"test","state":"serving",.*"mode":"journal","mirror_reason":"none"' "$work/said" ||
    die "$(cat "$work/said")"
if command -v python3 >/dev/null; then python3 -m json.tool "$work/said" >/dev/null || die "no JSON"; fi
second=$(timeout 120 "$program" --run-dir "$work/run" --foreground --set test --root "$work/disk/plain" \
    --journal "$work/journal" 2>&1) && die "a second one of the set was started"
grep -q "a capture of this set is running" <<<"$second" || die "$second"
kill -KILL "$(worker)"
counts() { says 0 --set test; [ "$(field takeovers)" = 1 ] && [ "$(field incarnation)" = 2 ]; }
wait_for counts || die "a takeover is not counted"
kill -KILL "$keeper"
wait "$keeper" 2>/dev/null
replaced() {
    "$program" --run-dir "$work/run" --status --set test >"$work/said" && [ "$(field keeper)" != "$keeper" ] &&
        [ "$(field keepers-replaced)" = 1 ]
}
wait_for replaced || die "a keeper's successor is not told"
keeper=$(field keeper)
echo "ok: the status is true, and follows deaths"

# Another program stands under our name by now, of which nobody knows whether it knows our memory.
kill -TERM "$keeper"
wait_for ended || die "the keeper did not end"
keeper=
installed=$program
program=$work/doppel-capture
cp "$installed" "$program"
fresh
printf '#!/bin/sh\nexit 1\n' >"$work/other"
chmod +x "$work/other"
mv "$work/other" "$program"
program=$installed
old=$(worker)
kill -USR2 "$keeper"
wait_for grep -q "cannot go on with this capture" "$work/errors" || die "another program was taken"
[ "$(worker)" = "$old" ] || die "the worker was ended for it"
kill -KILL "$keeper"
wait "$keeper" 2>/dev/null
wait_for replaced || die "a keeper has no successor while another program is installed"
keeper=$(field keeper)
touch "$root/alive" || die "the mount has ended"
echo "ok: another program does not end the capture"

sh -c "cd '$root' && echo \$\$ >'$work/user' && exec sleep infinity" &
user=$!
wait_for test -s "$work/user"
exec 7>"$root/held"
kill -0 "$user" || die "no user of the mount"
stop 6 --timeout 8 # this shell uses it too, and is spared
exec 7>&-
grep -q 'was spared' "$work/stopped" || die "$(cat "$work/stopped")"
! kill -0 "$user" 2>/dev/null || die "a user of the mount lives"
wait "$user" 2>/dev/null
rm -f "$root/held"

fresh
setsid sh -c "cd '$root' && trap '' TERM && echo \$\$ >'$work/user2' && exec sleep infinity" &
wait_for test -s "$work/user2"
kill -0 "$(cat "$work/user2")" || die "no user of the mount"
stop 0 --timeout 60
! kill -0 "$(cat "$work/user2")" 2>/dev/null || die "a user that ignores SIGTERM lives"
replay >"$work/replayed" || { cat "$work/replayed"; die "the journal was not closed well"; }
echo "ok: a stop ends users, mount, keeper and worker, and says so"

fresh
kill -STOP "$(worker)"
comes_to 5
grep -q '^set test: stuck' "$work/said" || die "$(cat "$work/said")"
# Meanwhile namespaces are made, each with a copy of the mount.
( for _ in $(seq 40); do
    unshare -m --propagation private sleep 20 &
    read -rt 0.1 <>"$work/never" || :
done; trap 'kill $(jobs -p)' TERM; echo >"$work/made"; wait ) &
makes=$!
stop 6 --timeout 3
wait_for test -s "$work/made"
kill "$makes"
wait "$makes"
grep -q 'did not end: killed' "$work/stopped" || die "$(cat "$work/stopped")"
echo "ok: one that is stuck is told, and ended"

fresh --crash-bound 1/600
for _ in 1 2; do
    old=$(worker)
    kill -KILL "$old"
    wait_for sh -c "! kill -0 $old 2>/dev/null"
    wait_for sh -c "pgrep -P $keeper -x doppel-worker >/dev/null" || die "no new worker"
done
comes_to 6
[ "$(field mode)" = pass ] && [ "$(field mirror-reason)" = "the capture died too often" ] ||
    die "$(cat "$work/said")"
stop 0
echo "ok: one without journal is told"

fresh
old=$(worker)
kill -STOP "$old"
kill -KILL "$keeper" "$old"
wait "$keeper" 2>/dev/null
comes_to 3
[ "$(field root)" = "$root (still mounted)" ] || die "$(cat "$work/said")"
stop 0
[ ! -e "$work/run/test/status" ] || die "its page is still there"
fresh
old=$(worker)
kill -STOP "$old"
kill -KILL "$keeper" "$old"
wait "$keeper" 2>/dev/null
keeper=
"$program" --clear-stale "$root" "$work/disk/plain" >"$work/said" || die "$(cat "$work/said")"
grep -q "^$root: a dead mount was taken away" "$work/said" &&
    grep -q "^$work/disk/plain: no dead mount" "$work/said" || die "$(cat "$work/said")"
! captured || die "the dead mount is there"
fresh
! "$program" --clear-stale "$root" >"$work/said" 2>&1 || die "a live mount was taken away"
captured || die "a live mount was taken away"
stop 0
echo "ok: what was killed is told, and cleared"
echo PASS
