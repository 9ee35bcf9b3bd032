#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A mirror of a set, beside rsync by ssh and by its daemon, over the same loopback and between the same two file
# systems. "RESULT key value" on standard output, everything else on standard error.
#   full_small, full_big   into an empty directory: until the replica is consistent, which is durable; rsync -a
#                          until it ends, which is not
#   checksum_1pct          one file of which 1 % of the blocks of 4 KiB differ at the target
#   BENCH_REPEATS          of each measurement [3]
#   BENCH_FILES            of full_small, 8.2 KB each on average [10000]
#   BENCH_BIG_MIB          of full_big and checksum_1pct [2048]
# and those of sites.bash.
set -u
BENCH_DISK=${BENCH_DISK:-32G}
# shellcheck source=tests/bench/sites.bash
. "$(dirname "$0")/sites.bash"
repeats=${BENCH_REPEATS:-3} files=${BENCH_FILES:-10000} big_mib=${BENCH_BIG_MIB:-2048}
for program in rsync ssh sshd ssh-keygen; do
    PATH=$PATH:/usr/sbin command -v $program >/dev/null || { echo "SKIP: there is no $program" >&2; exit 77; }
done

now() { echo "$EPOCHREALTIME"; }
since() { awk "BEGIN { printf \"%.3f\", $EPOCHREALTIME - $1 }"; }
wire_bytes() { awk '$1 == "lo:" { print $10 }' /proc/net/dev; } # /sys may be of another namespace

# The peers: an sshd and an rsync daemon of this bench's own.
peers_up() {
    mount -t tmpfs none /run || die "no /run"
    mkdir -p /run/sshd
    ssh-keygen -q -t ed25519 -N '' -f "$work/host_key" && ssh-keygen -q -t ed25519 -N '' -f "$work/user_key" ||
        die "ssh-keygen"
    cp "$work/user_key.pub" "$work/authorized"
    printf '%s\n' 'Port 2222' 'ListenAddress 127.0.0.1' "HostKey $work/host_key" 'UsePAM no' 'StrictModes no' \
        'PermitRootLogin yes' "AuthorizedKeysFile $work/authorized" "PidFile $work/sshd.pid" >"$work/sshd_config"
    /usr/sbin/sshd -D -e -f "$work/sshd_config" 2>>"$work/a/log" &
    printf '%s\n' 'uid = root' 'gid = root' 'use chroot = no' 'address = 127.0.0.1' 'port = 8730' '[b]' \
        "path = $work/b/mnt/rsync" 'read only = no' >"$work/rsyncd.conf"
    rsync --daemon --no-detach --config="$work/rsyncd.conf" 2>>"$work/a/log" &
    by_ssh="ssh -p 2222 -i $work/user_key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    eventually $by_ssh root@127.0.0.1 true
    eventually rsync rsync://127.0.0.1:8730/
}

# by_rsync WAY SOURCE OPTION...: seconds
by_rsync() {
    local way=$1 from=$2 begin
    shift 2
    mkdir -p "$work/b/mnt/rsync"
    begin=$(now)
    case $way in
    ssh) rsync -a "$@" -e "$by_ssh" "$from/" "root@127.0.0.1:$work/b/mnt/rsync/" ;;
    daemon) rsync -a "$@" "$from/" rsync://127.0.0.1:8730/b/ ;;
    esac >&2 || die "rsync"
    since "$begin"
}
rsync_clear() { rm -rf "$work/b/mnt/rsync"; sync "$work/b/mnt"; }

# What is to be copied.
make_small() {
    mkdir -p "$1"
    "$build/tests/bench/files" tree "$1" "$files" || die "files"
}
make_big() {
    mkdir -p "$1"
    dd if=/dev/urandom of="$1/file" bs=1M count="$big_mib" status=none
}

# mirrors_can SET: the engines can do mirrors, or it ends here
mirrors_can() {
    doppel a mirror status "$1" >"$work/out" 2>&1 && return
    ! grep -q 'cannot do' "$work/out" || { echo "SKIP: this version can do no mirrors" >&2; exit 77; }
}

# Until the first mirror of a set has ended: seconds
by_mirror() {
    local begin
    begin=$(now)
    must doppel a connect "$1"
    must doppel a wait "$1" --consistent --timeout=600s
    since "$begin"
}

# full KIND
full() {
    local round set ours=() ssh=() daemon=()
    for round in $(seq "$repeats"); do
        set=$1$round
        "make_$1" "$work/a/mnt/$set"
        sync "$work/a/mnt"
        set_up "$set"
        mirrors_can "$set"
        ours+=("$(by_mirror "$set")")
        ssh+=("$(by_rsync ssh "$work/a/mnt/$set")")
        rsync_clear
        daemon+=("$(by_rsync daemon "$work/a/mnt/$set")")
        rsync_clear
        say "full, $1, round $round: mirror ${ours[-1]} s, rsync by ssh ${ssh[-1]} s, by its daemon ${daemon[-1]} s"
        diff -rq "$work/a/mnt/$set" "$work/b/mnt/$set" >&2 || die "the mirror is not equal"
        [ "$1" = big ] && [ "$round" = "$repeats" ] || { doppel a disconnect "$set"; rm -rf "$work/b/mnt/$set/"*; } >&2
    done
    result "mirror.full_$1.rsync_ssh_over_ours" "$(ratio "$(median "${ssh[@]}")" "$(median "${ours[@]}")")"
    result "mirror.full_$1.rsync_daemon_over_ours" "$(ratio "$(median "${daemon[@]}")" "$(median "${ours[@]}")")"
}

# checksum SET: what is at the target of this set, and a copy for rsync, differ
checksum() {
    local round begin bytes number ours=() daemon=() wire=() file=$work/b/mnt/$1/file
    mkdir -p "$work/b/mnt/rsync"
    cp -a "$file" "$work/b/mnt/rsync/file"
    for round in $(seq "$repeats"); do
        "$build/tests/bench/files" spoil "$file" "$round" || die "files"
        "$build/tests/bench/files" spoil "$work/b/mnt/rsync/file" "$round" || die "files"
        bytes=$(wire_bytes)
        begin=$(now)
        number=$(last_number "$1")
        must doppel a mirror start "$1" --kind=checksum
        eventually later_than "$1" "$number"
        ours+=("$(since "$begin")")
        wire+=($(($(wire_bytes) - bytes)))
        bytes=$(wire_bytes)
        daemon+=("$(by_rsync daemon "$work/a/mnt/$1" -c --inplace --no-whole-file)")
        say "checksum, round $round: mirror ${ours[-1]} s and ${wire[-1]} bytes," \
            "rsync ${daemon[-1]} s and $(($(wire_bytes) - bytes)) bytes"
        cmp "$work/a/mnt/$1/file" "$file" >&2 || die "the mirror is not equal"
    done
    result mirror.checksum_1pct.rsync_daemon_over_ours "$(ratio "$(median "${daemon[@]}")" "$(median "${ours[@]}")")"
    result mirror.checksum_1pct.wire_over_dirty "$(ratio "$(median "${wire[@]}")" $((big_mib * 1048576 / 100)))"
}
last_number() { doppel a --output-as=json mirror status "$1" | sed -n '/"last"/,/}/p' | value number; }
later_than() { [ "$(last_number "$1")" -gt "${2:-0}" ]; }

sets=()
for round in $(seq "$repeats"); do sets+=("small$round" "big$round"); done
sites_up "${sets[@]}"
peers_up
full small
full big
checksum "big$repeats"
