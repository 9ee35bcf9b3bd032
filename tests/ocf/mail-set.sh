#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mail-server and the replication set that holds its data: it starts only where this site serves the set, and
# never beside a replica that writes it.
. "${srcdir:-.}/tests/ocf/mail-lib.sh" || exit 1
stage_mail dovecot
dovecot_conf one 192.0.2.10
mkdir -p /run/state
printf '[site]\nname=site-a\n[daemon]\nstate_dir=/run/state\n' >/etc/doppel/doppel.conf
claim=/run/doppel/claim/mail

dovecot start replication_set=mail
expect 2 'this node'"'"'s store has no set "mail"'
for role in standby released superseded; do
    tests/ocf/set-role /run/state mail $role 1 || bad "set-role"
    dovecot start replication_set=mail
    expect 1 "set \"mail\" is $role at this site (generation 1), not serving"
    none_of dovecot
    dovecot stop replication_set=mail
    expect 0
done
tests/ocf/set-role /run/state mail serving 1 || bad "set-role"
echo "broken" >/etc/doppel/doppel.conf
dovecot start replication_set=mail
expect 2 'the role of set "mail" is not known'
printf '[site]\nname=site-a\n[daemon]\nstate_dir=/run/state\n' >/etc/doppel/doppel.conf

# The replica has it; then the service, until it has stopped.
mkdir -p $claim
: >$claim/replica.mail-replica
dovecot start replication_set=mail
expect 1 'the replica of set "mail" is written on this node (mail-replica)'
none_of dovecot
rm $claim/replica.mail-replica
dovecot start replication_set=mail
expect 0
ok "the claim" test -e $claim/service.dovecot-one
# The role may change while it runs: that is for the cluster to act on, and no monitor fails for it.
tests/ocf/set-role /run/state mail released 1 || bad "set-role"
dovecot monitor replication_set=mail
expect 0
dovecot stop
expect 0
not "given up, though the parameter is gone" test -e $claim/service.dovecot-one
none_of dovecot
finish
