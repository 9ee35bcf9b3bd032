#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# virtual-ip: what the neighbours are told, how often, by whom, and that it ends.
. "${srcdir:-.}/tests/ocf/lib.sh" || exit 1
stage "$@"
mac=$(ip -o link show v0 | mac_of)
# Whether the neighbour comes to know our hardware address by this one, before it is told again.
knows() {
    local end=$((SECONDS + 15))
    until grep -q "$mac" <<<"$(there ip neigh show "$1")"; do
        [ $SECONDS -lt $end ] || return 1
    done
}

# As many as asked for, from the background, which then ends by itself.
sniff_start
run start ip=192.0.2.10 arp_count=5 arp_interval=20
expect 0
ok "the announcing process ends" wait_announcer
sniff_end
ok "5 requests, by ourselves for ourselves" test "$(heard_count "^arp request 192.0.2.10 192.0.2.10 $mac")" = 5
ok "5 replies" test "$(heard_count "^arp reply 192.0.2.10 192.0.2.10 $mac")" = 5
ok "3 questions before" test "$(heard_count '^arp request 0.0.0.0 192.0.2.10')" = 3
run stop ip=192.0.2.10
expect 0

# The neighbour's cache changes at once: it knew another machine by this address.
there ip neigh replace 192.0.2.10 lladdr 02:00:00:00:00:01 dev v1 nud stale
run start ip=192.0.2.10 arp_interval=20000
expect 0
ok "the neighbour's ARP cache" knows 192.0.2.10
ok "one announces in the background" test -n "$(announcer)"
pid=$(announcer)
ok "in a session of its own" test "$(ps -o sid= -p "$pid" | tr -d ' ')" != "$(ps -o sid= -p $$ | tr -d ' ')"
ok "with nothing of ours open" test "$(readlink "/proc/$pid/fd/2")" = /dev/null
sniff_start # its next announcement is long after this test's end
run stop ip=192.0.2.10
expect 0
not "stop has ended it" runs "$pid"
sniff_end
ok "nothing is announced by or after stop" test "$(heard_count '192.0.2.10')" = 0

# IPv6: advertisements that override.
there ip neigh replace 2001:db8::10 lladdr 02:00:00:00:00:01 dev v1 nud stale
sniff_start
run start ip=2001:db8::10 arp_count=3 arp_interval=30ms
expect 0
ok "the neighbour's cache for IPv6" knows 2001:db8::10
ok "the announcing process ends" wait_announcer
sniff_end
ok "3 advertisements" test "$(heard_count '^na 2001:db8::10 override')" = 3
ok "3 questions" test "$(heard_count '^ns 2001:db8::10')" = 3
run stop ip=2001:db8::10
expect 0

# In the foreground nobody is left behind.
sniff_start
run start ip=192.0.2.10 arp_bg=false arp_count=4 arp_interval=10ms
expect 0
not "no process" test -e /run/doppel/virtual-ip-vip.pid
sniff_end
ok "all sent when start returns" test "$(heard_count '^arp reply 192.0.2.10')" = 4
# Refresh by monitor; a probe refreshes nothing.
sniff_start
run monitor ip=192.0.2.10 arp_count_refresh=1
expect 0
run monitor ip=192.0.2.10
expect 0
run monitor ip=192.0.2.10 arp_count_refresh=1 CRM_meta_interval=0
expect 0
sniff_end
ok "one refresh, by the monitor that was told to" test "$(heard_count '^arp reply 192.0.2.10')" = 1
run stop ip=192.0.2.10

# None at all.
sniff_start
run start ip=192.0.2.10 arp_count=0 nodad=true
expect 0
run stop ip=192.0.2.10
expect 0
sniff_end
ok "silence when told so" test "$(heard_count '192.0.2.10')" = 0

# An address that somebody else takes away ends the announcing, and so does the interface.
run start ip=192.0.2.10 arp_count=1000 arp_interval=60s
expect 0
ok "it announces" test -n "$(announcer)"
ip addr del 192.0.2.10/24 dev v0
ok "it ends with the address" wait_announcer
run start ip=192.0.2.10 arp_count=1000 arp_interval=60s
expect 0
# Started again: one process, another one.
pid=$(announcer)
run start ip=192.0.2.10 arp_count=1000 arp_interval=60s
expect 0
not "the older one is gone" runs "$pid"
ok "the newer one runs" runs "$(announcer)"
# A process that hangs is ended all the same.
pid=$(announcer)
kill -STOP "$pid"
run stop ip=192.0.2.10
expect 0
not "also a stopped one" runs "$pid"
run start ip=192.0.2.10 arp_count=1000 arp_interval=60s
expect 0
ip link del v0
ok "it ends with the interface" wait_announcer
run stop ip=192.0.2.10
expect 0

# A number that is another's by now is left alone.
mkdir -p /run/doppel
echo "$$ 1" >/run/doppel/virtual-ip-vip.pid
run stop ip=192.0.2.10
expect 0
ok "this shell lives" runs "$$"
finish
