# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# ./examples/demo: the mail service of two clusters. Uses its say, doing, note and row, and the lab's helpers.
#
# STORY   what happened: TEXT|TIME|TIME WITHOUT MAIL

STORY=()
# A mail is acknowledged when the other site has it, too.
# shellcheck disable=SC2034 # for mail-sites.sh
CONNECTION=durability=remote
# happened TEXT SINCE: it took TOOK_S.
happened() {
    STORY+=("$1|$(printf '%.1f s' "$TOOK_S")|$(seconds "$(flow_away "$2")")")
}
seconds() { awk "BEGIN { printf \"%.1f s\", $1 / 1000 }"; }
# users_saw SINCE: once mail flows again.
users_saw() {
    doing "mail is taken and read again" flow_goes_on "afterwards"
    note "Users had no answer for $(seconds "$(flow_away "$1")"); then their programs went on by themselves."
}
# typed HOST ARGUMENT...: a command as an administrator types it, with what it prints.
typed() {
    doing "$1# doppel ${*:2}" printed "$@"
    sed 's/^/      | /' "$LAB_TMP/printed"
}
printed() { doppel "$@" >"$LAB_TMP/printed" 2>&1 || fail "$(cat "$LAB_TMP/printed")"; }

show_service() {
    say "3. A mail service at site a, and its double at site b"
    doing "doppeld runs on all nodes; users stand in a directory" twins_begin
    doing "the sites are paired; the set \"mail\" is agreed" sites_agree
    doing "Pacemaker starts the service at a, the replica at b" twins_serve
    doing "users at c1 send mail to $SERVICE and read it" flow_starts c1 $SERVICE
    flow_watches c1 $SERVICE
    watch $SERVICE $LINK_A $LINK_B
    beats() { wait_until 60 flow_beats 100; }
    doing "100 mails were acknowledged" beats || fail "mail does not flow"
    note "Postfix and Dovecot run on $(owner a mail-dovecot). A mail is acknowledged when site b has it, too."
}

show_node_lost() {
    local lost other since
    lost=$(owner a mail-dovecot)
    other=$(other_of "$lost")
    say "4. The node $lost, which serves, loses its power"
    since=$(now_ms)
    lab power off "$lost" >/dev/null || fail "the power switch did not answer"
    served_again() { wait_until 90 flow_served "$since" >/dev/null; }
    doing "$other fences $lost, takes the disk, and serves" served_again || fail "nobody took the service"
    flow_cut "$since-$(flow_served "$since")"
    happened "$lost lost its power, $other took over by itself" "$since"
    users_saw "$since"
    lab power on "$lost" >/dev/null 2>&1 # where fencing has not done it
    doing "$lost is back and stands by" wait_until 90 online a "$lost" || fail "$lost did not come back"
    doing "site b has everything again" wait_until 120 protected || fail "the sites do not come together"
    never_double
}

show_site_lost() {
    local at since
    at=$(owner b mail-replica)
    say "5. Site a loses its power, and a person decides that site b takes over"
    since=$(now_ms)
    doing "nothing runs at site a any more" site_power off a || fail "site a keeps its power"
    note "Nobody serves. Site b waits for a person: a site that cannot be seen is not always dead."
    typed "$at" failover mail --immediate --source-is-down --confirm=mail
    wait_until 60 flow_served "$since" >/dev/null || fail "site b does not serve the users"
    flow_cut "$since-$(flow_served "$since")"
    happened "site a lost its power; doppel failover" "$since"
    users_saw "$since"
    never_double
}

back() { wait_until 120 online a a1 && wait_until 120 online a a2 && wait_until 60 runs a mail-link-ip; }
show_home() {
    local at since
    say "6. Site a is repaired, and takes its service home"
    doing "a1 and a2 have power again; site a starts" site_power on a || fail "site a has no power"
    doing "it asks site b first, hears that b serves, and holds" back || fail "site a does not come back"
    at=$(owner b mail-conn) since=$(now_ms)
    typed "$at" restore mail
    happened "doppel restore: site a was made equal" "$since"
    note "Meanwhile users worked at site b."
    at=$(owner b mail-conn) since=$(now_ms)
    typed "$at" failback mail
    happened "doppel failback: site a serves again" "$since"
    users_saw "$since"
    doing "site b is its double again" wait_until 120 protected || fail "the sites do not come together"
    never_double
}

counted() { sed -n "s/^account:.*$1 \([0-9]*\).*/\1/p" "$LAB_TMP/account"; }
# A lock that a lost node left in a mailbox holds Dovecot up for two minutes.
show_account() {
    count() { flow_ends >/dev/null && MAIL_WAIT=200 flow_account >/dev/null; }
    say "8. What became of the mail"
    note "Dovecot waits up to two minutes for a mailbox whose lock a lost node left: so it does without a double."
    doing "users stop sending; every mailbox is counted" count
    doing "the service stops; every file is compared with site b" mail_sites_equal
}

how_to_enter() {
    quietly crm_at a resource start mail-postfix
    cat <<END

The sites stay up. Enter a host:   $LAB_PROGRAM --name $LAB_NAME exec a1 bash
Watch a cluster:                   $LAB_PROGRAM --name $LAB_NAME exec a1 crm_mon
Ask how the replica is:            $LAB_PROGRAM --name $LAB_NAME exec a1 doppel status mail
Let site b serve:                  $LAB_PROGRAM --name $LAB_NAME exec b1 doppel failover mail
End it:                            $LAB_PROGRAM --name $LAB_NAME down
END
}
