#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# doppeld with stand-ins for its children (tests/crash/fake-engine.c): two sites on this host, in a
# network of their own, through commands, connections, deaths of every process, and restarts.
set -u
[ "$(id -u)" = 0 ] || { echo "SKIP: needs root"; exit 77; }
if [ -z "${PARENT_INSIDE:-}" ]; then
    PARENT_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc \
        --propagation private "$0" "$@"
fi
build=$(pwd)
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
ip link set lo up || { echo "SKIP: no network namespace"; exit 77; }
mount -t tmpfs none /dev/shm
mkdir "$work/libexec" "$work/src" "$work/dst"
for name in link replica door; do
    ln -s "$build/tests/crash/fake-engine" "$work/libexec/doppel-$name"
done
export DOPPEL_LIBEXEC_DIR=$work/libexec DOPPEL_FAKE_DIR=$work/told
mkdir "$DOPPEL_FAKE_DIR" "$work/told/a" "$work/told/b"

cat >"$work/alert" <<END
#!/bin/sh
echo "\$CRM_alert_kind \$CRM_alert_attribute_name \$CRM_alert_attribute_value \$CRM_alert_recipient" >>"$work/alerts"
END
chmod +x "$work/alert"
config() {
    cat <<END
[site]
name=site-$1
[daemon]
listen=127.0.0.1
port=$2
metrics=127.0.0.1:$3
run_dir=$work/$1/run
state_dir=$work/$1/state
log_level=debug
END
}
{ config a 16650 19650; printf '[set mail]\ntarget=site-b\nroute=127.0.0.1:26650\ncapture=no\n'
  printf 'bandwidth=3M\nschedule=Mon 08:00-18:00=2M\n'
  printf '[alerts]\nprogram=%s\nrecipient=root\n' "$work/alert"; } >"$work/a.conf"
{ config b 26650 29650; printf '[target]\nroot=%s/dst\n' "$work"; } >"$work/b.conf"

failed=0
pass=0
complain() { echo "FAIL: $*"; failed=$((failed + 1)); }
# expect STATUS PATTERN COMMAND...: its exit status, and an extended expression in its output
expect() {
    local status=$1 pattern=$2 out rc
    shift 2
    out=$("$@" 2>&1); rc=$?
    if [ $rc = "$status" ] && grep -qE -- "$pattern" <<<"$out"; then
        pass=$((pass + 1))
    else
        complain "$*: exit $rc (want $status), want /$pattern/ in:"; sed 's/^/    /' <<<"$out"
    fi
}
# eventually COMMAND...: within two minutes
eventually() {
    local end=$((SECONDS + 120))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { complain "never: $*"; return 1; }
        read -r -t 0.05 <>"$work/never"
    done
    pass=$((pass + 1))
}
mkfifo "$work/never"
a() { "$build/doppel" --instance=parent-a "$@"; }
b() { "$build/doppel" --instance=parent-b "$@"; }
start() {
    DOPPEL_FAKE_DIR=$work/told/$1 "$build/doppeld" --config "$work/$1.conf" --instance "parent-$1" \
        --foreground 2>>"$work/$1.log" &
    eval "pid_$1=$!"
    eventually "$1" status
}
stop() { local pid; eval "pid=\$pid_$1"; kill -TERM "$pid"; wait "$pid"; }
is() { "$1" set list | grep -qE "^mail .* $2\$"; }
pid_of() { "$1" --output-as=json status mail | sed -n '/"engine"/,/}/s/.*"pid": \([0-9]*\).*/\1/p'; }
door_of() { eval "pgrep -P \$pid_$1 -f doppel-door"; }
connected() { is a protected && is b protected; }
changed() { [ "$("${@:2}")" != "$1" ] && [ "$("${@:2}")" != 0 ]; }
received() { [ "$(wc -l <"$work/told/$1/mail.data" 2>/dev/null || echo 0)" -ge "$2" ]; }

