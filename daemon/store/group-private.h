/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the parts of the group share: group.c (changes), group-meet.c (members and eras),
 * group-decide.c (what follows from what the members have), group-save.c (the book).
 */
#ifndef DPL_STORE_GROUP_PRIVATE_H
#define DPL_STORE_GROUP_PRIVATE_H

#include "daemon/store/group.h"

enum { DPL_GROUP_ID_SIZE = 33, DPL_GROUP_FORMAT = 1 };

struct dpl_era {
    uint64_t number; /* 0: there was none yet */
    char id[DPL_GROUP_ID_SIZE];
    char store[DPL_GROUP_ID_SIZE]; /* the same in all eras of a store */
    bool tentative;                /* not every member is known to have it */
    GPtrArray *members;            /* names in their order, ended by NULL */
    GPtrArray *history; /* "NUMBER ID SEQUENCE" of the eras before, with the last change of
                         * each; ended by NULL */
    /* While it is tentative, those that it took the place of, the last first: trees {number, id,
     * members}, all tentative but the oldest. If a member turns out not to have taken the new one,
     * that was never begun, and the one before may have gone on. */
    struct dpl_doc *before;
};

/* A change that is durable here, and maybe not everywhere. */
struct dpl_pending {
    struct dpl_doc *record; /* as in the book; item borrows from it */
    struct dpl_store_item item;
    const char *origin;
    uint64_t serial;
};

/* A change that was proposed here and has not ended. */
struct dpl_proposal {
    uint64_t serial;
    void *owner;
    struct dpl_doc *message;
};

/* What a member has, as it tells in a meeting; borrows from its message. */
struct dpl_peer {
    uint32_t id;
    const char *name, *store, *era_id, *digest;
    uint64_t era;
    struct dpl_store_version last; /* what is pending included */
    bool tentative, pending, warm, yields, empty;
    bool moved; /* it had taken eras that were never begun */
    const struct dpl_doc *members, *history, *before, *down, *confirmed, *nodes;
};

struct dpl_group {
    const struct dpl_group_ops *ops;
    void *self;
    char *name;
    uint32_t id;
    GPtrArray *nodes; /* configured, ended by NULL */

    struct dpl_table *table;
    struct dpl_era era;
    struct dpl_store_version last;
    struct dpl_pending *pending;

    uint32_t present[DPL_GROUP_NODES_MAX];
    size_t present_count;
    GHashTable *names; /* id to name, of all that were met */

    enum dpl_group_state state;
    char why[400];
    GPtrArray *missing; /* ended by NULL */
    bool warm;
    bool yields;
    bool leaving;
    GHashTable *down, *confirmed; /* names */

    char round[DPL_GROUP_ID_SIZE]; /* of the meeting; "": none */
    GHashTable *told;              /* id to message */
    struct dpl_table *coming;      /* what the one who has most sends; NULL: nothing yet */
    bool era_waits;                /* for acknowledgements of a new era */
    GHashTable *acks;              /* ids: of the era, or of what is pending */

    GQueue queue; /* of struct dpl_doc *, behind what is pending */
    GPtrArray *proposals;
    uint64_t last_serial;
};

/* group.c */
void dpl_group_note(struct dpl_group *g, enum dpl_group_state state, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void dpl_group_fail(struct dpl_group *g, const struct dpl_err *err);
/* What is pending is committed: in memory; the caller saves it. */
void dpl_group_commit(struct dpl_group *g);
void dpl_group_pending_free(struct dpl_pending *pending);
/* The state is ready again: what was proposed here and has not ended is proposed again. */
void dpl_group_propose_again(struct dpl_group *g);
/* It ended, or it never will: known by origin and serial. */
void dpl_group_end(struct dpl_group *g, uint64_t serial, int rc, struct dpl_store_version version,
                   const struct dpl_err *err);
void dpl_group_drop_queue(struct dpl_group *g);
bool dpl_group_is_present(const struct dpl_group *g, uint32_t id);
struct dpl_doc *dpl_group_message_new(const char *what);
void dpl_group_send(struct dpl_group *g, struct dpl_doc *message); /* takes it */

/* group-meet.c */
void dpl_group_meet(struct dpl_group *g); /* if it is ours to call one */
void dpl_group_on_meet(struct dpl_group *g, uint32_t from, const struct dpl_doc *message);
void dpl_group_on_state(struct dpl_group *g, uint32_t from, const struct dpl_doc *message);
void dpl_group_on_copy(struct dpl_group *g, uint32_t from, const struct dpl_doc *message);
void dpl_group_on_era(struct dpl_group *g, uint32_t from, const struct dpl_doc *message);
void dpl_group_on_era_ack(struct dpl_group *g, uint32_t from, const struct dpl_doc *message);
void dpl_group_ready(struct dpl_group *g);
/* Sends what all lack, and the era of these members. */
void dpl_group_form(struct dpl_group *g, uint64_t number, const char *const *members, bool copy);

/* group-decide.c: all have told what they have */
void dpl_group_decide(struct dpl_group *g);

/* group-save.c: memory first, then these; a failure has been dealt with */
int dpl_group_save(struct dpl_group *g, struct dpl_doc *record, bool sync); /* takes it */
int dpl_group_save_all(struct dpl_group *g);
struct dpl_doc *dpl_group_state_record(const struct dpl_group *g);
struct dpl_doc *dpl_group_mark(const char *what); /* "commit", "confirm" */
void dpl_era_clear(struct dpl_era *era);
/* From a state record or the message of a new era. */
int dpl_era_read(const struct dpl_doc *doc, struct dpl_era *era_r, struct dpl_err *err);
void dpl_era_write(const struct dpl_era *era, struct dpl_doc *doc);
GPtrArray *dpl_names_read(const struct dpl_doc *list);
void dpl_names_write(struct dpl_doc *doc, const char *key, const GPtrArray *names);
bool dpl_names_have(const GPtrArray *names, const char *name);

#endif
