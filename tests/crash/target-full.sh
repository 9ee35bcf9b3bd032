#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The target's disk runs full, in the middle of a mirror and while changes are applied: both sites say so, an alert is
# given, what cannot be taken is not asked for, no application at the source notices. Where there is room again all goes
# on by itself, and both sides are equal. When the disk stays full the source's journal ends at its bound, and a mirror
# follows.
# shellcheck source=tests/crash/sites-lib.sh disable=SC2154
. "$(dirname "$0")/sites-lib.sh" || exit 1
DISK=1G
sites_more() {
    [ "$1" = b ] || return 0
    printf 'queue_max=64M\nmax_delete=100%%\n'
    sites_alerts b
}
journal_more="max_size=96M"$'\nmin_free=1%\n'
sites_stage "$@"
needs_mailer
sites_start
sites_pair

# fill MB: leaves so much of the target's disk, and what ext4 keeps for root.
fill() {
    fallocate -l "$(($(stat -f -c '%a * %S' "$disk_b") - $1 * 1048576))" "$disk_b/filler" || die "the disk cannot be filled"
}
alerts() { grep -c "^doppel-mail.event $1 " "$work/alerts-b"; }
alerted() { [ "$(alerts "$1")" -gt "$2" ]; }
wrong() { doppel "$1" status mail | grep '^wrong:' | grep -q "$2"; }
# all_say: both sites, and an alert (there were $1 before).
all_say() {
    eventually wrong a "the target's disk or queue is full"
    eventually wrong b "disk or queue is full"
    eventually alerted queue-full "$1"
}
part() { [ $failed != 0 ] || echo "PRINT $*"; }
: >"$work/alerts-b"

mkdir "$root_a/many" "$root_a/box"
for i in $(seq 300); do head -c 700000 /dev/urandom >"$root_a/many/$i"; done
fill 80
sites_set
must doppel a connect mail
all_say 0
"$tools/mailer" write --writers 2 --rate 40 --database --stop "$work/enough" --seconds 36000 "$root_a/box" >"$work/mailer" 2>&1 &
mailer=$!
works() { [ "$(find "$root_a/box" -type f | wc -l)" -gt 20 ]; }
eventually works
wrong b full || complain "it is not full any more"
[ "$(field b consistent)" = false ] || complain "half a mirror is consistent"
errors=$(grep -c 'set "mail": error' "$files_b/log")
[ "$errors" -le 4 ] || complain "the log says $errors times that there is no room"
rm "$disk_b/filler"
eventually protected
eventually alerted queue-has-room 0
part "a disk that runs full in a mirror: both sites say so, and it goes on where there is room again"

# While changes are applied, and until the journal ends.
room() { ! wrong a full && ! wrong b full && [ "$(alerts queue-full)" = "$(alerts queue-has-room)" ]; }
eventually room
n=$(alerts queue-full) has=$(alerts queue-has-room)
fill 30
bulk() { dd if=/dev/urandom of="$root_a/bulk" bs=1M count=16 conv=notrunc status=none || complain "the application is held up"; }
ended() { [ "$(field a journal_ends)" -ge 1 ]; }
end=$((SECONDS + patience))
until ended; do
    [ $SECONDS -lt $end ] || die "the journal never ends"
    bulk
done
all_say "$n"
kill -0 "$mailer" || complain "an application failed"
rm "$disk_b/filler"
eventually protected
mailer_ends
equal
well() { [ "$(doppel b --output-as=json status mail | value wrong)" = nothing ]; }
eventually well
eventually alerted queue-has-room "$has"
[ "$(($(alerts queue-full) - n))" -le 3 ] || complain "$(($(alerts queue-full) - n)) alerts that it is full"
part "a disk that stays full until the journal ends: a mirror follows, and both are equal"
sites_end
