#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A mirror goes on where it stopped: stopped by a person, cut, its engines killed, while the application writes.
# What was compared is not read again; what nobody can know is, and that is said.
# MIRROR_FILES: how many files of 64 KiB there are (400).
# shellcheck source=tests/crash/sites-lib.sh disable=SC2154
. "$(dirname "$0")/sites-lib.sh" || exit 1
sites_stage "$@"
sites_start
sites_pair
files=${MIRROR_FILES:-400}

report() { doppel a --output-as=json mirror status mail; }
over() { ! is a mirroring; }
begun() { grep -c 'set "mail": mirror-begins' "$files_b/log"; }
# The last begin at the target.
said() { grep 'set "mail": mirror-begins' "$files_b/log" | tail -n 1; }
known() { said | sed -n 's/.*where one stopped: \([0-9]*\) objects.*/\1/p'; }
sent_more() { [ "$(report | value objects_at_target)" -gt "$1" ]; }
# So far that a checkpoint has come behind it.
checkpoints() { [ "$(field b checkpoint_lsn)" -gt "$1" ]; }
settled() {
    eventually protected
    consistent() { [ "$(field b consistent)" = true ]; }
    eventually consistent
    equal
}
# The next mirror has begun, and knows what the one before had compared.
goes_on() {
    local before=$1
    more() { [ "$(begun)" -gt "$before" ]; }
    eventually more || return 1
    [ "$(known)" -gt 0 ] 2>/dev/null || complain "$2: nothing is known of what was compared: $(said)"
}

mkdir "$root_a/d"
perl -e 'for my $i (1 .. $ARGV[1]) { open my $f, ">", "$ARGV[0]/d/$i" or die $!;
    print $f map { chr(rand 256) } 1 .. 65536; }' "$root_a" "$files" || complain "the tree cannot be made"
sites_set
must doppel a connect mail
settled

# A mirror of everything, slow enough to be stopped in the middle, and so far that a checkpoint has come behind what
# was compared.
run_into() {
    local lsn
    must doppel a limit mail --bandwidth=1M
    must doppel a mirror start mail --kind=full
    eventually is a mirroring
    eventually sent_more 30
    lsn=$(field b checkpoint_lsn)
    echo "$1" >"$root_a/mark.$1"
    eventually checkpoints "$lsn"
    n=$(begun)
}
to_the_end() {
    must doppel a limit mail --none
    settled
}

run_into stop
must doppel a mirror stop mail
eventually over
must doppel a mirror start mail
goes_on "$n" "after a stop"
first=$(known)
to_the_end

for who in a:door a:engine a:doppeld b:engine b:doppeld; do
    [ $failed = 0 ] || break
    run_into "${who#*:}.${who%:*}"
    strike "${who%:*}" "${who#*:}" || complain "no $who"
    goes_on "$n" "after the death of $who"
    last=$(known)
    to_the_end
done
[ $failed = 0 ] && echo "PRINT a mirror goes on where it stopped: $first to $last of $files files need not be compared again"

# All anew, by a person's word; or where the list is lost.
if [ $failed = 0 ]; then
    run_into anew
    must doppel a mirror stop mail
    eventually over
    must doppel a mirror start mail --anew
    more() { [ "$(begun)" -gt "$n" ]; }
    eventually more
    said | grep -q stopped && complain "a mirror that was to begin anew goes on"
    to_the_end
    run_into lost
    must doppel a mirror stop mail
    eventually over
    rm -f "$disk_b/.doppel/mail/compared"
    must doppel a mirror start mail
    eventually more
    said | grep -q 'is not known here' || complain "what nobody can know is known: $(said)"
    to_the_end
    [ $failed = 0 ] && echo "PRINT and begins anew when a person says so, or nobody can know"
fi
sites_end
