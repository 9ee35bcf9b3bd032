#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A second source claims a set that a first one sends: another node of its site with a disk of its own, another site with
# a set of that name, and an old owner that is still up after a new one. Each is refused in one clear line, the first goes
# on as if nobody had come, and nothing of the second reaches the replica, also when it comes first while the other is
# away. A set cannot be accepted where another one's files are. A set that is on another disk than its replica was made of
# waits for a person, who says what is meant.
# shellcheck source=tests/crash/sites-lib.sh disable=SC2154
. "$(dirname "$0")/sites-lib.sh" || exit 1
DISK=512M
# At site-a a second node, n2; and site-c, which has a set of that name too.
sites_config() {
    local files addr site=$1
    files=$(get files "$1") addr=$(get addr "$1")
    [ "$1" != n ] || site=a
    printf '[site]\nname=site-%s\n[daemon]\nlisten=127.0.0.1\nport=%s\nmetrics=off\nuser=nobody\n' "$site" "${addr##*:}"
    printf 'run_dir=%s/run\nstate_dir=%s/state\nlog_level=debug\n' "$files" "$files"
    printf '[tls]\nkey=%s/keys/node.key\ncert=%s/keys/node.crt\n' "$files" "$files"
    [ "$1" != b ] || { printf '[target]\nroot=%s\n' "$disk_b"; return; }
    printf '[journal]\ndir=%s/journal\n[set mail]\ntarget=site-b\n' "$files"
}
sites_stage "$@"
part() { [ $failed != 0 ] || echo "PRINT $*"; }
for site in n c; do
    mkdir -p "$work/$site/mnt"
    truncate -s 256M "$work/$site/disk"
    mkfs.ext4 -q "$work/$site/disk"
    mount -o loop "$work/$site/disk" "$work/$site/mnt" || { echo "SKIP: no loop device"; exit 77; }
    mkdir "$work/$site/mnt/mail"
    echo "of $site" >"$work/$site/mnt/mail/secret-of-$site"
done
# shellcheck disable=SC2034 # by name
files_n=$work/n files_c=$work/c addr_n=127.0.0.1:36650 addr_c=127.0.0.1:46650 root_n=$root_a root_c=$work/c/mnt/mail
# The second node has a name of its own, and its disk where the first one has its.
at() {
    local site=$1
    shift
    if [ "$site" = n ]; then
        # shellcheck disable=SC2016
        unshare --uts --mount sh -c 'hostname n2 && { umount -l "$1/mail" || :; } 2>/dev/null &&
            mount --bind "$2" "$1" && shift 2 && exec "$@"' sh "$disk_a" "$work/n/mnt" "$@"
    else
        "$@"
    fi
}
sites_start
sites_pair
sites_set
echo first >"$root_a/first"
must doppel a connect mail
eventually protected
[ "$(grep -c mirror-begins "$files_a/log")" = 1 ] || complain "one mirror would have done"
for site in n c; do
    sites_config $site | sh -c 'mkdir -p -m 700 "$1/keys"; cat >"$1/conf"' sh "$(get files $site)"
done
cp "$files_a/keys/site.key" "$files_n/keys/"
for site in n c; do
    site_start $site
    must doppel $site site init
done
[ "$(print_of n)" = "$(print_of a)" ] || die "the second node is of another site"
doppel b site pair site-a --address="$addr_n" >/dev/null 2>&1 # the authority is known there
eventually doppel n site pair site-b --address="$addr_b" || die "the second node is not paired"
must doppel n site pair site-b --fingerprint="$(print_of b)" --address="$addr_b"
doppel c site pair site-b --address="$addr_b" >/dev/null 2>&1 # is not expected there yet
must doppel b site pair site-c --address="$addr_c"
eventually doppel c site pair site-b --address="$addr_b"
must doppel c site pair site-b --fingerprint="$(print_of b)" --address="$addr_b"
must doppel b site pair site-c --fingerprint="$(print_of c)" --address="$addr_c"

