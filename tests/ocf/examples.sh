#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The configurations of examples/: crmsh and pcs take them, crm_verify finds nothing in them, both are the same; and
# what Pacemaker would do with them (crm_simulate) is what tests/ocf/transitions holds: in each role of the
# set, and when a node is lost, put in standby or left, a monitor or a stop fails, the role changes.
# With TRANSITIONS=write the files are written anew; then look at the difference.
src=$(cd "${srcdir:-.}" && pwd)
# shellcheck source=tests/ocf/lib.sh
. "$src/tests/ocf/lib.sh" || exit 1
for program in crm crm_simulate crm_verify cibadmin xmllint; do
    command -v $program >/dev/null || skip "$program is not installed"
done
stage "$@"
# What follows mounts over the host's directories: never but in a mount namespace of its own.
[ -n "${DOPPEL_STAGE:-}" ] && [ "$(stat -f -c %T /run)" = tmpfs ] && [ -z "$(ls /run/upper 2>/dev/null)" ] || exit 1
# The agents where they are installed, in this mount namespace alone.
installed=/usr/lib/ocf/resource.d
mkdir -p /run/upper /run/work /run/cib
mount -t overlay none -o lowerdir=$installed,upperdir=/run/upper,workdir=/run/work $installed || skip "no overlayfs"
mkdir -p $installed/doppel
for name in virtual-ip network-name source-connection replica mail-server; do
    cp "agents/$name" $installed/doppel/ || bad "no agent $name"
done
# Fencing is the site's own: a program that only says what it is stands for it.
mkdir -p /run/upper-sbin /run/work-sbin
mount -t overlay none -o lowerdir=/usr/sbin,upperdir=/run/upper-sbin,workdir=/run/work-sbin /usr/sbin || exit 1
cat >/usr/sbin/fence_test <<'END'
#!/bin/sh
cat <<XML
<?xml version="1.0"?>
<resource-agent name="fence_test" shortdesc="test"><longdesc>test</longdesc><parameters>
<parameter name="action" unique="0"><content type="string" default="reboot"/></parameter>
</parameters><actions><action name="on"/><action name="off"/><action name="reboot"/><action name="status"/>
<action name="metadata"/><action name="monitor"/></actions></resource-agent>
XML
END
chmod +x /usr/sbin/fence_test
export PCMK_logfile=/run/pacemaker.log HOME=/run/home
mkdir -p /run/home

# empty FILE: a cluster of two nodes with fencing and no resources of ours
empty() {
    CIB_file=$1
    export CIB_file
    cibadmin --empty >"$1"
    local id
    for id in 1 2; do
        cibadmin -C -o nodes -X "<node id=\"$id\" uname=\"n$id\"/>" || bad "a node"
    done
    cibadmin -C -o resources -X '<primitive id="fence" class="stonith" type="fence_test"/>' || bad "fencing"
}

# state FILE ROLE: both nodes are there, with this role (or none)
state() {
    local id role=
    sed -i '0,/<cib /s//<cib have-quorum="1" dc-uuid="1" /' "$1"
    for id in 1 2; do
        [ -z "$2" ] || role="<nvpair id=\"status-$id-doppel-mail\" name=\"doppel-mail\" value=\"$2\"/>"
        CIB_file=$1 cibadmin -C -o status -X "<node_state id=\"$id\" uname=\"n$id\" in_ccm=\"true\" crmd=\"online\" \
join=\"member\" expected=\"member\"><transient_attributes id=\"$id\"><instance_attributes id=\"status-$id\">$role\
</instance_attributes></transient_attributes><lrm id=\"$id\"><lrm_resources/></lrm></node_state>" || bad "a state"
    done
}

role() {
    local id
    for id in 1 2; do
        CIB_file=$1 cibadmin -M -o status -X "<node_state id=\"$id\"><transient_attributes id=\"$id\">\
<instance_attributes id=\"status-$id\"><nvpair id=\"status-$id-doppel-mail\" name=\"doppel-mail\" value=\"$2\"/>\
</instance_attributes></transient_attributes></node_state>" || bad "the role $2"
    done
}

# golden NAME FROM [OPTION...]: what Pacemaker does from this state on, step by step, and what runs then. The
# state that it reaches is in /run/cib/NAME.
golden() {
    local name=$1 from=$2 want=$src/tests/ocf/transitions/$1.txt
    shift 2
    cp "$from" "/run/cib/$name.in"
    (unset CIB_file; crm_simulate -x "/run/cib/$name.in" -S -O "/run/cib/$name" "$@") >/run/cib/out 2>/run/cib/err ||
        bad "$name: crm_simulate: $(tail -1 /run/cib/err)"
    # Actions and the end; probes and what only versions of Pacemaker say differently are left out.
    sed -n '/^Executing Cluster Transition/,$p' /run/cib/out |
        sed -n 's/^ *\* Resource action: \(.*\)/\1/p; s/^ *\* Fencing \(.*\)/fencing \1/p; /^Revised/,$p' |
        sed 's/[[:space:]]*$//; /_monitor_0/d; / monitor on /d; s/^\(.*[^ ]\)  *\(start\|stop\|monitor\)/\1 \2/' |
        grep -vE '^ *$|Full List|fence[[:space:]]|\* fence' >"/run/cib/$name.txt"
    [ -z "${TRANSITIONS:-}" ] || cp "/run/cib/$name.txt" "$want"
    checks=$((checks + 1))
    diff -u "$want" "/run/cib/$name.txt" || bad "$name: another transition than expected"
}

