#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Other people's tests of a file system, run beneath a directory.
#
#     conformance.sh [--night] [--reference REF] DIR [NAME...]
#
# DIR is under test; REF lies on a plain file system of the kind beneath it: what fails there too says
# nothing about DIR and is skipped. NAMEs run those alone: pjdfstest, fsx, fsstress, fio, stress-ng.
#   DOPPEL_PJDFSTEST  folder of a built pjdfstest
#   DOPPEL_FSX, DOPPEL_FSSTRESS  the programs
# A line for each test; those that are not there: "SKIP name: reason". The last line is
# "N passed, N failed, N skipped". Exit status: 0 none failed, 1 one did, 77 none could run.
set -u
tier=day reference=''
while [ $# -gt 0 ]; do
    case $1 in
    --night) tier=night ;;
    --reference) reference=${2:?}; shift ;;
    -*) echo "conformance.sh: unknown option \"$1\"" >&2; exit 2 ;;
    *) break ;;
    esac
    shift
done
[ $# -ge 1 ] && [ -d "$1" ] || { echo "Usage: conformance.sh [--night] [--reference REF] DIR [NAME...]" >&2; exit 2; }
top=$1
shift
[ $# -gt 0 ] || set -- pjdfstest fsx fsstress fio stress-ng
names=" $* "
passed=0 failed=0 skipped=0
dir=$(mktemp -d "$top/conformance.XXXXXX") || exit 1
chmod 755 "$dir"
log=$(mktemp -d) || exit 1
plain=
[ -z "$reference" ] || plain=$(mktemp -d "$reference/conformance.XXXXXX") || exit 1
trap 'rm -rf "$dir" "$plain" "$log"' EXIT
night() { [ $tier = night ]; }
wanted() { [[ $names == *" $1 "* ]]; }
skip() { echo "SKIP $1: $2"; skipped=$((skipped + 1)); }

# check NAME COMMAND...: runs it with "@" replaced by a new folder in DIR, and in REF if it failed
check() {
    local name=$1 where
    shift
    for where in "$dir" ${plain:+"$plain"}; do
        mkdir -p "$where/$name"
        if timeout 3600 "${@//@/$where/$name}" >"$log/$name" 2>&1 </dev/null; then
            if [ "$where" = "$dir" ]; then
                echo "ok $name"
                passed=$((passed + 1))
            else
                echo "FAILED $name (and passes on the plain file system)"
                failed=$((failed + 1))
            fi
            rm -rf "${where:?}/$name"
            return
        fi
        [ "$where" != "$dir" ] || { cp "$log/$name" "$log/$name.first"; tail -n 12 "$log/$name" | sed 's/^/  | /'; }
        rm -rf "${where:?}/$name"
    done
    if [ -n "$plain" ]; then
        skip "$name" "fails on the plain file system too"
    else
        echo "FAILED $name"
        failed=$((failed + 1))
    fi
}


if wanted pjdfstest; then
    if [ ! -x "${DOPPEL_PJDFSTEST:-}/pjdfstest" ]; then
        skip pjdfstest "DOPPEL_PJDFSTEST names no built pjdfstest"
    elif ! command -v prove >/dev/null; then
        skip pjdfstest "prove (perl) is not installed"
    else
        # shellcheck disable=SC2016
        check pjdfstest bash -c 'cd "$1" && prove -q -r "$2/tests"' - @ "$DOPPEL_PJDFSTEST"
        grep -hE '^Files=|Failed tests? ' "$log/pjdfstest" | sed 's/^/  | /'
    fi
fi

if wanted fsx; then
    if [ ! -x "${DOPPEL_FSX:-}" ]; then
        skip fsx "DOPPEL_FSX names no program"
    else
        ops=5000
        night && ops=500000
        for seed in 1 2 3; do
            check fsx.buffered.$seed "$DOPPEL_FSX" -q -N $ops -S $seed -P @ @/file
            check fsx.mapped.$seed "$DOPPEL_FSX" -q -N $ops -S $((seed + 10)) -c 20 -y -P @ @/file
            check fsx.direct.$seed "$DOPPEL_FSX" -q -Z -R -W -r 4096 -w 4096 -t 4096 -N $ops -S $((seed + 20)) -P @ @/file
        done
        check fsx.aio "$DOPPEL_FSX" -q -A -N $ops -S 31 -P @ @/file
    fi
fi

if wanted fsstress; then
    if [ ! -x "${DOPPEL_FSSTRESS:-}" ]; then
        skip fsstress "DOPPEL_FSSTRESS names no program"
    else
        ops=1000
        night && ops=100000
        check fsstress.1 "$DOPPEL_FSSTRESS" -d @ -n $ops -p 4 -s 1 -f sync=0
        check fsstress.2 "$DOPPEL_FSSTRESS" -d @ -n $ops -p 8 -s 2 -f sync=0 -r 200
    fi
fi

if wanted fio; then
    if ! command -v fio >/dev/null; then
        skip fio "fio is not installed"
    else
        size=32m
        night && size=2g
        common=(--verify_state_save=0 --directory=@ "--size=$size" --verify=crc32c --verify_fatal=1 --randseed=7 --minimal)
        check fio.buffered fio --name=v --rw=randwrite --bs=4k --ioengine=psync "${common[@]}"
        check fio.sizes fio --name=v --rw=randwrite --bsrange=512-128k --bs_unaligned --ioengine=psync --fsync=32 "${common[@]}"
        check fio.direct fio --name=v --rw=randwrite --bs=8k --direct=1 --ioengine=libaio --iodepth=16 "${common[@]}"
        check fio.mapped fio --name=v --rw=randwrite --bs=4k --ioengine=mmap "${common[@]}"
        check fio.jobs fio --name=v --numjobs=4 --rw=randrw --bs=16k --ioengine=psync --fdatasync=16 "${common[@]}"
    fi
fi

# What works on the folder that it is given; those for mounts, /proc and devices are not of this.
stressors=(access chattr chdir chmod chown copy-file dentry dir dirdeep dirmany dnotify dup fallocate fcntl
    fiemap file-ioctl filename flock fpunch fsize fstat getdent handle hdd inode-flags inotify io iomix
    lease link locka lockf lockofd mknod open rename symlink sync-file touch utime verity xattr)
stress() {
    local args=() s
    local where=$1 seconds=$2
    shift 2
    for s in "$@"; do args+=("--$s" 1); done
    mkdir -p "$where/stress"
    timeout 600 stress-ng "${args[@]}" -t "$seconds" --verify --temp-path "$where/stress" \
        --hdd-bytes 64m --iomix-bytes 16m --fallocate-bytes 64m --copy-file-bytes 128m >"$log/stress" 2>&1
    local rc=$?
    rm -rf "${where:?}/stress"
    # 4: not there in this kernel
    [ $rc = 0 ] || [ $rc = 4 ]
}
if wanted stress-ng; then
    if ! command -v stress-ng >/dev/null; then
        skip stress-ng "stress-ng is not installed"
    else
        seconds=3
        night && seconds=120
        for ((i = 0; i < ${#stressors[@]}; i += 6)); do
            group=("${stressors[@]:i:6}")
            if stress "$dir" $seconds "${group[@]}"; then
                passed=$((passed + ${#group[@]}))
                echo "ok stress-ng ${group[*]}"
                continue
            fi
            for one in "${group[@]}"; do
                if stress "$dir" 2 "$one"; then
                    echo "ok stress-ng $one"
                    passed=$((passed + 1))
                elif cp "$log/stress" "$log/stress.first" && [ -n "$plain" ] && ! stress "$plain" 2 "$one"; then
                    skip "stress-ng $one" "fails on the plain file system too"
                else
                    grep -E 'fail|error' "$log/stress.first" | head -5 | sed 's/^/  | /'
                    echo "FAILED stress-ng $one"
                    failed=$((failed + 1))
                fi
            done
        done
    fi
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] || exit 1
[ $passed -gt 0 ] || exit 77
