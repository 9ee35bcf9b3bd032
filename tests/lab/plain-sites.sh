# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Two clusters of two nodes, or of those in NODES, with the same resources at both, as the examples have them, but for the mail: a disk with a
# directory, the site's own address, the connection or the replica, the address of the service. Sourced after
# helpers.sh; it sources cluster-lib.sh.

# shellcheck disable=SC2034 # for cluster-lib.sh
MAP=(/srv/mail/data)
. "$(dirname "${BASH_SOURCE[0]}")/cluster-lib.sh"
ROOT=${MAP[0]}
SERVICE=10.71.1.100

more_logs() { LOG_LINES=60 cluster_logs; }
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
# compared NODE NODE WHAT: what they have is the same.
compared() {
    listing "$1" >"$LAB_TMP/s" && listing "$2" >"$LAB_TMP/t" || fail "$3: no listing"
    [ -s "$LAB_TMP/s" ] && cmp -s "$LAB_TMP/s" "$LAB_TMP/t" ||
        { diff "$LAB_TMP/s" "$LAB_TMP/t" | head -n 20; fail "$3: the sites differ"; }
}
# equal SOURCE TARGET WHAT
equal() {
    wait_until 90 follows "$1" "$2" || fail "$3: the replica does not follow"
    quietly doppel "$(owner "$1" mail-conn)" wait mail --idle --timeout=90s || fail "$3: not idle"
    compared "$(owner "$1" mail-conn)" "$(owner "$2" mail-replica)" "$3"
    step "$3: equal, $(grep -c ' f ' "$LAB_TMP/s") files"
}
# write SITE NAME: files, at the node that serves, which outlive its power.
write() {
    on "$(owner "$1" mail-conn)" sh -c "mkdir -p $ROOT/$2 && for i in 1 2 3 4 5 6 7 8 9; do echo $2 \$i >$ROOT/$2/\$i; done
        echo $2 >>$ROOT/one && sync $ROOT/$2/* $ROOT/$2 $ROOT $ROOT/one"
}

# typed SITE COMMAND...: at a node of the site, with its time; what it said is in $LAB_TMP/typed.
typed() {
    local start
    start=$(now_ms)
    doppel "$(member "$1")" "${@:2}" >"$LAB_TMP/typed" 2>&1 || { cat "$LAB_TMP/typed"; fail "${*:2} at site $1"; }
    figure "doppel ${*:2} took $(($(now_ms) - start)) ms"
}

# plain_sites_up: both, a serving, b standing by, protected, and watched from now on.
plain_sites_up() {
    local uuid_a uuid_b
    lab_up --token 500 --hosts "${NODES// /,}" --host-disk-size 2048
    # shellcheck disable=SC2086
    doppeld_up $NODES
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
}
