/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Mirrors between two engines as they are, in one process, from a seed: the source's link and the
 * target's replica, each with its loop, its channel to a daemon and its files; a clock, a
 * connection, an application and a daemon of the simulator's own.
 *
 * The application changes a real tree and writes what it does to a real journal, as a capture
 * would; it goes on while mirrors of each kind run. The connection is cut at any byte; either
 * engine dies at any moment; a person starts and stops mirrors and changes the replica by hand; the
 * journal overflows and begins anew.
 *
 * What must hold: a replica that calls itself consistent is the state that the source had at the
 * position that has been applied; and in the end, when nothing fails any more, both sides are equal
 * in everything.
 */
#ifndef DPL_TESTS_MIRRORSIM_H
#define DPL_TESTS_MIRRORSIM_H

#include "daemon/apply/engine.h"
#include "daemon/link/link.h"
#include "lib/journal/segment.h"
#include "tests/prop/rng.h"

#define MSIM_MS     INT64_C(1000000)
#define MSIM_SECOND INT64_C(1000000000)

struct msim_journal {
    struct dpl_epoch epoch;
    struct dpl_segments segments;
    int dir_fd;
    uint64_t lsn;
    uint32_t chain;
    bool open; /* else it has overflowed, and nothing is journalled */
};

/* What the source was when its journal was as long as that. */
struct msim_state {
    uint64_t epoch, lsn, print;
};

/* One end of the connection, as its engine has the other, and what is under way to it. */
struct msim_end {
    int fd; /* -1: it is closed */
    GByteArray *bytes;
};

struct msim {
    uint64_t seed;
    struct rng rng;
    bool failed, calm;
    struct dpl_clock_fake fake;
    struct dpl_clock clock;
    char dir[300];
    int source, replica; /* the roots */
    /* the source's node */
    struct msim_journal journal;
    struct dpl_capstat_page *page;
    int capture_fd;
    GArray *history; /* struct msim_state */
    struct dpl_link link;
    struct dpl_channel *to_link; /* NULL: it is dead */
    struct dpl_doc *link_start;
    bool connect_wanted;
    int64_t wish_number;
    /* the target's node */
    struct dpl_engine engine;
    struct dpl_channel *to_engine; /* NULL: it is dead */
    unsigned max_delete;
    uint32_t doubt;    /* of one in so many changes the outcome is not known */
    uint32_t piece;    /* bytes that arrive at the target in one round, at most */
    bool touched;      /* somebody changed the replica, and no mirror has compared all since */
    bool touched_late; /* while one ran */
    struct msim_end at_link, at_engine;
    int64_t connect_ns;
    struct {
        unsigned ops, cuts, link_deaths, engine_deaths, wishes, stops, touches, overflows;
        unsigned doubts, objects, begun, gone_on, ended, failed, consistent;
        unsigned tests, different, found_equal;
    } seen;
};

void msim_fail(struct msim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* mirrorsim-app.c: the application and its journal. */
void msim_app_init(struct msim *sim);
void msim_app_done(struct msim *sim);
/* One change of the source's tree. */
void msim_app_step(struct msim *sim);
/* Ends the journal: what comes is in none, until msim_app_journal begins the next. */
void msim_app_overflow(struct msim *sim);
void msim_app_journal(struct msim *sim);
void msim_app_figures(struct msim *sim);
/* Of all that an application can see of a tree. */
uint64_t msim_print_of(int dir);

/* mirrorsim-nodes.c: engines, their daemon, the connection. */
void msim_nodes_init(struct msim *sim);
void msim_nodes_done(struct msim *sim);
void msim_nodes_turn(struct msim *sim);
void msim_link_dies(struct msim *sim);
void msim_engine_dies(struct msim *sim);
void msim_cut(struct msim *sim);
/* A person's commands. */
void msim_wish(struct msim *sim, const char *kind, const char *orphans, bool accept, bool test);
void msim_stop(struct msim *sim);

/* Runs one seed. false: something did not hold, and was printed. */
bool msim_run(struct msim *sim, uint64_t seed);

#endif
