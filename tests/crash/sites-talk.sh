#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154
# Two sites that ask each other: a replica learns its source's generation; a source that has an old one is
# refused; one that was cut off hears that the other site serves by now, without a connection, and serves
# no more; who says that the other site does not serve, while it does, is refused.
# shellcheck source=tests/crash/sites-lib.sh
. "$(dirname "$0")/sites-lib.sh" || exit 1
sites_more() { printf '[alerts]\nprogram=%s/alert\n' "$work"; }
sites_stage "$@"
# Of a cluster's node here, where it is one.
printf '#!/bin/sh\necho "$CRM_alert_attribute_name $CRM_alert_attribute_value" >>%s/alerts\n' "$work" >"$work/alert"
chmod 755 "$work/alert"
: >"$work/alerts"
chmod 666 "$work/alerts"
sites_start
sites_pair
sites_set
sites_protect

show() { doppel "$1" set show mail; }
shows() { show "$1" | grep -qx "$2"; }
# offline SITE ROLE GENERATION [KEY=TEXT...]: its store, with the daemon ended; it is started by the caller.
offline() {
    at "$1" kill -TERM "$(pid_of "$1")"
    wait "$(get job "$1")" || complain "$1 ended with $?"
    "$build/tests/ocf/set-role" "$(get files "$1")/state" mail "${@:2}" || die "set-role $*"
}
logged() { grep -q "$2" "$(get files "$1")/log"; }

# A higher generation of the source is learned.
offline a serving 4
site_start a
eventually protected
eventually shows b 'generation: 4'

# A store of the source that was before it is not heard, and stops nothing: nobody else serves.
offline a serving 3
site_start a
eventually logged b 'is refused: generation 4 of the set is known here'
eventually logged a 'the other side has a higher generation'
shows a 'role: serving' || complain "a source stopped for a replica's word"
must doppel a site confirm mail
shows a 'generation: 5' || complain "an old store was confirmed, and is not above what the replica knows"
eventually protected
doppel a site confirm mail >"$work/out" 2>&1
[ $? = 4 ] || complain "what serves, and is heard, was confirmed"

# What a site that is known may ask, and how often.
doppel b store export >"$work/export" || complain "store export"
asks() {
    DPL_DOOR=$libexec/doppel-door timeout 120 "$build/tests/door/asker" site-b "$work/b/keys/node.key" "$work/b/keys/node.crt" \
        "$work/export" site-a 16650 "$@"
}
[ "$(asks mail state 1)" = 'answer serving' ] || complain "a question was not answered"
[ "$(asks mail sing 1)" = 'error -26' ] || complain "an unknown question was answered"
[ "$(asks other state 1)" = 'refused UNKNOWN_SET' ] || complain "it was asked about a set that is not shared"
asks mail state 120 >"$work/flood"
[ "$(wc -l <"$work/flood")" = 120 ] && grep -q 'answer serving' "$work/flood" || complain "a flood was not answered"
protected || complain "a flood of questions ended a connection"
once() { [ "$(asks mail state 1)" = 'answer serving' ]; }
eventually once
[ $failed = 0 ] && echo "PRINT of 120 questions in a row $(grep -c answer "$work/flood") were answered"

# Who is told to serve on does, and a person is told.
offline a serving 5
sed -i 's/^target=site-b$/&\non_superseded=alert/' "$work/a/conf"
offline b serving 6 side=source "rules=include recursive $root_b
" peer=site-a
site_start a
site_start b
eventually logged a 'this site serves on'
shows a 'role: serving' || complain "on_superseded=alert stopped a site"
eventually grep -qx 'doppel-mail.role two-serve' "$work/alerts"
offline b standby 5 side=target from=site-a
offline a serving 5
sed -i '/^on_superseded=/d' "$work/a/conf"
site_start b
site_start a
eventually protected

# The other site serves, by a higher generation, while nothing connects the two.
rules=$(show a | sed -n 's/^  *include recursive /include recursive /p' | sed "s|$root_a|$root_b|")
[ -n "$rules" ] || rules="include recursive $root_b"
offline b serving 6 side=source "rules=$rules
" peer=site-a
is a disconnected || eventually is a disconnected
shows a 'role: serving' || complain "a source stopped because nobody answered"
site_start b
eventually shows a 'role: superseded'
shows a 'generation: 6' || complain "a superseded site does not have the generation of the one that serves"
eventually grep -qx 'doppel-mail.role superseded' "$work/alerts"
doppel a status mail | grep -q 'at site site-b: doppel restore mail' || { complain "no way home is said"; doppel a status mail; }
doppel a status mail | grep -q 'site site-b serves, generation 6' || complain "who serves is not said"

# A person errs.
doppel a site confirm mail >"$work/out" 2>&1
[ $? = 4 ] && grep -q 'answers that it serves' "$work/out" || { complain "confirmed against the other site's word"; cat "$work/out"; }
doppel b site confirm mail >"$work/out" 2>&1
[ $? = 4 ] && grep -q 'it serves here already' "$work/out" || { complain "confirmed what serves"; cat "$work/out"; }

# The other site is gone for good.
offline b standby 6 side=target from=site-a
must doppel a site confirm mail
shows a 'role: serving' || complain "a confirmed set does not serve"
shows a 'generation: 8' || complain "confirm does not raise by two"
logged a 'without an answer' || complain "it is not said that nobody answered"
site_start b
eventually shows b 'generation: 8'
sites_end
