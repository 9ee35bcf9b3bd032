#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Under load both daemons are restarted, and all programs replaced by new ones, as a package's upgrade does,
# the capture's too: no application notices, replication goes on, and both sides are equal at the end.
# shellcheck source=tests/crash/sites-lib.sh
. "$(dirname "$0")/sites-lib.sh" || exit 1
sites_stage "$@"
needs_mailer
sites_start
sites_pair
sites_set
sites_protect
mailer_begins --writers 3 --rate 40

# restart SITE: as systemd does; the engine's process is another one afterwards.
restart() {
    local before
    before=$(victim "$1" engine)
    at "$1" kill -TERM "$(pid_of "$1")"
    wait "$(get job "$1")" || complain "$1 ended with $?"
    site_start "$1"
    eventually protected
    [ "$(victim "$1" engine)" != "$before" ] || complain "$1 has its old engine"
}
arrived() { find "$root_b/box" -name "$1*" | grep -q .; }
# passes: what is written now arrives.
passes() {
    local name
    name=$(find "$root_a/box/new" -type f -printf '%f\n' | sort -t. -k2n | tail -n 1)
    eventually arrived "$name"
}

keeper=$(victim a keeper) worker=$(victim a worker)
for site in a b a b; do
    restart $site
    passes
done
[ "$(victim a keeper) $(victim a worker)" = "$keeper $worker" ] || complain "the capture did not live on"

# A new program takes the old one's name; who runs the old one keeps it.
for program in "$libexec"/*; do
    cp "$program" "$program.new" && mv "$program.new" "$program" || die "$program cannot be replaced"
done
restart b
restart a
passes
[ "$(victim a keeper) $(victim a worker)" = "$keeper $worker" ] || complain "the capture did not live on"
newer() { [ "$(victim a worker)" != "$worker" ] && [ "/proc/$(victim a worker)/exe" -ef "$libexec/doppel-capture" ]; }
[ "/proc/$worker/exe" -ef "$libexec/doppel-capture" ] && complain "the worker is new already"
kill -USR2 "$(victim a keeper)"
eventually newer
eventually serving
passes
mailer_ends
equal
[ $failed != 0 ] || echo "PRINT restarted and upgraded under load: $(tail -n 1 "$work/mailer")"
sites_end
