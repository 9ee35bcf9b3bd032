#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# virtual-ip: no rights, no descriptors, no place to write, no time: one line says why, the code is
# right, and nothing is left behind.
. "${srcdir:-.}/tests/ocf/lib.sh" || exit 1
stage "$@"
clean() {
    not "not set" has 192.0.2.10/24
    ok "nothing in /run" test -z "$(ls -A /run/doppel 2>/dev/null)"
}

# Rights.
wrap="setpriv --bounding-set -net_raw --inh-caps -net_raw" run start ip=192.0.2.10
expect 4 "Operation not permitted"
clean
wrap="setpriv --bounding-set -net_admin --inh-caps -net_admin" run start ip=192.0.2.10
expect 4 "cannot set 192.0.2.10/24"
clean
wrap="setpriv --bounding-set -net_admin --inh-caps -net_admin" run start ip=192.0.2.10 nodad=1
expect 4
clean
# The announcements fail after the address was set: it is taken back.
wrap="setpriv --bounding-set -net_raw --inh-caps -net_raw" run start ip=192.0.2.10 nodad=1
expect 4 "packet socket"
clean
# The kernel refuses the n-th call of a kind, for all n: the action fails with one reason, or does
# without; a start that failed has left nothing, a stop that succeeded has removed the address.
inject() {
    local call=$1 error=$2 n hit
    for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
        wrap="strace -o /run/calls -e trace=$call -e inject=$call:error=$error:when=$n" \
            run start ip=192.0.2.10 arp_bg=false arp_count=1
        hit=$(grep -c INJECTED /run/calls)
        expect $((rc != 0))
        [ "$rc" = 0 ] || clean
        run start ip=192.0.2.10 arp_bg=false arp_count=1
        wrap="strace -o /run/calls -e trace=$call -e inject=$call:error=$error:when=$n" \
            run stop ip=192.0.2.10
        hit=$((hit + $(grep -c INJECTED /run/calls)))
        expect $((rc != 0))
        [ "$rc" != 0 ] || clean
        run stop ip=192.0.2.10
        expect 0
        clean
        [ "$hit" -gt 0 ] || break
    done
    ok "$call failed at each of its calls" test "$n" -gt 1
}
if strace -o /run/calls -e trace=socket true 2>/dev/null; then
    export ASAN_OPTIONS=detect_leaks=0
    inject socket EMFILE
    inject bind ENOMEM
    inject sendto ENOBUFS
    inject getsockname ENOBUFS
    inject recvfrom ENOBUFS
    inject rename ENOSPC
    wrap="strace -o /run/calls -e inject=socket:error=EMFILE" run monitor ip=192.0.2.10
    expect 1 "cannot open a netlink socket: Too many open files"
    wrap="strace -o /run/calls -e inject=socket:error=EMFILE" run monitor ip=192.0.2.10 CRM_meta_interval=0
    expect 1 "cannot open a netlink socket: Too many open files"
    unset ASAN_OPTIONS
else
    without strace "what failing system calls do"
fi
# Closed standard descriptors are nobody's files.
(exec 0<&- 1>&- 2>&-; OCF_RESKEY_ip=192.0.2.10 "$agent" start)
ok "started with everything closed" has 192.0.2.10/24
run stop ip=192.0.2.10
expect 0
# No place to write.
rm -rf /run/doppel
touch /run/doppel
run start ip=192.0.2.10
expect 1 "/run/doppel"
not "not set without a state" has 192.0.2.10/24
rm /run/doppel

# Time: an action that hangs says where before Pacemaker kills it.
mkdir -p /run/doppel
mkfifo /run/doppel/virtual-ip-vip.state
run monitor ip=192.0.2.10 CRM_meta_timeout=400
expect 1 "monitor gave up after 350 ms, while reading the state (its timeout is 400 ms)"
run stop ip=192.0.2.10 CRM_meta_timeout=400
expect 1 "stop gave up"
rm /run/doppel/virtual-ip-vip.state
# One that takes more than half of it says where the time went.
run start ip=192.0.2.10 arp_bg=no arp_count=4 arp_interval=1100ms CRM_meta_timeout=6000
expect 0 "of its timeout of 6000 ms: announcing "
ok "announcing took as long as it was told to, or longer" grep -Eq 'announcing (3[3-9]|[45][0-9])[0-9]{2}' <<<"$out"
run stop ip=192.0.2.10

# The trace: where resource-agents put theirs, in a file, in a directory.
run start ip=192.0.2.10 trace_ra=1
expect 0
trace=$(ls /var/lib/heartbeat/trace_ra/virtual-ip/vip.start.*)
ok "steps with times" grep -Eq '^\+[0-9]+\.[0-9]{3} ms asking the neighbours for the address' "$trace"
ok "and an end" grep -Eq '^\+[0-9]+\.[0-9]{3} ms end' "$trace"
run monitor ip=192.0.2.10 trace_ra=true trace_dir=/run/traces
expect 0
ok "the directory that was named" grep -q 'reading the link' /run/traces/virtual-ip/vip.monitor.*
run monitor ip=192.0.2.10 trace_ra=1 trace_file=/run/one.trace
expect 0
ok "the file that was named" grep -q 'reading the link' /run/one.trace
run monitor ip=192.0.2.10 trace_ra=0
expect 0
run monitor ip=192.0.2.10 trace_ra=1 trace_file=/run/one.trace/impossible
expect 0 "not traced"
run monitor ip=192.0.2.10 trace_ra=1 trace_file=relative
expect 0 "not traced"
run stop ip=192.0.2.10
expect 0
finish
