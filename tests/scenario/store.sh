#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The store of a cluster of two nodes, with real corosync and Pacemaker: what is changed on one node is
# on the other; a node that is fenced suspends changes until that is confirmed, and nothing is lost when
# both come back in either order; one that is cut off and not fenced waits for a person; and the role of
# a set is on all nodes for Pacemaker, also after one of them was booted.
. "$(dirname "$0")/../lab/helpers.sh"

[ -n "$LAB_INSTALL" ] || skip "LAB_INSTALL names no installed tree"

# On each boot: the users and directories that a package would make, then doppeld, before corosync.
prepare() {
    on "$1" sh -c '
        getent group doppel-admin >/dev/null || groupadd -r doppel-admin
        getent passwd doppel >/dev/null || useradd -r doppel
        mkdir -p /etc/doppel /etc/lab /var/lib/doppel /var/log /srv/data
        cat >/etc/doppel/doppel.conf <<END
[site]
name=site-a
[daemon]
log_target=stderr
END
        cat >/etc/lab/boot <<END
#!/bin/sh
mkdir -p /run/doppel
setsid doppeld --foreground >>/var/log/doppeld.log 2>&1 </dev/null &
END
        chmod +x /etc/lab/boot
        /etc/lab/boot' || fail "$1 cannot be prepared"
}
doppel_at() { on "$1" timeout 60 doppel "${@:2}"; }
state_of() { doppel_at "$1" --output-as=json store show | sed -n 's/^  "state": "\([a-z]*\)".*/\1/p'; }
is_state() { [ "$(state_of "$1")" = "$2" ]; }
digest_of() { doppel_at "$1" --output-as=json store show | sed -n 's/^  "digest": "\([0-9a-f]*\)".*/\1/p'; }
equal() { [ -n "$(digest_of a1)" ] && [ "$(digest_of a1)" = "$(digest_of a2)" ]; }
ready() { wait_until 120 is_state "$1" ready || show_and_fail "$1 is not ready: $(doppel_at "$1" store show)"; }
show_and_fail() {
    local host
    for host in a1 a2; do
        echo "--- doppeld of $host"
        on "$host" tail -n 30 /var/log/doppeld.log
    done
    fail "$*"
}
has_set() { doppel_at "$1" set list | grep -q "^$2 "; }
attribute() { on "$1" attrd_updater -n "doppel-$2" -Q -N "$3" 2>/dev/null | sed -n 's/.*value="\([^"]*\)".*/\1/p'; }
has_role() { [ "$(attribute "$1" "$2" "$3")" = "$4" ]; }
# create HOST SET: a set of its own directory.
create() {
    on "$1" mkdir -p "/srv/data/$2"
    doppel_at "$1" set create "$2" "/srv/data/$2"
}

lab_up --token 500 --hosts a1,a2 --cluster a
configure a <<END || fail "the configuration was refused"
property stonith-enabled=true stonith-action=off no-quorum-policy=stop stonith-timeout=20s
primitive fence-a1 stonith:fence_lab params pcmk_host_list=a1 pcmk_host_check=static-list op monitor interval=60s
primitive fence-a2 stonith:fence_lab params pcmk_host_list=a2 pcmk_host_check=static-list op monitor interval=60s
location l-fence-a1 fence-a1 -inf: a1
location l-fence-a2 fence-a2 -inf: a2
END

# A store begins with all nodes of corosync's list.
prepare a1
wait_until 60 is_state a1 waiting || show_and_fail "one of two nodes began a store: $(doppel_at a1 store show)"
create a1 early 2>"$LAB_TMP/early" && fail "a set was made while changes are suspended"
grep -q 'it waits for a2' "$LAB_TMP/early" || fail "the refusal says: $(cat "$LAB_TMP/early")"
prepare a2
ready a1
ready a2
step "both nodes are in the store"

create a1 mail || show_and_fail "no set can be made"
has_set a2 mail || show_and_fail "the set is not on the other node"
create a2 web || show_and_fail "no set can be made on the other node"
has_set a1 web || show_and_fail "the second set is not on the first node"
equal || show_and_fail "the nodes' stores differ"
step "a set that is made on one node is on the other"

doppel_at a1 node add a2 2>/dev/null && fail "a node was signed without an authority"
quietly doppel_at a1 site init || show_and_fail "site init"
wait_until 60 quietly doppel_at a1 node add a2 || show_and_fail "node add: $(doppel_at a1 node check)"
wait_until 60 on a2 test -s /etc/doppel/keys/node.crt || show_and_fail "a2 did not take its certificate"
doppel_at a2 node check | grep -q 'ends in 36[56] days' || show_and_fail "node check: $(doppel_at a2 node check)"
on a2 test ! -e /etc/doppel/keys/site.key || fail "the authority's key travelled"
step "a node got its certificate from the site's authority"

for node in a1 a2; do
    wait_until 60 has_role a1 mail $node serving || show_and_fail "$node has not the set's role"
done
step "the role is on both nodes"

