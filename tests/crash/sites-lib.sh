# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Two stand-alone servers, site-a (source) and site-b (target), as administrators set them up. Sourced by
# tests, which call in this order:
#
# sites_stage "$@"     on this host: namespaces of its own, programs in $libexec (of the build, or of the
#                       directory $1), a directory $work in memory, a disk for each site at $work/SITE/mnt
# sites_start          both doppelds, from configurations that sites_config SITE prints
# sites_pair           keys, authorities, confirmed fingerprints
# sites_set            the set "mail": $root_a at site-a, $root_b at site-b, captured and not connected
# sites_protect        connects it, both sides being empty, and waits until it is protected
# sites_end            stops both and exits with what was complained of
#
# sites_alerts SITE, in sites_more, makes each alert of that site a line "NAME VALUE TEXT" of $work/alerts-SITE.
# mailer_begins [OPTION...] lets the mail writers work at site-a, and mailer_ends waits for their good end.
#
# A test elsewhere than on one host sets root_SITE, addr_SITE, disk_SITE, files_SITE, tools and libexec, and
# defines at SITE COMMAND..., which runs a command there, and seen SITE PATH, which says how a path there
# is named here. Everything waits for events, bounded by $patience seconds.

set -u
build=${build:-$PWD}
patience=${patience:-180}
failed=0

complain() { echo "FAIL: $*"; failed=1; }
die() {
    complain "$*"
    sites_logs
    exit 1
}
# Nobody writes to that fifo: a read with a time limit.
pause() { read -r -t "$1" <>"$never" || :; }
eventually() {
    local end=$((SECONDS + patience))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { complain "never: $*"; return 1; }
        pause 0.1
    done
    return 0
}
must() { "$@" >"$work/out" 2>&1 || { complain "$*: $?"; cat "$work/out"; return 1; }; }
# wants CODE PATTERN COMMAND...: that exit code, and a line of the output that matches.
wants() {
    local code=$1 pattern=$2 got
    shift 2
    "$@" >"$work/out" 2>&1 </dev/null
    got=$?
    [ $got = "$code" ] || { complain "$*: exit $got, not $code"; cat "$work/out"; return 1; }
    grep -qE -- "$pattern" "$work/out" || { complain "$*: no \"$pattern\""; cat "$work/out"; return 1; }
}
# get NAME SITE: the variable NAME_SITE.
get() { local -n variable=$1_$2 && echo "$variable"; }

sites_stage() {
    if [ "$(id -u)" != 0 ] || [ ! -c /dev/fuse ]; then
        echo "SKIP: needs root and /dev/fuse"
        exit 77
    fi
    if [ -z "${SITES_INSIDE:-}" ]; then
        work=$(mktemp -d) || exit 2
        chmod 755 "$work"
        SITES_INSIDE=$work unshare --net --mount --pid --fork --kill-child --mount-proc \
            --propagation private "$0" "$@"
        local code=$?
        rmdir "$work"
        exit $code
    fi
    work=$SITES_INSIDE never=$work/never
    mount -t tmpfs -o mode=755 none "$work" && mount -t tmpfs none /dev/shm || exit 2
    mkfifo "$never"
    trap sites_leave EXIT
    sites_programs "${1:-}"
    ip link set lo up
    addr_a=127.0.0.1:16650 addr_b=127.0.0.1:26650
    local site
    for site in a b; do
        mkdir -p "$work/$site/mnt"
        truncate -s "${DISK:-2G}" "$work/$site/disk"
        mkfs.ext4 -q "$work/$site/disk"
        mount -o loop "$work/$site/disk" "$work/$site/mnt" || { echo "SKIP: no loop device"; exit 77; }
        eval "disk_$site=$work/$site/mnt files_$site=$work/$site root_$site=$work/$site/mnt/mail"
        mkdir "$work/$site/mnt/mail"
    done
    at() { "${@:2}"; }
    seen() { echo "$2"; }
    sites_tools "$work/tools"
}

# sites_tools DIR: copies the programs that write and judge, of which a build may have only some.
sites_tools() {
    local tool
    tools=$1 compare=$1/compare
    mkdir -p "$tools"
    for tool in "$build"/tests/crash/{mailer,compare,cut-power} "$build/tests/prop/chains"; do
        [ ! -x "$tool" ] || cp "$tool" "$tools/"
    done
}
needs_mailer() { [ -x "$tools/mailer" ] || { echo "SKIP: built without SQLite"; exit 77; }; }
mailer_begins() {
    mkdir "$root_a/box"
    "$tools/mailer" write --database --stop "$work/enough" --seconds 36000 "$@" "$root_a/box" >"$work/mailer" 2>&1 &
    mailer=$!
    eventually test -e "$root_b/box/begun"
}
mailer_ends() {
    touch "$work/enough"
    wait "$mailer" || { complain "an application failed"; cat "$work/mailer"; }
}

# What is not there has not been built: no reason to leave anything out.
sites_programs() {
    local program from
    libexec=$work/libexec
    mkdir "$libexec"
    for program in doppel doppeld doppel-capture doppel-link doppel-replica doppel-door doppel-kept; do
        for from in "${1:+$1/$program}" "$build/$program" "$build"/daemon/{capture,link,apply,priv}/"$program"; do
            [ -z "$from" ] || [ ! -x "$from" ] || { cp "$from" "$libexec/$program" && break; }
        done
        [ -x "$libexec/$program" ] || die "there is no $program"
    done
    export DOPPEL_LIBEXEC_DIR=$libexec
}

