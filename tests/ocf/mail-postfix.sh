#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mail-server with a real Postfix: its life, its faults, and two of them beside each other.
. "${srcdir:-.}/tests/ocf/mail-lib.sh" || exit 1
stage_mail postfix
postfix_conf one 192.0.2.10
postfix_conf two 192.0.2.11
all="master qmgr pickup smtpd postlogd"

# Nothing runs.
postfix monitor
expect 7
postfix monitor CRM_meta_interval=0
reasons_wanted=0 expect 7
postfix stop
expect 0
postfix reload
expect 7
postfix reload-agent
expect 7

# Its life. Start is the same twice; the monitor runs no program.
postfix start
expect 0
not "no warning of what is right" grep -q WARNING <<<"$out"
postfix start
expect 0
postfix monitor
expect 0
if command -v strace >/dev/null; then
    wrap="strace -f -o /run/trace -e trace=fork,vfork,clone,clone3,execve" postfix monitor ASAN_OPTIONS=detect_leaks=0
    expect 0
    ok "a monitor is one process" test "$(grep -c 'clone\|fork\|execve(' /run/trace)" = 1
else
    without strace "that a monitor is one process"
fi
postfix monitor CRM_meta_interval=0
expect 0
postfix monitor OCF_CHECK_LEVEL=10
expect 190 "OCF_CHECK_LEVEL 10 wants probe_user and probe_passfile"
postfix reload
expect 0
wait_until grep -q "reload -- version" $disk/one/log || bad "it was not told to reload"
echo "this is no setting" >>$disk/one/etc/main.cf
postfix reload
expect 2 "is wrong: postconf: "
sed -i '$d' $disk/one/etc/main.cf
postfix monitor
expect 0
postfix reload-agent probe_failures=5
expect 0

# The first start makes its directories, by the distribution's scripts. On what is whole its master is started at
# once; what they would warn of is said nevertheless, and what they would make or refuse is made and refused.
by_scripts() { grep -c "starting the Postfix mail system" $disk/one/log; }
ok "the first start was that of the distribution" test "$(by_scripts)" = 1
postfix stop
expect 0
chmod o+w $disk/one/etc/master.cf
postfix start
expect 0
ok "the second was not" test "$(by_scripts)" = 1
wait_until grep -q "group or other writable: .*master.cf" $disk/one/log || bad "nobody warns: $(cat $disk/one/log)"
chmod o-w $disk/one/etc/master.cf
postfix stop
expect 0
rm -r $disk/one/spool/hold
postfix start
expect 0
ok "a missing directory is made" test "$(stat -c %U $disk/one/spool/hold)" = postfix
ok "by the distribution" test "$(by_scripts)" = 2
postfix stop
expect 0
sed -i '/^postlog/d' $disk/one/etc/master.cf
postfix start
expect 1 "missing 'postlog' service"
printf 'postlog unix-dgram n - n - 1 postlogd\nmany unix - - n - many smtp\n' >>$disk/one/etc/master.cf
postfix start
expect 2 "invalid process_limit field"
sed -i '$d' $disk/one/etc/master.cf
# Postfix waits for a configuration that has just been written; what we write for postsuper is not such a one.
mkdir /run/bin
ln -s /usr/sbin/postfix /usr/sbin/postconf /run/bin/
cat >/run/bin/postsuper <<'END'
#!/bin/sh
stat -c %Y "$2/main.cf" >/run/written
exec /usr/sbin/postsuper "$@"
END
chmod 755 /run/bin/postsuper
postfix start binary=/run/bin/postfix
expect 0
ok "postsuper is not made to wait" test "$(cat /run/written)" -lt $(($(date +%s) - 60))

# The other beside it; each has its own.
agent_of postfix-two postfix start config_dir=$disk/two/etc
expect 0
postfix stop
expect 0
agent_of postfix-two postfix monitor config_dir=$disk/two/etc
expect 0
postfix monitor
expect 7
postfix start
expect 0
agent_of postfix-two postfix stop config_dir=$disk/two/etc
expect 0
postfix monitor
expect 0

