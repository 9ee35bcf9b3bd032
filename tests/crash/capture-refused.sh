#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What cannot be captured is refused: by one line that names what and where and says what to do, with the
# documented exit status, and with no mount more than before.
. "${srcdir:-.}/tests/crash/capture-lib.sh" || exit 1
stage "$@"
passed=0 failed=0

# start OPTION...: what it said and its status
start() {
    local before
    before=$(cut -d' ' -f4- /proc/self/mountinfo)
    said=$(timeout 120 "$program" --run-dir "$work/run" --foreground "$@" 2>&1)
    code=$?
    [ "$before" = "$(cut -d' ' -f4- /proc/self/mountinfo)" ] || die "refused, but the mounts have changed: $*"
}
# refused CODE "TEXT" OPTION...: all of TEXT's parts (| between them) are in the one line.
refused() {
    local want=$1 text=$2 line part wrong=
    shift 2
    start "$@"
    line=$(grep '^doppel-capture: ' <<<"$said" | grep -v 'PR_SET_IO_FLUSHER\|oom_score_adj\|no times of birth\|behind capture.s back')
    [ "$code" = "$want" ] || wrong+="; exit $code, not $want"
    [ "$(wc -l <<<"$line")" = 1 ] || wrong+="; not one line"
    while IFS= read -rd '|' part; do
        grep -qF -- "$part" <<<"$line" || wrong+="; not a word of \"$part\""
    done <<<"$text|"
    if [ -n "$wrong" ]; then
        echo "FAILED $*$wrong: $line"
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
}
# set_refused CODE TEXT OPTION...: with a name and a journal
set_refused() {
    local want=$1 text=$2
    shift 2
    refused "$want" "$text" --set test --journal "$work/journal" "$@"
}

mkdir "$work/plain"
set_refused 4 "$work/disk/nothing|does not exist" --root "$work/disk/nothing"
set_refused 4 "$work/image|directory" --root "$work/image"
ln -s "$root" "$work/disk/link"
set_refused 4 "$work/disk/link" --root "$work/disk/link"
set_refused 4 "$work/disk|is a mount point itself" --root "$work/disk"
set_refused 2 "root|relative" --root relative
set_refused 2 "/a/../b" --root /a/../b
refused 2 "--root" --set test --journal "$work/journal"
refused 2 "--set" --root "$root" --journal "$work/journal"
refused 2 "--set" --set a/b --root "$root" --journal "$work/journal"
refused 2 "--journal" --set test --root "$root"
set_refused 2 "--memory|much" --root "$root" --memory much

mkdir "$root/beneath"
set_refused 4 "$root/beneath|within root" --root "$root" --root "$root/beneath"
set_refused 4 "named twice" --root "$root" --root "$root"
mount --bind "$root" "$work/plain"
set_refused 4 "$root" --root "$root" --root "$work/plain/beneath"
umount "$work/plain"
mkdir "$root/mounted"
mount -t tmpfs none "$root/mounted"
set_refused 4 "$root/mounted" --root "$root"
umount "$root/mounted"
rmdir "$root/mounted"

refused 1 "journal|$work/nothing" --set test --root "$root" --journal "$work/nothing"
refused 1 "journal|$work/image" --set test --root "$root" --journal "$work/image"
refused 4 "journal|$root/beneath|move it elsewhere" --set test --root "$root" --journal "$root/beneath"
ln -s "$root/beneath" "$work/hidden"
refused 4 "journal|$work/hidden" --set test --root "$root" --journal "$work/hidden"
rmdir "$root/beneath"

printf 'include recursive %s\nexclude sometimes %s/x\n' "$root" "$root" >"$work/rules"
set_refused 2 "$work/rules|line 2" --root "$root" --rules "$work/rules"
printf 'include recursive %s' "$root" | head -c 12 >"$work/rules"
set_refused 2 "$work/rules|line 1" --root "$root" --rules "$work/rules"
head -c 5000 /dev/urandom >"$work/rules"
set_refused 2 "$work/rules" --root "$root" --rules "$work/rules"
: >"$work/rules"
set_refused 2 "$work/rules" --root "$root" --rules "$work/rules"
set_refused 1 "$work/no-rules" --root "$root" --rules "$work/no-rules"

set_refused 4 "/proc/1|handles" --root /proc/1
mount -t ramfs none "$work/plain"
mkdir "$work/plain/root"
set_refused 4 "$work/plain/root|handles" --root "$work/plain/root"
umount "$work/plain"

# A disk that is not there: its mount point is an empty directory of another file system.
mkdir "$work/plain/root"
echo "$work/image $work/plain ext4 noauto 0 0" >"$work/fstab"
mount --bind "$work/fstab" /etc/fstab 2>/dev/null &&
    {
        set_refused 4 "$work/plain" --root "$work/plain/root"
        umount /etc/fstab
    }

# A host without FUSE.
cat >"$work/no-fuse" <<'Y'
mkdir "$1/dev" && mount -t tmpfs none "$1/dev" && mkdir "$1/dev/shm" && mount --rbind /dev/shm "$1/dev/shm" || exit 99
for device in null zero random urandom; do
    : >"$1/dev/$device" && mount --bind "/dev/$device" "$1/dev/$device" || exit 99
done
mount --rbind "$1/dev" /dev || exit 99
shift
exec "$@"
Y
program_there=$program
program() { unshare -m sh "$work/no-fuse" "$work" "$program_there" "$@"; }
program=program
timeout() { shift; "$@"; }
set_refused 4 "/dev/fuse" --root "$root"
unset -f timeout
program=$program_there

capture
touch "$root/there"
mkdir "$root/beneath"
set_refused 1 "$root|captured already" --root "$root" --set other
set_refused 1 "test|a capture of this set is running" --root "$root"
set_refused 4 "$root" --root "$root/beneath" --set other
mkdir "$work/disk/outer"
mount --bind "$work/disk" "$work/plain"
touch "$root/still" && [ -e "$root/there" ] || die "the capture that was there does not serve"
umount "$work/plain"
uncapture
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 30 ] || die "not as it should be"
echo "PASS"
