#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The capture in one process under load: for a build with the thread sanitizer, which cannot follow the
# clone of a worker. In other builds it shows that this mode works.
. "${srcdir:-.}/tests/crash/capture-lib.sh" || exit 1
stage "$@"

export TSAN_OPTIONS="exitcode=66 ${TSAN_OPTIONS:-}"
"$program" --run-dir "$work/run" --single-process --set test --root "$root" --journal "$work/journal" 2>"$work/errors" &
keeper=$!
wait_for captured || die "the root was not captured"
mkdir "$root/game"
"$build/tests/crash/load" --dir "$root/game" --threads 4 --seconds "${1:-5}" --seed "$RANDOM" >"$work/load" ||
    die "an application saw a fault"
grep '^load: ' "$work/load"
umount "$root"
wait "$keeper" || die "the capture ended with $?"
keeper=
! grep -A20 'WARNING: ThreadSanitizer' "$work/errors" || die "threads race"
replay || die "the replica differs"
echo "PASS"
