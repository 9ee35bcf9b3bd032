# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The stage of network-name's tests, on top of lib.sh: namespaces of their own (network, mounts, host
# name, processes: whatever is left ends with the script), a real named with dynamic zones, and this
# site's configuration. Sourced first:  . "${srcdir:-.}/tests/ocf/name-lib.sh"; stage_name "$@"
#
# named ADDRESS               starts one more named, a secondary of the first; waits until it answers
# rr NAME TYPE                what the first one holds: data, one record a line, sorted
# is "what" NAME TYPE DATA... it holds just these          zones    all of it, for comparing
# change LINE...              a change by nsupdate, as somebody else
# The zones: example.org, 2.0.192.in-addr.arpa, 8.b.d.0.1.0.0.2.ip6.arpa, closed.org (nobody may update).
# 192.0.2.53 is the first server, 192.0.2.66 refuses connections, 192.0.2.99 is silence.
# shellcheck source=tests/ocf/lib.sh
. "${srcdir:-.}/tests/ocf/lib.sh" || exit 1
agent=$PWD/agents/network-name
key=/run/keys/doppel
primary=192.0.2.53

stage_name() {
    local tool
    for tool in named nsupdate dig tsig-keygen; do
        command -v "$tool" >/dev/null || skip "$tool is not installed"
    done
    if [ -z "${DOPPEL_STAGE:-}" ]; then
        unshare -n -m -u -p -f true 2>/dev/null || skip "no right to make namespaces"
        DOPPEL_STAGE=1 exec unshare -n -m -u -p -f --mount-proc --kill-child "$0" "$@"
    fi
    mount --make-rprivate /
    mount -t tmpfs none /run || exit 1
    mkdir -p /etc/doppel /etc/corosync /var/lib/heartbeat
    mount -t tmpfs none /etc/doppel || exit 1
    mount -t tmpfs none /etc/corosync || exit 1
    mount -t tmpfs none /var/lib/heartbeat || exit 1
    echo "nameserver $primary" >/run/resolv.conf
    [ -e /etc/resolv.conf ] || : >/etc/resolv.conf
    mount --bind /run/resolv.conf "$(readlink -f /etc/resolv.conf)" || exit 1
    printf '[site]\nname=site-a\n' >/etc/doppel/doppel.conf
    unset "${!OCF_@}"
    export OCF_ROOT=/usr/lib/ocf OCF_RESOURCE_INSTANCE=name OCF_RESKEY_CRM_meta_timeout=30000
    export OCF_RESKEY_CRM_meta_interval=60000
    ip link set lo up
    for address in 192.0.2.53/32 192.0.2.54/32 192.0.2.66/32; do
        ip addr add "$address" dev lo
    done
    ip -6 addr add 2001:db8::53/128 dev lo nodad
    ip link add v0 type veth peer name v1
    ip link set v0 up
    ip link set v1 up
    ip addr add 192.0.2.1/24 dev v0
    ip neigh add 192.0.2.99 lladdr 02:00:00:00:00:99 dev v0
    make_keys
    named $primary || exit 1
}

make_keys() {
    mkdir -p /run/keys
    (
        umask 077
        tsig-keygen -a hmac-sha256 doppel >$key
        tsig-keygen -a hmac-sha512 large >/run/keys/large
        tsig-keygen -a hmac-sha256 stranger >/run/keys/stranger
        sed 's/secret ".*"/secret "d3Jvbmc="/' $key >/run/keys/wrong
    )
}

zone_head() {
    cat <<END
\$TTL 3600
@ IN SOA ns1.example.org. hostmaster.example.org. 1 3600 600 86400 60
@ IN NS ns1.example.org.
END
}

zone_files() {
    zone_head >example.org
    cat >>example.org <<END
ns1 A 192.0.2.53
ns1 AAAA 2001:db8::53
elsewhere A 192.0.2.200
alias CNAME elsewhere
@ MX 20 backup.example.org.
END
    for i in $(seq 90); do
        echo "big MX $i exchanger-number-$i.elsewhere.example.org."
    done >>example.org
    for zone in 2.0.192.in-addr.arpa 8.b.d.0.1.0.0.2.ip6.arpa closed.org; do
        zone_head >$zone
    done
    echo "200 PTR elsewhere.example.org." >>2.0.192.in-addr.arpa
}

# named_conf ADDRESS: what is in its directory
named_conf() {
    local zone kind="type primary; allow-update { key doppel; key large; };" v6="none;"
    [ "$1" = $primary ] && v6="2001:db8::53;"
    [ "$1" = $primary ] || kind="type secondary; primaries { $primary; }; allow-update-forwarding { any; };"
    cat $key /run/keys/large
    cat <<END
controls { };
options { directory "/run/named-$1"; pid-file none; session-keyfile none; notify no;
    listen-on { $1; }; listen-on-v6 { $v6 }; query-source address $1;
    recursion yes; allow-recursion { any; }; allow-transfer { any; }; dnssec-validation no;
    empty-zones-enable no; forwarders { }; };
END
    for zone in example.org 2.0.192.in-addr.arpa 8.b.d.0.1.0.0.2.ip6.arpa; do
        echo "zone \"$zone\" { $kind file \"$zone\"; };"
    done
    [ "$1" != $primary ] || echo 'zone "closed.org" { type primary; file "closed.org"; };'
}

named() {
    mkdir -p "/run/named-$1"
    [ "$1" != $primary ] || (cd "/run/named-$1" && zone_files)
    named_conf "$1" >"/run/named-$1/conf"
    run_named "$1"
}

run_named() {
    command named -f -n 1 -c "/run/named-$1/conf" -L "/run/named-$1/log" &
    export named_pid=$!
    # shellcheck disable=SC2016
    timeout 120 sh -c 'until dig +time=1 +tries=1 @"$0" example.org SOA | grep -q "status: NOERROR"; do :; done' "$1" || {
        cat "/run/named-$1/log"
        bad "the named of $1 does not answer"
    }
}

end_named() {
    kill "$1"
    wait "$1" 2>/dev/null
}

rr() {
    dig +short +tcp +time=20 +tries=1 "@${asked:-$primary}" "$1" "$2" | sort
}

is() {
    local want have
    want=$(printf '%s\n' "${@:4}" | sort)
    have=$(rr "$2" "$3")
    checks=$((checks + 1))
    [ "$have" = "$want" ] || bad "$1: $2 $3 is \"$have\", expected \"$want\""
}

zones() {
    local zone
    for zone in example.org 2.0.192.in-addr.arpa 8.b.d.0.1.0.0.2.ip6.arpa closed.org; do
        dig +tcp +time=20 +noall +answer @$primary "$zone" AXFR
    done
}

change() {
    {
        echo "server $primary"
        printf '%s\n' "$@"
        echo send
    } | nsupdate -k $key || bad "nsupdate: $*"
}

# run with the parameters that all need
name() {
    local action=$1
    shift
    run "$action" hostname=mail.example.org ip=192.0.2.10 keyfile=$key "$@"
}
