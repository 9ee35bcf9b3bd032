#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What bash offers, for a line that was typed so far.
set -u
# shellcheck source=/dev/null
. "${srcdir:-.}/tools/bash-completion/doppel"
doppel() { printf 'mail source\nnews target\n'; } # stands for "doppel set list"
compopt() { :; }
failed=0
# offers "WHAT" WORD...: for "doppel WORD..."
offers() {
    local want=$1
    shift
    COMP_WORDS=(doppel "$@") COMP_CWORD=$# COMPREPLY=()
    _doppel
    [ "${COMPREPLY[*]}" = "$want" ] || { echo "doppel $*: got '${COMPREPLY[*]}', want '$want'"; failed=1; }
}
offers 'status stats' sta
offers 'status stats set site store' s
offers 'create' set c
offers 'mail' set show m
offers 'mail news' pause ''
offers '--watch' status --w
offers '--from=' set accept mail --f
offers '' nonsense ''
exit $failed
