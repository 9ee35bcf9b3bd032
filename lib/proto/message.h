/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The messages between two sites: their meaning as a struct, and as the bytes of
 * doppel-protocol(5).
 *
 * struct dpl_message borrows all that it points at: encode reads from the caller's memory, decode
 * answers views into the bytes that it was given. Nothing here allocates or keeps state. What a
 * peer says is bounded before it is believed: TRUNCATED, TOO_LARGE, CORRUPT (a value out of its
 * bounds, a field missing or not of this message) or UNSUPPORTED (a message or a field that this
 * version must know and does not). encode refuses (PARAM) what decode would. decode(encode(x)) is
 * x; encode(decode(b)) is b unless b held optional fields of a later version.
 */
#ifndef DPL_PROTO_MESSAGE_H
#define DPL_PROTO_MESSAGE_H

#include "lib/base/err.h"
#include "lib/wire/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    DPL_PROTO_VERSION_MIN = 1,
    DPL_PROTO_VERSION_MAX = 1,
    DPL_MESSAGE_HEAD_MAX = 8192,       /* frame head and all fields of a message but its DATA */
    DPL_RECORDS_MAX = 3 * 1024 * 1024, /* bytes of records in one RECORDS */
    DPL_RECORDS_WANT = 1024 * 1024,    /* where a sender begins the next message */
    DPL_MIRROR_BYTES_MAX = 1024 * 1024,
    DPL_TALK_BYTES_MAX = 64 * 1024, /* the document of an ASK or an ANSWER */
};

enum dpl_feature {
    DPL_FEATURE_LZ4 = 1,
    DPL_FEATURE_ZSTD = 2,
    DPL_FEATURE_MIRROR = 4,
    DPL_FEATURE_FILES = 8, /* many objects in one message of a mirror; the flag EMPTY */
    DPL_FEATURE_TALK = 16, /* the direction DPL_I_TALK */
    DPL_FEATURE_ROOM = 32, /* the field room of an ack */
    DPL_FEATURE_ALL = 63,
};

/* Bits of struct dpl_message.has, one per field. */
enum dpl_mfield_index {
#define DPL_MFIELD(name, member, kind, tag, min, max, text) DPL_MFIELD_##name,
#include "lib/proto/message.tbl.h"
#undef DPL_MFIELD
    DPL_MFIELD_COUNT
};
#define DPL_MFIELD_BIT(index) ((uint64_t)1 << (index))
#define DPL_M(name)           DPL_MFIELD_BIT(DPL_MFIELD_##name)

enum dpl_message_type {
#define DPL_MESSAGE(name, number, text, from, compressed, payload, flags, required, optional)      \
    DPL_MSG_##name = (number),
#include "lib/proto/message.tbl.h"
#undef DPL_MESSAGE
    DPL_MSG_END = 42, /* above all of them */
};

enum dpl_refusal {
#define DPL_REFUSAL(name, number, again, text) DPL_REFUSE_##name = (number),
#include "lib/proto/message.tbl.h"
#undef DPL_REFUSAL
};

/* Who sends: a message is refused from anybody else. */
enum dpl_from {
    DPL_FROM_CONNECTOR = 1,
    DPL_FROM_ACCEPTOR = 2,
    DPL_FROM_SOURCE = 4,
    DPL_FROM_TARGET = 8,
    DPL_FROM_BOTH = 12, /* of a session */
    DPL_FROM_ANY = 15,
};

enum dpl_direction { DPL_I_SEND = 1, DPL_I_RECEIVE = 2, DPL_I_TALK = 3 };

