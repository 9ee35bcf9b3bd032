#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# virtual-ip: its metadata by OCF 1.1 and by the older DTD, the actions that it names, ocf-tester, and
# what crmsh and pcs show of it.
. "${srcdir:-.}/tests/ocf/lib.sh" || exit 1
. "${srcdir:-.}/tests/ocf/metadata-lib.sh" || exit 1
stage "$@"
check_metadata 'Manages a virtual IPv4 or IPv6 address' arp_count_refresh ip=192.0.2.300 ip=192.0.2.10
finish
