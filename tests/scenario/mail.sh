#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real mail cluster: Postfix and Dovecot on the shared disk of site a, users in LDAP, names in DNS, and its
# replica at site b. Mail flows in from a third site and is read by IMAP all the time, while the owner is moved,
# put in standby, crashes, loses its power, freezes and is cut off; while the replica's node is changed; the WAN
# is cut; DNS is away; doppeld and every other process of ours dies, or is replaced by an upgrade; the disk of
# our journal is full. After each: mail flows on, and both sites
# become equal. At the end every acknowledged message is there exactly once (but for what a node that was
# lost had just delivered, see flow_cut), the service never ran on two nodes, and nothing of ours restarted it.
#
#   mail.sh [FAULT...]     these alone, or "all"; by default the short list
. "$(dirname "$0")/../lab/helpers.sh"
. "$(dirname "$0")/../lab/mail-lib.sh"
. "$(dirname "$0")/../lab/cluster-lib.sh"
. "$(dirname "$0")/../lab/mail-sites.sh"
# Of so few mails, those that were read and deleted while no journal was kept may be more than a tenth.
# shellcheck disable=SC2034 # for cluster-lib.sh
MAX_DELETE=60%

FAULTS=("$@")
[ ${#FAULTS[@]} -gt 0 ] || FAULTS=(move crash daemons wan dns replica_crash)
[ "${FAULTS[*]}" != all ] ||
    FAULTS=(move standby crash power freeze cut daemons worker wan dns full upgrade replica_move replica_crash)

more_logs() {
    local host
    cluster_logs
    for host in $(hosts_that site=a state=up); do
        echo "--- mail of $host"
        on "$host" sh -c 'tail -n 8 /var/log/mail-instance.log; tail -n 20 /var/log/dovecot-mail.log' 2>/dev/null
    done
    tail -n 5 "${FLOW_LEDGER:-/dev/null}"
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
    pid=$(capture_says "$1" worker)
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
# The disk of our own state, of which some must stay free: its journal ends there.
do_full() {
    on "$1" sh -ec 'free=$(df --output=avail -B1M /var/lib/doppel | tail -n 1)
        fallocate -l "$((free - 24))M" /var/lib/doppel/filler
        dd if=/dev/zero of=/srv/mail/state/large bs=1M count=96 conv=fsync status=none
        rm /srv/mail/state/large' || fail "the service cannot write while the journal's disk is full"
    wait_until 60 unprotected || fail "a full disk of the journal is not told"
    flow_goes_on "the journal's disk is full"
    on "$1" rm /var/lib/doppel/filler
}
unprotected() { ! protected; }
# As a package does it: programs replaced, doppeld restarted, the captures told (doppel-capture(8)); the target
# first, node by node.
do_upgrade() {
    local host before
    before=$(capture_says "$1" worker)
    for host in b1 b2 a1 a2; do
        on $host sh -ec 'for file in /usr/sbin/doppeld /usr/sbin/doppel /usr/libexec/doppel/*; do
            [ ! -f "$file" ] || { cp -p "$file" "$file.new" && mv "$file.new" "$file"; }; done
            kill -TERM $(pidof doppeld)' || fail "$host cannot be upgraded"
        wait_until 60 ready $host || fail "the new doppeld of $host is not ready"
    done
    on "$1" kill -USR2 "$(capture_says "$1" keeper)" || fail "no capture is running on $1"
    renewed() { [ "$(capture_says "$1" worker)" != "$before" ]; }
    wait_until 60 renewed "$1" || fail "the capture goes on with its old program"
}
capture_says() { doppel "$1" --output-as=json status mail | sed -n "s/^ *\"$2\": \([0-9]*\).*/\1/p" | head -n 1; }
fault_full() { undisturbed "the journal's disk was full" do_full; }
fault_upgrade() { undisturbed "all was upgraded" do_upgrade; }
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

mail_needs
[ -n "$LAB_INSTALL" ] || skip "LAB_INSTALL names no installed tree"
lab_up --token 500 --hosts a1,a2,a9,b1,b2,c1 --host-disk-size 2048 --disk-size 512
mail_sites_up
never_failed a
watch $SERVICE $LINK_A $LINK_B
flow_starts c1 $SERVICE
step "mail flows to $(owner a mail-dovecot), its replica is at $(owner b mail-replica)"

for fault in "${FAULTS[@]}"; do "fault_$fault"; done

flow_ends
# A lock that an owner left in a mailbox when it died holds Dovecot up for two minutes.
MAIL_WAIT=200 flow_account
never_double
mail_sites_equal
figure "both sites are equal: $EQUAL_FILES files"
echo "${#FAULTS[@]} passed, 0 failed, 0 skipped"
