#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# replica from start to stop: without it nothing is received, each parameter wrong in turn, the file system,
# the role, services on the same files, and the deaths of doppeld and of the writer.
. "${srcdir:-.}/tests/ocf/sites-agent-lib.sh" || exit 1
stage_sites b
export OCF_RESOURCE_INSTANCE=mail-replica
both_sites
sed -i '/^capture=no$/d' "$work/a/conf"
kill -9 "$(pid_of a)"
wait "$(get job a)" 2>/dev/null
site_start a
eventually serving
agent=$build/agents/replica

# wrong PARAMETER=VALUE "EXPECTED"
wrong() {
    local pair=$1 action
    for action in validate-all start monitor reload-agent; do
        repl "$action" "$pair"
        expect 6 "parameter ${pair%%=*}=\"${pair#*=}\": expected $2"
    done
    repl stop "$pair"
    expect 0
}
for value in "a b" a/b ä "$(printf 'a%.0s' $(seq 33))"; do
    wrong "replication_set=$value" "a set's name: letters, digits"
done
for value in /dev/sda1 0123 "${uuid_b}0" "${uuid_b/-/_}"; do
    wrong "device=$value" "the UUID of a file system, as blkid shows it"
done
for value in 0 5x; do wrong lag_warn=$value "a time as 200ms, 5s or 1min, from 1ms"; done
for missing in replication_set device; do
    other=device=$uuid_b
    [ $missing = device ] && other=replication_set=mail
    run start $other
    expect 6 "parameter $missing is missing"
    run stop $other
    expect 0
done

# Nothing is received without the right.
repl monitor CRM_meta_interval=0
reasons_wanted=0 expect 7
repl monitor
expect 7 "has no right to write"
repl stop
expect 0
[ -z "$(pgrep -f "doppel-replica --set mail")" ] || bad "a replica runs without the agent"
not "the source is not connected" is a protected

# Another file system, none, and a set that is not there.
other=$(cat /proc/sys/kernel/random/uuid)
repl start device="$other"
expect 2 "on the file system $uuid_b, not on $other"
repl stop
expect 0
repl start replication_set=news
expect 2 "this node's store has no set \"news\""
umount "$work/b/mnt"
repl start
expect 2
[[ $out == *"$root_b"* ]] || bad "the root is not named: $out"
repl stop
expect 0
mkdir -p "$root_b"
repl start
expect 2 "is its disk mounted?"
repl stop
expect 0
rmdir "$root_b"
mount -o loop "$work/b/disk" "$work/b/mnt" || exit 1

# The set's services here, and the role.
mkdir -p "$work/b/run/claim/mail"
: >"$work/b/run/claim/mail/service.mail-postfix"
repl start
expect 1 "are used by a service on this node (mail-postfix)"
rm "$work/b/run/claim/mail/service.mail-postfix"
ours_down
role_is serving
ours_up
repl start
expect 1 "set \"mail\" is serving at this site (generation 1), not standby"
ours_down
role_is standby
ours_up

repl start
expect 0
repl start
expect 0
eventually repl_is 0
repl monitor CRM_meta_interval=0
expect 0
eventually protected
echo one >"$root_a/one"
equal
agent=$build/agents/source-connection OCF_RESOURCE_INSTANCE=mail-conn run start replication_set=mail target=site-a
expect 1
repl reload-agent lag_warn=1s
expect 0
eventually repl_is 0

# doppeld dies: the writer with it; a new one goes on.
ours_down
repl monitor
expect 190 "doppeld does not run"
echo two >"$root_a/two"
ours_up
eventually repl_is 0
equal

# The source is away.
kill -9 "$(pid_of a)"
wait "$(get job a)" 2>/dev/null
away() { repl_is 190 && [[ $out == *"its source is not connected"* ]]; }
eventually away
site_start a
eventually repl_is 0
echo three >"$root_a/three"
equal

# A stop leaves the disk free, also when doppeld is dead, or does not answer.
repl stop
expect 0
ok "the disk is free" umount "$work/b/mnt"
mount -o loop "$work/b/disk" "$work/b/mnt" || exit 1
repl stop
expect 0
repl start
expect 0
eventually repl_is 0
kill -STOP "$(pid_of b)"
repl stop CRM_meta_timeout=20000
expect 0 "stopping without doppeld"
ok "the disk is free" umount "$work/b/mnt"
mount -o loop "$work/b/disk" "$work/b/mnt" || exit 1
kill -CONT "$(pid_of b)"
ours_down
repl start CRM_meta_timeout=2000
expect 1 "doppeld does not run on this node"
repl stop
expect 0
ours_up
repl start
expect 0
eventually repl_is 0
echo four >"$root_a/four"
equal
repl stop
expect 0
sites_finish
