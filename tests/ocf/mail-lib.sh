# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The stage of mail-server's tests, on top of lib.sh: namespaces of their own (network, mounts, host
# name, processes: whatever is left ends with the script), a disk mounted at /srv/mail, and
# configurations of real services on it. Sourced first:
#
#   . "${srcdir:-.}/tests/ocf/mail-lib.sh"; stage_mail PROGRAM...; the programs must be installed
#
# postfix_conf NAME ADDRESS     makes /srv/mail/NAME/etc, an instance that listens on ADDRESS:25
# dovecot_conf NAME ADDRESS     makes /srv/mail/NAME/dovecot.conf, IMAP on ADDRESS:143, LMTP beside it
# postfix ACTION [NAME=VALUE..] runs the agent for the Postfix "one"          dovecot ACTION ... the same
# agent_of INSTANCE SERVICE ... as these, for others
# pids NAME                     processes with this name (comm), one a line
# gone PID...                   waits for their ends, at most a minute
# shellcheck source=tests/ocf/lib.sh
. "${srcdir:-.}/tests/ocf/lib.sh" || exit 1
agent=$PWD/agents/mail-server
disk=/srv/mail

stage_mail() {
    local program
    for program in "$@"; do
        PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || skip "$program is not installed"
    done
    if [ -z "${DOPPEL_STAGE:-}" ]; then
        unshare -n -m -u -p -f true 2>/dev/null || skip "no right to make namespaces"
        DOPPEL_STAGE=1 exec unshare -n -m -u -p -f --mount-proc --kill-child "$0"
    fi
    mount --make-rprivate /
    local dir
    mkdir -p /srv /etc/doppel /var/lib/heartbeat
    for dir in /run /srv /etc/doppel /var/lib/heartbeat /var/spool /var/lib/postfix /var/lib/dovecot /var/mail; do
        [ ! -d $dir ] || mount -t tmpfs -o mode=0755 none $dir || exit 1
    done
    mkdir -p /srv/mail
    mount_disk
    hostname mail.example.org
    printf '[site]\nname=site-a\n' >/etc/doppel/doppel.conf
    unset "${!OCF_@}"
    export OCF_ROOT=/usr/lib/ocf OCF_RESKEY_CRM_meta_timeout=60000 OCF_RESKEY_CRM_meta_interval=20000
    # What a sanitizer finds in the services themselves is not ours.
    export PATH=$PATH:/usr/sbin:/sbin
    ip link set lo up
    ip addr add 192.0.2.10/32 dev lo
    ip addr add 192.0.2.11/32 dev lo
}

# The disk is a directory that survives, mounted where the service looks for it.
mount_disk() {
    mkdir -p /srv/.disk
    mount --bind /srv/.disk $disk || exit 1
}

unmount_disk() {
    umount $disk || bad "the disk is busy: $(fuser -vm $disk 2>&1)"
}

postfix_conf() {
    local base=$disk/$1 address=$2
    mkdir -p "$base/etc" "$base/spool" "$base/data"
    chown postfix "$base/data"
    cat >"$base/etc/main.cf" <<END
compatibility_level = 3.6
queue_directory = $base/spool
data_directory = $base/data
maillog_file = $base/log
maillog_file_prefixes = /srv
inet_interfaces = $address
inet_protocols = ipv4
myhostname = mail.example.org
mydestination =
mynetworks = 192.0.2.0/24, 127.0.0.0/8
alias_maps =
virtual_mailbox_domains = example.org
virtual_mailbox_maps = static:all
virtual_transport = lmtp:unix:private/dovecot-lmtp
smtpd_peername_lookup = no
disable_dns_lookups = yes
smtputf8_enable = no
END
    cat >"$base/etc/master.cf" <<END
smtp      inet  n - n - - smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
proxymap  unix  - - n - - proxymap
error     unix  - - n - - error
retry     unix  - - n - - error
lmtp      unix  - - n - - lmtp
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
END
}

dovecot_conf() {
    local base=$disk/$1 address=$2 sockets=${3:-$disk/$1/run}
    mkdir -p "$base/state" "$base/home"
    [ -n "${3:-}" ] || mkdir -p "$sockets"
    chmod 0777 "$base/home"
    cat >"$base/dovecot.conf" <<END
base_dir = /run/dovecot-$1
state_dir = $base/state
instance_name = dovecot-$1
log_path = $base/dovecot.log
protocols = imap lmtp
listen = $address
ssl = no
mail_location = maildir:~/Maildir
mmap_disable = yes
first_valid_uid = 1
default_internal_user = dovecot
passdb {
  driver = passwd-file
  args = $base/users
}
userdb {
  driver = static
  args = uid=8 gid=8 home=$base/home/%u
}
service lmtp {
  unix_listener $sockets/dovecot-lmtp {
    mode = 0666
  }
}
END
    echo 'probe@example.org:{PLAIN}se"c\ret' >"$base/users"
    (umask 077; echo 'se"c\ret' >"$base/passfile")
}

agent_of() {
    local instance=$1 service=$2 action=$3
    shift 3
    run "$action" OCF_RESOURCE_INSTANCE="$instance" service="$service" "$@"
}

postfix() {
    local action=$1
    shift
    agent_of postfix-one postfix "$action" config_dir=$disk/one/etc "$@"
}

dovecot() {
    local action=$1
    shift
    agent_of dovecot-one dovecot "$action" config_file=$disk/one/dovecot.conf "$@"
}

# Those that run; what has ended and waits for its parent does not.
pids() {
    local stat
    for stat in /proc/[0-9]*/stat; do
        sed -n "s/^\([0-9]*\) ($1) [^ZX].*/\1/p" "$stat" 2>/dev/null
    done
}

none_of() {
    local name left
    for name in "$@"; do
        left=$(pids "$name" | tr '\n' ' ')
        checks=$((checks + 1))
        [ -z "$left" ] || bad "$last: $name still runs: $left"
    done
}

gone() {
    local pid
    for pid in "$@"; do
        timeout 60 tail --pid="$pid" -s 0.05 -f /dev/null || bad "process $pid does not end"
    done
}

# wait_until COMMAND...: at most a minute
wait_until() {
    local end=$((SECONDS + 60))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        read -r -t 0.1 _ <> <(:) || :
    done
}
