#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# `make check` in the build with sanitizers, its tests counted one by one.
: "${DOPPEL_SAN:?a build folder is needed}"
# What an earlier run left is not counted when this one ends before its tests, as by a compiler error.
rm -f "$DOPPEL_SAN/test-suite.log"
make -C "$DOPPEL_SAN" -j3 check
rc=$?
[ -e "$DOPPEL_SAN/test-suite.log" ] || exit 1
# What failed is said last, where whoever sees only an end of this log sees it.
find "$DOPPEL_SAN/tests" -name '*.trs' -exec grep -lE '^:test-result: (X?FAIL|ERROR|XPASS)' {} + |
    sort | while read -r trs; do
    printf '\n%s failed; the end of its log:\n' "${trs#"$DOPPEL_SAN/"}"
    tail -n 20 "${trs%.trs}.log"
done
awk '
    /^# TOTAL: / { total += $3 }
    /^# PASS: / { passed += $3 }
    /^# SKIP: / { skipped += $3 }
    END { printf "%d passed, %d failed, %d skipped\n", passed, total - passed - skipped, skipped
          exit !(total > 0 && total == passed + skipped) }' "$DOPPEL_SAN/test-suite.log" && exit $rc
