#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How long users wait when a site or a node is lost and when the service is moved: a real mail service in the lab, with its
# replica, mail flowing, and somebody who asks SMTP and IMAP for it all the time (tests/lab/mail-sites.sh). Run by
# tests/bench/run, which sets DOPPEL_BUILD. What each operation took is told on standard error.
#   BENCH_REPEATS   of each [3]
set -u
exec 3>&1 1>&2
here=$(cd "$(dirname "$0")" && pwd)
repeats=${BENCH_REPEATS:-3}
[ "$(id -u)" = 0 ] || { echo "SKIP: must be root: it makes namespaces and loop devices"; exit 77; }
tree=$(mktemp -d "${BENCH_DIR:-/var/tmp}/failover.XXXXXX") || exit 1
make -C "$DOPPEL_BUILD" install DESTDIR="$tree" >"$tree/log" 2>&1 || { tail -n 20 "$tree/log"; rm -rf "$tree"; exit 1; }
export LAB_INSTALL=$tree
. "$here/../lab/helpers.sh"
. "$here/../lab/mail-lib.sh"
. "$here/../lab/cluster-lib.sh"
. "$here/../lab/mail-sites.sh"
trap 'rm -rf "$tree"; at_exit' EXIT
more_logs() { cluster_logs; }

# The last time at which it began to serve, in ms of wall time; nothing while it does not.
up_since() { tail -n 1 "$LAB_TMP/serves" | sed -n 's/^up //p'; }
up_again() { [ "$(wc -l <"$LAB_TMP/serves")" -gt "$1" ] && [ -n "$(up_since)" ]; }
changes() { wc -l <"$LAB_TMP/serves"; }

# fenced_ms NODE: when the fence agent ended that did it last. (stonith_admin --history knows only the second.)
fenced_ms() {
    local when
    when=$(on "$(other_of "$1")" grep -aE "log_async_result.* targeting $1 using .* returned 0" /var/log/pacemaker/pacemaker.log |
        tail -n 1 | cut -d' ' -f 1-3)
    [ -n "$when" ] && date -d "$when" +%s%3N
}

# operations NODE TASK: what they took there, as Pacemaker says.
operations() {
    on "$(member a)" crm_mon -1 --output-as=xml --include=none,operations 2>/dev/null |
        awk -v node="$1" -v task="$2" -F'"' '
            /<node name=/ { here = $2 == node }
            here && /<resource_history id=/ { id = $2 }
            here && index($0, "task=\"" task "\"") {
                match($0, /exec-time="[0-9]+/)
                printf "    %s %s %d ms\n", task, id, substr($0, RSTART + 11, RLENGTH - 11)
            }' | grep -v fence
}
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
rest() { settle a; wait_until 120 protected || fail "the sites do not come together"; }

move_once() {
    local from to before start
    from=$(owner a mail-dovecot) before=$(changes)
    to=$(other_of "$from")
    start=$(now_ms)
    quietly on "$(member a)" crm_resource --move --resource g-mail-store --node "$to" || fail "move"
    wait_until 120 up_again $((before + 1)) || fail "it is not served again"
    moved+=($(($(up_since) - start)))
    echo "planned move: ${moved[-1]} ms"
    settle a
    operations "$from" stop
    operations "$to" start
    quietly on "$(member a)" crm_resource --clear --resource g-mail-store
    rest
}
crash_once() {
    local from before start fenced
    from=$(owner a mail-dovecot) before=$(changes) start=$(now_ms)
    lab power off "$from" >/dev/null || fail "the power switch"
    wait_until 120 up_again $((before + 1)) || fail "it is not served again"
    fenced=$(fenced_ms "$from")
    [ -n "$fenced" ] && [ "$fenced" -gt "$start" ] || fail "no fencing is told: $fenced"
    crashed+=($(($(up_since) - fenced)))
    echo "power lost: fenced after $((fenced - start)) ms, served ${crashed[-1]} ms later"
    operations "$(other_of "$from")" start
    lab power on "$from" >/dev/null
    wait_until 120 online a "$from" && wait_until 60 ready "$from" || fail "$from did not come back"
    rest
}

# A whole site, in a lab of its own: from the command at the other one to the login of a user.
site_once() {
    local ms
    "$here/../scenario/failover.sh" power >"$tree/site" 2>&1 || { tail -n 20 "$tree/site"; return 1; }
    ms=$(sed -n 's/.*by IMAP \([0-9]*\) ms after.*/\1/p' "$tree/site" | head -n 1)
    echo "site lost: served $ms ms after the command"
    grep -E '^ +[0-9]+ .* done ' "$tree/site"
    sites+=("$ms")
}
sites=()
for ((i = 0; i < repeats; i++)); do site_once || exit 1; done
echo "RESULT failover.site.seconds $(printf '%s\n' "${sites[@]}" | median | awk '{ printf "%.1f", $1 / 1000 }')" >&3

# Nobody delivers to user5, so that what is asked for is always as short.
mail_needs
MAIL_USERS=5
lab_up --token 500 --hosts a1,a2,a9,b1,b2,c1 --host-disk-size 2048 --disk-size 512
mail_sites_up
# A node of the lab is up again a second after it was fenced, and joins while the group starts: no machine does that.
quietly crm_at a configure property stonith-action=off || fail "stonith-action"
# shellcheck disable=SC2034 # for mail-lib.sh
MAIL_USERS=4
MAIL_RATE=${MAIL_RATE:-10} flow_starts c1 $SERVICE
"$LAB_PROGRAM" exec c1 "$MAILFLOW" watch --host $SERVICE --user user5 --password secret >"$LAB_TMP/serves" </dev/null &
wait_until 30 up_again 0 || fail "it is not served"
moved=() crashed=()
for ((i = 0; i < repeats; i++)); do
    move_once
    crash_once
done
echo "RESULT failover.node.after_fencing_ms $(printf '%s\n' "${crashed[@]}" | median)" >&3
echo "RESULT failover.planned_move_ms $(printf '%s\n' "${moved[@]}" | median)" >&3
