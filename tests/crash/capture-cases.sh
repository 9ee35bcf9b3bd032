#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Single cases of a captured directory, and the replay of what they left.
. "${srcdir:-.}/tests/crash/capture-lib.sh" || exit 1
stage "$@"

capture
"$build/tests/crash/capture-cases" "$root" || die "a captured directory answers otherwise"
uncapture
replay || die "the replica differs"

anew
"$build/tests/crash/capture-kill" make "$work/inject" || die "no file of injections"
capture --inject "$work/inject" --crash-bound 0/0
timeout 300 "$build/tests/crash/capture-cases" "$root" killed "$work/inject" || die "a death in a change of flags shows"
uncapture
replay || die "the replica differs"

anew
mkdir "$root/out"
printf '%s\n' "include recursive $root" "exclude recursive $root/out" >"$work/rules"
capture --rules "$work/rules"
"$build/tests/crash/capture-cases" "$root" border || die "a border answers otherwise"
uncapture
rmdir "$root/out"
replay >"$work/replayed" 2>&1
grep -q 'ask=0$' "$work/replayed" || { cat "$work/replayed"; die "the replica has to ask"; }
[ -c "$replica/goes" ] || die "what was left in the set is not at the replica"
[ -f "$replica/came" ] || die "what entered the set is not at the replica"

anew root root-two
capture
"$build/tests/crash/capture-cases" "$root" across "${roots[1]}" || die "two roots answer otherwise"
uncapture
replay || die "a replica differs"
echo "PASS"
