#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The lab tests itself: each verb does what it says, two labs do not disturb each other, and
# whatever is killed, nothing is left. No cluster is needed.
. "$(dirname "$0")/helpers.sh"

second() { LAB_NAME=$LAB_NAME-2 lab "$@"; }
trap 'rc=$?; second down 2>/dev/null; LAB_NAME=$LAB_NAME-k lab down 2>/dev/null; (exit $rc); at_exit' EXIT

PASSED=0
# check TEXT COMMAND...
check() {
    local text=$1
    shift
    "$@" || fail "$text"
    step "ok: $text"
    PASSED=$((PASSED + 1))
}
refuses() { # STATUS COMMAND...: one line on standard error and this exit status
    local want=$1 rc
    shift
    "$@" >/dev/null 2>"$LAB_TMP/err"
    rc=$?
    [ $rc = "$want" ] && [ "$(wc -l <"$LAB_TMP/err")" = 1 ]
}
not() { ! "$@"; }

usage_is_checked() {
    refuses 2 lab && refuses 2 lab nonsense && refuses 2 lab power && refuses 2 lab --name 'a b' list &&
        refuses 2 lab up --hosts a1,x9 && refuses 2 lab up --token soon && refuses 2 lab up --wan no &&
        refuses 2 lab power explode a1 && refuses 2 lab lan a1 bend && refuses 2 lab wan rate fast &&
        refuses 2 lab wan cut --a-to-x && refuses 2 lab wan relay --loss 101 &&
        refuses 1 lab power off z9 && refuses 1 lab wan cut a-f && refuses 125 lab exec z9 true &&
        refuses 1 lab up && refuses 77 setpriv --reuid 65534 --clear-groups "$LAB_PROGRAM" --name x up
}

exec_passes_on() {
    [ "$(on a1 hostname)" = a1 ] && [ "$(echo word | lab exec a1 cat)" = word ] || return
    on a1 sh -c 'exit 7'
    [ $? = 7 ] || return
    on a1 sh -c 'kill -9 $$'
    [ $? = 137 ]
}

hosts_are_apart() {
    on a1 sh -c 'echo x >/tmp/x; echo x >/dev/shm/x; echo x >/etc/x; echo x >/run/x' || return
    on a2 sh -c 'test ! -e /tmp/x -a ! -e /dev/shm/x -a ! -e /etc/x -a ! -e /run/x' || return
    [ ! -e /etc/x ] && on a1 sh -c '! echo 1 >/proc/sys/vm/swappiness' 2>/dev/null &&
        [ "$(on a1 sh -c 'kill -0 1 && echo $(ps ax | wc -l)')" -lt 8 ]
}

all_see_all() { # over IPv4 and IPv6
    local to
    for to in 10.71.1.2 10.71.2.1 10.71.3.1 fd71:0:0:1::2 fd71:0:0:2::1 fd71:0:0:3::1; do
        wait_until 3 answers a1 $to || return
    done
}

mount_on() { on "$1" sh -c 'mkdir -p /srv/mail && mount /dev/shared /srv/mail'; }

power_off_loses_what_was_not_flushed() {
    mount_on a1 || return
    on a1 sh -c 'echo 1 >/srv/mail/kept && echo 1 >/var/lib/kept &&
        sync -f /srv/mail && sync -f /var/lib/kept &&
        echo 1 >/srv/mail/lost && echo 1 >/var/lib/lost' || return
    lab power off a1 && [ "$(lab power status a1)" = off ] && holds a2 10.71.1.2 &&
        ! holds a1 disk1 && refuses 125 lab exec a1 true || return
    # At once: the switch has cleared the mark of the multiple mount protection.
    mount_on a2 && on a2 test -s /srv/mail/kept -a ! -s /srv/mail/lost && on a2 umount /srv/mail || return
    lab power on a1 && on a1 test -s /var/lib/kept -a ! -s /var/lib/lost
}

second_mount_is_refused() {
    mount_on a1 || return
    # The kernel watches the mark for some seconds before it refuses.
    lab exec a2 timeout -s KILL 20 sh -c 'mkdir -p /srv/mail; mount /dev/shared /srv/mail' 2>/dev/null &&
        return 1
    ! holds a2 disk1 && holds_alone a1 disk1 && on a1 umount /srv/mail
}

