#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two stand-alone servers, of which the second takes the first one's place.
#
#   failover.sh            refusals, the plan, undone after doppeld died at a step; then gracefully
#                          under load: nothing is lost, both sides are equal
#   failover.sh down       the source is killed under load: what is here is served, and what is missing said
#   failover.sh remote     durability=remote, policy refuse: a source that is killed has acknowledged nothing that is missing
#   failover.sh heard      the source that is said to be down comes back before the target serves: the procedure asks
#   failover.sh lost WORD  the source lets go and is lost for good before all has come: resume or undo by a person's word that it
#                          is down, or confirm, which gives the procedure up; and it goes home from there
#   failover.sh silent     the source lets go, is silent and said to be down, and answers again: an undo gives the service back to it
#   failover.sh home       a failback that asks whether what was changed here may go, and the source is lost again: a failover
#                          takes the failback's place
#   failover.sh stopped    Ctrl-C while it waits for a replica that was paused: it rests at once, is gone on with, and undone
#   failover.sh full       the target's /var/lib/doppel has no room at all, but for the journal
#   failover.sh cramped    the replica's disk has no room for a queue, and all is applied: it serves
#   failover.sh filled WORD  the replica's disk has no room for a queue, and the source lives: it is waited for nothing that has come
#                          (all); for what has not (part), and that is said, in a failback too
#   failover.sh unjournalled  the target's journal has no room: it serves all the same, and all is compared later
#   failover.sh confirmed  the source that let go is confirmed, by a higher generation: the target knows it at once, undoes,
#                          and takes the source's place later by one that is higher still
#   failover.sh incomplete  a replica that is no state of the source is refused, or asked about, and accepted
#   failover.sh offline    a service that does not start is asked about after three minutes, also where an incomplete replica was
#                          accepted; accepted then, the procedure ends at once
#   failover.sh rules      what the map has no place for is left out, or refused before anything is stopped, there and back;
#                          where the source is lost it is accepted
#   failover.sh killed STEP  doppeld of the target dies when it begins that step, and the procedure is
#                          resumed by another; nothing is lost
# shellcheck source=tests/crash/sites-lib.sh
. "$(dirname "$0")/sites-lib.sh" || exit 1
export FAILOVER_MODE=${FAILOVER_MODE:-${1:-graceful}} FAILOVER_KILL=${FAILOVER_KILL:-${2:-drain}}
mode=$FAILOVER_MODE kill_at=$FAILOVER_KILL
patience=${patience:-60}
# shellcheck disable=SC2034 # for sites-lib.sh
[[ $mode != cramped && $mode != filled ]] || DISK=400M
sites_stage
# shellcheck disable=SC2034,SC2154 # for and of sites-lib.sh
[ "$mode" != rules ] || map_more=$disk_a/twin:$root_b
sites_more() {
    [ "$mode$1" != remotea ] || printf 'durability=remote\ndurability_policy=refuse\n' # of [set mail]
    [[ $mode$1 != fullb && $mode$1 != unjournalledb ]] || printf '[journal]\ndir=%s/journal\nmin_free=1%%\n' "$work/b"
    # shellcheck disable=SC2154 # of sites-lib.sh
    [[ $mode$1 != unjournalleda && $mode$1 != rulesa && $mode$1 != losta && $mode$1 != homea && $mode$1 != filleda ]] || printf '[target]\nroot=%s\n' "$disk_a"
    printf '[daemon]\nlog_dir=%s/log.d\n' "$work/$1"
    [ "$mode$1" != rulesb ] || sites_alerts b
    [ "$mode$1" != offlineb ] || printf '[service never]\nset=mail\nagent=ocf:test:never\n'
}
[ "$mode" != full ] || { mkdir "$work/b/state" && mount -t tmpfs -o size=24m none "$work/b/state"; } || exit 2
[ "$mode" != unjournalled ] || { mkdir "$work/b/journal" && mount -t tmpfs -o size=400m none "$work/b/journal"; } || exit 2
if [ "$mode" = offline ]; then
    export OCF_ROOT=$work/ocf
    mkdir -p "$OCF_ROOT/resource.d/test"
    # shellcheck disable=SC2016
    printf '#!/bin/sh\ncase $1 in start) exit 1 ;; monitor) exit 7 ;; esac\n' >"$OCF_ROOT/resource.d/test/never"
    chmod 755 "$OCF_ROOT/resource.d/test/never"
fi
hook_dir() { echo "$work/$1/hooks.d/$2.d"; }
sites_start
sites_pair
sites_set
sites_protect

role() { doppel "$1" --output-as=json set show mail | value role; }
role_is() { [ "$(role "$1")" = "$2" ]; }
# The source has let go, and may have heard since that the other one serves.
left() { role_is a released || role_is a superseded; }
generation() { doppel "$1" --output-as=json set show mail | value generation; }
digest() { doppel "$1" --output-as=json store show | grep '"digest"' | sort | sha256sum; }
book() { stat -c %Y.%s "$work/b/state/store/book"; }
id_of() { doppel b procedure show | sort | tail -n 1 | cut -d' ' -f 1; }
known() { doppel b --output-as=json set show mail | grep -q '"peer_rules"'; }
eventually known
echo "an empty root would stop a mirror" >"$root_a/first"

