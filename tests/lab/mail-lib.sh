# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A real mail service for scenarios: Postfix and Dovecot configured on the shared disk, users in an
# OpenLDAP directory, names in BIND, and mail that flows all the time (tests/lab/mailflow). Sourced after
# helpers.sh. All on Debian's own programs; nothing here starts Postfix or Dovecot: the agents do.
#
#   MAIL_USERS     users, user1 to userN [4]; password "secret"
#
# The disk is laid out as the examples have it:
#   /srv/mail/etc/{postfix,dovecot}   their configurations
#   /srv/mail/spool                   Postfix's queue and data
#   /srv/mail/users                   Maildirs; owner vmail (5000)
#   /srv/mail/state                   Dovecot's state

MAIL_USERS=${MAIL_USERS:-4}
MAIL_DOMAIN=example.org
MAILFLOW=${MAILFLOW:-${LAB_PROGRAM%/*}/mailflow}

# mail_needs: skips where a program of the service is missing.
mail_needs() {
    local program
    for program in postfix dovecot slapd ldapadd named nsupdate dig; do
        command -v $program >/dev/null || PATH=$PATH:/usr/sbin command -v $program >/dev/null ||
            skip "$program is not installed"
    done
    [ -x "$MAILFLOW" ] || skip "$MAILFLOW is not built"
}

# mail_logs: on every host the log of Postfix, as postfix's: postsuper, which "postfix start" runs before anything
# that could log for it, gives up root's rights and then writes there, whenever it has found something to mend.
mail_logs() {
    local host
    for host in $(hosts_that state=up); do
        on "$host" sh -c 'install -o postfix -m 644 /dev/null /var/log/mail-instance.log && sync -f /var/log' ||
            fail "no log of Postfix on $host"
    done
}

# mail_directory HOST: slapd with the users, on port 389 of the host; called first of all.
mail_directory() {
    local host=$1 i
    mail_logs
    put "$host" /etc/lab/slapd.conf <<X
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile /run/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "dc=example,dc=org"
rootdn "cn=admin,dc=example,dc=org"
rootpw secret
directory /var/lib/lab-ldap
index objectClass eq
index mail eq
access to attrs=userPassword by anonymous auth by * none
access to * by * read
X
    {
        printf 'dn: dc=example,dc=org\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example\n\n'
        printf 'dn: ou=users,dc=example,dc=org\nobjectClass: organizationalUnit\nou: users\n\n'
        for ((i = 1; i <= MAIL_USERS; i++)); do
            printf 'dn: uid=user%d,ou=users,dc=example,dc=org\nobjectClass: inetOrgPerson\nuid: user%d\ncn: user%d\nsn: user%d\nmail: user%d@%s\nuserPassword: secret\n\n' \
                $i $i $i $i $i $MAIL_DOMAIN
        done
    } | put "$host" /etc/lab/users.ldif
    on "$host" sh -ec '
        mkdir -p /var/lib/lab-ldap
        slapadd -q -f /etc/lab/slapd.conf -l /etc/lab/users.ldif
        exec slapd -f /etc/lab/slapd.conf -h "ldap://0.0.0.0:389/"' >"$LAB_TMP/slapd" 2>&1 ||
        fail "slapd on $host: $(cat "$LAB_TMP/slapd")"
    wait_until 30 on "$host" ldapwhoami -x -H ldap://127.0.0.1 >/dev/null 2>&1 ||
        fail "slapd on $host does not answer"
}

# mail_names HOST: named with the zone example.org, which the key "mail" may change; its TSIG key is
# printed as a key file.
mail_names() {
    local host=$1 address
    address=$(on "$host" ip -4 -o addr show dev eth0 | sed -n 's/.* inet \([0-9.]*\).*/\1/p;q')
    on "$host" sh -ec 'mkdir -p /var/lib/lab-dns && chmod 777 /var/lib/lab-dns
        tsig-keygen -a hmac-sha256 mail >/etc/lab/mail.key'
    put "$host" /var/lib/lab-dns/zone <<X
\$TTL 300
@ SOA ns.$MAIL_DOMAIN. root.$MAIL_DOMAIN. 1 3600 600 86400 300
@ NS ns.$MAIL_DOMAIN.
ns A $address
X
    put "$host" /etc/lab/named.conf <<X
include "/etc/lab/mail.key";
options { directory "/var/lib/lab-dns"; listen-on { any; }; listen-on-v6 { none; }; recursion no;
    dnssec-validation no; pid-file "/run/lab-named.pid"; session-keyfile "/run/lab-session.key"; };
zone "$MAIL_DOMAIN" { type primary; file "zone"; allow-update { key mail; }; allow-transfer { key mail; }; };
X
    on "$host" named -u root -c /etc/lab/named.conf >"$LAB_TMP/named" 2>&1 || fail "named on $host: $(cat "$LAB_TMP/named")"
    wait_until 30 on "$host" dig +short +time=1 +tries=1 @127.0.0.1 ns.$MAIL_DOMAIN >/dev/null 2>&1 ||
        fail "named on $host does not answer"
    on "$host" cat /etc/lab/mail.key
}

# mail_store HOST LDAP ADDRESS...: lays the service out on the disk that is mounted at /srv/mail of the
# host; users are looked up at the LDAP server, and the service listens at the addresses.
mail_store() {
    local host=$1 ldap=$2 addresses
    shift 2
    addresses=$*
    put "$host" /srv/mail/etc/postfix/main.cf <<X
compatibility_level = 3.6
queue_directory = /srv/mail/spool/postfix
data_directory = /srv/mail/spool/postfix-data
mail_owner = postfix
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
multi_instance_enable = no
maillog_file = /var/log/mail-instance.log
maillog_file_prefixes = /var
inet_interfaces = ${addresses// /, }
inet_protocols = all
myhostname = mail.$MAIL_DOMAIN
mydestination =
mynetworks = 127.0.0.0/8
local_transport = error:no local mail
alias_maps =
virtual_mailbox_domains = $MAIL_DOMAIN
virtual_mailbox_maps = ldap:/srv/mail/etc/postfix/users.cf
virtual_transport = lmtp:unix:private/dovecot-lmtp
smtpd_relay_restrictions = reject_unauth_destination
smtpd_peername_lookup = no
smtputf8_enable = no
minimal_backoff_time = 5s
queue_run_delay = 5s
maximal_backoff_time = 10s
X
    put "$host" /srv/mail/etc/postfix/users.cf <<X
version = 3
server_host = ldap://$ldap
search_base = ou=users,dc=example,dc=org
query_filter = (mail=%s)
result_attribute = uid
bind = no
timeout = 5
X
    on "$host" sh -ec 'cp /usr/share/postfix/master.cf.dist /srv/mail/etc/postfix/master.cf
        postconf -c /srv/mail/etc/postfix -F "*/*/chroot = n"' >"$LAB_TMP/store" 2>&1 ||
        fail "Postfix's master.cf on $host: $(cat "$LAB_TMP/store")"
    put "$host" /srv/mail/etc/dovecot/dovecot.conf <<X
protocols = imap lmtp
instance_name = mail
base_dir = /run/dovecot-mail
state_dir = /srv/mail/state
# Its locks say "PID:HOST", and those of another host hold for two minutes: so all nodes have one name.
import_environment = TZ CORE_OUTOFMEM CORE_ERROR DOVECOT_HOSTNAME=mail.$MAIL_DOMAIN DOVECOT_HOSTDOMAIN=mail.$MAIL_DOMAIN
listen = ${addresses// /, }
log_path = /var/log/dovecot-mail.log
ssl = no
disable_plaintext_auth = no
first_valid_uid = 5000
mail_uid = 5000
mail_gid = 5000
mail_home = /srv/mail/users/%n
mail_location = maildir:~/Maildir
mail_fsync = always
passdb {
  driver = ldap
  args = /srv/mail/etc/dovecot/ldap.conf
}
userdb {
  driver = static
  args = uid=5000 gid=5000 home=/srv/mail/users/%n allow_all_users=yes
}
namespace inbox {
  inbox = yes
}
auth_username_format = %Ln
service lmtp {
  unix_listener /srv/mail/spool/postfix/private/dovecot-lmtp {
    mode = 0600
    user = postfix
    group = postfix
  }
}
service imap-login {
  inet_listener imap {
    port = 143
  }
  inet_listener imaps {
    port = 0
  }
}
X
    put "$host" /srv/mail/etc/dovecot/ldap.conf <<X
uris = ldap://$ldap
auth_bind = yes
auth_bind_userdn = uid=%Ln,ou=users,dc=example,dc=org
base = ou=users,dc=example,dc=org
X
    on "$host" sh -ec '
        mkdir -p /srv/mail/spool/postfix /srv/mail/spool/postfix-data /srv/mail/users /srv/mail/state
        chown postfix /srv/mail/spool/postfix-data
        chown 5000:5000 /srv/mail/users
        postfix -c /srv/mail/etc/postfix set-permissions create-missing 2>&1 || :
        sync -f /srv/mail' >"$LAB_TMP/store" 2>&1 || fail "the mail store on $host: $(cat "$LAB_TMP/store")"
}

# flow_starts HOST ADDRESS: from now on mail flows to the address and user1 reads it, from the host.
flow_starts() {
    FLOW_HOST=$1 FLOW_TO=$2
    FLOW_LEDGER=$LAB_TMP/ledger
    "$LAB_PROGRAM" exec "$1" "$MAILFLOW" deliver --host "$2" --ledger - --users "$MAIL_USERS" \
        --rate "${MAIL_RATE:-20}" >"$FLOW_LEDGER" 2>"$LAB_TMP/deliver" </dev/null &
    FLOW_DELIVER=$!
    "$LAB_PROGRAM" exec "$1" "$MAILFLOW" read --host "$2" --user user1 --password secret \
        >"$LAB_TMP/read" 2>&1 </dev/null &
    FLOW_READ=$!
    wait_until 60 flow_beats 5 || fail "no mail is acknowledged: $(tail -n 3 "$FLOW_LEDGER" 2>/dev/null)"
}

# acknowledged: how many messages were, so far.
acknowledged() { grep -c ^acknowledged "$FLOW_LEDGER" 2>/dev/null || :; }
# flow_beats COUNT [SINCE]: so many were acknowledged, since there were SINCE of them.
flow_beats() { local now; now=$(acknowledged) && [ "${now:-0}" -ge $((${2:-0} + $1)) ]; }

# flow_goes_on WHAT [SECONDS]: mail is acknowledged again; prints the longest gap so far.
flow_goes_on() {
    local since
    since=$(acknowledged)
    wait_until "${2:-60}" flow_beats 10 "$since" || fail "$1: no mail is acknowledged any more"
}

# flow_watches HOST ADDRESS: from now on it is written down when SMTP and IMAP serve a user to whom no mail goes, and
# when not.
flow_watches() {
    "$LAB_PROGRAM" exec "$1" "$MAILFLOW" watch --host "$2" --user "user$((MAIL_USERS + 1))" --password secret \
        >"$LAB_TMP/serves" 2>/dev/null </dev/null &
    FLOW_WATCH=$!
    wait_until 30 flow_served 0 >/dev/null || fail "it is not served"
}
# flow_served SINCE: when it began to, after that time.
flow_served() { awk -v since="$1" '$1 == "up" && $2 > since { print $2; exit }' "$LAB_TMP/serves" | grep .; }
# flow_away SINCE: the longest time after that in which it did not, in milliseconds.
flow_away() {
    awk -v since="$1" '$1 == "down" { down = $2 > since ? $2 : since }
        $1 == "up" { if (down && $2 - down > most) most = $2 - down; down = 0 }
        END { print most + 0 }' "$LAB_TMP/serves"
}

# flow_ends: ends it, and says what was sent.
FLOW_WATCH=
flow_ends() {
    # shellcheck disable=SC2086
    kill "$FLOW_DELIVER" "$FLOW_READ" $FLOW_WATCH 2>/dev/null
    # shellcheck disable=SC2086
    wait "$FLOW_DELIVER" "$FLOW_READ" $FLOW_WATCH 2>/dev/null
    figure "$(awk '{ n[$1]++ } $1 == "acknowledged" { if (last && $4 - last > gap) gap = $4 - last; last = $4 }
        END { printf "acknowledged %d, unanswered %d, refused %d, longest gap %d ms",
            n["acknowledged"], n["unanswered"], n["refused"], gap }' "$FLOW_LEDGER")"
    sort -k7 -n "$LAB_TMP/read" | tail -n 1
}

# flow_cut MS-MS: a node that served was lost in that time. What it had just saved, and could not note as
# delivered any more, Postfix delivers again: so it is without us, too.
FLOW_CUTS=()
flow_cut() { FLOW_CUTS+=("--cut=$1"); }

# flow_account [ADDRESS]: every acknowledged mail is there exactly once, read at the address.
flow_account() {
    "$LAB_PROGRAM" exec "$FLOW_HOST" "$MAILFLOW" verify --host "${1:-$FLOW_TO}" --ledger - --users "$MAIL_USERS" \
        --password secret --wait "${MAIL_WAIT:-60}" "${FLOW_CUTS[@]}" <"$FLOW_LEDGER" >"$LAB_TMP/account" 2>&1 ||
        fail "the account of the mail: $(tail -n 20 "$LAB_TMP/account")"
    figure "$(tail -n 1 "$LAB_TMP/account")"
}
