#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mail-server: its metadata by OCF 1.1 and by the older DTD, the actions that it names, ocf-tester, and what
# crmsh and pcs show of it.
. "${srcdir:-.}/tests/ocf/mail-lib.sh" || exit 1
. "${srcdir:-.}/tests/ocf/metadata-lib.sh" || exit 1
stage_mail dovecot
dovecot_conf one 192.0.2.10
check_metadata "Runs a service of a mail system" probe_passfile probe_failures=0 \
    service=dovecot config_file=$disk/one/dovecot.conf
finish
