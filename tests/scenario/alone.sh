#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two mail servers that stand alone, without Pacemaker: doppeld captures the set and runs its address, Postfix and
# Dovecot by their agents. Mail flows in from a third site and is read by IMAP all the time, while doppeld dies,
# while Postfix dies, while the second server takes over and while all goes home: every acknowledged mail is there
# exactly once.
. "$(dirname "$0")/../lab/helpers.sh"
. "$(dirname "$0")/../lab/mail-lib.sh"
. "$(dirname "$0")/../lab/cluster-lib.sh"

SERVICE=10.71.1.100 DIRECTORY=10.71.3.9
# shellcheck disable=SC2034 # for cluster-lib.sh
MAP=(/srv/mail/etc /srv/mail/spool /srv/mail/users /srv/mail/state)

fail() {
    step "FAILED: $*"
    print_logs
    cluster_logs
    on a1 sh -c 'tail -n 8 /var/log/mail-instance.log; tail -n 20 /var/log/dovecot-mail.log' 2>/dev/null
    step "FAILED: $*"
    exit 1
}

# server_up SITE: its disk, which it mounts at each boot, and doppeld with the services of the set.
server_up() {
    local host=${1}1 other=a root
    [ "$1" = b ] || other=b
    {
        printf '[site]\nname=site-%s\n[daemon]\nuser=nobody\nmetrics=off\nlog_target=stderr\n[target]\n' "$1"
        for root in "${MAP[@]}"; do echo "root=$root"; done
        printf '[set mail]\ntarget=site-%s\n' "$other"
        printf '[service mail-ip]\nset=mail\nagent=virtual-ip\nip=%s\n' $SERVICE
        printf '[service mail-postfix]\nset=mail\nagent=mail-server\nservice=postfix\n'
        printf 'config_dir=/srv/mail/etc/postfix\nreplication_set=mail\n'
        printf '[service mail-dovecot]\nset=mail\nagent=mail-server\nservice=dovecot\n'
        printf 'config_file=/srv/mail/etc/dovecot/dovecot.conf\nreplication_set=mail\n'
    } | put "$host" /etc/doppel/doppel.conf
    {
        printf '#!/bin/sh\nmount -o nosuid,nodev /dev/shared /srv/mail || exit\n'
        boot_script | tail -n +2
    } | put "$host" /etc/lab/boot
    on "$host" sh -c 'chmod 755 /etc/lab/boot && mkdir -p /srv/mail && sync -f /etc/lab/boot && /etc/lab/boot' ||
        fail "$host does not boot"
    wait_until 60 ready "$host" || fail "doppeld of $host does not answer"
    on "$host" mkdir -p "${MAP[@]}" || fail "no disk at $host"
}
is() { doppel "$1" set list 2>/dev/null | grep -qE "^mail .* $2( |\$)"; }
protected() { is a1 protected && is b1 protected; }
serve() { [ "$(status "$1" | grep -c '"state": "running"')" = 3 ]; }
pid_of() { on a1 pidof "$1" | tr ' ' '\n' | sort -n | head -n 1; }

mail_needs
[ -n "$LAB_INSTALL" ] || skip "LAB_INSTALL names no installed tree"
lab_up --no-cluster --wan bridged --hosts a1,b1,c1,c9 --host-disk-size 2048
DIRECTORY=$(on c9 ip -4 -o addr show dev eth0 | sed -n 's/.* inet \([0-9.]*\).*/\1/p;q')
mail_directory c9
server_up a
server_up b
for host in a1 b1; do quietly doppel $host site init || fail "site init at $host"; done
quietly doppel b1 site pair site-a --address=10.71.1.1 || :
quietly doppel a1 site pair site-b --address=10.71.2.1 || fail "pairing"
quietly doppel a1 site pair site-b --fingerprint="$(print_of b1)" --address=10.71.2.1 || fail "pairing"
quietly doppel b1 site pair site-a --fingerprint="$(print_of a1)" --address=10.71.1.1 || fail "pairing"
mail_store a1 "$DIRECTORY" $SERVICE
map=()
for root in "${MAP[@]}"; do map+=("--map=$root:$root"); done
quietly doppel b1 set accept mail --from=site-a "${map[@]}" || fail "set accept"
quietly doppel a1 set create mail "${MAP[@]}" || fail "set create"
wait_until 90 serve a1 || fail "the services do not run"
quietly doppel a1 connect mail || fail "connect"
wait_until 90 protected || fail "the set is not protected"
watch $SERVICE
flow_starts c1 $SERVICE
step "mail flows to a1, its replica is at b1"

# doppeld dies: nothing of the service notices.
postfix=$(pid_of master)
on a1 kill -9 "$(pid_of doppeld)"
wait_until 60 serve a1 || fail "the services are not found again"
flow_goes_on "doppeld died"
[ "$(pid_of master)" = "$postfix" ] || fail "Postfix was started again"

# Postfix dies, and is started again.
on a1 kill -9 "$postfix"
another() { local now; now=$(pid_of master); [ -n "$now" ] && [ "$now" != "$postfix" ] && serve a1; }
wait_until 120 another || fail "Postfix is not started again"
flow_goes_on "Postfix died"
wait_until 60 protected || fail "the sites do not come together"
never_double

# The other server takes over, in peace: the address and the services move, and nothing is lost.
doppel b1 failover mail --graceful >"$LAB_TMP/failover" 2>&1 || fail "the failover: $(cat "$LAB_TMP/failover")"
cat "$LAB_TMP/failover"
serve b1 || fail "a failover ended without the services"
grep -q 'both sides are equal at position' "$LAB_TMP/failover" || fail "the failover does not prove that the sides are equal"
grep -q '2 services answer' "$LAB_TMP/failover" || fail "the failover does not ask the services"
flow_goes_on "b1 took over"
never_double
[ -z "$(pid_of master)" ] || fail "Postfix runs at a1 still"

# And home again, while mail flows.
doppel b1 restore mail >"$LAB_TMP/restore" 2>&1 || fail "the restore: $(cat "$LAB_TMP/restore")"
flow_goes_on "a1 is made equal"
doppel b1 failback mail >"$LAB_TMP/failback" 2>&1 || fail "the failback: $(cat "$LAB_TMP/failback")"
cat "$LAB_TMP/restore" "$LAB_TMP/failback"
wait_until 60 serve a1 || fail "a1 does not serve again"
flow_goes_on "a1 serves again"
wait_until 90 protected || fail "the set is not protected again"
never_double

flow_ends
MAIL_WAIT=200 flow_account
echo "1 passed, 0 failed, 0 skipped"