/* FLAGS of TARGET_STATE and ACK. */
enum dpl_state_flag {
    DPL_STATE_CONSISTENT = 1,   /* the replica equals a state of the source */
    DPL_STATE_NEEDS_MIRROR = 2, /* the reason says why */
    DPL_STATE_PAUSED = 4,       /* records are queued, not applied */
    DPL_STATE_MIRROR = 8,       /* a mirror is open */
    DPL_STATE_FULL = 16,        /* send no more RECORDS until this is gone */
    DPL_STATE_EMPTY = 32,       /* nothing stands beneath the roots yet */
    DPL_STATE_ALL = 63,
};
/* FLAGS of EPOCH. */
enum dpl_epoch_flag {
    DPL_EPOCH_EQUAL = 1, /* a person said that the replica equals the source at this position */
    DPL_EPOCH_ALL = 1,
};
/* FLAGS of ENDED. */
enum dpl_ended_flag { DPL_ENDED_MIRROR_NEEDED = 1, DPL_ENDED_ALL = 1 };
enum dpl_command { DPL_COMMAND_PAUSE = 1, DPL_COMMAND_RESUME = 2, DPL_COMMAND_CLOSE = 3 };
enum dpl_answer { DPL_ANSWER_ACCEPTED = 1, DPL_ANSWER_COMPARE = 2 };

/* REASON of TARGET_STATE and EPOCH_ANSWER: why everything must be compared. */
enum dpl_compare {
    DPL_COMPARE_NEW = 1,        /* the replica is new */
    DPL_COMPARE_EPOCH = 2,      /* the epoch is no child of the last one that it knows */
    DPL_COMPARE_UNENDED = 3,    /* it does not hold the last one to its end */
    DPL_COMPARE_GAP = 4,        /* the position offered is not the one that it has */
    DPL_COMPARE_CHAIN = 5,      /* the digests differ at one position */
    DPL_COMPARE_ENDED = 6,      /* the source's journal ended before the changes did */
    DPL_COMPARE_TOUCHED = 7,    /* the replica was changed by somebody else */
    DPL_COMPARE_UNFINISHED = 8, /* a mirror began and did not end */
    DPL_COMPARE_ASKED = 9,      /* objects were asked for and have not come */
    DPL_COMPARE_LOST = 10,      /* the queue is damaged, or cannot be read */
    DPL_COMPARE_OLDER = 11,     /* another epoch has followed this one since */
    DPL_COMPARE_DISK = 12,      /* it is of another file system than the last one */
};
/* REASON of WANT. */
enum dpl_want {
    DPL_WANT_UNKNOWN = 1,   /* a record names an object that is not here */
    DPL_WANT_OUTCOME = 2,   /* the outcome of an op is unknown */
    DPL_WANT_MIRROR = 3,    /* a mirror record named it */
    DPL_WANT_DIFFERENT = 4, /* the replica's object is not what was written there */
};
/* REASON of MIRROR_STOP. */
enum dpl_mirror_stop {
    DPL_MIRROR_STOP_OPERATOR = 1,
    DPL_MIRROR_STOP_GUARD = 2, /* a root was empty, or too much would be deleted */
    DPL_MIRROR_STOP_IO = 3,
    DPL_MIRROR_STOP_SPACE = 4,
    DPL_MIRROR_STOP_BROKEN = 5, /* what the other side said makes no sense */
};

enum dpl_mirror_kind { DPL_MIRROR_FULL = 1, DPL_MIRROR_DIFFERENCE = 2, DPL_MIRROR_CHECKSUM = 3 };
enum dpl_orphans {
    DPL_ORPHANS_KEEP = 1,
    DPL_ORPHANS_DELETE = 2,
    DPL_ORPHANS_MOVE = 3,
    DPL_ORPHANS_LIST = 4,
};
enum dpl_mirror_begin_flag {
    DPL_MIRROR_TEST = 1,     /* nothing is changed, all is counted */
    DPL_MIRROR_ANY_LOSS = 2, /* a person said that as many orphans may go as there are */
    DPL_MIRROR_BEGIN_ALL = 3,
};
enum dpl_mirror_more_flag { DPL_MIRROR_MORE = 1, DPL_MIRROR_MORE_ALL = 1 };
enum dpl_mirror_data_flag {
    DPL_MIRROR_HOLE = 1, /* length bytes of hole, no data */
    DPL_MIRROR_LAST = 2, /* nothing more of this object's content */
    DPL_MIRROR_DATA_ALL = 3,
};
/* LEVEL of MIRROR_NEED: what the ranges are wanted as. */
enum dpl_mirror_level {
    DPL_MIRROR_NEED_DATA = 1,
    DPL_MIRROR_NEED_SUMS = 2, /* sums of 4 KiB */
    DPL_MIRROR_NEED_ITEM = 3, /* no ranges: the object's state */
};

