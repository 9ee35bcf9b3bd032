#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A disk below that fails, is slow, stands still or is frozen: its errors reach the application, once
# told they stick to the object, nothing hangs that does not need that disk, and when it has healed the
# replica is the source or knows what to ask for. Then a journal's disk that does the same: the journal
# ends, and no application notices.
. "${srcdir:-.}/tests/crash/capture-lib.sh" || exit 1
[ -x "$build/tests/crash/faultdisk" ] || skip "faultdisk is not built (libfuse 3)"
stage "$@"
call=$build/tests/crash/capture-call

# sick MKFS-OPTION...: an ext4 on a disk that fails when told, at $work/sick
sick() {
    truncate -s 96M "$work/sick.image"
    mkfs.ext4 -q -F "$@" "$work/sick.image" || skip "no ext4 can be made"
    mkdir -p "$work/fault" "$work/sick"
    "$build/tests/crash/faultdisk" "$work/sick.image" "$work/fault" 2>>"$work/errors" &
    fault=$!
    wait_for test -e "$work/fault/ctl" || skip "no disk that fails"
    loop=$(losetup -f --show "$work/fault/disk") || skip "no loop device"
    mount "$loop" "$work/sick" || skip "no mount of a loop device"
}
# shellcheck disable=SC2317
well() {
    local what
    [ -z "${watch:-}" ] || kill "$watch" 2>/dev/null
    watch=
    for what in read write fsync; do echo "$what ok" >"$work/fault/ctl"; done
}
recovered() {
    umount "$work/sick" || die "the disk below is in use"
    losetup -d "$loop"
    loop=''
    umount "$work/fault"
    wait "$fault"
    fault=''
    rm "$work/sick.image"
}
# What hangs in a disk is freed before anything is unmounted.
# shellcheck disable=SC2317
leave() {
    [ -z "${fault:-}" ] || well 2>/dev/null
    [ -z "$keeper" ] || kill -QUIT "$keeper" 2>/dev/null
    [ -z "${frozen:-}" ] || fsfreeze -u "$frozen"
    wait_for umount "$work/sick" 2>/dev/null
    [ -z "${loop:-}" ] || losetup -d "$loop"
    umount -l "$work/fault" 2>/dev/null
    tidy
}
trap leave EXIT
fault='' loop='' frozen='' watch=''

# stands FAULT: the disk does not answer; if nobody says otherwise it does after a while, so that a
# call that hangs with it ends, as a failure.
stands() {
    well
    (
        read -rt 60 <>"$work/never"
        echo "$1 was over" >"$work/late"
        watch= && well
    ) &
    watch=$!
    echo "$1" >"$work/fault/ctl"
}

# says WANT ARGUMENT...: the call's answer
says() {
    local want=$1 got
    shift
    got=$("$call" "$@")
    [ "$got" = "$want" ] || die "$*: $got, not $want"
    [ ! -e "$work/late" ] || die "$* has waited until $(cat "$work/late")"
}
forget() {
    sync -f "$work/disk"
    echo 3 >/proc/sys/vm/drop_caches
}
stuck() {
    grep -q '^State:.D' "/proc/$1/status" || grep -q request_wait "/proc/$1/stack"
}
# others: what needs nothing of the sick disk goes on.
others() {
    says ok write "$well_root/other-$((turn = ${turn:-0} + 1))" 100000
    says ok fsync "$well_root/other-$turn"
    says ok write "$well_root/stays" 1000
    says ok read "$well_root/stays"
    says ok rename "$well_root/other-$turn"
}

# Without a journal of its own: one that fails would make the file system read-only for good.
sick -O ^has_journal
mkdir "$work/sick/root" "$work/disk/root-well" "$work/disk/replica-well"
anew
roots=("$work/sick/root" "$work/disk/root-well")
replicas=("$replica" "$work/disk/replica-well")
root=${roots[0]} well_root=${roots[1]}
capture --force # two disks, of which one is well: no set of doppeld has them
for i in 1 2 3 4 5; do says ok write "$root/file-$i" 300000; done
mkdir "$root/dir"
says ok fsync "$root/file-1"
sync -f "$work/sick"
others

