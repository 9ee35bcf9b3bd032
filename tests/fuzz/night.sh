#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzzes each target for so many seconds, with libFuzzer and sanitizers, in a build of its own. What
# crashes is left in _build/fuzz (crash-...): it joins the corpus with its fix.
# night.sh [SECONDS]
top=$(cd "$(dirname "$0")/../.." && pwd)
command -v clang >/dev/null || { echo "SKIP: clang is not installed"; exit 77; }
mkdir -p "$top/_build/fuzz" && cd "$top/_build/fuzz" || exit 1
[ -e "$top/Makefile.in" ] || (cd "$top" && autoreconf -fi) || exit 1
[ -e Makefile ] || CC=clang "$top/configure" -q --enable-fuzzing --with-sanitizers=address,undefined || exit 1
targets=
for dir in "$top"/tests/fuzz/corpus/*/; do
    targets="$targets tests/fuzz/$(basename "$dir")"
done
# shellcheck disable=SC2086
make -j2 $targets || exit 1
FUZZ_SECONDS=${1:-60} srcdir=$top "$top/tests/fuzz/replay.sh"
