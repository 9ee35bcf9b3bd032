#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Single cases of a captured directory, and the replay of what they left.
. "${srcdir:-.}/tests/crash/capture-lib.sh"
stage "$@"

capture
"$build/tests/crash/capture-cases" "$root" || die "a captured directory answers otherwise"
uncapture
replay || die "the replica differs"
echo "PASS"
