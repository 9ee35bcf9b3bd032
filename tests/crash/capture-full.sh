#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Full disks. The one below: applications are told what they would be told without a capture, reserved
# blocks are root's alone, and the replica is the source, whatever a call that failed has left behind.
# The journal's: it ends and says why, and no application sees anything of it.
. "${srcdir:-.}/tests/crash/capture-lib.sh" || exit 1
stage "$@"
call=$build/tests/crash/capture-call
chmod 711 "$work"

# A small file system beside another of the same size that is not captured.
small() {
    local name
    for name in small plain-small; do
        mkdir -p "$work/$name"
        truncate -s 48M "$work/$name.image"
        mkfs.ext4 -q -F "$@" "$work/$name.image" && mount -o loop "$work/$name.image" "$work/$name" ||
            skip "no loop device"
        mkdir "$work/$name/root"
        chmod 777 "$work/$name/root"
    done
    roots=("$work/small/root")
    root=${roots[0]}
}
no_small() {
    umount "$work/small" "$work/plain-small" || die "a small file system is in use"
    rm "$work/small.image" "$work/plain-small.image"
    roots=("$work/disk/root")
}

# on_both ARGUMENT...: a call with "@" replaced by the root, which must be answered alike.
on_both() {
    local a b
    a=$("$call" "${@//@/$root}")
    b=$("$call" "${@//@/$work/plain-small/root}")
    [ "$a" = "$b" ] || die "$*: $a, and $b without a capture"
    said=$a
    all_said+=" ${*: -2:1}:$a"
}
fails() {
    local want=$1
    shift
    on_both "$@"
    [ "${said##* }" = "$want" ] || die "$*: $said, not $want"
}
used() {
    stat -f -c '%b %f' "$1" | { read -r all free; echo $((all - free)); }
}

anew
small -m 20 -N 64
capture
fails ENOSPC -u 1000 write @/user 0
user_left=$(stat -f -c %f "$root")
[ "$user_left" -gt 1000 ] || die "a user has written into the reserved blocks: $user_left are left"
fails ENOSPC -u 1000 allocate @/user-2 1000000
fails ENOSPC -u 1000 write @/user-3 10000
on_both write @/root 2000000
[ "$said" = ok ] || die "root cannot write into the reserved blocks: $said"
[ "$(stat -f -c %f "$root")" -lt "$user_left" ] || die "nothing was written"
a=$(used "$root") b=$(used "$work/plain-small")
[ $((a > b ? a - b : b - a)) -lt 200 ] || die "$a blocks are used, $b without a capture"
uncapture
replay_asked || die "the replica differs"
echo "ok: reserved blocks are root's"
no_small

anew
small -m 0 -N 64
capture
on_both write @/some 4000000
on_both fsync @/some
fails ENOSPC allocate @/part 200000000
fails ENOSPC allocate-keep @/keep 200000000
on_both truncate @/keep 0
on_both truncate @/part 100
fails ENOSPC write @/full 0
fails ENOSPC write @/some 10000000
on_both mkdir @/dir
on_both rename @/some
on_both setxattr @/full 3000
fails ENOSPC setxattr @/some.new 3900
on_both unlink @/part
fails ENOSPC create @/dir/file 100
on_both overwrite @/full 1000000
on_both truncate @/full 70000
on_both write @/some.new 300000
on_both map @/mapped 40000
uncapture
replay_asked || die "the replica differs"
echo "ok: a full disk is told as without a capture:$all_said"
no_small

# full_journal REASON OPTION...: the journal ends for want of room, the load does not notice.
full_journal() {
    local reason=$1
    shift
    anew
    mkdir -p "$work/tiny"
    truncate -s 24M "$work/tiny.image"
    mkfs.ext4 -q -F -m 0 "$work/tiny.image" && mount -o loop "$work/tiny.image" "$work/tiny" || skip "no loop device"
    rmdir "$work/journal"
    ln -s "$work/tiny" "$work/journal"
    capture --segment 8 --renew-wait 0/0 "$@"
    for i in 1 2 3 4 5 6 7 8; do
        [ "$("$call" write "$root/file-$i" 8000000)" = ok ] || die "a write failed"
    done
    wait_for grep -q "a mirror is needed" "$work/errors" || die "the journal's end was not told"
    [ "$("$call" fsync "$root/file-1")" = ok ] || die "a sync failed"
    [ "$("$call" read "$root/file-8")" = ok ] || die "a read failed"
    [ "$(stat -c %s "$root"/file-* | sort -u)" = 8000000 ] || die "something is missing"
    uncapture
    grep "a mirror is needed" "$work/errors" | tail -1 | grep "$reason" || die "the reason is not told"
    "$build/tests/crash/capture-replay" "$work/journal" "$work/disk/reserve" "$replica" >"$work/replayed" 2>&1
    grep 'the journal ends with' "$work/replayed" || { cat "$work/replayed"; die "its end is not in its header"; }
    umount "$work/tiny"
    rm "$work/journal" "$work/tiny.image"
}
full_journal "too little room is left on the journal's file system"
full_journal "the journal has reached its bound" --journal-max 16
echo "ok: a full journal ends, and nobody waits"
echo "PASS"
