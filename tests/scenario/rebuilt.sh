#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two clusters of two nodes: the source is lost, the target serves, and what comes back is not what went. Its files are
# gone, its disk is a new one, or nothing of it is left but machines with a configuration: each time the restore fills it
# and the failback gives it the service again.
#
#   rebuilt.sh [emptied|disk|anew|other]...    all: one after the other
#
#   emptied   the set's root is empty, on the same file system
#   disk      the file system was made anew
#   anew      the disk, the stores and the keys of the site: it is paired again, and the set accepted there
#   other     the same, by another name
. "$(dirname "$0")/../lab/helpers.sh"
. "$(dirname "$0")/../lab/plain-sites.sh"

PARTS=("$@")
[ $# -gt 0 ] || PARTS=(anew)
[ "${PARTS[*]}" != all ] || PARTS=(emptied disk anew other)

# lost: site a loses its power, site b serves with what it has.
lost() {
    write a "$part"
    equal a b "$part: before"
    site_power off a || fail "site a keeps its power"
    typed b failover mail --immediate --source-is-down --confirm=mail
    wait_until 60 serves b || fail "$part: site b does not serve"
    write b "$part-meanwhile"
}
comes_back() {
    site_power on a || fail "site a stays without power"
    wait_until 90 shows a1 'role: superseded' || fail "$part: site a does not hear that it is superseded"
    wait_until 60 runs a mail-fs || fail "$part: no disk at site a"
}
# The disk of site a is mounted nowhere; a command with it, at its first node.
with_disk() {
    quietly crm_at a resource stop g-mail-store && settle a || fail "$part: the disk stays mounted"
    on a1 sh -c "$1" || fail "$part: $1"
    quietly crm_at a resource start g-mail-store
}
new_disk="mkfs.ext4 -q -F -b 4096 -O mmp -E mmp_update_interval=1 /dev/shared && mount /dev/shared /srv/mail && mkdir $ROOT && umount /srv/mail"
takes_new_disk() {
    with_disk "$new_disk"
    quietly crm_at a resource param mail-replica set device "$(on a1 blkid -o value -s UUID /dev/shared)" || fail "device"
}
goes_home() {
    typed b restore mail
    wait_until 60 stands_by a || fail "$part: site a does not stand by"
    serves b || fail "$part: the restore has disturbed site b"
    write b "$part-restored"
    equal b a "$part: restored"
    typed b failback mail
    wait_until 60 serves a && wait_until 60 stands_by b || fail "$part: the failback leaves something else"
    write a "$part-home"
    equal a b "$part: home"
}

emptied() {
    lost
    comes_back
    with_disk "mount /dev/shared /srv/mail && rm -rf $ROOT/* && umount /srv/mail"
    goes_home
}

disk() {
    lost
    comes_back
    takes_new_disk
    goes_home
}

follows_site() { doppel b1 set list | grep -q "^mail .* $1" && doppel b2 set list | grep -q "^mail .* $1"; }
# begins_anew NAME: nothing of the site is left but what stands in its configuration.
begins_anew() {
    local host
    lost
    site_power on a || fail "site a stays without power"
    wait_until 90 known a1 && wait_until 90 known a2 || fail "$part: site a does not come back"
    for host in a1 a2; do
        on $host sh -c "sed -i 's/^name=.*/name=$1/' /etc/doppel/doppel.conf
            rm -rf /var/lib/doppel /etc/doppel/keys && sync -f / && sync -f /etc" || fail "$host"
    done
    site_power off a && site_power on a || fail "the power switch"
    for host in a1 a2; do wait_until 90 online a $host && wait_until 60 ready $host || fail "$part: $host"; done
    known a1 && fail "$part: site a knows its set"
    takes_new_disk
    wait_until 60 runs a mail-fs || fail "$part: no disk at site a"

    quietly doppel a1 site init || fail "site init"
    wait_until 30 quietly doppel a1 node add a2 >/dev/null || fail "node add"
    quietly doppel b1 site revoke site-a || fail "$part: revoke"
    doppel b1 site pair "$1" --address=$LINK_A >/dev/null 2>&1 || :
    quietly doppel a1 site pair site-b --address=$LINK_B || fail "$part: pairing"
    quietly doppel a1 site pair site-b --fingerprint="$(print_of b1)" --address=$LINK_B || fail "$part: pairing"
    quietly doppel b1 site pair "$1" --fingerprint="$(print_of a1)" --address=$LINK_A || fail "$part: pairing"
    quietly crm_at b resource param mail-conn set target "$1" && wait_until 60 follows_site "$1" || fail "$part: target"
    doppel b1 restore mail >"$LAB_TMP/refused" 2>&1 && fail "$part: restored where the set is not accepted"
    grep -q "type there: doppel set accept mail --from=site-b" "$LAB_TMP/refused" || fail "$part: $(cat "$LAB_TMP/refused")"
    quietly doppel a1 set accept mail --from=site-b || fail "$part: set accept"
}

anew() {
    begins_anew site-a
    goes_home
}

other() {
    begins_anew site-c
    goes_home
    doppel b1 set show mail | grep -q 'from: site-c' || fail "$part: site b follows another site"
}

plain_sites_up
for part in "${PARTS[@]}"; do
    $part
    step "$part: passed"
done
never_double
echo "${#PARTS[@]} passed, 0 failed, 0 skipped"
