#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is known to be on the disk below, and what is said when that disk, or that of the dirty log, fails.
srcdir=${srcdir:-.}
# shellcheck source=tests/crash/capture-lib.sh
. "$srcdir/tests/crash/capture-lib.sh"
stage "$@"
sick=$work/sick

status() {
    "$program" --run-dir "$work/run" --status --set test --output-as json | tr ',{}' '\n' |
        sed -n "s/.*\"$1\": *\"\\{0,1\\}\\([^\"]*\\).*/\\1/p"
}

# Whether all that was journalled up to now is known to be on the disk.
synced_to() {
    [ "$(status synced_lsn)" -ge "$1" ]
}

# A file system on a disk that fails when told to.
sicken() {
    [ -x "$build/tests/crash/faultdisk" ] || skip "libfuse 3 was not there"
    mkdir "$work/fault" "$sick"
    truncate -s 512M "$work/fault-image"
    mkfs.ext4 -q -F "$work/fault-image" || die "no ext4"
    "$build/tests/crash/faultdisk" "$work/fault-image" "$work/fault" &
    wait_for test -e "$work/fault/disk" || die "faultdisk does not serve"
    mount -o loop,errors=continue "$work/fault/disk" "$sick" || die "no loop device"
}

fault() {
    echo "$*" >"$work/fault/ctl"
}

cure() {
    cd /
    fault write ok
    wait_for umount "$sick" 2>/dev/null
    wait_for umount "$work/fault" 2>/dev/null
    tidy
}

said() {
    grep -q "$1" "$work/errors"
}

shows() {
    "$build/doppel" journal show --dir "$work/journal" >"$work/shown"
    grep -q "barrier.*number=\\?:\\? *$1" "$work/shown"
}

echo "the position follows"
capture --sync-interval 1
echo text >"$root/file"
at=$(status next_lsn)
wait_for synced_to "$at" || die "it stays at $(status synced_lsn), not $at"
uncapture
shows 3 || die "the journal does not tell it: $(tail -3 "$work/shown")"

echo "it stops for ever when a sync has failed"
sicken
trap cure EXIT
mkdir "$sick/root"
roots=("$sick/root" "$root")
capture --sync-interval 1 --force # two disks, of which one is well: no set of doppeld has them
echo text >"$sick/root/file"
at=$(status next_lsn)
wait_for synced_to "$at" || die "it does not follow there"
fault write eio
head -c 1000000 /dev/zero >"$sick/root/lost"
wait_for said 'nothing more counts as being on its disk' || die "nothing was said"
stays=$(status synced_lsn)
fault write ok
echo more >"$root/file" # on the disk that is well
read -rt 2.5 <>"$work/never" || : # two rounds
[ "$(status synced_lsn)" = "$stays" ] || die "it moved from $stays to $(status synced_lsn)"
uncapture

echo "a dirty log that cannot be written"
umount "$sick" || die "the sick disk is in use"
mkfs.ext4 -q -F "$work/fault/disk" || die "no ext4"
mount -o loop,errors=continue "$work/fault/disk" "$sick" || die "no loop device"
rm -rf "$work/journal"
mkdir "$work/journal"
roots=("$root")
log=$sick/.doppel/dirty
"$program" --dirty-log-create "$log" || die "the log could not be made"
echo old >"$root/one"
echo old >"$root/two"
capture --dirty-log "$log"
echo new >"$root/one" || die "one"
fault write eio
timeout 120 "$BASH" -c "echo new >'$root/two'" || die "the application saw it"
[ "$(cat "$root/two")" = new ] || die "it was not written"
wait_for said 'everything must be compared; this could not be written' || die "nothing was said"
timeout 120 "$BASH" -c "echo newer >'$root/one'" || die "the application saw it later"
fault write ok
kill -KILL "$(worker)"
wait_for test -e "$root/one" || die "no successor"
echo newest >"$root/one" || die "the successor does not serve"
uncapture
shows 4 || die "the journal does not tell it: $(cat "$work/shown")"
echo "capture-synced: done"
