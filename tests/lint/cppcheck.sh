#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# cppcheck finds nothing.
command -v cppcheck >/dev/null || { echo "SKIP: cppcheck is not installed"; exit 77; }
build=$(pwd)
cd "${srcdir:-.}" || exit 2
dirs=
for d in lib daemon agents tools; do
    [ -z "$(find "$d" -name '*.c' 2>/dev/null)" ] || dirs="$dirs $d"
done
# shellcheck disable=SC2086
cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 -j2 \
    --enable=warning,performance,portability --library=gtk --library=posix \
    --suppressions-list=tests/lint/cppcheck.supp -D_GNU_SOURCE -D__linux__ -I. -I"$build" $dirs