forget
echo 'read eio' >"$work/fault/ctl"
says EIO read "$root/file-1"
others
well
says ok read "$root/file-1"
says ok read "$root/file-2"
echo "ok: a read that fails below fails, and heals"

# The fault first: somebody's sync(2) would write what is to fail.
echo 'write eio' >"$work/fault/ctl"
says ok overwrite "$root/file-1" 100000
says EIO fsync "$root/file-1"
says EIO fdatasync "$root/file-1"
others
well
says EIO fsync "$root/file-1"
says ok fsync "$root/file-2"
old=$(worker)
kill -KILL "$old"
wait_for sh -c "! kill -0 $old 2>/dev/null"
says EIO fsync "$root/file-1"
says ok overwrite "$root/file-3" 1000
says ok fsync "$root/file-3"
echo "ok: a sync that failed has failed for everybody, that file alone"

stands 'write hang'
says ok write "$root/file-4" 200000
"$call" fsync "$root/file-4" >"$work/synced" &
syncer=$!
says ok read "$root/file-2"
others
kill -0 $syncer || die "a sync did not wait for its disk"
well
wait $syncer
[ "$(cat "$work/synced")" = ok ] || die "a sync of a disk that came back: $(cat "$work/synced")"
forget
stands 'read hang'
readers=()
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
    "$call" read "$root/file-5" >>"$work/read" &
    readers+=($!)
done
others
well
for one in "${readers[@]}"; do wait "$one" || die "a read hangs on"; done
[ "$(sort -u "$work/read")" = ok ] || die "a read of a disk that came back: $(cat "$work/read")"
echo "ok: a disk that stands still holds up its own users alone"

echo 'write delay 30' >"$work/fault/ctl"
echo 'read delay 30' >"$work/fault/ctl"
forget
for i in 2 3 4 5; do
    says ok write "$root/file-$i" 50000 &
    says ok read "$root/file-$i" &
done
others
wait %?file-2 %?file-3 %?file-4 %?file-5 2>/dev/null
says ok fsync "$root/file-5"
well
echo "ok: a slow disk is slow"

frozen=$work/sick
fsfreeze -f "$frozen"
(
    read -rt 60 <>"$work/never"
    echo "the frost was over" >"$work/late"
    fsfreeze -u "$frozen"
) &
watch=$!
"$call" write "$root/file-2" 1000 >"$work/frozen" &
writer=$!
says ok read "$root/file-3"
others
kill -0 $writer || die "a write went into a frozen file system"
well
fsfreeze -u "$frozen"
frozen=
wait $writer
[ "$(cat "$work/frozen")" = ok ] || die "a write after the thaw: $(cat "$work/frozen")"
echo "ok: a frozen file system holds up its own writers alone"
uncapture
forget
replay_asked || die "the replica differs"
[ "$asked" = "file-1 " ] || die "asked for: $asked"
[ "$(tail -c +1 "$root/file-1" | wc -c)" = 300000 ] || die "file-1 has another size"
recovered
echo "ok: what was not written is asked for, all else is equal"

# sick_journal FAULT...: its disk is hit, the load does not notice.
sick_journal() {
    local line
    anew
    sick
    rmdir "$work/journal"
    ln -s "$work/sick" "$work/journal"
    capture --force --segment 4 --memory 8
    says ok write "$root/file-0" 3000000
    stands 'read ok'
    for line; do echo "$line" >"$work/fault/ctl"; done
    for i in 1 2 3 4 5; do says ok write "$root/file-$i" 9000000; done
    wait_for grep -q "a mirror is needed\|going on unjournalled" "$work/errors" || die "the journal's end was not told"
    says ok fsync "$root/file-1"
    says ok read "$root/file-5"
    [ "$(stat -c %s "$root"/file-[1-5] | sort -u)" = 9000000 ] || die "something is missing"
    well
    uncapture
    grep -q "a mirror is needed" "$work/errors" || die "nobody was told that a mirror is needed"
    : >"$work/errors"
    rm "$work/journal"
    recovered
}
rm -rf "$work/disk/root"
sick_journal 'write eio' 'fsync eio'
sick_journal 'write hang' 'fsync hang'
echo "ok: a journal whose disk fails or stands still ends, and nobody waits"
echo "PASS"
