#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The wall clocks of two sites are set, forwards and backwards, each for itself and by up to hours, under
# load: replication goes on, connections come again, and both sides are equal. Then the months pass that
# end a certificate that nobody could renew: alerts weeks before at both sites, one clear line when it has
# ended, nothing dies, and what renews it heals it.
# shellcheck source=tests/crash/sites-lib.sh disable=SC2154
. "$(dirname "$0")/sites-lib.sh" || exit 1
[ -e "$build/tests/crash/clock.so" ] || { echo "SKIP: clock.so is not built"; exit 77; }
sites_more() { sites_alerts "$1"; }
sites_stage "$@"
needs_mailer
cp "$build/tests/crash/clock.so" "$tools/"
for site in a b; do truncate -s 4096 "$work/clock-$site"; done
chmod 644 "$work"/clock-*
at() { LD_PRELOAD=$tools/clock.so CLOCK_FILE=$work/clock-$1 "${@:2}"; }
# set_clock SITE SECONDS: in one write, with zeros behind it.
set_clock() { printf '%-15s' "$2" | tr ' ' '\0' | dd of="$work/clock-$1" conv=notrunc bs=16 status=none; }
sites_start
sites_pair
sites_set
sites_protect
[ "$(at a date +%Y)" = "$(date +%Y)" ] || die "the clock of a is wrong"
mailer_begins --writers 2
# What the target holds moves on.
holds() { field a durable_lsn; }
at_least() { [ "$(holds)" -gt "${1:-0}" ]; }
moves() {
    eventually at_least 0 || return 1
    eventually at_least "$(holds)"
}
starts=$(field a starts)

steps=0
for step in a:3600 a:-7200 b:7200 b:-3600 a:40000 b:-40000 a:0 b:0; do
    set_clock "${step%:*}" "${step#*:}"
    moves || break
    [ "$(field a lag_ms)" -ge 0 ] || complain "the lag is $(field a lag_ms)"
    strike a door || complain "no door"
    eventually protected || break
    moves || break
    steps=$((steps + 1))
done
[ "$(field a starts)" = "$starts" ] || complain "the link was started $(field a starts) times"
kill -0 "$mailer" || complain "an application failed"
[ $failed = 0 ] && echo "PRINT $steps steps of either clock by up to 11 hours: replication goes on"

# Months pass, and site b cannot renew its node's certificate.
day=86400
mv "$work/b/keys/site.key" "$work/b/keys/elsewhere"
for site in a b; do set_clock $site $((345 * day)); done
for site in b a; do
    at $site kill -TERM "$(pid_of $site)"
    wait "$(get job $site)" || complain "$site ended with $?"
    site_start $site
done
eventually grep -qE '^doppel-site-b.certificate (19|20|21) .*not renewed' "$work/alerts-b"
eventually grep -qE '^doppel-site-b.certificate (19|20|21) .*not renewed' "$work/alerts-a"
grep -q '^doppel-site-a.certificate' "$work/alerts-a" && complain "a has not renewed its own"
eventually protected
now_a=$(pid_of a) now_b=$(pid_of b)
for site in a b; do set_clock $site $((370 * day)); done
strike a door || complain "no door"
said() { doppel a status mail | grep -qE '^wrong:.*certificate.*(expired|ended)'; }
eventually said
doppel a status mail | grep '^wrong:' | sed 's/^/PRINT /'
kill -0 "$now_a" "$now_b" "$mailer" || complain "something died of it"
"$compare" "$root_a" "$root_b" >/dev/null 2>&1 && complain "something was replicated"
mv "$work/b/keys/elsewhere" "$work/b/keys/site.key"
at b kill -TERM "$(pid_of b)"
wait "$job_b" || complain "b ended with $?"
site_start b
eventually protected
mailer_ends
equal
[ $failed = 0 ] && echo "PRINT a certificate that ended: alerts at both sites before, one line, and well again when it was renewed"
sites_end
