#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A lower file system that does what it was asked and then says that it failed: the application gets the error and
# sees the names as they are now, and the journal says that the outcome is unknown, so the target asks.
. "${srcdir:-.}/tests/crash/capture-lib.sh" || exit 1
stage "$@"

# fails CALL ERRNO TEXT COMMAND...: the command meets this error.
fails() {
    local text=$3
    echo "$1 $2" >"$work/fail"
    shift 3
    ! LC_ALL=C "$@" 2>"$work/said" || die "$*: no error"
    grep -q "$text" "$work/said" || die "$*: $(cat "$work/said")"
    [ ! -e "$work/fail" ] || die "$*: the call was not made"
}

# unknown COUNT WORD: so many records of this type have an unknown outcome.
unknown() {
    "$build/doppel" journal show --dir "$work/journal" >"$work/shown"
    [ "$(grep -w unknown "$work/shown" | grep -cw "$2")" = "$1" ]
}

# The call alone: mv(1) looks again when it fails.
move() {
    perl -e 'rename($ARGV[0], $ARGV[1]) or die "$!\n"' "$@"
}

there() { [ -e "$root/$1" ] || [ -L "$root/$1" ]; }
gone() { ! there "$1"; }

FAILING_CALL=$work/fail ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 \
    LD_PRELOAD=$build/tests/crash/failing.so capture
mkdir "$root/a" "$root/b" "$root/b/empty"
echo one >"$root/a/one"
echo two >"$root/a/two"
echo three >"$root/a/three"
echo old >"$root/b/old"
# The kernel has all these names, and the absence of others.
there a/one && there b/old && gone a/new && gone b/one && gone a/link && gone a/symlink && there b/empty || die "the names"

fails renameat2 28 "No space left" move "$root/a/one" "$root/b/one"
wait_for there b/one || die "a rename that happened is not seen"
wait_for gone a/one || die "what was renamed stands in two places"
wait_for unknown 1 rename || die "the journal says what nobody knows: $(cat "$work/shown")"
fails renameat2 28 "No space left" move "$root/a/three" "$root/a/four"
wait_for gone a/three || die "what was renamed stands under two names"
there a/four || die "a rename that happened is not seen"
wait_for unknown 2 rename || die "the journal says what nobody knows: $(cat "$work/shown")"
fails renameat2 5 "Input/output error" move "$root/a/two" "$root/b/old"
wait_for gone a/two || die "what was renamed over another stands in two places"
[ "$(cat "$root/b/old")" = two ] || die "the old file is shown"
wait_for unknown 3 rename || die "the journal says what nobody knows: $(cat "$work/shown")"
fails mkdirat 28 "No space left" mkdir "$root/a/new"
wait_for there a/new || die "a directory that was made is not seen"
wait_for unknown 1 create || die "the journal says what nobody knows: $(cat "$work/shown")"
fails symlinkat 122 "quota exceeded" ln -s target "$root/a/symlink"
wait_for there a/symlink || die "a symbolic link that was made is not seen"
wait_for unknown 2 create || die "the journal says what nobody knows: $(cat "$work/shown")"
fails linkat 28 "No space left" ln "$root/b/one" "$root/a/link"
wait_for there a/link || die "a link that was made is not seen"
wait_for unknown 1 link || die "the journal says what nobody knows: $(cat "$work/shown")"
fails unlinkat 28 "No space left" rmdir "$root/b/empty"
wait_for gone b/empty || die "a directory that was removed is still seen"
wait_for unknown 1 remove || die "the journal says what nobody knows: $(cat "$work/shown")"
[ "$(stat -c %h "$root/b/one")" = 2 ] || die "the number of links is stale"
# One that failed and changed nothing is void, and asks for nothing.
! mkdir "$root/a/new" 2>/dev/null || die "made twice"
wait_for unknown 2 create || die "what changed nothing is unknown"

# A worker that is killed in the middle of an append: the rest follows, and nothing stands there twice.
touch "$root/log"
chattr +a "$root/log"
perl -e 'print map { chr(32 + $_ % 90) } 1 .. 10000' >"$work/bytes"
old=$(worker)
echo 'append 9' >"$work/fail"
dd if="$work/bytes" of="$root/log" bs=10000 oflag=append conv=notrunc status=none || die "the append failed"
[ ! -e "$work/fail" ] && [ "$(worker)" != "$old" ] || die "no worker died in the append"
cmp "$work/bytes" "$root/log" || die "an append stands there in parts, or twice"
chattr -a "$root/log"

# No threads can be made for a while, and all that there are are stuck: it goes on when there are again.
mkdir "$root/stuck"
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do : >"$root/stuck/$i"; done
echo 'threads 11' >"$work/fail"
fsfreeze -f "$work/disk"
writers=()
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
    echo "$i" >>"$root/stuck/$i" &
    writers+=($!)
done
hangs() { [ "$(grep -l '^State:.D' "/proc/$(worker)/task"/*/status | wc -l)" -ge 3 ]; }
wait_for hangs
code=$?
read -rt 2 <>"$work/never" # many tries
rm "$work/fail"
ls -d "$root/b/nothing" >"$work/said" 2>&1 &
looker=$!
answered() { ! kill -0 $looker 2>/dev/null; }
wait_for answered || code=2
fsfreeze -u "$work/disk"
[ $code = 0 ] || die "it does not go on when there are threads again"
wait "${writers[@]}" || die "a write failed"
[ "$(cat "$root"/stuck/* | wc -l)" = 12 ] || die "writes are lost"
uncapture
echo PASS
