/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Shared by the parts of fsops: an operation, the side that it is run on, and what came of it.
 *
 * An operation is a kind and a few random numbers; what they mean is decided by the kind alone,
 * never by what happened before. So any operation may be left out of a sequence, and a sequence
 * that fails can be made shorter.
 */
#ifndef DPL_TESTS_FSOPS_H
#define DPL_TESTS_FSOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FSOPS_NUMBERS 8
#define FSOPS_FDS     5
#define FSOPS_MAPS    2

struct fsops_op {
    unsigned index; /* in the sequence, before any was left out */
    unsigned kind;
    unsigned user;
    unsigned umask;
    bool age; /* times of the objects are set to the past first, so that a change shows */
    uint32_t r[FSOPS_NUMBERS];
};

/* One of the two directories with its descriptors and mappings. The process works in its root. */
struct fsops_side {
    int root_fd;
    int fds[FSOPS_FDS]; /* -1: none */
    bool direct[FSOPS_FDS];
    void *maps[FSOPS_MAPS];
};

#define FSOPS_MAP_SIZE ((size_t)16384)

/* What a side said: text that must be equal. `call` tells a person what was done. */
struct fsops_out {
    char call[512];
    char said[4096];
    size_t length;
    int errno_first;      /* of the first call that failed */
    const char *paths[2]; /* objects to look at afterwards, or NULL */
    int fd;               /* likewise, a slot, or -1 */
};

struct fsops_kind {
    const char *name;
    unsigned weight;
    void (*run)(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out);
};
extern const struct fsops_kind fsops_kinds[];
extern const unsigned fsops_kind_count;

/* A file-system call that FUSE answers in one way whatever serves it. */
struct fsops_known {
    const char *kind;
    int a_errno; /* what side A may answer; side B is then not asked */
    const char *reason;
};
extern const struct fsops_known fsops_known[];
extern const unsigned fsops_known_count;

/* fsops_play.c: the times of what the operation touches go into the past, if it says so. */
void fsops_age(struct fsops_side *side, const struct fsops_op *op);
/* Runs one operation on a side, as its user. */
void fsops_play(struct fsops_side *side, const struct fsops_op *op, int64_t start_s,
                struct fsops_out *out);
/* Fills the file system and tells what the end was like. */
void fsops_full(struct fsops_side *side, struct fsops_out *out);
struct fsops_op fsops_generate(uint64_t seed, unsigned index);
/* The tree that every sequence begins with. Returns -1 with errno. */
int fsops_prepare(struct fsops_side *side);
/* Removes all beneath the directory, whatever flags protect it. Returns -1 with errno. */
int fsops_wipe(int dir_fd);

/* For the kinds. Each call adds to what the side said. */
void fsops_call(struct fsops_out *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void fsops_say(struct fsops_out *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The result of a system call, with errno if it is negative. Returns it. */
long fsops_result(struct fsops_out *out, long result);
void fsops_say_hash(struct fsops_out *out, const void *data, size_t size);
const char *fsops_path(const struct fsops_op *op, unsigned which);
/* One of the directories of the tree that a sequence begins with. */
const char *fsops_dir(const struct fsops_op *op, unsigned which);
uint32_t fsops_pick(const struct fsops_op *op, unsigned which, uint32_t count);
/* One of these values by number. */
#define FSOPS_ONE_OF(op, which, values)                                                            \
    ((values)[fsops_pick(op, which, (uint32_t)(sizeof(values) / sizeof((values)[0])))])
/* The mode, without setgid where the umask takes the group's execution: see fsops_table.c. */
mode_t fsops_mode(const struct fsops_op *op, mode_t mode);
/* Bytes that tell the operation and the position. */
void fsops_fill(const struct fsops_op *op, void *data, size_t size);
void fsops_run_as(unsigned user);

/* The kinds, by file. */
#define FSOPS_DECLARE(name)                                                                        \
    void fsops_##name(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
FSOPS_DECLARE(open);
FSOPS_DECLARE(close);
FSOPS_DECLARE(rename);
FSOPS_DECLARE(link);
FSOPS_DECLARE(link_fd);
FSOPS_DECLARE(unlink);
FSOPS_DECLARE(mkdir);
FSOPS_DECLARE(rmdir);
FSOPS_DECLARE(mknod);
FSOPS_DECLARE(symlink);
FSOPS_DECLARE(readlink);
FSOPS_DECLARE(readdir);
FSOPS_DECLARE(seekdir);
FSOPS_DECLARE(read);
FSOPS_DECLARE(write);
FSOPS_DECLARE(write_vector);
FSOPS_DECLARE(truncate);
FSOPS_DECLARE(fallocate);
FSOPS_DECLARE(shift);
FSOPS_DECLARE(copy);
FSOPS_DECLARE(sendfile);
FSOPS_DECLARE(seek);
FSOPS_DECLARE(sync);
FSOPS_DECLARE(map);
FSOPS_DECLARE(map_look);
FSOPS_DECLARE(map_store);
FSOPS_DECLARE(map_private);
FSOPS_DECLARE(chmod);
FSOPS_DECLARE(chown);
FSOPS_DECLARE(utimens);
FSOPS_DECLARE(setxattr);
FSOPS_DECLARE(getxattr);
FSOPS_DECLARE(removexattr);
FSOPS_DECLARE(setacl);
FSOPS_DECLARE(statx);
FSOPS_DECLARE(flags);
FSOPS_DECLARE(protect);
FSOPS_DECLARE(access);
FSOPS_DECLARE(mend);
FSOPS_DECLARE(flock);
FSOPS_DECLARE(ofd_lock);
FSOPS_DECLARE(posix_lock);
FSOPS_DECLARE(clone);
FSOPS_DECLARE(fiemap);

#endif
