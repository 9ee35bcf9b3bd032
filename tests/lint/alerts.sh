#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The alerts that doppeld gives are those of the table in doppel.conf(5): by name, and by value where the
# code says it in a word.
cd "${srcdir:-.}" || exit 2
page=doc/doppel.conf.5 parent=daemon/parent bad=0
complain() { echo "$page: $*"; bad=1; }
row() { sed -n "s/^\.It Li doppel-.*\.$1 Ta /&/p" "$page"; }

pairs=$(grep -rhoE 'dpl_alert_set\([^,]+, "[a-z]+", "[a-z-]+"' "$parent" | sed 's/[^"]*"\([a-z]*\)", "\(.*\)"/\1 \2/'
    sed -n '/ told\[\] = {/,/};/p' "$parent/engine.c" | grep -o '"[^"]*"' | tr -d '"' | sed 's/^/event /')
names=$(grep -rhoE 'dpl_alert_set\([^,]+, "[a-z]+"' "$parent" | sed 's/.*"\(.*\)"/\1/'
    sed -n 's/^ *{"\([a-z]*\)", ".*", &c->.*/\1/p' "$parent/capture.c"
    grep -rlE '\<dpl_alert\(' "$parent" | xargs sed -n 's/.*"doppel-[a-z%]*\.\([a-z]*\)".*/\1/p')
names=$(echo "$names" | sort -u)
[ "$(echo "$names" | wc -l)" -ge 10 ] || { echo "alerts: none are found in $parent"; exit 2; }

for name in $names; do
    [ -n "$(row "$name")" ] || complain "no alert of the name .$name"
done
said=$(sed -n 's/^\.It Li doppel-.*\.\([a-z]*\) Ta .*/\1/p' "$page")
for name in $said; do
    echo "$names" | grep -qx "$name" || complain "nothing gives an alert of the name .$name"
done
[ "$(echo "$pairs" | wc -l)" -ge 5 ] || { echo "alerts: no values are found in $parent"; exit 2; }
echo "$pairs" | sort -u | {
    while read -r name value; do
        row "$name" | grep -qE -- "[ ]$value( |\$)" || complain "no value $value of .$name"
    done
    exit $bad
} || bad=1
exit $bad
