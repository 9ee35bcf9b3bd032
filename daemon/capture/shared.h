/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The memory that outlives a worker: nodes, slots and counters, mapped by keeper and worker alike.
 *
 * A worker may be killed between any two instructions. So every change here is ordered: what a
 * state promises is written before the state is. Locks are never kept here: they are private to a
 * worker and vanish with it. There are no pointers here either, only indexes and descriptor numbers
 * (the descriptor table is shared too), so that a new binary can take the memory over at another
 * address; SHARED_LAYOUT changes whenever a struct of this file does.
 */
#ifndef DPL_CAPTURE_SHARED_H
#define DPL_CAPTURE_SHARED_H

#include "daemon/core/rules.h"
#include "lib/base/err.h"
#include "lib/capstat/capstat.h"
#include "lib/capstat/remote.h"
#include "lib/dirty/log.h"
#include "lib/journal/segment.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARED_LAYOUT       10U
#define SHARED_ROOTS        16
#define SHARED_SLOTS        128
#define SHARED_NODES        (16U << 20) /* the file is sparse: only what is used costs memory */
#define SHARED_MAX_WRITE    (1U << 20)
#define SHARED_BUFFER       (SHARED_MAX_WRITE + 65536U)
#define SHARED_BUFFERS      256 /* two per slot, in the journal's arena */
#define SHARED_HANDLE_BYTES 40

/* A file, directory or other object that the kernel may ask for. Index 1 + r is root r. */
struct node {
    uint64_t ino;
    int64_t btime_ns;
    uint64_t lookups;    /* references of the kernel */
    uint32_t generation; /* counts the uses of this index */
    uint32_t mode;
    int32_t pin_fd; /* held until the last reference goes, because the names may; or -1 */
    int32_t handle_type;
    struct dpl_rules_at rules; /* of a directory */
    uint16_t sync_error;       /* an fsync failed: every later one answers this errno */
    uint8_t used;
    uint8_t root;
    uint8_t side; /* of enum side */
    uint8_t handle_bytes;
    uint8_t handle[SHARED_HANDLE_BYTES];
    uint32_t check;   /* of its identity, see check.h */
    uint32_t damaged; /* a takeover found it so: nobody may use it */
};

enum slot_state {
    SLOT_IDLE,
    SLOT_READING, /* the kernel may be copying a request into the buffer */
    SLOT_GOT,     /* a request is there; nothing was done */
    SLOT_STARTED, /* a mutation holds its locks; its effect may be there */
    SLOT_DONE,    /* result and reply are in the slot */
    SLOT_REPLIED, /* the kernel has the answer */
};

/* Which counter a change of a lookup count moves on, so that a repeat knows that it was made. */
enum pending_progress {
    PENDING_NONE,
    PENDING_FORGET,
    PENDING_REFERENCE,
    PENDING_DROP,
};

#define SLOT_REFERENCES  1024
#define SLOT_REPLY_BYTES 512
#define SLOT_BODY_BYTES  (72U << 10) /* the largest value of an attribute, names and ids */
#define SLOT_NO_RECORD   UINT64_MAX

/* One per thread: the request that it works on, and all that is needed to finish it once. */
struct slot {
    _Atomic uint32_t state;
    uint32_t attempts;       /* takeovers that found this request unfinished */
    _Atomic uint64_t served; /* requests that were read here */
    uint32_t root;
    int32_t buffer; /* of the arena's pool: where requests are read */
    uint64_t unique;

    /* The reserved record and what is committed as it. */
    uint64_t lsn; /* or SLOT_NO_RECORD */
    uint64_t lsn_index;
    uint64_t lsn_epoch;   /* in another epoch than this it is none */
    uint32_t record_type; /* 0: none */
    uint32_t outcome;
    uint32_t body_bytes;
    uint32_t data_offset, data_bytes; /* in the buffer */

    int32_t error; /* what the kernel is told: 0 or a negative errno */
    uint32_t reply_bytes;
    uint8_t reply[SLOT_REPLY_BYTES];

