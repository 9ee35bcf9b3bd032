#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# network-name: set_hostname gives the host the name and takes it back, and is refused where Pacemaker
# would take the host for another node.
. "${srcdir:-.}/tests/ocf/name-lib.sh" || exit 1
stage_name "$@"
conf=/etc/corosync/corosync.conf
nodes() {
    printf 'totem {\n    version: 2\n}\nnodelist {\n'
    printf '    node {\n        ring0_addr: %s\n        nodeid: 1\n        %s\n    }\n' "$@"
    printf '}\n'
}

hostname node1
name start set_hostname=1 require_dns=1
expect 0
ok "named" test "$(uname -n)" = mail
name monitor set_hostname=1
expect 0
name start set_hostname=1
expect 0
name stop
expect 0
ok "given back" test "$(uname -n)" = node1
# With a domain where the host's own name has one.
hostname node1.example.org
name start set_hostname=1
expect 0
ok "named with its domain" test "$(uname -n)" = mail.example.org
# Even by a stop that can read nothing of its configuration.
run stop hostname=- ip=-
expect 0
ok "given back" test "$(uname -n)" = node1.example.org
hostname node1
# Somebody else named the host since: seen, and left alone.
name start set_hostname=1
hostname third
name monitor set_hostname=1
expect 190 "the host was given the name mail, and somebody else named it third"
name stop set_hostname=1
expect 0 "the host is named third by now: that stays"
ok "left alone" test "$(uname -n)" = third
hostname node1

# refused "TEXT": by start and validation; the host keeps its name
refused() {
    name start set_hostname=1
    expect 2 "parameter set_hostname: $1"
    name stop set_hostname=1
    expect 0
    name validate-all set_hostname=1 OCF_CHECK_LEVEL=10
    expect 2 "parameter set_hostname: $1"
    name validate-all set_hostname=1
    expect 0
    ok "the host keeps its name" test "$(uname -n)" = node1
}
nodes 192.0.2.1 "name: node1" 192.0.2.2 "name: node2" >$conf
name start set_hostname=1
expect 0
name stop
expect 0
nodes 192.0.2.1 "name: node1" 192.0.2.2 "" >$conf
refused "/etc/corosync/corosync.conf gives not every node a name="
nodes 192.0.2.1 "name: node1" 192.0.2.2 "name: MAIL" >$conf
refused "MAIL is the name of a node of the cluster"
nodes mail.example.org "name: node1" 192.0.2.2 "name: node2" >$conf
refused "mail.example.org is the name of a node of the cluster"
echo "totem { }" >$conf
refused "/etc/corosync/corosync.conf gives not every node a name="
rm $conf
long=$(printf 'a%.0s' $(seq 60)).example.org
hostname node1.example.org
name start hostname="$long" set_hostname=1
expect 2 "is longer than the 64 characters of a host's name"
name stop
# Without the right to: the start fails, and what it did is taken back by stop.
hostname node1
wrap="setpriv --bounding-set -sys_admin --inh-caps -sys_admin" name start set_hostname=1
expect 4 "cannot give the host the name mail"
name stop
expect 0
ok "the host keeps its name" test "$(uname -n)" = node1
name start set_hostname=1
wrap="setpriv --bounding-set -sys_admin --inh-caps -sys_admin" name stop
expect 4 "cannot give the host the name node1"
name monitor CRM_meta_interval=0
expect 0
name stop
expect 0
ok "given back" test "$(uname -n)" = node1
finish
