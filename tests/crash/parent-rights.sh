#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who may do what: every command of doppel as a user of no group, of doppel-monitor and of
# doppel-admin. Then what is drawn by `status --watch`, on a terminal and elsewhere.
set -u
[ "$(id -u)" = 0 ] || { echo "SKIP: needs root"; exit 77; }
if [ -z "${PARENT_INSIDE:-}" ]; then
    PARENT_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc \
        --propagation private "$0" "$@"
fi
build=$(pwd)
work=$(mktemp -d) || exit 2
trap 'umount /etc/group; rm -rf "$work"' EXIT
chmod 755 "$work"
ip link set lo up || { echo "SKIP: no network namespace"; exit 77; }
mount -t tmpfs none /dev/shm
grep -vE '^doppel-(admin|monitor):' /etc/group >"$work/group"
printf 'doppel-admin:x:64001:\ndoppel-monitor:x:64002:\n' >>"$work/group"
chmod 644 "$work/group"
mount --bind "$work/group" /etc/group || { echo "SKIP: /etc/group cannot be replaced"; exit 77; }
mkdir "$work/libexec" "$work/src" "$work/told"
for name in link replica door; do
    ln -s "$build/tests/crash/fake-engine" "$work/libexec/doppel-$name"
done
export DOPPEL_LIBEXEC_DIR=$work/libexec DOPPEL_FAKE_DIR=$work/told
cat >"$work/conf" <<END
[site]
name=site-a
[daemon]
listen=127.0.0.1
port=16650
metrics=off
run_dir=$work/run
state_dir=$work/state
[target]
root=$work/src
[tls]
key=$work/keys/node.key
cert=$work/keys/node.crt
[set mail]
target=site-b
route=127.0.0.1:26650
capture=no
END
failed=0 pass=0
complain() { echo "FAIL: $*"; failed=$((failed + 1)); }
mkfifo "$work/never"
eventually() {
    local end=$((SECONDS + 120))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { complain "never: $*"; return 1; }
        read -r -t 0.05 <>"$work/never"
    done
    pass=$((pass + 1))
}
# The programs stand where anybody may reach them.
cp "$build/doppel" "$work/doppel"
doppel() { "$work/doppel" --instance=rights "$@"; }
as() { # as GROUP-OR-NONE COMMAND...
    local groups=--clear-groups
    [ "$1" = 0 ] || groups=--groups=$1
    shift
    setpriv --reuid=64000 --regid=64000 "$groups" "$work/doppel" --instance=rights "$@" 2>&1
}
"$build/doppeld" --config "$work/conf" --instance rights --foreground 2>"$work/log" &
pid=$!
eventually doppel status
doppel set create mail "$work/src" || complain "set create"

# Each command with arguments that it can read; those of the table that are not here are missed.
commands() {
    cat <<END
look status
look stats mail
look wait mail --timeout=1ms
change verify mail
look set show mail
look set list
look mirror status mail
look site offer
look site list
change set accept other --from=site-b
change set add mail $work/src --exclude
change set remove mail $work/none
change connect mail
change disconnect mail
change connection start nothing --target=site-b
change connection stop nothing
change replica start nothing --device=x
change replica stop nothing
change site confirm mail
change node add other-node
change node remove other-node
look node check
look store show
look store export
change store import $work/exported
change store join
change store confirm-down other-node
change pause mail
change resume mail
change limit mail --bandwidth=1M
change mirror start mail
change mirror stop mail
change orphans mail list
change failover mail --plan
change restore mail --plan
change failback mail --plan
look procedure show
change procedure resume nothing
change procedure undo nothing
change procedure stop nothing
change site init
change site pair site-b --fingerprint=x
change site rotate
change site revoke site-c
change site address site-c 127.0.0.1
change set create third $work/nowhere
change set delete nothing
END
}
echo nothing >"$work/exported"
chmod 644 "$work/exported"
refused="may only look|doppel-admin|refuses this user"
# shellcheck disable=SC2086
while read -r right command; do
    out=$(as 0 $command) && complain "a stranger may: $command"
    grep -q 'refuses this user' <<<"$out" || complain "a stranger is not refused: $command: $out"
    out=$(as 64002 $command) rc=$?
    if [ "$right" = look ]; then
        ! grep -qE "$refused" <<<"$out" || complain "doppel-monitor may not: $command: $out"
    else
        [ $rc != 0 ] && grep -qE "$refused" <<<"$out" || complain "doppel-monitor may: $command: $out"
    fi
    out=$(as 64001 $command)
    ! grep -qE "$refused" <<<"$out" || complain "doppel-admin may not: $command: $out"
    pass=$((pass + 3))
done < <(commands)
doppel --help | sed -n 's/^  \([a-z]*\( [a-z-]*\)\?\)  .*/\1/p' | sort >"$work/table"
commands | cut -d' ' -f2- >"$work/here"
while read -r words; do
    case $words in completion | "journal show" | emergency\ *) continue ;; esac
    grep -qE "^$words( |\$)" "$work/here" || complain "\"$words\" is not looked at"
done <"$work/table"
[ "$(wc -l <"$work/table")" -gt 20 ] || complain "the table of commands was not read"

# Elsewhere than on a terminal there are no control characters; an interrupt ends it with 130.
watch() { # watch FILE [OPTION...]
    local to=$1 rc
    shift
    env -u NO_COLOR TERM=xterm LC_ALL=C "$work/doppel" --instance=rights "$@" status mail --watch >"$to" &
    local watcher=$!
    eventually grep -q 'mail' "$to"
    kill -INT $watcher
    wait $watcher
    rc=$?
    [ $rc = 130 ] || complain "an interrupted watch ends with $rc"
}
watch "$work/plain"
grep -q "$(printf '\033')" "$work/plain" && complain "control characters where no terminal is"
for word in '^set: *mail is' '^lag:' '^target:' '^the last 60 s: ' '^\['; do
    grep -q -- "$word" "$work/plain" || complain "watch lacks $word"
done
watch "$work/json" --output-as=json
head -n 1 "$work/json" | grep -q '^{.*"sets".*}$' || complain "watch in JSON is no document a line"
if command -v script >/dev/null; then
    : >"$work/tty"
    TERM=xterm script -qefc "$work/doppel --instance=rights status mail --watch" "$work/tty" >/dev/null </dev/null &
    scripted=$!
    eventually grep -q 'the last 60 s' "$work/tty"
    kill -INT "$(pgrep -f "^$work/doppel --instance=rights status" | head -n 1)"
    wait $scripted
    grep -q "$(printf '\033\[2J')" "$work/tty" || complain "a terminal is not drawn over"
    # What it has switched on it would have to switch off.
    grep -qE "$(printf '\033\[\?[0-9]*[hl]')" "$work/tty" && complain "a mode of the terminal was changed"
else
    echo "PRINT there is no script(1): watch was not seen on a terminal"
fi
kill -TERM $pid
wait $pid || complain "doppeld ended with $?"
grep -aE 'ERROR: |runtime error' "$work/log" && complain "a sanitizer spoke"
[ $failed = 0 ] || tail -n 30 "$work/log"
echo "$pass checks passed, $failed failed"
[ $failed = 0 ]
