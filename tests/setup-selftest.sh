#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/setup.sh: services are kept from starting while packages are installed and not a moment
# longer, whoever is killed; a tree that autoreconf left half done is made whole. With an apt-get,
# dpkg-query and autoreconf of its own: nothing is installed.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
here=$(cd "${srcdir:-.}/tests" && pwd)
mkdir "$tmp/bin" "$tmp/_build" "$tmp/tests"
echo 'build one two' >"$tmp/tests/packages"
printf '#!/bin/sh\necho 0\n' >"$tmp/bin/id"
printf '#!/bin/sh\necho not-installed\n' >"$tmp/bin/dpkg-query"
# What a package's script does in the midst of an installation; then, if so told, everything dies.
cat >"$tmp/bin/apt-get" <<'Y'
#!/bin/sh
case $* in *install*) ;; *) exit 0 ;; esac
"$setup_policy_file"
echo $? >>"$top/asked"
[ -z "$die" ] || kill -KILL "$PPID" "$parent" "$$"
Y
cat >"$tmp/bin/autoreconf" <<'Y'
#!/bin/sh
printf '#!/bin/sh\ntouch config.status\necho all: >Makefile\n' >configure
chmod +x configure
touch Makefile.in
Y
chmod +x "$tmp"/bin/*
export PATH="$tmp/bin:$PATH" top=$tmp setup_policy_file=$tmp/policy-rc.d setup_lock=$tmp/lock die=
failed=0
check() { # WHAT COMMAND...
    local what=$1
    shift
    "$@" || { echo "FAILED: $what"; failed=1; }
}
install() { bash -c 'parent=$$; export parent; . "$0/setup.sh"; setup_packages build' "$here" >/dev/null 2>&1; }
asked() { [ "$(tail -n 1 "$tmp/asked")" = "$1" ]; }
answers() { "$setup_policy_file"; [ $? = "$1" ]; }

check "it installs" install
check "services did not start" asked 101
check "nothing is left" [ ! -e "$setup_policy_file" ]
die=yes install
check "killed: services did not start" asked 101
check "killed: it is left" [ -e "$setup_policy_file" ]
check "left: another installation is asked no" eval 'install && asked 101'
check "left: that one removed it" [ ! -e "$setup_policy_file" ]
die=yes install
flock "$setup_lock" true # until the last of them has died
check "left: services may start" answers 0
check "left: it has removed itself" [ ! -e "$setup_policy_file" ]
printf '#!/bin/sh\nexit 104\n' >"$setup_policy_file"
chmod +x "$setup_policy_file"
check "somebody else's counts" eval 'install && asked 104'
check "somebody else's stays" answers 104

build() { bash -c '. "$0/setup.sh"; setup_build "$top/b" all' "$here" >/dev/null 2>&1; }
printf '#!/bin/sh\nexit 1\n' >"$tmp/configure" # and no Makefile.in: autoreconf was killed
chmod +x "$tmp/configure"
check "a half made tree is made whole" build

# Installed again while a lab has the first beneath its hosts.
installed() { bash -c '. "$0/setup.sh"; setup_install "$top/b"' "$here" 2>/dev/null; }
printf 'install:\n\tmkdir $(DESTDIR); echo one >$(DESTDIR)/file\n' >"$tmp/b/Makefile"
first=$(installed)
inode=$(stat -c %i "$first/file")
check "the same is installed at the same place" [ "$(installed)" = "$first" ]
check "and not touched" [ "$(stat -c %i "$first/file")" = "$inode" ]
printf 'install:\n\tmkdir $(DESTDIR); echo two >$(DESTDIR)/file\n' >"$tmp/b/Makefile"
second=$(installed)
check "something else goes beside it" [ "$(cat "$first/file" "$second/file" | tr -d '\n')" = onetwo ]
printf 'install:\n\tfalse\n' >"$tmp/b/Makefile"
check "a failed installation is one" eval '! installed'
exit $failed