# deliver: files that are acknowledged when they are durable, until one cannot be written any more. From within
# the capture: what is beneath it is no service's.
deliver() {
    local n=0
    cd "$root_a" || return
    while [ ! -e "$work/enough" ]; do
        n=$((n + 1))
        { echo "mail $n" >"new.$n" && sync "new.$n" && mv "new.$n" "cur.$n"; } 2>/dev/null || break
        echo "$n" >>"$work/acknowledged"
    done
}
flows() { [ "$(wc -l <"$work/acknowledged" 2>/dev/null || echo 0)" -ge 20 ]; }
acknowledged() { wc -l <"$work/acknowledged"; }
# Those that are acknowledged and not at site b, as a number.
lost() {
    local n lost=0
    while read -r n; do [ -e "$root_b/cur.$n" ] || [ -e "$root_b/new.$n" ] || lost=$((lost + 1)); done <"$work/acknowledged"
    echo $lost
}

# steps FILE...: how long each step took, in one line.
steps() { cat "$@" | awk '$3 == "done" && $5 == "s" { line = line " " $2 " " $4 } END { print "PRINT seconds:" line }'; }

# typed WORD CODE PATTERN COMMAND...: as wants, at site b, on a terminal where WORD is typed when it is asked for.
typed() {
    local word=$1 wanted=$2 pattern=$3 got
    shift 3
    : >"$work/tty"
    [ -p "$work/typed" ] || mkfifo "$work/typed"
    exec 9<>"$work/typed"
    script -qefc "'$libexec/doppel' --instance=two-b $*" "$work/tty" <&9 >/dev/null &
    local scripted=$!
    eventually grep -qi 'type .*: ' "$work/tty"
    echo "$word" >&9
    wait $scripted
    got=$?
    exec 9<&-
    [ $got = "$wanted" ] && grep -qE -- "$pattern" "$work/tty" || { complain "typed $word at $*: exit $got, not $wanted, or no \"$pattern\""; cat "$work/tty"; }
}

# dies STEP: doppeld of site b is killed when a new procedure begins that step; 1: that did not come.
dies() {
    local pid
    pid=$(pid_of b)
    # shellcheck disable=SC2046
    until grep -qs ": $1: " $(find "$work/b/log.d" -name '*.log' -newer "$work/mark" 2>/dev/null) /dev/null; do
        [ ! -e "$work/over" ] || return 1
    done
    kill -9 "$pid"
}
# failover_dies STEP: a failover during which that happens; its exit code stands in $code.
failover_dies() {
    local killer
    rm -f "$work/over"
    touch "$work/mark"
    dies "$1" &
    killer=$!
    { doppel b failover mail --wait=60 >"$work/out" 2>&1; code=$?; touch "$work/over"; exit $code; } &
    local job=$!
    if wait $killer; then
        wait "$(get job b)" 2>/dev/null
        site_start b
    fi
    wait $job
    code=$?
}

