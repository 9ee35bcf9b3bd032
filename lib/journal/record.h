/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One record of the journal: its meaning as a struct, and as the bytes of doppel-journal(5).
 *
 * A record says what is true after an op, not what was asked for. struct dpl_record borrows all
 * that it points at: the encoder reads from the caller's memory, the decoder answers views into the
 * bytes that it was given. Nothing here allocates, logs or keeps state, so it may run in the
 * capture's worker. Encode and decode fail with TOO_LARGE (a bound of the format), CORRUPT (the
 * bytes say something impossible) or UNSUPPORTED (a record type or a field that this version must
 * know and does not); decode(encode(x)) is x, and encode(decode(b)) is b unless b held optional
 * fields of a later version.
 */
#ifndef DPL_JOURNAL_RECORD_H
#define DPL_JOURNAL_RECORD_H

#include "lib/base/err.h"
#include "lib/wire/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stat;

enum {
    DPL_RECORD_HEADER = 64,           /* bytes in front of every body */
    DPL_RECORD_ALIGN = 8,             /* LSNs and sizes are multiples of it */
    DPL_RECORD_MAX = 2 * 1024 * 1024, /* header, body and padding of one record */
    DPL_RECORD_DATA_MAX = 1024 * 1024,
    DPL_OID_MAX = 140, /* 12 bytes of ours and a file handle of up to 128 */
    DPL_NAME_MAX = 255,
    DPL_TARGET_MAX = 4095,
    DPL_XATTR_VALUE_MAX = 65536,
    DPL_XATTRS_MAX = 256 * 1024, /* all extended attributes of one object in one record */
};

/* Bits of struct dpl_record.has, one per field. */
enum dpl_field_index {
#define DPL_FIELD(name, member, kind, tag, text) DPL_FIELD_##name,
#include "lib/journal/record.tbl.h"
#undef DPL_FIELD
    DPL_FIELD_COUNT
};
#define DPL_FIELD_BIT(index) (1U << (index))
enum dpl_field_bit {
#define DPL_FIELD(name, member, kind, tag, text)                                                   \
    DPL_F_##name = (int)DPL_FIELD_BIT(DPL_FIELD_##name),
#include "lib/journal/record.tbl.h"
#undef DPL_FIELD
    DPL_F_ALL = (int)(DPL_FIELD_BIT(DPL_FIELD_COUNT) - 1),
};

enum dpl_record_type {
#define DPL_RECORD(name, number, text, required, optional) DPL_R_##name = (number),
#include "lib/journal/record.tbl.h"
#undef DPL_RECORD
};

/* What became of the op whose position was reserved. */
enum dpl_outcome {
    DPL_OUTCOME_OPEN = 0, /* not known when the record was written: a later OUTCOME says it */
    DPL_OUTCOME_OK = 1,   /* it happened; the fields say what is true now */
    DPL_OUTCOME_VOID = 2, /* it did not happen and changed nothing; no fields */
    DPL_OUTCOME_UNKNOWN =
        3, /* it failed and may have changed something: do not apply, ask for every
              object that the fields name (their state, not a repeat of the op) */
};

/* FLAGS. A reader refuses bits that it does not know. */
enum dpl_record_flags {
    DPL_RF_EXCHANGE = 1, /* RENAME: the two names changed places; object2 went to (parent, name) */
    DPL_RF_WHITEOUT =
        2, /* RENAME: the node `whiteout` (character device 0:0) stands at (parent, name) */
    DPL_RF_CAPS_DROPPED = 4, /* the kernel removed security.capability (write, truncate, chown) */
    DPL_RF_ACL_DROPPED =
        8, /* SETXATTR of a minimal access ACL: the mode holds it, the xattr is gone */
    DPL_RF_XATTRS_WHOLE = 16, /* SETATTR: xattrs are all that the object has */
};

/* NUMBER of a MIRROR record: why the target's copy cannot be trusted. */
enum dpl_mirror_reason {
    DPL_MIRROR_BYPASS = 1,  /* somebody wrote below the mount */
    DPL_MIRROR_FAILED = 2,  /* a failed op changed what could not be read back */
    DPL_MIRROR_ENTERED = 3, /* it entered the set and its state is not in the journal */
    DPL_MIRROR_BORDER = 4,  /* hard links across the set's border, in doubt */
};

/* NUMBER of a BARRIER record. */
enum dpl_barrier_kind {
    DPL_BARRIER_CHECKPOINT = 1, /* the target makes all before it durable before it goes on */
    DPL_BARRIER_MARK = 2,       /* a candidate of the mark was chosen here */
    DPL_BARRIER_SYNCED = 3,     /* all before `synced` is on the source's own disk */
    DPL_BARRIER_ALL_DIRTY = 4,  /* the dirty log tells no more: a new owner compares everything */
};

/* An object's id: made on the source, compared as bytes, a key and never a handle to open
 * elsewhere. */
struct dpl_oid {
    uint8_t size;
    uint8_t bytes[DPL_OID_MAX];
};

/* Seconds may be negative; nsec is below 10^9. */
struct dpl_time {
    int64_t sec;
    uint32_t nsec;
};

enum dpl_attr_bit {
    DPL_A_MODE = 1 << 0, /* with the file type */
    DPL_A_UID = 1 << 1,
    DPL_A_GID = 1 << 2,
    DPL_A_NLINK = 1 << 3,
    DPL_A_SIZE = 1 << 4,
    DPL_A_ATIME = 1 << 5,
    DPL_A_MTIME = 1 << 6,
    DPL_A_CTIME = 1 << 7,  /* cannot be set at a target: for comparing with the source */
    DPL_A_BTIME = 1 << 8,  /* likewise */
    DPL_A_IFLAGS = 1 << 9, /* FS_IOC_GETFLAGS */
    DPL_A_ALL = (1 << 10) - 1,
};

