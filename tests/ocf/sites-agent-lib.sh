# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The stage of the tests of source-connection and replica: two sites as sites-lib.sh makes them, each with a
# disk; doppeld of one of them, "ours", is that of this host (/etc/doppel/doppel.conf); the target's believes
# to be on a node of a cluster. Sourced first:  . "${srcdir:-.}/tests/ocf/sites-agent-lib.sh"
#
# stage_sites a|b "$@"      the stage; then $ours
# both_sites                both paired, the set "mail" made and accepted and connected, both sides empty;
#                           ours then runs without a [set mail]
# ours_up, ours_down        starts it, kills it (-9)
# role_is ROLE [GENERATION] in our store, while our doppeld does not run
# conn ACTION [NAME=VALUE...], repl ACTION ...    run the agent with what the set needs
# both_die KEEPER WORKER    the capture is gone
# shellcheck source=tests/ocf/lib.sh
. "${srcdir:-.}/tests/ocf/lib.sh" || exit 1
# shellcheck source=tests/crash/sites-lib.sh
. "${srcdir:-.}/tests/crash/sites-lib.sh" || exit 1

stage_sites() {
    ours=$1
    sites_stage
    mount -t tmpfs none /run || exit 1
    mkdir -p /etc/doppel /var/lib/heartbeat
    mount -t tmpfs none /etc/doppel || exit 1
    mount -t tmpfs none /var/lib/heartbeat || exit 1
    unset "${!OCF_@}"
    export OCF_ROOT=/usr/lib/ocf OCF_RESOURCE_INSTANCE=mail-conn OCF_RESKEY_CRM_meta_timeout=60000
    export OCF_RESKEY_CRM_meta_interval=10000
    uuid_b=$(blkid -o value -s UUID "$work/b/disk")
}

doppel() {
    if [ "$1" = "$ours" ]; then "$libexec/doppel" "${@:2}"; else "$libexec/doppel" "--instance=two-$1" "${@:2}"; fi
}
site_run() {
    local files conf=/etc/doppel/doppel.conf instance=()
    files=$(get files "$1")
    [ "$1" = "$ours" ] || { conf=$files/conf; instance=(--instance "two-$1"); }
    # shellcheck disable=SC2016
    sh -c 'echo $$ >"$1/pid"; shift; exec "$@"' sh "$files" "$libexec/doppeld" --config "$conf" "${instance[@]}" \
        --foreground 2>>"$files/log" &
    eval "job_$1=$!"
}

both_sites() {
    local site
    for site in a b; do
        mkdir -m 700 "$work/$site/keys"
        sites_config "$site" >"$work/$site/conf"
    done
    # Nothing is captured before the agent asks.
    echo "capture=no" >>"$work/a/conf"
    cp "$work/$ours/conf" /etc/doppel/doppel.conf
    site_start a
    site_start b
    sites_pair
    must doppel b set accept mail --from=site-a --map="$root_a:$root_b"
    must doppel a set create mail "$root_a"
    must doppel a connect mail --equal
    ours_down
    # Without corosync a cluster's store takes no change; but only in a cluster nothing is received unasked.
    local cluster=no
    [ "$ours" = a ] || cluster=yes
    sed -e '/^\[set mail\]/,$d' -e "s/^\\[daemon\\]\$/[daemon]\ncluster=$cluster/" "$work/$ours/conf" >/etc/doppel/doppel.conf
    ours_up
}

ours_up() { site_start "$ours"; }
ours_down() {
    kill -9 "$(pid_of "$ours")"
    wait "$(get job "$ours")" 2>/dev/null
}
role_is() { must tests/ocf/set-role "$work/$ours/state" mail "$@"; }

conn() {
    local action=$1
    shift
    agent=$build/agents/source-connection run "$action" replication_set=mail target=site-b "$@"
}
repl() {
    local action=$1
    shift
    agent=$build/agents/replica run "$action" replication_set=mail device="$uuid_b" "$@"
}
mounted() { grep -q " fuse[^ ]* doppel:mail " /proc/self/mountinfo; }
# The worker is halted first: else it may raise a new keeper before its own end comes.
both_die() {
    kill -STOP "$2"
    kill -9 "$1" "$2"
}
stamp() { grep "^$1" "$work/a/mnt/.doppel/mail/owner"; }
# answers CODE ACTION...: runs until the agent answers that.
conn_is() { conn monitor; [ "$rc" = "$1" ]; }
repl_is() { repl monitor; [ "$rc" = "$1" ]; }

sites_finish() {
    local site
    for site in a b; do
        grep -hE 'ERROR: |runtime error' "$work/$site/log" && bad "a sanitizer spoke"
        kill -TERM "$(pid_of "$site")" 2>/dev/null
        wait "$(get job "$site")"
    done
    [ "$failed" = 0 ] || LOG_LINES=80 sites_logs
    finish
}
