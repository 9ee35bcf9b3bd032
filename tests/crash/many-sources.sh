#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Three sources with one target, one of them with two sets, all under load. One set of two is disconnected and comes
# back; one source is disconnected for good and its set deleted at both sites: the others do not notice, neither by a
# lost connection nor by what arrives. The target then serves in one source's place, while the others go on. In the end
# each replica equals its source.
# shellcheck source=tests/crash/sites-lib.sh disable=SC2154
. "$(dirname "$0")/sites-lib.sh" || exit 1
DISK=1G
declare -A sets=([a]="mail web" [c]=shop [d]=desk)
declare -A at_site=([mail]=a [web]=a [shop]=c [desk]=d)
sites_config() {
    local files set
    files=$(get files "$1")
    printf '[site]\nname=site-%s\n[daemon]\nlisten=127.0.0.1\nport=%s\nmetrics=off\nuser=nobody\n' "$1" "$(port "$1")"
    printf 'run_dir=%s/run\nstate_dir=%s/state\nlog_level=debug\n' "$files" "$files"
    printf '[tls]\nkey=%s/keys/node.key\ncert=%s/keys/node.crt\n' "$files" "$files"
    printf '[target]\nroot=%s\n' "$work/$1/mnt"
    [ "$1" != b ] || return 0
    printf '[journal]\ndir=%s/journal\n' "$files"
    for set in ${sets[$1]}; do printf '[set %s]\ntarget=site-b\n' "$set"; done
}
port() { local addr; addr=$(get addr "$1"); echo "${addr##*:}"; }
sites_stage "$@"
needs_mailer
for site in c d; do
    mkdir -p "$work/$site/mnt"
    truncate -s 512M "$work/$site/disk"
    mkfs.ext4 -q "$work/$site/disk"
    mount -o loop "$work/$site/disk" "$work/$site/mnt" || { echo "SKIP: no loop device"; exit 77; }
done
# shellcheck disable=SC2034 # by name
files_c=$work/c files_d=$work/d addr_c=127.0.0.1:36650 addr_d=127.0.0.1:46650
sites_start
for site in c d; do
    sites_config $site | sh -c 'mkdir -p -m 700 "$1/keys"; cat >"$1/conf"' sh "$(get files $site)"
    site_start $site
done
for site in b a c d; do must doppel $site site init; done
# pair SITE: with the target.
pair() {
    doppel "$1" site pair site-b --address="$addr_b" >/dev/null 2>&1 # is not expected there yet
    must doppel b site pair "site-$1" --address="$(get addr "$1")"
    # So many from one address make the target's door close some.
    eventually doppel "$1" site pair site-b --address="$addr_b"
    must doppel "$1" site pair site-b --fingerprint="$(print_of b)" --address="$addr_b"
    must doppel b site pair "site-$1" --fingerprint="$(print_of "$1")" --address="$(get addr "$1")"
}
source_of() { echo "$work/${at_site[$1]}/mnt/$1"; }
replica_of() { echo "$disk_b/$1"; }
state_of() { doppel "$1" set list | sed -n "s/^$2 .* \(protected\|disconnected\|mirroring\|mirror needed\|unprotected\)\$/\1/p"; }
protected() { [ "$(state_of "${at_site[$1]}" "$1")" = protected ] && [ "$(state_of b "$1")" = protected ]; }
serves() { doppel "${at_site[$1]}" --output-as=json status "$1" | grep -A1 '"capture"' | grep -q '"serving"'; }
of_set() { doppel "${at_site[$1]}" --output-as=json status "$1" | value "$2"; }
for site in a c d; do pair $site; done
for set in mail web shop desk; do
    mkdir "$(source_of $set)" "$(replica_of $set)" 2>/dev/null
    must doppel b set accept $set --from="site-${at_site[$set]}" --map="$(source_of $set):$(replica_of $set)"
    must doppel "${at_site[$set]}" set create $set "$(source_of $set)"
    eventually serves $set
    must doppel "${at_site[$set]}" connect $set --equal
    eventually protected $set
done
doppel b set accept mail --from=site-c >"$work/out" 2>&1 && complain "two sources have one name of a set"

declare -A writers
for set in mail web shop desk; do
    mkdir "$(source_of $set)/box"
    "$tools/mailer" write --writers 1 --rate 15 --stop "$work/enough.$set" --seconds 36000 "$(source_of $set)/box" \
        >"$work/mailer.$set" 2>&1 &
    writers[$set]=$!