metrics() { exec 5<>"/dev/tcp/127.0.0.1/$1"; printf '%s\r\n\r\n' "$2" >&5; cat <&5; exec 5>&-; }
start a
start b

# One daemon for a directory.
expect 1 'another doppeld runs \(process [0-9]+' "$build/doppeld" --config "$work/a.conf" \
    --instance parent-a --foreground
expect 2 'site.*name is missing' "$build/doppeld" --config /dev/null --test

# Sets.
expect 0 'has no sets' a status
expect 3 'UNKNOWN' a status --check
expect 0 '' a set create mail "$work/src"
expect 1 'only in case' a set create Mail "$work/src"
expect 1 'exists already' a set create mail "$work/src"
expect 4 '.*' a set create other "$work/src"
expect 1 'mount point' a set create other /dev/shm
expect 4 'which is needed' a set create other "$work"
expect 2 'PATH is needed' a set create other
expect 2 'no name for a set' a set create 'a b' "$work/src"
expect 4 'beneath no \[target\] root' b set accept mail --from=site-a --map="$work/src:/etc"
expect 2 'two absolute paths' b set accept mail --from=site-a --map=x
expect 2 'is this site' b set accept mail --from=site-b
expect 0 '' b set accept mail --from=site-a --map="$work/src:$work/dst"
expect 0 "include recursive $work/src" a set show mail
expect 0 'from: site-a' b set show mail

# The store.
expect 0 '^state: ready' a store show
expect 0 '^doppel store 1' a store export
a store export >"$work/export"
expect 0 'documents: 0' a store import "$work/export"
expect 2 'no export of a store' a store import "$work/a.conf"
mkdir "$work/exported"
expect 0 '' a set create exported "$work/exported"
a store export >"$work/export"
expect 0 '' a set delete exported
expect 0 'documents: 1' a store import "$work/export"
expect 0 'held: yes' a set show exported
expect 0 '' a site confirm exported
expect 0 'generation: 3' a set show exported
expect 4 'serves here already' a site confirm exported
expect 4 'and another one' a store import "$work/export"
expect 0 '' a set delete exported
expect 4 'is that of its cluster' a store join
expect 1 'nobody waits for a node "x"' a store confirm-down x

# They find each other, and data goes both ways.
eventually connected
eventually received a 1
eventually received b 1
expect 0 '^serves: +site site-a serves' a status
expect 0 'consistent, and 0.005 s old' b status mail
expect 0 'DOPPEL OK - mail is protected' a status --check
expect 0 '"target": ' grep '"target": "site-b"' "$work/told/a/mail.start"
expect 0 '' grep "\"source\": \"$work/src\"" "$work/told/b/mail.start"
eventually grep -q '^attribute doppel-mail.state protected root$' "$work/alerts"

# Commands of the engine.
expect 0 '' a wait mail --idle --timeout=120s
expect 0 '' a wait mail --consistent --timeout=120s
expect 2 '--timeout' a wait mail --timeout=soon
expect 0 'did: pause' b pause mail
expect 3 'in time' b wait mail --queue-empty --timeout=100ms
expect 3 'in time' b wait mail --timeout=100ms
"$build/doppel" --instance=parent-b wait mail --timeout=1h &
waiter=$!
eventually grep -q '^SigCgt:.*[2367abef]$' "/proc/$waiter/status" # it takes SIGINT
kill -INT $waiter
wait $waiter
[ $? = 130 ] || complain "an interrupted wait does not end with 130"
(expect 0 '' b wait mail --queue-empty --timeout=120s; echo "$failed" >"$work/waited") &
waiter=$!
expect 0 'did: resume' b resume mail
wait $waiter
[ "$(cat "$work/waited")" = 0 ] || complain "wait did not end when the queue was empty"
expect 2 'is none of full, difference, checksum' a mirror start mail --kind=quick
expect 4 'type this at site site-b' a orphans mail list
expect 4 'out of place' a set delete mail
expect 4 'type this at site site-a' b mirror start mail
expect 0 'doppel site init' a site list
expect 2 'not the name of another site' a site pair site-a --address=127.0.0.1
expect 2 'address=HOST is needed' a site pair site-c
expect 1 'has not offered itself' a site pair site-c --fingerprint=x
expect 1 'not known' a site revoke site-c
expect 1 'not known' a site address site-c 127.0.0.1