case $mode in
graceful)
    wants 4 'a failover is typed where it stands by' doppel a failover mail
    wants 2 'exclude each other' doppel b failover mail --graceful --immediate
    wants 2 'goes with --immediate' doppel b failover mail --source-is-down --confirm=mail
    wants 2 'none of ask, immediate, abort' doppel b failover mail --then=hope
    wants 2 'neither seconds nor a time' doppel b failover mail --wait=soon
    wants 1 'DNS' doppel b failover mail --wan
    wants 2 'or --confirm=mail' doppel b failover mail --immediate --source-is-down
    wants 4 'not the set.s name' doppel b failover mail --immediate --source-is-down --confirm=other
    wants 1 'no set "none"' doppel b failover none
    wants 1 'no procedure is open' doppel b procedure undo
    before=$(digest a)$(digest b)
    wants 0 'record +record here' doppel b failover mail --plan
    grep -q 'nothing is undone: the way back is doppel failback$' "$work/out" || complain "the way back is not said"
    wants 0 'it would be refused: site "site-a" is not down' doppel b failover mail --immediate --source-is-down --test
    [ "$before" = "$(digest a)$(digest b)" ] || complain "--plan changes something"

    # It is not down: it says so itself, and all is taken back.
    wants 7 'release: site "site-a" is not down' doppel b failover mail --immediate --source-is-down --confirm=mail
    wants 4 'has an open procedure' doppel b failover mail
    wants 0 "^wrong: +failover $(id_of) is failed: release: site" doppel b status mail
    wants 0 "^next: +doppel procedure show $(id_of)\$" doppel b status mail
    wants 2 'is failing over: failover .* is failed' doppel b status mail --check
    wants 0 'undone' doppel b procedure undo
    role_is a serving && role_is b standby || complain "an undo left $(role a) and $(role b)"
    eventually protected

    # A hook that fails stops it before anything is asked of the source.
    mkdir -p "$(hook_dir b pre-failover)" "$(hook_dir b post-failover)"
    # shellcheck disable=SC2016
    printf '#!/bin/sh\nenv >"%s"\nexit 3\n' "$work/hooked" >"$(hook_dir b pre-failover)/no"
    chmod 755 "$(hook_dir b pre-failover)/no"
    wants 7 'hooks: hook .*failed with exit 3' doppel b failover mail
    grep -q '^DOPPEL_SET=mail$' "$work/hooked" || complain "the hook does not know its set"
    grep -q '^DOPPEL_PEER=site-a$' "$work/hooked" || complain "the hook does not know the other site"
    role_is a serving || complain "a hook that failed took the service away"
    rm "$(hook_dir b pre-failover)/no"
    wants 0 'undone' doppel b procedure undo
    eventually protected

    # doppeld dies in between: what was done is taken back, and the source serves.
    for step in record release settle cede; do
        failover_dies $step
        role_is b serving && { complain "doppeld did not die at $step"; break; }
        wants 0 'undone|no procedure is open' doppel b procedure undo
        eventually role_is a serving
        eventually serving
        eventually protected
    done
    echo "PRINT undone after doppeld died at four steps"

    deliver &
    delivers=$!
    eventually flows
    # Two terminals: one of them begins it.
    doppel b failover mail --wait=60 >"$work/other" 2>&1 &
    other=$!
    doppel b failover mail --wait=60 >"$work/one" 2>&1
    one=$?
    wait $other
    other=$?
    [ "$(printf '%s\n' $one $other | sort | tr -d '\n')" = 04 ] || { complain "two at a time: $one and $other"; cat "$work/one" "$work/other"; }
    touch "$work/enough"
    wait $delivers
    left && role_is b serving || complain "after the failover: $(role a) and $(role b)"
    [ "$(generation b)" -gt 1 ] && [ "$(generation b)" -ge "$(generation a)" ] || complain "the generation was not raised"
    [ "$(lost)" = 0 ] || complain "$(lost) of $(acknowledged) files are lost"
    same || complain "the sites differ"
    grep -hq '^ 4 drain  *wait until this site holds all' "$work/one" "$work/other" || complain "the steps are not said first"
    grep -hq '^missing: nothing: both sites are equal' "$work/one" "$work/other" || complain "that nothing is missing is not said"
    grep -hq 'both sides are equal' "$work/one" "$work/other" || complain "equality was not proved"
    is b 'failed over .restore required.' || complain "site b: $(doppel b set list)"
    wants 4 'is failed over .* out of place' doppel b failover mail
    wants 0 '^next: +doppel restore mail$' doppel b status mail
    wants 1 '^DOPPEL WARNING - mail is failed over' doppel b status mail --check
    eventually role_is a superseded
    wants 0 '^next: +at site site-b: doppel restore mail' doppel a status mail
    wants 1 '^DOPPEL WARNING' doppel a status mail --check
    wants 4 'it has ended' doppel b procedure undo "$(id_of)"
    grep -q 'serve: done' "$work/b/log.d/procedures/$(id_of).log" || complain "its log is not whole"
    echo mine >"$root_b/written-there" || complain "site b cannot be written"
    steps "$work/one" "$work/other"
    echo "PRINT graceful: $(acknowledged) files under load, $(lost) lost, both sides equal;$(grep -h 'failover .*: done' "$work/one" "$work/other" | sed 's/.*after/ after/')"
    ;;
down)
    deliver &
    delivers=$!
    eventually flows
    kill -9 "$(pid_of a)"
    wait "$(get job a)" 2>/dev/null
    wants 5 'doppel failover mail --immediate --source-is-down' doppel b failover mail
    eventually is b disconnected
    wants 0 '^next: .*doppel failover mail --immediate --source-is-down' doppel b status mail
    wants 0 'does not answer' doppel b failover mail --immediate --source-is-down --plan
    for line in "it was asked at .*$addr_a" 'it was last heard at .* s ago\)' 'its last generation that is known here is 1$'; do
        grep -qE "^$line" "$work/out" || { complain "the evidence lacks: $line"; cat "$work/out"; }
    done
    wants 0 'missing: ' doppel b failover mail --immediate --source-is-down --confirm=mail
    cp "$work/out" "$work/down"
    grep -qE '^missing: .*site site-a .*(last heard|not known)' "$work/down" || complain "it is not said since when site-a was not heard"
    doppel b --output-as=json procedure show "$(id_of)" >"$work/json"
    for key in position applied_ms heard_ms seconds; do
        [ "$(value $key <"$work/json")" -ge 0 ] || complain "the account has no $key"
    done
    role_is b serving || complain "site b is $(role b)"
    touch "$work/enough"
    wait $delivers
    echo "PRINT the source was killed: $(lost) of $(acknowledged) files were not here yet; $(grep '^missing' "$work/down")"
    steps "$work/down"
    grep -E 'failover .*: done' "$work/down" | sed 's/^/PRINT /'
    # It comes back, asks before it serves, and learns that it is not the one any more.
    site_start a
    eventually role_is a superseded
    ;;
