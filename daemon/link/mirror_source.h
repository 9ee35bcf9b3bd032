/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The source's side of a mirror: walks the roots of a set while the application runs, sends the
 * state of every object and the list of every directory, and answers what the target asks for.
 *
 * It works in steps: each reads a bounded piece and sends it before it returns, so a caller that
 * sends no records in between sends nothing that is newer than what was read (the fence of a mirror
 * item). Between steps records may be sent, steps may be left out, and the walk may be given up.
 *
 * For each directory: first the state of each object in it (and, by kind, its content or sums),
 * then its complete list, read and sent at one go, then its own state, whose times the list has
 * changed at the target. Objects that are moved or linked meanwhile join: they may go from a
 * directory that was not walked yet to one that was.
 *
 * Memory: one entry for each directory that waits, sixteen bytes for each object sent, and one
 * piece. Failure: an object that cannot be read is an error, with its path where it is known; what
 * has gone is passed over. The target may ask only for objects that this mirror has sent.
 */
#ifndef DPL_LINK_MIRROR_SOURCE_H
#define DPL_LINK_MIRROR_SOURCE_H

#include "daemon/core/rules.h"
#include "lib/journal/record.h"
#include "lib/proto/message.h"

struct dpl_mirror_root {
    uint32_t number;  /* as in the ROOT record */
    int fd;           /* the directory below the capture; borrowed */
    const char *path; /* absolute: for the rules and for sentences */
};

struct dpl_mirror_options {
    uint64_t id;
    enum dpl_mirror_kind kind;
    enum dpl_orphans orphans;
    bool test;
    bool any_loss;          /* the target may delete any share */
    bool allow_empty;       /* else a root without anything in it is refused */
    bool files;             /* the target takes many objects in one message */
    uint64_t seed;          /* random */
    struct dpl_view object; /* only this one: a directory with its list, what is in it as the target
                               asks for it; empty: the set */
    struct dpl_view cursor; /* of a mirror that did not end: contents are sent only where the target
                               asks for them; empty: none */
    const struct dpl_mirror_root *roots;
    size_t root_count;
    const struct dpl_rules *rules; /* NULL: everything beneath the roots; borrowed */
    /* Sends one message; what it points at lives until it returns. Negative: it could not be. */
    int (*send)(void *self, const struct dpl_message *message, struct dpl_err *err);
    void *self;
};

struct dpl_mirror_source;

/* Looks at the roots (REFUSED: a root is empty) and sends the begin. */
int dpl_mirror_source_open(struct dpl_mirror_source **source_r,
                           const struct dpl_mirror_options *options, struct dpl_err *err);
void dpl_mirror_source_close(struct dpl_mirror_source *source);

/* Does one piece of work. 1: there was some; 0: there is none for now; or a negative code (REFUSED:
 * whether the one object belongs to the set cannot be known). */
int dpl_mirror_source_step(struct dpl_mirror_source *source, struct dpl_err *err);
/* A MIRROR_NEED of this mirror came. CORRUPT: it asks for what it cannot know. */
int dpl_mirror_source_need(struct dpl_mirror_source *source, const struct dpl_message *need,
                           struct dpl_err *err);
/* This record, as it stands in the journal, is sent next. An object that it moves or links and that
 * was not sent is sent before it, so that the record gives it its name at the target, and all
 * beneath it joins the walk; one that it makes in a directory that was sent is known there. */
int dpl_mirror_source_before(struct dpl_mirror_source *source, const struct dpl_record *record,
                             struct dpl_err *err);
/* Whether all was walked and nothing is asked for. The caller then takes E, sends MIRROR_END, and
 * goes on to step for what the target asks until its result comes. */
bool dpl_mirror_source_walked(const struct dpl_mirror_source *source);

struct dpl_mirror_count {
    uint64_t directories, objects, bytes_read, bytes_sent, waiting; /* directories */
};
void dpl_mirror_source_count(const struct dpl_mirror_source *source,
                             struct dpl_mirror_count *count_r);

#endif
