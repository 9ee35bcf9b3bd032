# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Two sites of one or two nodes each with doppeld, as administrators set them up. Sourced after helpers.sh.
#
#   NODES            of both clusters [a1 a2 b1 b2]
#   LINK_A, LINK_B   the addresses of the sites' own, by which they reach each other
#   MAP              roots of the set, the same at both sites
#   TARGET_ROOTS     where the other site may write, where that is not MAP
#   MAX_DELETE       how much a mirror may take away unasked, where not the default

LINK_A=${LINK_A:-10.71.1.99} LINK_B=${LINK_B:-10.71.2.99}
NODES=${NODES:-a1 a2 b1 b2}

# alone SITE: its cluster has one node.
alone() { [[ " $NODES " != *" ${1}2 "* ]]; }

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
    local site
    for site in a b; do
        quietly doppel ${site}1 site init || fail "site init at $site"
        alone $site || wait_until 30 quietly doppel ${site}1 node add ${site}2 >/dev/null || fail "node add ${site}2"
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
    local site root map=()
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
        alone $site || wait_until 30 known ${site}2 || fail "the set is not known at ${site}2"
    done
}

# crm_fences SITE: configuration of fencing and of the shared disk.
crm_fences() {
    if alone "$1"; then
        echo "property stonith-enabled=false no-quorum-policy=stop"
    else
        cat <<END
property stonith-enabled=true no-quorum-policy=stop stonith-timeout=20s
primitive fence-${1}1 stonith:fence_lab params pcmk_host_list=${1}1 pcmk_host_check=static-list
primitive fence-${1}2 stonith:fence_lab params pcmk_host_list=${1}2 pcmk_host_check=static-list
location l-fence-${1}1 fence-${1}1 -inf: ${1}1
location l-fence-${1}2 fence-${1}2 -inf: ${1}2
END
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