remote)
    # Nothing is acknowledged that the target has not, and a source that is lost is known to have kept to that.
    promised() { [ "$(field b source_promise_ms)" = -1 ]; }
    eventually promised
    deliver &
    delivers=$!
    eventually flows
    kill -9 "$(pid_of a)" "$(victim a engine)"
    wait "$(get job a)" 2>/dev/null
    wants 0 '^missing: nothing that was acknowledged' doppel b failover mail --immediate --source-is-down --confirm=mail
    touch "$work/enough"
    wait $delivers
    [ "$(lost)" = 0 ] || complain "$(lost) of $(acknowledged) files are lost, though nothing is said to be missing"
    site_start a
    eventually role_is a superseded
    echo "PRINT with durability=remote and policy refuse: $(acknowledged) files, $(lost) lost, and that is said"
    ;;
stopped)
    waits_settled() { doppel b procedure show "$(id_of)" | grep -q 'paused by hand'; }
    has_queue() { [ "$(field b queue_bytes)" -gt 0 ]; }
    must doppel b pause mail
    date >"$root_a/waits" || complain "the source does not serve"
    eventually has_queue
    "$libexec/doppel" --instance=two-b failover mail >"$work/stopped" 2>&1 </dev/null &
    begun=$!
    eventually waits_settled
    kill -INT $begun
    wait $begun
    code=$?
    [ $code = 130 ] && grep -q 'stopped by hand while it waited: .*paused by hand' "$work/stopped" || { complain "Ctrl-C: exit $code"; cat "$work/stopped"; }
    kill -STOP "$(pid_of b)"
    "$libexec/doppel" --instance=two-b procedure resume >"$work/stopped" 2>&1 </dev/null &
    begun=$!
    pause 0.5
    kill -INT $begun
    wait $begun
    code=$?
    kill -CONT "$(pid_of b)"
    [ $code = 130 ] || { complain "Ctrl-C where doppeld hangs: exit $code"; cat "$work/stopped"; }
    wants 2 'none of wait' doppel b procedure resume --then=hope
    wants 2 'neither seconds nor a time' doppel b procedure resume --wait=5x
    wants 0 'undone' doppel b procedure undo
    must doppel b resume mail
    eventually protected
    engine=$(victim b engine)
    kill -STOP "$engine"
    date >"$root_a/late" || complain "the source does not serve"
    # Who says what then, and was not asked, has not answered: it is waited for.
    waits_drained() { doppel b procedure show "$(id_of)" | grep -q '^now: .*bytes to send'; }
    "$libexec/doppel" --instance=two-b failover mail >"$work/stopped" 2>&1 </dev/null &
    begun=$!
    for _ in unasked stopped; do
        eventually waits_drained || cat "$work/stopped"
        must doppel b procedure stop
        wait $begun
        "$libexec/doppel" --instance=two-b procedure resume --then=immediate --wait=60 >"$work/stopped" 2>&1 </dev/null &
        begun=$!
    done
    eventually waits_drained
    must doppel b procedure stop
    wait $begun
    kill -CONT "$engine"
    wants 0 'undone' doppel b procedure undo
    eventually serving
    eventually protected
    # A second Ctrl-C leaves it, whatever it does; an answer is not waited for again.
    kill -STOP "$engine"
    date >"$root_a/later" || complain "the source does not serve"
    wants 7 'not all that the other site wrote has come' doppel b failover mail --wait=2
    "$libexec/doppel" --instance=two-b procedure resume --then=immediate >"$work/stopped" 2>&1 </dev/null &
    begun=$!
    goes_without() { doppel b procedure show "$(id_of)" | grep -q 'it goes on without'; }
    eventually goes_without
    kill -STOP "$(pid_of b)"
    kill -INT $begun
    pause 0.5
    kill -INT $begun
    wait $begun
    code=$?
    kill -CONT "$(pid_of b)" "$engine"
    [ $code = 130 ] && grep -q 'once more leaves this command' "$work/stopped" && grep -q 'rests after its step, if doppeld heard' "$work/stopped" ||
        { complain "Ctrl-C twice: exit $code"; cat "$work/stopped"; }
    rests() { ! doppel b procedure show "$(id_of)" | grep -q 'it runs'; }
    eventually rests
    role_is b serving || wants 0 'done' doppel b procedure resume
    role_is b serving || complain "b is $(role b)"
    echo "PRINT a failover that waits rests at Ctrl-C, is undone, and takes an answer at once"
    ;;
