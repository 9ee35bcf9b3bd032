#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Arrows point down only: every #include "..." of the product must be allowed by layers.tbl;
# libraries write to no log and no terminal; daemon/core makes no system calls.
# layers.sh [--dir TREE]   (a tree of its own is for the test of this lint)
set -u
tree=${srcdir:-.}
[ "${1:-}" = --dir ] && tree=$2
table=$(cd "$(dirname "$0")" && pwd)/layers.tbl
cd "$tree" || exit 2

files=$(find lib daemon agents tools -name '*.[ch]' 2>/dev/null | sort)
[ -n "$files" ] || { echo "layers: no sources in $tree"; exit 2; }

# shellcheck disable=SC2086
awk -v table="$table" '
BEGIN {
    while ((getline row < table) > 0) {
        if (row ~ /^(#|$)/) continue
        n = split(row, f, /[ \t]+/)
        known[f[1]] = 1
        for (i = 2; i <= n; i++) allowed[f[1], f[i]] = 1
    }
}
function dir_of(path) { sub(/\/[^\/]*$/, "", path); return path }
function complain(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; bad = 1 }
FNR == 1 {
    from = dir_of(FILENAME)
    if (!(from in known)) complain("directory " from " is not in layers.tbl")
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    path = $0; sub(/^[^"]*"/, "", path); sub(/".*$/, "", path)
    if (path == "config.h") next
    if (path !~ /\//) { next }   # made at build time beside its user
    to = dir_of(path)
    star = to; sub(/\/.*$/, "/*", star)
    if (to != from && !((from, to) in allowed) && !((from, star) in allowed))
        complain(from " may not include " path)
}
from ~ /^lib\// && from != "lib/ocf" && /[^a-z_](printf|fprintf|vprintf|vfprintf|puts|fputs|perror|syslog|qb_log|g_message|g_warning|g_print)[ ]*\(/ {
    complain("a library writes to no log and no terminal")
}
from == "daemon/core" && /#[ \t]*include[ \t]*<(unistd|fcntl|time|poll|pthread|signal|sys\/[^t]|sys\/time|linux\/|netinet\/|arpa\/)/ {
    complain("daemon/core is pure: no system calls")
}
END { exit bad }
' $files
