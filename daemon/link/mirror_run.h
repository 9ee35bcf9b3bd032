/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Mirrors as the link runs them: when one begins, by itself or by a person's command, how much of
 * it is sent, when all was sent, what came of it.
 *
 * The directories below the capture are lent by the daemon for one mirror and given back with its
 * end. A mirror that was broken off, by a lost connection or a crash of anybody, is begun again by
 * itself as a checksum mirror: what has come is compared, not sent. (By size and time it could not
 * be: those are set before the content has come.) Of what the target says that it has compared
 * already (the cursor) the contents are left out, unless a person wants all anew.
 */
#ifndef DPL_LINK_MIRROR_RUN_H
#define DPL_LINK_MIRROR_RUN_H

#include "daemon/link/mirror_source.h"
#include "lib/ctl/doc.h"

struct dpl_link;

enum { DPL_LINK_ROOTS = 16 };

/* What is to be done. */
struct dpl_link_wish {
    bool wanted;
    bool object;            /* of the one that the target wants */
    uint32_t kind, orphans; /* of the protocol */
    bool test, anew, accept_empty, accept_deletes, accept_filesystem;
    int64_t number; /* of a person's command; 0: by itself */
};

struct dpl_link_mirror {
    struct dpl_mirror_source *source; /* NULL: none runs */
    uint64_t id;
    struct dpl_rules *rules;
    struct dpl_link_wish defaults, wish, run;
    int64_t over;    /* the number of the last wish that has come to its end */
    bool first;      /* a new replica may be begun with */
    bool stopped;    /* by a person: none begins by itself */
    bool asks;       /* none begins without a person's word: why says so */
    bool unfinished; /* one that changes the replica has begun, and none has ended since */
    bool object_wanted, all_wanted;
    struct dpl_oid want; /* the object, unless it is all */
    bool asked;          /* for the directories */
    int64_t asked_ns, journal_ns, held_ns;
    bool at_end; /* the end of the journal was offered */
    struct dpl_mirror_root roots[DPL_LINK_ROOTS];
    char *paths[DPL_LINK_ROOTS];
    size_t root_count; /* 0: none are lent */
    uint64_t sent_bytes, taken_bytes;
    /* the end */
    bool end_sent;
    int64_t walked_ns; /* when all was; 0: not yet */
    /* for people */
    uint64_t objects_there, rate_bytes, rate_from; /* objects that the target has done */
    uint64_t objects_all;                          /* a guess: what the file system holds */
    int64_t began_ns, rate_ns, again_ns;
    unsigned failures;
    int64_t ended;            /* how many have */
    char state[16], why[480]; /* idle, running, stopped, failed */
    struct dpl_doc *last;     /* the result of the last one; NULL: none */
    GPtrArray *found;         /* of a test: paths as the target lists them; NULL: none yet */
};

void dpl_link_mirror_done(struct dpl_link *link);
/* What the daemon's start says of mirrors. */
void dpl_link_mirror_configure(struct dpl_link *link, const struct dpl_doc *start);
/* Begins what is to be begun, and sends what there is to send. */
void dpl_link_mirror_pump(struct dpl_link *link);
/* Whether there is more to send at once; and when time asks for something (INT64_MAX: never). */
bool dpl_link_mirror_more(struct dpl_link *link);
int64_t dpl_link_mirror_due(const struct dpl_link *link);
/* These records go next. Negative: a mirror's message could not be sent. */
int dpl_link_mirror_before(struct dpl_link *link, struct dpl_view records);
/* The target's message. */
void dpl_link_mirror_take(struct dpl_link *link, const struct dpl_message *message);
/* The session is over, or no record may follow in it. */
void dpl_link_mirror_lost(struct dpl_link *link, const char *why);
/* A person's command. */
void dpl_link_mirror_stop(struct dpl_link *link);
/* The daemon lends the directories: their descriptors came with this. */
void dpl_link_mirror_lent(struct dpl_link *link, const struct dpl_doc *lent);
/* mirror_report.c: names of kinds and of what becomes of orphans, and the status. */
const char *dpl_link_kind_text(uint32_t kind);
const char *dpl_link_orphans_text(uint32_t orphans);
void dpl_link_mirror_status(struct dpl_link *link, struct dpl_doc *status, int64_t now_ns);

#endif
