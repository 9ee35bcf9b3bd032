# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Helpers of the lab's scenarios; a scenario sources this file first. See README beside it.
#
#   LAB_PROGRAM    the lab's program; default: tests/lab/lab in $DOPPEL_BUILD or beneath here
#   LAB_INSTALL    a tree of `make install DESTDIR=` whose files the hosts shall see; default:
#                  $DOPPEL_ROOT
#   LAB_WITH_PID   a process with which the labs end, beside the scenario itself
#
# A scenario ends with exit 0 (passed), 1 (failed, after the logs that matter) or 77 (skipped).

set -u
LAB_PROGRAM=${LAB_PROGRAM:-${DOPPEL_BUILD:-$PWD}/tests/lab/lab}
LAB_INSTALL=${LAB_INSTALL:-${DOPPEL_ROOT:-}}
SCENARIO=$(basename "$0" .sh)
LAB_TMP=$(mktemp -d "${TMPDIR:-/tmp}/doppel-scenario.XXXXXX") || exit 1
# A name that no other scenario has, even one of another pid namespace.
LAB_NAME=${LAB_NAME:-s-${LAB_TMP##*.}}
export LAB_NAME
# Between two looks at what is waited for: the first, and the longest. To look takes processor time from what is looked at.
POLL_MS=20 POLL_MOST_MS=250
WATCH_PID=

lab() { "$LAB_PROGRAM" "$@"; }
# on HOST COMMAND...: in a host, without input.
on() { "$LAB_PROGRAM" exec "$@" </dev/null; }
now_ms() { local t=${EPOCHREALTIME/[.,]/}; echo "${t%???}"; }
STARTED_MS=$(now_ms)

# step TEXT: one line of progress, with the seconds since the start.
step() {
    local ms=$(($(now_ms) - STARTED_MS))
    printf '%s: %3d.%01d s  %s\n' "$SCENARIO" $((ms / 1000)) $((ms % 1000 / 100)) "$*"
}

# figure TEXT: a line that the test runner shows too.
figure() { echo "PRINT $SCENARIO: $*"; }

# fail REASON...: prints the reason, the logs that matter, and the reason again, in the last line. A scenario that has
# more logs than these defines more_logs.
fail() {
    step "FAILED: $*"
    print_logs
    if declare -F more_logs >/dev/null; then more_logs; fi
    step "FAILED: ${*//$'\n'/ | }"
    exit 1
}

skip() {
    echo "$SCENARIO: SKIP: $*"
    exit 77
}

print_logs() {
    local host dir=/run/doppel-lab/$LAB_NAME
    echo "--- the lab"
    lab status 2>/dev/null
    lab holds 2>/dev/null
    tail -n 20 "$dir/log" 2>/dev/null
    [ -s "$LAB_TMP/watch" ] && { echo "--- who held what"; tail -n 20 "$LAB_TMP/watch"; }
    for host in $(hosts_that state=up); do
        echo "--- $host"
        tail -n 5 "$dir/console-$host" 2>/dev/null
        timeout 10 "$LAB_PROGRAM" exec "$host" sh -c '
            cd /var/log 2>/dev/null || exit
            test -e corosync/corosync.log && tail -n 8 corosync/corosync.log
            test -e pacemaker/pacemaker.log && grep -ahE \
                "(warning|error|crit):|ocf-exit-reason|Requesting fencing|Operation .(reboot|off)" \
                pacemaker/pacemaker.log | tail -n 25 | cut -c1-240' </dev/null
    done
}

at_exit() {
    local rc=$?
    trap '' INT TERM
    if [ -n "$WATCH_PID" ]; then
        kill "$WATCH_PID" 2>/dev/null
    fi
    lab down 2>/dev/null
    rm -rf "$LAB_TMP"
    exit $rc
}
trap at_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# lab_up [OPTION...]: a lab of this scenario's own, which ends with it.
lab_up() {
    local rc
    [ -x "$LAB_PROGRAM" ] || skip "$LAB_PROGRAM is not built"
    lab up --with-pid $$ ${LAB_WITH_PID:+--with-pid "$LAB_WITH_PID"} \
        ${LAB_INSTALL:+--install "$LAB_INSTALL"} "$@" 2>"$LAB_TMP/up"
    rc=$?
    [ $rc = 77 ] && skip "$(cat "$LAB_TMP/up")"
    [ $rc = 0 ] || fail "lab up: $(cat "$LAB_TMP/up")"
    step "lab up"
}

# hosts_that WORD...: names of the hosts whose line in the status has all these words (state=up).
hosts_that() {
    local line word
    lab status --plain 2>/dev/null | while read -r line; do
        [[ $line == host\ * ]] || continue
        for word in "$@"; do
            [[ " $line " == *" $word "* ]] || continue 2
        done
        line=${line#host name=}
        echo "${line%% *}"
    done
}

# member SITE: a cluster member that can be asked: up, with its cable in.
member() { hosts_that "site=$1" cluster=yes state=up lan=ok | head -n 1; }

# wait_until SECONDS COMMAND...: for what has no event to wait for. Looks after 20 ms, and then less often.
wait_until() {
    local deadline=$(($(now_ms) + $1 * 1000)) pause_ms=$POLL_MS pause_s
    shift
    until "$@"; do
        [ "$(now_ms)" -lt "$deadline" ] || return 1
        printf -v pause_s '%d.%03d' $((pause_ms / 1000)) $((pause_ms % 1000))
        sleep "$pause_s"
        pause_ms=$((pause_ms * 3 / 2 < POLL_MOST_MS ? pause_ms * 3 / 2 : POLL_MOST_MS))
    done
}

# load_configuration SITE <FILE: gives a crm configuration to the site's cluster.
load_configuration() {
    local host
    host=$(member "$1")
    lab exec "$host" sh -c 'cat >/run/configure.crm' && quietly on "$host" crm -D plain configure load update /run/configure.crm
}

# configure SITE <FILE: the same, and waits until the cluster has done it.
configure() { load_configuration "$1" && settle "$1"; }

# crm_at SITE ARGUMENT...: crmsh on a member.
crm_at() {
    local host
    host=$(member "$1")
    shift
    on "$host" crm -D plain "$@"
}

# put HOST FILE <CONTENT: a file in a host, its directory made; it survives a power cut.
put() {
    "$LAB_PROGRAM" exec "$1" sh -c "mkdir -p \"\$(dirname '$2')\" && cat >'$2' && sync -f '$2'"
}

# quietly COMMAND...: its output is shown only if it fails.
quietly() {
    "$@" >"$LAB_TMP/quiet" 2>&1 || { local rc=$?; cat "$LAB_TMP/quiet"; return $rc; }
}

# site_power on|off SITE: all hosts of the site at once.
site_power() {
    local host pids=() pid rc=0
    for host in $(hosts_that "site=$2"); do
        lab power "$1" "$host" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || rc=1; done
    return $rc
}

# settle SITE: until the cluster has nothing more to do. (crm_resource --wait looks every 2 s.)
settle() {
    on "$(member "$1")" timeout 60 sh -c \
        'until crm_simulate -LS --output-as=xml | grep -q "<transition/>"; do sleep 0.05; done'
}

# where SITE RESOURCE: the nodes on which it is started, as the cluster sees it. (A monitor that says degraded
# again and again is shown as pending.)
where() {
    local host
    host=$(member "$1")
    [ -n "$host" ] || return 1
    on "$host" crm_mon -1 --output-as=xml --include=none,resources 2>/dev/null |
        xmllint --xpath "//resource[@id='$2'][@role='Started'][@pending='' or not(@pending) or @pending='Monitoring']/node/@name" - \
            2>/dev/null | sed 's/ *name="\([^"]*\)"/\1 /g'
}

# started_on SITE RESOURCE HOST: on that node and nowhere else.
started_on() {
    local found
    found=$(where "$1" "$2")
    [ "${found//[[:space:]]/}" = "$3" ]
}

# online SITE HOST: the cluster has this node as a full member.
online() {
    on "$(member "$1")" crm_mon -1 --output-as=xml --include=none,nodes 2>/dev/null |
        grep "<node name=\"$2\"" | grep 'online="true"' | grep -q 'pending="false"'
}

# holds HOST THING...: whether the host holds these (disk1, an address), as seen from outside.
holds() {
    local line thing
    line=" $(lab holds | grep "^$1 ") "
    shift
    for thing in "$@"; do
        [[ $line == *" $thing "* ]] || return 1
    done
}

# holds_alone HOST THING...: it does, and no other host holds any of them (of a disk: at its site).
holds_alone() {
    local host=$1 name rest thing
    shift
    holds "$host" "$@" || return 1
    while read -r name rest; do
        [ "$name" = "$host" ] && continue
        for thing in "$@"; do
            [[ $thing == disk* && ${name:0:1} != "${host:0:1}" ]] && continue
            [[ " $rest " == *" $thing "* ]] && return 1
        done
    done < <(lab holds)
    return 0
}

# watch ADDRESS...: from now on, who holds disks and these addresses is written down every 10 ms.
watch() {
    "$LAB_PROGRAM" watch "$@" >"$LAB_TMP/watch" </dev/null &
    WATCH_PID=$!
}

# never_double: fails if anything was held twice since watch.
never_double() {
    kill -0 "$WATCH_PID" 2>/dev/null || fail "the watcher has ended"
    ! grep DOUBLE "$LAB_TMP/watch" || fail "two hosts held the same at once"
}

# answers FROM ADDRESS: one ping.
answers() { on "$1" ping -n -q -c 1 -W 0.3 "$2" >/dev/null 2>&1; }

mac_of() { on "$1" cat /sys/class/net/eth0/address; }
# neighbour HOST ADDRESS: the hardware address in its ARP or neighbour cache.
neighbour() { on "$1" ip neigh show "$2" | sed -n 's/.* lladdr \([^ ]*\).*/\1/p'; }
knows() { [ "$(neighbour "$1" "$2")" = "$3" ]; }

other_of() { case $1 in ?1) echo "${1%1}2" ;; *) echo "${1%2}1" ;; esac; }
