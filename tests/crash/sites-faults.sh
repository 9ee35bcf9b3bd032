#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154
# Two sites, and what goes wrong at the target, or is odd at the source: names of any bytes, trees deeper than
# PATH_MAX, a large directory, a file of holes; a disk that is not mounted, read-only or full; a set that is
# accepted twice, deleted while it is connected, or accepted where nothing can be written. Each ends in recovery,
# or one clear line at the site where somebody can help.
# FAULTS_MANY: files in the large directory, and holes in the file (2000).
# shellcheck source=tests/crash/sites-lib.sh
. "$(dirname "$0")/sites-lib.sh" || exit 1
many=${FAULTS_MANY:-2000}
DISK=${DISK:-$((many > 20000 ? 4 : 1))G} # and an inode for each
sites_more() { [ "$1" != b ] || echo "queue_max=256M"; }
sites_stage "$@"
sites_start
sites_pair
sites_set
sites_protect

told() { doppel "$1" status mail | grep -qF -- "$2"; }
tells() { eventually told "$1" "$2" || doppel "$1" status mail; }
# refused WORDS COMMAND...: with these words.
refused() {
    local words=$1
    shift
    "$@" >"$work/out" 2>&1 && complain "not refused: $*"
    grep -qF -- "$words" "$work/out" || { complain "refused otherwise: $*"; cat "$work/out"; }
}
part() { [ $failed != 0 ] || echo "ok: $*"; }

mkdir "$root_a/names" "$root_a/many"
for name in $'new\nline' $'\xff\xfe\x80' ' ' '-rf' '*' $'tab\t' "$(printf 'x%.0s' $(seq 255))" 'a"b\c' $'\e[31m'; do
    echo "$name" >"$root_a/names/$name" || complain "a name is refused"
    ln -s "$name" "$root_a/names/$name.l" 2>/dev/null
    mkdir "$root_a/names/$name.d" 2>/dev/null
done
perl -e 'for my $i (1 .. $ARGV[1]) { open my $f, ">", "$ARGV[0]/many/$i" or die $!; }
    open my $f, ">", "$ARGV[0]/holes" or die $!;
    for my $i (1 .. $ARGV[1]) { sysseek $f, $i * 8192, 0; syswrite($f, "x") == 1 or die $!; }
    chdir $ARGV[0] or die $!;
    for my $i (1 .. 40) { my $n = "d" x 200; mkdir $n or die $!; chdir $n or die $!; }
    open $f, ">", "bottom" or die $!; print $f "deep\n"' "$root_a" "$many" || complain "the tree cannot be made"
equal
part "names of any bytes, $many files in a directory, $many holes in a file, a tree of 8,000 bytes' depth"

down() {
    kill -TERM "$(pid_of b)"
    wait "$job_b" || complain "b ended with $?"
}
down
mount -o remount,ro "$disk_b" || complain "the disk cannot be read-only"
site_start b
tells b "mounted read-only"
tells a "the replica cannot be written"
echo meanwhile >"$root_a/read-only" || complain "the application is held up"
mount -o remount,rw "$disk_b"
eventually protected
equal
part "a read-only disk is told at both sites, and it goes on when it can be written"

down
umount "$disk_b"
site_start b
tells b "$root_b"
tells a "the replica cannot be written"
echo meanwhile >"$root_a/unmounted" || complain "the application is held up"
mount -o loop "$work/b/disk" "$disk_b"
eventually protected
equal
part "a disk that is not mounted is told at both sites, and it goes on when it is"

fallocate -l "$(($(stat -f -c '%a * %S' "$disk_b") - 80 * 1048576))" "$disk_b/filler" || complain "the disk cannot be filled"
full() { [ "$(field a target_full)" = true ]; }
end=$((SECONDS + patience))
until full; do
    [ $SECONDS -lt $end ] || { complain "the target is never full"; break; }
    dd if=/dev/urandom of="$root_a/bulk" bs=1M count=16 conv=notrunc status=none || complain "the application is held up"
done
rm "$disk_b/filler"
eventually protected
equal
part "a full disk stops the sending, not the application, and it goes on when there is room"

refused "exists" doppel b set accept mail --from=site-c
refused "out of place" doppel b set delete mail
must doppel b disconnect mail
must doppel b set delete mail
tells a "no such set here"
part "a set is deleted when it is disconnected, and its source told"

must doppel b set accept mail --from=site-a
tells b "is a mount point: name a directory beneath it"
tells a "the replica cannot be written"
is b protected && complain "a replica that is not there is protected"
part "a replica that cannot be opened says why"
[ $failed != 0 ] || echo "PRINT each fault ended in recovery or in one clear line"
sites_end