# Its state is lost: it is found again, by monitor, probe and stop.
rm -r /run/doppel
postfix monitor CRM_meta_interval=0
expect 0
postfix monitor
expect 0
rm -r /run/doppel
rm -r $disk/one/etc $disk/one/spool/pid
postfix monitor CRM_meta_interval=0
expect 0
postfix stop
expect 0
# shellcheck disable=SC2086
none_of $all
postfix_conf one 192.0.2.10

# Master killed: children may be left, and are ended. A probe never says that nothing runs then.
postfix start
expect 0
for child in $(pids qmgr) $(pids pickup); do
    kill -STOP "$child"
done
master=$(pids master)
kill -9 "$master"
gone "$master"
postfix monitor
expect 1 "its master is gone, and 2 processes of it are left"
postfix monitor CRM_meta_interval=0
expect 1
postfix stop
expect 0
# shellcheck disable=SC2086
none_of $all
# The same, and started without a stop between.
postfix start
expect 0
for child in $(pids qmgr) $(pids pickup); do
    kill -STOP "$child"
done
kill -9 "$(pids master)"
wait_until test -z "$(pids master)"
postfix start
expect 0 "processes without a master were ended first"
ok "one qmgr" test "$(pids qmgr | wc -l)" = 1
# By hand: another master, which is ours.
command postfix -c $disk/one/etc stop
command postfix -c $disk/one/etc start
postfix monitor
expect 0
postfix stop
expect 0
# shellcheck disable=SC2086
none_of $all

# Frozen: silent, so it fails after three in a row, and not before.
postfix start
expect 0
kill -STOP "$(pids master)"
for n in 1 2; do
    postfix monitor
    expect 190 "is stopped (SIGSTOP); $n of 3 times in a row"
done
postfix monitor
expect 1 "is stopped (SIGSTOP); 3 times in a row"
kill -CONT "$(pids master)"
postfix monitor
expect 0
kill -STOP "$(pids master)"
postfix monitor
expect 190 "1 of 3 times in a row"
postfix monitor probe_failures=2
expect 1 "2 times in a row"
# It cannot end by itself before it is told to go on: stop does so.
postfix stop
expect 0
# shellcheck disable=SC2086
none_of $all

# The disk: without it nothing starts; a stop needs neither disk nor configuration, and leaves it free.
postfix start
expect 0
postfix stop
expect 0
unmount_disk
postfix start
expect 2 "is its disk mounted?"
postfix monitor
expect 7
postfix stop
expect 0
mount_disk
postfix start
expect 0
rm -r $disk/one/etc
umount -l $disk
postfix stop
expect 0
# shellcheck disable=SC2086
none_of $all
mount_disk
postfix_conf one 192.0.2.10

# Data from elsewhere: queue files are named anew after their inodes, once.
postfix start
expect 0
sender() {
    printf 'Subject: %s\n\nx\n' "$1" | command sendmail -C $disk/one/etc -f a@example.org probe@example.org
}
sender one
wait_until grep -q "status=deferred" $disk/one/log || bad "the message is not deferred: $(cat $disk/one/log)"
postfix stop
expect 0
ok "the queue knows where it is" grep -q "^site site-a$" $disk/one/spool/.doppel-origin
ids() {
    find $disk/one/spool/deferred -type f -printf '%f\n'
}
before=$(ids)
cp -a $disk/one/spool /srv/copy
rm -r $disk/one/spool
cp -a /srv/copy $disk/one/spool
ok "the name is that of the other inode" test "$(ids)" = "$before"
postfix start
expect 0
postfix stop
expect 0
ok "it has another name now" test -n "$(ids)" -a "$(ids)" != "$before"
before=$(ids)
postfix start
expect 0
postfix stop
expect 0
ok "and keeps it" test "$(ids)" = "$before"
# A crash leaves files as misnamed; what mends them, with rights of postfix, cannot write a log of root's.
file=$(find $disk/one/spool/deferred -type f)
cp -a "$file" "$file.copy" && mv "$file.copy" "$file"
before=$(ids)
rm -f $disk/one/log
chmod 755 $disk/one
chown root $disk/one
postfix start
expect 0
postfix stop
expect 0
ok "it has its own name again" test -n "$(ids)" -a "$(ids)" != "$before"
# The other site's name says the same.
sed -i 's/site-a/site-b/' $disk/one/spool/.doppel-origin
postfix start
expect 0
ok "stamped again" grep -q "^site site-a$" $disk/one/spool/.doppel-origin
postfix stop
expect 0

