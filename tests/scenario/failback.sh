#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two clusters of two nodes: a failover, the restore of the old source, a failback; in between the group moves
# from node to node where it serves, and the disk of the replica does; doppeld dies where what is left is sent. Both
# sites are equal each time, what the old source alone had is kept, and never do two sites have the service's address.
. "$(dirname "$0")/../lab/helpers.sh"
. "$(dirname "$0")/../lab/plain-sites.sh"

connected_by() { on "$1" grep -c 'is connected with site' /var/log/doppeld.log; }
unsent() { status "$1" | grep -q '"unsent_bytes": [1-9]'; }
move() {
    local before
    before=$(owner "$1" "$2")
    quietly crm_at "$1" resource move g-mail-store "$(other_of "$before")" || fail "move at $1"
    wait_until 90 moved "$1" "$2" "$before" || fail "$2 was not moved at $1"
    quietly crm_at "$1" resource clear g-mail-store
}

plain_sites_up

# Site a lets go with much unsent, and doppeld there dies meanwhile: what is left is sent on by the next one, and
# never by that of the node where the group ran before.
former=$(owner a mail-conn)
move a mail-conn
wait_until 90 follows a b || fail "the replica does not follow the moved source"
node=$(owner a mail-conn)
quietly doppel "$node" limit mail --bandwidth=64K || fail "limit"
on "$node" sh -c "head -c 4000000 /dev/urandom >$ROOT/large"
connections=$(connected_by "$former")
typed b failover mail &
failover=$!
wait_until 60 nothing_at a || fail "the services of site a do not stop"
unsent "$node" || fail "nothing was left to send"
on "$node" sh -c 'kill -9 $(pidof doppeld)' || fail "no doppeld at $node"
wait $failover || exit 1
cat "$LAB_TMP/typed"
[ "$(connected_by "$former")" = "$connections" ] || fail "$former has connected with its older journal"
wait_until 60 serves b || fail "site b does not serve"
wait_until 60 nothing_at a || fail "something of the set runs at site a"
write b after-failover
move b mail-conn
write b moved
step "site b serves, generation $(doppel b1 set show mail | sed -n 's/^generation: //p'), and has moved"

# What the old source alone has.
quietly crm_at a resource stop g-mail-store >/dev/null 2>&1
wait_until 60 nothing_at a
node=$(member a)
on "$node" sh -c "mount /dev/shared /srv/mail && mkdir -p $ROOT/lost && echo precious >$ROOT/lost/mail && umount /srv/mail" ||
    fail "the disk of site a"
quietly crm_at a resource start g-mail-store

typed b restore mail
cat "$LAB_TMP/typed"
wait_until 60 stands_by a || fail "site a does not stand by"
serves b || fail "the restore has disturbed site b"
equal b a "restored"
on "$(owner a mail-replica)" sh -c 'cat /srv/mail/.doppel/mail/orphans/*-lost/mail' | grep -qx precious || fail "what only site a had is lost"
write b restored
move a mail-replica
equal b a "the replica moved"

typed b failback mail
cat "$LAB_TMP/typed"
wait_until 60 serves a && wait_until 60 stands_by b || fail "the failback leaves something else"
write a home
equal a b "failed back"
move a mail-conn
move b mail-replica
write a end
equal a b "moved again"
never_double
echo "3 passed, 0 failed, 0 skipped"
