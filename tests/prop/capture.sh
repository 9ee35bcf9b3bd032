#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A captured directory behaves as the file system beneath it: random operations beside ext4, fights
# about names and data, chains of steps, and other people's tests.
#
#     capture.sh [--night] [fsops|load|chains|conformance]...
#
# DOPPEL_BUILD is the build folder. Everything lies on small images, in a mount namespace of its own.
# The last line is "N passed, N failed, N skipped".
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=${DOPPEL_BUILD:-${top_builddir:-.}}
build=$(cd "$build" && pwd) || exit 2
night=
[ "${1:-}" != --night ] || { night=--night; shift; }
[ $# -gt 0 ] || set -- fsops load chains conformance
[ "$(id -u)" = 0 ] || { echo "SKIP: mounts need root"; exit 77; }
[ -x "$build/daemon/capture/doppel-capture" ] || { echo "SKIP: doppel-capture is not built"; exit 77; }
if [ -z "${PROP_INSIDE:-}" ]; then
    PROP_INSIDE=1 exec unshare --mount --propagation private "$here/${0##*/}" $night "$@"
fi

work=$(mktemp -d) || exit 1
capture_pid=''
passed=0 failed=0 skipped=0
# shellcheck disable=SC2317
cleanup() {
    cd /
    if [ -n "$capture_pid" ]; then
        kill -QUIT "$capture_pid" 2>/dev/null
        wait "$capture_pid"
    fi
    umount "$work/a" "$work/b" 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
mkfifo "$work/never"

for side in a b; do
    mkdir "$work/$side"
    truncate -s 1G "$work/$side.image"
    mkfs.ext4 -q -F "$work/$side.image" && mount -o loop "$work/$side.image" "$work/$side" || {
        echo "SKIP: no file system on a loop device"
        exit 77
    }
done
mkdir "$work/a/one" "$work/a/two" "$work/b/plain" "$work/journal"
"$build/daemon/capture/doppel-capture" --run-dir "$work/run" --set prop --root "$work/a/one" --root "$work/a/two" \
    --journal "$work/journal" --foreground >"$work/log" 2>&1 &
capture_pid=$!
end=$((SECONDS + 30))
until mountpoint -q "$work/a/one" && mountpoint -q "$work/a/two"; do
    kill -0 $capture_pid 2>/dev/null && [ $SECONDS -lt $end ] || { cat "$work/log"; echo "FAILED: no mount"; exit 1; }
    read -rt 0.02 <>"$work/never" || :
done

# check NAME COMMAND...
check() {
    local name=$1
    shift
    if "$@"; then
        echo "ok $name"
        passed=$((passed + 1))
    else
        echo "FAILED $name"
        failed=$((failed + 1))
    fi
}
for what in "$@"; do
    case $what in
    fsops)
        length=(--seeds 10 --ops 1000)
        [ -z "$night" ] || length=(--seconds 3600 --ops 3000)
        check fsops "$build/tests/prop/fsops" --a "$work/a/one" --b "$work/b/plain" "${length[@]}" --full
        ;;
    load)
        check load "$build/tests/crash/load" --dir "$work/a/one" --seconds "$([ -z "$night" ] && echo 5 || echo 600)" >"$work/load"
        grep -v '^stall ' "$work/load"
        ;;
    chains)
        check 'chains, written' "$build/tests/prop/chains" write --chains 8 --seconds "$([ -z "$night" ] && echo 3 || echo 60)" "$work/a/one" "$work/a/two"
        check 'chains, read back' "$build/tests/prop/chains" check --chains 8 "$work/a/one" "$work/a/two"
        ;;
    conformance)
        # shellcheck disable=SC2086
        "$here/../crash/conformance.sh" $night --reference "$work/b/plain" "$work/a/one" >"$work/conformance"
        grep -v ' passed, ' "$work/conformance"
        # shellcheck disable=SC2046
        set -- $(tail -n 1 "$work/conformance" | tr -dc '0-9 ')
        passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
        ;;
    *)
        echo "capture.sh: unknown test \"$what\"" >&2
        exit 2
        ;;
    esac
done
if ! kill -0 "$capture_pid" 2>/dev/null; then
    echo "FAILED: doppel-capture ended meanwhile: $(tail -3 "$work/log")"
    failed=$((failed + 1))
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
