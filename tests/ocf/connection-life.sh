#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# source-connection from start to stop: what is captured and sent, hand-overs in order and not, and what the
# deaths of doppeld, the capture and the other site do to start, monitor and stop.
. "${srcdir:-.}/tests/ocf/sites-agent-lib.sh" || exit 1
stage_sites a
both_sites

conn monitor CRM_meta_interval=0
reasons_wanted=0 expect 7
conn monitor
expect 7 "is not captured on this node"
not "nothing is captured by doppeld alone" mounted
conn start
expect 0
ok "it is captured" mounted
ok "the stamp is open" stamp "state open"
eventually conn_is 0
expect 0
conn monitor CRM_meta_interval=0
expect 0
conn start
expect 0
echo one >"$root_a/one"
equal

# In order: the next one follows, and nothing is compared.
first=$(stamp epoch)
conn stop
expect 0
not "nothing is mounted" mounted
ok "the stamp is closed" stamp "state closed"
ok "nothing is unsent" stamp "unsent 0"
conn monitor
expect 7
conn monitor CRM_meta_interval=0
reasons_wanted=0 expect 7
conn stop
expect 0
conn start
expect 0
[ "$(stamp epoch)" != "$first" ] || bad "no new epoch"
echo two >"$root_a/two"
eventually conn_is 0
equal
doppel a --output-as=json status mail | grep -q '"last"' && bad "a hand-over in order was followed by a mirror"

# doppeld dies and comes back: the capture is not touched, and goes on being sent.
ours_down
conn monitor
expect 190 "doppeld does not run"
echo three >"$root_a/three"
ours_up
eventually conn_is 0
equal
ours_down
rm "$work/a/run/asked/mail"
ours_up
conn monitor
expect 0 "it was asked again"
eventually conn_is 0

# The other site is away.
kill -9 "$(pid_of b)"
wait "$(get job b)" 2>/dev/null
away() { conn_is 190 && [[ $out == *"the other site is not connected"* ]]; }
eventually away
echo four >"$root_a/four"
conn stop
expect 0 "the target may lack changes"
not "it is not said that all was sent" stamp "unsent 0"
conn start
expect 0
site_start b
eventually conn_is 0
equal
doppel a --output-as=json status mail | grep -q '"last"' && bad "a journal that was still there was not sent"

# What cannot be sent within flush_timeout is left; this node sends it when it is the owner again, another one,
# which has not this journal, has everything compared.
slow="bandwidth=64K flush_timeout=1s"
for owner in same another; do
    # shellcheck disable=SC2086
    conn reload-agent $slow
    expect 0
    head -c 3000000 /dev/urandom >"$root_a/large.$owner"
    # shellcheck disable=SC2086
    conn stop $slow
    expect 0 "the target may lack changes"
    not "it is not said that all was sent" stamp "unsent 0"
    [ $owner = same ] || rm -rf "$work/a/journal/mail"
    conn start
    expect 0
    eventually conn_is 0
    equal
    doppel a --output-as=json status mail | grep -q '"last"'
    was=$?
    [ $owner:$was = same:1 ] || [ $owner:$was = another:0 ] || bad "$owner owner: compared or not: $was"
done

# A start that comes while the link still ends waits for it: it is not refused.
pkill_link() { kill "-$1" "$(pgrep -P "$(pid_of a)" -x doppel-link)"; }
must pkill_link STOP
conn stop flush_timeout=1s &
stopping=$!
unmounted() { ! mounted; }
eventually unmounted
conn start
expect 0
ok "it is captured again" mounted
wait $stopping || bad "the stop that it waited for failed"
eventually conn_is 0
equal

# By hand.
must doppel a disconnect mail
eventually conn_is 190
expect 190 "disconnected by hand"
must doppel a connect mail
eventually conn_is 0

# The capture dies: that alone fails. Then everything is compared.
both_die "$(field a keeper)" "$(field a worker)"
gone() { conn_is 1 && [[ $out == *"is gone"* ]]; }
eventually gone
pause 2
not "nobody mounts it anew under the services" ls "$root_a"
conn monitor CRM_meta_interval=0
expect 1 "and has left its mount"
conn stop
expect 0
not "nothing is mounted" mounted
ok "the stamp stays open" stamp "state open"
echo five >"$root_a/five"
conn start
expect 0
eventually conn_is 0
equal
doppel a --output-as=json status mail | grep -q '"last"' || bad "after a crash nothing was compared"

# Without doppeld: no start, but a stop.
ours_down
conn stop
expect 0 "stopping without doppeld"
not "nothing is mounted" mounted
conn start CRM_meta_timeout=2000
expect 1 "doppeld does not run on this node"
conn stop
expect 0
ours_up
conn start
expect 0
eventually conn_is 0
equal

# Halted, it is waited for no longer than the operation allows.
kill -STOP "$(pid_of a)"
conn monitor
expect 190 "doppeld takes no connection"
conn stop CRM_meta_timeout=30000
expect 0 "stopping without doppeld"
not "nothing is mounted" mounted
kill -CONT "$(pid_of a)"
eventually doppel a status
conn start
expect 0
eventually conn_is 0
equal

# Who uses the mount is ended by the stop.
(cd "$root_a" && exec sleep 1000) &
user=$!
conn stop
expect 0
wait $user
[ $? = 143 ] || bad "the user of the mount was not asked to end"
sites_finish
