#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# network-name when the DNS is away, silent, refuses or lies: with require_dns start and monitor fail with
# the reason, without they do not; stop never does; all of it within the timeout.
. "${srcdir:-.}/tests/ocf/name-lib.sh" || exit 1
stage_name "$@"
mail=mail.example.org

# away CODE "TEXT" [PARAMETER=VALUE...]
away() {
    local code=$1 text=$2
    shift 2
    name start require_dns=1 "$@"
    expect "$code" "$text"
    name stop unregister_on_stop=1 "$@"
    expect 0
    name start "$@"
    expect 0 "$text"
    name monitor "$@"
    expect 190 "$text"
    name monitor require_dns=1 "$@"
    expect "$code" "$text"
    name reload-agent "$@"
    expect 0 "$text"
    name monitor CRM_meta_interval=0 "$@"
    expect 0
    name stop unregister_on_stop=1 "$@"
    expect 0
    is "nothing was registered" $mail A ""
}

refuses="192.0.2.66 cannot be reached: Connection refused"
away 1 "mail.example.org. is not found: $refuses" server=192.0.2.66
away 1 "the zone of mail.example.org. is not found: 192.0.2.53 port 54 cannot be reached" server=$primary serverport=54
away 1 "the name server nosuch.example.org. has no address" server=nosuch.example.org
name start server=192.0.2.99
expect 0 "mail.example.org. is not registered: the zone of mail.example.org. is not found: 192.0.2.99 does not answer"
name stop
away 1 "192.0.2.53 has no authority for the zone" hostname=mail.elsewhere.net server=$primary
echo "nameserver 192.0.2.66" >/run/resolv.conf
away 1 "$refuses"
echo "nameserver $primary" >/run/resolv.conf
# Keys.
away 1 "192.0.2.53: the server does not know the key \"stranger.\" (hmac-sha256)" keyfile=/run/keys/stranger
away 1 "192.0.2.53: the server's key \"doppel.\" has another secret than ours" keyfile=/run/keys/wrong
away 1 "the zone example.org. cannot be updated: 192.0.2.53 answers REFUSED" keyfile=
away 2 'parameter keyfile: cannot open "/run/keys/nosuch": No such file or directory' keyfile=/run/keys/nosuch
cp $key /run/keys/loose
chmod 0644 /run/keys/loose
away 2 'parameter keyfile: "/run/keys/loose" has the mode 0644: others than its owner' keyfile=/run/keys/loose
chmod 0600 /run/keys/loose
chown 65534 /run/keys/loose
if [ "$(stat -c %u /run/keys/loose)" = 65534 ]; then
    away 2 'parameter keyfile: "/run/keys/loose" belongs to the user 65534, expected root' keyfile=/run/keys/loose
fi
away 2 'parameter keyfile: "/run/keys" is not a file' keyfile=/run/keys

# Several servers: the first that does it counts, and a silent one costs its share of the time once.
name start server="192.0.2.66 $primary" require_dns=1
expect 0
is "registered at the second" $mail A 192.0.2.10
name monitor server="192.0.2.99,192.0.2.66,$primary" require_dns=1
expect 0
name monitor server="nosuch.example.org $primary" require_dns=1
expect 0 "the name server nosuch.example.org. has no address"
name monitor server="192.0.2.66 192.0.2.99"
expect 190 "$refuses; 192.0.2.99 does not answer"
first_pid=$named_pid
# A secondary has authority too, and hands updates on.
named 192.0.2.54
name start ip=192.0.2.12 server="192.0.2.66 192.0.2.54" require_dns=1
expect 0
is "through the secondary" $mail A 192.0.2.12
end_named "$named_pid"
# A resolver has none.
cat >/run/resolver <<END
controls { };
options { directory "/run"; pid-file none; session-keyfile none; listen-on { 192.0.2.54; }; listen-on-v6 { none; };
    recursion yes; allow-recursion { any; }; forward only; forwarders { $primary; }; dnssec-validation no; };
END
mkdir -p /run/named-192.0.2.54
cp /run/resolver /run/named-192.0.2.54/conf
run_named 192.0.2.54
name monitor ip=192.0.2.12 server=192.0.2.54 keyfile=
expect 190 "192.0.2.54 has no authority for the zone"
end_named "$named_pid"

# Frozen: it takes datagrams and connections, and answers nothing. Each action ends in time.
name start require_dns=1
expect 0
kill -STOP "$first_pid"
name monitor server=$primary
expect 190 "192.0.2.53 does not answer"
name monitor server=$primary require_dns=1
expect 1 "192.0.2.53 does not answer"
name stop server=$primary unregister_on_stop=1
expect 0 "the records of mail.example.org. stay: the zone of mail.example.org. is not found: 192.0.2.53 does not answer"
name start server=$primary
expect 0 "192.0.2.53 does not answer"
kill -CONT "$first_pid"
# It is back: the next monitor registers, and stop without the DNS leaves what is registered.
name monitor ip=192.0.2.13 server=$primary require_dns=1
expect 0
is "registered by monitor" $mail A 192.0.2.13
end_named "$first_pid"
name monitor ip=192.0.2.13 server=$primary
expect 190 "192.0.2.53 cannot be reached: Connection refused"
name stop ip=192.0.2.13 server=$primary unregister_on_stop=1
expect 0 "the records of mail.example.org. stay"
run_named $primary
is "they stayed" $mail A 192.0.2.13
name start ip=192.0.2.13 require_dns=1
expect 0
name stop ip=192.0.2.13 unregister_on_stop=1
expect 0
is "and go by the next stop" $mail A ""
finish
