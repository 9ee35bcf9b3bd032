#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# doppel-link and doppel-replica, joined by a socket; either is killed now and then.
[ "$(id -u)" = 0 ] || { echo "SKIP: needs root"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
timeout "${REPLICA_SECONDS:-300}" tests/crash/replica-pair daemon/link/doppel-link daemon/apply/doppel-replica "$dir"