# A replica that is too old is told once, and that it is not any more.
expect 0 'did: pause' a pause mail
eventually grep -q '^attribute doppel-mail.lag 120 root$' "$work/alerts"
expect 0 'older than lag_warn' a status mail
expect 0 'did: resume' a resume mail
eventually grep -q '^attribute doppel-mail.lag 0 root$' "$work/alerts"

# Limits by hand are marked, outlive the engine, and can be taken back.
expect 2 '--none alone is needed' a limit mail
expect 2 '--none alone is needed' a limit mail --none --bandwidth=1M
expect 2 '--bandwidth: "fast" is not a size' a limit mail --bandwidth=fast
expect 2 '--schedule: ' a limit mail --schedule=sometimes
expect 4 'type this at site site-a' b limit mail --bandwidth=1M
told() { grep -q "\"$2\": $3" "$work/told/$1/mail.start"; }
expect 0 '' told a schedule '"Mon 08:00-18:00=2M"'
expect 0 '' told a bandwidth_bytes 3145728
expect 0 '' a limit mail --bandwidth=1M
eventually told a bandwidth_bytes 1048576
expect 0 '' told a schedule '""'
expect 0 'limited_by_hand' a stats mail
expect 0 '^set: .*, limited by hand\)$' a status mail
expect 0 '' a limit mail --schedule='Sun 10:00-11:00=1M'
eventually told a schedule '"Sun 10:00-11:00=1M"'
expect 0 '' told a bandwidth_bytes 3145728
kill -9 "$(pid_of a)"
eventually connected
expect 0 '' told a schedule '"Sun 10:00-11:00=1M"'
expect 0 '' a limit mail --none
eventually told a schedule '"Mon 08:00-18:00=2M"'
a stats mail | grep -q limited_by_hand && complain "a limit that was taken back is marked"

# Engines and doors die, and all goes on.
for who in a b; do
    old=$(pid_of $who)
    kill -9 "$old"
    eventually changed "$old" pid_of $who
    eventually connected
    old=$(door_of $who)
    kill -9 "$old"
    eventually changed "$old" door_of $who
    eventually connected
done
# An engine that dies in a command: the command says so.
expect 1 'its engine ended' a resume mail
eventually connected

# Switched off, also over a restart.
expect 0 '' a disconnect mail
eventually is a disconnected
eventually is b disconnected
expect 2 'disconnected by hand' a status --check
expect 0 'next: +doppel connect mail' a status mail
stop a
start a
expect 0 'disconnected by hand' a status mail
expect 0 '' a connect mail
eventually connected

# The target refuses what it did not permit, and a set that is switched off there.
expect 0 '' b disconnect mail
eventually is a disconnected
expect 0 '' b connect mail
eventually connected

