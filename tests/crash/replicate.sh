#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A root is captured and replicated while it is written to; link, replica and connection die at random.
# Afterwards both sides are equal in everything. REPLICATE_SECONDS: how long (20), DPL_SEED: which faults.
. "${srcdir:-.}/tests/crash/capture-lib.sh" || exit 1
stage "$@"
load=$build/tests/crash/load
seconds=${REPLICATE_SECONDS:-20}
RANDOM=${DPL_SEED:-7}
echo "seed ${DPL_SEED:-7}"

capture
coproc PAIR { "$build/tests/crash/pair" "$build/daemon/link/doppel-link" "$build/daemon/apply/doppel-replica" \
    "$work/journal" "$root" "$replica" "${DPL_SEED:-7}" 2>>"$work/errors"; }
pair=$PAIR_PID
# shellcheck disable=SC2154
exec 8>&"${PAIR[1]}" 9<&"${PAIR[0]}"

# order WORD: tells the pair, and waits for its answer.
order() {
    local answer
    echo "$1" >&8
    IFS= read -rt 150 -u 9 answer || die "no answer to $1"
    [ "${answer%%:*}" = ok ] || die "$1: $answer $(timeout 1 cat <&9)"
    said=$answer
}

mkdir "$root/game"
"$load" --dir "$root/game" --threads 4 --seconds "$seconds" --seed "${DPL_SEED:-7}" >"$work/load" 2>&1 &
loader=$!
faults=0
while kill -0 $loader 2>/dev/null; do
    read -rt "0.$((RANDOM % 9 + 1))" <>"$work/never" || :
    case $((RANDOM % 4)) in
    0 | 1) order cut ;;
    2) order link ;;
    3) order replica ;;
    esac
    faults=$((faults + 1))
done
wait $loader || die "the load failed: $(tail -3 "$work/load")"
order settle
echo "settle: $said"
# The journal's end is said to the target as its end.
order quit
echo "$faults faults, $said"
wait "$pair" || die "the engines did not end well"
uncapture
"$build/tests/crash/compare" --without flags "$root" "$replica" || die "the replica differs"
echo "ok: equal in everything after $faults faults"