# A node crashes, and is fenced: suspended until that is confirmed, then again. $2: the name of a set.
# Since its store was ready last.
knows_fences() { on "$1" sh -c "grep -E 'the store is ready|history of fencing was read' /var/log/doppeld.log | tail -n 1 | grep -q history"; }
confirmed() { on "$1" grep -c "the fencing of node \"$2\" is confirmed" /var/log/doppeld.log; }
confirmed_again() { [ "$(confirmed "$1" "$2")" -gt "$3" ]; }
crash_and_back() {
    local gone=$1 set=$2 left before
    left=$(other_of "$1")
    before=$(confirmed "$left" "$gone")
    wait_until 60 knows_fences "$left" ||
        show_and_fail "$left does not know what was fenced before"
    lab crash "$gone"
    wait_until 120 confirmed_again "$left" "$gone" "$before" ||
        show_and_fail "the fencing of $gone is not confirmed: $(doppel_at "$left" store show)"
    wait_until 120 is_state "$left" ready || show_and_fail "after $gone was fenced: $(doppel_at "$left" store show)"
    create "$left" "$set" || show_and_fail "no change after $gone was fenced"
    lab power on "$gone"
    wait_until 120 online a "$gone" || fail "$gone did not come back"
    ready "$gone"
    has_set "$gone" "$set" || show_and_fail "$gone did not learn what was changed without it"
    wait_until 60 equal || show_and_fail "the nodes' stores differ after the crash of $gone"
    wait_until 60 has_role a1 mail "$gone" serving || show_and_fail "$gone has no role after its boot"
    step "$gone crashed, was fenced and came back"
}
crash_and_back a2 without-a2
crash_and_back a1 without-a1
crash_and_back a2 without-a2-again

# The daemons end in order: who goes last may go on alone, and who comes first waits.
stop_daemon() { on "$1" sh -c 'pid=$(cat /run/doppel/doppeld.pid) && kill -TERM $pid && while kill -0 $pid 2>/dev/null; do sleep 0.05; done'; }
for first in a1 a2; do
    last=$(other_of $first)
    stop_daemon $first
    ready $last
    create $last "after-$first" || show_and_fail "no change after the goodbye of $first"
    stop_daemon $last
    on $first /etc/lab/boot
    wait_until 60 is_state $first waiting || show_and_fail "$first goes on alone, and has not what was changed without it"
    create $first never && fail "$first changed a store whose last era it has not seen"
    on $last /etc/lab/boot
    ready $first
    ready $last
    has_set $first "after-$first" || show_and_fail "$first does not know what was changed without it"
    wait_until 60 equal || show_and_fail "the nodes' stores differ after the restarts"
done
step "daemons ended and began in either order: nothing is forgotten"

# Both lose their power at once, and come back in either order.
for first in a1 a2; do
    last=$(other_of $first)
    site_power off a
    lab power on $first
    wait_until 60 is_state $first waiting || show_and_fail "$first does not wait for $last"
    lab power on $last
    ready $first
    ready $last
    has_set $first "after-a1" && has_set $last "after-a2" || show_and_fail "something is forgotten"
    wait_until 60 equal || show_and_fail "the nodes' stores differ after the power cut"
    # The whole cluster was down: the set is held until a person has confirmed it.
    wait_until 120 on a1 sh -c 'doppel status mail | grep -q "doppel site confirm mail"' ||
        wait_until 60 on a2 sh -c 'doppel status mail | grep -q "doppel site confirm mail"' ||
        show_and_fail "a cold start is not held"
    [ -z "$(attribute a1 mail a1)$(attribute a1 mail a2)" ] || fail "a cold start got a role"
    holder=a1
    on a1 sh -c 'doppel status mail | grep -q "doppel site confirm mail"' || holder=a2
    doppel_at $holder site confirm mail || show_and_fail "site confirm"
    for node in a1 a2; do
        wait_until 60 has_role a1 mail $node serving || show_and_fail "$node has no role after site confirm"
    done
done
step "power cuts of both: nothing is forgotten, and a cold start waits for a person"

# Cut off, and nobody fences: suspended on both sides, until a person knows that one is down.
crm_at a configure property stonith-enabled=false >/dev/null 2>&1
settle a
lab lan a2 cut
wait_until 60 is_state a1 waiting || show_and_fail "a1 goes on without a2: $(doppel_at a1 store show)"
create a1 never && fail "a1 changed the store while a2 is cut off"
wait_until 60 is_state a2 waiting || show_and_fail "a2 goes on without a1"
lab power off a2
doppel_at a1 store confirm-down a1 2>/dev/null && fail "a node that is there is down"
doppel_at a1 store confirm-down a2 || show_and_fail "confirm-down"
ready a1
create a1 confirmed || show_and_fail "no change after confirm-down"
lab lan a2 heal
lab power on a2
ready a2
has_set a2 confirmed || show_and_fail "a2 does not know what was changed without it"
equal || show_and_fail "the nodes' stores differ after the cut"
step "cut off without fencing: suspended until a person said that it is down"

# Corosync ends: doppeld goes on, suspended, and takes part again.
pid=$(on a2 cat /run/doppel/doppeld.pid)
on a2 sh -c 'kill -KILL $(cat /run/corosync.pid)'
wait_until 60 is_state a2 apart || show_and_fail "a2 does not see that corosync is gone"
[ "$(on a2 cat /run/doppel/doppeld.pid)" = "$pid" ] || fail "doppeld did not outlive corosync"
step "passed"
