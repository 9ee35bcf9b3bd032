#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# network-name: its metadata by OCF 1.1 and by the older DTD, the actions that it names, ocf-tester, and
# what crmsh and pcs show of it.
. "${srcdir:-.}/tests/ocf/name-lib.sh" || exit 1
. "${srcdir:-.}/tests/ocf/metadata-lib.sh" || exit 1
stage_name "$@"
check_metadata "Manages the virtual server's name in the DNS" unregister_on_stop serverport=0 \
    hostname=mail.example.org ip=192.0.2.10 keyfile=$key require_dns=true
finish
