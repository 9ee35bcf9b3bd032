#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154
# The other site is gone for long, under load: the journal stays within its bound, nobody's memory grows, and no
# application waits or fails; both bounds are the least that may be configured. When the bound is reached an alert says that a mirror is needed; it is said once,
# however often the journal begins anew and ends again, ever more rarely. When the site is back a mirror makes both equal.
# MEMORY_SECONDS: how long the load lasts after that (10).
# shellcheck source=tests/crash/sites-lib.sh disable=SC2154
. "$(dirname "$0")/sites-lib.sh" || exit 1
bound_mb=64
sites_more() {
    [ "$1" != b ] || printf 'queue_max=%sM\nmax_delete=100%%\n' "$bound_mb"
    [ "$1" != a ] || sites_alerts a
}
journal_more="max_size=${bound_mb}M"$'\nmin_free=1%\n'
sites_stage "$@"
needs_mailer
sites_start
sites_pair
sites_set
sites_protect
mailer_begins --writers 4

# Of all processes at the source, KiB: what is shared is counted once.
ours() {
    local pid
    for pid in $(pgrep -f "$work/a/|two-a"); do
        [ "$pid" = "$mailer" ] || awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup" 2>/dev/null
    done | awk '{ kib += $1 } END { print kib + 0 }'
}
journal_kib() { du -sk "$files_a/journal" | cut -f1; }
# measure: keeps the largest of both.
most_kib=0 journal_most_kib=0
measure() {
    local kib
    kib=$(ours)
    [ "$kib" -le $most_kib ] || most_kib=$kib
    kib=$(journal_kib)
    [ "$kib" -le $journal_most_kib ] || journal_most_kib=$kib
}

# The site is gone: nobody listens there any more.
kill -TERM "$(pid_of b)"
wait "$job_b"
eventually is a disconnected
eventually grep -q 'state disconnected' "$work/alerts-a"
: >"$work/alerts-a"
measure
first_kib=$most_kib
bulk() { dd if=/dev/urandom of="$root_a/bulk" bs=1M count=8 conv=notrunc status=none || complain "a bulk write failed"; }
end=$((SECONDS + patience))
written_mb=0
until is a "mirror needed"; do
    [ $SECONDS -lt $end ] || die "the journal never overflows: $(journal_kib) KiB"
    bulk
    written_mb=$((written_mb + 8))
    measure
done
eventually grep -q "^doppel-mail.state mirror needed " "$work/alerts-a"
full_kib=$most_kib
end=$((SECONDS + ${MEMORY_SECONDS:-10}))
while [ $SECONDS -lt $end ] || [ $written_mb -lt $((bound_mb * 4)) ]; do
    bulk
    written_mb=$((written_mb + 8))
    measure
done
mailer_ends
cat "$work/mailer" "$work/alerts-a"
[ "$(grep -c "^doppel-mail.state mirror needed " "$work/alerts-a")" = 1 ] || complain "the alert was not given once"
is a "mirror needed" || complain "it is forgotten that a mirror is needed"
[ $journal_most_kib -le $((bound_mb * 1024 * 5 / 4)) ] || complain "the journal took $journal_most_kib KiB"
[ $most_kib -le $((full_kib + 16384)) ] || complain "memory grew from $full_kib KiB to $most_kib KiB"
[ $failed != 0 ] || echo "PRINT $written_mb MiB written with the other site gone: journal at most $journal_most_kib KiB" \
    "of $((bound_mb * 1024)), memory $first_kib KiB connected, at most $most_kib KiB, $(field a journal_ends) journals"
site_start b
eventually protected
equal
sites_end
