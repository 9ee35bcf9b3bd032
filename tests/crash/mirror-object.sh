#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A file that somebody changes past the mount is asked for by the target, and mirrored alone; so is a directory in which
# somebody makes, moves and removes files past the mount.
# shellcheck source=tests/crash/sites-lib.sh disable=SC2154
. "$(dirname "$0")/sites-lib.sh" || exit 1
sites_stage "$@"
sites_start
sites_pair

mkdir "$root_a/d"
for i in $(seq 50); do head -c 20000 /dev/urandom >"$root_a/d/$i"; done
# From before the mount: what it writes no capture sees.
exec 9<>"$root_a/d/7" 8<"$root_a/d" 7<"$root_a"
sites_set
must doppel a connect mail
eventually protected
equal
begun() { grep -c 'set "mail": mirror-begins' "$files_b/log"; }
alone() { grep -q 'mirror-begins: of an object' "$files_b/log"; }
before=$(begun)
printf 'past the mount' >&9
exec 9>&-
eventually alone
eventually protected
consistent() { [ "$(field b consistent)" = true ]; }
eventually consistent
equal
grep -q 'past the mount' "$root_b/d/7" || complain "what was written past the mount is not there"

n=$(begun)
mkdir /proc/self/fd/8/sub
echo new >/proc/self/fd/8/sub/new
mv /proc/self/fd/8/9 /proc/self/fd/7/moved
rm /proc/self/fd/8/11
exec 8<&- 7<&-
came() {
    [ "$(begun)" -gt "$n" ] && consistent && same >/dev/null
}
eventually came
eventually protected
equal
after=$(grep 'set "mail": mirror-begins' "$files_b/log" | tail -n +$((before + 1)) | grep -vc 'of an object')
[ "$after" = 0 ] || complain "a mirror of the set began"
[ $failed = 0 ] && echo "PRINT what somebody changed past the mount is mirrored alone"
sites_end
