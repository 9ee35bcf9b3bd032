#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# doppeld and a real capture: it is started, outlives the daemon's death, is adopted again, and
# started anew when all of it is gone; the daemon's end leaves it. Files are written all the while.
set -u
if [ "$(id -u)" != 0 ] || [ ! -c /dev/fuse ]; then
    echo "SKIP: needs root and /dev/fuse"
    exit 77
fi
if [ -z "${PARENT_INSIDE:-}" ]; then
    PARENT_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc \
        --propagation private "$0" "$@"
fi
build=$(pwd)
work=$(mktemp -d) || exit 2
captured=$work/mnt/mail
cleanup() {
    "$build/daemon/capture/doppel-capture" --stop --set mail --run-dir "$work/run/capture" --timeout 60
    umount "$work/mnt"
    rm -rf "$work"
} >/dev/null 2>&1
trap cleanup EXIT
mount -t tmpfs none /dev/shm
ip link set lo up
mkdir "$work/mnt" "$work/libexec"
truncate -s 128M "$work/disk"
mkfs.ext4 -q "$work/disk"
mount -o loop "$work/disk" "$work/mnt" || { echo "SKIP: no loop device"; exit 77; }
mkdir "$captured"
ln -s "$build/daemon/capture/doppel-capture" "$work/libexec/"
ln -s "$build/tests/crash/fake-engine" "$work/libexec/doppel-link"
export DOPPEL_LIBEXEC_DIR=$work/libexec DOPPEL_FAKE_DIR=$work
cat >"$work/conf" <<END
[site]
name=site-a
[daemon]
listen=127.0.0.1
metrics=off
run_dir=$work/run
state_dir=$work/state
[alerts]
program=$work/alert
[set mail]
target=site-b
END
cat >"$work/alert" <<END
#!/bin/sh
echo "\$CRM_alert_attribute_name \$CRM_alert_attribute_value" >>"$work/alerts"
END
chmod +x "$work/alert"
mkfifo "$work/never"
failed=0
complain() { echo "FAIL: $*"; failed=1; }
eventually() {
    local end=$((SECONDS + 120))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { complain "never: $*"; return 1; }
        read -r -t 0.05 <>"$work/never"
    done
}
doppel() { "$build/doppel" --instance=parent-capture "$@"; }
start() {
    "$build/doppeld" --config "$work/conf" --instance parent-capture --foreground 2>>"$work/log" &
    pid=$!
    eventually doppel status
}
of() { doppel --output-as=json status mail | sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\).*/\1/p" | tail -n 1; }
serving() { doppel --output-as=json status mail | grep -A1 '"capture"' | grep -q '"serving"'; }
put() { echo "$1" >"$captured/$1" || complain "write $1"; }

start
doppel set create mail "$captured" || complain "set create"
eventually serving
[ "$(stat -f -c %T "$captured")" = fuseblk ] || grep -q " $captured fuse.doppel " /proc/mounts ||
    complain "nothing is mounted over the root"
put one
keeper=$(of keeper)
doppel set delete mail 2>/dev/null && complain "a captured set was deleted"

kill -9 "$pid"
wait "$pid" 2>/dev/null
put two
# What it says while nobody listens waits for the next daemon.
kill -USR1 "$keeper"
put five
start
eventually grep -q "capture mail: doppel-capture: figures requests=" "$work/log"
eventually serving
[ "$(of keeper)" = "$keeper" ] || complain "the capture was not adopted"

# A change past the mount is told.
if [ "$(of bypass_watched)" = 1 ]; then
    mkdir "$work/past"
    mount --bind "$work/mnt" "$work/past"
    echo x >"$work/past/mail/one"
    umount "$work/past"
    eventually grep -qE '^doppel-mail.bypass [1-9]' "$work/alerts"
    put one
else
    echo "not tested: changes past the mount are not seen here"
fi

kill -9 "$keeper" "$(of worker)"
another() {
    local now
    now=$(of keeper)
    [ -n "$now" ] && [ "$now" != "$keeper" ] && serving
}
eventually another
eventually grep -q '^doppel-mail.capture serving$' "$work/alerts"
grep -qE '^doppel-mail.capture (not-running|stuck)$' "$work/alerts" ||
    complain "nobody was told that the capture had ended"
put three

kill -TERM "$pid"
wait "$pid" || complain "doppeld ended with $?"
put four
"$build/daemon/capture/doppel-capture" --status --set mail --run-dir "$work/run/capture" >/dev/null ||
    complain "the capture ended with the daemon"
[ "$(cat "$captured"/*)" = "$(printf 'five\nfour\none\nthree\ntwo')" ] || complain "files are missing"
grep -E 'ERROR: |runtime error' "$work/log" && complain "a sanitizer spoke"
[ $failed = 0 ] || tail -n 60 "$work/log"
exit $failed
