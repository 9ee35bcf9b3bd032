#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two clusters of two nodes, of which one starts cold, again and again, and asks the other one whether it
# serves by now; and is cut off, and hears of it while it serves. Both have the same service address, so a
# watcher sees whether two sites ever serve at once.
#
# COLD_PARTS says which parts are played; of the document of site b, where a failover would have written it,
# each is put there by hand (store export, import).
. "$(dirname "$0")/../lab/helpers.sh"

# shellcheck disable=SC2034 # for cluster-lib.sh
MAP=(/srv/mail/data)
. "$(dirname "$0")/../lab/cluster-lib.sh"
ROOT=${MAP[0]}
SERVICE=10.71.1.100
COLD_PARTS=${COLD_PARTS:-standby wan pending go serving}
BUILD=${DOPPEL_BUILD:-$PWD}
passed=0

fail() {
    step "FAILED: $*"
    print_logs
    LOG_LINES=60 cluster_logs
    exit 1
}
# A root that is empty after a power cut would wait for a person.
fill_disk() { on "${1}1" sh -c "echo one >$ROOT/one && touch -d @1 $ROOT/one && sync -f $ROOT/one"; }
ok() {
    step "$*"
    passed=$((passed + 1))
}

site_a() {
    crm_fences a
    cat <<END
primitive mail-link-ip ocf:doppel:virtual-ip params ip=$LINK_A op monitor interval=10s timeout=20s
primitive mail-conn ocf:doppel:source-connection params replication_set=mail target=site-b \
  op start timeout=90s op stop timeout=60s op monitor interval=2s timeout=20s
primitive mail-ip ocf:doppel:virtual-ip params ip=$SERVICE op monitor interval=10s timeout=20s
group g-mail-store mail-fs mail-link-ip
group g-mail mail-conn mail-ip
colocation c-mail inf: g-mail g-mail-store
order o-mail Mandatory: g-mail-store g-mail
location l-serve g-mail rule -inf: not_defined doppel-mail or doppel-mail ne serving
END
}
site_b() {
    crm_fences b
    cat <<END
primitive mail-link-ip ocf:doppel:virtual-ip params ip=$LINK_B op monitor interval=10s timeout=20s
primitive mail-ip ocf:doppel:virtual-ip params ip=$SERVICE nic=eth0 cidr_netmask=32 \
  op monitor interval=10s timeout=20s
primitive mail-replica ocf:doppel:replica params replication_set=mail device=$1 \
  op start timeout=60s op stop timeout=30s op monitor interval=2s timeout=20s
group g-mail-store mail-fs mail-link-ip
colocation c-mail inf: mail-ip g-mail-store
order o-mail Mandatory: g-mail-store mail-ip
colocation c-replica inf: mail-replica g-mail-store
order o-replica Mandatory: g-mail-store mail-replica
location l-serve mail-ip rule -inf: not_defined doppel-mail or doppel-mail ne serving
location l-stand mail-replica rule -inf: not_defined doppel-mail or doppel-mail ne standby
END
}

shows() { doppel "$1" set show mail 2>/dev/null | grep -qx "$2"; }
says() { doppel "$1" status mail 2>/dev/null | grep -q "$2"; }
any_says() { says a1 "$1" || says a2 "$1"; }
# What site b would have written in a failover: put_b KEY=VALUE...
put_b() {
    doppel b1 store export >"$LAB_TMP/export" && "$BUILD/tests/crash/set-edit" mail "$@" <"$LAB_TMP/export" >"$LAB_TMP/edited" &&
        put b1 /root/edited <"$LAB_TMP/edited" && quietly doppel b1 store import /root/edited --replace || fail "put $*"
}
a_serves() { runs a mail-conn && runs a mail-ip && holds "$(owner a mail-ip)" $SERVICE; }
b_serves() { runs b mail-ip && holds "$(owner b mail-ip)" $SERVICE; }
nothing_at_a() { ! runs a mail-conn && ! runs a mail-ip; }
store_at_a() { runs a mail-link-ip; }
cold() {
    site_power off a || fail "site a could not be turned off"
    "$@"
    start=$(now_ms)
    site_power on a || fail "site a could not be turned on"
}
# While it is held only the disk and the site's own address are there, at every node, as long as is looked.
held() {
    wait_until 90 any_says "$1" || { doppel a1 status mail; doppel a2 status mail; fail "$2: it is not held"; }
    wait_until 60 store_at_a || fail "$2: the site's own address is not there"
    nothing_at_a || fail "$2: something of the set runs while it is held"
    wait_until 30 says a1 "$1" && wait_until 30 says a2 "$1" || fail "$2: not every node says why it is held"
    on "$(member a)" grep -h 'set "mail".*is held' /var/log/doppeld.log >/dev/null || on a2 grep -q 'is held' /var/log/doppeld.log ||
        fail "$2: nothing in the log"
}

