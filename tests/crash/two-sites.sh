#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two stand-alone servers on this host, as administrators set them up: keys, pairing, a set, a
# connection by TLS, files written through the capture that appear at the other site; then every
# process is killed under load, each in turn, and at the end both sides are equal.
# two-sites.sh [DIR]: DIR holds the programs, else those of the build are taken.
set -u
if [ "$(id -u)" != 0 ] || [ ! -c /dev/fuse ]; then
    echo "SKIP: needs root and /dev/fuse"
    exit 77
fi
if [ -z "${TWO_SITES_INSIDE:-}" ]; then
    TWO_SITES_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc \
        --propagation private "$0" "$@"
fi
build=$(pwd)
work=$(mktemp -d) || exit 2
mkdir "$work/libexec" "$work/a" "$work/b" "$work/a/mnt" "$work/b/mnt"
chmod 755 "$work"
if [ $# -gt 0 ]; then
    ln -s "$1"/* "$work/libexec/"
else
    ln -s "$build/daemon/capture/doppel-capture" "$build/daemon/link/doppel-link" \
        "$build/daemon/apply/doppel-replica" "$build/daemon/priv/doppel-door" \
        "$build/doppel" "$build/doppeld" "$work/libexec/"
fi
for program in doppel doppeld doppel-capture doppel-link doppel-replica doppel-door; do
    [ -x "$work/libexec/$program" ] || { echo "SKIP: there is no $program"; exit 77; }
done
compare=$build/tests/crash/compare
cleanup() {
    "$work/libexec/doppel-capture" --stop --set mail --run-dir "$work/a/run/capture" --timeout 10
    umount "$work/a/mnt" "$work/b/mnt"
    rm -rf "$work"
} >/dev/null 2>&1
trap cleanup EXIT
mount -t tmpfs none /dev/shm
ip link set lo up
for site in a b; do
    truncate -s 512M "$work/$site/disk"
    mkfs.ext4 -q "$work/$site/disk"
    mount -o loop "$work/$site/disk" "$work/$site/mnt" || { echo "SKIP: no loop device"; exit 77; }
    mkdir "$work/$site/mnt/mail"
done
export DOPPEL_LIBEXEC_DIR=$work/libexec
config() {
    cat <<END
[site]
name=site-$1
[daemon]
listen=127.0.0.1
port=$2
metrics=off
user=nobody
run_dir=$work/$1/run
state_dir=$work/$1/state
log_level=debug
[tls]
key=$work/$1/keys/node.key
cert=$work/$1/keys/node.crt
END
}
{ config a 16650; printf '[set mail]\ntarget=site-b\n'; } >"$work/a/conf"
{ config b 26650; printf '[target]\nroot=%s/b/mnt\n' "$work"; } >"$work/b/conf"
mkdir -m 700 "$work/a/keys" "$work/b/keys"

mkfifo "$work/never"
failed=0
complain() { echo "FAIL: $*"; failed=1; }
pause() { read -r -t "$1" <>"$work/never"; }
eventually() {
    local end=$((SECONDS + 30))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { complain "never: $*"; return 1; }
        pause 0.1
    done
}
doppel() { "$work/libexec/doppel" "--instance=two-$1" "${@:2}"; }
start() {
    "$work/libexec/doppeld" --config "$work/$1/conf" --instance "two-$1" --foreground 2>>"$work/$1/log" &
    eval "pid_$1=$!"
    eventually doppel "$1" status
}
must() { "$@" >"$work/out" 2>&1 || { complain "$*: $?"; cat "$work/out"; }; }
# The value of a key in the JSON of a command, the first of that name.
value() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" | head -n 1; }
is() { doppel "$1" set list | grep -qE "^mail .* $2\$"; }

start a
start b
must doppel a site init
must doppel b site init
# The first to ask is not expected there yet.
doppel a site pair site-b --address=127.0.0.1:26650 >/dev/null 2>&1 && complain "paired with one who did not ask"
must doppel b site pair site-a --address=127.0.0.1:16650
must doppel a site pair site-b --address=127.0.0.1:26650
print_of() { doppel "$1" --output-as=json site list | value fingerprint; }
doppel a site pair site-b --fingerprint="$(print_of a)" >/dev/null 2>&1 && complain "a wrong fingerprint was confirmed"
must doppel a site pair site-b --fingerprint="$(print_of b)" --address=127.0.0.1:26650
must doppel b site pair site-a --fingerprint="$(print_of a)" --address=127.0.0.1:16650

must doppel b set accept mail --from=site-a --map="$work/a/mnt/mail:$work/b/mnt/mail"
must doppel a set create mail "$work/a/mnt/mail"
serving() { doppel a --output-as=json status mail | grep -A1 '"capture"' | grep -q '"serving"'; }
eventually serving
must doppel a connect mail --equal
eventually is a protected
eventually is b protected

echo hello >"$work/a/mnt/mail/first"
arrived() { [ "$(cat "$work/b/mnt/mail/$1")" = "$2" ]; }
eventually arrived first hello
[ $failed = 0 ] && echo "PRINT a file written at one site is read at the other"

# Under load each process dies once.
load() {
    local n=0 dir=$work/a/mnt/mail
    while [ ! -e "$work/enough" ]; do
        n=$((n + 1))
        mkdir -p "$dir/d$((n % 20))"
        head -c $((n % 7000)) /dev/urandom >"$dir/d$((n % 20))/new.$n" || return 1
        mv "$dir/d$((n % 20))/new.$n" "$dir/d$((n * 7 % 20))/$((n % 300))" 2>/dev/null
        [ $((n % 5)) != 0 ] || rm -f "$dir/d$((n % 20))/$((n % 300))"
        [ $((n % 7)) != 0 ] || chmod 640 "$dir"/d$((n % 20))/* 2>/dev/null
    done
    echo "$n" >"$work/loaded"
}
if [ $failed = 0 ]; then
    load &
    loader=$!
    engine_of() { doppel "$1" --output-as=json status mail | sed -n '/"engine"/,/}/p' | value pid; }
    door_of() { eval "pgrep -P \$pid_$1 -f doppel-door" | head -n 1; }
    for _ in 1 2; do
        for who in a b; do
            kill -9 "$(engine_of $who)" || complain "no engine at $who"
            pause 0.5
            eventually is a protected
            kill -9 "$(door_of $who)" || complain "no door at $who"
            pause 0.5
            eventually is a protected
            eval "kill -9 \$pid_$who; wait \$pid_$who" 2>/dev/null
            start $who
            eventually is a protected
        done
        kill -9 "$(doppel a --output-as=json status mail | value worker)" || complain "no worker"
        pause 0.5
    done
    echo "PRINT all processes were killed twice"
    touch "$work/enough"
    wait $loader || complain "the load failed"
    must doppel a wait mail --idle --timeout=60s
    eventually is b protected
    # What the capture serves is what the disk holds; the replica is compared with that.
    must "$compare" "$work/a/mnt/mail" "$work/b/mnt/mail"
    [ $failed = 0 ] && echo "PRINT equal after $(cat "$work/loaded") rounds of load, $(find "$work/b/mnt/mail" -type f | wc -l) files"
fi
for who in a b; do
    eval "kill -TERM \$pid_$who; wait \$pid_$who" || complain "$who ended with $?"
done
grep -hE 'ERROR: |runtime error' "$work"/?/log && complain "a sanitizer spoke"
if [ $failed != 0 ]; then
    for who in a b; do echo "== $who"; tail -n 60 "$work/$who/log"; done
fi
exit $failed
