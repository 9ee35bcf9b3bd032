/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The journal of a set, as its link sees it: which epochs there are, what to send next, what may
 * go.
 *
 * The directory may not be there yet, or come again: it is looked for until it is. A descriptor
 * (inotify) becomes readable when something was written; it says no more than "look again".
 */
#ifndef DPL_LINK_LEDGER_H
#define DPL_LINK_LEDGER_H

#include "lib/journal/range.h"

#include <stdbool.h>

struct dpl_ledger {
    char *path;
    int dir_fd, watch_fd; /* -1: none */
    struct dpl_journal_epoch *epochs;
    ssize_t epoch_count;
    struct dpl_range *range; /* where sending is; NULL: nowhere */
    struct dpl_view unread;  /* what comes again, size 0: nothing; of the range */
    uint64_t range_epoch;
    uint64_t trimmed_epoch, trimmed_lsn; /* what was asked to go last */
};

void dpl_ledger_init(struct dpl_ledger *ledger, const char *path);
void dpl_ledger_done(struct dpl_ledger *ledger);
/* Opens directory and watch if they are not: to be called now and then. Returns whether it is
 * there.
 */
bool dpl_ledger_look(struct dpl_ledger *ledger);
/* Takes what the watch has to say. Returns whether there was anything. */
bool dpl_ledger_heard(struct dpl_ledger *ledger);

/* For struct dpl_source_calls. */
ssize_t dpl_ledger_epochs(struct dpl_ledger *ledger, const struct dpl_journal_epoch **list_r,
                          struct dpl_err *err);
int dpl_ledger_chain_at(struct dpl_ledger *ledger, uint64_t epoch, uint64_t lsn, uint32_t *chain_r,
                        struct dpl_err *err);

/* Where to send from. */
int dpl_ledger_open(struct dpl_ledger *ledger, uint64_t epoch, uint64_t lsn, struct dpl_err *err);
void dpl_ledger_close(struct dpl_ledger *ledger);

enum dpl_ledger_next {
    DPL_LEDGER_RECORDS,
    DPL_LEDGER_NOTHING, /* for now */
    DPL_LEDGER_ENDED,   /* cleanly; *reason is set */
    DPL_LEDGER_GAP,     /* changes are missing; *reason is set (0: the writer died, or damage) */
};
/* One of enum dpl_ledger_next, or a negative code. err says why for GAP. */
int dpl_ledger_read(struct dpl_ledger *ledger, size_t want, struct dpl_view *records_r,
                    uint32_t *reason_r, struct dpl_err *err);
/* The next read answers these records, which the last one did, once more. */
void dpl_ledger_unread(struct dpl_ledger *ledger, struct dpl_view records);

/* Removes what lies wholly before this position: whole segments, older epochs. */
int dpl_ledger_trim(struct dpl_ledger *ledger, uint64_t epoch, uint64_t lsn, struct dpl_err *err);

#endif