/* What is true of an object after the op; only members whose bit is in `has` are. */
struct dpl_attr {
    uint32_t has;
    uint32_t mode, uid, gid, nlink, iflags;
    uint64_t size;
    struct dpl_time atime, mtime, ctime, btime;
};

/* Fields whose bit is in `has` are there. See doppel-journal(5) for what each type means. */
struct dpl_record {
    /* of the header */
    uint64_t lsn;
    uint64_t time_ns; /* wall clock at reservation: for lag, never for order */
    uint16_t type;    /* of enum dpl_record_type */
    uint8_t outcome;  /* of enum dpl_outcome */
    /* of the body */
    uint32_t has;
    uint32_t of_type, flags, mode, number;
    uint64_t of_lsn, rdev, offset, length, offset2, synced;
    struct dpl_view object, object2, parent, parent2, whiteout; /* encoded oids */
    struct dpl_view name, name2, target, path, xattr, value;
    struct dpl_view xattrs; /* see dpl_xattrs_next */
    struct dpl_view data;
    struct dpl_attr attr, attr2, parent_attr, parent2_attr, whiteout_attr;
};

/* Builds an id of what name_to_handle_at(2) gave and the inode's generation (0 where unknown: the
 * handle of ext4, XFS and btrfs holds it too). TOO_LARGE above 128 bytes. */
int dpl_oid_make(struct dpl_oid *oid, int handle_type, uint64_t generation, const void *handle,
                 size_t handle_bytes, struct dpl_err *err);
static inline struct dpl_view dpl_oid_view(const struct dpl_oid *oid)
{
    return (struct dpl_view){.data = oid->bytes, .size = oid->size};
}
bool dpl_view_equal(struct dpl_view a, struct dpl_view b);

/* Attributes of a struct stat: all but BTIME and IFLAGS. */
void dpl_attr_from_stat(struct dpl_attr *attr, const struct stat *st);

/* Lists of extended attributes, as in ENTER and CREATE: appended one by one into memory of the
 * caller (returns the new size of the list, or TOO_LARGE); read by a cursor. */
ssize_t dpl_xattrs_append(void *list, size_t used, size_t room, const char *name, const void *value,
                          size_t value_bytes);
/* Takes the next off *list. 1: there was one; 0: the end; CORRUPT. The name is without its zero. */
int dpl_xattrs_next(struct dpl_view *list, struct dpl_view *name, struct dpl_view *value);

/* The exact size of the body that encode would write. For a reservation: fill the record with what
 * is known, set attr.has to all bits that may come, and names and data to their largest: the answer
 * is an upper bound of what the finished record needs. */
size_t dpl_record_body_bytes(const struct dpl_record *record);
/* The same without the bytes of DATA (its tag and length are counted). */
size_t dpl_record_head_bytes(const struct dpl_record *record);

/* Encodes the body. encode writes all of it; encode_head all but the bytes of DATA, which the
 * caller puts directly behind (they may lie elsewhere, see arena.h). Return the size, or a negative
 * code. A record that lacks a required field or has a forbidden one is refused (PARAM). */
ssize_t dpl_record_encode(const struct dpl_record *record, void *body, size_t room,
                          struct dpl_err *err);
ssize_t dpl_record_encode_head(const struct dpl_record *record, void *body, size_t room,
                               struct dpl_err *err);

/* Decodes a body whose header said this type and outcome; sets them, and leaves lsn and time_ns as
 * they are. An OPEN or VOID record has no body. */
int dpl_record_decode(struct dpl_record *record, unsigned type, unsigned outcome, const void *body,
                      size_t size, struct dpl_err *err);

/* An OUTCOME record as the record that it completes: type and lsn of that one, its fields and its
 * outcome. */
void dpl_record_resolve(struct dpl_record *record);

/* Names for people, of the tables; NULL if there is none. */
const char *dpl_record_type_text(unsigned type);
const char *dpl_field_text(enum dpl_field_index index);
const char *dpl_outcome_text(unsigned outcome);
/* The fields that a record of this type must and may have; false if there is no such type. */
bool dpl_record_fields(unsigned type, uint32_t *required, uint32_t *optional);

/* The header in front of a body. */
struct dpl_record_header {
    uint32_t size;       /* header, body and padding */
    uint32_t body_bytes; /* without padding */
    uint64_t lsn;
    uint64_t epoch_tag; /* the first 8 bytes of the epoch's random id */
    uint64_t time_ns;
    uint32_t chain;    /* header CRC of the record before it, or the epoch's own for the first */
    uint32_t body_crc; /* of the body; the padding behind it is zero */
    uint16_t type;
    uint8_t outcome;
    uint32_t crc; /* of the other bytes of this header: what the next record's chain must say */
};

/* Writes DPL_RECORD_HEADER bytes and sets header->crc. */
void dpl_record_header_encode(struct dpl_record_header *header, uint8_t *bytes);
/* Checks magic, CRC, bounds and reserved bytes. CORRUPT if anything is not as written. */
int dpl_record_header_decode(struct dpl_record_header *header, const uint8_t *bytes);

static inline uint64_t dpl_record_align(uint64_t size)
{
    return (size + DPL_RECORD_ALIGN - 1) & ~(uint64_t)(DPL_RECORD_ALIGN - 1);
}

#endif
