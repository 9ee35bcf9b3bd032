#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What stops a mirror before it does harm, and what is done to a set while one runs: another disk stands in the place of
# the source's, the replica's cannot hold attributes, there are two of them, the set is to be deleted, the replica's disk to be unmounted, the
# source's root is emptied. Each ends in one clear line, and goes on when it was seen to.
# shellcheck source=tests/crash/sites-lib.sh disable=SC2154
. "$(dirname "$0")/sites-lib.sh" || exit 1
DISK=512M
sites_stage "$@"
sites_start
sites_pair

part() { [ $failed != 0 ] || echo "PRINT $*"; }
# refused WORDS COMMAND...: with these words.
refused() {
    local words=$1
    shift
    "$@" >"$work/out" 2>&1 && complain "not refused: $*"
    grep -qF -- "$words" "$work/out" || { complain "refused otherwise: $*"; cat "$work/out"; }
}
says() { doppel "$1" status mail | grep -qF -- "$2"; }
why() { doppel a mirror status mail | grep -qF -- "$1"; }
ended() { grep -c 'set "mail": mirror-ended' "$files_a/log"; }
more() { [ "$(ended)" -gt "$1" ]; }
# A mirror that a limit makes long.
slow() {
    must doppel a limit mail --bandwidth=300K
    must doppel a mirror start mail --kind=full
    eventually is a mirroring
    eventually is b mirroring
    eventually shows_progress
}
# At the target too: what it has done.
shows_progress() { doppel b status mail | grep -qE 'a mirror runs \([1-9][0-9]* objects done, [0-9.]* MiB'; }

# A replica on a disk without extended attributes.
mkdir "$disk_b/bare"
mount -t ramfs none "$disk_b/bare" || die "no ramfs"
mkdir "$disk_b/bare/mail" "$disk_b/both"
must doppel b set accept mail --from=site-a --map="$root_a:$disk_b/bare/mail"
eventually says b "has no extended attributes"
must doppel b disconnect mail
must doppel b set delete mail
# A set on two disks, at either site: what it is captured from, and what it is written to.
must doppel b set accept mail --from=site-a --map="$root_a:$root_b" --map="$root_a-more:$disk_b/bare/mail"
eventually says b "is on another file system than \"$root_b\""
must doppel b disconnect mail
must doppel b set delete mail
refused "lies on another file system" doppel b set create both "$disk_b/bare/mail" "$disk_b/both"
umount "$disk_b/bare" || complain "the replica's disk is held"
part "a set on two file systems is refused"
part "a replica's disk without extended attributes is refused by name"

mkdir "$root_a/d"
for i in $(seq 40); do head -c 100000 /dev/urandom >"$root_a/d/$i"; done
sites_set
must doppel a connect mail
eventually protected
equal

# The set is to be deleted, at either site, while a mirror runs.
slow
refused "out of place" doppel a set delete mail
refused "out of place" doppel b set delete mail
is a mirroring || complain "the mirror ended by a refusal"
must doppel b disconnect mail
must doppel b set delete mail
eventually says a "no such set here"
echo meanwhile >"$root_a/d/deleted" || complain "the application is held up"
must doppel a limit mail --none
must doppel b set accept mail --from=site-a --map="$root_a:$root_b"
begins_again() {
    ! is a protected || return 0
    doppel a connect mail
    return 1
}
eventually begins_again
eventually protected
equal
part "a set is not deleted in a mirror but when it was disconnected, and comes back by a mirror"

# The replica's disk is to be unmounted while one runs.
slow
umount "$disk_b" 2>/dev/null && complain "the disk was unmounted beneath a mirror"
kill -TERM "$(pid_of b)"
wait "$job_b" || complain "b ended with $?"
umount "$disk_b" || complain "the disk is held though nothing runs"
site_start b
eventually says b "$root_b"
must doppel a limit mail --none
[ -z "$(ls -A "$disk_b")" ] || complain "something was written beneath the mount point"
mount -o loop "$work/b/disk" "$disk_b"
eventually protected
equal
part "a disk that is mounted again: the mirror goes on, and nothing was written beneath the mount point"

# Another disk is mounted over the source's: what is captured is not what stands there.
truncate -s 64M "$work/a/other"
mkfs.ext4 -q "$work/a/other"
mount -o loop "$work/a/other" "$disk_a" || die "the other disk cannot be mounted"
mkdir "$root_a"
echo other >"$root_a/other"
must doppel a mirror start mail
eventually why "on another file system than the one whose"
[ ! -e "$root_b/other" ] || complain "the other disk was mirrored"
must doppel a mirror start mail --plan --accept-filesystem
eventually why "a test compares with a replica" # its root is not the one that the target knows
umount "$disk_a"
n=$(ended)
must doppel a mirror start mail
eventually more "$n"
eventually protected
equal
part "another disk in place of the source's stops a mirror"

# Somebody empties the source's root.
rm -rf "${root_a:?}"/*
must doppel a wait mail --idle --timeout="${patience}s"
must doppel a mirror start mail
eventually why "is empty"
must doppel a mirror start mail --accept-empty --accept-deletes
eventually protected
equal
part "an emptied root stops a mirror until somebody means it"
sites_end
