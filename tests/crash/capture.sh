#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The worker of a capture dies, at random and at every pair of operation and point, inside takeovers
# too, while processes fight over the same names and files: nobody sees an error, and the journal's
# replay is the source. A control run without pre-images must be caught.
#
#     tests/crash/capture.sh [SECONDS]      of killing, for each of the parts (6)
. "${srcdir:-.}/tests/crash/capture-lib.sh" || exit 1
stage "$@"
seconds=${1:-6}
load=$build/tests/crash/load
killer=$build/tests/crash/capture-kill

# part NAME KILLER-ARGUMENT...: one load, one kind of killing, a replay.
part() {
    local name=$1
    shift
    anew
    "$killer" make "$work/inject" || die "no file of injections"
    : >"$work/errors"
    # Without a mark every object is old, so each is named in the log before it changes.
    rm -rf "$work/disk/.doppel"
    "$program" --dirty-log-create "$work/disk/.doppel/dirty" || die "no dirty log"
    capture --inject "$work/inject" --crash-bound 0/0 --dirty-log "$work/disk/.doppel/dirty" --sync-interval 1
    mkdir "$root/game"
    "$load" --dir "$root/game" --threads 4 --seconds "$((seconds + 1))" --seed "$RANDOM" >"$work/load" 2>&1 &
    local loader=$!
    "$killer" "$@" >"$work/kill" 2>&1
    wait "$loader"
    local code=$?
    "$killer" off "$work/inject" >>"$work/kill"
    figures >/dev/null
    uncapture
    echo "== $name: takeovers=$(value takeovers) recognised=$(value recognised) given_up=$(value given_up) half_copied=$(value half_copied)"
    ! grep 'past the mount' "$work/errors" || die "a change of ours counts as a bypass"
    grep -h -E '^kill:|^load: .* (calls,|waited)' "$work/kill" "$work/load"
    grep '^stall' "$work/load" | sort -k3 -rn | head -3
    [ -z "${VERBOSE:-}" ] || grep -h 'not met' "$work/kill"
    return $code
}

part "at random" random "$work/inject" 2000 0 || { grep -v '^stall' "$work/load"; die "an application saw a fault"; }
replay || die "the replica differs"
part "at each pair" matrix "$work/inject" "$seconds" || { grep -v '^stall' "$work/load"; die "an application saw a fault"; }
replay || die "the replica differs"
seconds=4
if part "control: no pre-images" random "$work/inject" 500 1; then
    die "blind repetition was not noticed: this test sees nothing"
fi
echo "PASS"
