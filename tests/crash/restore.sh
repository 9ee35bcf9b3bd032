#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two stand-alone servers: a failover, the old source comes back, restore, failback, while users work: both sites are equal
# each time, what the old source alone had is kept and listed, and nothing is lost; doppeld is killed in each step, the
# procedure goes on; the old source's disk is empty; and the old source wins, with what it had when it served.
# restore.sh [DIR]: DIR holds the programs, else those of the build are taken.
# shellcheck source=tests/crash/sites-lib.sh disable=SC2154
. "$(dirname "$0")/sites-lib.sh" || exit 1
sites_stage "$@"
# shellcheck disable=SC2317
sites_more() { [ "$1" = b ] || printf '[target]\nroot=%s\n' "$disk_a"; }
sites_start
sites_pair
sites_set
sites_protect

role() { doppel "$1" --output-as=json set show mail | value role; }
role_is() { [ "$(role "$1")" = "$2" ]; }
knows_rules() { doppel "$1" --output-as=json set show mail | grep -q peer_rules; }
both_equal() {
    must doppel "$1" wait mail --idle --timeout="${patience}s"
    "$compare" "$root_a" "$root_b" || complain "the sites differ while $1 serves"
}
refused() { ! doppel "$@" >"$work/out" 2>&1 || complain "$* was not refused"; }
gone_from() { ! role_is "$1" serving || complain "$1 serves on"; }
open_procedure() { doppel "$1" --output-as=json set show mail | value procedure; }
# killed SITE COMMAND...: the procedure is begun there, doppeld dies again and again, and it is resumed to its end.
killed() {
    local site=$1 n=0
    shift
    doppel "$site" "$@" >"$work/procedure" 2>&1 &
    local command=$!
    while [ $n -lt 60 ] && kill -0 $command 2>/dev/null && [ -z "$(open_procedure "$site")" ]; do pause 0.1; n=$((n + 1)); done
    for n in 1 2 3 4 5 6; do
        pause "0.$((n * 3 % 10))"
        [ -n "$(open_procedure "$site")" ] || break
        strike "$site" doppeld || complain "no doppeld at $site"
        wait $command 2>/dev/null
        [ -n "$(open_procedure "$site")" ] || break
        doppel "$site" procedure resume >>"$work/procedure" 2>&1 &
        command=$!
    done
    wait $command || { [ -z "$(open_procedure "$site")" ] || must doppel "$site" procedure resume; }
}

mkdir "$root_a/old"
for i in $(seq 100); do head -c $((i * 41 % 9000)) /dev/urandom >"$root_a/old/f$i"; done
both_equal a
eventually knows_rules b

# All that is older had come, by its time, when this has.
pause 1
echo last >"$root_a/last"
both_equal a
refused a restore mail
refused a failback mail
refused b restore mail
must doppel b failover mail
role_is b serving || complain "b does not serve: $(role b)"
gone_from a
[ $failed = 0 ] && echo "PRINT failed over"

