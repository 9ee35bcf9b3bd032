#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mail-server: each parameter wrong in turn: the right code, one line that names parameter, value and
# what was expected, and nothing done. Then what this host has not.
. "${srcdir:-.}/tests/ocf/mail-lib.sh" || exit 1
stage_mail postfix dovecot
postfix_conf one 192.0.2.10
dovecot_conf one 192.0.2.10

# wrong SERVICE PARAMETER=VALUE "EXPECTED" [MORE...]
wrong() {
    local service=$1 pair=$2 text=$3 action
    shift 3
    for action in validate-all start monitor reload reload-agent; do
        "$service" "$action" "$@" "$pair"
        expect 6 "parameter ${pair%%=*}=\"${pair#*=}\": expected $text"
    done
    "$service" stop "$@" "$pair"
    expect 0
    "$service" monitor "$@" "$pair" CRM_meta_interval=0
    reasons_wanted=0 expect 7
}
for value in sendmail Postfix "postfix "; do
    wrong postfix "service=$value" "one of postfix|dovecot|unit|"
done
for value in etc/postfix /etc/../x /etc//postfix; do
    wrong postfix "config_dir=$value" "an absolute path without \".\" and \"..\""
done
# What cannot be shown as it is.
# odd SERVICE PARAMETER=VALUE
odd() {
    local action
    for action in validate-all start monitor; do
        "$1" "$action" "$2"
        expect 6 "parameter ${2%%=*}=\""
    done
    "$1" stop "$2"
    expect 0
}
odd postfix "config_dir=/srv/$(printf 'a%.0s' $(seq 600))"
odd postfix $'config_dir=/etc/\x01'
odd dovecot $'parameters=a\nb'
odd dovecot $'probe_user=a\r'
wrong postfix config_file=/etc/postfix/main.cf "nothing: service=postfix has a config_dir" config_dir=
wrong dovecot config_dir=/etc/dovecot "nothing: service=dovecot has a config_file" config_file=
wrong dovecot config_file=dovecot.conf "an absolute path"
wrong dovecot pid_file=master.pid "an absolute path"
wrong dovecot unit=dovecot "nothing: it is for service=unit"
wrong dovecot binary=dovecot "an absolute path"
wrong dovecot "parameters=-o 'x" "arguments with paired quotes"
for value in mail.old "mail set" "$(printf 'a%.0s' $(seq 33))"; do
    wrong postfix "replication_set=$value" "the name of a set: letters, digits, _ and -, at most 32"
done
for value in mail.example.org:25 192.0.2.10:0 192.0.2.10:65536 "[2001:db8::1" 192.0.2.300:25 smtp: x:25 / \
    "/$(printf 'a%.0s' $(seq 120))"; do
    wrong postfix "probe_address=$value" "ADDRESS:PORT, [ADDRESS]:PORT or a socket's path"
done
for value in "a b" "<a@b>"; do
    wrong dovecot "probe_user=$value" "the name or address of a user"
done
wrong dovecot probe_passfile=x "an absolute path" probe_user=a
for value in 0 101 many; do
    wrong dovecot "probe_failures=$value" "a whole number from 1 to 100"
done
for value in 500ms 2h -1 soon; do
    wrong dovecot "kill_after=$value" "a time as 200ms, 5s or 1min, from 1000ms to 3600000ms"
done
for action in validate-all start monitor; do
    run $action
    expect 6 "parameter service is missing"
    run $action service=unit
    expect 6 "parameter unit is missing"
    run $action service=unit unit=--now
    expect 6 'parameter unit="--now": expected the name of a unit'
    run $action service=unit unit=x parameters=-v
    expect 6 'parameter parameters="-v": expected nothing: a unit has its own'
    dovecot $action probe_passfile=/etc/passfile
    expect 6 "parameter probe_user is missing"
done
postfix validate-all prob_user=x
expect 6 "parameter prob_user is not known"
ok "nothing was written" test -z "$(ls -A /run/doppel 2>/dev/null)"

# A validation at level 0 needs nothing of this host; at 10 it needs program, configuration, password.
postfix validate-all config_dir=/nosuch binary=/nosuch/postfix
expect 0
for action in start "validate-all OCF_CHECK_LEVEL=10"; do
    # shellcheck disable=SC2086
    {
        postfix $action config_dir=/nosuch
        expect 2 'parameter config_dir: "/nosuch": No such file or directory: is its disk mounted?'
        postfix $action config_dir=$disk/one/etc/main.cf
        expect 2 "is not a directory"
        dovecot $action config_file=$disk/one
        expect 2 "is not a file"
        postfix $action binary=/nosuch/postfix
        expect 5 '"/nosuch/postfix" is not installed'
        echo "queue_directory = spool" >>$disk/one/etc/main.cf
        postfix $action
        expect 2 'queue_directory is no absolute path'
        sed -i '$d' $disk/one/etc/main.cf
        echo "this is no setting" >>$disk/one/etc/main.cf
        postfix $action
        expect 2 "the configuration \"$disk/one/etc\" is wrong: postconf: "
        sed -i '$d' $disk/one/etc/main.cf
        echo "no_such = setting" >>$disk/one/dovecot.conf
        dovecot $action
        expect 2 "the configuration \"$disk/one/dovecot.conf\" is wrong: doveconf: "
        sed -i '$d' $disk/one/dovecot.conf
    }
done
passfile() {
    dovecot validate-all OCF_CHECK_LEVEL=10 probe_user=probe@example.org probe_passfile="$1"
}
passfile $disk/one/passfile
expect 0
passfile /nosuch
expect 2 'parameter probe_passfile: cannot open "/nosuch"'
chmod 0644 $disk/one/passfile
passfile $disk/one/passfile
expect 2 "must belong to root and be readable by nobody else but its group"
chmod 0600 $disk/one/passfile
chown 65534 $disk/one/passfile
passfile $disk/one/passfile
expect 2 "must belong to root"
chown 0 $disk/one/passfile
: >$disk/one/passfile
passfile $disk/one/passfile
expect 2 "is no password"
passfile $disk
expect 2 "is not a file"
# A port that is taken is found by level 20.
postfix_conf other 192.0.2.10
agent_of other postfix start config_dir=$disk/other/etc
expect 0
postfix validate-all OCF_CHECK_LEVEL=10
expect 0
postfix validate-all OCF_CHECK_LEVEL=20
expect 1 "port 25 of 192.0.2.10 is taken by process"
agent_of other postfix stop config_dir=$disk/other/etc
expect 0
finish
