#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two clusters of two nodes: stock Filesystem, virtual-ip and source-connection with a writer behind them at one
# site, Filesystem, virtual-ip and replica at the other. While the writer writes, the owner is moved, put in
# standby and crashes, and so does the node of the replica: after each both sites become equal, after what
# was in order without a comparison; and nobody ever held a disk twice.
. "$(dirname "$0")/../lab/helpers.sh"

# shellcheck disable=SC2034 # for cluster-lib.sh
MAP=(/srv/mail/data)
. "$(dirname "$0")/../lab/cluster-lib.sh"
ROOT=${MAP[0]}

more_logs() { cluster_logs; }
fill_disk() { :; }

site_a() {
    crm_fences a
    cat <<END
primitive mail-link-ip ocf:doppel:virtual-ip params ip=$LINK_A op monitor interval=10s timeout=20s
primitive mail-conn ocf:doppel:source-connection params replication_set=mail target=site-b \
  op start timeout=90s op stop timeout=60s op monitor interval=2s timeout=20s
primitive writer ocf:heartbeat:anything params binfile=/root/writer pidfile=/run/writer.pid \
  op start timeout=20s op stop timeout=20s op monitor interval=10s timeout=20s
group g-mail-store mail-fs mail-link-ip
group g-mail mail-conn writer
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
# A file for each step, synced, then told; it never ends by itself.
writer() {
    cat <<'END'
#!/bin/bash
cd /srv/mail/data || exit 1
echo $$ >/run/writer.pid
[ -p /root/never ] || mkfifo /root/never
for ((i = 0; ; i++)); do
    name=$(date +%s%N).$i
    echo "$name" >tmp.$$ && sync tmp.$$ && mv tmp.$$ "$name" && sync . || exit 1
    echo "$name" >>/root/acks
    ((i % 7)) || rm -f "$(ls | head -n 1)"
    read -r -t 0.02 <>/root/never
done
END
}

# elsewhere SITE RESOURCE: the node that does not have it names the one that has, raises no alarm, and refuses what
# only that one can do.
elsewhere() {
    local has other
    has=$(owner "$1" "$2")
    other=$(other_of "$has")
    doppel "$other" status mail | grep -q "^next: *on node $has: doppel status mail" || return 1
    doppel "$other" status mail --check >/dev/null || return 1
    doppel "$other" mirror status mail >"$LAB_TMP/refused" 2>&1
    [ $? = 4 ] && grep -q "is on node \"$has\": type this there" "$LAB_TMP/refused"
}
both_elsewhere() { elsewhere a mail-conn && elsewhere b mail-replica; }

protected_and_written() { protected && [ -n "$(owner a writer)" ]; }
compared() { status "$(owner a mail-conn)" | grep -q '"last"'; }
listing() {
    on "$1" sh -c "cd $ROOT && find . ! -name . -printf '%p %y %m %U %G %s\n' | sort && find . -type f | sort | xargs sha256sum"
}
# Both sides, with the writer at rest for the moment.
equal() {
    local source target
    wait_until 90 protected_and_written || fail "$1: the sites do not come together"
    quietly crm_at a resource stop writer && settle a || fail "$1: the writer does not stop"
    source=$(owner a mail-conn) target=$(owner b mail-replica)
    quietly doppel "$source" wait mail --idle --timeout=90s || fail "$1: not idle"
    listing "$source" >"$LAB_TMP/a" && listing "$target" >"$LAB_TMP/b" || fail "$1: no listing"
    [ -s "$LAB_TMP/a" ] && cmp -s "$LAB_TMP/a" "$LAB_TMP/b" ||
        { diff "$LAB_TMP/a" "$LAB_TMP/b" | head -n 20; fail "$1: the sites differ"; }
    quietly crm_at a resource start writer && settle a || fail "$1: the writer does not start"
    step "$1: equal, $(grep -c ' f ' "$LAB_TMP/a") files"
}

lab_up --token 500 --hosts a1,a2,b1,b2 --host-disk-size 2048
doppeld_up a1 a2 b1 b2
sites_agree
writer >"$LAB_TMP/writer"
for host in a1 a2; do put $host /root/writer <"$LAB_TMP/writer" && on $host chmod 755 /root/writer; done
uuid=$(on b1 blkid -o value -s UUID /dev/shared)
site_a | configure a || fail "site a refused its configuration"
site_b "$uuid" | configure b || fail "site b refused its configuration"
wait_until 60 runs a mail-conn && wait_until 60 runs b mail-replica || fail "the roles start nothing"
quietly doppel "$(owner a mail-conn)" connect mail --equal || fail "connect"
wait_until 60 protected_and_written || fail "the set is not protected"
attribute() { [ "$(on "$1" attrd_updater -n "doppel-mail.$2" -Q 2>/dev/null | sed -n 's/.*value="\([^"]*\)".*/\1/p')" = "$3" ]; }
for host in "$(owner a mail-conn)" "$(owner b mail-replica)"; do
    wait_until 60 attribute "$host" state protected || fail "the node attribute of $host does not say that it is protected"
    wait_until 60 attribute "$host" lag 0 || fail "the node attribute of $host does not tell the lag"
done
step "protected: $(owner a mail-conn) serves, $(owner b mail-replica) stands by"
wait_until 30 both_elsewhere || fail "the nodes that have nothing of the set say: $(on "$(other_of "$(owner b mail-replica)")" doppel status mail)"
watch $LINK_A $LINK_B
pause() { sleep "$1"; } # the writer writes for a while: what happens then must happen in the middle of it
pause 1

first=$(owner a mail-conn)
start=$(now_ms)
quietly crm_at a resource move g-mail-store "$(other_of "$first")" || fail "move"
wait_until 60 moved a writer "$first" || fail "the group was not moved"
figure "a planned move took $(($(now_ms) - start)) ms"
quietly crm_at a resource clear g-mail-store
pause 1
equal "moved"
compared && fail "a move in order was followed by a comparison"
wait_until 30 both_elsewhere || fail "the node that it was moved from says: $(doppel "$first" status mail)"

second=$(owner a mail-conn)
quietly crm_at a node standby "$second" || fail "standby"
wait_until 60 moved a writer "$second" || fail "standby moved nothing"
quietly crm_at a node online "$second"
pause 1
equal "standby"
compared && fail "a standby was followed by a comparison"

third=$(owner b mail-replica)
quietly crm_at b node standby "$third" || fail "standby of the replica's node"
wait_until 60 moved b mail-replica "$third" || fail "the replica was not moved"
quietly crm_at b node online "$third"
pause 1
equal "the replica moved"
compared && fail "a move of the replica was followed by a comparison"
never_failed a
never_failed b

fourth=$(owner a mail-conn)
start=$(now_ms)
lab crash "$fourth" || fail "crash"
wait_until 90 moved a writer "$fourth" || fail "nobody took over"
figure "the owner crashed: the writer ran again after $(($(now_ms) - start)) ms"
pause 1
equal "the owner crashed"
compared || fail "a crash was followed by no comparison"

fifth=$(owner b mail-replica)
lab crash "$fifth" || fail "crash of the replica's node"
wait_until 90 online b "$fifth" || fail "$fifth does not come back"
wait_until 90 protected_and_written || fail "the replica does not come back"
pause 1
equal "the replica's node crashed"
never_double
for host in $(hosts_that site=a state=up); do on "$host" test -s /root/acks || fail "$host has never written"; done
echo "6 passed, 0 failed, 0 skipped"