crash_keeps_all() {
    mount_on a1 && on a1 sh -c 'echo 1 >/srv/mail/crash' && lab crash a1 || return
    [ "$(lab power status a1)" = on ] && lab power reset a1 && on a1 true || return
    mount_on a2 && on a2 test -s /srv/mail/crash && on a2 umount /srv/mail
}

reboot_inside_boots_again() {
    on a1 touch /run/before
    on a1 reboot -f 2>/dev/null
    wait_until 5 on a1 test ! -e /run/before 2>/dev/null
}

freeze_stops_processes() {
    local file=/run/doppel-lab/$LAB_NAME/count size
    on a1 sh -c 'while :; do echo >>/run/lab/count; sleep 0.01; done >/dev/null 2>&1 &'
    wait_until 3 test -s "$file" && lab freeze a1 || return
    size=$(stat -c %s "$file")
    # Meanwhile its kernel lives on.
    on b1 ping -n -q -c 20 -i 0.02 10.71.1.1 | grep -q ' 0% packet loss' || return
    [ "$(stat -c %s "$file")" = "$size" ] && refuses 125 lab exec a1 true || return
    lab thaw a1 && wait_until 3 eval "[ \$(stat -c %s $file) -gt $size ]" || return
    # A frozen host can be turned off.
    lab freeze a1 && lab power reset a1 && on a1 true && holds a1 10.71.1.1
}

# heard HOST: echo requests that it has received.
heard() { on "$1" awk '/^Icmp: [0-9]/ { print $10 }' /proc/net/snmp; }
# one_way FROM ADDRESS TO: a ping arrives, and its answer does not come back.
one_way() {
    local before
    before=$(heard "$3")
    ! answers "$1" "$2" && [ "$(heard "$3")" -gt "$before" ]
}
# no_way: it does not even arrive.
no_way() {
    local before
    before=$(heard "$3")
    ! answers "$1" "$2" && [ "$(heard "$3")" = "$before" ]
}
# The caches are filled first and kept: a question for the hardware address would fail otherwise.
fix_neighbours() {
    on a1 ip neigh replace 10.71.1.2 lladdr "$(mac_of a2)" dev eth0 nud permanent &&
        on a2 ip neigh replace 10.71.1.1 lladdr "$(mac_of a1)" dev eth0 nud permanent
}
lan_cuts() {
    fix_neighbours && lab lan a1 cut --in && one_way a1 10.71.1.2 a2 && no_way a2 10.71.1.1 a1 &&
        lab lan a1 heal --in && lab lan a1 cut --out && no_way a1 10.71.1.2 a2 &&
        one_way a2 10.71.1.1 a1 && lab lan a1 heal && wait_until 3 answers a1 10.71.1.2 || return
    lab lan a1 cut && no_way a1 10.71.1.2 a2 && on a1 grep -q 0 /sys/class/net/eth0/carrier || return
    # A cut cable stays cut over a power cycle.
    lab power reset a1 && no_way a1 10.71.1.2 a2 && lab lan a1 heal && wait_until 5 answers a1 10.71.1.2
}

wan_cuts() {
    answers a1 10.71.2.1 && lab wan cut && no_way a1 10.71.2.1 b1 && answers a1 10.71.3.1 &&
        answers b1 10.71.3.1 && lab wan heal && answers a1 10.71.2.1 || return
    lab wan cut --b-to-a && one_way a1 10.71.2.1 b1 && no_way b1 10.71.1.1 a1 && lab wan heal &&
        lab wan cut a-b --a-to-b && no_way a1 10.71.2.1 b1 && one_way b1 10.71.1.1 a1 &&
        lab wan heal && answers a1 10.71.2.1
}

burst_is_whole() { on a1 ping -n -q -c 800 -l 800 -s 1300 -W 2 10.71.2.1 | grep -q ' 0% packet loss'; }
# A burst that is whole may still overrun the sender's own socket on a busy machine: tried again.
rate_limits() {
    lab wan rate 1mbit && ! burst_is_whole && ! burst_is_whole && lab wan rate off &&
        wait_until 20 burst_is_whole
}