    /* What was there before the op, noted under its locks. */
    _Atomic uint32_t pre_valid;
    uint64_t pre[4];
    uint32_t pre_check, done_check; /* see check.h */

    /* One change of a lookup count, to be made exactly once. */
    struct {
        _Atomic uint32_t valid;
        uint32_t progress;
        uint32_t node;
        uint64_t count;
        uint64_t value;
    } pending;

    uint64_t forgotten;  /* entries of a FORGET request that are done */
    uint64_t references; /* nodes that the reply refers to, in node[] */
    uint64_t earlier;    /* of these, taken by attempts that died */
    uint64_t drop_from, drop_to;
    uint32_t node[SLOT_REFERENCES];
    uint8_t body[SLOT_BODY_BYTES];
} __attribute__((aligned(4096)));

/* An fsync that waits for the target, see remote.h. */
enum wait_state {
    WAIT_FREE,
    WAIT_TAKEN, /* being filled in */
    WAIT_WAITING,
};
#define SHARED_WAITS 4096U

struct shared_wait {
    _Atomic uint32_t state;
    uint32_t root;
    uint32_t journal; /* of shared.journal: in another one it waits for nothing */
    uint64_t unique;
    uint64_t lsn; /* the journal's head when it arrived */
    int64_t deadline_ns;
    uint32_t node, generation;
};

enum shared_mode {
    MODE_JOURNAL, /* every change is journalled */
    MODE_PASS,    /* changes pass through; a mirror is needed */
};

/* A journal that follows one that has ended, see renew.h. */
enum renew_phase {
    RENEW_NONE,
    RENEW_FLIP,     /* epoch and arena are being made those of `next` */
    RENEW_SETTLING, /* it runs; what began before it is not all done */
};

struct shared_renew {
    _Atomic uint32_t phase;
    _Atomic uint32_t wanted;            /* somebody waits for a journal */
    _Atomic uint32_t short_lived;       /* journals in a row that ended soon */
    _Atomic int64_t began_ns, ended_ns; /* of the journal; 0: its end was not seen yet */
    struct dpl_epoch next;
};

/* One mount. */
struct shared_root {
    int32_t device_fd;
    int32_t dir_fd;    /* the lower directory */
    int32_t sync_fd;   /* of the same file system, for syncfs of a takeover alone */
    int32_t synced_fd; /* likewise, for the synced position alone */
    uint64_t device;
    uint64_t connection; /* device number of the mount: its name in fusectl */
    uint32_t minor;      /* of the protocol that was agreed on, 0 before */
    uint64_t flags;      /* of FUSE_INIT that were agreed on */
    _Atomic uint32_t ended;
    uint32_t unmounted;
    int32_t
        watch_fd; /* sees who changes this file system; -1: an earlier root's does, or nothing */
};

/* The watch for changes past the mounts, see watch.h. Events are read into the buffer here and
 * stay until they are dealt with, so that a worker that dies with them loses none. */
#define SHARED_WATCH_BYTES 65536U
#define SHARED_PIDS        (4U << 20) /* the kernel's own bound of process ids */
#define SHARED_MAPPED      16U

struct shared_watch {
    uint64_t own[SHARED_PIDS / 64]; /* a bit for each process id of ours that events may name */
    uint32_t root;                  /* what was read is of this root's file system */
    uint32_t mapped_count;          /* above SHARED_MAPPED: more than there is room for */
    struct {
        int32_t type;
        uint32_t bytes;
        uint8_t handle[SHARED_HANDLE_BYTES];
    } mapped[SHARED_MAPPED]; /* what somebody had mapped for writing before the mount */
    uint8_t buffer[SHARED_WATCH_BYTES] __attribute__((aligned(8))); /* zeros: nothing was read */
};

