#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# durability=remote with the policy to refuse: link, door, replica and either doppeld are killed and begin
# again within the time that a sync waits; no application sees an error, and no sync was answered without
# the target. When the target stays away the policy comes, and it is told; also where the source began anew and has not
# met it yet.
# shellcheck source=tests/crash/sites-lib.sh disable=SC2154
. "$(dirname "$0")/sites-lib.sh" || exit 1
sites_more() {
    [ "$1" = a ] || return 0
    printf 'durability=remote\ndurability_policy=refuse\ndurability_timeout=60s\n'
    sites_alerts a
}
sites_stage "$@"
needs_mailer
sites_start
sites_pair
sites_set
sites_protect
mailer_begins --writers 2
answered() { field a remote_answered; }
moves() { [ "$(answered)" -gt "$1" ]; }
for who in a b; do
    for name in engine door doppeld; do
        eventually protected
        strike $who $name || complain "no $name at $who"
        now=$(answered)
        eventually moves "$now" || break 2
    done
done
kill -0 "$mailer" || complain "an application failed"
[ "$(field a remote_fallbacks)" = 0 ] || complain "$(field a remote_fallbacks) syncs were answered without the target"
mailer_ends
[ $failed = 0 ] && echo "PRINT $(answered) syncs that the target had, with every process killed once, none without it"

# It stays away.
sed -i 's/^durability_timeout=.*/durability_timeout=2s/' "$work/a/conf"
at a kill -HUP "$(pid_of a)"
eventually grep -q 'the configuration was read again' "$work/a/log"
kill -TERM "$(pid_of b)"
wait "$job_b"
refused() { ! dd if=/dev/zero of="$root_a/sync" bs=1 count=1 conv=fsync,notrunc status=none 2>"$work/said"; }
eventually refused
eventually grep -q '^doppel-mail.fallback ' "$work/alerts-a"
eventually grep -q '^doppel-mail.event durability .*policy is in force' "$work/alerts-a"
[ -s "$root_a/sync" ] || complain "what was written is not there"
site_start b
eventually protected
accepted() { ! refused; }
eventually accepted
equal
# The source begins anew while the target is away, and never meets it.
kill -TERM "$(pid_of b)"
wait "$job_b"
kill -TERM "$(pid_of a)"
wait "$job_a"
must "$libexec/doppel-capture" --stop --set mail --run-dir "$files_a/run/capture" --timeout 60
site_start a
eventually serving
refused || complain "a source that began anew without its target has acknowledged a sync"
sed -i 's/^durability_policy=.*/durability_policy=local/' "$work/a/conf"
at a kill -HUP "$(pid_of a)"
eventually accepted
sed -i 's/^durability_policy=.*/durability_policy=refuse/' "$work/a/conf"
at a kill -HUP "$(pid_of a)"
eventually refused
site_start b
eventually protected
eventually accepted
equal
[ $failed = 0 ] && echo "PRINT a target that stays away: the policy after its time, alerts, and back again; also of a source that began anew"
sites_end
