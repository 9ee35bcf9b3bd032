#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# clang-tidy, with the checks of .clang-tidy, finds nothing. Files are looked at by content: one that
# was clean and did not change, nor any header, is not looked at again in this build folder. TIDY_DIRS
# says where; TIDY_FAST=1 leaves out the checks of clang-analyzer, which take fifteen times as long as all others.
command -v clang-tidy >/dev/null || { echo "SKIP: clang-tidy is not installed"; exit 77; }
build=$(pwd)
cd "${srcdir:-.}" || exit 2
# The flags hold quoted words: they go through eval.
fast=
[ -z "${TIDY_FAST:-}" ] || fast="--checks=-clang-analyzer-*"
flags="-std=gnu17 -include $build/config.h -I. -I$build -I$build/ocf ${TIDY_CFLAGS:-} -Wno-unknown-warning-option"
mkdir -p "$build/tests/lint/tidy.d"
export build flags fast
headers=$(find lib daemon agents tools tests -name "*.h" -exec cat {} + | cat .clang-tidy tests/.clang-tidy - |
    sha256sum | cut -c1-16)${fast:+-fast}
export headers
# shellcheck disable=SC2016
# shellcheck disable=SC2086
find ${TIDY_DIRS:-lib daemon agents tools tests} -name '*.c' -print0 | xargs -0 -P2 -n1 sh -c '
    mark=$build/tests/lint/tidy.d/$headers-$(sha256sum <"$0" | cut -c1-32)
    [ -e "$mark" ] && exit 0
    if out=$(eval "clang-tidy --quiet $fast --warnings-as-errors=\"*\" \"\$0\" -- $flags" 2>&1); then
        : >"$mark"
    else
        echo "$out" | grep -v "warnings generated\|Suppressed\|Use -header-filter"
        exit 1
    fi'
