#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# doppel emergency detach takes doppel out from under a set, with doppeld dead, and with its capture dead too:
# source-connection goes on without, on every node that has the disk; attach and a start bring the set back,
# and everything is compared.
. "${srcdir:-.}/tests/ocf/sites-agent-lib.sh" || exit 1
stage_sites a
both_sites

detach() { "$libexec/doppel" emergency detach "$@" >"$work/said" 2>&1 </dev/null; rc=$?; }
exit_is() { [ "$rc" = "$1" ] || { bad "exit $rc, not $1: $(cat "$work/said")"; }; }
in_service() { conn start; expect 0; eventually conn_is 0; }

in_service
echo one >"$root_a/one"
equal
ours_down

# Nothing without a word.
detach nothing --yes
exit_is 1
detach mail --plan
exit_is 0
ok "a plan changes nothing" mounted
detach mail --yes --test
exit_is 0
ok "a test changes nothing" mounted
detach mail
exit_is 4
ok "nor does it go on unasked" mounted

# The capture lives. Whoever uses the set is ended.
(cd "$root_a" && exec sleep 1000) &
user=$!
uses_it() { [ "$(readlink /proc/$user/cwd)" = "$root_a" ]; }
eventually uses_it
detach mail --yes
exit_is 0
wait $user
[ $? -gt 128 ] || bad "the user of the set was not ended"
not "nothing is mounted" mounted
ok "the way back is said" grep -q "doppel emergency attach mail" "$work/said"
conn monitor
expect 190 "is detached"
conn monitor CRM_meta_interval=0
expect 0
echo two >"$root_a/two" || bad "the plain directory cannot be written"

# The group moves to a node that was told nothing: the disk says it.
conn stop
expect 0
mv "$work/a/state/detached" "$work/a/told"
conn start
expect 0
conn monitor
expect 190 "is detached"
not "still nothing is mounted" mounted
mv "$work/a/told" "$work/a/state/detached"
echo changed >"$root_a/one"

# doppeld alone captures nothing, and says why.
ours_up
conn monitor
expect 190 "is detached"

# Not while the disk is away: what was the last ownership would be believed.
mv "$root_a" "$root_a.away"
doppel a emergency attach mail --yes >"$work/said" 2>&1
rc=$?
exit_is 4
mv "$root_a.away" "$root_a"

# Not unasked: it interrupts the service.
doppel a emergency attach mail >"$work/said" 2>&1 </dev/null
rc=$?
exit_is 4
conn monitor
expect 190 "is detached"

# Back: the monitor fails, the group is started again, all is compared.
doppel a emergency attach mail --yes >"$work/said" 2>&1
rc=$?
exit_is 0
conn monitor
expect 1 "is gone"
conn stop
expect 0
in_service
ok "it is captured again" mounted
equal
doppel a emergency attach mail --yes >"$work/said" 2>&1
rc=$?
exit_is 1

# Every process of ours is dead, and the mount answers errors.
keeper=$(field a keeper) worker=$(field a worker)
ours_down
both_die "$keeper" "$worker"
are_dead() { ! kill -0 "$keeper" && ! kill -0 "$worker"; }
eventually are_dead
detach mail --yes
case $rc in 0 | 6) ;; *) exit_is 0 ;; esac
not "the dead mount is gone" mounted
echo three >"$root_a/three" || bad "the plain directory cannot be written"
conn stop
expect 0
ours_up
doppel a emergency attach mail --yes >"$work/said" 2>&1
in_service
equal
sites_finish
