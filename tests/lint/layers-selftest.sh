#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The layer lint must find what it is for: a small tree with one fault after the other.
set -u
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d) || exit 2
trap 'rm -rf "$tree"' EXIT
failed=0

# expect FAULT|CLEAN PATH LINE
expect() {
    rm -rf "${tree:?}/lib" "$tree/daemon" "$tree/agents"
    mkdir -p "$tree/lib/base" "$(dirname "$tree/$2")"
    echo 'int x;' >"$tree/lib/base/ok.c"
    echo "$3" >"$tree/$2"
    if "$here/layers.sh" --dir "$tree" >/dev/null; then got=CLEAN; else got=FAULT; fi
    if [ "$got" != "$1" ]; then
        echo "$2 with '$3': want $1, got $got"
        failed=1
    fi
}
expect CLEAN lib/wire/a.c '#include "lib/base/err.h"'
expect FAULT lib/base/a.c '#include "lib/wire/reader.h"'
expect FAULT lib/wire/a.c '#include "daemon/core/rules.h"'
expect FAULT agents/a.c '#include "lib/journal/reader.h"'
expect CLEAN agents/a.c '#include "lib/ocf/param.h"'
expect CLEAN daemon/link/a.c '#include "lib/journal/reader.h"'
expect FAULT daemon/link/a.c '#include "daemon/apply/apply.h"'
expect FAULT lib/base/a.c '    fprintf(stderr, "x");'
expect CLEAN lib/base/a.c '    snprintf(text, n, "x");'
expect FAULT daemon/core/a.c '#include <unistd.h>'
expect FAULT daemon/core/a.c '#include <sys/stat.h>'
expect FAULT daemon/core/a.c '#include <sys/time.h>'
expect CLEAN daemon/core/a.c '#include <sys/types.h>'
expect FAULT lib/unheard/a.c 'int y;'
exit $failed
