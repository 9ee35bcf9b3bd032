/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A store that several nodes hold, as a state machine: who is there, which era it is, which change
 * is made next, and whether changes may be made at all. Pure: it hears of members and messages by
 * the functions here, and reaches disk, network and its owner by a table of functions. One node
 * alone is the same machine with itself as its only member. doc/adr/0010 says why it is so.
 *
 * The network gives every message to all present members, in one order, with changes of membership
 * in that order too. A change is proposed; each member of the era makes it durable as *pending* and
 * acknowledges; with the last acknowledgement it is *committed*, at the same place of the order
 * everywhere. What is committed anywhere is pending or committed at every member of its era.
 *
 * An era has a number, a random id and its members, by name. In it changes are made only while all
 * its members are present. When the members change, all who are present meet: each tells what it
 * has. They go on if all of the last era's members are there; or, as a new era with the document of
 * whoever has most, if each missing one said goodbye, was fenced (said by one who has been in that
 * era since its own start, so that no era can have been made without it), or is down by a person's
 * word. Else changes are suspended. A store that nobody has begins only with all configured nodes.
 * Histories of eras that have parted, and stores that began apart, are left to a person.
 *
 * A node whose disk fails says goodbye, and takes no part until its next start.
 */
#ifndef DPL_STORE_GROUP_H
#define DPL_STORE_GROUP_H

#include "daemon/store/table.h"

enum {
    DPL_GROUP_NODES_MAX = 32,
    DPL_GROUP_NAME_MAX = 64,
    DPL_GROUP_DOC_MAX = 256 << 10, /* bytes of an encoded document */
    DPL_GROUP_ALL_MAX = 2 << 20,   /* bytes that all take in the book */
    DPL_GROUP_BESIDE = 8 << 10,    /* of which at most so much beside a document */
    DPL_GROUP_HISTORY = 64,        /* eras that are remembered */
};

enum dpl_group_state {
    DPL_GROUP_APART,    /* there is no network */
    DPL_GROUP_MEETING,  /* the members tell each other what they have */
    DPL_GROUP_READY,    /* changes can be made */
    DPL_GROUP_WAITING,  /* for nodes that are missing */
    DPL_GROUP_CONFLICT, /* for a person */
    DPL_GROUP_FOREIGN,  /* this node's store is not the others' */
    DPL_GROUP_FAILED,   /* this node's disk */
    DPL_GROUP_LEFT,     /* this node said goodbye */
    DPL_GROUP_STATES
};

/* How a proposal ended. err is set when rc is negative; version when it is 0. */
struct dpl_group_end {
    void *owner; /* as it was given with the proposal */
    int rc;
    struct dpl_store_version version;
    const struct dpl_err *err;
};

struct dpl_group_ops {
    /* To all present members, this one included, in one order. May deliver before it returns. */
    void (*send)(void *self, const struct dpl_doc *message);
    /* As of dpl_book. */
    int (*append)(void *self, const struct dpl_doc *record, bool sync, struct dpl_err *err);
    int (*replace)(void *self, struct dpl_doc *const *records, size_t count, struct dpl_err *err);
    void (*random)(void *self, void *data, size_t size);
    /* A document has become this, for good. */
    void (*changed)(void *self, const struct dpl_store_item *item);
    void (*ended)(void *self, const struct dpl_group_end *end);
    /* State, missing nodes or the sentence are other ones. */
    void (*state)(void *self);
    /* Leave the network: after a goodbye. */
    void (*leave)(void *self);
};

struct dpl_group;

/* ops and self are borrowed. */
struct dpl_group *dpl_group_new(const char *name, uint32_t id, const struct dpl_group_ops *ops,
                                void *self);
void dpl_group_free(struct dpl_group *group);

/* Before all else: the records of the book in their order. CORRUPT. */
int dpl_group_load(struct dpl_group *group, const struct dpl_doc *record, struct dpl_err *err);
/* Or what a store of an older format held: an era of this node alone. Saves it. */
int dpl_group_import(struct dpl_group *group, struct dpl_table *table, struct dpl_err *err);
/* The nodes that shall be there when a store begins; empty: whoever is. */
void dpl_group_set_nodes(struct dpl_group *group, const char *const *names);
/* This node's id and name in the network, where they were not known before. */
void dpl_group_set_self(struct dpl_group *group, uint32_t id, const char *name);

/* The network: who is there from now on, this node included; none: there is no network. */
void dpl_group_members(struct dpl_group *group, const uint32_t *ids, size_t count);
void dpl_group_message(struct dpl_group *group, uint32_t from, const struct dpl_doc *message);

/* Proposes a change (doc NULL: deletes). `ended` tells how it ended, maybe before this returns. */
void dpl_group_propose(struct dpl_group *group, const char *kind, const char *name,
                       const struct dpl_store_version *expected, const struct dpl_doc *doc,
                       void *owner);
/* The owner waits no more for a proposal: `ended` is not called for it. */
void dpl_group_forget(struct dpl_group *group, const void *owner);
/* Ends all that have not ended, with that error. */
void dpl_group_end_all(struct dpl_group *group, const struct dpl_err *err);

/* A missing node was fenced. False: that does not count, for this node has not been in the era with
 * it since its own start, or nobody waits for it. */
bool dpl_group_fenced(struct dpl_group *group, const char *name);
/* The same by a person's word. REFUSED, NOT_FOUND. */
int dpl_group_confirm_down(struct dpl_group *group, const char *name, struct dpl_err *err);
/* This node gives up what it holds and takes what the others have. REFUSED. */
int dpl_group_join(struct dpl_group *group, struct dpl_err *err);
/* This node goes: the others need not wait for it. `leave` is called when they know. */
void dpl_group_goodbye(struct dpl_group *group);

/* This node's. */
const char *dpl_group_name(const struct dpl_group *group);
enum dpl_group_state dpl_group_state(const struct dpl_group *group);
const char *dpl_group_state_text(enum dpl_group_state state);
/* Why changes are not made, and what to do; "" when they are. */
const char *dpl_group_why(const struct dpl_group *group);
/* Nodes that it waits for, ended by NULL; borrowed. */
const char *const *dpl_group_missing(const struct dpl_group *group);
/* Whether the node was here, in this era, since our own start. */
bool dpl_group_warm(const struct dpl_group *group);
/* Members of the era by name, ended by NULL; borrowed. */
const char *const *dpl_group_era_members(const struct dpl_group *group);
/* Whether this node is the one that acts for all: the first of a store that is ready. */
bool dpl_group_first(const struct dpl_group *group);
/* Whether a node of that name is present. */
bool dpl_group_present(const struct dpl_group *group, const char *name);
/* Whether a change of the document is durable here, and maybe not everywhere; next_r gets what it
 * becomes, borrowed, NULL: nothing. */
bool dpl_group_pending(const struct dpl_group *group, const char *kind, const char *name,
                       const struct dpl_doc **next_r);
/* Members that have not acknowledged the change that is pending, "a2, a3"; NULL: none is. The
 * caller owns it. */
char *dpl_group_awaited(const struct dpl_group *group);
const struct dpl_table *dpl_group_table(const struct dpl_group *group);
/* All of the above for people; the caller owns it. */
struct dpl_doc *dpl_group_doc(const struct dpl_group *group);

#endif