lost)
    engine=$(victim b engine)
    kill -STOP "$engine"
    date >"$root_a/late" || complain "the source does not serve"
    wants 7 "^  or: doppel procedure resume .* --then=immediate\$" doppel b failover mail --wait=2
    grep -q '[|]' "$work/out" && { complain "a shell would not take the answers"; cat "$work/out"; }
    wants 0 '^  to go back: doppel procedure undo' doppel b procedure show "$(id_of)"
    kill -CONT "$engine"
    wants 0 'undone' doppel b procedure undo
    eventually serving
    eventually protected
    kill -STOP "$engine"
    date >"$root_a/waits" || complain "the source does not serve"
    "$libexec/doppel" --instance=two-b failover mail >"$work/lost" 2>&1 </dev/null &
    begun=$!
    let_go() { role_is a released; }
    eventually let_go
    kill -9 "$(pid_of a)" "$(victim a engine)"
    wait "$(get job a)" 2>/dev/null
    kill -CONT "$engine"
    wants 4 'first doppel procedure stop' doppel b site confirm mail
    unanswered() { doppel b procedure show "$(id_of)" | grep -q 'does not answer'; }
    eventually unanswered
    must doppel b procedure stop
    wait $begun
    code=$?
    [ $code = 7 ] || { complain "a procedure that was stopped: exit $code"; cat "$work/lost"; }
    case $kill_at in
    undo)
        wants 7 'procedure undo --source-is-down' doppel b procedure undo
        wants 2 'confirm=mail' doppel b procedure undo --source-is-down
        wants 4 'not the set.s name' doppel b procedure undo --source-is-down --confirm=other
        ! command -v script >/dev/null || typed other 4 "that is not the set's name: nothing was done" procedure undo --source-is-down
        wants 0 'undone' doppel b procedure undo --source-is-down --confirm=mail
        role_is b standby || complain "undone, b is $(role b)"
        wants 0 'missing: ' doppel b failover mail --immediate --source-is-down --confirm=mail
        ;;
    confirm)
        must doppel b site confirm mail
        wants 0 'given up' doppel b procedure show "$(id_of)"
        wants 4 'never began|given up' doppel b procedure resume "$(id_of)"
        ;;
    *)
        wants 2 'confirm=mail' doppel b procedure resume --source-is-down
        wants 2 'no plan but' doppel b procedure resume --plan
        wants 0 '^site site-a does not answer' doppel b procedure resume --source-is-down --plan
        wants 4 'not the set.s name' doppel b procedure resume --source-is-down --confirm=other
        if command -v script >/dev/null; then
            typed mail 0 'it was asked at' procedure resume --source-is-down
            grep -q 'site site-a does not answer' "$work/tty" && grep -q '^missing: ' "$work/tty" || { complain "its evidence is not said"; cat "$work/tty"; }
        else
            wants 0 'missing: ' doppel b procedure resume --source-is-down --confirm=mail
        fi
        ;;
    esac
    role_is b serving || complain "b is $(role b)"
    site_start a
    eventually role_is a superseded
    wants 0 'restore .*: done' doppel b restore mail
    must doppel b wait mail --idle --timeout=60s
    same || complain "the sites differ"
    echo "PRINT a source that is lost after it let go: $kill_at, and it goes home"
    ;;
silent)
    let_go() { role_is a released; }
    still_stops() { doppel b procedure show "$(id_of)" | grep -q 'its services still stop'; }
    waits_settled() { doppel b procedure show "$(id_of)" | grep -q 'paused by hand'; }
    has_queue() { [ "$(field b queue_bytes)" -gt 0 ]; }
    # rests: the one that is followed as $begun is stopped by hand.
    rests() {
        must doppel b procedure stop
        wait $begun
        code=$?
        [ $code = 7 ] || { complain "a procedure that was stopped: exit $code"; cat "$work/silent"; }
    }
    must doppel b pause mail
    date >"$root_a/waits" || complain "the source does not serve"
    eventually has_queue
    # Its capture cannot end while one of its processes stands.
    keeper=$(victim a keeper)
    kill -STOP "$keeper"
    "$libexec/doppel" --instance=two-b failover mail >"$work/silent" 2>&1 </dev/null &
    begun=$!
    eventually let_go
    eventually still_stops
    rests
    kill -STOP "$(pid_of a)"
    "$libexec/doppel" --instance=two-b procedure resume --source-is-down --confirm=mail >"$work/silent" 2>&1 </dev/null &
    begun=$!
    eventually waits_settled
    rests
    grep -q 'release .*done .*that it is down was said' "$work/silent" || { complain "a source that was silent"; cat "$work/silent"; }
    kill -CONT "$(pid_of a)" "$keeper"
    eventually replies a
    wants 0 'site site-a serves again' doppel b procedure undo
    role_is a serving && role_is b standby || complain "an undo left $(role a) and $(role b)"
    must doppel b resume mail
    eventually serving
    eventually protected
    echo "PRINT a source that let go, and was silent, has the service back by an undo"
    ;;
home)
    must doppel b failover mail
    eventually role_is a superseded
    wants 0 'restore .*: done' doppel b restore mail
    mkdir -p "$(hook_dir b pre-failback)"
    printf '#!/bin/sh\nkill -STOP %d\n' "$(pid_of a)" >"$(hook_dir b pre-failback)/stop"
    chmod 755 "$(hook_dir b pre-failback)/stop"
    "$libexec/doppel" --instance=two-b failback mail >"$work/home" 2>&1 </dev/null &
    begun=$!
    has_sent() { doppel b procedure show "$(id_of)" | grep -q 'drain .*done'; }
    eventually has_sent
    echo "past the mount" >"$root_b/by-hand"
    kill -CONT "$(pid_of a)"
    wait $begun
    [ $? = 7 ] && grep -q 'were changed here since it let go' "$work/home" || { complain "a failback that should ask"; cat "$work/home"; }
    role_is a serving && role_is b standby || complain "a is $(role a), b $(role b)"
    wants 4 'cannot be undone' doppel b procedure undo
    kill -9 "$(pid_of a)"
    wait "$(get job a)" 2>/dev/null
    wants 0 'missing: ' doppel b failover mail --immediate --source-is-down --confirm=mail --accept-incomplete
    role_is b serving || complain "b is $(role b)"
    [ -e "$root_b/by-hand" ] || complain "what was changed by hand is gone"
    site_start a
    eventually role_is a superseded
    echo "PRINT a failback that asks is no obstacle when the source is lost again"
    ;;
