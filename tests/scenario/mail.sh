#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real mail cluster: Postfix and Dovecot on the shared disk of site a, users in LDAP, names in DNS, and its
# replica at site b. Mail flows in from a third site and is read by IMAP all the time, while the owner is moved,
# put in standby, crashes, loses its power, freezes and is cut off; while the replica's node is changed; the WAN
# is cut; DNS is away; doppeld and every other process of ours dies. After each: mail flows on, and both sites
# become equal. At the end every acknowledged message is there exactly once (but for what a node that was
# lost had just delivered, see flow_cut), the service never ran on two nodes, and nothing of ours restarted it.
#
#   mail.sh [FAULT...]     these alone; by default MAIL_FAULTS, else the short list
. "$(dirname "$0")/../lab/helpers.sh"
. "$(dirname "$0")/../lab/mail-lib.sh"
. "$(dirname "$0")/../lab/cluster-lib.sh"

SERVICE=10.71.1.100 DIRECTORY=10.71.1.9
# shellcheck disable=SC2034 # for cluster-lib.sh
MAP=(/srv/mail/etc /srv/mail/spool /srv/mail/users /srv/mail/state)
FAULTS=("$@")
# shellcheck disable=SC2206
[ ${#FAULTS[@]} -gt 0 ] || FAULTS=(${MAIL_FAULTS:-move crash daemons wan dns replica_crash})

more_logs() {
    local host
    cluster_logs
    for host in $(hosts_that site=a state=up); do
        echo "--- mail of $host"
        on "$host" sh -c 'tail -n 8 /var/log/mail-instance.log; tail -n 20 /var/log/dovecot-mail.log' 2>/dev/null
    done
    tail -n 5 "${FLOW_LEDGER:-/dev/null}"
}

fill_disk() {
    [ "$1" != a ] || mail_store a1 $DIRECTORY $SERVICE
}

site_a() {
    crm_fences a
    cat <<END
primitive mail-link-ip ocf:doppel:virtual-ip params ip=$LINK_A op monitor interval=10s timeout=20s
primitive mail-conn ocf:doppel:source-connection params replication_set=mail target=site-b \
  op start timeout=90s op stop timeout=60s op monitor interval=2s timeout=20s
primitive mail-ip ocf:doppel:virtual-ip params ip=$SERVICE op monitor interval=10s timeout=20s
primitive mail-name ocf:doppel:network-name params hostname=mail.$MAIL_DOMAIN ip=$SERVICE server=$DIRECTORY \
  keyfile=/etc/doppel/keys/mail.tsig op start timeout=30s op stop timeout=30s op monitor interval=5s timeout=30s
primitive mail-postfix ocf:doppel:mail-server params service=postfix config_dir=/srv/mail/etc/postfix replication_set=mail \
  op start timeout=60s op stop timeout=60s op monitor interval=5s timeout=20s
primitive mail-dovecot ocf:doppel:mail-server params service=dovecot config_file=/srv/mail/etc/dovecot/dovecot.conf replication_set=mail \
  op start timeout=60s op stop timeout=60s op monitor interval=5s timeout=20s
group g-mail-store mail-fs mail-link-ip
group g-mail mail-conn mail-ip mail-name mail-postfix mail-dovecot
colocation c-mail inf: g-mail g-mail-store
order o-mail Mandatory: g-mail-store g-mail
location l-serve g-mail rule -inf: not_defined doppel-mail or doppel-mail ne serving
END
}
site_b() {
    crm_fences b
    cat <<END
primitive mail-link-ip ocf:doppel:virtual-ip params ip=$LINK_B op monitor interval=10s timeout=20s
primitive mail-replica ocf:doppel:replica params replication_set=mail device=$1 \
  op start timeout=60s op stop timeout=30s op monitor interval=2s timeout=20s
group g-mail-store mail-fs mail-link-ip
colocation c-replica inf: mail-replica g-mail-store
order o-replica Mandatory: g-mail-store mail-replica
location l-stand mail-replica rule -inf: not_defined doppel-mail or doppel-mail ne standby
END
}

serves() { [ "$(owner a mail-dovecot)" = "$1" ]; }
# together WHAT: mail flows, and the sites come together again.
together() {
    flow_goes_on "$1"
    wait_until 120 protected || fail "$1: the sites do not come together"
    never_double
    step "$1: mail flows, the set is protected"
}
# Services that were stopped and started since the count was taken.
starts() { on "$1" sh -c 'grep -c "starting the Postfix" /var/log/mail-instance.log'; }

away() { # away WHAT COMMAND...: the owner is left; the service comes up on the other node
    local what=$1 from to start
    shift
    from=$(owner a mail-dovecot) start=$(now_ms)
    to=$(other_of "$from")
    "$@" "$from" || fail "$what: the command failed"
    wait_until 120 serves "$to" || fail "$what: the service did not come to $to"
    figure "$what: served by $to after $(($(now_ms) - start)) ms"
    LOST_MS=$start-$(now_ms)
    together "$what"
}
# lost WHAT COMMAND...: the same, without a chance for its services to end what they do.
lost() {
    away "$@"
    flow_cut "$LOST_MS"
}
do_move() { quietly crm_at a resource move g-mail-store "$(other_of "$1")"; }
do_standby() { quietly crm_at a node standby "$1"; }
do_crash() { lab crash "$1"; }
do_power() { lab power off "$1"; }
do_freeze() { lab freeze "$1"; }
# The cable is put in again when the node is off: two nodes without each other fence each other for ever.
times_off() { grep -c " $1: off" "/run/doppel-lab/$LAB_NAME/log"; }
off_again() { [ "$(times_off "$1")" -gt "$2" ]; }
do_cut() {
    local before
    before=$(times_off "$1")
    lab lan "$1" cut && wait_until 60 off_again "$1" "$before" && lab lan "$1" heal
}

back() { wait_until 120 online a "$1" && wait_until 60 ready "$1" || fail "$1 did not come back"; }
fault_move() { away move do_move; quietly crm_at a resource clear g-mail-store; settle a; }
fault_standby() { local n; n=$(owner a mail-dovecot); away standby do_standby; quietly crm_at a node online "$n"; settle a; }
fault_crash() { local n; n=$(owner a mail-dovecot); lost "the owner crashed" do_crash; back "$n"; }
fault_power() { local n; n=$(owner a mail-dovecot); lost "the owner lost its power" do_power; lab power on "$n"; back "$n"; }
fault_freeze() { local n; n=$(owner a mail-dovecot); lost "the owner froze" do_freeze; back "$n"; }
fault_cut() { local n; n=$(owner a mail-dovecot); lost "the owner was cut off" do_cut; back "$n"; }

# undisturbed WHAT COMMAND...: the owner stays, and nothing restarts its services.
undisturbed() {
    local what=$1 owner before
    shift
    owner=$(owner a mail-dovecot) before=$(starts "$(owner a mail-dovecot)")
    "$@" "$owner"
    flow_goes_on "$what"
    [ "$(owner a mail-dovecot)" = "$owner" ] || fail "$what: the service left $owner"
    [ "$(starts "$owner")" = "$before" ] || fail "$what: Postfix was started again"
    together "$what"
}
do_daemons() {
    local name pid
    for name in doppel-link doppel-door doppeld; do
        for pid in $(on "$1" pidof $name); do on "$1" kill -9 "$pid"; done
        flow_goes_on "$name died"
    done
}
do_worker() {
    local pid
    pid=$(doppel "$1" --output-as=json status mail | sed -n 's/^ *"worker": \([0-9]*\).*/\1/p' | head -n 1)
    [ -n "$pid" ] && on "$1" kill -9 "$pid" || fail "no worker to kill on $1"
}
do_wan() {
    lab wan cut
    wait_until 60 degraded || fail "a cut WAN is not told"
    flow_goes_on "the WAN is cut"
    lab wan heal
}
degraded() { on "$(member a)" crm_mon -1 --output-as=xml --include=none,failures | grep 'id="mail-conn"\|mail-conn_monitor' | grep -q 'exitcode="190"' || ! protected; }
do_dns() {
    on a9 sh -c 'kill $(cat /run/lab-named.pid)'
    flow_goes_on "DNS is away"
    on a9 named -u root -c /etc/lab/named.conf
}
fault_daemons() { undisturbed "our daemons died" do_daemons; }
fault_worker() { undisturbed "the capture's worker died" do_worker; }
fault_wan() { undisturbed "the WAN was cut" do_wan; }
fault_dns() { undisturbed "DNS was away" do_dns; }
fault_replica_crash() {
    local n
    n=$(owner b mail-replica)
    do_replica_crash() { lab crash "$n"; wait_until 120 moved b mail-replica "$n" || fail "nobody took the replica"; }
    undisturbed "the replica's node crashed" do_replica_crash
    wait_until 120 online b "$n" || fail "$n did not come back"
}
fault_replica_move() {
    local n
    n=$(owner b mail-replica)
    do_replica_move() { quietly crm_at b node standby "$n"; wait_until 60 moved b mail-replica "$n" || fail "nobody took the replica"; }
    undisturbed "the replica was moved" do_replica_move
    quietly crm_at b node online "$n"
}

listing() {
    on "$1" sh -c "cd /srv/mail && find etc spool users state ! -type s -printf '%p %y %m %U %G %l\n' | sort &&
        find etc spool users state -type f | sort | xargs sha256sum"
}

mail_needs
[ -n "$LAB_INSTALL" ] || skip "LAB_INSTALL names no installed tree"
lab_up --token 500 --hosts a1,a2,a9,b1,b2,c1 --host-disk-size 2048 --disk-size 512
mail_directory a9
mail_names a9 >"$LAB_TMP/mail.tsig"
for host in a1 a2; do
    put $host /etc/doppel/keys/mail.tsig <"$LAB_TMP/mail.tsig"
    on $host chmod 600 /etc/doppel/keys/mail.tsig
done
doppeld_up a1 a2 b1 b2
sites_agree
step "the sites are paired, the set is agreed"
uuid=$(on b1 blkid -o value -s UUID /dev/shared)
site_a | configure a || fail "site a refused its configuration"
site_b "$uuid" | configure b || fail "site b refused its configuration"
wait_until 90 runs a mail-dovecot || fail "the roles start no mail service"
wait_until 60 runs b mail-replica || fail "the roles start no replica"
quietly doppel "$(owner a mail-conn)" connect mail || fail "connect"
wait_until 90 protected || fail "the set is not protected"
never_failed a
watch $SERVICE $LINK_A $LINK_B
flow_starts c1 $SERVICE
step "mail flows to $(owner a mail-dovecot), its replica is at $(owner b mail-replica)"

for fault in "${FAULTS[@]}"; do "fault_$fault"; done

flow_ends
# A lock that an owner left in a mailbox when it died holds Dovecot up for two minutes.
MAIL_WAIT=200 flow_account
never_double
# Both sites are equal, once nothing changes any more.
source=$(owner a mail-conn) target=$(owner b mail-replica)
quietly crm_at a resource stop mail-postfix && settle a || fail "the services do not stop"
quietly doppel "$source" wait mail --idle --timeout=90s || fail "not idle"
listing "$source" >"$LAB_TMP/a" && listing "$target" >"$LAB_TMP/b" || fail "no listing"
[ -s "$LAB_TMP/a" ] && cmp -s "$LAB_TMP/a" "$LAB_TMP/b" ||
    { diff "$LAB_TMP/a" "$LAB_TMP/b" | head -n 20; fail "the sites differ"; }
figure "both sites are equal: $(grep -c ' f ' "$LAB_TMP/a") files"
echo "${#FAULTS[@]} passed, 0 failed, 0 skipped"
