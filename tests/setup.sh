# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# For ./tests/run and ./examples/demo: installs packages, builds. To be sourced; needs $top, the
# source tree. Both may be called again and beside each other: steps that write into the source tree
# or ask apt hold a lock.
: "${top:?the source tree}"

setup_die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# What Debian's scripts ask before they start a package's service. Ours says no while an installation
# holds the lock (of the whole machine: other trees install too). When it was killed, ours removes
# itself as soon as it is asked, and says yes. Where somebody else has made one, that one counts.
setup_policy_file=${setup_policy_file:-/usr/sbin/policy-rc.d}
setup_lock=${setup_lock:-/run/doppel-packages.lock}
setup_policy_mark='# Made by tests/setup.sh of doppel.'

setup_policy() {
    [ ! -e "$setup_policy_file" ] || return 0
    printf '%s\n' '#!/bin/sh' "$setup_policy_mark" "flock -n $setup_lock true || exit 101" \
        "rm -f $setup_policy_file" >"$setup_policy_file.doppel" &&
        chmod 755 "$setup_policy_file.doppel" &&
        mv "$setup_policy_file.doppel" "$setup_policy_file" || exit 1
}

setup_policy_end() {
    ! grep -qsxF "$setup_policy_mark" "$setup_policy_file" || rm -f "$setup_policy_file"
}

# setup_packages KIND...: installs what tests/packages names for these kinds and is not there.
setup_packages() {
    local kind missing=() p
    for kind in "$@"; do
        for p in $(awk -v k="$kind" '$1 == k { for (i = 2; i <= NF; i++) print $i }' "$top/tests/packages"); do
            dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing+=("$p")
        done
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || setup_die "not installed, and only root can install them: ${missing[*]}"
    command -v apt-get >/dev/null || setup_die "not installed: ${missing[*]} (this is not Debian: install their like)"
    echo "installing ${#missing[@]} packages: ${missing[*]}"
    local log=$top/_build/apt.log
    (
        flock 9
        # A fresh cluster stack or mail service must not start on this host: the lab has hosts of its own.
        setup_policy
        trap setup_policy_end EXIT
        export DEBIAN_FRONTEND=noninteractive
        apt-get -o DPkg::Lock::Timeout=600 update &&
            apt-get -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold install -y \
            --no-install-recommends "${missing[@]}" </dev/null
    ) 9>>"$setup_lock" >>"$log" 2>&1 || { tail -5 "$log" >&2; setup_die "installation failed; all of it: $log"; }
}

# setup_build DIR TARGET OPTION...: configures (once) and builds in DIR, quietly unless it fails. The
# target "check" is the product and the programs of its tests, none of which runs.
setup_build() {
    local dir=$1 target=$2
    shift 2
    mkdir -p "$dir"
    (
        flock 9
        # The last file that autoreconf makes: it may have been killed before.
        if [ ! -e "$top/Makefile.in" ]; then
            (cd "$top" && autoreconf -fi) || exit 1
        fi
        cd "$dir" || exit 1
        if [ ! -e config.status ] || [ "$(cat configured 2>/dev/null)" != "$*" ]; then
            "$top/configure" -q "$@" && echo "$*" >configured || exit 1
        fi
        make -j"$(nproc)" all &&
            { [ "$target" = all ] || make -j"$(nproc)" "$target" TESTS=; }
    ) 9>>"$top/_build/lock" >"$dir/build.log" 2>&1 || {
        grep -E 'error|Error|\*\*\*' "$dir/build.log" | head -20 >&2
        setup_die "the build failed; all of it: $dir/build.log"
    }
}

# setup_install DIR: installs what was built in DIR and prints where. The folder is named after what is
# in it, and stays as it is: a lab that is up has it beneath its hosts.
setup_install() {
    local dir=$1
    (
        flock 9
        rm -rf "$dir/root.new"
        make -C "$dir" install DESTDIR="$dir/root.new" >"$dir/install.log" 2>&1 || exit 1
        sum=$(cd "$dir/root.new" && find . -type f -exec sha256sum {} + | LC_ALL=C sort | sha256sum)
        root=$dir/root-${sum:0:16}
        [ -e "$root" ] || mv "$dir/root.new" "$root" || exit 1
        rm -rf "$dir/root.new"
        echo "$root"
    ) 9>>"$top/_build/lock" || setup_die "make install failed; all of it: $dir/install.log"
}
