#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# network-name: each parameter wrong in turn: the right code, one line that names parameter, value and
# what was expected, and nothing done. Then what faults of the host do.
. "${srcdir:-.}/tests/ocf/name-lib.sh" || exit 1
stage_name "$@"
before=$(zones)

# wrong PARAMETER=VALUE "EXPECTED" [MORE...]
wrong() {
    local pair=$1 text=$2 action
    shift 2
    for action in validate-all start monitor reload-agent; do
        name "$action" "$@" "$pair"
        expect 6 "parameter ${pair%%=*}=\"${pair#*=}\": $text"
    done
    name stop "$@" "$pair"
    expect 0
    name monitor "$@" "$pair" CRM_meta_interval=0
    reasons_wanted=0 expect 7
}
for value in mail - mail..org "mail example.org" -mail.example.org mail_1.example.org "mäil.example.org" \
    "$(printf 'a%.0s' $(seq 64)).org" "$(printf 'abcdefg.%.0s' $(seq 32))org"; do
    wrong "hostname=$value" "expected a fully qualified name, as mail.example.org"
done
for value in 192.0.2 192.0.2.300 192.0.2.10/24 0.0.0.0 127.0.0.1 224.0.0.1 :: ::1 fe80::1 ff02::1 \
    ::ffff:192.0.2.1 "192.0.2.10 mail" "fe80::1%v0"; do
    wrong "ip=$value" "expected addresses that others can reach"
done
wrong "ip= ," "expected a list of words"
wrong "mx=$(printf 'a%s.b ' $(seq 64))" "expected less: a name has at most 64 records"
for value in imap "imap.example.org -" "a..b.org"; do
    wrong "cname=$value" "expected fully qualified names, as imap.example.org"
done
wrong "cname=MAIL.example.org" "expected names that are not hostname itself"
wrong "cname=lists.example.org" "expected names that are not in mx too" mx=lists.example.org
for value in 65536:example.org -1:example.org x:example.org 10: "example org.." ; do
    wrong "mx=$value" "expected DOMAIN or PREFERENCE:DOMAIN, as 10:example.org"
done
wrong ptr=perhaps "expected true or false"
wrong ttl=-1 "expected a whole number from 0 to 604800"
wrong ttl=604801 "expected a whole number from 0 to 604800"
wrong ttl=5m "expected a whole number from 0 to 604800"
for value in 192.0.2.300 1.2.3 2001:db8::g "ns1 -" ; do
    wrong "server=$value" "expected addresses or names of name servers"
done
wrong "server=1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5 1.1.1.6 1.1.1.7 1.1.1.8 1.1.1.9" "expected at most 8 name servers"
wrong serverport=0 "expected a whole number from 1 to 65535"
wrong serverport=domain "expected a whole number from 1 to 65535"
wrong keyfile=doppel.key "expected an absolute path"
wrong unregister_on_stop=x "expected true or false"
wrong require_dns=x "expected true or false"
wrong set_hostname=x "expected true or false"
for action in validate-all start monitor; do
    run $action
    expect 6 "parameter hostname is missing"
    run $action hostname=mail.example.org
    expect 6 "parameter ip is missing"
done
name validate-all sever=192.0.2.53
expect 6 "parameter sever is not known"
ok "nothing was changed" test "$(zones)" = "$before"
ok "nothing was written" test -z "$(ls -A /run/doppel 2>/dev/null)"
# A validation at level 0 needs nothing of this host.
name validate-all keyfile=/nosuch server=192.0.2.66
expect 0
name validate-all keyfile=/nosuch server=192.0.2.66 OCF_CHECK_LEVEL=10
expect 2 'parameter keyfile: cannot open "/nosuch"'
name validate-all server=192.0.2.66 OCF_CHECK_LEVEL=10
expect 0
name validate-all server=192.0.2.66 OCF_CHECK_LEVEL=20
expect 1 "192.0.2.66 cannot be reached"
# All that an administrator may write.
name validate-all hostname=MAIL.example.org. ip="192.0.2.10 2001:DB8::10,192.0.2.10" cname="imap.example.org,a_b.example.org" \
    mx="0:example.org 65535:lists.example.org" ptr=YES ttl=0 server="192.0.2.53 2001:db8::53 ns1.example.org" \
    serverport=53 unregister_on_stop=on require_dns=off set_hostname=n crm_feature_set=3.16.2 trace_ra=0
expect 0

# Key files that are none.
bad_key() {
    umask 077
    printf '%s' "$1" >/run/keys/bad
    name validate-all keyfile=/run/keys/bad OCF_CHECK_LEVEL=10
    expect 2 "parameter keyfile: \"/run/keys/bad\"$2"
}
bad_key "" " holds no key: expected what tsig-keygen writes"
bad_key 'key "a" { algorithm hmac-sha256; };' ": the key has no secret"
bad_key 'key "a" { secret "AAAA"; };' ": the key names no algorithm"
bad_key 'key "a" { algorithm rot13; secret "AAAA"; };' ": the algorithm rot13 is not known"
bad_key 'key "a" { algorithm hmac-md5; secret "AA*A"; };' ": the secret is not in base64"
bad_key 'key "a" { algorithm hmac-md5; secret "AAAA"' ": expected"
bad_key 'key "a" { algorithm hmac-md5; secret "AAAA";' ": expected } behind the key"
bad_key 'key "a/b" { algorithm hmac-md5; secret "AAAA"; };' ': "a/b" is not the name of a key'
bad_key 'key "a" { algorithm hmac-md5; secret "AAAA"; }; key "b" { };' ": expected one key and nothing behind it"
bad_key "$(head -c 20000 /dev/zero | tr '\0' ' ')" " is larger than 16384 bytes"

# No place to write: nothing is registered that nobody would remember.
rm -rf /run/doppel
: >/run/doppel
name start
expect 1 "/run/doppel"
ok "nothing was changed" test "$(zones)" = "$before"
rm /run/doppel
finish
