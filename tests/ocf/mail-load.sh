#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mail-server and services that live and do not serve us: overload is degraded, not failed. And services that do
# not end: a stop kills them.
. "${srcdir:-.}/tests/ocf/mail-lib.sh" || exit 1
stage_mail postfix dovecot
postfix_conf one 192.0.2.10
dovecot_conf one 192.0.2.11

# Connections that say nothing; they are closed with their descriptors.
clients=()
connect() {
    local fd
    exec {fd}<>"/dev/tcp/$1/$2" || bad "no connection to $1:$2"
    clients+=("$fd")
}
hang_up() {
    local fd
    for fd in "${clients[@]}"; do
        exec {fd}>&-
    done
    clients=()
}
short="CRM_meta_timeout=8000 probe_failures=1"

# "421 too many connections".
cat >>$disk/one/etc/main.cf <<END
smtpd_client_event_limit_exceptions =
smtpd_client_connection_count_limit = 1
END
postfix start
expect 0
connect 192.0.2.10 25
read -r _ <&"${clients[0]}"
postfix monitor probe_failures=1
expect 190 'it greets by "421 '
hang_up
wait_until grep -q "disconnect from" $disk/one/log
postfix stop
expect 0
# A storm: one process, which somebody holds, and others who wait.
sed -i '/^smtpd_client_/d' $disk/one/etc/main.cf
sed -i 's/^smtp .*/smtp inet n - n - 1 smtpd/' $disk/one/etc/master.cf
postfix start
expect 0
connect 192.0.2.10 25
read -r _ <&"${clients[0]}"
connect 192.0.2.10 25
connect 192.0.2.10 25
# shellcheck disable=SC2086
postfix monitor $short
expect 190 "overloaded: smtp at 192.0.2.10:25: no answer in time, and 3 connections wait"
hang_up
postfix stop
expect 0
# postscreen: a greeting that comes in two parts, and one that does not come for a while.
sed -i 's/^smtp .*/smtp inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd/' $disk/one/etc/master.cf
cat >>$disk/one/etc/master.cf <<END
dnsblog   unix  - - n - 0 dnsblog
tlsproxy  unix  - - n - 0 tlsproxy
END
cat >>$disk/one/etc/main.cf <<END
postscreen_access_list =
postscreen_greet_action = enforce
postscreen_greet_wait = 50s
postscreen_cache_map =
END
postfix start
expect 0
postfix monitor
expect 0
# A deeper probe must wait for the second part.
# shellcheck disable=SC2086
postfix monitor $short OCF_CHECK_LEVEL=20 probe_user=probe@example.org
expect 190 "postscreen lets us wait"
screen=$(pids postscreen)
kill -STOP "$screen"
# shellcheck disable=SC2086
postfix monitor $short
expect 1 "processes are stopped (SIGSTOP)"
kill -CONT "$screen"
postfix stop
expect 0
none_of master postscreen qmgr

# Who logs in to Dovecot just when it ends makes processes that wait five seconds for another of it, and its master
# waits for them; a stop ends them. The file of its master is gone with it: its number may be somebody else's.
logs_in() {
    while read -r -t 0.01 _ <> <(:) || :; do
        (exec 5<>/dev/tcp/192.0.2.11/143 && printf 'a LOGIN probe@example.org "se\\"c\\\\ret"\r\nb LOGOUT\r\n' >&5 && cat <&5) >/dev/null 2>&1
    done
}
users=()
for _ in 1 2 3 4; do
    logs_in &
    users+=($!)
done
for _ in 1 2 3; do
    dovecot start
    expect 0
    wait_until grep -q "Login: user=<probe" $disk/one/dovecot.log || bad "nobody logs in"
    dovecot stop
    expect 0
    none_of dovecot log imap imap-login
    not "a file names a master that is gone" test -e /run/dovecot-one/master.pid
    not "one of its processes waited for another" grep "Timeout waiting for handshake" $disk/one/dovecot.log
    : >$disk/one/dovecot.log
