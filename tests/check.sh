#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# `make check` in the build with sanitizers, its tests counted one by one. With DOPPEL_AGAIN set only
# those that failed before run.
: "${DOPPEL_SAN:?a build folder is needed}"
# What an earlier run left is not counted when this one ends before its tests, as by a compiler error.
rm -f "$DOPPEL_SAN/test-suite.log"
if [ -n "${DOPPEL_AGAIN:-}" ]; then
    make -C "$DOPPEL_SAN" recheck
else
    find "$DOPPEL_SAN/tests" -name '*.trs' -delete
    make -C "$DOPPEL_SAN" -j3 check
fi
rc=$?
[ -e "$DOPPEL_SAN/test-suite.log" ] || exit 1
# What failed is said last, where whoever sees only an end of this log sees it.
find "$DOPPEL_SAN/tests" -name '*.trs' -exec grep -lE '^:test-result: (X?FAIL|ERROR|XPASS)' {} + |
    sort | while read -r trs; do
    printf '\n%s failed; the end of its log:\n' "${trs#"$DOPPEL_SAN/"}"
    tail -n 20 "${trs%.trs}.log"
done
find "$DOPPEL_SAN/tests" -name '*.trs' -exec sed -n 's/^:global-test-result: //p' {} + | awk '
    { n[$1]++; total++ }
    END { printf "%d passed, %d failed, %d skipped\n", n["PASS"], total - n["PASS"] - n["SKIP"], n["SKIP"]
          exit !(total > 0 && total == n["PASS"] + n["SKIP"]) }' && exit $rc