/* A promise of a heartbeat: no sync returns before the target has it. */
#define DPL_PROMISE_ALWAYS UINT32_MAX

/* Fields whose bit is in `has` are there. */
struct dpl_message {
    uint16_t type; /* of enum dpl_message_type */
    uint64_t has;
    uint32_t version_min, version_max, version, direction, code, chain, flags, reason, command;
    uint32_t answer, kind, orphans, block, level, root, promise;
    uint64_t features, generation, time_ns, epoch, epoch_tag, lsn, received, durable, applied;
    uint64_t checkpoint, head, synced, queue_bytes, window, mirror, offset, length;
    uint64_t objects, bytes, created, changed, found, removed, unsettled, room;
    struct dpl_view product, site, node, set, text, epoch_id, parent_id, fs_uuid, replica, object;
    struct dpl_view cursor, data;
};

/* Encodes a whole frame, head included, never compressed. Returns its size, TOO_LARGE or PARAM. */
ssize_t dpl_message_encode(const struct dpl_message *message, void *frame, size_t room,
                           struct dpl_err *err);
/* The same without the bytes of DATA (their length is counted in the frame's): the caller sends
 * them directly behind. At most DPL_MESSAGE_HEAD_MAX. */
ssize_t dpl_message_encode_head(const struct dpl_message *message, void *frame, size_t room,
                                struct dpl_err *err);
/* The exact size of what encode would write. */
size_t dpl_message_frame_bytes(const struct dpl_message *message);

/* Decodes the body of a frame of this type. */
int dpl_message_decode(struct dpl_message *message, unsigned type, const void *body, size_t size,
                       struct dpl_err *err);

/* Names of the tables; NULL if there is none. */
const char *dpl_message_text(unsigned type);
const char *dpl_mfield_text(enum dpl_mfield_index index);
const char *dpl_refusal_text(unsigned code);
/* Whether it makes sense to try again by itself. A code of a later version: yes. */
bool dpl_refusal_again(unsigned code);
/* Whether these (bits of enum dpl_from) may send it; false if there is no such message. */
bool dpl_message_from(unsigned type, unsigned from);
/* Whether its frame may be compressed. */
bool dpl_message_compressible(unsigned type);
/* What it must and may have; false if there is no such message. */
bool dpl_message_fields(unsigned type, uint64_t *required, uint64_t *optional);

/* The text of a message as a view, and back: cut to the room, always terminated. */
struct dpl_view dpl_view_text(const char *text);
void dpl_view_copy_text(struct dpl_view view, char *text, size_t room);

/* Lists in DATA, read by a cursor that is taken forward. 1: there was one; 0: the end; CORRUPT.
 * decode has looked at all of them. */
struct dpl_mirror_entry {
    struct dpl_view name, object;
    uint32_t mode; /* the file type alone */
};
int dpl_mirror_entries_next(struct dpl_view *list, struct dpl_mirror_entry *entry);
int dpl_mirror_ranges_next(struct dpl_view *list, uint64_t *offset, uint64_t *length);
int dpl_mirror_paths_next(struct dpl_view *list, struct dpl_view *path);
/* What the letter stands for that a test puts before each path of its result. */
const char *dpl_mirror_found_text(char letter);
struct dpl_mirror_file {
    struct dpl_view item;    /* the body of an ENTER record */
    struct dpl_view content; /* from the object's begin on; of no bytes: as a MIRROR_ITEM */
};
int dpl_mirror_files_next(struct dpl_view *list, struct dpl_mirror_file *file);
/* Append to memory of the caller: the new size of the list, or TOO_LARGE. */
ssize_t dpl_mirror_entries_append(void *list, size_t used, size_t room,
                                  const struct dpl_mirror_entry *entry);
ssize_t dpl_mirror_ranges_append(void *list, size_t used, size_t room, uint64_t offset,
                                 uint64_t length);
ssize_t dpl_mirror_paths_append(void *list, size_t used, size_t room, struct dpl_view path);
ssize_t dpl_mirror_files_append(void *list, size_t used, size_t room,
                                const struct dpl_mirror_file *file);

#endif