full)
    head -c 30M /dev/zero >"$work/b/state/filler" 2>/dev/null
    echo x 2>/dev/null >"$work/b/state/more" && complain "there is room left"
    wants 0 'nothing: both sites are equal' doppel b failover mail
    role_is b serving || complain "site b is $(role b)"
    grep -aq serving "$work/b/state/set/mail" || complain "agents do not know that site b serves"
    grep 'what agents know' "$work/b/log" && complain "agents know an old role"
    kill -9 "$(pid_of b)"
    wait "$(get job b)" 2>/dev/null
    site_start b
    role_is b serving || complain "begun anew, site b is $(role b)"
    wants 4 'doppel restore mail has compared' doppel b connect mail --equal
    echo "PRINT a failover, and a new begin, on a disk without room"
    ;;
cramped)
    is_full() { doppel b --output-as=json status mail | grep -q '"state": "full"'; }
    idle_or_full() { doppel a wait mail --idle --timeout=0s || is_full; }
    # No other segment of the queue has room, and of the one that is open too little is left.
    # shellcheck disable=SC2154 # of sites-lib.sh
    fallocate -l "$(($(df --output=avail -k "$disk_b" | tail -n 1) - 100000))k" "$disk_b/filler" || complain "no filler"
    head -c 40M /dev/urandom >"$root_a/much"
    for n in $(seq 15); do
        head -c 1M /dev/urandom >"$root_a/more.$n"
        eventually idle_or_full || break
        ! is_full || break
    done
    eventually is_full
    kill -9 "$(pid_of a)" "$(victim a engine)"
    wait "$(get job a)" 2>/dev/null
    wants 0 'missing: ' timeout 120 "$libexec/doppel" --instance=two-b failover mail --immediate --source-is-down --confirm=mail
    role_is b serving || complain "site b is $(role b)"
    # The last one may not have found room.
    for n in much $(seq -f more.%g $((n - 1))); do
        cmp "$root_a/$n" "$root_b/$n" || complain "$n differs"
    done
    site_start a
    eventually role_is a superseded
    echo "PRINT a failover where the replica's disk has no room for a queue"
    ;;
filled)
    # fills SITE: too little is left of the open segment of its queue, and there is no room for another one.
    fills() {
        fallocate -l "$(($(df --output=avail -k "$(get disk "$1")" | tail -n 1) - 100000))k" "$(get disk "$1")/filler" || complain "no filler"
        eventually has_no_room "$1"
    }
    has_no_room() { doppel "$1" --output-as=json status mail | grep -q '"state": "full"'; }
    waits() { doppel b procedure show "$(id_of)" | grep -qE "^now: $1"; }
    for n in $(seq 48); do head -c 1M /dev/urandom >"$root_a/more.$n"; done
    must doppel a wait mail --idle --timeout=60s
    fills b
    if [ "$kill_at" = all ]; then
        echo "what fits into the rest" >"$root_a/last"
        wants 0 'nothing: both sites are equal' doppel b failover mail --wait=60
    else
        head -c 20M /dev/urandom >"$root_a/last" # more than what is left of it
        no_room='site site-b has no room for 2[0-9]{7} bytes of site site-a: make room there'
        wants 7 "has come \\($no_room.*\\) in the time" doppel b failover mail --wait=2
        doppel b procedure resume --then=wait --wait=60 >"$work/filled" 2>&1 </dev/null &
        begun=$!
        eventually waits "$no_room"
        rm "$disk_b/filler"
        wait $begun
        code=$?
        [ $code = 0 ] && grep -q 'nothing: both sites are equal' "$work/filled" || { complain "where there is room again: exit $code"; cat "$work/filled"; }
    fi
    role_is b serving || complain "site b is $(role b)"
    same || complain "the sites differ"
    if [ "$kill_at" != all ]; then
        eventually role_is a superseded
        wants 0 'restore .*: done' doppel b restore mail
        for n in $(seq 48); do head -c 1M /dev/urandom >"$root_b/more.$n"; done
        must doppel b wait mail --idle --timeout=60s
        fills a
        head -c 20M /dev/urandom >"$root_b/last"
        no_room='site site-a has no room for 2[0-9]{7} bytes: make room there'
        wants 7 "in 2 s: $no_room" doppel b failback mail --wait=2
        doppel b procedure resume --wait=60 >"$work/filled" 2>&1 </dev/null &
        begun=$!
        eventually waits "$no_room"
        rm "$disk_a/filler"
        wait $begun
        code=$?
        [ $code = 0 ] && role_is a serving || { complain "a failback where there is room again: exit $code"; cat "$work/filled"; }
        same || complain "the sites differ"
    fi
    echo "PRINT a disk without room, where $kill_at has come"
    ;;
