#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Mirrors of a set with several roots and a rule that excludes, while things go wrong: the capture's worker and keeper
# are killed, the application changes everything. Each ends with both sides equal, and what the rules exclude is left
# alone at the target.
# shellcheck source=tests/crash/sites-lib.sh disable=SC2154
. "$(dirname "$0")/sites-lib.sh" || exit 1
sites_stage "$@"
sites_start
sites_pair

web_a=$work/a/mnt/web web_b=$work/b/mnt/web
mkdir "$web_a" "$web_b" "$root_a/in" "$root_a/tmp" "$root_b/tmp" "$root_b/gone"
for i in $(seq 60); do head -c 50000 /dev/urandom >"$root_a/in/$i"; echo "$i" >"$web_a/$i"; done
echo ours >"$root_a/tmp/ours"
echo theirs >"$root_b/tmp/theirs"
echo orphan >"$root_b/gone/orphan"

ended() { grep -c 'set "mail": mirror-ended' "$files_a/log"; }
consistent() { [ "$(field b consistent)" = true ]; }
settled() {
    eventually protected
    must doppel a wait mail --idle --timeout="${patience}s"
    eventually protected
    eventually consistent
    "$compare" "$root_a/in" "$root_b/in" && "$compare" "$web_a" "$web_b" || complain "the sites differ"
}
next_ends() {
    local before=$1
    more() { [ "$(ended)" -gt "$before" ]; }
    eventually more
}
slow() {
    must doppel a limit mail --bandwidth=1M
    must doppel a mirror start mail --kind=full --accept-deletes
    eventually is a mirroring
}

must doppel b set accept mail --from=site-a --map="$root_a:$root_b" --map="$web_a:$web_b"
must doppel a set create mail "$root_a" "$web_a" --exclude="$root_a/tmp"
eventually is a "mirror needed"
must doppel a mirror start mail --accept-deletes
next_ends 0
settled
[ "$(cat "$root_b/tmp/theirs")" = theirs ] || complain "what the rules exclude was taken away"
[ ! -e "$root_b/tmp/ours" ] || complain "what the rules exclude was sent"
[ ! -e "$root_b/gone" ] || complain "an orphan stays"
[ $failed = 0 ] && echo "PRINT several roots, and what the rules exclude is no orphan"

for who in worker keeper; do
    [ $failed = 0 ] || break
    n=$(ended)
    slow
    strike a $who || complain "no $who"
    echo "$who" >"$root_a/in/mark.$who" || complain "the application saw the death of the $who"
    must doppel a limit mail --none
    next_ends "$n"
    settled
done
[ $failed = 0 ] && echo "PRINT the capture's worker and keeper die in a mirror"

if [ $failed = 0 ]; then
    n=$(ended)
    slow
    for i in $(seq 60); do
        head -c $((i * 997)) /dev/urandom >"$root_a/in/$i"
        mv "$web_a/$i" "$root_a/in/w$i"
        ln "$root_a/in/w$i" "$root_a/in/l$i"
    done
    rm -f "$root_a/in/1" "$root_a/in/l1"
    echo left >"$web_a/left" # an empty root would be asked about
    must doppel a limit mail --none
    next_ends "$n"
    settled
    [ $failed = 0 ] && echo "PRINT everything changes in a mirror"
fi

sites_end
