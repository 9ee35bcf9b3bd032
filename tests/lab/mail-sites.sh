# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Two sites as administrators have them: a mail service on two nodes at site a (mail-lib.sh), its replica on two
# nodes at site b, the set "mail" protected. Sourced after helpers.sh, mail-lib.sh and cluster-lib.sh, for a lab with
# the hosts a1, a2, b1, b2, and one for what the sites share:
#
#   mail_sites_up   a9 has the directory and the names; site b can only stand by
#   twins_up        both sites have all resources, as in the examples, and either can serve: on one subnet (lab up
#                   --wan bridged), over which the service's address moves; c1 has the directory
#
#   SERVICE        the address of the service
#   CONNECTION     more parameters of the twins' source-connection

SERVICE=10.71.1.100 DIRECTORY=10.71.1.9
# shellcheck disable=SC2034 # for cluster-lib.sh
MAP=(/srv/mail/etc /srv/mail/spool /srv/mail/users /srv/mail/state)

fill_disk() {
    [ "$1" != a ] || mail_store a1 $DIRECTORY $SERVICE
}

site_a() {
    crm_fences a
    cat <<END
primitive mail-link-ip ocf:doppel:virtual-ip params ip=$LINK_A op monitor interval=10s timeout=20s
primitive mail-conn ocf:doppel:source-connection params replication_set=mail target=site-b \
  op start timeout=90s op stop timeout=60s op monitor interval=2s timeout=20s
primitive mail-ip ocf:doppel:virtual-ip params ip=$SERVICE op monitor interval=10s timeout=20s
primitive mail-name ocf:doppel:network-name params hostname=mail.$MAIL_DOMAIN ip=$SERVICE server=$DIRECTORY \
  keyfile=/etc/doppel/keys/mail.tsig op start timeout=30s op stop timeout=30s op monitor interval=5s timeout=30s
primitive mail-postfix ocf:doppel:mail-server params service=postfix config_dir=/srv/mail/etc/postfix replication_set=mail \
  op start timeout=60s op stop timeout=60s op monitor interval=5s timeout=20s
primitive mail-dovecot ocf:doppel:mail-server params service=dovecot config_file=/srv/mail/etc/dovecot/dovecot.conf replication_set=mail \
  op start timeout=60s op stop timeout=60s op monitor interval=5s timeout=20s
group g-mail-store mail-fs mail-link-ip
group g-mail mail-conn mail-ip mail-name mail-postfix mail-dovecot
colocation c-mail inf: g-mail g-mail-store
order o-mail Mandatory: g-mail-store g-mail
location l-serve g-mail rule -inf: not_defined doppel-mail or doppel-mail ne serving
END
}
site_b() {
    crm_fences b
    cat <<END
primitive mail-link-ip ocf:doppel:virtual-ip params ip=$LINK_B op monitor interval=10s timeout=20s
primitive mail-replica ocf:doppel:replica params replication_set=mail device=$1 \
  op start timeout=60s op stop timeout=30s op monitor interval=2s timeout=20s
group g-mail-store mail-fs mail-link-ip
colocation c-replica inf: mail-replica g-mail-store
order o-replica Mandatory: g-mail-store mail-replica
location l-stand mail-replica rule -inf: not_defined doppel-mail or doppel-mail ne standby
END
}

# mail_sites_begin: the directory, the names, and doppeld on all nodes.
mail_sites_begin() {
    local host
    mail_directory a9
    mail_names a9 >"$LAB_TMP/mail.tsig"
    for host in a1 a2; do
        put $host /etc/doppel/keys/mail.tsig <"$LAB_TMP/mail.tsig"
        on $host chmod 600 /etc/doppel/keys/mail.tsig
    done
    doppeld_up a1 a2 b1 b2
}

# mail_sites_serve: the resources of both sites; it serves at a, and the set is protected at b.
mail_sites_serve() {
    local uuid
    uuid=$(on b1 blkid -o value -s UUID /dev/shared)
    # Neither comes to rest without the other: a connection is asked for again and again.
    site_a | load_configuration a || fail "site a refused its configuration"
    site_b "$uuid" | load_configuration b || fail "site b refused its configuration"
    wait_until 90 runs a mail-dovecot || fail "the roles start no mail service"
    wait_until 60 runs b mail-replica || fail "the roles start no replica"
    quietly doppel "$(owner a mail-conn)" connect mail || fail "connect"
    wait_until 90 protected || fail "the set is not protected"
}

# mail_sites_up: all of it.
mail_sites_up() {
    mail_sites_begin
    sites_agree
    step "the sites are paired, the set is agreed"
    mail_sites_serve
}