# What b has not: written behind its back at a, as what came last would be.
mkdir -p "$root_a/lost/cur"
echo precious >"$root_a/lost/mail"
printf 'Subject: one\nMessage-ID: <never@came>\n\nhello\n' >"$root_a/lost/cur/1.M1:2,S"
echo otherwise >"$root_a/old/f1"
# b has moved one and written over another: nothing of the first is missing, though its name at a is too many.
mv "$root_b/old/f50" "$root_b/old/moved"
echo new >"$root_b/old/f60"
rm "$root_b/old/f70"
load() {
    local n=0 root=$1
    while [ ! -e "$work/enough" ]; do
        n=$((n + 1))
        echo "$n" >"$root/load.$((n % 300))" || return 1
        pause 0.01
    done
}
load "$root_b" &
loader=$!
refused b failback mail
wants 0 'nothing is undone: this site serves on' doppel b restore mail --plan
! role_is a standby || complain "a plan has changed something"
# Slowly, so that it is seen how far it is.
restoring() { doppel b status mail | grep -qE '^replica: +a restore runs \([0-9]+ %\)'; }
must doppel b limit mail --bandwidth=1k
doppel b restore mail >"$work/restored" 2>&1 &
command=$!
eventually restoring
must doppel b limit mail --none
wait $command || complain "restore"
cat "$work/restored"
role_is a standby || complain "a does not stand by"
touch "$work/enough"
wait $loader || complain "the service at b was disturbed by the restore"
rm "$work/enough"
both_equal b
[ "$(cat "$disk_a"/.doppel/mail/orphans/*-lost/mail 2>/dev/null)" = precious ] || complain "what only a had is lost"
grep -q otherwise "$disk_a"/.doppel/mail/orphans/*-f1 2>/dev/null || complain "what a had otherwise is lost"
doppel a orphans mail list | grep -q lost || complain "what was kept is not listed"
doppel b --output-as=json procedure show "$(doppel b procedure show | sort | tail -n 1 | cut -d' ' -f 1)" >"$work/json"
grep -q '"exact": true' "$work/json" || complain "the account is not exact"
[ "$(value never_came <"$work/json"):$(value never_came_mails <"$work/json")" = 2:1 ] || { complain "the account is wrong"; grep -A80 '"kept"' "$work/json"; }
list=$(value list <"$work/json")
for line in "never came .* <never@came> $root_a/lost/cur/1.M1:2,S" "never came .* - $root_a/lost/mail" \
    "otherwise .* $root_a/old/f1 " "otherwise .* $root_a/old/f60 " "had come .* $root_a/old/f70 "; do
    grep -q "^$line" "$list" || complain "no \"$line\" in the list"
done
! grep -q 'f50' "$list" || complain "what stands under another name is listed"
[ "$(wc -l <"$list")" = 5 ] || { complain "the list has other lines"; cat "$list"; }
wants 0 '^next: +doppel failback mail$' doppel b status mail
[ $failed = 0 ] && echo "PRINT restored, while users worked; what the old source alone had is kept and listed"

echo "at b" >"$root_b/after-restore"
wants 0 'nothing is undone: the way back is doppel failover, typed here' doppel b failback mail --plan
role_is b serving || complain "a plan has changed something"
must doppel b failback mail
cat "$work/out"
grep -q 'changed .*nothing was changed here since' "$work/out" || complain "something is said to be changed here"
role_is a serving && role_is b standby || complain "after the failback: a is $(role a), b is $(role b)"
[ "$(cat "$root_a/after-restore")" = "at b" ] || complain "what was written at b is not at a"
echo "at a" >"$root_a/after-failback"
both_equal a
[ "$(cat "$root_b/after-failback")" = "at a" ] || complain "the replica does not follow"
refused b failback mail
[ $failed = 0 ] && echo "PRINT failed back, and protected again"

# Something is changed at b when it has let go: it is shown, asked about, and kept.
if [ $failed = 0 ]; then
    must doppel b failover mail
    gone_from a
    mkdir -p "$root_b/late/cur" "$root_b/late/quiet"
    echo early >"$root_b/late/quiet/file"
    printf 'Message-ID: <late@b>\n\nearly\n' >"$root_b/late/cur/1:2,S"
    must doppel b restore mail
    both_equal b
    doppel b failback mail >"$work/late" 2>&1 </dev/null &
    command=$!
    eventually role_is a serving
    must doppel b procedure stop
    wait $command
    grep -q 'procedure resume' "$work/late" && ! grep -q 'procedure undo' "$work/late" || { complain "an undo is offered that is refused"; cat "$work/late"; }
    wants 4 'cannot be undone' doppel b procedure undo
    [ ! -e "$disk_b/.doppel/mail/changed" ] || [ ! -s "$disk_b/.doppel/mail/changed" ] || complain "too much is said to be changed"
    printf 'Message-ID: <late@b>\n\nlate\n' >"$root_b/late/cur/1:2,S"
    echo "only at b" >"$root_b/late/more"
    wants 7 'changed: 2 files were changed here since .*resume|2 files were changed here since it let go' doppel b procedure resume
    grep -q -- '--yes' "$work/out" || complain "what to type is not said"
    [ "$(cat "$root_b/late/more")" = "only at b" ] || complain "a question has changed something"
    grep -q "<late@b> $root_b/late/cur/1:2,S" "$disk_b/.doppel/mail/changed" || complain "the mail is not listed"
    [ "$(wc -l <"$disk_b/.doppel/mail/changed")" = 2 ] || { complain "the list is another"; cat "$disk_b/.doppel/mail/changed"; }
    wants 7 'changed: 2 files' doppel b procedure resume
    wants 0 'changed: 2 files here, of them 1 mails' doppel b procedure resume --yes
    eventually role_is b standby
    both_equal a
    [ "$(cat "$root_b/late/cur/1:2,S")" = "$(cat "$root_a/late/cur/1:2,S")" ] && [ ! -e "$root_b/late/more" ] || complain "b is not as a"
    grep -qr "only at b" "$disk_b/.doppel/mail/orphans" && grep -qr '^late$' "$disk_b/.doppel/mail/orphans" || complain "what b had for itself is not kept"
    [ $failed = 0 ] && echo "PRINT what was changed here when it had let go is shown, asked about, and kept"
fi

# Once more, with an empty disk at a, and a daemon that dies again and again.
if [ $failed = 0 ]; then
    must doppel b failover mail
    gone_from a
    rm -rf "${root_a:?}"/* "$disk_a/.doppel"
    echo more >"$root_b/more"
    killed b restore mail
    both_equal b
    killed b failback mail
    eventually role_is a serving
    eventually role_is b standby
    both_equal a
    [ "$(cat "$root_a/more")" = more ] || complain "an empty old source was not filled"
    echo PRINT "once more, from an empty disk, with doppeld killed in the procedures"
fi

# kept SITE NAME TEXT: something of that name, with that text, was kept there and is listed.
kept() {
    grep -qr -- "$3" "$(get disk "$1")"/.doppel/mail/orphans/*-"$2" 2>/dev/null || complain "$2 of $1 is not kept"
    doppel "$1" orphans mail list | grep -q -- "$2" || complain "$2 of $1 is not listed"
}
# discarded COMMAND...: b serves, and each site has what the other one has not; then a wins.
discarded() {
    must doppel b failover mail
    eventually role_is a superseded
    mkdir -p "$root_a/never-came"
    echo precious >"$root_a/never-came/mail"
    echo "at b since" >"$root_b/since"
    echo "changed at b" >"$root_b/more"
    "$@"
    eventually role_is a serving
    eventually role_is b standby
    both_equal a
    [ "$(cat "$root_a/never-came/mail" "$root_b/never-came/mail")" = "$(printf 'precious\nprecious')" ] ||
        complain "what only a had is not served"
    [ ! -e "$root_a/since" ] && [ "$(cat "$root_a/more")" = more ] || complain "what was changed at b has won"
    kept b since "at b since"
    kept b more "changed at b"
    wants 4 'is typed where it serves' doppel b failback mail
}
by_hand() {
    wants 4 'wants a yes' doppel b restore mail --discard-target
    wants 2 'asks on a terminal' doppel b restore mail --ask
    wants 0 'let the other site serve, from its own files' doppel b restore mail --discard-target --plan
    role_is b serving && role_is a superseded || complain "what was refused, or a plan, has changed something"
    # Undone when it has let go: it serves on, and nothing is lost.
    mkdir -p "$work/b/hooks.d/pre-failback.d"
    printf '#!/bin/sh\nexit 3\n' >"$work/b/hooks.d/pre-failback.d/no"
    chmod 755 "$work/b/hooks.d/pre-failback.d/no"
    wants 7 'hooks: hook .*failed' doppel b restore mail --discard-target --yes
    rm "$work/b/hooks.d/pre-failback.d/no"
    wants 0 undone doppel b procedure undo
    role_is b serving || complain "b does not serve any more"
    must doppel b restore mail --discard-target --yes
}
if [ $failed = 0 ]; then
    discarded by_hand
    [ $failed = 0 ] && echo PRINT "the old source wins: it serves what it had, what was changed since is kept and listed"
fi
if [ $failed = 0 ]; then
    echo more >"$root_a/more"
    both_equal a
    rm -rf "$root_a/never-came"
    discarded killed b restore mail --discard-target --yes
    [ $failed = 0 ] && echo PRINT "and once more, with doppeld killed meanwhile"
fi
sites_end
