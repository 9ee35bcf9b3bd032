/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What doppel-capture was told.
 */
#ifndef DPL_CAPTURE_OPTIONS_H
#define DPL_CAPTURE_OPTIONS_H

#include "daemon/capture/shared.h"

#define OPTIONS_RUN_DIR DPL_RUN_DIR "/capture"

enum options_action {
    ACTION_CAPTURE,
    ACTION_REPORT, /* only say what the kernel offers */
    ACTION_STATUS,
    ACTION_STOP,
    ACTION_CLEAR_STALE,
    ACTION_DIRTY_CREATE,
};

struct options {
    enum options_action action;
    const char *set;
    const char *roots[SHARED_ROOTS];
    uint32_t root_count;
    const char *journal_dir;
    const char *dirty_log;  /* or NULL: none */
    const char *rules_file; /* or NULL: everything beneath the roots */
    const char *inject;     /* or NULL */
    uint64_t journal_max_bytes, journal_min_free_bytes, segment_bytes;
    uint64_t ring_bytes;
    uint64_t dirty_log_bytes;
    bool dirty_log_mark; /* one that is created begins with a mark: the sites are equal now */
    uint32_t sync_interval_ms;
    bool owner_stamp;    /* the ownership is stamped on the disk below */
    uint64_t generation; /* for that stamp */
    uint64_t epoch;      /* 0: one more than the journal's directory has seen */
    uint32_t threads;
    uint32_t stop_wait_ms;
    uint32_t crash_count,
        crash_seconds; /* more deaths than that: on without journal; 0: no bound */
    uint32_t renew_shortest_s, renew_longest_s; /* from a journal's end to the next; 0: none */
    struct dpl_remote_config remote;            /* in force until the link says another */
    int resume_fd;                              /* the memory of an earlier binary, or -1 */
    bool foreground;
    bool single; /* one process, which may not die: for tools that cannot follow a clone */
    bool force;
    bool no_watch;       /* changes past the mount are not looked for */
    const char *run_dir; /* of all captures: each set has a directory there */
    uint32_t timeout_s;  /* of a stop */
    bool json;
};

/* Parses argv. Returns 0, 1 if help or version was asked for and printed, or a negative code. */
int options_parse(struct options *options, int argc, char **argv, struct dpl_err *err);

#endif
