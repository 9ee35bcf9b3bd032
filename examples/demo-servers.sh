# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# ./examples/demo: two stand-alone servers, a9 and b9, at the two sites of its lab. Uses its say, doing and
# note, and the lab's helpers; sets client to the deliveries' process.
#
# SERVERS_MAILS   how many mails both have at the end

servers_files() {
    local host=$1 site=${1%9}
    on "$host" sh -c 'mkdir -p /srv/home /etc/doppel/keys && mount /dev/shared2 /srv/home && mkdir /srv/home/mail' ||
        return 1
    {
        printf '[site]\nname=site-%s\n[daemon]\nlisten=0.0.0.0\nuser=nobody\nmetrics=off\nlog_target=stderr\n' "$site"
        if [ "$site" = a ]; then
            printf '[set mail]\ntarget=site-b\n'
        else
            printf '[target]\nroot=/srv/home\n'
        fi
    } | lab exec "$host" sh -c 'cat >/etc/doppel/doppel.conf'
}
server_answers() { on "$1" doppel status >/dev/null 2>&1; }
servers_start() {
    local host
    for host in a9 b9; do
        servers_files $host || return 1
        on $host sh -c 'setsid doppeld --foreground >/run/doppeld.log 2>&1 </dev/null &'
        wait_until 30 server_answers $host || return 1
    done
}

# Each site's authority is confirmed by a person who has seen its fingerprint at the other site.
fingerprint() {
    on "$1" doppel --output-as=json site list | sed -n 's/^ *"fingerprint": "\(.*\)".*/\1/p' | head -n 1
}
servers_pair() {
    local host
    for host in a9 b9; do on $host doppel site init || return 1; done
    on a9 doppel site pair site-b --address=10.71.2.9 # the first to ask is not expected yet
    on b9 doppel site pair site-a --address=10.71.1.9 || return 1
    on a9 doppel site pair site-b --address=10.71.2.9 || return 1
    on a9 doppel site pair site-b --fingerprint="$(fingerprint b9)" || return 1
    on b9 doppel site pair site-a --fingerprint="$(fingerprint a9)"
}
set_is() { on "$1" doppel set list 2>/dev/null | grep -qE "^mail .* $2\$"; }
is_captured() { on a9 doppel --output-as=json status mail | grep -A1 '"capture"' | grep -q '"serving"'; }
servers_set() {
    on b9 doppel set accept mail --from=site-a --map=/srv/home/mail:/srv/home/mail &&
        on a9 doppel set create mail /srv/home/mail && wait_until 60 is_captured &&
        on a9 doppel connect mail --equal && wait_until 60 set_is a9 protected && wait_until 60 set_is b9 protected
}

# Each message is written to tmp/, synced, and renamed to new/; every third one is read, and so moves to cur/.
deliver() {
    on a9 sh -c 'cd /srv/home/mail && mkdir tmp new cur && n=0 && while [ ! -e /run/enough ]; do
        n=$((n + 1))
        head -c $((n % 40 * 200)) /dev/urandom | base64 >tmp/$n && sync tmp/$n && mv tmp/$n new/$n || exit 1
        [ $((n % 3)) != 0 ] || mv new/$n cur/$n:2,S || exit 1
    done'
}
messages() { on "$1" find /srv/home/mail/new /srv/home/mail/cur -type f 2>/dev/null | wc -l; }
has_messages() { [ "$(messages "$1")" -ge "$2" ]; }
# Names, kinds, modes, owners, sizes, times, links, and the contents.
digest() {
    on "$1" sh -c 'cd /srv/home/mail && { find . -printf "%P %y %m %U %G %s %T@ %n %l\n" | sort
        find . -type f -print0 | sort -z | xargs -0 sha256sum; } | sha256sum | cut -c1-16'
}

# equal_servers: nothing is left to send, and everything is the same at both.
equal_servers() {
    on a9 touch /run/enough
    wait "$client" || fail "a delivery failed"
    client=''
    quietly on a9 doppel wait mail --idle || fail "it does not come to rest"
    [ "$(digest a9)" = "$(digest b9)" ] || fail "a9 and b9 differ"
    # shellcheck disable=SC2034 # for examples/demo
    SERVERS_MAILS=$(messages a9)
}

show_servers() {
    local before cut
    say "7. Two servers without a cluster, a9 and b9, while the users of the clusters go on"
    doing "doppeld runs at both" servers_start || fail "a server did not start"
    doing "paired: authorities exchanged, fingerprints confirmed" quietly servers_pair || fail "they are not paired"
    doing "the set \"mail\" is captured at a9 and protected" quietly servers_set || fail "the set is not protected"
    deliver &
    client=$!
    doing "mail is delivered at a9 and appears at b9" wait_until 60 has_messages b9 100 || fail "nothing appears"
    before=$(messages a9)
    lab lan b9 cut || fail "the link cannot be cut"
    doing "the link is cut: 200 more are delivered at a9" wait_until 120 has_messages a9 $((before + 200)) ||
        fail "delivery does not go on"
    cut=$(messages a9)
    note "a9 has $cut mails, b9 $(messages b9). Users of a9 see nothing of it."
    lab lan b9 heal || fail "the link cannot be healed"
    doing "the link is back, and b9 takes what it missed" wait_until 120 has_messages b9 "$cut" || fail "b9 does not follow"
    doing "all is sent; names, owners, times and contents are compared" equal_servers
}
