#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The released archive builds, installs under a DESTDIR, removes itself, and holds what it needs.
# (The tests of its `make check` ran already, in the tree itself.)
: "${DOPPEL_BUILD:?a build folder is needed}"
# Nobody uses what is built here, so it is built fast.
make -C "$DOPPEL_BUILD" distcheck AM_MAKEFLAGS=TESTS= DISTCHECK_CONFIGURE_FLAGS='CFLAGS=-O0'