unjournalled)
    head -c 500M /dev/zero >"$work/b/journal/filler" 2>/dev/null
    wants 0 'nothing: both sites are equal' doppel b failover mail
    role_is b serving || complain "site b is $(role b)"
    echo "while there is no journal" >"$root_b/passed" || complain "site b does not serve"
    wants 0 'serving-without-journal' doppel b status mail
    rm "$work/b/journal/filler"
    journals() { doppel b --output-as=json status mail | grep -q '"state": "serving"'; }
    eventually journals
    wants 0 'restore .*: done' doppel b restore mail
    doppel b wait mail --idle --timeout=60s >/dev/null || complain "not idle"
    same || complain "the sites differ"
    echo "PRINT a site whose journal has no room serves, and is compared when there is room"
    ;;
confirmed)
    let_go() { role_is a released; }
    knows() { [ "$(generation b)" = "$(generation a)" ]; }
    engine=$(victim b engine)
    kill -STOP "$engine"
    date >"$root_a/waits" || complain "the source does not serve"
    doppel b failover mail >"$work/confirmed" 2>&1 </dev/null &
    begun=$!
    eventually let_go
    wants 0 '^next: +nothing: procedure .* runs' doppel b status mail
    wants 1 '^DOPPEL WARNING' doppel b status mail --check
    wants 0 '^next: +at site site-b: doppel status mail' doppel a status mail
    must doppel a site confirm mail
    kill -CONT "$engine"
    wait $begun
    code=$?
    [ $code = 7 ] && grep -q 'is serving, by generation 3' "$work/confirmed" || { complain "a source that was confirmed: exit $code"; cat "$work/confirmed"; }
    eventually knows
    wants 0 'undone' doppel b procedure undo
    [ "$(generation a)" = 3 ] && knows || complain "undone, and b has generation $(generation b), a $(generation a)"
    eventually serving
    eventually protected
    kill -9 "$(pid_of a)"
    wait "$(get job a)" 2>/dev/null
    wants 0 'missing: ' doppel b failover mail --immediate --source-is-down --confirm=mail
    [ "$(generation b)" -gt 3 ] || complain "b serves by generation $(generation b), and a too"
    site_start a
    eventually role_is a superseded
    echo "PRINT a source that was confirmed while it was taken over is known by its new generation, and superseded by a higher one"
    ;;
heard)
    is_off() { is b disconnected; }
    heard() { doppel b --output-as=json set show mail | grep -q '"heard_ms"'; }
    waits_settled() { doppel b procedure show "$(id_of)" | grep -q 'paused by hand'; }
    has_queue() { [ "$(field b queue_bytes)" -gt 0 ]; }
    # down_and_back: the source is killed, a failover begins and stands at "settle", the source comes back and is heard.
    down_and_back() {
        must doppel b pause mail
        date +%N >"$root_a/waits" || complain "the source does not serve"
        eventually has_queue
        kill -9 "$(pid_of a)"
        wait "$(get job a)" 2>/dev/null
        eventually is_off
        doppel b failover mail --immediate --source-is-down --confirm=mail >"$work/heard" 2>&1 </dev/null &
        begun=$!
        eventually waits_settled
        site_start a
        eventually heard
        must doppel b resume mail
        wait $begun
        code=$?
        [ $code = 7 ] && grep -q 'the source was heard, which was said to be down' "$work/heard" ||
            { complain "a source that was heard: exit $code"; cat "$work/heard"; }
        role_is b standby || complain "b is $(role b) though the source was heard"
    }
    down_and_back
    wants 7 'was heard' doppel b procedure resume
    wants 0 'undone' doppel b procedure undo
    eventually role_is a serving
    eventually serving
    eventually protected
    echo "at a" >"$root_a/went-on" || complain "the source does not serve again"
    eventually test -e "$root_b/went-on"
    down_and_back
    # On a terminal it offers what it takes.
    if command -v script >/dev/null; then
        typed immediate 0 '^Type immediate or abort: ' procedure resume
    else
        wants 0 'missing: ' doppel b procedure resume --then=immediate
    fi
    role_is b serving || complain "b is $(role b)"
    eventually role_is a superseded
    echo "PRINT a source that was heard stops the failover; undone it serves on, gone on with it is superseded"
    ;;
incomplete)
    # A mirror that runs, slowly: the replica is no state of the source.
    must doppel a limit mail --bandwidth=100k
    head -c 30M /dev/urandom >"$root_a/big"
    must doppel a mirror start mail --kind=full
    eventually is b mirroring
    wants 4 'not consistent here' doppel b failover mail
    wants 4 'not consistent here' doppel b failover mail --immediate
    wants 0 'it would be refused: the replica' doppel b failover mail --plan
    role_is a serving || complain "a refusal took the service away"
    kill -9 "$(pid_of a)"
    wait "$(get job a)" 2>/dev/null
    wants 7 'a mirror has not ended|not consistent' doppel b failover mail --immediate --source-is-down --confirm=mail
    role_is b standby || complain "b is $(role b), from a replica that nobody accepted"
    wants 0 'missing: .*(a mirror has not ended|not consistent)' doppel b procedure resume --accept-incomplete
    role_is b serving || complain "b is $(role b)"
    site_start a
    eventually role_is a superseded
    echo "PRINT a replica that is not consistent is refused, or asked about, and served when it is accepted"
    ;;
