# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Two sites of one, two or three nodes each with doppeld, as administrators set them up. Sourced after helpers.sh.
#
#   NODES            of both clusters [a1 a2 b1 b2]
#   LINK_A, LINK_B   the addresses of the sites' own, by which they reach each other
#   MAP              roots of the set, the same at both sites
#   TARGET_ROOTS     where the other site may write, where that is not MAP
#   MAX_DELETE       how much a mirror may take away unasked, where not the default

LINK_A=${LINK_A:-10.71.1.99} LINK_B=${LINK_B:-10.71.2.99}
NODES=${NODES:-a1 a2 b1 b2}

# nodes_of SITE: of its cluster. others_of SITE: but the first.
nodes_of() { tr ' ' '\n' <<<"$NODES" | grep "^$1"; }
others_of() { nodes_of "$1" | tail -n +2; }

# cluster_logs: what doppeld of each host said, for a failure.
cluster_logs() {
    local host
    for host in $(hosts_that state=up); do
        echo "--- doppeld of $host"
        on "$host" tail -n "${LOG_LINES:-25}" /var/log/doppeld.log 2>/dev/null
    done
}

# What starts doppeld at each boot, as its unit would.
boot_script() {
    cat <<'END'
#!/bin/sh
exec >>/var/log/doppeld.log 2>&1 </dev/null
setsid sh -c 'while :; do doppeld --foreground; sleep 0.2; done' &
END
}
doppel() { on "$1" timeout 300 doppel "${@:2}"; }
ready() { doppel "$1" --output-as=json store show 2>/dev/null | grep -q '"state": "ready"'; }
known() { doppel "$1" set list 2>/dev/null | grep -q '^mail '; }
print_of() { doppel "$1" --output-as=json site list | sed -n 's/^ *"fingerprint": "\(.*\)",\{0,1\}$/\1/p' | head -n 1; }

# doppeld_up HOST...: configured, and running from now on at each boot.
doppeld_up() {
    local host root
    for host in "$@"; do
        {
            printf '[site]\nname=site-%s\n[daemon]\nuser=nobody\nmetrics=off\nlog_target=stderr\n[target]\n' "${host:0:1}"
            for root in ${TARGET_ROOTS:-${MAP[@]}}; do echo "root=$root"; done
            [ -z "${MAX_DELETE:-}" ] || echo "max_delete=$MAX_DELETE"
        } | put "$host" /etc/doppel/doppel.conf
        boot_script | put "$host" /etc/lab/boot
        on "$host" sh -c 'chmod 755 /etc/lab/boot && mkdir -p /srv/mail && sync -f /etc/lab/boot && /etc/lab/boot'
    done
    for host in "$@"; do wait_until 60 ready "$host" || fail "the store of $host is not ready"; done
}

# sites_pair: keys, and each trusts the other.
sites_pair() {
    local site host
    for site in a b; do
        quietly doppel ${site}1 site init || fail "site init at $site"
        for host in $(others_of $site); do
            wait_until 30 quietly doppel ${site}1 node add "$host" >/dev/null || fail "node add $host"
        done
    done
    # The first to ask is not expected yet.
    doppel b1 site pair site-a --address=10.71.1.1 >/dev/null 2>&1 || :
    quietly doppel a1 site pair site-b --address=10.71.2.1 || fail "pairing"
    quietly doppel a1 site pair site-b --fingerprint="$(print_of b1)" --address="$LINK_B" || fail "pairing"
    quietly doppel b1 site pair site-a --fingerprint="$(print_of a1)" --address="$LINK_A" || fail "pairing"
}

# sites_agree: that, and the set "mail" made at a and accepted at b, on disks that are mounted for that.
# Calls fill_disk SITE with the disk mounted at the site's first node.
sites_agree() {
    local site host root map=()
    sites_pair
    for site in a b; do
        on ${site}1 sh -c "mount /dev/shared /srv/mail && mkdir -p ${MAP[*]}" || fail "no disk at ${site}1"
        fill_disk $site
    done
    for root in "${MAP[@]}"; do map+=("--map=$root:$root"); done
    quietly doppel b1 set accept mail --from=site-a "${map[@]}" || fail "set accept"
    quietly doppel a1 set create mail "${MAP[@]}" || fail "set create"
    for site in a b; do
        on ${site}1 umount /srv/mail || fail "${site}1 keeps its disk"
        for host in $(others_of $site); do wait_until 30 known "$host" || fail "the set is not known at $host"; done
    done
}

# crm_fences SITE: configuration of fencing and of the shared disk.
crm_fences() {
    local host
    if [ -z "$(others_of "$1")" ]; then
        echo "property stonith-enabled=false no-quorum-policy=stop"
    else
        echo "property stonith-enabled=true no-quorum-policy=stop stonith-timeout=20s"
        for host in $(nodes_of "$1"); do
            echo "primitive fence-$host stonith:fence_lab params pcmk_host_list=$host pcmk_host_check=static-list"
            echo "location l-fence-$host fence-$host -inf: $host"
        done
    fi
    cat <<END
rsc_defaults resource-stickiness=100
primitive mail-fs ocf:heartbeat:Filesystem params device=/dev/shared directory=/srv/mail fstype=ext4 \
  options=nosuid,nodev force_unmount=safe op start timeout=60s op stop timeout=60s op monitor interval=20s timeout=40s
END
}

owner() { where "$1" "$2" | tr -d ' '; }
runs() { [ -n "$(owner "$1" "$2")" ]; }
moved() { local now; now=$(owner "$1" "$2"); [ -n "$now" ] && [ "$now" != "$3" ]; }
status() { doppel "$1" --output-as=json status mail 2>/dev/null; }
protected() {
    local source target
    source=$(owner a mail-conn) target=$(owner b mail-replica)
    [ -n "$source" ] && [ -n "$target" ] &&
        status "$source" | grep -q '"state": "protected"' && status "$target" | grep -q '"state": "protected"'
}

# never_failed SITE: no operation of a resource failed, but for monitors that say degraded.
never_failed() {
    on "$(member "$1")" crm_mon -1 --output-as=xml --include=none,failures | grep '<failure ' | grep -v 'exitcode="190"' &&
        fail "an operation failed at $1"
    return 0
}