# What both shells made, in one order and without what each says its own way.
plain() {
    xmllint --xpath '//resources | //constraints' "$1" | xmllint --format - 2>/dev/null |
        grep -oE '(type|name|value|rsc|with-rsc|first|then|first-action|then-action|symmetrical|attribute|operation|boolean-op)="[^"]*"' |
        sort | uniq -c | grep -vE '"(fence|fence_test)"'
}

for site in a b; do
    crm_file=/run/cib/crmsh-$site.xml
    empty $crm_file
    out=$(crm -D plain configure load update "$src/examples/crmsh/site-$site.crm" </dev/null 2>&1) || bad "crmsh: $out"
    not "crmsh finds no error in site-$site: $out" grep -qi error <<<"$out"
    unset CIB_file
    cp $crm_file /run/cib/verify
    state /run/cib/verify ""
    out=$(crm_verify -VVV -x /run/cib/verify 2>&1) || bad "crm_verify of crmsh/site-$site: $out"
    ok "its resources are there" test "$(grep -c '<primitive' $crm_file)" = 9
    # pcs takes its time: that of site B must be that of site A but for its values.
    if [ $site = b ]; then
        ok "site B is the mirror image of site A" diff \
            <(sed '1,/^set -e/d; s/203\.0\.113/198.51.100/; s/0a02/0a01/; s/site-a/site-b/' "$src/examples/pcs/site-b.sh") \
            <(sed '1,/^set -e/d' "$src/examples/pcs/site-a.sh")
    elif command -v pcs >/dev/null; then
        pcs_file=/run/cib/pcs-$site.xml
        empty $pcs_file
        unset CIB_file
        out=$("$src/examples/pcs/site-$site.sh" $pcs_file </dev/null 2>&1) || bad "pcs: $out"
        cp $pcs_file /run/cib/verify
        state /run/cib/verify ""
        out=$(crm_verify -VVV -x /run/cib/verify 2>&1) || bad "crm_verify of pcs/site-$site: $out"
        ok "its resources are there" test "$(grep -c '<primitive' $pcs_file)" = 9
        for id in c-mail o-mail c-replica o-replica o-replica-off o-mail-off l-serve l-stand; do
            ok "pcs makes $id" grep -q "id=\"$id\"" $pcs_file
        done
    else
        without pcs "its examples"
    fi
done

base=/run/cib/crmsh-a.xml
for role in none standby serving released superseded; do
    cp $base "/run/cib/$role.cib"
    case $role in none) state "/run/cib/$role.cib" "" ;; *) state "/run/cib/$role.cib" $role ;; esac
    golden "role-$role" "/run/cib/$role.cib"
done
# One role after another.
# changes FROM TO
changes() {
    cp "/run/cib/role-$1" /run/cib/change
    role /run/cib/change "$2"
    golden "$1-to-$2" /run/cib/change
}
changes standby serving
changes serving released
changes serving superseded
cp /run/cib/serving-to-released /run/cib/role-released-after
cp /run/cib/role-released-after /run/cib/change
role /run/cib/change standby
golden released-to-standby /run/cib/change
# Faults, while it serves and while it stands by.
on=$(sed -n 's/.*mail-fs.*Started \(n[12]\).*/\1/p' /run/cib/role-serving.txt | head -1)
ok "it runs on a node" test -n "$on"
for role in serving standby; do
    golden "$role-node-lost" "/run/cib/role-$role" --node-fail "$on"
    cp "/run/cib/role-$role" /run/cib/change
    CIB_file=/run/cib/change cibadmin -M -o nodes -X "<node id=\"${on#n}\" uname=\"$on\"><instance_attributes id=\"nodes-x\">\
<nvpair id=\"nodes-x-standby\" name=\"standby\" value=\"on\"/></instance_attributes></node>" || bad "standby"
    golden "$role-standby" /run/cib/change
    cp "/run/cib/role-$role" /run/cib/change
    CIB_file=/run/cib/change cibadmin -C -o constraints \
        -X "<rsc_location id=\"move\" rsc=\"g-mail-store\" node=\"$on\" score=\"-INFINITY\"/>" || bad "move"
    golden "$role-moved" /run/cib/change
done
golden serving-postfix-failed /run/cib/role-serving --op-inject "mail-postfix_monitor_20000@$on=7"
golden serving-connection-failed /run/cib/role-serving --op-inject "mail-conn_monitor_10000@$on=1"
golden serving-degraded /run/cib/role-serving --op-inject "mail-dovecot_monitor_20000@$on=190"
golden serving-stop-failed /run/cib/role-serving --op-inject "mail-dovecot_stop_0@$on=1"
golden standby-replica-failed /run/cib/role-standby --op-inject "mail-replica_monitor_10000@$on=1"
finish