# twin SITE LINK PEER UUID: the resources of the examples, the same at both sites.
twin() {
    crm_fences "$1"
    cat <<END
primitive mail-link-ip ocf:doppel:virtual-ip params ip=$2 op monitor interval=10s timeout=20s
primitive mail-conn ocf:doppel:source-connection params replication_set=mail target=site-$3 ${CONNECTION:-} \
  op start timeout=90s op stop timeout=60s op monitor interval=2s timeout=20s
primitive mail-ip ocf:doppel:virtual-ip params ip=$SERVICE op monitor interval=10s timeout=20s
primitive mail-postfix ocf:doppel:mail-server params service=postfix config_dir=/srv/mail/etc/postfix replication_set=mail \
  op start timeout=60s op stop timeout=60s op monitor interval=5s timeout=20s
primitive mail-dovecot ocf:doppel:mail-server params service=dovecot config_file=/srv/mail/etc/dovecot/dovecot.conf replication_set=mail \
  op start timeout=60s op stop timeout=60s op monitor interval=5s timeout=20s
primitive mail-replica ocf:doppel:replica params replication_set=mail device=$4 \
  op start timeout=60s op stop timeout=30s op monitor interval=2s timeout=20s
group g-mail-store mail-fs mail-link-ip
group g-mail mail-conn mail-ip mail-postfix mail-dovecot
colocation c-mail inf: g-mail g-mail-store
order o-mail Mandatory: g-mail-store g-mail
colocation c-replica inf: mail-replica g-mail-store
order o-replica Mandatory: g-mail-store mail-replica
order o-replica-off Mandatory: mail-replica:stop g-mail:start symmetrical=false
order o-mail-off Mandatory: g-mail:stop mail-replica:start symmetrical=false
location l-serve g-mail rule -inf: not_defined doppel-mail or doppel-mail ne serving
location l-stand mail-replica rule -inf: not_defined doppel-mail or doppel-mail ne standby
END
}

# twins_begin: the directory at a third site, with one user more than get mail (flow_watches), and doppeld on all nodes.
twins_begin() {
    DIRECTORY=$(on c1 ip -4 -o addr show dev eth0 | sed -n 's/.* inet \([0-9.]*\).*/\1/p;q')
    MAIL_USERS=$((MAIL_USERS + 1))
    mail_directory c1
    MAIL_USERS=$((MAIL_USERS - 1))
    doppeld_up a1 a2 b1 b2
}

# twins_serve: the resources of both sites; it serves at a, and the set is protected at b, which could serve it.
twins_serve() {
    local uuid_a uuid_b
    uuid_a=$(on a1 blkid -o value -s UUID /dev/shared)
    uuid_b=$(on b1 blkid -o value -s UUID /dev/shared)
    twin a "$LINK_A" b "$uuid_a" | load_configuration a || fail "site a refused its configuration"
    twin b "$LINK_B" a "$uuid_b" | load_configuration b || fail "site b refused its configuration"
    wait_until 90 runs a mail-dovecot || fail "the roles start no mail service"
    wait_until 60 runs b mail-replica || fail "the roles start no replica"
    quietly doppel "$(owner a mail-conn)" connect mail || fail "connect"
    wait_until 120 protected || fail "the set is not protected"
    wait_until 60 has_rules b1 || fail "site b does not learn the rules"
}

# twins_up: all of it.
twins_up() {
    twins_begin
    sites_agree
    step "the sites are paired, the set is agreed"
    twins_serve
}

# site_role SITE: of the set there.
site_role() { doppel "$(member "$1")" --output-as=json set show mail 2>/dev/null | sed -n 's/^ *"role": "\(.*\)",\{0,1\}$/\1/p' | head -n 1; }
has_rules() { doppel "$1" --output-as=json set show mail | grep -q peer_rules; }

mail_listing() {
    on "$1" sh -c "cd /srv/mail && find etc spool users state ! -type s -printf '%p %y %m %U %G %l\n' | sort &&
        find etc spool users state -type f | sort | xargs sha256sum"
}

# mail_sites_equal: stops the service; then both sites are the same, byte for byte. EQUAL_FILES: how many files.
mail_sites_equal() {
    local source target
    # A node that has just come back may not show yet what runs.
    wait_until 60 runs a mail-conn && wait_until 60 runs b mail-replica || fail "no source or no replica is shown"
    source=$(owner a mail-conn) target=$(owner b mail-replica)
    [ -n "$source" ] && [ -n "$target" ] || fail "no source or no replica is shown any more"
    quietly crm_at a resource stop mail-postfix && settle a || fail "the services do not stop"
    quietly doppel "$source" wait mail --idle --timeout=90s || fail "not idle"
    mail_listing "$source" >"$LAB_TMP/a" && mail_listing "$target" >"$LAB_TMP/b" || fail "no listing"
    [ -s "$LAB_TMP/a" ] && cmp -s "$LAB_TMP/a" "$LAB_TMP/b" ||
        { diff "$LAB_TMP/a" "$LAB_TMP/b" | head -n 20; fail "the sites differ"; }
    # shellcheck disable=SC2034 # for who calls this
    EQUAL_FILES=$(grep -c ' f ' "$LAB_TMP/a")
}
