#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The link between two sites, with everything that is in it: capture, journal, link, doors by TLS, queue,
# replica. How old the replica is under deliveries, and how fast a backlog drains, beside a bare program that
# sends the same bytes by TLS 1.3. "RESULT key value" on standard output, everything else on standard error.
#   BENCH_REPEATS   of each measurement [3]
#   BENCH_SECONDS   of deliveries, each time [20]
#   BENCH_MIB       of backlog, in files of 128 MiB [1024]
#   BENCH_MAILS     messages in a second kind of backlog [20000]
# and those of sites.bash.
set -u
# shellcheck source=tests/bench/sites.bash
. "$(dirname "$0")/sites.bash"
repeats=${BENCH_REPEATS:-3} seconds=${BENCH_SECONDS:-20} mib=${BENCH_MIB:-1024} mails=${BENCH_MAILS:-20000}

capture_says() {
    "$work/libexec/doppel-capture" --status --set mail --run-dir "$work/a/run/capture" --output-as json |
        sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"
}
# All that was done is in segments.
spilled() { [ "$(capture_says spilled_lsn)" = "$(capture_says next_lsn)" ]; }

lag() {
    mkdir -p "$source_dir/box.$1/tmp" "$source_dir/box.$1/new"
    eventually test -d "$replica_dir/box.$1/new"
    "$build/tests/bench/deliver" "$source_dir/box.$1" "$replica_dir/box.$1" 200 "$seconds" || die "deliver"
}

write_big() {
    local i
    for i in $(seq $((mib / 128))); do
        dd if=/dev/urandom of="$source_dir/big.$i" bs=1M count=128 conv=fsync status=none || die "dd"
    done
}

write_mails() {
    mkdir -p "$source_dir/mails.$1/tmp" "$source_dir/mails.$1/new"
    "$build/tests/bench/deliver" "$source_dir/mails.$1" "$mails" || die "deliver"
}

# drain KIND ROUND: what a writer left while nothing was connected is sent by the bare program and by the
# link. Prints "PIPE DURABLE APPLIED CHECKPOINTED MIB", the first four in seconds.
drain() {
    local lsn begin_lsn begin times pipe
    must doppel a wait mail --idle --timeout=600s
    must doppel a disconnect mail
    begin_lsn=$(capture_says next_lsn)
    "write_$1" "$2"
    eventually spilled
    lsn=$(capture_says next_lsn)
    sync "$source_dir/.." "$replica_dir"
    cat "$journal_dir"/mail/*.seg >/dev/null # both find it in memory
    pipe=$("$build/tests/bench/pipe" "$work/b/mnt/pipe" "$journal_dir"/mail/*.seg) || die "pipe"
    cat "$journal_dir"/mail/*.seg >/dev/null
    sync "$replica_dir"
    begin=$("$build/tests/bench/until" bench-b mail 0) || die "until"
    must doppel a connect mail
    times=$("$build/tests/bench/until" bench-b mail "$lsn" durable_lsn applied_lsn checkpoint_lsn) || die "until"
    echo "$times" | awk -v b="$begin" -v p="$pipe" -v n=$((lsn - begin_lsn)) '{ t[NR] = $2 - b } END {
        split(p, sent, " "); mib = n / 1048576
        # of as many bytes: the segments hold what is left of earlier ones too
        printf "%.3f %.3f %.3f %.3f %.0f\n", sent[1] * mib / sent[2], t[1], t[2], t[3], mib }'
}

sites_up mail
set_up mail
source_dir=$work/a/mnt/mail replica_dir=$work/b/mnt/mail
must doppel a connect mail --equal
eventually is a mail protected
eventually is b mail protected

p50=() p99=()
for round in $(seq "$repeats"); do
    read -r half most all n < <(lag "$round") || exit 1
    say "lag, round $round: $n messages, half within $half ms, 99 % within $most ms, all within $all ms"
    p50+=("$half") p99+=("$most")
done
result link.lag_p50_ms "$(median "${p50[@]}")"
result link.lag_p99_ms "$(median "${p99[@]}")"

for kind in big mails; do
    pipes=() durables=() checkpoints=()
    for round in $(seq "$repeats"); do
        read -r pipe durable applied checkpoint size < <(drain $kind "$round") || exit 1
        say "$kind, round $round: $size MiB: bare pipe $pipe s; durable after $durable s, applied $applied s," \
            "checkpointed $checkpoint s"
        pipes+=("$pipe") durables+=("$durable") checkpoints+=("$checkpoint")
    done
    name=link suffix=''
    [ $kind = big ] || suffix=_mails
    result "$name.drain$suffix.of_pipe" "$(ratio "$(median "${pipes[@]}")" "$(median "${durables[@]}")")"
    result "$name.apply$suffix.of_pipe" "$(ratio "$(median "${pipes[@]}")" "$(median "${checkpoints[@]}")")"
done
