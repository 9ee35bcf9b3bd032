#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mail-server with the further kinds, each real: start, its probe, master killed, stop without its configuration. One
# that is not installed is left out, visibly.
. "${srcdir:-.}/tests/ocf/mail-lib.sh" || exit 1
stage_mail bash
export OCF_RESKEY_CRM_meta_timeout=20000

# kind SERVICE PROGRAM CONFIG "COMM" [PARAMETER=VALUE...]
kind() {
    local service=$1 program=$2 config=$3 comm=$4 pid
    shift 4
    one() {
        local action=$1
        shift
        agent_of "the-$service" "$service" "$action" "$config" "${more[@]}" "$@"
    }
    local more=("$@")
    if [ ! -x "$program" ]; then
        without "$program" "service=$service"
        return
    fi
    one validate-all OCF_CHECK_LEVEL=20
    expect 0
    one monitor CRM_meta_interval=0
    reasons_wanted=0 expect 7
    one start
    expect 0
    one start
    expect 0
    one monitor
    expect 0
    one monitor probe_failures=1 probe_address="${probe_elsewhere:-127.0.0.1:9}"
    expect 1 "cannot connect"
    one reload
    case $rc in 0 | 3) ;; *) bad "$last: $rc $out" ;; esac
    one monitor
    expect 0
    one monitor CRM_meta_interval=0
    expect 0
    one stop
    expect 0
    none_of "$comm"
    # The state is lost, the configuration away. What hides its arguments is known by the state alone.
    one start
    expect 0
    if [ "$service" != rspamd ]; then
        rm -r /run/doppel
        one monitor
        expect 0
        rm -r /run/doppel
    fi
    mv "${config#*=}" "${config#*=}.away"
    one stop
    expect 0
    none_of "$comm"
    one start
    expect 2 "is its disk mounted?"
    mv "${config#*=}.away" "${config#*=}"
    # Its first process killed.
    one start
    expect 0
    pid=$(sed -n 's/^process 0 \([0-9]*\) .*/\1/p' "/run/doppel/mail-server-the-$service.state")
    kill -9 "$pid"
    gone "$pid"
    one monitor
    case $rc in 1 | 7) ;; *) bad "$last: $rc $out" ;; esac
    one stop
    expect 0
    none_of "$comm"
}

mkdir -p $disk/nginx /var/lib/nginx
cat >$disk/nginx/nginx.conf <<END
pid /run/nginx-mail.pid;
error_log $disk/nginx/error.log;
events { }
http { access_log off; server { listen 127.0.0.1:80; root $disk/nginx; } }
END
kind nginx /usr/sbin/nginx config_file=$disk/nginx/nginx.conf nginx

mkdir -p $disk/ldap
cat >$disk/ldap/slapd.conf <<END
include /etc/ldap/schema/core.schema
pidfile /run/slapd-mail.pid
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "dc=example,dc=org"
directory $disk/ldap
END
kind slapd /usr/sbin/slapd config_file=$disk/ldap/slapd.conf slapd "parameters=-h ldap://127.0.0.1:389/"

if [ -x /usr/sbin/opendkim ]; then
    (umask 077; openssl genrsa -out $disk/dkim.key 2048 2>/dev/null)
    cat >$disk/opendkim.conf <<END
Domain example.org
Selector x
KeyFile $disk/dkim.key
Socket inet:8891@127.0.0.1
Syslog no
END
fi
probe_elsewhere=milter:127.0.0.1:9 kind opendkim /usr/sbin/opendkim config_file=$disk/opendkim.conf opendkim \
    probe_address=127.0.0.1:8891

if [ -x /usr/bin/rspamd ]; then
    mkdir -p /run/rspamd $disk/rspamd
    chown _rspamd /run/rspamd $disk/rspamd
    cat >$disk/rspamd.conf <<END
options { pidfile = "/run/rspamd/mail.pid"; tempdir = "/tmp"; filters = ""; dns { nameserver = ["127.0.0.1"]; } }
logging { type = "file"; filename = "$disk/rspamd/log"; level = "info"; }
worker "normal" { bind_socket = "127.0.0.1:11333"; count = 1; }
END
fi
kind rspamd /usr/bin/rspamd config_file=$disk/rspamd.conf rspamd

postgres=$(find /usr/lib/postgresql -path '*/bin/postgres' 2>/dev/null | head -1)
if [ -n "$postgres" ]; then
    mkdir -p $disk/pg
    chown postgres $disk/pg
    (cd / && setpriv --reuid postgres --regid postgres --clear-groups "${postgres%/*}/initdb" -D $disk/pg -A trust -N >/dev/null 2>&1) ||
        bad "initdb"
    echo "unix_socket_directories = ''
fsync = off" >>$disk/pg/postgresql.conf
fi
kind postgresql "${postgres:-/usr/lib/postgresql/15/bin/postgres}" config_dir=$disk/pg postgres binary="${postgres:-/none}"

mkdir -p $disk/my
if [ -x /usr/sbin/mariadbd ]; then
    chown mysql $disk/my
    cat >$disk/my.cnf <<END
[mysqld]
datadir=$disk/my
socket=/run/my.sock
pid-file=/run/my.pid
bind-address=127.0.0.1
END
    mariadb-install-db --defaults-file=$disk/my.cnf --user=mysql >/dev/null 2>&1 || bad "mariadb-install-db"
fi
kind mariadb /usr/sbin/mariadbd config_file=$disk/my.cnf mariadbd
finish
