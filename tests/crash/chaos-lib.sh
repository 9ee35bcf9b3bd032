# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# What happens to two sites, after sites-lib.sh: a Maildir and a database under load at site-a, deaths,
# frozen replicas, and the end of it all.
#
# chaos_load [OPTION...]   the writers, with options of "mailer write"; they end by chaos_enough
# chaos_die                one process of either site, or of the capture, dies
# chaos_frozen             the replica, paused where it is consistent, is copied, and the copy judged
# chaos_enough             ends the writers, who must not have seen an error; both sides become equal

writers=3
chaos_load() {
    local files
    files=$(get files a)
    at a mkdir "$root_a/box" "$root_a/chains" || die "the root cannot be written"
    at a "$tools/mailer" write --writers $writers --database --stop "$files/enough" --seconds 36000 "$@" \
        "$root_a/box" >"$work/mailer" 2>&1 &
    mailer=$!
    at a "$tools/chains" write --chains 2 --seed "${DPL_SEED:-1}" --seconds "${CHAOS_SECONDS:-25}" --rate 100 \
        "$root_a/chains" >"$work/chains" 2>&1 &
    chains=$!
    eventually grep -q prepared "$work/mailer"
    eventually grep -q prepared "$work/chains"
    eventually at b test -e "$root_b/box/begun" -a -e "$root_b/chains/log.1"
}

# One site's process, or one of the capture's; of these never two at once, which would be the mount's end.
declare -A died
chaos_die() {
    local victims=("a engine" "b engine" "a door" "b door" "a doppeld" "b doppeld" "a worker" "a keeper") who
    who=${victims[RANDOM % ${#victims[@]}]}
    # shellcheck disable=SC2086
    strike $who || return 0
    died[$who]=$((${died[$who]:-0} + 1))
    # A keeper or worker that died has a successor before the other may die.
    case $who in *worker | *keeper) eventually serving ;; esac
}
chaos_deaths() {
    local who
    for who in "${!died[@]}"; do printf '%s %s, ' "$who" "${died[$who]}"; done | sed 's/, $//'
}

# Pauses it where it is consistent: not in what is applied again after a death.
freeze() {
    local status
    doppel b pause mail || return 1
    # What this says was said after the pause.
    until status=$(doppel b --output-as=json status mail) && [ "$(value paused <<<"$status")" = true ]; do
        pause 0.05
        kill -0 "$job_b" || return 1
    done
    [ "$(value consistent <<<"$status")" != true ] || return 0
    doppel b resume mail
    doppel b wait mail --consistent --timeout=20s
    return 1
}
frozen=0
chaos_frozen() {
    eventually freeze || { doppel b --output-as=json status mail; return 1; }
    chaos_copy
    eventually doppel b resume mail
    judge || complain "a frozen replica is no state of the source"
    frozen=$((frozen + 1))
}
chaos_copy() {
    copy=$(get files b)/frozen
    at b rm -rf "$copy"
    at b cp -a "$root_b" "$copy" || complain "the replica cannot be copied"
}
judge() {
    at b "$tools/mailer" check --writers $writers --database "$copy/box" >"$work/judged" 2>&1 &&
        at b "$tools/chains" check --chains 2 --seed "${DPL_SEED:-1}" "$copy/chains" >>"$work/judged" 2>&1 && return
    cat "$work/judged"
    return 1
}

chaos_enough() {
    at a touch "$(get files a)/enough"
    wait $chains || { complain "an application failed"; cat "$work/chains"; }
    wait $mailer || { complain "an application failed"; cat "$work/mailer"; }
    cat "$work/mailer" "$work/chains"
    equal
    chaos_copy
    judge || complain "at the end the replica is no state"
    cat "$work/judged"
}
