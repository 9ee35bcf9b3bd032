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
    local at=$1/fsops.$seed/d0
    touch -r "$1/fsops.$seed" "$work/time"
    if [ -d "$at" ] && [ ! -L "$at" ]; then
        touch -r "$at" "$work/time-d"
        find "$at" -mindepth 1 -maxdepth 1 ! -name d2 -exec rm -rf {} +
        touch -r "$work/time-d" "$at"
    elif [ -e "$at" ] || [ -L "$at" ]; then
        rm -f "$at"
    fi
    touch -r "$work/time" "$1/fsops.$seed"
}

# The replica has d0 because of what is, or was, beneath it: its own attributes are not in the journal, nor
# what its coming and going did to the time of the root.
passage() {
    local at name
    at=$root/fsops.$seed/d0
    [ -e "$at" ] || [ -L "$at" ] || [ -L "$replica/fsops.$seed/d0" ] || rmdir "$replica/fsops.$seed/d0" 2>/dev/null
    touch -d @0 "$root/fsops.$seed" "$replica/fsops.$seed"
    for at in "$root/fsops.$seed/d0" "$replica/fsops.$seed/d0"; do
        [ -d "$at" ] && [ ! -L "$at" ] || continue
        getfattr --absolute-names -m - "$at" 2>/dev/null | grep -v '^#' | while read -r name; do
            [ -z "$name" ] || setfattr -x "$name" "$at"
        done
        chown 0:0 "$at"
        chmod 0755 "$at"
        touch -d @0 "$at"
    done
}

# An object whose names inside have gone, and which gets one again from outside: by a rename, and by a
# link. The target has dropped it, or never had it.
again() {
    anew
    printf '%s\n' "include recursive $root" "exclude recursive $root/d" >"$work/rules"
    capture --rules "$work/rules"
    mkdir "$root/d"
    echo one >"$root/a"
    ln "$root/a" "$root/d/a"
    rm "$root/a"
    mv "$root/d/a" "$root/b"
    echo two >"$root/d/c"
    ln "$root/d/c" "$root/d/c2"
    ln "$root/d/c" "$root/c"
    uncapture
    rm -r "$root/d"
    "$build/tests/crash/capture-replay" "$work/journal" "$work/disk/reserve" "$replica" >"$work/replayed" ||
        { cat "$work/replayed"; die "an object that comes again: the journal cannot be replayed"; }
    grep -q 'ask=0$' "$work/replayed" || return 0
    "$build/tests/crash/compare" --without flags --without links "$root" "$replica" ||
        die "an object that comes again is not in the replica, and nobody asks"
}
again

# A directory that was on the way to what is inside leaves a whiteout, which is outside.
whiteout() {
    anew
    printf '%s\n' "include recursive $root" "exclude recursive $root/d" "include recursive $root/d/e" >"$work/rules"
    capture --rules "$work/rules"
    mkdir "$root/d"
    "$build/tests/crash/capture-call" whiteout "$root/d" >"$work/said"
    [ "$(cat "$work/said")" = ok ] || die "no whiteout: $(cat "$work/said")"
    rm "$root/d"
    uncapture
    "$build/tests/crash/capture-replay" "$work/journal" "$work/disk/reserve" "$replica" >"$work/replayed" ||
        { cat "$work/replayed"; die "a whiteout: the journal cannot be replayed"; }
    [ ! -e "$replica/d" ] || die "a whiteout outside the set stands in the replica"
}
whiteout

asked=0 compared=0
mapfile -t list < <(seq "$first" $((first + seeds - 1)))
for ((i = 0; i < ${#list[@]}; i++)); do
    seed=${list[i]}
    anew
    rm -rf "$work/disk/plain"
    mkdir "$work/disk/plain"
    printf '%s\n' "include recursive $root" "exclude recursive $root/fsops.$seed/d0" "include recursive $root/fsops.$seed/d0/d2" \
        >"$work/rules"
    capture --rules "$work/rules"
    "$build/tests/prop/fsops" --a "$root" --b "$work/disk/plain" --seed "$seed" --seeds 1 --ops 2000 --keep ||
        die "seed $seed differs"
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
