#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Changes past a live mount: by a descriptor from before it, by a name below it. Who reads through the mount
# sees them, they are counted and logged, and the journal says that the target is to ask. Our own changes are
# none; nor is what lies outside the set, or what happens while workers die.
. "${srcdir:-.}/tests/crash/capture-lib.sh" || exit 1
stage "$@"
nsenter -V >/dev/null || skip "no nsenter"

field() {
    "$program" --run-dir "$work/run" --status --set test | sed -n "s/^  $1  *//p"
}

bypasses() {
    field bypasses
}

reads() {
    [ "$(cat "$root/$1" 2>/dev/null)" = "$2" ]
}

# mirrors: objects that the journal says are to be asked for because of a bypass; * is everything.
mirrors() {
    "$build/doppel" journal show --dir "$work/journal" | grep -w mirror
}

mkdir "$root/d" "$root/d/gone" "$root/off"
echo old >"$root/d/file"
echo old >"$root/d/mapped"
echo name >"$root/d/name"
printf '%s\n' "include recursive $root" "exclude recursive $root/off" >"$work/rules"
exec 7>>"$root/d/file" # from before the mount
# Below, afterwards: the same file system, seen from a namespace that does not have the mount.
unshare -m --propagation private "$BASH" -c "echo \$\$ >'$work/below'; exec sleep infinity" &
below=$!
trap 'kill "$below" 2>/dev/null; tidy' EXIT
wait_for test -s "$work/below"
beneath() {
    nsenter -t "$below" -m -- "$@"
}

capture --rules "$work/rules"
[ "$(field bypass-watched)" = yes ] || skip "this kernel has no watch for file systems"
grep -q "process $$ .*'$root/d/file' open for writing since before the capture" "$work/errors" ||
    die "a writer from before was not told"
[ "$(cat "$root/d/file")" = old ] && [ "$(cat "$root/d/name")" = name ] || die "the files"
[ ! -e "$root/d/new" ] && ls "$root/d" "$root/d/gone" >"$work/list" && [ -e "$root/d/gone" ] || die "the names"
for i in $(seq 300); do echo "$i" >"$root/own-$i" && rm "$root/own-$i"; done
# What comes later has been read when the first foreign change is told.
echo new >&7
wait_for reads d/file $'old\nnew' || die "the mount shows stale bytes: $(cat "$root/d/file")"
counted() { [ "$(bypasses)" -ge "$1" ]; }
wait_for counted 1 || die "it is not counted"
[ "$(bypasses)" = 1 ] || die "our own changes count as bypasses: $(bypasses)"
grep -q "process $$ (.*) changed '$root/d/file' past the mount" "$work/errors" || die "it is not logged"
wait_for mirrors >"$work/mirrors" || { "$build/doppel" journal show --dir "$work/journal" | tail -3; die "the journal does not name it"; }
[ "$(wc -l <"$work/mirrors")" = 1 ] && grep -q object= "$work/mirrors" || die "$(cat "$work/mirrors")"
echo "ok: a descriptor from before the mount"

beneath sh -c "echo made >'$root/d/new'"
wait_for reads d/new made || die "a name that was looked for in vain stays absent"
beneath mv "$root/d/new" "$root/d/moved"
wait_for reads d/moved made || die "a new name is not seen"
absent() { [ ! -e "$root/d/$1" ]; }
wait_for absent new || die "the old name is still there"
beneath rm "$root/d/name"
wait_for absent name || die "a removed name is still there"
beneath rmdir "$root/d/gone"
wait_for absent gone || die "a removed directory is still there"
has_mode() { [ "$(stat -c %a "$root/d/file")" = "$1" ]; }
has_mode 644 || die "the mode"
beneath chmod 600 "$root/d/file"
wait_for has_mode 600 || die "the mode is stale"
[ "$(bypasses)" -ge 6 ] || die "names are not counted: $(bypasses)"
echo "ok: names and attributes below the mount"

n=$(bypasses)
beneath sh -c "echo x >'$root/off/file'; echo x >'$work/disk/plain/file'; rm '$work/disk/plain/file'"
wait_for reads off/file x || die "what is excluded is stale"
[ "$(bypasses)" = "$n" ] || die "what is outside the set is counted"
echo "ok: what is outside the set is no alarm"

# Workers die while others write: nothing is lost, and no dead worker's change is another's.
for i in 1 2 3 4 5; do
    old=$(worker)
    for k in $(seq 50); do echo "$k" >"$root/own-$i-$k"; done
    kill -KILL "$old"
    echo "line $i" >&7
    wait_for sh -c "pgrep -P $keeper -x doppel-worker >/dev/null" || die "no new worker"
done
wait_for reads d/file $'old\nnew\nline 1\nline 2\nline 3\nline 4\nline 5' || die "stale after deaths"
wait_for counted $((n + 1)) || die "changes around a death are lost"
! mirrors | grep -v object || die "all of the set is to be compared for nothing"
logged=$(grep -c "past the mount" "$work/errors")
! grep "changed '$root/own" "$work/errors" || die "our own change counts as a bypass"
echo "ok: workers die (lines $logged, bypasses $(bypasses))"

# The teller is killed: another one takes its place.
pkill_teller=$(pgrep -P "$keeper" -x doppel-tell) || die "no teller"
kill -KILL "$pkill_teller"
echo again >&7
last() { [ "$(tail -1 "$root/d/file" | tr -d '\0')" = again ]; }
wait_for last || die "stale after the teller's death"
echo "ok: another teller takes its place"

# More than can be read, while the worker stands still: all of the set is to be compared, all is looked at anew.
echo kept >"$root/d/late"
reads d/late kept && [ ! -e "$root/d/early" ] || die "the names"
old=$(worker)
kill -STOP "$old"
beneath perl -e 'for (1 .. 150000) { mkdir "$ARGV[0]/x$_"; rmdir "$ARGV[0]/x$_"; }
    rename("$ARGV[0]/late", "$ARGV[0]/early") or die' "$root/d" || die "the flood"
kill -CONT "$old"
wait_for grep -q "came faster than they could be read: all of the set is to be compared" "$work/errors" ||
    die "what was lost is not told"
wait_for reads d/early kept || die "a name is not looked up anew"
mirrors | grep -qv object= || die "the journal does not name all of the set"
wait_for absent late || SHOWN="an old name is still shown: this kernel cannot be told to forget all names"
echo "ok: what is lost is everything ${SHOWN:-}"
exec 7>&-
kill "$below"
wait "$below" 2>/dev/null
uncapture
echo PASS
