#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs and agents, as installed, are position-independent, resolved and read-only before main, without
# an executable stack; and the agents that are to be static need no dynamic linker.
: "${DOPPEL_BUILD:?a build folder is needed}" "${DOPPEL_ROOT:?an installation is needed}"
command -v readelf >/dev/null || { echo "SKIP: readelf is not installed"; exit 77; }
bad=0 count=0
complain() { echo "$*"; bad=1; }

list=$(mktemp) || exit 1
trap 'rm -f "$list"' EXIT
find "$DOPPEL_ROOT" -type f -perm /111 >"$list"
while read -r file; do
    elf=$(readelf -hldW "$file" 2>/dev/null) || continue
    has() { echo "$elf" | grep -qE "$1"; }
    count=$((count + 1))
    has 'Type: +DYN' || complain "$file is not position-independent"
    has 'FLAGS_1.* NOW.* PIE' || complain "$file is not resolved before main"
    has 'GNU_RELRO' || complain "$file has no read-only part for relocations"
    has 'GNU_STACK .* RW ' || complain "$file may execute its stack"
    case $file in
    */resource.d/doppel/virtual-ip)
        if grep -q '^DPL_STATIC_LDFLAGS = .*-static-pie' "$DOPPEL_BUILD/Makefile"; then
            ! has 'INTERP|NEEDED' || complain "$file needs shared libraries"
        else
            echo "static agents are off in this build"
        fi ;;
    esac
done <"$list"
echo "$count programs"
[ $count -gt 0 ] || complain "no programs in $DOPPEL_ROOT"
exit $bad