done
kill "${users[@]}"
wait "${users[@]}" 2>/dev/null
# A login process that is full.
cat >>$disk/one/dovecot.conf <<END
service imap-login {
  process_limit = 1
  client_limit = 1
  service_count = 1
}
END
dovecot start
expect 0
connect 192.0.2.11 143
read -r _ <&"${clients[0]}"
connect 192.0.2.11 143
connect 192.0.2.11 143
# It drops old clients or lets new ones wait, as it likes: no single monitor fails for that.
dovecot monitor CRM_meta_timeout=8000
case $rc in
0 | 190) ;;
*) bad "a full Dovecot: $rc: $out" ;;
esac
hang_up
dovecot stop
expect 0

# Programs that stand for services: what they say is not what a mail server says.
# fake "SCRIPT": a service that takes connections on port 2525 and runs SCRIPT for each
fake() {
    printf '%s\n' "$1" >/run/fake-script
    cat >/run/fake.py <<'END'
import socket, subprocess, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 2525)); s.listen()
print("up", flush=True)
while True:
    c, _ = s.accept()
    subprocess.run(["bash", "/run/fake-script"], stdin=c, stdout=c)
    c.close()
END
    exec {fake_fd}< <(exec python3 /run/fake.py)
    fake_pid=$!
    read -r _ <&"$fake_fd"
}
end_fake() {
    kill $fake_pid
    exec {fake_fd}<&-
    gone $fake_pid
}
# answer "SCRIPT" SERVICE CODE "TEXT"
answer() {
    fake "$1"
    "$2" monitor $short probe_address=127.0.0.1:2525
    expect "$3" "$4"
    end_fake
}
if command -v python3 >/dev/null; then
    sed -i '/^postscreen_/d' $disk/one/etc/main.cf
    postfix start probe_address=connect:192.0.2.10:25
    expect 0
    answer 'echo "554 5.7.1 no"' postfix 190 'it greets by "554 5.7.1 no"'
    answer 'echo hello' postfix 1 'this is no answer of a mail server: "hello"'
    answer 'printf "220 \001\n"; read -r _; echo "250 ok"; cat >/dev/null' postfix 0
    answer 'echo "220 x"; read -r _; echo "451 4.3.0 later"' postfix 190 'EHLO is answered by "451 4.3.0 later"'
    answer 'echo "220 x"; read -r _; echo "500 what"' postfix 1 'EHLO is answered by "500 what"'
    answer 'echo "220 x"; read -r _; while echo 250-more; do :; done' postfix 1 "its answer has no end"
    answer 'exit' postfix 1 "it closed the connection"
    answer 'head -c 3000000 /dev/zero | tr "\0" 2' postfix 1 "it sends a line without an end"
    answer 'cat' postfix 1 "no answer in time"
    postfix stop
    expect 0
else
    without python3 "what strangers answer"
fi

# A stop of what does not end. A shell stands for the service; its script is the configuration.
cp "$(readlink -f /bin/bash)" /run/hangs
# Deaf to SIGTERM, with a child in a session of its own that is deaf too.
cat >$disk/deaf <<'END'
trap '' TERM INT HUP
setsid bash -c 'trap "" TERM; echo $$ >/run/child; while :; do read -r _ <> <(:); done' &
echo up
while :; do read -r _ <> <(:); done
END
hanging() {
    local action=$1
    shift
    agent_of hanging opendkim "$action" binary=/run/hangs config_file=$disk/deaf "$@"
}
for lost in no yes; do
    rm -f /run/child
    hanging start
    expect 0
    wait_until test -s /run/child || bad "the child does not come"
    hanging monitor
    expect 0
    child=$(cat /run/child)
    main=$(pids hangs | head -1)
    [ $lost = no ] || rm -r /run/doppel
    begin=$SECONDS
    hanging stop kill_after=1s
    expect 0 "did not end and were killed"
    ok "not later than its time" test $((SECONDS - begin)) -lt 40
    not "the child is gone" runs "$child"
    not "the service is gone" runs "$main"
done
# By the operation's timeout, when nothing else is said.
hanging start
expect 0
hanging stop CRM_meta_timeout=10000
expect 0 "were killed"
none_of hangs
# One that ends at once says why.
echo 'echo "fatal: no such thing" >&2; exit 3' >$disk/deaf
hanging start
expect 1 "fatal: no such thing"
hanging stop
expect 0
finish
