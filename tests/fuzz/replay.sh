#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every fuzz target over its corpus: a directory corpus/NAME belongs to the program NAME.
# With FUZZ_SECONDS=N and a fuzzer's build (configure CC=clang --enable-fuzzing) each target fuzzes for N
# seconds instead, and what crashes stays in the current directory.
failed=0
count=0
for dir in "${srcdir:-.}"/tests/fuzz/corpus/*/; do
    name=$(basename "$dir")
    [ -x "tests/fuzz/$name" ] || { echo "there is no tests/fuzz/$name"; failed=1; continue; }
    if [ -n "${FUZZ_SECONDS:-}" ]; then
        new=$(mktemp -d) || exit 1
        "tests/fuzz/$name" -max_total_time="$FUZZ_SECONDS" -timeout=10 -print_final_stats=1 "$new" "$dir" || failed=1
        rm -rf "$new"
    elif "tests/fuzz/$name" -help=1 2>&1 | grep -q libFuzzer; then
        "tests/fuzz/$name" -runs=0 "$dir" || failed=1
    else
        "tests/fuzz/$name" "$dir" || failed=1
    fi
    count=$((count + 1))
done
[ $count -gt 0 ] || { echo "no corpus"; exit 1; }
exit $failed
