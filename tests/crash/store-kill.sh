#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The store, killed at every system call.
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
tests/crash/store-kill "$dir"
