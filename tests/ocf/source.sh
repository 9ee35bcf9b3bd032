#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# virtual-ip: preferred_source changes the source of outgoing connections, and gives it back exactly.
. "${srcdir:-.}/tests/ocf/lib.sh" || exit 1
stage "$@"

routes() {
    ip route show
    ip -6 route show | grep -v '^fe80'
    true
}
source_to() {
    ip -o route get "$1" | sed -n 's/.* src \([^ ]*\).*/\1/p'
}
ip route add default via 192.0.2.2 dev v0 metric 77 mtu 1400
ip route add 198.51.100.0/24 via 192.0.2.2
ip -6 route add default via 2001:db8::2 dev v0 metric 99
before=$(routes)

run start ip=192.0.2.10 preferred_source=true
expect 0
ok "in the network" test "$(source_to 192.0.2.2)" = 192.0.2.10
ok "beyond it" test "$(source_to 8.8.8.8)" = 192.0.2.10
ok "other routes stay" test "$(source_to 198.51.100.1)" = 192.0.2.1
ok "the route's metric and mtu stay" grep -q 'metric 77 mtu 1400' <<<"$(ip route show default)"
run start ip=192.0.2.10 preferred_source=true
expect 0
run monitor ip=192.0.2.10 preferred_source=true
expect 0
run stop ip=192.0.2.10 preferred_source=true
expect 0
ok "given back exactly" test "$(routes)" = "$before"

# By reload, on and off.
run start ip=192.0.2.10
expect 0
run reload-agent ip=192.0.2.10 preferred_source=true
expect 0
ok "on by reload" test "$(source_to 8.8.8.8)" = 192.0.2.10
run reload-agent ip=192.0.2.10
expect 0
ok "off by reload" test "$(routes)" = "$before"
run reload-agent ip=192.0.2.10 preferred_source=true
run stop ip=192.0.2.10 preferred_source=x nic=nosuch
expect 0
ok "given back with a broken configuration" test "$(routes)" = "$before"

# Routes that had a source before get that one back.
ip addr add 192.0.2.5/24 dev v0
ip route replace default via 192.0.2.2 dev v0 metric 77 mtu 1400 src 192.0.2.5
before=$(routes)
run start ip=192.0.2.10 preferred_source=true
expect 0
ok "ours for now" test "$(source_to 8.8.8.8)" = 192.0.2.10
run stop ip=192.0.2.10
expect 0
ok "theirs again" test "$(routes)" = "$before"
# Theirs is gone meanwhile: the route stays, with any source.
run start ip=192.0.2.10 preferred_source=true
ip addr del 192.0.2.5/24 dev v0
run stop ip=192.0.2.10
expect 0
ok "the default route is there" grep -q 'via 192.0.2.2' <<<"$(ip route show default)"
ip route replace default via 192.0.2.2 dev v0 metric 77 mtu 1400
# Somebody changed the route since: it is his.
run start ip=192.0.2.10 preferred_source=true
ip route replace default via 192.0.2.2 dev v0 metric 77 mtu 1300 src 192.0.2.1
run stop ip=192.0.2.10
expect 0
ok "another's change stays" grep -q 'mtu 1300' <<<"$(ip route show default)"

# The address went away by itself, and the kernel dropped the routes with it.
ip route replace default via 192.0.2.2 dev v0 metric 77 mtu 1400
before=$(routes | sort)
run start ip=192.0.2.10 preferred_source=true
ip addr del 192.0.2.10/24 dev v0
not "the kernel dropped the default route" grep -q via <<<"$(ip route show default)"
run stop ip=192.0.2.10
expect 0
ok "stop sets the routes again" test "$(routes | sort)" = "$before"
# The interface went away: nothing to give back, and no failure.
ip link add v8 type veth peer name v9
ip link set v8 up
ip link set v9 up
ip addr add 203.0.113.1/24 dev v8
run start ip=203.0.113.10 preferred_source=true
expect 0
ip link del v8
run stop ip=203.0.113.10
expect 0

# IPv6.
before=$(routes)
run start ip=2001:db8::10 preferred_source=true
expect 0
ok "IPv6 in the network" test "$(source_to 2001:db8::2)" = 2001:db8::10
ok "IPv6 beyond it" test "$(source_to 2001:db8:ffff::1)" = 2001:db8::10
run stop ip=2001:db8::10
expect 0
ok "IPv6 routes are given back" test "$(routes)" = "$before"
finish
