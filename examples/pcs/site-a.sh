#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Site A of a mail cluster whose data is replicated to site B: for pcs.
# The same as crmsh/site-a.crm, which tells what it is and what must be there beforehand.
#
#     ./site-a.sh             changes the running cluster, in one step
#     ./site-a.sh cib.xml     a file instead
set -e
cib=${1:-$(mktemp)}
[ -n "${1:-}" ] || pcs cluster cib "$cib"
p() { pcs -f "$cib" "$@"; }

p resource create mail-fs ocf:heartbeat:Filesystem \
    device=/dev/disk/by-uuid/5f0e6f5e-8f0c-4d2b-9a64-2f1f4f7a0a01 directory=/srv/mail fstype=ext4 \
    options=nosuid,nodev force_unmount=safe \
    op start timeout=60s stop timeout=60s monitor interval=20s timeout=40s --group g-mail-store
p resource create mail-link-ip ocf:doppel:virtual-ip ip=198.51.100.9 \
    op start timeout=20s stop timeout=20s monitor interval=10s timeout=20s --group g-mail-store
p resource create mail-conn ocf:doppel:source-connection replication_set=mail target=site-b \
    op start timeout=90s stop timeout=60s monitor interval=10s timeout=20s --group g-mail
p resource create mail-ip ocf:doppel:virtual-ip ip=198.51.100.10 \
    op start timeout=20s stop timeout=20s monitor interval=10s timeout=20s --group g-mail
p resource create mail-name ocf:doppel:network-name hostname=mail.example.org ip=198.51.100.10 \
    keyfile=/etc/doppel/keys/mail.tsig \
    op start timeout=30s stop timeout=30s monitor interval=60s timeout=30s --group g-mail
p resource create mail-postfix ocf:doppel:mail-server service=postfix \
    config_dir=/srv/mail/etc/postfix replication_set=mail \
    op start timeout=60s stop timeout=60s monitor interval=20s timeout=20s --group g-mail
p resource create mail-dovecot ocf:doppel:mail-server service=dovecot \
    config_file=/srv/mail/etc/dovecot/dovecot.conf replication_set=mail \
    op start timeout=60s stop timeout=60s monitor interval=20s timeout=20s --group g-mail
p resource create mail-replica ocf:doppel:replica replication_set=mail \
    device=5f0e6f5e-8f0c-4d2b-9a64-2f1f4f7a0a01 \
    op start timeout=60s stop timeout=30s monitor interval=10s timeout=20s

p constraint colocation add g-mail with g-mail-store INFINITY id=c-mail
p constraint order start g-mail-store "then" start g-mail id=o-mail
p constraint colocation add mail-replica with g-mail-store INFINITY id=c-replica
p constraint order start g-mail-store "then" start mail-replica id=o-replica
# Never both, not even for a moment.
p constraint order stop mail-replica "then" start g-mail symmetrical=false id=o-replica-off
p constraint order stop g-mail "then" start mail-replica symmetrical=false id=o-mail-off

p constraint location g-mail rule id=l-serve-rule constraint-id=l-serve score=-INFINITY \
    not_defined doppel-mail or doppel-mail ne serving
p constraint location mail-replica rule id=l-stand-rule constraint-id=l-stand score=-INFINITY \
    not_defined doppel-mail or doppel-mail ne standby

[ -n "${1:-}" ] || {
    pcs cluster cib-push "$cib"
    rm -f "$cib"
}
