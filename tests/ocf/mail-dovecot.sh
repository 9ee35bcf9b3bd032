#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mail-server with a real Dovecot: its life, logins and deliveries, its faults, and two of them beside each other.
. "${srcdir:-.}/tests/ocf/mail-lib.sh" || exit 1
stage_mail dovecot doveadm
dovecot_conf one 192.0.2.10
dovecot_conf two 192.0.2.11
all="dovecot anvil log config stats auth imap-login imap lmtp doveadm"
as_probe=(probe_user=probe@example.org "probe_passfile=$disk/one/passfile")

dovecot monitor
expect 7
dovecot stop
expect 0
dovecot start
expect 0 "its data came from elsewhere: /usr/bin/doveadm runs beside it"
dovecot start
expect 0
not "its data lies where it was" grep -q elsewhere <<<"$out"
dovecot monitor
expect 0
if command -v strace >/dev/null; then
    wrap="strace -f -o /run/trace -e trace=fork,vfork,clone,clone3,execve" dovecot monitor ASAN_OPTIONS=detect_leaks=0
    expect 0
    ok "a monitor is one process" test "$(grep -c 'clone\|fork\|execve(' /run/trace)" = 1
else
    without strace "that a monitor is one process"
fi
# Login and delivery; what was delivered is removed again.
dovecot monitor OCF_CHECK_LEVEL=10 "${as_probe[@]}"
expect 0
dovecot monitor OCF_CHECK_LEVEL=20 "${as_probe[@]}"
expect 0
ok "it was delivered" grep -q "saved mail to INBOX" $disk/one/dovecot.log
ok "and removed" test -z "$(find $disk/one/home -path '*/new/*' -o -path '*/cur/*')"
dovecot monitor OCF_CHECK_LEVEL=10
expect 190 "OCF_CHECK_LEVEL 10 wants probe_user and probe_passfile"
dovecot monitor OCF_CHECK_LEVEL=10 probe_user=probe@example.org probe_passfile=/nosuch
expect 190 'probe_passfile: cannot open "/nosuch"'
(umask 077; echo wrong >/run/passfile)
for _ in 1 2; do
    dovecot monitor OCF_CHECK_LEVEL=10 probe_user=probe@example.org probe_passfile=/run/passfile
    expect 190 "the login of the probe user is answered by \"NO [AUTHENTICATIONFAILED]"
done
dovecot monitor OCF_CHECK_LEVEL=10 probe_user=probe@example.org probe_passfile=/run/passfile
expect 1 "3 times in a row"
dovecot monitor probe_address=192.0.2.10:144 probe_failures=9
expect 190 "imap at 192.0.2.10:144: cannot connect: Connection refused; 4 of 9 times in a row"
dovecot monitor probe_address=lmtp:$disk/one/run/dovecot-lmtp
expect 0
# The password file of the users is gone: what it depends on is away, and a restart would not help.
mv $disk/one/users /run/users
dovecot monitor OCF_CHECK_LEVEL=10 "${as_probe[@]}"
expect 190 "the login of the probe user is answered by \"NO ["
mv /run/users $disk/one/users

# Configuration: told to read it again when it is right.
dovecot reload
expect 0
wait_until grep -q "SIGHUP received" $disk/one/dovecot.log || bad "it was not told to reload"
echo "no_such = setting" >>$disk/one/dovecot.conf
dovecot reload
expect 2 "Unknown setting: no_such"
dovecot reload-agent kill_after=5s
expect 0 "Unknown setting: no_such"
dovecot stop
expect 0
# shellcheck disable=SC2086
none_of $all
dovecot start
expect 2 "Unknown setting: no_such"
sed -i '$d' $disk/one/dovecot.conf

# The other beside it, and one that would share its base_dir.
agent_of dovecot-two dovecot start config_file=$disk/two/dovecot.conf
expect 0
dovecot start
expect 0
sed "s|^base_dir.*|base_dir = /run/dovecot-one|;s/192.0.2.11/192.0.2.12/" $disk/two/dovecot.conf >$disk/two/same.conf
agent_of dovecot-same dovecot start config_file=$disk/two/same.conf
expect 1 "\"/run/dovecot-one/master.pid\" belongs to process"
agent_of dovecot-same dovecot stop config_file=$disk/two/same.conf
expect 0
agent_of dovecot-two dovecot stop config_file=$disk/two/dovecot.conf
expect 0
dovecot monitor
expect 0
agent_of dovecot-two dovecot monitor config_file=$disk/two/dovecot.conf
expect 7

# Its state is lost, then its configuration and pid file too.
rm -r /run/doppel
dovecot monitor
expect 0
rm -r /run/doppel /run/dovecot-one/master.pid
mv $disk/one/dovecot.conf $disk/one/away
dovecot monitor CRM_meta_interval=0
expect 0
dovecot stop
expect 0
# shellcheck disable=SC2086
none_of $all
mv $disk/one/away $disk/one/dovecot.conf

# Master killed, a child left that hangs.
dovecot start
expect 0
dovecot monitor
expect 0
for child in $(pids lmtp); do
    kill -STOP "$child"
done
master=$(pids dovecot)
kill -9 "$master"
gone "$master"
dovecot monitor
expect 1 "its master is gone, and"
dovecot stop
expect 0
# shellcheck disable=SC2086
none_of $all
# All of it frozen: after three monitors it has failed, and a stop ends it.
dovecot start
expect 0
for name in $all; do
    for pid in $(pids $name); do
        kill -STOP "$pid"
    done
done
dovecot monitor probe_failures=1
expect 1 "is stopped (SIGSTOP); 1 times in a row"
dovecot stop kill_after=2s
expect 0
# shellcheck disable=SC2086
none_of $all
# One that serves is frozen, the master is not: silence of that kind is no overload.
dovecot start
expect 0
for pid in $(pids lmtp); do
    kill -STOP "$pid"
done
dovecot monitor CRM_meta_timeout=8000
expect 190 "processes are stopped (SIGSTOP); 1 of 3 times in a row"
dovecot stop
expect 0
# shellcheck disable=SC2086
none_of $all

# The directory of Postfix for its socket: made where Postfix would make it, else told.
sed -i "s|$disk/one/run/dovecot-lmtp|$disk/spool/private/dovecot-lmtp|" $disk/one/dovecot.conf
dovecot start
expect 2 "\"$disk/spool/private\" for a socket of it is not there: is its disk mounted, or Postfix not started"
mkdir $disk/spool
if getent passwd postfix >/dev/null; then
    dovecot start
    expect 0
    ok "as Postfix makes it" test "$(stat -c %U:%a $disk/spool/private)" = postfix:700
    dovecot stop
    expect 0
fi
sed -i "s|$disk/spool/private/dovecot-lmtp|$disk/one/run/dovecot-lmtp|" $disk/one/dovecot.conf
# A base_dir on the shared disk is warned of.
sed -i "s|^base_dir.*|base_dir = $disk/one/base|" $disk/one/dovecot.conf
dovecot validate-all OCF_CHECK_LEVEL=10
expect 0 "lies not beneath /run"
# So is one whose locks name the node: they hold for two minutes when it dies.
expect 0 "import_environment has no DOVECOT_HOSTNAME=NAME"
# The disk.
sed -i "s|^base_dir.*|base_dir = /run/dovecot-one|" $disk/one/dovecot.conf
dovecot start
expect 0
umount -l $disk
dovecot stop
expect 0
# shellcheck disable=SC2086
none_of $all
dovecot start
expect 2 "is its disk mounted?"
mount_disk
dovecot start
expect 0
dovecot stop
expect 0
unmount_disk
finish
