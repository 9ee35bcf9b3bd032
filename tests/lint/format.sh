#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every C file is as clang-format writes it.
command -v clang-format >/dev/null || { echo "SKIP: clang-format is not installed"; exit 77; }
cd "${srcdir:-.}" || exit 2
find lib daemon agents tools tests examples -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror
