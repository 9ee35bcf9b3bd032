/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Shared by the parts of chains: the steps of a chain, the same to the one who writes and to the
 * one who checks.
 *
 * Chain i does one system call after another on objects that nobody else touches, though they lie
 * in directories and files that all use, in several roots. What step n does is decided by the seed,
 * i and n alone. Steps come in rounds of CHAINS_STEPS. A record, wherever one is written, tells the
 * step that wrote it and how many steps each chain had completed before that step began.
 */
#ifndef DPL_TESTS_CHAINS_H
#define DPL_TESTS_CHAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHAINS_MOST   16
#define CHAINS_ROOTS  8
#define CHAINS_RECORD 256
#define CHAINS_DIRS   4
#define CHAINS_KEPT   3 /* rounds after which what a round made is removed */

enum chains_step {
    CHAINS_CREATE,  /* a file, empty */
    CHAINS_WRITE,   /* a record into it */
    CHAINS_RENAME,  /* to another directory */
    CHAINS_LINK,    /* a second name */
    CHAINS_XATTR,   /* a record as its attribute */
    CHAINS_SYMLINK, /* its target a record */
    CHAINS_LOG,     /* a record appended in the next root */
    CHAINS_SLOT,    /* a record at the chain's place in a file of all */
    CHAINS_UNLINK,  /* the second name */
    CHAINS_MKDIR,
    CHAINS_MOVE_DIR,
    CHAINS_CHMOD,
    CHAINS_TRUNCATE, /* the file becomes half a record */
    CHAINS_OLD_FILE, /* what an earlier round made goes: its file, */
    CHAINS_OLD_LINK, /* its symbolic link, */
    CHAINS_OLD_DIR,  /* its directory */
    CHAINS_STEPS
};

struct chains_options {
    int root_fds[CHAINS_ROOTS];
    int roots;
    int chains;
    uint64_t seed;
    int64_t seconds;
    long steps; /* of each chain; 0: until the time is over */
    long rate;  /* steps a second of each chain; 0: as fast as it goes */
};

/* Where round `round` of a chain works. */
struct chains_place {
    int root;
    int log_root;
    char file_first[64], file_second[64], second_name[64]; /* from its root */
    char link[64];
    char dir_first[64], dir_second[64];
    unsigned mode;
};
struct chains_place chains_place(const struct chains_options *o, int chain, long round);

struct chains_record {
    int chain;
    long step;
    long before[CHAINS_MOST];
};
/* CHAINS_RECORD bytes, the last one a newline. */
void chains_record_encode(const struct chains_record *record, int chains, char *text);
/* Whether the text is a whole record. */
bool chains_record_decode(struct chains_record *record, int chains, const char *text, size_t size);

int chains_write(const struct chains_options *o);
int chains_check(const struct chains_options *o);

#endif
