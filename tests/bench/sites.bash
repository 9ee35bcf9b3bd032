# SPDX-License-Identifier: GPL-2.0-or-later
# For tests/bench/link.sh and mirror.sh: two stand-alone sites on this host, each on an ext4 of its own on a
# loop device, in namespaces of their own.
#   DOPPEL_BUILD    build folder (as users have it, without sanitizers)
#   BENCH_DIR       where the images lie [/var/tmp]
build=${DOPPEL_BUILD:?a build folder is needed}
build=$(cd "$build" && pwd) || exit 2
here=$(cd "$(dirname "$0")" && pwd)
say() { echo "${0##*/}: $*" >&2; }
die() { say "$*"; tail -n 20 "$work"/?/log >&2; exit 1; }

[ "$(id -u)" = 0 ] && [ -c /dev/fuse ] || { echo "SKIP: needs root and /dev/fuse" >&2; exit 77; }
[ -n "${BENCH_INSIDE:-}" ] ||
    BENCH_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc \
        --propagation private "$here/${0##*/}" "$@"

work=$(mktemp -d "${BENCH_DIR:-/var/tmp}/sites.XXXXXX") || exit 1
chmod 755 "$work"
pid_a='' pid_b=''
# shellcheck disable=SC2317
cleanup() {
    cd /
    [ -z "$pid_a" ] || kill "$pid_a" 2>/dev/null
    [ -z "$pid_b" ] || kill "$pid_b" 2>/dev/null
    wait
    for set in "${bench_sets[@]}"; do
        "$work/libexec/doppel-capture" --stop --set "$set" --run-dir "$work/a/run/capture" --timeout 10
    done
    umount "$work/a/mnt" "$work/b/mnt"
    rm -rf "$work"
} >/dev/null 2>&1
trap cleanup EXIT
trap 'exit 130' INT TERM

mkdir "$work/libexec" "$work/a" "$work/b" "$work/a/mnt" "$work/b/mnt"
ln -s "$build/daemon/capture/doppel-capture" "$build/daemon/link/doppel-link" \
    "$build/daemon/apply/doppel-replica" "$build/daemon/priv/doppel-door" \
    "$build/doppel" "$build/doppeld" "$work/libexec/"
export DOPPEL_LIBEXEC_DIR=$work/libexec
mkfifo "$work/never" # nobody writes: a read with a time limit
mount -t tmpfs none /dev/shm
ip link set lo up
for site in a b; do
    truncate -s "${BENCH_DISK:-8G}" "$work/$site/disk"
    mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$work/$site/disk"
    mount -o loop "$work/$site/disk" "$work/$site/mnt" || { echo "SKIP: no loop device" >&2; exit 77; }
done
journal_dir=$work/a/journal bench_sets=()

pause() { read -r -t "$1" <>"$work/never"; }
# eventually COMMAND...: until it succeeds, two minutes at most
eventually() {
    local end=$((SECONDS + 120))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || die "never: $*"
        pause 0.05
    done
}
doppel() { "$work/libexec/doppel" "--instance=bench-$1" "${@:2}"; }
must() { "$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; die "$*"; }; }
# The value of a key in the JSON of a command, the first of that name.
value() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" | head -n 1; }
# is SITE SET STATE
is() { doppel "$1" set list | grep -qE "^$2 .* $3\$"; }
# median NUMBER...
median() { printf '%s\n' "$@" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
ratio() { awk "BEGIN { printf \"%.2f\", $1 / $2 }"; }
result() { echo "RESULT $1 $2"; }

site_config() {
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
[journal]
dir=$work/$1/journal
max_size=6G
[tls]
key=$work/$1/keys/node.key
cert=$work/$1/keys/node.crt
END
}
site_start() {
    "$work/libexec/doppeld" --config "$work/$1/conf" --instance "bench-$1" --foreground 2>>"$work/$1/log" &
    eval "pid_$1=\$!"
    eventually doppel "$1" status
}
print_of() { doppel "$1" --output-as=json site list | value fingerprint; }
serving() { doppel a --output-as=json status "$1" | grep -A1 '"capture"' | grep -q '"serving"'; }

# sites_up SET...: both sites run and are paired; these sets are to be made.
sites_up() {
    { site_config a 16650; printf '[set %s]\ntarget=site-b\n' "$@"; } >"$work/a/conf"
    { site_config b 26650; printf '[target]\nroot=%s/b/mnt\n' "$work"; } >"$work/b/conf"
    mkdir -m 700 "$work/a/keys" "$work/b/keys"
    mkdir -p "$journal_dir"
    site_start a
    site_start b
    must doppel a site init
    must doppel b site init
    # Who asks first is not expected there yet.
    doppel a site pair site-b --address=127.0.0.1:26650 >/dev/null 2>&1
    must doppel b site pair site-a --address=127.0.0.1:16650
    must doppel a site pair site-b --address=127.0.0.1:26650
    must doppel a site pair site-b --fingerprint="$(print_of b)" --address=127.0.0.1:26650
    must doppel b site pair site-a --fingerprint="$(print_of a)" --address=127.0.0.1:16650
    for set in "$@"; do bench_sets+=("$set"); done
}
# set_up SET: it is made at a and accepted at b, and captured.
set_up() {
    mkdir -p "$work/a/mnt/$1" "$work/b/mnt/$1"
    must doppel b set accept "$1" --from=site-a --map="$work/a/mnt/$1:$work/b/mnt/$1"
    must doppel a set create "$1" "$work/a/mnt/$1"
    eventually serving "$1"
}
