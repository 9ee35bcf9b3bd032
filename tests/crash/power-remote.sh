#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# durability=remote: a source loses its power under load, and with it its disk's unsynced state and its
# journal; the target, which every third time loses its power too, has every message and every
# transaction whose fsync had returned, and all that preceded it. Then both begin anew, equal.
# POWER_ROUNDS: how often (3). DPL_SEED: when.
# shellcheck source=tests/crash/sites-lib.sh
. "$(dirname "$0")/sites-lib.sh" || exit 1
sites_more() {
    [ "$1" != a ] || printf 'durability=remote\ndurability_policy=refuse\ndurability_timeout=60s\n'
}
DISK=${DISK:-512M}
sites_stage "$@"
needs_mailer
RANDOM=${DPL_SEED:-7}
echo "seed ${DPL_SEED:-7}"
rounds=${POWER_ROUNDS:-3}
# All that is a site's is on its disk.
# shellcheck disable=SC2154
files_a=$disk_a/var files_b=$disk_b/var
mkdir "$files_a" "$files_b"
sites_start
sites_pair
sites_set

shut() {
    local site
    for site in a b; do
        at "$site" kill -TERM "$(pid_of "$site")"
        wait "$(get job "$site")" || complain "$site ended with $?"
    done
    must "$libexec/doppel-capture" --stop --set mail --run-dir "$files_a/run/capture" --timeout 30
}
shut
for site in a b; do
    rm -rf "$(get files $site)"/{run,journal}
    umount "$(get disk $site)" || die "the disk of $site is in use"
    cp --sparse=always "$work/$site/disk" "$work/$site/new"
done

# boot SITE [DURABILITY]: its disk as the last power cut left it; nothing of /run.
boot() {
    mount -o loop "$work/$1/disk" "$(get disk "$1")" || die "$1 does not mount"
    rm -rf "$(get files "$1")/run"
    sed -i "s/^durability=.*/durability=${2:-}/" "$(get files "$1")/conf"
    site_start "$1"
}
processes() {
    local pid
    pid=$(pid_of "$1")
    echo "$pid"
    pgrep -P "$pid"
    pgrep -f "$(get files "$1")/run"
}
# The power of sites goes: all processes at once, then what was not on the disk.
power_off() {
    local site pids=()
    for site; do
        # shellcheck disable=SC2207
        pids+=($(processes "$site"))
    done
    [ "$1" = b ] || pids+=("$mailer")
    kill -9 "${pids[@]}" 2>/dev/null
    for site; do
        "$tools/cut-power" "$(get disk "$site")" || die "the power of $site cannot be cut"
        wait "$(get job "$site")" 2>/dev/null
    done
    for site; do
        # What a process of the site had open goes with it, a moment later.
        [ "$site" != a ] || umount -l "$root_a" 2>/dev/null
        eventually umount "$(get disk "$site")"
    done
}

# Both sites begin anew, and writers write.
begin() {
    local site
    for site in a b; do cp --sparse=always "$work/$site/new" "$work/$site/disk"; done
    boot a "${1:-remote}"
    boot b
    eventually serving
    sites_protect
    rm -f "$work/acks"
    mkdir "$root_a/box" || die "the root cannot be written"
    "$tools/mailer" write --writers 4 --database --seconds 3600 --acks "$work/acks" "$root_a/box" \
        >"$work/mailer" 2>&1 &
    mailer=$!
    eventually test -s "$work/acks"
}
# Whether the target has all that was promised.
kept() {
    wait "$mailer" 2>/dev/null
    # What was on its way arrives yet.
    eventually is b disconnected
    must doppel b wait mail --queue-empty --timeout="${patience}s"
    must doppel b wait mail --consistent --timeout="${patience}s"
    rm -rf "$work/frozen"
    cp -a "$root_b" "$work/frozen"
    "$tools/mailer" check --writers 4 --database --acks "$work/acks" "$work/frozen/box" \
        >"$work/judged" 2>&1
}

acked=0 both=0
for ((round = 1; round <= rounds && failed == 0; round++)); do
    begin
    pause "$((RANDOM % 2)).$((RANDOM % 10))"
    kill -0 "$mailer" || complain "a writer failed: $(cat "$work/mailer")"
    if [ $((round % 3)) = 0 ]; then
        power_off a b
        boot b
        both=$((both + 1))
    else
        power_off a
    fi
    kept || { complain "round $round: the target lacks what was promised"; cat "$work/judged"; }
    acked=$((acked + $(wc -l <"$work/acks")))
    [ $failed = 0 ] || sites_logs
    power_off b
done

# What was not promised is lost, and this is seen.
begin local
eventually test -e "$root_b/box/begun"
more_acks() { [ "$(wc -l <"$work/acks")" -gt $((lines + 30)) ]; }
ip link set lo down
lines=$(wc -l <"$work/acks")
eventually more_acks
power_off a
ip link set lo up
kept && complain "what was never sent is not missed"
grep -q "says that it finished" "$work/judged" || { complain "otherwise than expected"; cat "$work/judged"; }
power_off b
[ $failed != 0 ] || echo "PRINT $((round - 1)) times the source lost its power, $both times the target too:" \
    "none of $acked synced steps is lost"
exit $failed
