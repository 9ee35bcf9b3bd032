#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Capture against the file system beneath it, in one run, side after side, medians of repeats.
# "RESULT key value" on standard output, everything else on standard error.
#   DOPPEL_BUILD    build folder (as users have it, without sanitizers)
#   BENCH_DIR       where the image and the journal lie: the node's disk [/var/tmp]
#   BENCH_REPEATS   of each measurement on each side [5]
#   BENCH_SECONDS   of each [2]
#   BENCH_DIRTY     mark: with a dirty log that begins with a mark, as in a set that is protected; all: with
#                   one that has none, so that every object is old; none: without [mark]
#   BENCH_SYNC      seconds between syncs of the disk below, 0 for none [5]
set -u
build=${DOPPEL_BUILD:?a build folder is needed}
build=$(cd "$build" && pwd) || exit 2
here=$(cd "$(dirname "$0")" && pwd)
repeats=${BENCH_REPEATS:-5} seconds=${BENCH_SECONDS:-2}
say() { echo "capture.sh: $*" >&2; }

[ "$(id -u)" = 0 ] || { echo "SKIP: mounts need root" >&2; exit 77; }
[ -n "${BENCH_INSIDE:-}" ] ||
    BENCH_INSIDE=1 exec unshare --mount --propagation private "$here/${0##*/}" "$@"

# wait_for_mount DIR PID: until DIR is a mount, as long as PID lives, half a minute at most
wait_for_mount() {
    local end=$((SECONDS + 30))
    until mountpoint -q "$1"; do
        kill -0 "$2" 2>/dev/null && [ $SECONDS -lt $end ] || return 1
        read -rt 0.02 <>"$work/never" || :
    done
}

# capture_mount ROOT: captures the directory; its changes go through doppel-capture afterwards.
capture_mount() {
    local log=$work/fs/.doppel/dirty options=(--sync-interval "${BENCH_SYNC:-5}")
    mkdir -p "$work/journal"
    case ${BENCH_DIRTY:-mark} in
    mark) "$build/daemon/capture/doppel-capture" --dirty-log-create "$log" --dirty-log-mark || exit 1 ;;
    all) "$build/daemon/capture/doppel-capture" --dirty-log-create "$log" || exit 1 ;;
    esac
    [ ! -e "$log" ] || options+=(--dirty-log "$log")
    "$build/daemon/capture/doppel-capture" --run-dir "$work/run" --set bench --root "$1" --journal "$work/journal" \
        "${options[@]}" --foreground 1>&2 &
    capture_pid=$!
    wait_for_mount "$1" "$capture_pid" || { say "doppel-capture did not mount"; exit 1; }
}

# passthrough_mount LOWER MOUNT: libfuse's example; fails where it cannot be built.
passthrough_mount() {
    local source=/usr/share/doc/libfuse3-dev/examples/passthrough_ll.c
    [ -e "$source" ] || { [ ! -e "$source.gz" ] || gunzip -c "$source.gz" >"$work/passthrough_ll.c"; }
    [ ! -e "$source" ] || cp "$source" "${source%/*}/passthrough_helpers.h" "$work/" || return 1
    [ -e "$work/passthrough_ll.c" ] || return 1
    # shellcheck disable=SC2046
    cc -O2 -w -o "$work/passthrough_ll" "$work/passthrough_ll.c" -I"${source%/*}" \
        $(pkg-config --cflags --libs fuse3) >&2 || return 1
    "$work/passthrough_ll" -f -o "source=$1,cache=always,default_permissions" "$2" >&2 &
    passthrough_pid=$!
    wait_for_mount "$2" "$passthrough_pid"
}

work=$(mktemp -d "${BENCH_DIR:-/var/tmp}/capture.XXXXXX") || exit 1
capture_pid='' passthrough_pid=''
# shellcheck disable=SC2317
cleanup() {
    cd /
    umount "$work/fs/passthrough" 2>/dev/null
    if [ -n "$capture_pid" ]; then
        kill "$capture_pid" 2>/dev/null
        wait "$capture_pid"
    fi
    [ -z "$passthrough_pid" ] || wait "$passthrough_pid"
    umount "$work/fs" 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

mkfifo "$work/never" # nobody writes: a read with a time limit
mkdir "$work/fs" && truncate -s 8G "$work/image" && mkfs.ext4 -q -F "$work/image" >&2 &&
    mount -o loop,relatime "$work/image" "$work/fs" || exit 1
mkdir "$work"/fs/{native,ours,lower,passthrough}
capture_mount "$work/fs/ours"
sides=(native ours)
if passthrough_mount "$work/fs/lower" "$work/fs/passthrough"; then
    sides+=(passthrough)
else
    say "libfuse's passthrough_ll cannot be built here: capture.over_passthrough_ll.* is left out"
fi

declare -A median
# measure METHOD SIDE...: interleaved; sets median[METHOD SIDE]
measure() {
    local method=$1 i side n value
    local -A values=()
    shift
    for ((i = 0; i < repeats; i++)); do
        for side in "$@"; do
            value=$("$build/tests/bench/capture" "$method" "$work/fs/$side" "$seconds") || exit 1
            values[$side]+=" $value"
        done
    done
    for side in "$@"; do
        # shellcheck disable=SC2086
        n=$(printf '%s\n' ${values[$side]} | sort -n | awk '{ v[NR] = $1 } END {
            print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }')
        median[$method $side]=$n
        say "$method $side: $n a second (${values[$side]# })"
    done
}
result() {
    echo "RESULT $1 $(awk "BEGIN { printf \"%.3f\", $2 / $3 }")"
}

for method in deliver_fsync_16 deliver_fsync_1 write8k_fdatasync8 seq1m read4k_cached stat_warm stat_cold; do
    [ $# = 0 ] || [[ " $* " == *" $method "* ]] || continue
    if [ $method = deliver_fsync_16 ]; then
        measure $method "${sides[@]}"
    else
        measure $method native ours
    fi
    result capture.$method.of_native "${median[$method ours]}" "${median[$method native]}"
    [ -z "${median[$method passthrough]:-}" ] ||
        result capture.over_passthrough_ll.$method "${median[$method ours]}" "${median[$method passthrough]}"
done
