#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two clusters of two nodes whose service lies on two disks: mail on one, the spool on the other. A set lies on one file
# system, so there are two of them, and both connections stand before the services in one group. They move from node to
# node together, fail over and go home together; neither site serves with one of the disks alone.
. "$(dirname "$0")/../lab/helpers.sh"
. "$(dirname "$0")/../lab/plain-sites.sh"

SETS=(mail spool)
root_of() { echo "/srv/$1/data"; }
disk_of() { if [ "$1" = mail ]; then echo /dev/shared; else echo /dev/shared2; fi; }

# resources SITE PEER LINK: as in the examples, and each of the disk's kind twice.
resources() {
    local set disk
    crm_fences "$1" | grep -v '^primitive mail-fs'
    for set in "${SETS[@]}"; do
        disk=$(disk_of "$set")
        cat <<END
primitive $set-fs ocf:heartbeat:Filesystem params device=$disk directory=/srv/$set fstype=ext4 \
  options=nosuid,nodev force_unmount=safe op start timeout=60s op stop timeout=60s op monitor interval=20s timeout=40s
primitive $set-conn ocf:doppel:source-connection params replication_set=$set target=site-$2 \
  op start timeout=90s op stop timeout=60s op monitor interval=2s timeout=20s
primitive $set-replica ocf:doppel:replica params replication_set=$set device=$(on "${1}1" blkid -o value -s UUID "$disk") \
  op start timeout=60s op stop timeout=30s op monitor interval=2s timeout=20s
colocation c-$set-replica inf: $set-replica g-mail-store
order o-$set-replica Mandatory: g-mail-store $set-replica
order o-$set-replica-off Mandatory: $set-replica:stop g-mail:start symmetrical=false
order o-$set-off Mandatory: g-mail:stop $set-replica:start symmetrical=false
location l-serve-$set g-mail rule -inf: not_defined doppel-$set or doppel-$set ne serving
location l-stand-$set $set-replica rule -inf: not_defined doppel-$set or doppel-$set ne standby
END
    done
    cat <<END
primitive mail-link-ip ocf:doppel:virtual-ip params ip=$3 op monitor interval=10s timeout=20s
primitive mail-ip ocf:doppel:virtual-ip params ip=$SERVICE nic=eth0 cidr_netmask=32 op monitor interval=10s timeout=20s
group g-mail-store mail-fs spool-fs mail-link-ip
group g-mail mail-conn spool-conn mail-ip
colocation c-mail inf: g-mail g-mail-store
order o-mail Mandatory: g-mail-store g-mail
END
}

# agree: the sites are paired, each set is made at a and accepted at b.
agree() {
    local site set
    sites_pair
    for site in a b; do
        for set in "${SETS[@]}"; do
            on ${site}1 sh -c "mkdir -p /srv/$set && mount $(disk_of "$set") /srv/$set && mkdir $(root_of "$set") && echo one >$(root_of "$set")/one" ||
                fail "no disk at ${site}1"
        done
    done
    doppel a1 set create both "$(root_of mail)" "$(root_of spool)" >"$LAB_TMP/both" 2>&1 && fail "a set on two disks was made"
    grep -q 'lies on another file system than .* a set lies on one' "$LAB_TMP/both" || fail "two disks: $(cat "$LAB_TMP/both")"
    for set in "${SETS[@]}"; do
        quietly doppel b1 set accept "$set" --from=site-a --map="$(root_of "$set"):$(root_of "$set")" || fail "set accept"
        quietly doppel a1 set create "$set" "$(root_of "$set")" || fail "set create"
    done
    for site in a b; do
        on ${site}1 umount /srv/mail /srv/spool || fail "${site}1 keeps its disks"
        wait_until 30 known ${site}2 || fail "the sets are not known at ${site}2"
    done
}

stands() { runs "$1" mail-replica && runs "$1" spool-replica && ! runs "$1" mail-conn && ! runs "$1" mail-ip; }
both_serve() { serves "$1" && runs "$1" spool-conn && ! runs "$1" spool-replica; }
set_is() { doppel "$1" --output-as=json status "$2" 2>/dev/null | grep -q "\"state\": \"$3\""; }
both_are() { set_is "$1" mail "$2" && set_is "$1" spool "$2"; }
# at_both SITE COMMAND [OPTION...]: for both sets, at the same time.
at_both() {
    local start set pids=() pid ok=yes
    start=$(now_ms)
    for set in "${SETS[@]}"; do
        doppel "$(member "$1")" "$2" "$set" "${@:3}" >"$LAB_TMP/$set" 2>&1 &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || ok=no; done
    [ $ok = yes ] || fail "$2 at site $1: $(cat "$LAB_TMP/mail" "$LAB_TMP/spool")"
    figure "doppel $2 of both took $(($(now_ms) - start)) ms"
    sed 's/^/   /' "$LAB_TMP/mail" "$LAB_TMP/spool"
}
# both_equal SOURCE TARGET WHAT
both_equal() {
    local set ROOT
    wait_until 120 both_are "$(owner "$1" mail-conn)" protected || fail "$3: not protected"
    for set in "${SETS[@]}"; do
        ROOT=$(root_of "$set")
        quietly doppel "$(owner "$1" "$set-conn")" wait "$set" --idle --timeout=90s || fail "$3: $set is not idle"
        compared "$(owner "$1" "$set-conn")" "$(owner "$2" "$set-replica")" "$3: $set"
    done
    step "$3: both are equal"
}
write_both() {
    local set ROOT
    for set in "${SETS[@]}"; do
        # shellcheck disable=SC2034 # of plain-sites.sh
        ROOT=$(root_of "$set")
        write "$1" "$2"
    done
}

lab_up --token 500 --hosts "${NODES// /,}" --disks 2 --host-disk-size 2048
# shellcheck disable=SC2034 # for cluster-lib.sh
TARGET_ROOTS="$(root_of mail) $(root_of spool)"
# shellcheck disable=SC2086
doppeld_up $NODES
agree
resources a b $LINK_A | configure a || fail "site a refused its configuration"
resources b a $LINK_B | configure b || fail "site b refused its configuration"
wait_until 60 both_serve a && wait_until 60 stands b || fail "the roles start nothing"
for set in "${SETS[@]}"; do quietly doppel "$(owner a mail-conn)" connect "$set" || fail "connect"; done
write_both a before
both_equal a b "protected"
watch $LINK_A $LINK_B $SERVICE

before=$(owner a mail-conn)
quietly crm_at a resource move g-mail-store "$(other_of "$before")" || fail "move"
wait_until 90 moved a mail-ip "$before" || fail "the service was not moved"
quietly crm_at a resource clear g-mail-store
write_both a moved
both_equal a b "moved"

at_both b failover
wait_until 60 both_serve b || fail "site b does not serve"
wait_until 60 nothing_at a && ! runs a spool-conn || fail "something of the sets runs at site a"
write_both b at-b
at_both b restore
wait_until 60 stands a || fail "site a does not stand by"
both_equal b a "restored"
at_both b failback
wait_until 60 both_serve a && wait_until 60 stands b || fail "the failback leaves something else"
write_both a home
both_equal a b "home"
never_double
echo "1 passed, 0 failed, 0 skipped"
