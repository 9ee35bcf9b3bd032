/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A request of the kernel, checked: a view into the buffer that it was read into.
 *
 * After request_parse() returned 0, every pointer of the view lies within the buffer, names end
 * with a zero byte and are single components, and the fixed part has its full size. The buffer is
 * borrowed and must outlive the view. Nothing here looks at file systems or shared state.
 */
#ifndef DPL_CAPTURE_REQUEST_H
#define DPL_CAPTURE_REQUEST_H

#include "daemon/capture/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum request_flags {
    REQUEST_MUTATES = 1,   /* changes the lower file system */
    REQUEST_NO_REPLY = 2,  /* the kernel waits for no answer */
    REQUEST_SLOW = 4,      /* may wait for a disk: never on the thread that reads the device */
    REQUEST_ANY_NODE = 8,  /* its node is not looked up */
    REQUEST_ANY_NAME = 16, /* the name is not a component */
};

/* One row of the table of requests. */
struct request_kind {
    const char *name;
    uint16_t fixed; /* bytes of the fixed part */
    uint8_t names;  /* how many names follow it */
    bool tail;      /* whether other bytes follow these */
    unsigned flags; /* of enum request_flags */
};

#define REQUEST_OPCODES 64

struct request {
    const struct fuse_in_header *in;
    const struct request_kind *kind; /* NULL: an opcode that we do not serve */
    const void *fixed;
    const char *name;  /* the first name, or NULL */
    const char *name2; /* the second (the target of a symbolic link, the new name), or NULL */
    const void *data;  /* what follows, data_size bytes */
    size_t data_size;
    const uint32_t *groups; /* supplementary groups that the kernel sent along */
    uint32_t group_count;
};

/* The row of an opcode, or NULL. */
const struct request_kind *request_kind(uint32_t opcode);

/* Parses size bytes at buffer. setxattr_ext says whether FUSE_SETXATTR_EXT was negotiated. Returns
 * 0 or a negative errno: -ENOSYS for an opcode that is not served, -EINVAL for a request that no
 * kernel sends. view->in is set whenever the buffer holds a whole header, else NULL. */
int request_parse(const void *buffer, size_t size, bool setxattr_ext, struct request *view);

#endif
