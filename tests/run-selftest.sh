#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/run counts what its tests say, passes only if all passed, and two at once wait for each other.
# In a tree of its own whose build does nothing.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/tests"
cp "${srcdir:-.}/tests/run" "${srcdir:-.}/tests/setup.sh" "$tmp/tests" || exit 1
cat >"$tmp/configure" <<'Y'
#!/bin/sh
printf 'all check install:\n' >Makefile
touch config.status
Y
chmod +x "$tmp/configure"
touch "$tmp/Makefile.in"
unset DOPPEL_TESTS_INSIDE DOPPEL_SAN DOPPEL_BUILD DOPPEL_ROOT DOPPEL_TIER MAKEFLAGS MFLAGS
failed=0
# expect EXIT LAST-LINE [ARGUMENT...] <LIST: so ends a run of this list
expect() {
    local want=$1 last=$2 out rc
    shift 2
    cat >"$tmp/tests/list"
    out=$("$tmp/tests/run" --no-install "$@" 2>&1)
    rc=$?
    [ $rc = "$want" ] && [ "$(tail -n 1 <<<"$out")" = "$last" ] && return
    echo "FAILED: expected $want, $last; got $rc and"
    echo "$out"
    failed=1
}
expect 0 "1 passed, 0 failed, 0 skipped" <<<'a | side | true | ='
expect 1 "0 passed, 1 failed, 0 skipped" <<<'a | alone | false | ='
expect 1 "0 passed, 0 failed, 1 skipped" <<<'a | alone | exit 77 | ='
expect 0 "4 passed, 0 failed, 3 skipped" <<'Y'
a | side | echo "3 passed, 0 failed, 2 skipped" | =
b | side | exit 77 | =
c | alone | true | =
Y
# "under" rows run beneath all, and are waited for.
mkfifo "$tmp/last"
expect 1 "2 passed, 1 failed, 0 skipped" <<Y
a | under | read -r _ <$tmp/last; echo "1 passed, 0 failed, 0 skipped" | =
b | alone | echo >$tmp/last | =
c | under | false | =
Y
expect 1 "3 passed, 1 failed, 0 skipped" <<<'a | side | echo "3 passed, 0 failed, 0 skipped"; exit 1 | ='
expect 1 "3 passed, 2 failed, 0 skipped" <<<'a | side | echo "3 passed, 2 failed, 0 skipped" | ='
grep -q '^FAILED' <<<"$("$tmp/tests/run" --no-install)" || { echo "FAILED: a counted failure is shown as ok"; failed=1; }
# What fails beside others and passes alone is said, and passes; not at night, nor what lost data.
# shellcheck disable=SC2016
unsteady='if ! [ -e "$DOPPEL_SRC/again" ]; then touch "$DOPPEL_SRC/again"; echo "FAIL: $what"; exit 1; fi'
rm -f "$tmp/again"
expect 0 "1 passed, 0 failed, 0 skipped" <<<"a | side | what='it took long'; $unsteady | ="
rm -f "$tmp/again"
out=$("$tmp/tests/run" --no-install)
[[ $out == *"UNSTEADY, failed beside others and passed alone: a: FAIL: it took long"* ]] ||
    { echo "FAILED: an unsteady test is not said: $out"; failed=1; }
rm -f "$tmp/again"
expect 1 "0 passed, 1 failed, 0 skipped" --night <<<"a | side | what='it took long'; $unsteady | ="
rm -f "$tmp/again"
expect 1 "0 passed, 1 failed, 0 skipped" <<<"a | side | what='the sites differ'; $unsteady | ="
expect 1 "0 passed, 0 failed, 0 skipped" --only b <<<'a | side | true | ='
expect 0 "1 passed, 0 failed, 0 skipped" --night <<<'a | side | - | true'
expect 1 "0 passed, 0 failed, 0 skipped" <<<'a | side | - | true'

# The first holds the tree until it is let go; the second says that it waits.
mkfifo "$tmp/go"
echo "a | alone | read -r _ <$tmp/go | =" >"$tmp/tests/list"
"$tmp/tests/run" --no-install >"$tmp/first" &
first=$!
exec 3>"$tmp/go" # opens when the first is in its test
mkfifo "$tmp/said"
"$tmp/tests/run" --no-install >"$tmp/said" &
second=$!
read -r line <"$tmp/said"
case $line in *"waiting for it") ;; *) echo "FAILED: two at once: $line"; failed=1 ;; esac
kill -KILL "$second"
echo >&3
wait "$first" || { echo "FAILED: the first of two"; failed=1; }
exit $failed
