#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# replica: its metadata by OCF 1.1 and by the older DTD, the actions that it names, ocf-tester, and what
# crmsh and pcs show of it.
. "${srcdir:-.}/tests/ocf/sites-agent-lib.sh" || exit 1
. "${srcdir:-.}/tests/ocf/metadata-lib.sh" || exit 1
stage_sites b
both_sites
agent=$build/agents/replica
check_metadata "Permits this node to write the replica of a set" lag_warn lag_warn=never \
    replication_set=mail device="$uuid_b"
sites_finish