sites_leave() {
    local site
    for site in a b; do
        "$libexec/doppel-capture" --stop --set mail --run-dir "$work/$site/run/capture" --timeout 10
        umount "$work/$site/mnt"
    done >/dev/null 2>&1
    cd /
    umount -l "$work"
}

# sites_config SITE: its configuration; a test may set journal_more and map_more (a pair, for sites_set), and define sites_more SITE, which prints more.
sites_config() {
    local addr files
    addr=$(get addr "$1") files=$(get files "$1")
    cat <<END
[site]
name=site-$1
[daemon]
listen=${addr%:*}
port=${addr##*:}
metrics=off
user=nobody
run_dir=$files/run
state_dir=$files/state
log_level=debug
[tls]
key=$files/keys/node.key
cert=$files/keys/node.crt
END
    if [ "$1" = a ]; then
        printf '[journal]\ndir=%s/journal\n%s[set mail]\ntarget=site-b\n' "$files" "${journal_more:-}"
    else
        printf '[target]\nroot=%s\n' "$(get disk "$1")"
    fi
    ! declare -F sites_more >/dev/null || sites_more "$1"
}

sites_alerts() {
    # shellcheck disable=SC2016
    printf '#!/bin/sh\necho "$CRM_alert_attribute_name $CRM_alert_attribute_value $CRM_alert_desc" >>%s\n' \
        "$work/alerts-$1" >"$work/alert-$1"
    chmod 755 "$work/alert-$1"
    printf '[alerts]\nprogram=%s\n' "$work/alert-$1"
}

doppel() { at "$1" "$libexec/doppel" "--instance=two-$1" "${@:2}"; }
replies() { doppel "$1" status; }
# site_run SITE: its doppeld, in the background.
site_run() {
    local files
    files=$(get files "$1")
    # shellcheck disable=SC2016
    at "$1" sh -c 'echo $$ >"$1/pid"; exec "$2/doppeld" --config "$1/conf" --instance "$3" --foreground 2>>"$1/log"' \
        sh "$files" "$libexec" "two-$1" &
    eval "job_$1=$!"
}
site_start() {
    site_run "$1"
    eventually replies "$1" || die "$1 does not start"
}
sites_start() {
    local site files
    for site in a b; do
        files=$(get files "$site")
        sites_config "$site" | at "$site" sh -c 'mkdir -p -m 700 "$1/keys"; cat >"$1/conf"' sh "$files"
        site_start "$site"
    done
}
pid_of() { at "$1" cat "$(get files "$1")/pid"; }
# The first value of a key in the JSON that is read.
value() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" | head -n 1; }
# field SITE KEY: of the set's status.
field() { doppel "$1" --output-as=json status mail | value "$2"; }
print_of() { doppel "$1" --output-as=json site list | value fingerprint; }

sites_pair() {
    must doppel a site init
    must doppel b site init
    # The first to ask is not expected there yet.
    doppel a site pair site-b --address="$addr_b" >/dev/null 2>&1 && complain "paired with one who did not ask"
    must doppel b site pair site-a --address="$addr_a"
    must doppel a site pair site-b --address="$addr_b"
    doppel a site pair site-b --fingerprint="$(print_of a)" >/dev/null 2>&1 &&
        complain "a wrong fingerprint was confirmed"
    must doppel a site pair site-b --fingerprint="$(print_of b)" --address="$addr_b"
    must doppel b site pair site-a --fingerprint="$(print_of a)" --address="$addr_a"
}

is() { doppel "$1" set list | grep -qE "^mail .* $2\$"; }
serving() { doppel a --output-as=json status mail | grep -A1 '"capture"' | grep -q '"serving"'; }
protected() { is a protected && is b protected; }
sites_set() {
    must doppel b set accept mail --from=site-a ${map_more:+"--map=$map_more"} --map="$root_a:$root_b"
    must doppel a set create mail "$root_a"
    eventually serving
}
sites_protect() {
    must doppel a connect mail --equal
    eventually protected
}

# The processes of a site, by what they do: victim SITE NAME prints one process id.
victim() {
    case $2 in
    engine) doppel "$1" --output-as=json status mail | sed -n '/"engine"/,/}/p' | value pid ;;
    door) at "$1" pgrep -P "$(pid_of "$1")" -f doppel-door | head -n 1 ;;
    doppeld) pid_of "$1" ;;
    worker | keeper) field "$1" "$2" ;;
    esac
}
# strike SITE NAME: kills it, and starts doppeld again if it was that. 1 if there was none.
strike() {
    local pid
    pid=$(victim "$1" "$2")
    [ -n "$pid" ] && [ "$pid" != 0 ] && at "$1" kill -9 "$pid" 2>/dev/null || return 1
    [ "$2" = doppeld ] || return 0
    wait "$(get job "$1")" 2>/dev/null
    site_start "$1"
}

# equal: whether what the capture serves is what the replica comes to hold, in everything.
same() { "$compare" "$(seen a "$root_a")" "$(seen b "$root_b")"; }
equal() {
    must doppel a wait mail --idle --timeout="${patience}s"
    eventually is b protected
    same || complain "the sites differ"
}

sites_logs() {
    local site
    for site in a b; do
        echo "== $site"
        [ "$(type -t at)" != function ] || at "$site" tail -n "${LOG_LINES:-50}" "$(get files "$site")/log"
    done
}

sites_end() {
    local site
    for site in a b; do
        at "$site" kill -TERM "$(pid_of "$site")"
        wait "$(get job "$site")" || complain "$site ended with $?"
        at "$site" grep -hE 'ERROR: |runtime error' "$(get files "$site")/log" && complain "a sanitizer spoke"
    done
    [ $failed = 0 ] || sites_logs
    exit $failed
}