/* What the kernel is to be told, see teller.h. */
enum shared_tell_kind {
    TELL_INODE, /* forget data and attributes of node */
    TELL_ENTRY, /* forget this name in the directory node */
    TELL_NAMES, /* forget all names */
};
#define SHARED_TELLS 512U

struct shared_tell {
    uint32_t root;
    uint32_t kind;
    uint64_t node; /* as the kernel calls it */
    char name[256];
};

struct shared_teller {
    _Atomic uint32_t head; /* written by the worker; a futex */
    _Atomic uint32_t tail; /* by the teller */
    _Atomic uint32_t lost; /* there was no room: the kernel is to be told everything */
    struct shared_tell ring[SHARED_TELLS];
};

struct shared_counters {
    _Atomic uint64_t requests;
    _Atomic uint64_t takeovers, takeover_ns_last, takeover_ns_max, takeover_ns_sum;
    _Atomic uint64_t found_started, found_done, found_got, found_reading, recognised, half_copied;
    _Atomic uint64_t answered_twice, resent_by_kernel, given_up;
    _Atomic uint64_t orphans, leaked_references, underflows, damaged, bad_nodes, swept_fds,
        unpinned;
    _Atomic uint64_t border_entries, bypasses, keepers_replaced;
    _Atomic uint64_t remote_answered, remote_fallbacks;
    _Atomic uint64_t journal_ends;
};

struct shared {
    uint64_t magic;
    uint32_t layout;
    uint32_t root_count;
    uint64_t mark; /* random: stands at each page's end before a request is read */
    int32_t shared_fd, arena_fd, journal_fd;
    int32_t run_fd, lock_fd; /* the set's runtime directory, and its lock */
    uint64_t arena_bytes;
    int32_t rules_fd;
    uint64_t rules_bytes; /* 0: no rules */
    struct shared_root roots[SHARED_ROOTS];

    struct dpl_epoch epoch;
    _Atomic uint32_t journal; /* moves with the epoch; odd while that is being changed */
    _Atomic uint32_t rooted;  /* the journal's first records are there */
    struct shared_renew renew;

    int32_t keeper;              /* its process id */
    _Atomic uint32_t crash_loop; /* the journal was given up because the worker died too often */
    _Atomic uint32_t mode;       /* of enum shared_mode */
    _Atomic uint32_t incarnation;
    _Atomic uint32_t threads;     /* slots that have a thread */
    _Atomic uint32_t node_top;    /* indexes below it were used at some time */
    _Atomic uint64_t synced_lsn;  /* all before it is on the disk below */
    _Atomic uint32_t sync_failed; /* so it does not move any more in this epoch */
    _Atomic uint32_t sync_busy;   /* an answer of the disk may be lost with the worker */
    int32_t dirty_fd, dirty_dir_fd;
    _Atomic uint32_t dirty_told; /* that the dirty log was given up */
    struct shared_counters count;
    struct shared_watch watch;
    struct shared_teller teller;
    struct shared_wait waits[SHARED_WAITS];
    struct dpl_dirty_shared dirty;
    uint32_t buffer_used[SHARED_BUFFERS]; /* bytes of it that were used since its marks were set */
    struct slot slots[SHARED_SLOTS];
    struct node nodes[]; /* SHARED_NODES of them */
};

/* What a process has mapped. */
struct memory {
    struct shared *shared;
    void *arena;
    struct dpl_remote_page *remote; /* what the link says */
    struct dpl_capstat_page *page;  /* a file that monitors read: never a source of anything */
};

/* Makes the memory (arena_bytes of zeros for the journal's arena among it), or maps what an earlier
 * binary made: its descriptors are inherited, shared_fd is that of the first. */
int memory_create(struct memory *memory, size_t arena_bytes, struct dpl_err *err);
int memory_adopt(struct memory *memory, int shared_fd, struct dpl_err *err);
void memory_unmap(struct memory *memory);
/* Zeroed memory of this process alone, which costs what is used of it. NULL with errno set. */
void *memory_private(size_t bytes);

#endif
