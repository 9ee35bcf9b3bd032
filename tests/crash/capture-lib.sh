# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The stage of the capture's tests: a mount namespace of their own with an ext4 on a loop device, a root
# on it, a journal, and helpers. Sourced first:  . "$srcdir/tests/crash/capture-lib.sh"; stage "$@"
#
# anew [NAME...]        empty roots of these names (root), replicas of them and an empty journal; sets
#                        roots and replicas, and root and replica to the first of each
# capture [OPTION...]    captures $roots; sets keeper (its process id)
# uncapture              stops it and waits; fails if it did not end well
# replay                 the journal onto the replicas, and these against the roots; prints figures
#
# The namespace, and with it every mount, ends with its last process: after a SIGKILL of the test
# nothing remains but processes of the capture, which end when their mount does.

set -u
set -o pipefail
build=$PWD
srcdir=${srcdir:-.}
program=$build/daemon/capture/doppel-capture

skip() {
    echo "SKIP: $*"
    exit 77
}

die() {
    echo "FAIL: $*"
    [ ! -e "$work/errors" ] || tail -20 "$work/errors"
    exit 1
}

stage() {
    if [ -z "${DOPPEL_STAGE:-}" ]; then
        [ "$(id -u)" = 0 ] || skip "root is needed to mount"
        [ -c /dev/fuse ] || skip "there is no /dev/fuse"
        unshare -m true 2>/dev/null || skip "no right to make mount namespaces"
        # In memory, where there is room: what is tested here is no disk.
        DOPPEL_STAGE=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
        export DOPPEL_STAGE
        unshare -m --propagation private "$BASH" "$0" "$@"
        local code=$?
        rm -rf "$DOPPEL_STAGE"
        exit $code
    fi
    work=$DOPPEL_STAGE
    keeper=
    mkfifo "$work/never" # nobody writes: a read with a time limit
    trap tidy EXIT
    truncate -s "${IMAGE:-3G}" "$work/image"
    mkfs.ext4 -q -F "$work/image" || skip "no ext4 can be made"
    mkdir "$work/disk"
    mount -o loop "$work/image" "$work/disk" 2>/dev/null || skip "no loop device"
    mkdir "$work/disk/plain"
    roots=() replicas=()
    anew
}

anew() {
    local name
    rm -rf "$work/journal" "$work/disk/reserve" "${roots[@]}" "${replicas[@]}"
    [ $# -gt 0 ] || set -- root
    roots=() replicas=()
    for name; do
        roots+=("$work/disk/$name")
        replicas+=("$work/disk/replica${name#root}")
    done
    # shellcheck disable=SC2034
    root=${roots[0]} replica=${replicas[0]}
    mkdir "$work/journal" "${roots[@]}" "${replicas[@]}"
    mkdir -m 700 "$work/disk/reserve"
}

tidy() {
    [ -z "$keeper" ] || kill -QUIT "$keeper" 2>/dev/null
    cd /
    for _ in $(seq 400); do
        umount "$work/disk" 2>/dev/null && break
        read -rt 0.05 <>"$work/never" || :
    done
}

# Waits until the command succeeds, for two minutes at most: other tests run beside this one.
wait_for() {
    local end=$((SECONDS + 120))
    while :; do
        "$@" && return 0
        [ $SECONDS -lt $end ] || return 1
        read -rt 0.05 <>"$work/never" || :
    done
}

# Whether anything of ours is mounted on the stage.
captured() {
    grep -q " $work/[^ ]* [^ ]* - fuse.doppel " <(sed 's/ shared:[0-9]*//' /proc/self/mountinfo)
}

serves() {
    local now
    now=$(grep -c ': captured$' "$work/errors" 2>/dev/null)
    [ "${now:-0}" -gt "$captures" ]
}

ended() {
    ! kill -0 "$keeper" 2>/dev/null
}

capture() {
    local each options=()
    for each in "${roots[@]}"; do options+=(--root "$each"); done
    captures=$(grep -c ': captured$' "$work/errors" 2>/dev/null) || captures=0
    "$program" --run-dir "$work/run" --set test "${options[@]}" --journal "$work/journal" --foreground --stop-wait 120 "$@" 2>>"$work/errors" &
    keeper=$!
    wait_for serves || die "the root was not captured"
}

worker() {
    pgrep -P "$keeper" -x doppel-worker
}

uncapture() {
    captures=$(grep -c ': captured$' "$work/errors" 2>/dev/null) || captures=0
    local code
    kill -TERM "$keeper"
    wait "$keeper"
    code=$?
    keeper=
    [ $code = 0 ] || die "the capture ended with $code"
    ! captured || die "the mount is still there"
}

# Inode flags are in the journal, but not set by the replayer.
replay() {
    local i
    "$build/tests/crash/capture-replay" "$work/journal" "$work/disk/reserve" "${replicas[@]}" || return 1
    for i in "${!roots[@]}"; do
        "$build/tests/crash/compare" --without flags "${roots[i]}" "${replicas[i]}" || return 1
    done
}

# The same where ops have failed: what the replica has to ask for is not compared; sets asked to that.
replay_asked() {
    local i name options=()
    "$build/tests/crash/capture-replay" "$work/journal" "$work/disk/reserve" "${replicas[@]}" >"$work/replayed" ||
        { cat "$work/replayed"; return 1; }
    asked=$(sed -n 's/^ask: //p' "$work/replayed" | sort -u | tr '\n' ' ')
    for name in $asked; do options+=(--exclude "$name"); done
    tail -1 "$work/replayed"
    for i in "${!roots[@]}"; do
        "$build/tests/crash/compare" --without flags "${options[@]}" "${roots[i]}" "${replicas[i]}" || return 1
    done
    echo "asked for: $asked"
}

figures() {
    kill -USR1 "$keeper"
    wait_for grep -q 'capture: figures' "$work/errors" && grep 'capture: figures' "$work/errors" | tail -1
}

# A figure's value of the last line of figures: value NAME.
value() {
    grep 'capture: figures' "$work/errors" | tail -1 | tr ' ' '\n' | sed -n "s/^$1=//p"
}
