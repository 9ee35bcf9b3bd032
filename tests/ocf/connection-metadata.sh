#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# source-connection: its metadata by OCF 1.1 and by the older DTD, the actions that it names, ocf-tester, and
# what crmsh and pcs show of it.
. "${srcdir:-.}/tests/ocf/sites-agent-lib.sh" || exit 1
. "${srcdir:-.}/tests/ocf/metadata-lib.sh" || exit 1
stage_sites a
both_sites
agent=$build/agents/source-connection
check_metadata "Captures a replication set and connects it to another site" durability_policy mirror=both \
    replication_set=mail target=site-b
sites_finish