captured() { doppel "$1" --output-as=json status mail | grep -A1 '"capture"' | grep -q '"serving"'; }
# wrong SITE WORDS: its status says so, in the line of what is wrong.
wrong() { doppel "$1" --output-as=json status mail | grep '"wrong"' | grep -qF -- "$2"; }
losses() { grep -cE 'set "mail" is (disconnected|mirror needed|mirroring)' "$files_b/log"; }
# A change of the first source arrives, and nothing else was ever there.
follows() {
    echo "$1" >"$root_a/$1"
    must doppel a wait mail --idle --timeout="${patience}s"
    same || complain "$1: the replica is not what the first source has"
}

before=$(losses)
for site in n c; do
    must doppel $site set create mail "$(get root $site)"
    eventually captured $site
    must doppel $site connect mail
done
eventually wrong c "no such set here"
eventually wrong n 'is not its owner'
wrong n "another connection for this set is alive" || complain "a second node is refused for another reason"
follows meanwhile
[ "$(losses)" = "$before" ] || complain "the first source was disturbed"
part "a second node with another disk, and another site, are refused: the first source goes on"

must_refuse() {
    local words=$1
    shift
    "$@" >"$work/out" 2>&1 && complain "not refused: $*"
    grep -qF -- "$words" "$work/out" || { complain "refused otherwise: $*"; cat "$work/out"; }
}
must_refuse "exists already" doppel b set accept mail --from=site-c
must_refuse 'the files of set "mail" are in' doppel b set accept post --from=site-c --map="$root_c:$root_b"
must_refuse 'the files of set "mail" are in' doppel b set accept post --from=site-c --map="$root_c:$root_b/within"
must_refuse 'the files of set "mail" are in' doppel b set accept post --from=site-c
must_refuse 'the files of set "mail" are in' doppel b set create post "$root_b"
mkdir "$disk_b/post"
must doppel b set accept post --from=site-c --map="$root_c:$disk_b/post"
must doppel b set delete post
part "a set is not accepted where another one's files are"

# The first is away: the other node is let in, and asked for a person's word before anything changes.
must doppel a disconnect mail
eventually wrong n "made of another file system"
doppel n --output-as=json status mail | grep '"next"' | grep -qF "mirror start mail --accept-filesystem" ||
    complain "status does not say what to type"
must doppel n mirror start mail
eventually grep -q 'mirror-refused' "$files_n/log"
[ ! -e "$root_b/secret-of-n" ] || complain "another disk was mirrored"
must doppel a connect mail
eventually protected
follows again
eventually wrong n 'is not its owner'
part "who comes while the first is away changes nothing, and makes way for it"

# The set has moved to the other node's disk for good: said so, it becomes the replica's source.
must doppel a disconnect mail
eventually wrong n "made of another file system"
must doppel n mirror start mail --accept-filesystem --accept-deletes
follows_n() { is b protected && [ -e "$root_b/secret-of-n" ] && [ ! -e "$root_b/first" ]; }
eventually follows_n
moved() { "$compare" "$work/n/mnt/mail" "$root_b"; }
moved || complain "the replica is not what the other disk has"
must doppel a connect mail
eventually wrong a 'is not its owner'
moved || complain "the old disk came back"
part "a person who accepts the other file system gets a whole mirror of it, and the old owner is refused"
must doppel n disconnect mail
eventually wrong a "made of another file system"
moved || complain "the old owner's mirror began by itself"
part "an old owner that is still up sends nothing by itself, also when the new one is away"
for site in n c; do
    at $site "$libexec/doppel-capture" --stop --set mail --run-dir "$(get files $site)/run/capture" --timeout 10 >/dev/null 2>&1
    kill -TERM "$(pid_of $site)"
    wait "$(get job $site)" || complain "$site ended with $?"
done
sites_end
