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
. "$(dirname "$0")/../lab/mail-sites.sh"

MODE=${1:-graceful}
# shellcheck disable=SC2034 # for mail-sites.sh
[ "$MODE" != remote ] || CONNECTION="durability=remote durability_timeout=60s durability_policy=refuse"

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
    [ "$(site_role b)" = standby ] || fail "site b is $(site_role b)"
    flow_goes_on "at home"
    wait_until 120 protected || fail "the set is not protected again"
}

mail_needs
[ -n "$LAB_INSTALL" ] || skip "LAB_INSTALL names no installed tree"
lab_up --token 500 --wan bridged --hosts a1,a2,b1,b2,c1 --host-disk-size 2048
twins_up
watch $SERVICE $LINK_A $LINK_B
flow_starts c1 $SERVICE
flow_watches c1 $SERVICE
step "mail flows to $(owner a mail-dovecot)"
flow_goes_on "before the failover"

at=$(owner b mail-replica)
refuses "$at" standby
start=$(now_ms)
case $MODE in
graceful)
    doppel "$at" failover mail --wait=90 >"$LAB_TMP/failover" 2>&1 || fail "failover: $(cat "$LAB_TMP/failover")"
    [ "$(site_role a)" != serving ] || fail "site a still serves"
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
wait_until 60 flow_served "$start" >/dev/null || fail "it is not served again"
figure "$MODE: a user is logged in by IMAP $(($(flow_served "$start") - start)) ms after the command"
wait_until 60 runs b mail-dovecot || fail "no mail service at site b"
[ "$(site_role b)" = serving ] || fail "site b is $(site_role b)"
never_double
if [ "$MODE" = graceful ]; then
    flow_goes_on "after the failover"
    refuses "$(owner a mail-fs)" 'released|superseded'
    never_failed b
    go_home
    flow_ends
    MAIL_WAIT=200 flow_account
else
    grep -q 'does not answer in time), and its heartbeats are missed' "$LAB_TMP/failover" ||
        fail "a site without power is asked until something else gives up"
    grep -q '^missing: ' "$LAB_TMP/failover" || fail "what is missing is not said"
    flow_goes_on "after the failover"
    flow_ends
    never_failed b
    flow_cut "$start-$(flow_served "$start")"
    [ "$MODE" != remote ] || MAIL_WAIT=200 flow_account
fi
never_double
echo "1 passed, 0 failed, 0 skipped"
