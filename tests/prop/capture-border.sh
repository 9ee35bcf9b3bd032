#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Random calls on a root of which a part is not in the set: no answer differs from those of a plain
# directory, and the journal's replay is what of the source is in the set.
#
#     tests/prop/capture-border.sh [SEEDS [FIRST]]
. "${srcdir:-.}/tests/crash/capture-lib.sh"
stage "$@"
seeds=${1:-5}
first=${2:-${DPL_SEED:-$RANDOM}}

# outside DIRECTORY: removes what is not in the set, as if it had never been there.
outside() {
    local at=$1/d
    touch -r "$1" "$work/time"
    if [ -d "$at" ] && [ ! -L "$at" ]; then
        touch -r "$at" "$work/time-d"
        find "$at" -mindepth 1 -maxdepth 1 ! -name e -exec rm -rf {} +
        touch -r "$work/time-d" "$at"
    elif [ -e "$at" ] || [ -L "$at" ]; then
        rm -f "$at"
    fi
    touch -r "$work/time" "$1"
}

# The replica has d because of what is beneath it: its own attributes are not in the journal, nor what
# its coming and going did to the time of the root.
passage() {
    local at name
    touch -d @0 "$root" "$replica"
    for at in "$root/d" "$replica/d"; do
        [ -d "$at" ] && [ ! -L "$at" ] || continue
        for name in user.one user.two trusted.t security.s system.posix_acl_{access,default}; do
            setfattr -x $name "$at" 2>/dev/null
        done
        chown 0:0 "$at"
        chmod 0755 "$at"
        touch -d @0 "$at"
    done
}

asked=0 compared=0
# 1631: an object whose names inside have gone gets one again, from outside.
mapfile -t list < <(echo 1631; seq "$first" $((first + seeds - 1)))
for ((i = 0; i < ${#list[@]}; i++)); do
    seed=${list[i]}
    anew
    rm -rf "$work/disk/plain"
    mkdir "$work/disk/plain"
    printf '%s\n' "include recursive $root" "exclude recursive $root/d" "include recursive $root/d/e" \
        >"$work/rules"
    capture --rules "$work/rules"
    "$build/tests/prop/capture-ops" "$root" "$work/disk/plain" "$seed" 3000 || die "seed $seed differs"
    uncapture
    outside "$root"
    "$build/tests/crash/capture-replay" "$work/journal" "$work/disk/reserve" "$replica" >"$work/replayed" ||
        { cat "$work/replayed"; die "seed $seed: the journal cannot be replayed"; }
    tail -1 "$work/replayed"
    if grep -q 'ask=0$' "$work/replayed"; then
        passage
        "$build/tests/crash/compare" --without flags --without links "$root" "$replica" ||
            die "seed $seed: the replica differs"
        compared=$((compared + 1))
    else
        # Hard links across the border: the target has to ask, which is not played here.
        asked=$((asked + 1))
    fi
    # One that can be compared is to be among them.
    [ $compared -gt 0 ] || [ $i -lt $((${#list[@]} - 1)) ] || [ ${#list[@]} -gt $((seeds + 20)) ] ||
        list+=($((seed + 1)))
done
[ $compared -gt 0 ] || die "every replica had to ask"
echo "asked by $asked of ${#list[@]} replicas: not compared"
echo "PASS"
