#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Random calls on a captured directory and on a plain one of the same file system: no answer differs,
# and the journal's replay is the source.
#
#     tests/prop/capture-ops.sh [SEEDS [FIRST]]
. "${srcdir:-.}/tests/crash/capture-lib.sh"
stage "$@"
seeds=${1:-5}
first=${2:-${DPL_SEED:-$RANDOM}}

capture
"$build/tests/prop/fsops" --a "$root" --b "$work/disk/plain" --seed "$first" --seeds "$seeds" --ops 2000 --keep ||
    die "answers differ"
uncapture
replay || die "the replica differs"
echo "PASS"
