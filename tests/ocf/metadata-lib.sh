# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What every agent's metadata is held against: OCF 1.1 and the older DTD, the actions that it names, the
# manual page, ocf-tester, and what crmsh, pcs and crm_resource show and accept of it. Sourced behind
# lib.sh, in a stage:
#
#   check_metadata "SHORT DESCRIPTION" PARAMETER WRONG=VALUE NAME=VALUE...
#
# agent is lib.sh's. PARAMETER is one that must be shown; WRONG=VALUE must be refused; the others make it run here.

agent=${agent:?}

# The text itself, and the actions that it names.
check_text() {
    local meta=$1 kind=$2 action dtd rng
    ok "meta-data succeeds" "$agent" meta-data
    ok "meta-data needs no environment" env -i "$agent" meta-data
    ok "the version is filled in" grep -q "<resource-agent name=\"$kind\" version=\"[0-9]" "$meta"
    not "what is ours alone is not shown" grep -q 'xmlns\|d:' "$meta"
    rng=$(find /usr/share/pcs /usr/lib/pcs /usr/lib/pcsd -name ocf-1.1.rng 2>/dev/null | head -1)
    if [ -n "$rng" ] && command -v xmllint >/dev/null; then
        ok "OCF 1.1" xmllint --nonet --noout --relaxng "$rng" "$meta"
    else
        without ocf-1.1.rng "OCF 1.1"
    fi
    dtd=/usr/share/resource-agents/ra-api-1.dtd
    if [ -e $dtd ] && command -v xmllint >/dev/null; then
        cp $dtd /run/
        ok "the DTD" xmllint --nonet --noout --valid "$meta"
    else
        without $dtd "the DTD"
    fi
    # Timeouts with their unit; each action that is named exists, each that exists is named.
    not "no timeout without a unit" grep -E '(timeout|interval)="[0-9]+"' "$meta"
    for action in $(sed -n 's/.*<action name="\([^"]*\)".*/\1/p' "$meta"); do
        env "${reskeys[@]}" "$agent" "$action" >/dev/null 2>&1
        ok "$action exists" test $? != 3
    done
    env "${reskeys[@]}" "$agent" stop
    for action in $("$agent" usage | sed -n 's/.*{\(.*\)}.*/\1/p' | tr '|' ' '); do
        ok "$action is named" grep -q "<action name=\"$action\"" "$meta"
    done
}

# The manual page: nothing that roff complains of, and every parameter.
check_page() {
    local meta=$1 page=ocf/ocf_doppel_$2.7 complaints parameter
    if ! command -v groff >/dev/null; then
        without groff "the manual page"
        return
    fi
    complaints=$(groff -man -ww -Tutf8 -Kutf8 "$page" 2>&1 >/run/page)
    ok "roff has nothing to complain of: $complaints" test -z "$complaints"
    for parameter in $(sed -n 's/.*<parameter name="\([^"]*\)".*/\1/p' "$meta"); do
        ok "$parameter is in the manual page" grep -q "^\.B $parameter\$" "$page"
    done
}

# From where it is installed: over the directory of agents, in this mount namespace alone.
check_installed() {
    local kind=$1 short=$2 parameter=$3 bad=$4 shown pair options=() o_options=()
    shift 4
    for pair in "$@"; do
        options+=(--option "$pair")
        o_options+=(-o "$pair")
    done
    mkdir -p $installed/doppel
    cp "$agent" "$installed/doppel/$kind"
    if command -v ocf-tester >/dev/null; then
        ok "ocf-tester" ocf-tester -n vip "${o_options[@]}" "$installed/doppel/$kind"
        ocf-tester -q -n vip "${o_options[@]}" "$installed/doppel/$kind"
    else
        without ocf-tester "the life cycle by ocf-tester"
    fi
    if command -v crm >/dev/null; then
        shown=$(crm -D plain ra info "ocf:doppel:$kind" </dev/null 2>&1)
        ok "crm ra info" grep -q "$short" <<<"$shown"
        ok "crm shows the parameters" grep -q "$parameter" <<<"$shown"
    else
        without crm "crm ra info"
    fi
    if command -v pcs >/dev/null && command -v crm_resource >/dev/null; then
        shown=$(pcs resource describe "ocf:doppel:$kind" </dev/null 2>&1)
        ok "pcs resource describe" grep -q "$short" <<<"$shown"
    else
        without pcs "pcs resource describe"
    fi
    if command -v crm_resource >/dev/null; then
        ok "crm_resource --show-metadata" crm_resource --show-metadata "ocf:doppel:$kind"
        ok "crm_resource --validate accepts" crm_resource --validate --class ocf --provider doppel \
            --agent "$kind" "${options[@]}"
        not "crm_resource --validate refuses" crm_resource --validate --class ocf --provider doppel \
            --agent "$kind" "${options[@]}" --option "$bad"
    else
        without crm_resource "crm_resource --validate"
    fi
}

check_metadata() {
    local short=$1 parameter=$2 bad=$3 kind=${agent##*/} pair
    shift 3
    reskeys=()
    for pair in "$@"; do
        reskeys+=("OCF_RESKEY_$pair")
    done
    "$agent" meta-data >/run/meta.xml
    check_text /run/meta.xml "$kind"
    check_page /run/meta.xml "$kind"
    installed=/usr/lib/ocf/resource.d
    mkdir -p /run/upper /run/work
    if ! [ -d $installed ]; then
        without $installed "the agent in its place"
    elif mount -t overlay none -o "lowerdir=$installed,upperdir=/run/upper,workdir=/run/work" $installed; then
        check_installed "$kind" "$short" "$parameter" "$bad" "$@"
    else
        without overlayfs "the agent in its place"
    fi
}
