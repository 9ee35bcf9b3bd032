#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The agents beside their peers, in namespaces of their own: the time of a monitor of a running
# resource. A real Postfix and a real Dovecot run for mail-server: ours asks the service by its protocol, the peers
# ask for a process. Run by tests/bench/run, which sets DOPPEL_BUILD.
set -u
peers=/usr/lib/ocf/resource.d/heartbeat
repeats=${DOPPEL_BENCH_REPEATS:-60}
here=$(cd "$(dirname "$0")" && pwd)

left_out() {
    echo "SKIP: $*" >&2
    exit 77
}
if [ -z "${DOPPEL_STAGE:-}" ]; then
    unshare -n -m -u -p -f true 2>/dev/null || left_out "no right to make namespaces"
    DOPPEL_STAGE=1 exec unshare -n -m -u -p -f --mount-proc --kill-child "$0" "$@"
fi

# compare KEY PEER OURS: medians of both, in turns. Once each beforehand: what a first run reads from
# the disk is not the matter.
worst=0
compare() {
    local key=$1 peer=$peers/$2 ours=$DOPPEL_BUILD/agents/$3 result
    "$DOPPEL_BUILD/tests/bench/interleave" 3 "$ours" monitor -- "$peer" monitor >/dev/null &&
        result=$("$DOPPEL_BUILD/tests/bench/interleave" "$repeats" "$ours" monitor -- "$peer" monitor) || {
        worst=1
        return
    }
    # shellcheck disable=SC2086
    set -- "$key" "$2" "$3" $result
    echo "$3 monitor: ours $4 us, $2 $5 us, median of $repeats" >&2
    echo "RESULT agents.$1.monitor.peer_over_ours $6"
}

cd "$DOPPEL_BUILD" || exit 1
# shellcheck source=tests/ocf/mail-lib.sh
srcdir=$here/../.. . "$here/../ocf/mail-lib.sh" || exit 1
stage_mail ip >&2
mkdir -p /run/resource-agents
{
    ip link add v0 type veth peer name v1
    ip link set v0 up
    ip link set v1 up
    ip addr add 192.0.2.1/24 dev v0
} || exit 1
export OCF_RESOURCE_INSTANCE=bench

if [ -x $peers/IPaddr2 ]; then
    export OCF_RESKEY_ip=192.0.2.20
    agents/virtual-ip start >&2 || exit 1
    compare virtual_ip IPaddr2 virtual-ip
    agents/virtual-ip stop >&2 || exit 1
    unset OCF_RESKEY_ip
fi

# mail SERVICE PARAMETER=VALUE: the same configuration for both
mail() {
    local service=$1
    export OCF_RESKEY_service="$service" "OCF_RESKEY_$2" OCF_RESKEY_CRM_meta_interval=20000
    agents/mail-server start >&2 || {
        worst=1
        return
    }
    compare "mail_server.$service" "$service" mail-server
    agents/mail-server stop >&2 || worst=1
    unset OCF_RESKEY_service "OCF_RESKEY_${2%%=*}"
}
if command -v postfix >/dev/null && [ -x $peers/postfix ]; then
    postfix_conf one 192.0.2.10
    # The peer knows no other directories than those that the default instance names.
    mkdir -p /run/etc
    cp -a /etc/postfix/. /run/etc/
    printf 'alternate_config_directories = %s\n' "$disk/one/etc" >>/run/etc/main.cf
    mount --bind /run/etc /etc/postfix
    (unset -f postfix; mail postfix config_dir=$disk/one/etc; exit $worst) || worst=1
else
    echo "bench agents: no Postfix, or no peer for it" >&2
fi
if command -v dovecot >/dev/null && [ -x $peers/dovecot ]; then
    dovecot_conf one 192.0.2.10
    # Login processes that stay, as a server with many users has them: without that each connection, a
    # monitor's too, waits for a new process of Dovecot.
    printf 'service imap-login {\n  service_count = 0\n  process_min_avail = 1\n}\n' >>$disk/one/dovecot.conf
    # The peer does not heed config_file: it gets the same configuration where it looks.
    mkdir -p /run/dovecot-etc
    cp $disk/one/dovecot.conf /run/dovecot-etc/
    sed -i 's|^base_dir.*|base_dir = /run/dovecot|' $disk/one/dovecot.conf /run/dovecot-etc/dovecot.conf
    mount --bind /run/dovecot-etc /etc/dovecot
    (unset -f dovecot; mail dovecot config_file=$disk/one/dovecot.conf; exit $worst) || worst=1
else
    echo "bench agents: no Dovecot, or no peer for it" >&2
fi
exit $worst