lab_up --token 500 --hosts a1,a2,b1,b2 --host-disk-size 2048
doppeld_up a1 a2 b1 b2
sites_agree
uuid=$(on b1 blkid -o value -s UUID /dev/shared)
site_a | configure a || fail "site a refused its configuration"
site_b "$uuid" | configure b || fail "site b refused its configuration"
wait_until 60 a_serves && wait_until 60 runs b mail-replica || fail "the roles start nothing"
quietly doppel "$(owner a mail-conn)" connect mail --equal || fail "connect"
wait_until 60 protected || fail "the set is not protected"
step "protected: $(owner a mail-conn) serves, $(owner b mail-replica) stands by"
watch $LINK_A $LINK_B $SERVICE

for part in $COLD_PARTS; do
    case $part in
    standby)
        cold true
        wait_until 90 a_serves || fail "a cold start beside a standby does not serve by itself"
        figure "site a started cold beside a standby and serves after $(($(now_ms) - start)) ms"
        wait_until 60 protected || fail "it is not protected again"
        ok "a site that starts cold beside a standby serves by itself"
        ;;
    wan)
        cold lab wan cut
        held 'doppel site confirm mail' "without an answer"
        pause_until=$(($(now_ms) + 3000))
        while [ "$(now_ms)" -lt $pause_until ]; do nothing_at_a || fail "it serves without an answer"; done
        quietly doppel a1 site confirm mail || fail "site confirm"
        wait_until 60 a_serves || fail "a confirmed set does not serve"
        shows a1 'generation: 3' || fail "confirm does not raise the generation by two"
        lab wan heal
        wait_until 90 protected || fail "it is not protected again"
        wait_until 30 shows b2 'generation: 3' || fail "the replica did not learn the generation"
        ok "without an answer it is held, until a person confirms it"
        ;;
    pending)
        now=$(doppel b1 set show mail | sed -n 's/^generation: //p')
        cold put_b "failing_over.generation=$((now + 1))"
        held "is failing over to site .*site-b" "while a failover is pending"
        put_b failing_over= held=
        wait_until 60 a_serves || fail "it does not serve when the failover was given up"
        ok "a failover that is pending holds it, until it is given up"
        ;;
    go)
        quietly crm_at a resource param mail-conn set cold_start go || fail "cold_start=go"
        cold lab wan cut
        wait_until 90 a_serves || fail "cold_start=go asks"
        lab wan heal
        quietly crm_at a resource param mail-conn delete cold_start || fail "cold_start"
        wait_until 90 protected || fail "it is not protected again"
        ok "with cold_start=go it does not ask"
        ;;
    serving)
        # The site is cut off, and the other one serves by a failover.
        now=$(doppel b1 set show mail | sed -n 's/^generation: //p')
        lab wan cut
        quietly crm_at a resource stop mail-ip && settle a # a person makes sure of it
        put_b role=serving side=source generation=$((now + 1)) peer=site-a "rules=include recursive ${MAP[0]}
" from=
        quietly doppel b1 site confirm mail || fail "site confirm at b"
        wait_until 60 b_serves || fail "site b does not serve"
        runs a mail-conn || fail "a source that is cut off does not go on"
        doppel a1 site confirm mail 2>/dev/null && fail "what serves was confirmed"
        start=$(now_ms)
        lab wan heal
        wait_until 60 shows a1 'role: superseded' || fail "a source that was cut off does not hear that it is superseded"
        wait_until 60 nothing_at_a || fail "a superseded site goes on"
        figure "a source that was cut off was stopped $(($(now_ms) - start)) ms after the WAN healed"
        says a1 'at site site-b: doppel restore mail' || fail "no way home is said"
        quietly crm_at a resource start mail-ip
        ok "a source that was cut off stops when it hears that the other site serves"
        cold true
        wait_until 90 store_at_a && wait_until 30 known a1 || fail "site a does not come back"
        shows a1 'role: superseded' && nothing_at_a || fail "a superseded site serves after a cold start"
        doppel a1 site confirm mail >"$LAB_TMP/out" 2>&1 && fail "confirmed while the other site serves"
        grep -q 'answers that it serves' "$LAB_TMP/out" || fail "confirm: $(cat "$LAB_TMP/out")"
        b_serves || fail "site b serves no more"
        ok "after a cold start it stays so, and cannot be confirmed"
        ;;
    *) fail "there is no part $part" ;;
    esac
done
never_double
echo "$passed passed, 0 failed, 0 skipped"
