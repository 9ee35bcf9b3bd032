#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mail-server with service=unit. Here runs no systemd: a program stands for systemctl, which starts and ends
# a process as a manager would, so this shows what the agent asks and does, not what systemd does.
. "${srcdir:-.}/tests/ocf/mail-lib.sh" || exit 1
stage_mail bash
mkdir -p /run/fake
cat >/run/fake/systemctl <<'END'
#!/bin/bash
cd /run/fake
echo "$*" >>calls
[ ! -e away ] || { echo "Failed to connect to bus: No such file or directory" >&2; exit 1; }
[ ! -e hang ] || exec sleep 600
main=$(cat main 2>/dev/null)
[ -n "$main" ] && [ -d "/proc/$main" ] || main=0
case $1 in
show)
    active=inactive
    [ "$main" = 0 ] || active=active
    [ ! -e state ] || active=$(cat state)
    printf 'LoadState=%s\nActiveState=%s\nUnitFileState=%s\nMainPID=%s\n' "$(cat loaded)" "$active" "$(cat enabled)" "$main"
    ;;
start)
    [ ! -e broken ] || { echo "Job for x.service failed because of something." >&2; exit 1; }
    [ "$main" != 0 ] || { setsid sleep 601 >/dev/null 2>&1 & echo $! >main; }
    ;;
stop)
    [ ! -e deaf ] || exec sleep 600
    [ "$main" = 0 ] || { kill "$main"; while [ -d "/proc/$main" ]; do :; done; }
    ;;
kill) [ "$main" = 0 ] || kill -9 "$main" ;;
esac
END
chmod +x /run/fake/systemctl
echo loaded >/run/fake/loaded
echo disabled >/run/fake/enabled
unit() {
    local action=$1
    shift
    agent_of unit unit "$action" unit=x binary=/run/fake/systemctl "$@"
}
calls() {
    wc -l </run/fake/calls
}

unit monitor CRM_meta_interval=0
reasons_wanted=0 expect 7
unit start
expect 0
ok "by its full name" grep -qx "start -- x.service" /run/fake/calls
before=$(calls)
unit monitor
expect 0
ok "a monitor runs nothing" test "$(calls)" = "$before"
unit monitor CRM_meta_interval=0
expect 0
unit monitor OCF_CHECK_LEVEL=10
expect 190 "OCF_CHECK_LEVEL 10 wants probe_address"
unit reload
expect 0
ok "reloaded" grep -qx "reload -- x.service" /run/fake/calls
# systemd has started it again by itself.
kill -9 "$(cat /run/fake/main)"
gone "$(cat /run/fake/main)"
/run/fake/systemctl start -- x.service
unit monitor
expect 0
kill -9 "$(cat /run/fake/main)"
gone "$(cat /run/fake/main)"
unit monitor
expect 7 "the unit x.service is inactive"
echo activating >/run/fake/state
unit monitor
expect 1 "the unit x.service is activating"
rm /run/fake/state
unit start
expect 0
unit stop
expect 0
ok "asked to stop" grep -qx "stop -- x.service" /run/fake/calls
unit stop
expect 0
# What hangs is killed.
unit start
expect 0
: >/run/fake/deaf
unit stop kill_after=1s
expect 0 "it is killed"
ok "killed" grep -qx "kill --signal=SIGKILL -- x.service" /run/fake/calls
rm /run/fake/deaf
# A manager that cannot be asked: no stop succeeds on its word.
unit start
expect 0
: >/run/fake/away
unit stop
expect 1 "Failed to connect to bus"
unit monitor
expect 0
rm /run/fake/away
: >/run/fake/hang
unit stop kill_after=1s CRM_meta_timeout=4000
expect 1 # one reason, of systemctl or of the operation's end
rm /run/fake/hang
unit stop
expect 0
: >/run/fake/broken
unit start
expect 1 "Job for x.service failed because of something."
rm /run/fake/broken
echo enabled >/run/fake/enabled
unit validate-all OCF_CHECK_LEVEL=10
expect 0 "systemctl disable x.service"
echo not-found >/run/fake/loaded
unit start
expect 5 "the unit x.service is not-found here"
unit validate-all OCF_CHECK_LEVEL=10
expect 5
rm /run/fake/systemctl
unit start
expect 5 "is not installed"
unit monitor CRM_meta_interval=0
reasons_wanted=0 expect 7
finish
