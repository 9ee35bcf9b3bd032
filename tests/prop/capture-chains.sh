#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Chains of dependent steps, written by threads and processes into several roots of one set, while the
# worker lives and while it is killed: every prefix of the journal, replayed onto empty trees, is a state
# that the roots went through, and what is replayed again changes nothing. A replay in which one record
# is missing or out of order must be caught.
#
#     tests/prop/capture-chains.sh [SEEDS [STEPS [EVERY]]]      (1, 80 steps of each of 8 chains, 1)
#
# Seeds go on from DPL_SEED. With EVERY above 1 the state after every so many records is judged, and
# after the last.
. "${srcdir:-.}/tests/crash/capture-lib.sh"
stage "$@"
seeds=${1:-1}
steps=${2:-80}
every=${3:-1}
first=${DPL_SEED:-$RANDOM}
chains=$build/tests/prop/chains
killer=$build/tests/crash/capture-kill

# written SEED [KILL]: chains of this seed, captured, and the roots are a state at the end.
written() {
    local injected=()
    anew root root-two root-three
    if [ -n "${2:-}" ]; then
        "$killer" make "$work/inject" || die "no file of injections"
        injected=(--inject "$work/inject" --crash-bound 0/0)
    fi
    capture "${injected[@]}"
    [ -z "${2:-}" ] || "$killer" random "$work/inject" "$2" 0
    "$chains" write --chains 8 --seed "$1" --steps "$steps" "${roots[@]}" >"$work/chains" 2>&1 ||
        { cat "$work/chains"; die "seed $1: a writer failed"; }
    "$chains" check --chains 8 --seed "$1" "${roots[@]}" >"$work/chains" ||
        { cat "$work/chains"; die "seed $1: the mounts show no state"; }
    grep -q "steps$(printf " $steps%.0s" 1 2 3 4 5 6 7 8)$" "$work/chains" || die "seed $1: steps are missing"
    [ -z "${2:-}" ] || "$killer" off "$work/inject"
    uncapture
}

# prefixes SEED OPTION...: onto new replicas
prefixes() {
    local seed=$1
    shift
    rm -rf "${replicas[@]}" "$work/disk/reserve"
    mkdir "${replicas[@]}"
    mkdir -m 700 "$work/disk/reserve"
    "$build/tests/prop/prefixes" --chains 8 --seed "$seed" "$@" "$work/journal" "$work/disk/reserve" \
        "${replicas[@]}" >"$work/prefixes" 2>&1
}

good() {
    prefixes "$1" --every "$every" --again 12 || { cat "$work/prefixes"; die "seed $1: a prefix is no state"; }
    tail -1 "$work/prefixes"
    local i
    for i in "${!roots[@]}"; do
        "$build/tests/crash/compare" "${roots[i]}" "${replicas[i]}" >"$work/compared" ||
            { cat "$work/compared"; die "seed $1: root $i differs"; }
    done
}

for seed in $(seq "$first" $((first + seeds - 1))); do
    written "$seed"
    good "$seed"
    if [ "$seed" = "$first" ]; then
        for control in drop swap late; do
            DPL_SEED=$((controls = ${controls:-seed} + 1)) prefixes "$seed" --control $control
            [ $? = 1 ] || { cat "$work/prefixes"; die "seed $seed: nobody noticed: $control"; }
        done
        echo "ok: a record that is missing or out of order is noticed"
    fi
    written "$seed" 150
    good "$seed"
done
echo "PASS"
