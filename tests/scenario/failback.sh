#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two clusters of two nodes: a failover, the restore of the old source, a failback; in between the group moves
# from node to node where it serves, and the disk of the replica does; doppeld dies where what is left is sent. Both
# sites are equal each time, what the old source alone had is kept, and never do two sites have the service's address.
. "$(dirname "$0")/../lab/helpers.sh"

# shellcheck disable=SC2034 # for cluster-lib.sh
MAP=(/srv/mail/data)
. "$(dirname "$0")/../lab/cluster-lib.sh"
ROOT=${MAP[0]}
SERVICE=10.71.1.100

fail() {
    step "FAILED: $*"
    print_logs
    LOG_LINES=60 cluster_logs
    step "FAILED: $*"
    exit 1
}
fill_disk() { [ "$1" = b ] || on "${1}1" sh -c "echo one >$ROOT/one && sync -f $ROOT/one"; }

# site NAME PEER LINK NIC UUID: the same resources at both; the service's address is routed to whoever has it.
site() {
    crm_fences "$1"
    cat <<END
primitive mail-link-ip ocf:doppel:virtual-ip params ip=$3 op monitor interval=10s timeout=20s
primitive mail-conn ocf:doppel:source-connection params replication_set=mail target=site-$2 \
  op start timeout=90s op stop timeout=60s op monitor interval=2s timeout=20s
primitive mail-ip ocf:doppel:virtual-ip params ip=$SERVICE $4 op monitor interval=10s timeout=20s
primitive mail-replica ocf:doppel:replica params replication_set=mail device=$5 \
  op start timeout=60s op stop timeout=30s op monitor interval=2s timeout=20s
group g-mail-store mail-fs mail-link-ip
group g-mail mail-conn mail-ip
colocation c-mail inf: g-mail g-mail-store
order o-mail Mandatory: g-mail-store g-mail
colocation c-replica inf: mail-replica g-mail-store
order o-replica Mandatory: g-mail-store mail-replica
order o-replica-off Mandatory: mail-replica:stop g-mail:start symmetrical=false
order o-mail-off Mandatory: g-mail:stop mail-replica:start symmetrical=false
location l-serve g-mail rule -inf: not_defined doppel-mail or doppel-mail ne serving
location l-stand mail-replica rule -inf: not_defined doppel-mail or doppel-mail ne standby
END
}

shows() { doppel "$1" set show mail 2>/dev/null | grep -qx "$2"; }
serves() { runs "$1" mail-conn && runs "$1" mail-ip && ! runs "$1" mail-replica; }
stands_by() { runs "$1" mail-replica && ! runs "$1" mail-conn && ! runs "$1" mail-ip; }
nothing_at() { ! runs "$1" mail-replica && ! runs "$1" mail-conn && ! runs "$1" mail-ip; }
knows_rules() { doppel "$1" set show mail 2>/dev/null | grep -q '^peer_rules'; }
state_is() { status "$1" | grep -q "\"state\": \"$2\""; }
# The source's and the target's node of the site that serves, $1, and the other one.
follows() { state_is "$(owner "$1" mail-conn)" protected && state_is "$(owner "$2" mail-replica)" protected; }
listing() {
    on "$1" sh -c "cd $ROOT && find . ! -name . -printf '%p %y %m %U %G %s\n' | sort && find . -type f | sort | xargs sha256sum"
}
# equal SOURCE TARGET WHAT
equal() {
    local source target
    wait_until 90 follows "$1" "$2" || fail "$3: the replica does not follow"
    source=$(owner "$1" mail-conn) target=$(owner "$2" mail-replica)
    quietly doppel "$source" wait mail --idle --timeout=90s || fail "$3: not idle"
    listing "$source" >"$LAB_TMP/s" && listing "$target" >"$LAB_TMP/t" || fail "$3: no listing"
    [ -s "$LAB_TMP/s" ] && cmp -s "$LAB_TMP/s" "$LAB_TMP/t" ||
        { diff "$LAB_TMP/s" "$LAB_TMP/t" | head -n 20; fail "$3: the sites differ"; }
    step "$3: equal, $(grep -c ' f ' "$LAB_TMP/s") files"
}
# write SITE NAME: files, at the node that serves.
write() { on "$(owner "$1" mail-conn)" sh -c "mkdir -p $ROOT/$2 && for i in 1 2 3 4 5 6 7 8 9; do echo $2 \$i >$ROOT/$2/\$i; done; echo $2 >>$ROOT/one"; }
# at SITE COMMAND...: typed at a node of the site, with its time.
typed() {
    local start
    start=$(now_ms)
    doppel "$(member "$1")" "${@:2}" >"$LAB_TMP/typed" 2>&1 || { cat "$LAB_TMP/typed"; fail "$* at site $1"; }
    figure "doppel ${*:2} took $(($(now_ms) - start)) ms"
}
connected_by() { on "$1" grep -c 'is connected with site' /var/log/doppeld.log; }
unsent() { status "$1" | grep -q '"unsent_bytes": [1-9]'; }
move() {
    local before
    before=$(owner "$1" "$2")
    quietly crm_at "$1" resource move g-mail-store "$(other_of "$before")" || fail "move at $1"
    wait_until 90 moved "$1" "$2" "$before" || fail "$2 was not moved at $1"
    quietly crm_at "$1" resource clear g-mail-store
}

lab_up --token 500 --hosts a1,a2,b1,b2 --host-disk-size 2048
doppeld_up a1 a2 b1 b2
sites_agree
uuid_a=$(on a1 blkid -o value -s UUID /dev/shared) uuid_b=$(on b1 blkid -o value -s UUID /dev/shared)
site a b $LINK_A "" "$uuid_a" | configure a || fail "site a refused its configuration"
site b a $LINK_B "nic=eth0 cidr_netmask=32" "$uuid_b" | configure b || fail "site b refused its configuration"
wait_until 60 serves a && wait_until 60 stands_by b || fail "the roles start nothing"
quietly doppel "$(owner a mail-conn)" connect mail || fail "connect"
write a before
equal a b "protected"
wait_until 60 knows_rules b1 || fail "site b does not know the rules"
watch $LINK_A $LINK_B $SERVICE

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
