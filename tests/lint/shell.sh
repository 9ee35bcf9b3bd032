#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Shell scripts pass shellcheck.
command -v shellcheck >/dev/null || { echo "SKIP: shellcheck is not installed"; exit 77; }
cd "${srcdir:-.}" || exit 2
scripts=$( (find tests examples .ci -type f -name '*.sh'
    find tests examples .ci -type f ! -name '*.*' -exec grep -lE '^#!/bin/(ba)?sh' {} +) | sort -u)
# shellcheck disable=SC2086
shellcheck -x -S warning $scripts
