#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# doppel-capture(8) is in step with the program: every option that it takes or shows, every number of a
# status, every finding.
srcdir=${srcdir:-.}
page=$srcdir/doc/doppel-capture.8
program=daemon/capture/doppel-capture
bad=0
complain() {
    echo "$*"
    bad=1
}

help=$("./$program" --help) || { echo "no help"; exit 1; }
shown=$(echo "$help" | grep -oE -e '--[a-z]+(-[a-z]+)*' | sort -u)
taken=$(sed -n 's/^    {"\([a-z-]*\)", [a-z]*_argument.*/--\1/p' "$srcdir/daemon/capture/options.c" 2>/dev/null)
[ "$(echo "$shown" | wc -l)" -gt 15 ] && [ "$(echo "$taken" | wc -l)" -gt 15 ] || complain "options are not found"
for option in $shown $taken; do
    grep -qE "Fl -${option#--}( |\$)" "$page" || complain "$option is not in the page"
done
for option in $shown; do
    echo "$taken" | grep -qx -e "$option" || complain "$option is shown, and not taken"
done
# What the page names is taken.
for option in $(grep -oE 'Fl -[a-z-]+' "$page" | sed 's/Fl -/--/' | sort -u); do
    echo "$taken" | grep -qx -e "$option" || complain "$option is in the page, and not taken"
done
for name in $(sed -n 's/^DPL_CAPSTAT(\([a-z_]*\),.*/\1/p' "$srcdir/lib/capstat/capstat.tbl.h"); do
    grep -qE "^\.It Em .*\b$name\b" "$page" || complain "the number $name is not in the page"
done
for name in $(sed -n 's/^DPL_FINDING(\([a-z_0-9]*\),.*/\1/p' "$srcdir/daemon/capture/capability.tbl.h"); do
    grep -qw "$name" "$page" || complain "the finding $name is not in the page"
done
[ $bad = 0 ] && echo "$(echo "$shown" | wc -l) options shown, $(echo "$taken" | wc -l) taken: all in the page"
exit $bad
