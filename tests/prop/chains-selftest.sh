#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# chains takes every state of its own trees, and none that was changed by one step out of order.
chains=${top_builddir:-.}/tests/prop/chains
dir=$(mktemp -d) || exit 1
writers=
trap '[ -z "$writers" ] || kill -KILL -- "-$writers" 2>/dev/null; rm -rf "$dir"' EXIT
passed=0 failed=0

# expect STATUS WHAT COMMAND...
expect() {
    local want=$1 what=$2 out rc
    shift 2
    out=$("$@" 2>&1)
    rc=$?
    if [ $rc = "$want" ]; then
        passed=$((passed + 1))
    else
        echo "FAIL $what: exit $rc, not $want: $out"
        failed=$((failed + 1))
    fi
}
check() { "$chains" check --chains 5 --seed 3 "$dir/$1" "$dir/$1.two"; }
copy() { rm -rf "$dir/c" "$dir/c.two"; cp -a "$dir/a" "$dir/c"; cp -a "$dir/a.two" "$dir/c.two"; }

mkdir "$dir/a" "$dir/a.two"
if ! setfattr -n user.x -v x "$dir/a" 2>/dev/null; then
    echo "SKIP: no user attributes in $dir"
    exit 77
fi
expect 0 'writing' "$chains" write --chains 5 --seed 3 --steps 2001 "$dir/a" "$dir/a.two"
expect 0 'the end' check a
[[ $(check a) == *"steps 2001 2001 2001 2001 2001"* ]] || { echo "FAIL: $(check a)"; failed=$((failed + 1)); }

# every way to change a copy by one object
# wait_for COMMAND...: until it succeeds, half a minute at most
wait_for() {
    local end=$((SECONDS + 120))
    until "$@"; do
        [ $SECONDS -lt $end ] || { echo "FAIL: waited in vain for: $*"; exit 1; }
    done
}
log_size() { stat -c %s "$dir/a/log.1" 2>/dev/null || echo 0; }
longer_than() { [ "$(log_size)" -gt "$1" ]; }
stopped() { [ "$(ps -o stat= -g "$1" | grep -vc '^T')" = 0 ]; }
gone() { [ -z "$(ps -o pid= -g "$1")" ]; }
newest() { (cd "$dir" && find c c.two -name "$1" | sort -t. -k4 -n | tail -1); }
for kind in 'file.2.*' 'link.1.*' 'moved.0.*'; do
    copy
    rm -r "${dir:?}/$(newest "$kind")"
    expect 1 "without a $kind" check c
done
copy
truncate -s -256 "$dir/c/log.3"
expect 1 'a log without its last record' check c
copy
dd if=/dev/zero of="$dir/c/slots" bs=256 count=1 conv=notrunc status=none
expect 1 'an empty slot' check c
copy
chmod 4711 "$dir/$(newest 'file.2.*')"
expect 1 'another mode' check c
copy
setfattr -x user.chain "$dir/$(newest 'file.4.*')"
expect 1 'no attribute' check c
copy
printf x >>"$dir/$(newest 'file.4.*')"
expect 1 'another size' check c
copy
mv "$dir/$(newest 'file.4.*')" "$dir/c/d0/file.4.99999"
expect 1 'another name' check c
copy
mkdir "$dir/c/d0/dir.1.7"
expect 1 'a directory more' check c

# stopped at any moment: a state. Roots of different moments: none.
for _ in 1 2 3; do
    rm -rf "$dir/a" "$dir/a.two"
    mkdir "$dir/a" "$dir/a.two"
    setsid "$chains" write --chains 5 --seed 3 --seconds 60 "$dir/a" "$dir/a.two" >"$dir/out" &
    writers=$!
    wait_for longer_than 5000
    kill -STOP -- -$!
    wait_for stopped $!
    copy
    expect 0 'stopped at some moment' check c
    cp -a "$dir/c.two" "$dir/old.two"
    size=$(log_size)
    kill -CONT -- -$!
    wait_for longer_than $((size + 2000))
    kill -KILL -- -$!
    wait $! 2>/dev/null
    wait_for gone $!
    writers=
    expect 0 'killed at some moment' check a
    copy
    rm -rf "$dir/c.two"
    mv "$dir/old.two" "$dir/c.two"
    expect 1 'one root older than the other' check c
done

echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ] && [ $passed -gt 0 ]
