#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# source-connection: each parameter wrong in turn: the right code, one line that names parameter, value and
# what was expected, and nothing done. Then what the host, the role and hooks can do to it.
. "${srcdir:-.}/tests/ocf/sites-agent-lib.sh" || exit 1
stage_sites a
both_sites

# wrong PARAMETER=VALUE "EXPECTED"
wrong() {
    local pair=$1 action
    for action in validate-all start monitor reload-agent; do
        conn "$action" "$pair"
        expect 6 "parameter ${pair%%=*}=\"${pair#*=}\": expected $2"
    done
    conn stop "$pair"
    expect 0
    conn monitor "$pair" CRM_meta_interval=0
    reasons_wanted=0 expect 7
}
long=$(printf 'a%.0s' $(seq 33))
for value in "a b" a/b ä "$long"; do
    wrong "replication_set=$value" "a set's name: letters, digits"
    wrong "target=$value" "a site's name: letters, digits"
done
wrong "route=192.0.2.1 192.0.2.2" "an address or a host's name, or one with :PORT"
wrong mirror=both "one of checksum|difference|full"
wrong orphans=burn "one of delete|keep|move|list"
for value in -1 10 much; do wrong compression=$value "a whole number from 0 to 9"; done
for value in fast -1 2Q; do wrong bandwidth=$value "bytes a second as 2M, or unlimited"; done
wrong "schedule=Mon-Fri 08:00=2M" "entries as \"Mon-Fri 08:00-18:00=2M\", divided by semicolons"
wrong durability=both "one of local|remote"
wrong durability_timeout=61min "a time as 200ms, 5s or 1min, from 1ms to 3600000ms"
for value in 0 5x 100000000; do
    wrong durability_timeout=$value "a time as 200ms, 5s or 1min, from 1ms"
    wrong lag_warn=$value "a time as 200ms, 5s or 1min, from 1ms"
done
wrong durability_policy=wait "one of local|refuse"
wrong flush_timeout=-1s "a time as 200ms, 5s or 1min, from 0ms"
wrong cold_start=maybe "one of ask|go"
wrong on_superseded=fight "one of stop|alert"
agent=$build/agents/source-connection
for missing in replication_set target; do
    other=target=site-b
    [ $missing = replication_set ] || other=replication_set=mail
    for action in validate-all start monitor reload-agent; do
        run $action $other
        expect 6 "parameter $missing is missing"
    done
    run stop $other
    expect 0
done
conn validate-all targets=site-b
expect 6 "parameter targets is not known"

# This host.
conn validate-all
expect 0
conn validate-all OCF_CHECK_LEVEL=10
expect 0
conn validate-all OCF_CHECK_LEVEL=10 target=site-a
expect 2 "parameter target=\"site-a\" is this site"
conn start target=site-a
expect 2 "is this site"
for action in start "validate-all OCF_CHECK_LEVEL=10"; do
    # shellcheck disable=SC2086
    conn $action replication_set=news
    expect 2 "this node's store has no set \"news\""
done
mv /etc/doppel/doppel.conf /etc/doppel/away
for action in start "validate-all OCF_CHECK_LEVEL=10"; do
    # shellcheck disable=SC2086
    conn $action
    expect 2 "/etc/doppel/doppel.conf"
done
conn stop
expect 0
mv /etc/doppel/away /etc/doppel/doppel.conf
conn start route=127.0.0.1:26650
expect 0
eventually conn_is 0

# What may be changed while it runs.
shaped() { doppel a --output-as=json status mail | grep -q '"bandwidth_bytes": 1048576'; }
conn reload-agent bandwidth=1M lag_warn=10s
expect 0
eventually shaped
conn reload-agent compression=3
expect 0
eventually conn_is 0
keeper=$(field a keeper)
conn reload-agent
expect 0
[ "$(field a keeper)" = "$keeper" ] || bad "a reload has started another capture"
conn stop
expect 0
conn reload-agent
expect 7

# The disk: not there, and a root that is not.
umount "$work/a/mnt"
conn start
expect 1
[[ $out == *"$root_a"* ]] || bad "the root is not named: $out"
not "nothing is captured" mounted
conn stop
expect 0
mount -o loop "$work/a/disk" "$work/a/mnt" || exit 1
conn start
expect 0
conn stop
expect 0

# The role, and the other kind.
mkdir -p /etc/doppel/hooks.d/online.d /etc/doppel/hooks.d/offline.d
ours_down
role_is released
ours_up
conn start
expect 1 "set \"mail\" is released at this site (generation 1), not serving"
not "nothing is captured" mounted
must_not() { ! "$@" >"$work/out" 2>&1 || complain "$* was done"; }
must_not doppel a connection start mail --target=site-b
grep -q 'it is released at this site, not serving' "$work/out" || bad "$(cat "$work/out")"
ours_down
role_is serving 1
ours_up
mkdir -p "$work/a/run/claim/mail"
: >"$work/a/run/claim/mail/replica.mail-replica"
conn start
expect 1 "the replica of set \"mail\" is written on this node (mail-replica)"
rm "$work/a/run/claim/mail/replica.mail-replica"
# A disk that knows of a higher generation than this node's store.
sed -i 's/^generation .*/generation 9/' "$work/a/mnt/.doppel/mail/owner"
conn start
expect 1 "the disk was served last in generation 9"
conn stop
expect 0
sed -i 's/^generation .*/generation 1/' "$work/a/mnt/.doppel/mail/owner"

# Hooks: what they are told; one that fails, one that hangs, one that is not ours.
cat >/etc/doppel/hooks.d/online.d/10-env <<'END'
#!/bin/sh
env | grep ^DOPPEL_ | sort >/run/hook.$DOPPEL_HOOK
END
printf '#!/bin/sh\nexit 3\n' >/etc/doppel/hooks.d/online.d/20-fails
printf '#!/bin/sh\necho $$ >/run/hangs\nexec sleep 1000\n' >/etc/doppel/hooks.d/online.d/30-hangs
printf '#!/bin/sh\ntouch /run/never\n' >/etc/doppel/hooks.d/online.d/40-open
chmod 755 /etc/doppel/hooks.d/online.d/*
chmod 777 /etc/doppel/hooks.d/online.d/40-open
cp -p /etc/doppel/hooks.d/online.d/10-env /etc/doppel/hooks.d/offline.d/
conn start
expect 0 "30-hangs\" did not end within"
[[ $out == *"20-fails\" failed (3)"* ]] || bad "a hook that failed is not told: $out"
[[ $out == *"40-open\" is not run"* ]] || bad "a hook that others may write is not told: $out"
not "it was not run" test -e /run/never
not "what hung was ended" kill -0 "$(cat /run/hangs)"
wanted=$(printf 'DOPPEL_DIRECTION=send\nDOPPEL_GENERATION=1\nDOPPEL_HOOK=online\nDOPPEL_PEER=site-b\nDOPPEL_SET=mail\nDOPPEL_SITE=site-a')
[ "$(cat /run/hook.online)" = "$wanted" ] || bad "the hook's environment: $(cat /run/hook.online)"
conn stop
expect 0
[ "$(cat /run/hook.offline)" = "${wanted/online/offline}" ] || bad "offline: $(cat /run/hook.offline)"
sites_finish
