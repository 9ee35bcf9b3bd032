/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Figures, see report.h.
 */
#include "daemon/capture/report.h"

#include <stdio.h>

void report_figures(const struct shared *shared)
{
    const struct shared_counters *c = &shared->count;
    uint64_t nodes = 0, references = 0;
    char line[1024];
    int size;

    for (uint32_t i = 1 + SHARED_ROOTS; i < shared->node_top; i++) {
        nodes += shared->nodes[i].used;
        references += shared->nodes[i].used ? shared->nodes[i].lookups : 0;
    }
    size = snprintf(
        line, sizeof(line),
        "doppel-capture: figures requests=%lu takeovers=%lu started=%lu done=%lu got=%lu "
        "reading=%lu recognised=%lu half_copied=%lu answered_twice=%lu given_up=%lu orphans=%lu "
        "leaked=%lu underflows=%lu bad_nodes=%lu swept=%lu unpinned=%lu keepers=%lu nodes=%lu "
        "references=%lu threads=%u takeover_us_max=%lu takeover_us_mean=%lu mode=%u\n",
        c->requests, c->takeovers, c->found_started, c->found_done, c->found_got, c->found_reading,
        c->recognised, c->half_copied, c->answered_twice, c->given_up, c->orphans,
        c->leaked_references, c->underflows, c->bad_nodes, c->swept_fds, c->unpinned,
        c->keepers_replaced, nodes, references, shared->threads, c->takeover_ns_max / 1000,
        c->takeover_ns_sum / 1000 / (c->takeovers != 0 ? c->takeovers : 1), shared->mode);
    fwrite(line, 1, (size_t)size, stderr);
}
