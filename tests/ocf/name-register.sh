#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# network-name: what start registers, monitor watches over and stop leaves or removes, in real zones.
. "${srcdir:-.}/tests/ocf/name-lib.sh" || exit 1
stage_name "$@"
mail=mail.example.org
owner=_doppel.mail.example.org
mine='"site=site-a generation=0"'

# All of it at once. The second monitor finds nothing to do: the zone's serial stays.
all=("ip=192.0.2.10,192.0.2.11 2001:db8::10" "cname=imap.example.org smtp.example.org." ptr=yes
    "mx=example.org 5:lists.example.org" ttl=120 "server=$primary" require_dns=true)
name monitor CRM_meta_interval=0
reasons_wanted=0 expect 7
name monitor "${all[@]}"
expect 7 "mail.example.org. was not started on this node"
name validate-all "${all[@]}" OCF_CHECK_LEVEL=20
expect 0
is "a validation changes nothing" $mail A ""
name start "${all[@]}"
expect 0
is "addresses" $mail A 192.0.2.10 192.0.2.11
is "addresses of IPv6" $mail AAAA 2001:db8::10
is "the owner record" $owner TXT "$mine"
is "an alias" imap.example.org CNAME $mail.
is "another alias" smtp.example.org CNAME $mail.
is "an exchanger beside another" example.org MX "10 $mail." "20 backup.example.org."
is "an exchanger alone" lists.example.org MX "5 $mail."
is "a reverse name" 10.2.0.192.in-addr.arpa PTR $mail.
is "another reverse name" 11.2.0.192.in-addr.arpa PTR $mail.
asked=2001:db8::53 is "of IPv6" 0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR $mail.
ok "the time to live is that of ttl" grep -q "^$mail\.[[:space:]]*120[[:space:]]" <<<"$(zones)"
ok "an exchanger has that of its set" grep -q "^example.org\.[[:space:]]*3600.*MX.*10 $mail" <<<"$(zones)"
before=$(zones)
name monitor "${all[@]}"
expect 0
name monitor CRM_meta_interval=0
expect 0
name start "${all[@]}"
expect 0
name reload-agent "${all[@]}"
expect 0
ok "monitor, start and reload of what is there change nothing" test "$(zones)" = "$before"

# What somebody takes away or adds comes right again.
change "del $mail A 192.0.2.11" "del imap.example.org" "add $mail 60 AAAA 2001:db8::bad"
change "del 10.2.0.192.in-addr.arpa"
name monitor "${all[@]}"
expect 0 "was not registered as it should be"
ok "all is as it was" test "$(zones | grep -v SOA)" = "$(grep -v SOA <<<"$before")"
change "del $owner"
name monitor "${all[@]}"
expect 0
is "the owner record is back" $owner TXT "$mine"
# A generation that somebody raised stays.
change "del $owner" "add $owner 120 TXT \"site=site-a generation=7\""
name monitor "${all[@]}"
expect 0
is "the generation stays" $owner TXT '"site=site-a generation=7"'

# Reload: what is wanted no more goes, what is new comes.
name reload-agent "ip=192.0.2.10,192.0.2.11 2001:db8::10" cname=pop.example.org ttl=60 server=$primary require_dns=1
expect 0
is "the former alias is gone" imap.example.org CNAME ""
is "the new one is there" pop.example.org CNAME $mail.
is "our exchanger is gone" example.org MX "20 backup.example.org."
is "the reverse name is gone" 10.2.0.192.in-addr.arpa PTR ""
ok "the new time to live" grep -q "^$mail\.[[:space:]]*60[[:space:]]" <<<"$(zones)"

# Stop keeps the records; the next start, with other addresses, leaves nothing of the former ones.
name stop
expect 0
is "kept" $mail A 192.0.2.10 192.0.2.11
ok "no state is left" test -z "$(ls -A /run/doppel)"
name stop
expect 0
name monitor CRM_meta_interval=0
reasons_wanted=0 expect 7
name start ip=192.0.2.77 require_dns=1
expect 0
is "moved, found by the SOA" $mail A 192.0.2.77
is "nothing of the former family" $mail AAAA ""
name monitor ip=192.0.2.77 require_dns=1
expect 0

# Removed on stop: ours, and nothing else. What the name has besides addresses is not ours.
change "add $mail 300 TXT \"somebody's\"" "add $mail 300 A 192.0.2.78"
name reload-agent ip=192.0.2.77 ptr=1 mx=example.org require_dns=1 cname=imap.example.org
expect 0
change "add $mail 300 A 192.0.2.78"
name stop ip=192.0.2.77 unregister_on_stop=true
expect 0
is "ours is gone, the other stays" $mail A 192.0.2.78
is "the owner record stays while there are addresses" $owner TXT '"site=site-a generation=7"'
is "other records stay" $mail TXT "\"somebody's\""
is "the alias is gone" imap.example.org CNAME ""
is "the exchanger is gone" example.org MX "20 backup.example.org."
is "the reverse name is gone" 77.2.0.192.in-addr.arpa PTR ""
change "del $mail A 192.0.2.78"
name start ip=192.0.2.77 require_dns=1
expect 0
name stop ip=192.0.2.77 unregister_on_stop=true
expect 0
is "all addresses are gone" $mail A ""
is "and the owner record" $owner TXT ""
change "del $mail"
# With its configuration broken it still removes what it had registered where it can.
name start require_dns=1
expect 0
run stop hostname=mail.example.org ip=rubbish keyfile=$key unregister_on_stop=1 ttl=x
expect 0
is "removed with a broken configuration" $mail A ""

# Keys of other kinds and forms.
secret=$(sed -n 's/.*secret "\(.*\)".*/\1/p' $key)
(
    umask 077
    echo "doppel. IN KEY 512 3 163 $secret" >/run/keys/Kdoppel.+163+1.key
    printf 'Private-key-format: v1.3\nAlgorithm: 163 (HMAC_SHA256)\nKey: %s\nBits: AAA=\n' "$secret" \
        >/run/keys/Kdoppel.+163+1.private
)
for one in /run/keys/large /run/keys/Kdoppel.+163+1.key /run/keys/Kdoppel.+163+1.private; do
    name start keyfile="$one" require_dns=1
    expect 0
    is "registered with $one" $mail A 192.0.2.10
    name stop keyfile="$one" unregister_on_stop=1
    expect 0
    is "removed with $one" $mail A ""
done
# By the name of a server, and a reply that fits no datagram.
name start server=ns1.example.org mx=big.example.org require_dns=1
expect 0
ok "the large set has one more" test "$(rr big.example.org MX | wc -l)" = 91
before=$(zones)
name monitor server=2001:db8::53 mx=big.example.org require_dns=1
expect 0
ok "seen whole" test "$(zones)" = "$before"
name stop server=$primary mx=big.example.org unregister_on_stop=1
expect 0
ok "and it is taken out again" test "$(rr big.example.org MX | wc -l)" = 90
finish