# The configuration is read again, whole or not at all.
hangup() { local pid; eval "pid=\$pid_$1"; kill -HUP "$pid"; }
said() { [ "$(grep -c -- "$2" "$work/$1.log")" -ge "$3" ]; }
engine=$(pid_of a)
cp "$work/a.conf" "$work/a.first"
sed -i 's/^bandwidth=.*/bandwidth=5M/; s/^schedule=.*/schedule=never/' "$work/a.conf"
hangup a
eventually said a 'stays as it was: .*a.conf:[0-9]*: \[set mail\] schedule: ' 1
expect 2 'schedule' "$build/doppeld" --config "$work/a.conf" --test
sed -i '/^schedule=/d; s/^port=.*/port=29650/' "$work/a.conf"
hangup a # site b's figures are there
eventually said a 'stays as it was: listen on 127.0.0.1 port 29650' 1
expect 0 '' told a bandwidth_bytes 3145728
sed -i "s/^port=.*/port=16650/; s,^state_dir=.*,state_dir=$work/a/other," "$work/a.conf"
hangup a
eventually said a 'a.conf:[0-9]*: \[daemon\] state_dir cannot become' 1
sed -i "s,^state_dir=.*,state_dir=$work/a/state,; s/^metrics=.*/metrics=127.0.0.1:19651/" "$work/a.conf"
hangup a
eventually said a 'configuration was read again' 1
eventually told a bandwidth_bytes 5242880
expect 0 '' told a schedule '""'
[ "$(pid_of a)" = "$engine" ] || complain "a reload ended the engine"
expect 0 '' connected
expect 0 'doppel_connected' metrics 19651 'GET / HTTP/1.1'
expect 1 '' bash -c ': 2>/dev/null <>/dev/tcp/127.0.0.1/19650'
# A target that goes away and comes back; a replica's options.
sed -i '/^target=/d' "$work/a.conf"
hangup a
eventually is a unprotected
sed -i 's/^route=/target=site-b\nroute=/' "$work/a.conf"
hangup a
eventually connected
engine=$(pid_of b)
printf '[set mail]\ndevice=0123-4567\nallow_setid=yes\n' >>"$work/b.conf"
sed -i 's/^root=/queue_min_free=1M\nroot=/' "$work/b.conf"
hangup b
eventually changed "$engine" pid_of b
eventually connected
for pair in fs_uuid:'"0123-4567"' allow_setid:true allow_devices:false min_free_bytes:1048576; do
    expect 0 '' told b "${pair%%:*}" "${pair#*:}"
done
cp "$work/a.first" "$work/a.conf"

# The daemons die; what they were told is there again.
for who in a b; do
    eval "kill -9 \$pid_$who; wait \$pid_$who" 2>/dev/null
    start $who
    eventually connected
done
expect 0 "include recursive $work/src" a set show mail

# Figures, also for nonsense; a client that says nothing holds nobody up.
exec 6<>/dev/tcp/127.0.0.1/19650
expect 0 'doppel_state\{set="mail",state="protected"\} 1' metrics 19650 'GET /metrics HTTP/1.1'
expect 0 'doppel_engine_received_bytes\{set="mail"\} [0-9]' metrics 29650 'nonsense'
exec 6>&-

# A certificate that ends soon, and that nobody renews.
mkdir -m 700 "$work/keys"
printf '[tls]\nkey=%s/keys/node.key\ncert=%s/keys/node.crt\n' "$work" "$work" >>"$work/a.conf"
"$build/tests/crash/old-keys" "$work/keys/node.key" "$work/keys/node.crt" site-a "$(uname -n)" 20 ||
    complain "no keys were made"
stop a || complain "a ended with $?"
start a
eventually grep -qE '^attribute doppel-site-a.certificate (19|20) root$' "$work/alerts"
expect 0 'doppel_certificate_days_left (19|20)$' metrics 19650 'GET /metrics HTTP/1.1'
eventually connected

# Strangers.
if id nobody >/dev/null 2>&1; then
    expect 1 'refuses this user' setpriv --reuid=65534 --regid=65534 --clear-groups \
        "$build/doppel" --instance=parent-a status
fi

# Rules, deleting, and an end in order: no child is left.
mkdir "$work/more"
expect 0 '' a set add mail "$work/more"
expect 1 'has no rule' a set remove mail "$work/none"
expect 0 '' a set remove mail "$work/more"
expect 4 'out of place' b set delete mail
expect 0 '' b disconnect mail
expect 0 '' b set delete mail
expect 0 'has no sets' b status
stop a || complain "a ended with $?"
stop b || complain "b ended with $?"
expect 1 '^$' pgrep -f "$work/libexec"
expect 1 'does not run' a status
grep -aE 'ERROR: |runtime error' "$work"/*.log && complain "a sanitizer spoke"
if [ $failed != 0 ]; then
    for log in "$work"/*.log; do echo "== $log"; tail -n 60 "$log"; done
fi
echo "$pass checks passed, $failed failed"
[ $failed = 0 ]
