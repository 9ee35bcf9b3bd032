#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The same on a disk of its own, whose power is cut with each kill: what was not on the disk is gone. At
# first the disk is full for a while.
[ "$(id -u)" = 0 ] || { echo "SKIP: needs root"; exit 77; }
command -v mkfs.ext4 >/dev/null || { echo "SKIP: mkfs.ext4 is not installed"; exit 77; }
top=$(pwd)
[ -n "${REPLICA_INSIDE:-}" ] || REPLICA_INSIDE=1 exec unshare -m sh "$0" "$@"
dir=$(mktemp -d) || exit 1
loop=
clean() {
    umount "$dir/mnt" 2>/dev/null
    [ -z "$loop" ] || losetup -d "$loop"
    rm -rf "$dir"
}
trap clean EXIT
trap 'exit 1' INT TERM
truncate -s 128M "$dir/disk" && mkdir "$dir/mnt" || exit 1
loop=$(losetup -f --show "$dir/disk") || { loop=; echo "SKIP: no loop device"; exit 77; }
mkfs.ext4 -q -O ^metadata_csum_seed "$loop" && mount "$loop" "$dir/mnt" || exit 1
REPLICA_FULL=1 DPL_ROUNDS=${DPL_ROUNDS:-25} timeout "${REPLICA_SECONDS:-300}" \
    "$top/tests/crash/replica-kill" "$top/daemon/apply/doppel-replica" "$dir/mnt" "$loop"