# transfer: 30 MB by TCP from a1 to b1, compared by checksum.
transfer() {
    local sum want
    on b1 perl -MIO::Socket::INET -e '
        $s = IO::Socket::INET->new(Listen => 1, LocalPort => 5000, ReuseAddr => 1) or die;
        open(R, ">/run/lab/listening"); close(R);
        $c = $s->accept; print $d while sysread($c, $d, 65536)' | sha256sum >"$LAB_TMP/sum" &
    wait_until 5 test -e "/run/doppel-lab/$LAB_NAME/listening" || return
    on a1 perl -MIO::Socket::INET -e '
        $c = IO::Socket::INET->new(PeerAddr => "10.71.2.1", PeerPort => 5000) or die;
        $d = "0123456789abcdef" x 65536; print $c $d for 1 .. 30' || return
    wait $!
    sum=$(cat "$LAB_TMP/sum")
    want=$(perl -e '$d = "0123456789abcdef" x 65536; print $d for 1 .. 30' | sha256sum)
    [ "$sum" = "$want" ]
}

relay_works() {
    lab wan relay --loss 100 && ! answers a1 10.71.2.1 && lab wan relay --delay 60 || return
    # 60 ms each way: an answer cannot come before.
    ! answers_within a1 10.71.2.1 0.1 && answers a1 10.71.2.1 && answers a1 fd71:0:0:2::1 || return
    lab wan relay --loss 0.5 --delay 2 --seed 7 && transfer && lab wan relay off && answers a1 10.71.2.1
}
answers_within() { on "$1" ping -n -q -c 1 -W "$3" "$2" >/dev/null 2>&1; }

watch_sees_doubles() {
    watch 10.71.1.200
    on a1 ip address add 10.71.1.200/32 dev eth0
    wait_until 3 grep -q '10.71.1.200 a1$' "$LAB_TMP/watch" || return
    on a2 ip address add 10.71.1.200/32 dev eth0
    wait_until 3 grep -q '^DOUBLE .*10.71.1.200 a1,a2$' "$LAB_TMP/watch"
}

two_labs() {
    second up --no-cluster --hosts a1,b1 --wan bridged --with-pid $$ || return
    [ "$(lab list | grep -c "^$LAB_NAME")" = 2 ] || return
    wait_until 3 env LAB_NAME="$LAB_NAME-2" "$LAB_PROGRAM" exec a1 ping -n -q -c 1 -W 1 10.71.2.1 \
        >/dev/null || return
    second exec a1 ip route get 10.71.2.1 | grep -q 'dev eth0 src' && second power off a1 || return
    [ "$(lab power status a1)" = on ] && second down && [ "$(lab power status a1)" = on ]
}

# What is left of a lab by this name: prints it.
leftovers() {
    ls -d "/run/doppel-lab/$1" 2>/dev/null
    cat /sys/block/loop*/loop/backing_file 2>/dev/null | grep "doppel-lab\.$1\."
    find /sys/fs/cgroup -type d -name "doppel-lab.$1" 2>/dev/null
    grep -l "doppel-lab/$1/" /proc/[0-9]*/mountinfo 2>/dev/null
    local entry
    for entry in ${LIVED:-}; do
        [ "$(process "${entry%:*}")" != "$entry" ] || echo "process $entry"
    done
}
# process PID: it and when it started, which no later process shares.
process() { sed "s/^\([0-9]*\) (.*) [A-Z] /\1 /" "/proc/$1/stat" 2>/dev/null | awk '{ print $1 ":" $20 }'; }
# processes_of NAME: all of a lab. Its namespaces live as long as they do.
processes_of() {
    local pid
    for pid in $(sed 's/.* //' "/run/doppel-lab/$1/pids"; grep -l "/doppel-lab\.$1/" /proc/[0-9]*/cgroup 2>/dev/null |
        cut -d/ -f3); do
        process "$pid"
    done
}
nothing_left() { [ -z "$(leftovers "$1")" ]; }