done
# stops SET: its writers come to a good end.
stops() {
    touch "$work/enough.$1"
    wait "${writers[$1]}" || { complain "an application of $1 failed"; cat "$work/mailer.$1"; }
}
begun() { [ -e "$(replica_of "$1")/box/begun" ] || [ -n "$(ls "$(replica_of "$1")/box" 2>/dev/null)" ]; }
for set in mail web shop desk; do eventually begun $set; done
# moves SET: what is written now arrives.
beyond() { local now; now=$(of_set "$1" durable_lsn); [ "${now:-0}" -gt "$2" ]; }
moves() {
    local now
    now=$(of_set "$1" durable_lsn)
    eventually beyond "$1" "${now:-0}"
}
losses() { grep -cE "set \"($1)\" is (disconnected|mirror needed|mirroring)" "$files_b/log"; }
others='mail|shop|desk' before=$(losses 'mail|shop|desk')
part() { [ $failed != 0 ] || echo "PRINT $*"; }

must doppel a disconnect web
off() { [ "$(state_of a web)" = disconnected ] && [ "$(state_of b web)" = disconnected ]; }
eventually off
for set in mail shop desk; do moves $set; done
must doppel a connect web
eventually protected web
moves web
[ "$(losses "$others")" = "$before" ] || complain "others noticed that a set was disconnected"
part "one of a source's two sets is disconnected and comes back: the others follow"

others='mail|web|desk' before=$(losses 'mail|web|desk')
stops shop
must doppel c wait shop --idle --timeout="${patience}s"
"$compare" "$(source_of shop)" "$(replica_of shop)" || complain "shop differs"
must doppel c disconnect shop
gone() { [ "$(state_of b shop)" = disconnected ]; }
eventually gone
# The daemon captures it again by itself: deleted is what is not captured just then.
deleted() {
    "$libexec/doppel-capture" --stop --set shop --run-dir "$files_c/run/capture" --timeout 10
    doppel c set delete shop
}
eventually deleted
must doppel b set delete shop
doppel b set list | grep -q '^shop ' && complain "the set is not deleted at the target"
doppel c set list | grep -q '^shop ' && complain "the set is not deleted at its source"
"$compare" "$(source_of shop)" "$(replica_of shop)" || complain "a deleted set took its files along"
for set in mail web desk; do moves $set; done
[ "$(losses "$others")" = "$before" ] || complain "others noticed that a set was deleted"
part "a source is disconnected and its set deleted: the others follow"

# The target takes one source's place, and stays the others' target; that source then stands by for it.
others='mail|web' before=$(losses 'mail|web')
role_of() { doppel "$1" --output-as=json set show "$2" | value role; }
stops desk
rules_known() { doppel b --output-as=json set show desk | grep -q '"peer_rules"'; }
eventually rules_known
must doppel b failover desk --wait=60
[ "$(role_of b desk)" = serving ] && [ "$(role_of d desk)" != serving ] || complain "desk is $(role_of b desk) at b, $(role_of d desk) at d"
[ "$(role_of b mail)$(role_of b web)" = standbystandby ] || complain "the target of the others is $(role_of b mail), $(role_of b web)"
"$compare" "$(source_of desk)" "$(replica_of desk)" || complain "desk differs after its failover"
for set in mail web; do moves $set; done
echo mine >"$(replica_of desk)/written-there" || complain "site b does not serve desk"
must doppel b restore desk
[ "$(role_of d desk)" = standby ] || complain "desk is $(role_of d desk) at d"
must doppel b wait desk --idle --timeout="${patience}s"
"$compare" "$(replica_of desk)" "$(source_of desk)" || complain "desk differs after its restore"
for set in mail web; do moves $set; done
[ "$(losses "$others")" = "$before" ] || complain "others noticed that a set failed over"
part "one source of three fails over, and stands by: the others follow"

for set in mail web; do
    stops $set
    must doppel "${at_site[$set]}" wait $set --idle --timeout="${patience}s"
    eventually protected $set
    "$compare" "$(source_of $set)" "$(replica_of $set)" || complain "$set differs"
done
part "three sources, four sets, one target: each equal"
for site in c d; do
    kill -TERM "$(pid_of $site)"
    wait "$(get job $site)" || complain "$site ended with $?"
done
sites_end
