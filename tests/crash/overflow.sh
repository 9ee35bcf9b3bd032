#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A journal that overflows under load, while the other site is gone and while it is there and slow: the
# alert comes, no application fails, and without anybody's doing a new journal begins and a mirror makes
# both sites equal. Workers die all the while.
# OVERFLOWS: how many of the first kind (2).
# shellcheck source=tests/crash/sites-lib.sh disable=SC2154
. "$(dirname "$0")/sites-lib.sh" || exit 1
# What mail is deleted meanwhile is an orphan: how many may go is not what is tested here.
sites_more() {
    [ "$1" != b ] || echo max_delete=100%
    [ "$1" != a ] || sites_alerts a
}
journal_more="max_size=64M"$'\nmin_free=1%\n'
sites_stage "$@"
needs_mailer
sites_start
sites_pair
sites_set
sites_protect
mailer_begins --writers 2

bulk() { dd if=/dev/urandom of="$root_a/bulk" bs=1M count=8 conv=notrunc status=none || complain "a bulk write failed"; }
ends() { field a journal_ends; }
# overflow COUNT: fills journals until so many more have ended; now and then a worker dies.
overflow() {
    local from rounds=0 end=$((SECONDS + patience))
    from=$(ends)
    until [ "$(ends)" -ge $((from + $1)) ]; do
        [ $SECONDS -lt $end ] || die "the journal never overflows"
        bulk
        rounds=$((rounds + 1))
        [ $((rounds % 5)) != 0 ] || strike a worker || complain "no worker"
    done
}
journals() { serving; }

# The other site is gone.
epoch=$(field a epoch)
kill -TERM "$(pid_of b)"
wait "$job_b"
eventually is a disconnected
overflow "${OVERFLOWS:-2}"
eventually is a 'mirror needed'
eventually grep -q '^doppel-mail.journal ' "$work/alerts-a"
eventually grep -q '^doppel-mail.state mirror needed ' "$work/alerts-a"
eventually journals
# A daemon that has just been started knows it too.
strike a doppeld || complain "no doppeld"
eventually is a 'mirror needed'
site_start b
eventually protected
[ "$(field a epoch)" -gt "$epoch" ] || complain "the journal is the old one"
away=$(ends)

# It is there, and slow.
[ $failed = 0 ] && {
    epoch=$(field a epoch)
    must doppel a limit mail --bandwidth=200K
    overflow 1
    must doppel a limit mail --none
    another() { [ "$(field a epoch)" -gt "$epoch" ]; }
    eventually another
    eventually protected
}
mailer_ends
equal
[ "$(doppel a --output-as=json status mail | value wrong)" = nothing ] || complain "something is wrong in the end: $(doppel a status mail)"
[ $failed = 0 ] && {
    echo "PRINT $away journals ended with the other site gone, $(($(ends) - away)) with it slow, $(field a takeovers) workers died: equal by mirrors that began by themselves"
    grep -hE 'longest|stall|median' "$work/mailer" | tail -n 3 | sed 's/^/PRINT /'
}
sites_end
