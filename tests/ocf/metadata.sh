#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# virtual-ip: its metadata by OCF 1.1 and by the older DTD, the actions that it names, ocf-tester, and
# what crmsh and pcs show of it.
. "${srcdir:-.}/tests/ocf/lib.sh"
stage "$@"

meta=/run/meta.xml
"$agent" meta-data >$meta
ok "meta-data succeeds" "$agent" meta-data
ok "meta-data needs no environment" env -i "$agent" meta-data
ok "the version is filled in" grep -q '<resource-agent name="virtual-ip" version="[0-9]' $meta
not "what is ours alone is not shown" grep -q 'xmlns\|d:' $meta
rng=$(find /usr/share/pcs /usr/lib/pcs /usr/lib/pcsd -name ocf-1.1.rng 2>/dev/null | head -1)
if [ -n "$rng" ] && command -v xmllint >/dev/null; then
    ok "OCF 1.1" xmllint --nonet --noout --relaxng "$rng" $meta
else
    without ocf-1.1.rng "OCF 1.1"
fi
dtd=/usr/share/resource-agents/ra-api-1.dtd
if [ -e $dtd ] && command -v xmllint >/dev/null; then
    cp $dtd /run/
    ok "the DTD" xmllint --nonet --noout --valid $meta
else
    without $dtd "the DTD"
fi
# Timeouts with their unit; each action that is named exists, each that exists is named.
not "no timeout without a unit" grep -E '(timeout|interval)="[0-9]+"' $meta
for action in $(sed -n 's/.*<action name="\([^"]*\)".*/\1/p' $meta); do
    OCF_RESKEY_ip=192.0.2.10 "$agent" "$action" >/dev/null 2>&1
    ok "$action exists" test $? != 3
done
OCF_RESKEY_ip=192.0.2.10 "$agent" stop
for action in $("$agent" usage | sed -n 's/.*{\(.*\)}.*/\1/p' | tr '|' ' '); do
    ok "$action is named" grep -q "<action name=\"$action\"" $meta
done

# The manual page: nothing that roff complains of, and every parameter.
page=ocf/ocf_doppel_virtual-ip.7
if command -v groff >/dev/null; then
    complaints=$(groff -man -ww -Tutf8 -Kutf8 $page 2>&1 >/run/page)
    ok "roff has nothing to complain of: $complaints" test -z "$complaints"
    for name in $(sed -n 's/.*<parameter name="\([^"]*\)".*/\1/p' $meta); do
        ok "$name is in the manual page" grep -q "^\.B $name\$" $page
    done
else
    without groff "the manual page"
fi

# From where it is installed: over the directory of agents, in this mount namespace alone.
installed=/usr/lib/ocf/resource.d
if ! [ -d $installed ]; then
    without $installed "the agent in its place"
    finish
fi
mkdir -p /run/upper /run/work
if ! mount -t overlay none -o "lowerdir=$installed,upperdir=/run/upper,workdir=/run/work" $installed; then
    without overlayfs "the agent in its place"
    finish
fi
mkdir -p $installed/doppel
cp "$agent" $installed/doppel/virtual-ip
if command -v ocf-tester >/dev/null; then
    ok "ocf-tester" ocf-tester -n vip -o ip=192.0.2.10 $installed/doppel/virtual-ip
    ocf-tester -q -n vip -o ip=192.0.2.10 $installed/doppel/virtual-ip
else
    without ocf-tester "the life cycle by ocf-tester"
fi
if command -v crm >/dev/null; then
    shown=$(crm -D plain ra info ocf:doppel:virtual-ip </dev/null 2>&1)
    ok "crm ra info" grep -q 'Manages a virtual IPv4 or IPv6 address' <<<"$shown"
    ok "crm shows the parameters" grep -q 'arp_count_refresh' <<<"$shown"
else
    without crm "crm ra info"
fi
if command -v pcs >/dev/null && command -v crm_resource >/dev/null; then
    shown=$(pcs resource describe ocf:doppel:virtual-ip </dev/null 2>&1)
    ok "pcs resource describe" grep -q 'Manages a virtual IPv4 or IPv6 address' <<<"$shown"
else
    without pcs "pcs resource describe"
fi
if command -v crm_resource >/dev/null; then
    ok "crm_resource --show-metadata" crm_resource --show-metadata ocf:doppel:virtual-ip
    ok "crm_resource --validate accepts" crm_resource --validate --class ocf --provider doppel \
        --agent virtual-ip --option ip=192.0.2.10
    not "crm_resource --validate refuses" crm_resource --validate --class ocf --provider doppel \
        --agent virtual-ip --option ip=192.0.2.300
else
    without crm_resource "crm_resource --validate"
fi
finish
