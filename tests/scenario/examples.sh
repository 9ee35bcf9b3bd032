#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The configurations of examples/, with nothing changed but addresses, disks and names, on two real clusters in one
# subnet: site a by crmsh's file, site b by pcs, then anew by crmsh's script with the other site's address. Site a serves
# mail, site b has the replica and nothing else. Then Pacemaker is told a role that is not the set's, while no daemon is
# there to see it: the agents refuse it, and what belongs there is up again when the role is right.
. "$(dirname "$0")/../lab/helpers.sh"
. "$(dirname "$0")/../lab/mail-lib.sh"
. "$(dirname "$0")/../lab/cluster-lib.sh"
. "$(dirname "$0")/../lab/mail-sites.sh"
EXAMPLES=$(cd "$(dirname "$0")/../../examples" && pwd)
SERVICE_B=10.71.2.100
more_logs() { cluster_logs; }

uuid_of() { on "$1" blkid -o value -s UUID /dev/shared; }
# values SITE <FILE: an example as that site would have it.
values() {
    sed -E "s/198\.51\.100\.9\b/$LINK_A/; s/198\.51\.100\.10\b/$SERVICE/; s/203\.0\.113\.9\b/$LINK_B/
        s/203\.0\.113\.10\b/$SERVICE_B/; s|/dev/disk/by-uuid/[0-9a-f-]+|/dev/shared|
        s/5f0e6f5e-[0-9a-f-]+/$(uuid_of "${1}1")/"
}
fences_only() { crm_fences "$1" | sed '/^primitive mail-fs/,$d'; }
by_pcs() {
    values b <"$EXAMPLES/pcs/site-b.sh" | put b1 /root/site-b.sh
    on b1 sh /root/site-b.sh
}
by_script() {
    quietly on b1 crm -D plain script run doppel-mail target=site-a device=/dev/shared "uuid=$(uuid_of b1)" "link_ip=$LINK_B" \
        "ip=$SERVICE_B" "peer_ip=$SERVICE" hostname=mail.$MAIL_DOMAIN
}
serves() { "$LAB_PROGRAM" exec c1 "$MAILFLOW" watch --host $SERVICE --user user1 --password secret --seconds 1 </dev/null | grep -q ^up; }
empty() {
    quietly crm_at b configure property stop-all-resources=true && settle b &&
        quietly on b1 cibadmin --replace --scope constraints --xml-text '<constraints/>' &&
        quietly on b1 cibadmin --replace --scope resources --xml-text '<resources/>' &&
        quietly crm_at b configure property stop-all-resources=false && fences_only b | configure b
}
# tell SITE ROLE: by hand, against doppeld.
tell() {
    local node
    for node in "${1}1" "${1}2"; do on "${1}1" attrd_updater -n doppel-mail -U "$2" -N "$node" -d 0 || return 1; done
}
refused() { on "${1}1" crm_mon -1 --output-as=xml --include=none,failures | grep "op_key=\"$2_start_0\"" | grep -q ', not '; }
well() { ! on "${1}1" crm_mon -1 --output-as=xml --include=none,failures | grep '<failure ' | grep -qv 'exitcode="190"'; }
# What starts doppeld again waits meanwhile (boot_script).
declare -A starter
daemons_away() {
    local host pid
    for host in "${1}1" "${1}2"; do
        pid=$(on $host pidof doppeld)
        starter[$host]=$(on $host awk '{ print $4 }' "/proc/$pid/stat")
        on $host kill -STOP "${starter[$host]}" && on $host kill -KILL "$pid" || return 1
    done
}
daemons_back() {
    local host
    for host in "${1}1" "${1}2"; do on $host kill -CONT "${starter[$host]}" || return 1; done
}

mail_needs
[ -n "$LAB_INSTALL" ] || skip "LAB_INSTALL names no installed tree"
command -v pcs >/dev/null || skip "pcs is not installed"
lab_up --token 500 --wan bridged --hosts a1,a2,a9,b1,b2,c1 --host-disk-size 2048 --disk-size 512
mail_directory a9
mail_names a9 >"$LAB_TMP/mail.tsig"
for host in a1 a2 b1 b2; do
    put $host /etc/doppel/keys/mail.tsig <"$LAB_TMP/mail.tsig"
    on $host chmod 600 /etc/doppel/keys/mail.tsig
    echo "nameserver $DIRECTORY" | put $host /etc/resolv.conf
done
doppeld_up a1 a2 b1 b2
sites_agree
# pcs takes its time for each command.
{ fences_only b | configure b && by_pcs; } >"$LAB_TMP/pcs" 2>&1 &
pcs=$!
{ fences_only a; values a <"$EXAMPLES/crmsh/site-a.crm"; } | configure a || fail "crmsh does not take site-a.crm"
wait_until 90 runs a mail-dovecot || fail "site a does not start the services"
wait_until 60 serves || fail "site a does not serve"
wait $pcs || fail "pcs does not take site-b.sh: $(cat "$LAB_TMP/pcs")"
wait_until 60 runs b mail-replica || fail "site b does not start the replica"
quietly doppel "$(owner a mail-conn)" connect mail || fail "connect"
wait_until 90 protected || fail "the set is not protected"
runs a mail-replica && fail "a serving site runs its replica"
runs b mail-conn && fail "a standby runs the connection"
step "crmsh's file serves, pcs' script stands by"

empty || fail "site b's configuration cannot be removed"
if on b1 python3 -c 'import parallax' 2>/dev/null; then
    by_script || fail "crm script run doppel-mail"
    wait_until 60 runs b mail-replica || fail "site b does not start the replica by crmsh's script"
    on b1 crm_mon -1 --output-as=xml --include=none,resources --inactive | grep -q 'id="mail-peer-ip"' || fail "no mail-peer-ip"
    runs b mail-peer-ip && fail "the other site's address is online at the standby"
    step "crmsh's script stands by, with the other site's address ready"
else
    figure "python3-parallax is not installed: crm script was not run; pcs again"
    quietly by_pcs || fail "pcs"
    wait_until 60 runs b mail-replica || fail "the replica does not start again"
fi
wait_until 90 protected || fail "the set is not protected again"
well a && well b || fail "an operation failed"

# A wrong role, told while nobody corrects it: refused; then the right one, before a daemon could see it.
daemons_away b || fail "the daemons of site b cannot be ended"
tell b serving && wait_until 60 refused b mail-conn || fail "a standby's source-connection starts"
tell b standby && settle b || fail "the role cannot be told"
daemons_back b
wait_until 90 runs b mail-replica || fail "the replica, which found no daemon, does not come back"
step "source-connection refused at the standby, whose replica is back"
daemons_away a || fail "the daemons of site a cannot be ended"
tell a standby && wait_until 60 refused a mail-replica || fail "a serving site's replica starts"
tell a serving && settle a || fail "the role cannot be told"
daemons_back a
wait_until 90 serves || fail "the service does not come back"
wait_until 90 protected || fail "the set is not protected in the end"
step "replica refused at the serving site, which serves again"
echo "4 passed, 0 failed, 0 skipped"