# A delivery that was answered is noted in the queue before it ends: else the message would come twice. Also where much
# is logged meanwhile: an agent logs before it notes, and who writes the log tells each line to the master.
cat >/run/lmtp.py <<'END'
import os, socket, subprocess, sys, time
path, chatty, master = sys.argv[1], sys.argv[2] == "chatty", sys.argv[3]
def is_stopped():
    return open("/proc/" + master + "/stat").read().rsplit(")", 1)[1].split()[0] == "T"
if os.path.exists(path): os.unlink(path)
s = socket.socket(socket.AF_UNIX); s.bind(path); os.chmod(path, 0o777); s.listen(); open("/run/lmtp-up", "w").close()
c, _ = s.accept(); f = c.makefile("rw", newline="\r\n"); f.write("220 x LMTP\n"); f.flush()
for line in f:
    word = line.split()[0].upper()
    if word == "DATA":
        f.write("354 go\n"); f.flush()
        for body in f:
            if body.strip() == ".": break
        open("/run/taken", "w").close()
        end = time.monotonic() + (0.6 if chatty else 1)
        while time.monotonic() < end and not (chatty and is_stopped()): time.sleep(0.01)
        if chatty:
            p = subprocess.Popen(["postlog", "-c", "/srv/mail/one/etc", "-t", "chatty"], stdin=subprocess.PIPE)
            p.stdin.write(b"so\n" * 600); p.stdin.close()
            try: p.wait(0.5)
            except subprocess.TimeoutExpired: pass
        f.write("250 2.0.0 saved\n")
    else: f.write("250 ok\n")
    f.flush()
END
for mood in calm chatty; do
    postfix start
    expect 0
    rm -f /run/taken /run/lmtp-up
    python3 /run/lmtp.py $disk/one/spool/private/dovecot-lmtp $mood "$(pids master)" &
    lmtp=$!
    wait_until test -e /run/lmtp-up
    python3 -c '
import smtplib
smtplib.SMTP("192.0.2.10").sendmail("a@example.org", ["b@example.org"], "Subject: once\n\nonce\n")'
    wait_until test -e /run/taken || bad "$mood: it is not being delivered"
    postfix stop
    expect 0
    once=$(sed -n 's/.*: \([0-9A-F]*\): client=.*/\1/p' $disk/one/log | tail -n 1)
    ok "$mood: it is not delivered again" test -n "$once" -a -z "$(find $disk/one/spool/{incoming,active,deferred} -type f -name "$once")"
    kill $lmtp 2>/dev/null
    wait $lmtp 2>/dev/null
    rm -f $disk/one/spool/private/dovecot-lmtp
done

# A port that is taken, an address that is not here, an instance of the distribution.
exec {taker}< <(exec python3 -c '
import socket, sys, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("0.0.0.0", 25)); s.listen(); print("up", flush=True); sys.stdin.read()' <> <(:))
taker_pid=$!
read -r _ <&"$taker"
postfix start
expect 1 "port 25 of 192.0.2.10 is taken by process $taker_pid (python3)"
kill $taker_pid
exec {taker}<&-
gone $taker_pid
ip addr del 192.0.2.10/32 dev lo
postfix start
expect 1 "it shall listen on 192.0.2.10, which is no address of this node: is its virtual-ip started"
ip addr add 192.0.2.10/32 dev lo
mkdir -p /run/etc
cp -a /etc/postfix/. /run/etc/
cp $disk/two/etc/m*.cf /run/etc/
mount --bind /run/etc /etc/postfix
sed -i 's/^inet_interfaces.*/inet_interfaces = all/' /etc/postfix/main.cf
command postfix start
postfix start
expect 1 "the distribution's Postfix: systemctl disable --now postfix"
none=$(pids master)
postfix stop
expect 0
ok "the stranger lives" test "$(pids master)" = "$none"
# Two that share a queue.
command postfix stop
sed -i "s|/two/spool|/one/spool|;s/= all/= 192.0.2.11/" /etc/postfix/main.cf
command postfix start
postfix start
expect 1 "another instance: each needs directories of its own"
command postfix stop
postfix start
expect 0
postfix stop
expect 0
# shellcheck disable=SC2086
none_of $all
unmount_disk
finish
