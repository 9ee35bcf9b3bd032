#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# No file past 800 lines, no function past 80, every file says its license, no unfinished business.
cd "${srcdir:-.}" || exit 2
bad=0
complain() { echo "$*"; bad=1; }

sources=$(find lib daemon agents tools tests examples -name '*.[ch]' | sort)
scripts=$(find tests examples -name '*.sh' | sort)
for f in $sources $scripts; do
    lines=$(wc -l <"$f")
    [ "$lines" -le 800 ] || complain "$f: $lines lines (none past 800)"
    head -3 "$f" | grep -q 'SPDX-License-Identifier: ' || complain "$f: no SPDX line"
    case $f in
    lib/*) want=LGPL-2.1-or-later ;;
    *) want=GPL-2.0-or-later ;;
    esac
    head -3 "$f" | grep -q "Identifier: $want" || complain "$f: the license here is $want"
done
# shellcheck disable=SC2086
grep -nE '\b(TODO|FIXME|XXX)\b' $sources /dev/null && complain "unfinished business in the lines above"
# shellcheck disable=SC2086
grep -nE '^[[:space:]]*sleep [0-9]' $scripts /dev/null && complain "wait for the event, not for time"
if command -v ctags >/dev/null && ctags --version | grep -q Universal; then
    # shellcheck disable=SC2086
    long=$(ctags --languages=C --kinds-C=f --fields=+ne -f - $sources | awk -F'\t' '{
        for (i = 4; i <= NF; i++) { if ($i ~ /^line:/) l = substr($i, 6); if ($i ~ /^end:/) e = substr($i, 5) }
        if (e - l > 80) printf "%s:%d: %s() has %d lines (none past 80)\n", $2, l, $1, e - l }')
    [ -z "$long" ] || complain "$long"
fi
exit $bad
