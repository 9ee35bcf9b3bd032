/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Deaths on demand: a test names a file at start (--inject), both map it, and the worker kills
 * itself at the points that the file names. Without the option a point costs one load.
 */
#ifndef DPL_CAPTURE_INJECT_H
#define DPL_CAPTURE_INJECT_H

#include "lib/base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Points at which a worker may die; the order is that of a request's life. */
#define INJECT_POINTS(X)                                                                           \
    X(MARKED, "buffer marked, before the state is READING")                                        \
    X(READ, "request read, state still READING")                                                   \
    X(GOT, "state GOT")                                                                            \
    X(LOCKED, "locks taken, before STARTED")                                                       \
    X(DIRTY, "before entries are written to the dirty log")                                        \
    X(DIRTY_WRITTEN, "entries written, not yet known")                                             \
    X(DIRTY_HOT, "entries hot")                                                                    \
    X(STARTED, "state STARTED")                                                                    \
    X(RESERVED, "record reserved")                                                                 \
    X(PRE, "pre-image kept")                                                                       \
    X(EFFECT, "after the effect")                                                                  \
    X(EFFECT_PART, "between two system calls of one effect")                                       \
    X(REFERENCE, "lookup count noted, not yet changed")                                            \
    X(REFERENCED, "lookup count changed, note still there")                                        \
    X(NODE, "new node filled in, not yet used")                                                    \
    X(RESULT, "result in the slot, before DONE")                                                   \
    X(DONE, "state DONE")                                                                          \
    X(COMMITTED, "record committed")                                                               \
    X(REPLY, "before the reply")                                                                   \
    X(REPLIED, "after the reply, before REPLIED")                                                  \
    X(ENDED, "state REPLIED")                                                                      \
    X(FORGOTTEN, "last reference gone, before the descriptor is closed")                           \
    X(TAKEOVER, "between two slots of a takeover")                                                 \
    X(RENEW_DROPPED, "the old journal's segments removed")                                         \
    X(RENEW_MADE, "the new one's first segment made")                                              \
    X(RENEW_FLIP, "the cut begun")                                                                 \
    X(RENEW_EMPTY, "epoch and arena are the new one's")                                            \
    X(RENEW_ROOTS, "its first records there")                                                      \
    X(RENEW_SETTLING, "the cut made, not yet open")                                                \
    X(RENEW_OPEN, "open")                                                                          \
    X(RENEW_SETTLED, "all done that began before it")

enum inject_point {
#define X(name, text) INJECT_##name,
    INJECT_POINTS(X)
#undef X
        INJECT_POINT_COUNT
};

#define INJECT_MAGIC   0x31544a494e49504cULL
#define INJECT_OPCODES 64

/* The file. */
struct inject {
    uint64_t magic;
    _Atomic uint32_t armed;  /* 1: die at (opcode, point), 2: at the first that is wanted; then 0 */
    _Atomic uint32_t opcode; /* of the request */
    _Atomic uint32_t point;
    _Atomic uint32_t nested;   /* then die again at the n-th point inside the takeover, 0: not */
    _Atomic uint32_t one_in;   /* die at any point with this probability, 0: never */
    _Atomic uint32_t no_pre;   /* 1: repeat blindly, without pre-images: a control that must fail */
    _Atomic uint32_t hold;     /* 1: a keeper's successor waits before its first step */
    _Atomic uint32_t held;     /* how many came to wait there */
    _Atomic uint32_t no_start; /* so many workers find that they cannot start */
    _Atomic uint64_t deaths, nested_deaths;
    _Atomic uint32_t hit[INJECT_OPCODES][INJECT_POINT_COUNT];
    _Atomic uint32_t wanted[INJECT_OPCODES][INJECT_POINT_COUNT];
};

/* NULL unless a file was named. */
extern struct inject *inject_at;

/* Maps the file, which must have the size of struct inject and its magic. */
int inject_open(const char *file, struct dpl_err *err);
/* What this thread is at, for the points that follow. in_takeover: it finishes others' work. */
void inject_context(uint32_t opcode, int in_takeover);
/* Dies here, if this is the place. */
void inject_check(enum inject_point point);

/* Waits here while the file says so. */
void inject_hold(void);
/* Whether this worker is to find that it cannot start. */
bool inject_no_start(void);

static inline void inject(enum inject_point point)
{
    if (__builtin_expect(inject_at != NULL, 0))
        inject_check(point);
}

#endif
