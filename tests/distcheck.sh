#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The released archive builds, installs under a DESTDIR, removes itself, and holds what it needs.
# (The tests of its `make check` ran already, in the tree itself.)
: "${DOPPEL_BUILD:?a build folder is needed}"
make -C "$DOPPEL_BUILD" distcheck AM_MAKEFLAGS=TESTS=
