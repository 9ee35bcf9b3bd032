#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two clusters of two nodes, mail flowing: site b takes site a's place. First gracefully: no acknowledged mail
# is lost or doubled, both sites are equal where the one stopped and the other went on, and it goes home again the same
# way. With `power`: the whole site a loses its power, and site b serves with what it has; the account says what is
# missing. All the time a watcher looks that the services never run at both sites.
#
# With `remote`: the same with durability=remote, and then nothing that was acknowledged is missing.
#
#   failover.sh [graceful|power|remote]
. "$(dirname "$0")/../lab/helpers.sh"
. "$(dirname "$0")/../lab/mail-lib.sh"
. "$(dirname "$0")/../lab/cluster-lib.sh"

SERVICE=10.71.1.100
# shellcheck disable=SC2034 # for cluster-lib.sh
MAP=(/srv/mail/etc /srv/mail/spool /srv/mail/users /srv/mail/state)
MODE=${1:-graceful}
CONNECTION=
[ "$MODE" != remote ] || CONNECTION="durability=remote durability_timeout=60s durability_policy=refuse"

fill_disk() { [ "$1" != a ] || mail_store a1 $DIRECTORY $SERVICE; }

# site_is SITE LINK PEER UUID: the configuration of the examples, the same at both sites.
site_is() {
    crm_fences "$1"
    cat <<END
primitive mail-link-ip ocf:doppel:virtual-ip params ip=$2 op monitor interval=10s timeout=20s
primitive mail-conn ocf:doppel:source-connection params replication_set=mail target=site-$3 $CONNECTION \
  op start timeout=90s op stop timeout=60s op monitor interval=2s timeout=20s
primitive mail-ip ocf:doppel:virtual-ip params ip=$SERVICE op monitor interval=10s timeout=20s
primitive mail-postfix ocf:doppel:mail-server params service=postfix config_dir=/srv/mail/etc/postfix replication_set=mail \
  op start timeout=60s op stop timeout=60s op monitor interval=5s timeout=20s
primitive mail-dovecot ocf:doppel:mail-server params service=dovecot config_file=/srv/mail/etc/dovecot/dovecot.conf replication_set=mail \
  op start timeout=60s op stop timeout=60s op monitor interval=5s timeout=20s
primitive mail-replica ocf:doppel:replica params replication_set=mail device=$4 \
  op start timeout=60s op stop timeout=30s op monitor interval=2s timeout=20s
group g-mail-store mail-fs mail-link-ip
group g-mail mail-conn mail-ip mail-postfix mail-dovecot
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
role() { doppel "$1" --output-as=json set show mail 2>/dev/null | sed -n 's/^ *"role": "\(.*\)",\{0,1\}$/\1/p' | head -n 1; }
has_rules() { doppel "$1" --output-as=json set show mail | grep -q peer_rules; }

# refuses NODE ROLE...: a service that somebody starts there by hand, past Pacemaker, is refused, and nothing runs.
refuses() {
    local node=$1 roles=$2 said
    said=$(on "$node" env OCF_ROOT=/usr/lib/ocf OCF_RESOURCE_INSTANCE=by-hand OCF_RESKEY_service=postfix \
        OCF_RESKEY_config_dir=/srv/mail/etc/postfix OCF_RESKEY_replication_set=mail \
        /usr/lib/ocf/resource.d/doppel/mail-server start 2>&1) && fail "Postfix was started by hand at $node: $said"
    grep -qE "set \"mail\" is ($roles) at this site .*, not serving" <<<"$said" || fail "$node refuses by: $said"
    on "$node" pidof -q master && fail "Postfix runs at $node"
    return 0
}

# go_home: site a is made equal while site b serves, and serves again.
go_home() {
    local start
    doppel "$(owner b mail-conn)" restore mail >"$LAB_TMP/restore" 2>&1 || fail "restore: $(cat "$LAB_TMP/restore")"
    flow_goes_on "after the restore"
    start=$(now_ms)
    doppel "$(owner b mail-conn)" failback mail --wait=90 >"$LAB_TMP/failback" 2>&1 || fail "failback: $(cat "$LAB_TMP/failback")"
    figure "home: site a serves again after $(($(now_ms) - start)) ms"
    sed 's/^/   /' "$LAB_TMP/restore" "$LAB_TMP/failback"
    wait_until 60 runs a mail-dovecot || fail "no mail service at site a"
    [ "$(role "$(member b)")" = standby ] || fail "site b is $(role "$(member b)")"
    flow_goes_on "at home"
    wait_until 120 protected || fail "the set is not protected again"
}

mail_needs
[ -n "$LAB_INSTALL" ] || skip "LAB_INSTALL names no installed tree"
lab_up --token 500 --wan bridged --hosts a1,a2,b1,b2,c1 --host-disk-size 2048
# The users are known at a third site.
DIRECTORY=$(on c1 ip -4 -o addr show dev eth0 | sed -n 's/.* inet \([0-9.]*\).*/\1/p;q')
MAIL_USERS=5 # nobody delivers to the last one, who looks whether it is served
mail_directory c1
# shellcheck disable=SC2034 # for mail-lib.sh
MAIL_USERS=4
doppeld_up a1 a2 b1 b2
sites_agree
uuid_a=$(on a1 blkid -o value -s UUID /dev/shared)
uuid_b=$(on b1 blkid -o value -s UUID /dev/shared)
site_is a "$LINK_A" b "$uuid_a" | configure a || fail "site a refused its configuration"
site_is b "$LINK_B" a "$uuid_b" | configure b || fail "site b refused its configuration"
wait_until 90 runs a mail-dovecot || fail "the roles start no mail service"
wait_until 60 runs b mail-replica || fail "the roles start no replica"
quietly doppel "$(owner a mail-conn)" connect mail || fail "connect"
wait_until 120 protected || fail "the set is not protected"
wait_until 60 has_rules b1 || fail "site b does not learn the rules"
watch $SERVICE $LINK_A $LINK_B
flow_starts c1 $SERVICE
"$LAB_PROGRAM" exec c1 "$MAILFLOW" watch --host $SERVICE --user user5 --password secret >"$LAB_TMP/serves" </dev/null &
served() { grep "^up " "$LAB_TMP/serves" | awk -v since="$1" '$2 > since { print $2; exit }' | grep .; }
wait_until 30 served 0 >/dev/null || fail "it is not served"
step "mail flows to $(owner a mail-dovecot)"
flow_goes_on "before the failover"

at=$(owner b mail-replica)
refuses "$at" standby
start=$(now_ms)
case $MODE in
graceful)
    doppel "$at" failover mail --wait=90 >"$LAB_TMP/failover" 2>&1 || fail "failover: $(cat "$LAB_TMP/failover")"
    [ "$(role "$(member a)")" != serving ] || fail "site a still serves"
    ;;
power | remote)
    site_power off a || fail "site a keeps its power"
    start=$(now_ms)
    doppel "$at" failover mail --immediate --source-is-down --confirm=mail >"$LAB_TMP/failover" 2>&1 ||
        fail "failover: $(cat "$LAB_TMP/failover")"
    ;;
esac
figure "$MODE: site b serves after $(($(now_ms) - start)) ms"
sed 's/^/   /' "$LAB_TMP/failover"
wait_until 60 served "$start" >/dev/null || fail "it is not served again"
figure "$MODE: a user is logged in by IMAP $(($(served "$start") - start)) ms after the command"
wait_until 60 runs b mail-dovecot || fail "no mail service at site b"
[ "$(role "$at")" = serving ] || fail "site b is $(role "$at")"
never_double
if [ "$MODE" = graceful ]; then
    flow_goes_on "after the failover"
    refuses "$(owner a mail-fs)" 'released|superseded'
    never_failed b
    go_home
    flow_ends
    MAIL_WAIT=200 flow_account
else
    grep -q '^missing: ' "$LAB_TMP/failover" || fail "what is missing is not said"
    flow_goes_on "after the failover"
    flow_ends
    never_failed b
    flow_cut "$start-$(served "$start")"
    [ "$MODE" != remote ] || MAIL_WAIT=200 flow_account
fi
never_double
echo "1 passed, 0 failed, 0 skipped"
