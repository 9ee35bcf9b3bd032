#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# doppel-replica is killed at random moments under load; nothing that it acknowledged is lost, and it ends
# as its source is.
[ "$(id -u)" = 0 ] || { echo "SKIP: needs root"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
timeout "${REPLICA_SECONDS:-300}" tests/crash/replica-kill daemon/apply/doppel-replica "$dir"