# killed WHAT: brings up a lab bound to a runner, kills that process by SIGKILL.
killed() {
    local name=$LAB_NAME-k dir=/run/doppel-lab/$LAB_NAME-k runner pid
    sleep infinity &
    runner=$!
    disown $runner
    LAB_NAME=$name lab up --no-cluster --hosts a1,a2 --with-pid $runner || return
    LAB_NAME=$name lab exec a1 sh -c 'mount /dev/shared /mnt && setsid sleep infinity >/dev/null 2>&1 &' &&
        LAB_NAME=$name lab freeze a2 || return
    pid=$(sed -n 's/^supervisor //p' "$dir/pids")
    LIVED=$(processes_of "$name")
    [ "$(wc -w <<<"$LIVED")" -ge 5 ] || return
    case $1 in
    runner) pid=$runner ;;
    keeper) pid=$(sed -n 's/^keeper //p' "$dir/pids") ;;
    esac
    kill -9 "$pid"
    wait_until 10 nothing_left "$name" || { leftovers "$name"; return 1; }
    kill "$runner" 2>/dev/null
    return 0
}

killed_while_starting() {
    local name=$LAB_NAME-k pid
    LIVED=
    LAB_NAME=$name "$LAB_PROGRAM" up --hosts a1,a2 >/dev/null 2>&1 &
    pid=$!
    wait_until 5 test -S "/run/doppel-lab/$name/ctl" && kill -9 $pid || return
    wait $pid 2>/dev/null
    wait_until 10 nothing_left "$name" || { leftovers "$name"; return 1; }
}

# A pid namespace around runner and lab ends: the directory and the cgroups stay until the next up.
killed_with_namespace() {
    local name=$LAB_NAME-k pid
    LIVED=
    LAB_NAME=$name unshare --pid --mount --fork --kill-child --mount-proc --propagation private \
        "$LAB_PROGRAM" exec nobody true 2>/dev/null
    [ $? = 125 ] || return
    LAB_NAME=$name unshare --pid --mount --fork --kill-child --mount-proc --propagation private \
        sh -c '"$0" up --no-cluster --hosts a1 --with-pid 1 && exec sleep infinity' "$LAB_PROGRAM" &
    pid=$!
    wait_until 5 eval "LAB_NAME=$name lab exec a1 true 2>/dev/null" && kill -9 $pid || return
    wait $pid 2>/dev/null
    wait_until 5 not eval "LAB_NAME=$name lab status >/dev/null 2>&1" || return
    wait_until 20 swept "$name" || { leftovers "$name"; return 1; }
}
# swept NAME: the next lab has removed it; not while the kernel is still ending its processes.
swept() { second up --no-cluster --hosts a1 --with-pid $$ && second down && nothing_left "$1"; }

button_ends_in_order() {
    mount_on a1 && on a1 sh -c 'echo 1 >/srv/mail/button' && lab power button a1 &&
        [ "$(lab power status a1)" = off ] && ! holds a1 disk1 && lab power on a1 && mount_on a1 &&
        on a1 test -s /srv/mail/button && on a1 umount /srv/mail
}

site_goes() {
    site_power off b && [ "$(hosts_that state=off | xargs)" = "b1 b2" ] && site_power on b &&
        wait_until 3 answers a1 10.71.2.2
}

lab_up --no-cluster
check "bad input: one line and the right exit code" usage_is_checked
check "exec gives input, output and exit status" exec_passes_on
check "hosts do not see each other's files or processes" hosts_are_apart
check "all sites reach each other" all_see_all
check "power off loses what was not flushed, keeps what was" power_off_loses_what_was_not_flushed
check "a disk that is mounted elsewhere cannot be mounted" second_mount_is_refused
check "a crash keeps what the kernel had" crash_keeps_all
check "reboot in a host boots it again" reboot_inside_boots_again
check "the power button ends a host in order" button_ends_in_order
check "a whole site loses power" site_goes
check "freeze stops processes, thaw lets them go on" freeze_stops_processes
check "LAN cuts: in, out, cable" lan_cuts
check "WAN cuts: both ways, one way, one wire" wan_cuts
check "the WAN's rate limits" rate_limits
check "the relay loses and delays, and carries TCP" relay_works
check "watch sees what two hosts hold" watch_sees_doubles
check "two labs at once, one routed, one bridged" two_labs
for what in runner supervisor keeper; do
    check "killed $what: nothing is left" killed $what
done
check "killed while starting: nothing is left" killed_while_starting
check "killed with a pid namespace around it: swept by the next lab" killed_with_namespace
name=$LAB_NAME
lab down || fail "down"
check "down: nothing is left" nothing_left "$name"
echo "$PASSED passed, 0 failed, 0 skipped"
