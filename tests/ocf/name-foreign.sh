#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# network-name never takes what another site, another machine or an administrator has: with require_dns
# it fails and says whose it is, without it warns and is degraded; the zones stay as they are.
. "${srcdir:-.}/tests/ocf/name-lib.sh" || exit 1
stage_name "$@"
mail=mail.example.org
owner=_doppel.mail.example.org

# refused "TEXT" [PARAMETER=VALUE...]: by start, monitor and validation, and nothing is changed
refused() {
    local text=$1 before
    shift
    before=$(zones)
    name start require_dns=1 "$@"
    expect 1 "$text"
    name monitor require_dns=1 "$@"
    expect 7
    name stop
    expect 0
    name start "$@"
    expect 0 "$text"
    name monitor "$@"
    expect 190 "$text"
    name monitor require_dns=1 "$@"
    expect 1 "$text"
    name monitor CRM_meta_interval=0 "$@"
    expect 0
    name validate-all OCF_CHECK_LEVEL=20 "$@"
    expect 1 "$text"
    name stop unregister_on_stop=1 "$@"
    expect 0
    ok "nothing was changed ($text)" test "$(zones)" = "$before"
}

change "add $mail 300 A 192.0.2.200"
refused "mail.example.org. is not taken: it has A 192.0.2.200 already, which is not this resource's"
change "add $mail 300 A 192.0.2.10"
refused "it has A 192.0.2.200 already"
change "del $mail" "add $mail 300 AAAA 2001:db8::200"
refused "it has AAAA 2001:db8::200 already"
change "del $mail" "add $mail 300 CNAME elsewhere.example.org"
refused "mail.example.org. is not taken: it has CNAME elsewhere.example.org. already"
change "del $mail"

# Another site's, whatever the addresses say.
change "add $mail 300 A 192.0.2.10" "add $owner 300 TXT \"site=site-b generation=4\""
refused "it belongs to the site site-b by its record _doppel.mail.example.org.; this is the site site-a"
change "del $mail"
refused "it belongs to the site site-b"
change "del $owner" "add $owner 300 TXT \"site=SITE-A generation=4\""
refused "it belongs to the site SITE-A"
for text in "site=site-a" "site=site-a generation=x" "site=site-a generation=1 more" "v=spf1"; do
    change "del $owner" "add $owner 300 TXT \"$text\""
    refused "which is no owner record of ours"
done
change "del $owner" "add $owner 300 TXT \"site=site-a generation=1\"" "add $owner 300 TXT \"site=site-b generation=2\""
refused "which is no owner record of ours"
change "del $owner"

# Parts of it: then nothing else is registered either.
refused "alias.example.org. is not taken: it has CNAME elsewhere.example.org. already" cname=alias.example.org
refused "the zone example.org. holds something else now (YXDOMAIN)" cname=elsewhere.example.org
refused "200.2.0.192.in-addr.arpa. is not taken: it has PTR elsewhere.example.org. already" ip=192.0.2.200 ptr=1
refused "the zone closed.org. cannot be updated: 192.0.2.53 answers REFUSED" cname=imap.closed.org \
    hostname=mail.closed.org

# What is there already just as it is wanted is taken over.
change "add $mail 300 A 192.0.2.10"
name start require_dns=1
expect 0
is "taken over" $owner TXT '"site=site-a generation=0"'
# A site that lost its name to another while it ran lets it be, and removes nothing of the other's.
change "del $owner" "add $owner 300 TXT \"site=site-b generation=5\"" "del $mail" "add $mail 300 A 192.0.2.222"
before=$(zones)
name monitor
expect 190 "it belongs to the site site-b"
name stop unregister_on_stop=1
expect 0 "the records of mail.example.org. stay: mail.example.org. is not taken: it belongs to the site site-b"
ok "the other site's records are untouched" test "$(zones)" = "$before"
# The other gives it back (the record names this site again): it is taken, with its generation.
change "del $owner" "add $owner 300 TXT \"site=site-a generation=6\""
name start require_dns=1
expect 0
is "taken back" $mail A 192.0.2.10
is "with its generation" $owner TXT '"site=site-a generation=6"'
name stop

# Without a name of its own a site takes nothing.
mv /etc/doppel/doppel.conf /etc/doppel/away
name start require_dns=1
expect 1 "the name of this site is not known"
name stop
name validate-all OCF_CHECK_LEVEL=10
expect 1 "the name of this site is not known"
echo '[daemon]' >/etc/doppel/doppel.conf
name start
expect 0 "/etc/doppel/doppel.conf has no [site] name="
name monitor
expect 190 "/etc/doppel/doppel.conf has no [site] name="
mv /etc/doppel/away /etc/doppel/doppel.conf
name monitor
expect 0
name stop
finish