offline)
    wants 7 'the services do not run at site site-b: service never' doppel b failover mail --accept-incomplete
    grep -q 'procedure resume .* --accept-incomplete$' "$work/out" || { complain "it is not asked about"; cat "$work/out"; }
    role_is b serving || complain "b is $(role b)"
    wants 6 'warning: the services do not run at site site-b: service never' timeout 60 "$libexec/doppel" --instance=two-b procedure resume --accept-incomplete
    echo "PRINT a service that does not start is asked about, and accepted at once"
    ;;
rules)
    learned() { doppel b --output-as=json set show mail | grep '"peer_rules"' | grep -q "$1"; }
    told() { grep -q "^doppel-mail.rules $1 " "$work/alerts-b"; }
    # changes SITE VERB PATH...: rules of the set, and those who are connected hear of it.
    changes() {
        wants 6 'follows the old rules' doppel "$1" set "$2" mail "${@:3}"
        must doppel "$1" disconnect mail
        must doppel "$1" connect mail
        eventually protected
    }
    no_place='lies in no directory of the map'
    # Two paths that are one here: nothing mends that.
    mkdir "$disk_a/twin"
    wants 6 'follows the old rules' doppel a set add mail "$disk_a/twin"
    wants 0 'would be refused: .*by the map' doppel b failover mail --plan --accept-incomplete
    for word in --graceful --accept-incomplete; do
        wants 4 'by the map' doppel b failover mail $word
        grep -q 'or --accept-incomplete' "$work/out" && complain "what is no way out is offered"
    done
    role_is a serving || complain "a refusal took the service away"
    doppel a set remove mail "$disk_a/twin" >/dev/null 2>&1
    mkdir "$disk_a/tmp" "$disk_a/new"
    changes a add "$disk_a/tmp" --exclude
    eventually learned "$disk_a/tmp"
    changes a add "$disk_a/new"
    eventually told unusable
    wants 0 "this site could not serve it: .*$disk_a/new.* $no_place" doppel b status mail
    wants 0 "would be refused: .*$no_place" doppel b failover mail --plan
    wants 4 "$no_place.*doppel set remove mail" doppel b failover mail
    wants 4 "$no_place" doppel b failover mail --immediate
    wants 4 "$no_place" doppel b failover mail --immediate --source-is-down --confirm=mail
    role_is a serving || complain "a refusal took the service away"
    # It is heard at once that the rule is gone; what is excluded elsewhere is in nobody's way.
    wants 6 'follows the old rules' doppel a set remove mail "$disk_a/new"
    wants 0 'nothing: both sites are equal' doppel b failover mail
    eventually told usable
    role_is b serving || complain "site b is $(role b)"
    wants 0 'restore .*: done' doppel b restore mail
    mkdir "$disk_b/new"
    wants 6 'follows the old rules' doppel b set add mail "$disk_b/new"
    wants 4 "site-a.* could not serve .*$no_place" doppel b failback mail
    wants 0 "would be refused: .*$no_place" doppel b failback mail --plan
    role_is b serving || complain "a refusal took the service away"
    wants 6 'follows the old rules' doppel b set remove mail "$disk_b/new"
    wants 0 'failback .*: done' doppel b failback mail
    role_is a serving || complain "site a is $(role a)"
    eventually protected
    changes a add "$disk_a/new"
    eventually learned "$disk_a/new"
    kill -9 "$(pid_of a)"
    wait "$(get job a)" 2>/dev/null
    wants 4 "$no_place" doppel b failover mail --immediate --source-is-down --confirm=mail
    wants 0 "missing: .*$no_place" doppel b failover mail --immediate --source-is-down --confirm=mail --accept-incomplete
    role_is b serving || complain "site b is $(role b)"
    echo mine >"$root_b/written-there" || complain "site b cannot be written"
    site_start a
    eventually role_is a superseded
    echo "PRINT rules outside the map: left out, refused before anything is stopped, or accepted"
    ;;
killed)
    deliver &
    delivers=$!
    eventually flows
    failover_dies "$kill_at"
    if ! role_is b serving || [ "$code" != 0 ]; then
        wants 0 'done' doppel b procedure resume "$(id_of)"
    fi
    touch "$work/enough"
    wait $delivers
    left && role_is b serving || complain "after the failover: $(role a) and $(role b)"
    [ "$(lost)" = 0 ] || complain "$(lost) of $(acknowledged) files are lost"
    same || complain "the sites differ"
    echo "PRINT killed at $kill_at: resumed, $(acknowledged) files, $(lost) lost"
    ;;
esac
sites_end
