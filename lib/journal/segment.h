/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Segment files: the journal on disk, as doppel-journal(5) says.
 *
 * A directory holds the segments of one set, EPOCH-FIRSTLSN.seg. They are preallocated, so a write
 * into one needs no space, nor does the sector of its header that says *mirror needed*. The writer
 * is one thread; another process may read (reader.h) and trim at the same time. struct dpl_segments
 * is plain memory of the caller; it owns one descriptor (the current segment) and borrows the
 * directory's. It works on through a successor: append writes given bytes at a given position, so
 * doing it again does no harm.
 *
 * Failure: any error of append, of making the next segment (bounds included) or of a sync is final
 * for this journal. The caller ends it and calls dpl_segments_flag, which needs no space. If even
 * that fails, it says so by its return: then nobody who reads the disk can know, and the caller
 * must tell.
 */
#ifndef DPL_JOURNAL_SEGMENT_H
#define DPL_JOURNAL_SEGMENT_H

#include "lib/base/err.h"
#include "lib/journal/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum {
    DPL_SEGMENT_HEADER = 4096,
    DPL_SEGMENT_NAME = 48,             /* room for a file name */
    DPL_SEGMENT_MIN = 4 * 1024 * 1024, /* smallest segment_bytes: two records of the largest kind */
    DPL_SET_NAME_MAX = 255,
};

/* An ownership: its epoch is made durable elsewhere before its first record. */
struct dpl_epoch {
    uint64_t number;
    uint8_t id[16];        /* random; never all zero */
    uint8_t parent_id[16]; /* all zero if there was none */
    uint8_t fs_uuid[16];   /* of the source's file system */
    char set[DPL_SET_NAME_MAX + 1];
};
/* What record headers carry of it, and what the first record's chain says. */
uint64_t dpl_epoch_tag(const struct dpl_epoch *epoch);
uint32_t dpl_epoch_chain(const struct dpl_epoch *epoch);

enum dpl_segment_flag {
    DPL_SEGMENT_CLOSED = 1,        /* a later one follows, from end_lsn */
    DPL_SEGMENT_MIRROR_NEEDED = 2, /* the journal ended at end_lsn and ops after it are not in it */
    DPL_SEGMENT_ENDED = 4,         /* the epoch ended cleanly at end_lsn */
};

/* What a header says. */
struct dpl_segment_head {
    struct dpl_epoch epoch;
    uint64_t first_lsn;
    uint64_t bytes; /* of records that it has room for */
    uint64_t time_ns;
    uint32_t chain; /* what the first record's chain must be */
    /* of the state, which is rewritten in place */
    uint32_t flags;
    uint32_t reason; /* of enum dpl_journal_end */
    uint64_t end_lsn;
    uint64_t state_count;
    bool state_broken; /* one of the two sectors is not valid: what the other says may be old */
};
/* Both work on DPL_SEGMENT_HEADER bytes. */
int dpl_segment_head_encode(const struct dpl_segment_head *head, uint8_t *bytes,
                            struct dpl_err *err);
int dpl_segment_head_decode(struct dpl_segment_head *head, const uint8_t *bytes,
                            struct dpl_err *err);

struct dpl_segment_limits {
    uint64_t segment_bytes;  /* records per segment; at least DPL_SEGMENT_MIN */
    uint64_t max_bytes;      /* all segments of the directory together */
    uint64_t min_free_bytes; /* left free on the file system */
};

/* segment_bytes for a bound: 64 MiB, or less where several segments would not fit into it. */
static inline uint64_t dpl_segment_bytes_within(uint64_t max_bytes)
{
    const uint64_t mib = 1 << 20, most = 64 * mib;
    uint64_t bytes = max_bytes / 8 / mib * mib;
    return bytes > most ? most : bytes < DPL_SEGMENT_MIN ? DPL_SEGMENT_MIN : bytes;
}

/* The system calls that can fail, so that a test can make them. dpl_segment_io_system is the host.
 */
