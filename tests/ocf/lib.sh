# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The stage of the agents' tests: a network and mount namespace of their own, in which v0 (ours) and
# v1 (a neighbour's, in a namespace of its own) are the two ends of a wire, and /run and the trace
# directory are empty. Sourced first:  . "${srcdir:-.}/tests/ocf/lib.sh"; stage "$@"
#
# run ACTION [NAME=VALUE...]     runs the agent, with parameters as OCF_RESKEY_NAME (or OCF_...=VALUE as
#                                it is); sets rc, and out: what it said
# expect CODE ["TEXT"]           of the last run: its exit code and a piece of what it said
# ok "what" COMMAND...           COMMAND must succeed          not "what" COMMAND...   must fail

set -o pipefail
agent=$PWD/agents/virtual-ip
failed=0
checks=0

skip() {
    echo "SKIP: $*"
    exit 77
}

stage() {
    if [ -z "${DOPPEL_STAGE:-}" ]; then
        unshare -n -m true 2>/dev/null || skip "no right to make network namespaces"
        exec env DOPPEL_STAGE=1 unshare -n -m "$0" "$@"
    fi
    mount --make-rprivate /
    mount -t tmpfs none /run || exit 1
    mkdir -p /var/lib/heartbeat
    mount -t tmpfs none /var/lib/heartbeat || exit 1
    unset "${!OCF_@}"
    export OCF_ROOT=/usr/lib/ocf OCF_RESOURCE_INSTANCE=vip OCF_RESKEY_CRM_meta_timeout=20000
    export OCF_RESKEY_CRM_meta_interval=10000
    wire
}

# The neighbour's namespace lives as long as a cat that reads from us.
wire() {
    rm -f /run/in /run/out
    mkfifo /run/in /run/out
    exec unshare -n sh -c 'echo up; exec cat' </run/in >/run/out &
    neighbour_pid=$!
    exec {neighbour_in}>/run/in
    read -r _ </run/out
    trap 'kill $neighbour_pid' EXIT
    ip link set lo up
    ip link add v0 type veth peer name v1 netns "$neighbour_pid"
    ip link set v0 up
    there ip link set lo up
    there ip link set v1 up
    ip addr add 192.0.2.1/24 brd + dev v0
    ip addr add 2001:db8::1/64 dev v0 nodad
    there ip addr add 192.0.2.2/24 dev v1
    there ip addr add 2001:db8::2/64 dev v1 nodad
}

# Another wire to another neighbour, when the first is gone.
rewire() {
    kill "$neighbour_pid"
    wait "$neighbour_pid" 2>/dev/null
    exec {neighbour_in}>&-
    wire
}

mac_of() {
    sed -n 's/.*link\/ether \([^ ]*\).*/\1/p'
}

there() {
    nsenter -t "$neighbour_pid" -n "$@"
}

run() {
    local action=$1 word env=()
    shift
    for word in "$@"; do
        case $word in
        OCF_* | ASAN_*) env+=("$word") ;;
        *) env+=("OCF_RESKEY_$word") ;;
        esac
    done
    out=$(env "${env[@]}" ${wrap:-} "$agent" "$action" 2>&1)
    rc=$?
    last="$action $*"
}

bad() {
    echo "FAIL: $*"
    failed=$((failed + 1))
}

expect() {
    checks=$((checks + 1))
    [ "$rc" = "$1" ] || bad "$last: exit code $rc, expected $1: $out"
    [ -z "${2:-}" ] || case $out in
    *"$2"*) ;;
    *) bad "$last: said \"$out\", expected \"$2\"" ;;
    esac
    # A failure gives one reason, in one line; a success gives none.
    local reasons
    reasons=$(grep -c '^ocf-exit-reason:' <<<"$out")
    case $1 in
    0) [ "$reasons" = 0 ] || bad "$last: a reason for success: $out" ;;
    *) [ "$reasons" = "${reasons_wanted:-1}" ] || bad "$last: $reasons reasons: $out" ;;
    esac
}

ok() {
    local what=$1
    shift
    checks=$((checks + 1))
    "$@" >/dev/null 2>&1 || bad "$what ($*)"
}

not() {
    local what=$1
    shift
    checks=$((checks + 1))
    ! "$@" >/dev/null 2>&1 || bad "$what ($*)"
}

# has "192.0.2.10/24" [INTERFACE] [WORDS...]: it is set, and its line has the words
has() {
    local line
    line=$(ip -o addr show ${2:+dev "$2"} | grep -F " $1 " | tr "\\\\" " ") || return 1
    local word
    for word in "${@:3}"; do
        case " $line " in *" $word "*) ;; *) return 1 ;; esac
    done
}

# sniff_start: listens at the neighbour's end; sniff_end: what was heard is in $heard
sniff_start() {
    exec {sniff_fd}< <(exec nsenter -t "$neighbour_pid" -n tests/ocf/sniff v1)
    sniff_pid=$!
    read -r _ <&"$sniff_fd"
}

sniff_end() {
    kill "$sniff_pid"
    heard=$(cat <&"$sniff_fd")
    exec {sniff_fd}<&-
}

heard_count() {
    grep -c "$1" <<<"$heard"
}

# The announcing process, and waiting for its end, at most 20 s.
announcer() {
    cut -d' ' -f1 /run/doppel/virtual-ip-vip.pid 2>/dev/null
}

# Whether a process runs; one that has ended and was not yet waited for does not.
runs() {
    grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status" 2>/dev/null
}

wait_announcer() {
    local pid
    pid=$(announcer) && [ -n "$pid" ] && timeout 20 tail --pid="$pid" -s 0.05 -f /dev/null
    [ ! -e /run/doppel/virtual-ip-vip.pid ]
}

# without THING "what": says that a part was left out; the test then counts as skipped, if not failed
without() {
    left_out="${left_out:+$left_out; }without $1 $2 is not tested"
}

finish() {
    echo "$checks checks, $failed failed"
    [ "$failed" = 0 ] && [ "$checks" -gt 0 ] || exit 1
    [ -z "${left_out:-}" ] || skip "$left_out"
    exit 0
}
