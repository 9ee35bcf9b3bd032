#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The agents beside their peers, in a network namespace of its own: the time of a monitor of a running
# resource. Run by tests/bench/run, which sets DOPPEL_BUILD.
set -u
peer=/usr/lib/ocf/resource.d/heartbeat/IPaddr2
ours=$DOPPEL_BUILD/agents/virtual-ip
repeats=${DOPPEL_BENCH_REPEATS:-60}

skip() {
    echo "SKIP: $*" >&2
    exit 77
}
if [ -z "${DOPPEL_STAGE:-}" ]; then
    unshare -n -m true 2>/dev/null || skip "no right to make network namespaces"
    [ -x "$peer" ] || skip "the peer is not here: $peer"
    DOPPEL_STAGE=1 exec unshare -n -m "$0" "$@"
fi

mount -t tmpfs none /run || exit 1
mkdir -p /run/resource-agents
{
    ip link set lo up
    ip link add v0 type veth peer name v1
    ip link set v0 up
    ip link set v1 up
    ip addr add 192.0.2.1/24 dev v0
} || exit 1
export OCF_ROOT=/usr/lib/ocf OCF_RESOURCE_INSTANCE=bench OCF_RESKEY_ip=192.0.2.10
export OCF_RESKEY_CRM_meta_timeout=20000 OCF_RESKEY_CRM_meta_interval=10000
"$ours" start >&2 || exit 1
# Once each beforehand: what a first run reads from the disk is not the matter.
"$DOPPEL_BUILD/tests/bench/interleave" 3 "$ours" monitor -- "$peer" monitor >/dev/null || exit 1
result=$("$DOPPEL_BUILD/tests/bench/interleave" "$repeats" "$ours" monitor -- "$peer" monitor) || exit 1
"$ours" stop >&2 || exit 1
# shellcheck disable=SC2086
set -- $result
echo "virtual-ip monitor: ours $1 us, IPaddr2 $2 us, median of $repeats" >&2
echo "RESULT agents.virtual_ip.monitor.peer_over_ours $3"