struct dpl_segment_io {
    ssize_t (*pwritev)(void *self, int fd, const struct iovec *iov, int count, off_t at);
    int (*datasync)(void *self, int fd);
    int (*allocate)(void *self, int fd, off_t bytes);
    int (*truncate)(void *self, int fd, off_t bytes);
    int (*free_bytes)(void *self, int dir_fd, uint64_t *bytes);
    int (*sync_all)(void *self, int dir_fd); /* the whole file system; of who applies a journal */
    void *self;
};
extern const struct dpl_segment_io dpl_segment_io_system;

struct dpl_segments {
    int dir_fd; /* borrowed */
    int fd;     /* the current segment, owned; -1 if none */
    const struct dpl_segment_io *io;
    struct dpl_segment_limits limits;
    struct dpl_segment_head head; /* of the current segment */
};

/* Makes the first segment of a new epoch, durable when it returns 0: before the mount, in the
 * process that may fail. EXISTS if this epoch has one. */
int dpl_segments_create(int dir_fd, const struct dpl_epoch *epoch,
                        const struct dpl_segment_limits *limits, const struct dpl_segment_io *io,
                        struct dpl_err *err);
/* The same for an epoch of which what lies below lsn is not wanted: the first record that comes has
 * this LSN and carries this chain. */
int dpl_segments_create_at(int dir_fd, const struct dpl_epoch *epoch, uint64_t lsn, uint32_t chain,
                           const struct dpl_segment_limits *limits, const struct dpl_segment_io *io,
                           struct dpl_err *err);
/* Opens the newest segment of that epoch at or below lsn for appending. dir_fd and io must outlive
 * it. Finishes what a writer that died had begun (a segment half made, one not yet closed). */
int dpl_segments_open(struct dpl_segments *segments, int dir_fd, const struct dpl_epoch *epoch,
                      const struct dpl_segment_limits *limits, const struct dpl_segment_io *io,
                      uint64_t lsn, struct dpl_err *err);
void dpl_segments_close(struct dpl_segments *segments);

/* How many bytes the current segment still takes at lsn; a record is never divided between two. */
uint64_t dpl_segments_room(const struct dpl_segments *segments, uint64_t lsn);
/* Writes whole records at lsn. The iovec is used up. */
int dpl_segments_append(struct dpl_segments *segments, uint64_t lsn, struct iovec *iov, int count,
                        struct dpl_err *err);
/* Makes the next segment, durable, from lsn on, and closes the current one without waiting for its
 * data. NO_SPACE with the reason set when the bounds forbid it. */
int dpl_segments_rotate(struct dpl_segments *segments, uint64_t lsn, uint32_t chain,
                        enum dpl_journal_end *reason, struct dpl_err *err);
/* Writes the state of the current segment in place and syncs it. */
int dpl_segments_flag(struct dpl_segments *segments, uint32_t flags, enum dpl_journal_end reason,
                      uint64_t end_lsn, struct dpl_err *err);
/* Data written before is on the disk when it returns 0. */
int dpl_segments_sync(struct dpl_segments *segments, struct dpl_err *err);

/* A directory's segments in order of (epoch, first LSN). The caller frees the list. */
struct dpl_segment_entry {
    uint64_t epoch, first_lsn;
    uint64_t file_bytes;
    char name[DPL_SEGMENT_NAME];
};
ssize_t dpl_segments_list(int dir_fd, struct dpl_segment_entry **list_r, struct dpl_err *err);
/* Removes segments of that epoch of which every record is below lsn, but never the newest. Returns
 * how many. */
ssize_t dpl_segments_trim(int dir_fd, uint64_t epoch, uint64_t lsn, struct dpl_err *err);
/* Removes all of an epoch: its journal has been given up. Returns how many. */
ssize_t dpl_segments_remove(int dir_fd, uint64_t epoch, struct dpl_err *err);

#endif
